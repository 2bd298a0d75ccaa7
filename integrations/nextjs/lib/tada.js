/** TADA, for the server of the shop alone: the token and the key never reach a browser. */

import { sign, Tada, url } from 'tada-media'

const MINUTES_OF_A_DOWNLOAD = 5
const HOURS_OF_A_PICTURE = 2
const UUID = /^[0-9a-f-]{32,36}$/

export const namespace = process.env.TADA_NAMESPACE ?? 'DEV'
export const media = new Tada(process.env.TADA_URL ?? 'http://localhost:3001', {
  token: process.env.TADA_TOKEN || undefined,
})
export const isSigned = Boolean(process.env.URL_SIGNING_KEY)

/** A product is a picture in the folder `shop`: its title is the name, its caption the text, its meta has the price. */
export async function products() {
  const found = await media.search({ folder: `/${namespace}/shop`, type: ['image/jpeg', 'image/png', 'image/webp'] })
  return found.data
}

/** Return a product, or undefined if there is none: what is elsewhere in TADA is none of the shop's business. */
export async function product(uuid) {
  if (!UUID.test(uuid)) return undefined
  try {
    const entry = await media.get(uuid)
    return entry.unique_name.startsWith(`/${namespace}/shop/`) ? entry : undefined
  } catch (error) {
    if (error.status === 404) return undefined
    throw error
  }
}

/** What a page needs to upload one product by itself, for a quarter of an hour. */
export function ticket() {
  return media.ticket({
    namespace,
    destination: 'shop',
    media_types: ['image/jpeg', 'image/png', 'image/webp'],
    may_set: ['title', 'alt', 'caption', 'meta'],
    on_conflict: 'rename',
  })
}

/** The address under which a browser saves the whole picture, signed if the shop has a key. */
export function downloadOf({ base_url, unique_name, original_filename, title }) {
  // The original has the extension that it was uploaded with. Another one leads there, and a signature is for one name.
  const original = unique_name.replace(/\.[^.]+$/, /\.[^.]+$/.exec(original_filename)[0])
  const address = url(base_url, original, { original: true, download: title?.replaceAll(/[/\\]/g, '-') || true })
  return signed(base_url, address, Date.now() / 1000 + MINUTES_OF_A_DOWNLOAD * 60)
}

/** Sign an address of a page: for all visitors in the same way, so that their browsers and caches can keep it. */
export function signedForPage(base, address) {
  const period = HOURS_OF_A_PICTURE * 3600
  return signed(base, address, (Math.floor(Date.now() / 1000 / period) + 2) * period)
}

async function signed(base, address, ends) {
  return isSigned ? sign(base, address, process.env.URL_SIGNING_KEY, ends) : address
}
