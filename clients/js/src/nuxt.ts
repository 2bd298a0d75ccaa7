/** A provider for Nuxt Image 2. */

import type { Wanted } from './address.js'
import { addressOf } from './source.js'

export interface Options {
  /** `base_url` of an entry. */
  baseURL?: string
  modifiers?: object
}

const FITS: Record<string, string> = { cover: 'cover', contain: 'contain', inside: 'contain', fill: 'fill' }
const NAMES = [
  'width',
  'height',
  'quality',
  'format',
  'crop',
  'dpr',
  'max_kb',
  'blur',
  'preset',
  'original',
  'v',
  'download',
]

export function getImage(src: string, { baseURL = '/assets/media', modifiers = {} }: Options): { url: string } {
  const given = modifiers as Record<string, unknown>
  const wanted = Object.fromEntries(NAMES.flatMap((name) => (given[name] ? [[name, given[name]]] : [])))
  const fit = FITS[`${given['fit']}`]
  return { url: addressOf(baseURL, src, { ...wanted, ...(fit && { fit }) } as Wanted) }
}

export default () => ({ getImage })
