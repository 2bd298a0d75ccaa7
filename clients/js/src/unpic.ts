/** What unpic calls a provider: `transform` for its components, `generate` and `extract` as its own providers have. */

import { parse, type Wanted } from './address.js'
import { addressOf, isAsset } from './source.js'

export type Operations = Omit<Wanted, 'width' | 'height' | 'quality'> & {
  width?: number | string | undefined
  height?: number | string | undefined
  quality?: number | string | undefined
}

export interface Options {
  base?: string | undefined
}

const BASE = '/assets/media'

export function generate(src: string | URL, operations: Operations, options: Options = {}): string {
  const { width, height, quality, ...others } = operations
  const numbers = Object.entries({ width, height, quality }).flatMap(([name, value]) => {
    return value === undefined ? [] : [[name, Math.round(Number(value))]]
  })
  return addressOf(options.base ?? BASE, `${src}`, { ...others, ...Object.fromEntries(numbers) })
}

export function extract(url: string | URL, options: Options = {}) {
  const base = options.base ?? BASE
  if (!`${url}`.startsWith(base) || !isAsset(base, `${url}`)) return null
  const { name, wanted } = parse(base, `${url}`)
  return { src: name, operations: wanted as Operations, options: { base } }
}

/** Return the address of a picture in another form; a picture that is none of an asset keeps its address. */
export function transform(src: string | URL, operations: Operations, options: Options = {}): string {
  return isAsset(options.base ?? BASE, `${src}`) ? generate(src, operations, options) : `${src}`
}
