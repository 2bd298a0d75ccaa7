/** Signed addresses, with WebCrypto. A key belongs on a server: whoever has it can sign everything. */

import { form } from './address.js'

/**
 * Return an address, in any spelling, with its signature: for ever, or until `expires` (seconds since 1970, or a Date).
 *
 * Throws AddressError for what is no address of an asset below `base`.
 */
export async function sign(base: string, address: string, key: string, expires?: number | Date): Promise<string> {
  const ends = expires === undefined ? '' : `${Math.floor(expires instanceof Date ? +expires / 1000 : expires)}`
  const signature = await hmac(key, `${form(base, address)}\n${ends}`)
  const [path, query = ''] = address.split('#')[0]!.split(/\?(.*)/s)
  const kept = query.split('&').filter((part) => part && !/^(?:signature|expires)(?:=|$)/i.test(part))
  return `${path}?${[...kept, ...(ends ? [`expires=${ends}`] : []), `signature=${signature}`].join('&')}`
}

async function hmac(key: string, text: string): Promise<string> {
  const bytes = new TextEncoder()
  const algorithm = { name: 'HMAC', hash: 'SHA-256' }
  const imported = await crypto.subtle.importKey('raw', bytes.encode(key), algorithm, false, ['sign'])
  const signed = await crypto.subtle.sign('HMAC', imported, bytes.encode(text))
  return [...new Uint8Array(signed)].map((byte) => byte.toString(16).padStart(2, '0')).join('')
}
