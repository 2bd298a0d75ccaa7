/** Takes the library of this checkout into the package, which so needs nothing else. */

import { cpSync } from 'node:fs'

const place = (path) => new URL(path, import.meta.url)

cpSync(place('../../clients/js/dist'), place('vendor/tada-media'), { recursive: true })
