import { parse, url, type Wanted } from './address.js'

/** What frameworks call a picture: its `unique_name`, or an address of it below `base`, such as its `public_url`. */
export function addressOf(base: string, src: string, wanted: Wanted): string {
  const read = src.startsWith(`${base.replace(/\/+$/, '')}/`) ? parse(base, src) : { name: src, wanted: {} }
  return url(base, read.name, { ...read.wanted, ...wanted })
}

/** Whether a picture is one of an asset; the others of a page are left as they are. */
export function isAsset(base: string, src: string): boolean {
  try {
    addressOf(base, src, {})
    return true
  } catch {
    return false
  }
}
