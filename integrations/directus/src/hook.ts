/** Follows the files of Directus, tries again by a schedule, and adds the command `directus tada`. */

import { addCommands } from './commands.js'
import type { Context, Registering } from './directus.js'
import { textOf } from './failures.js'
import { withoutOurs } from './fields.js'
import type { Files } from './files.js'
import { SettingsError } from './settings.js'
import { filesOf } from './shared.js'

const EACH_HOUR = '17 * * * *'

export default function hook({ filter, action, init, schedule }: Registering, context: Context): void {
  const files = filesOf(context)
  const { logger } = context
  init('cli.before', ({ program }) => addCommands(program, files))
  if (files instanceof SettingsError) {
    logger.error(`tada: ${files.message} No file goes to TADA.`)
    return
  }
  /** A failure here must not be one of the request: what is missed is found by the next look. */
  const quietly = async (what: (files: Files) => Promise<unknown>) => {
    try {
      await what(files)
    } catch (error) {
      logger.error(`tada: ${textOf(error)}`)
    }
  }

  filter('files.create', withoutOurs)
  filter('files.update', withoutOurs)
  action('files.upload', ({ key }) => quietly(() => files.changed([key], { bytes: true })))
  action('files.create', ({ key }) => quietly(() => files.changed([key])))
  action('files.update', ({ keys }) => quietly(() => files.changed(keys)))
  action('files.delete', ({ keys, payload }) => quietly(() => files.changed(keys ?? payload)))
  const looked = () =>
    quietly(async () => {
      await files.look()
      await files.work()
    })
  action('folders.update', looked)
  action('folders.delete', looked)
  action('server.start', looked)
  schedule(EACH_HOUR, looked)
  schedule(files.settings.schedule, () => quietly(() => files.work()))
}
