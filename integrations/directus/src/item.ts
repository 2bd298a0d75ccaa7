/** What is written into the item of a file, for clients of Directus' API. */

import { picture, sign, withAddresses, type Entry } from 'tada-media'
import type { File } from './decide.js'
import type { Settings } from './settings.js'

export type State = 'waiting' | 'sent' | 'refused' | 'left_out'

/** The fields of directus_files that are ours. */
export interface Item {
  tada_state: State
  tada_error: string | null
  tada_url: string | null
  tada_srcset: string | null
  tada_asset: string | null
}

export const NOT_THERE = { tada_url: null, tada_srcset: null, tada_asset: null }

/** What a page needs to make other addresses of an asset: the names are those of an entry of TADA. */
const SHOWN = [
  'uuid',
  'version',
  'unique_name',
  'base_url',
  'versioned_url',
  'mimetype',
  'alt',
  'blurhash',
  'dominant_color',
] as const
const SCALABLE = /^image\/(?!svg)/

export async function itemOf(file: File, entry: Entry, settings: Settings): Promise<Item> {
  // TADA looks at a picture a moment after the upload; Directus has done so already.
  const [width, height] = [entry.width ?? file.width, entry.height ?? file.height]
  const signed = (address: string) =>
    settings.signingKey ? sign(entry.base_url, address, settings.signingKey) : Promise.resolve(address)
  const widths = settings.widths.length ? settings.widths : undefined
  const drawn = SCALABLE.test(entry.mimetype)
    ? await withAddresses(picture(entry.base_url, { ...entry, width, height }, { widths }), signed)
    : null
  const shown = Object.fromEntries(SHOWN.map((name) => [name, entry[name]]))
  const asset = { ...shown, focus_x: entry['focus_x'], focus_y: entry['focus_y'], width, height }
  return {
    tada_state: 'sent',
    tada_error: null,
    tada_url: await signed(entry.versioned_url),
    tada_srcset: drawn?.img.srcset ?? null,
    tada_asset: JSON.stringify(asset),
  }
}
