'use client'
import { loader } from 'tada-media/next'

/** Asks TADA for every picture in the width that the browser wants. The address is part of the build. */
export default loader(process.env.NEXT_PUBLIC_MEDIA ?? 'http://localhost:8080/assets/media')
