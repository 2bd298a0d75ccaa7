/** Which asset of TADA a file of Strapi is. Pure. */

import { createHash } from 'node:crypto'
import { parse } from '#tada-media'

const ADDRESS = /^(.+?)\/(?:original|full|optimise)\//

/** Return where the addresses of a file begin: `https://media.example.com/assets/media`. */
export const baseOf = (address) => ADDRESS.exec(address)?.[1]

/**
 * Return the uuid of a file's asset, or undefined if it has none of its own: a format is an address of another one.
 *
 * A file that `strapi transfer` or `strapi import` has brought here lacks `provider_metadata`. Its uuid follows from
 * its path.
 */
export function uuidOf(file) {
  const known = file.provider_metadata?.uuid
  if (known) return known
  const base = baseOf(file.url ?? '')
  if (!base) return undefined
  const { name, wanted } = parse(base, file.url)
  return wanted.width || wanted.height ? undefined : createHash('md5').update(name).digest('hex')
}
