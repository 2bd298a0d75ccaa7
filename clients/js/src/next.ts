/** A loader for `next/image`. */

import type { Wanted } from './address.js'
import { addressOf, isAsset } from './source.js'

export interface LoaderProps {
  src: string
  width: number
  quality?: number | undefined
}

/**
 * Return a loader for pictures below `base`. `src` is the `unique_name` of an asset, or one of its addresses; every
 * other picture of the page keeps its address. `more` is asked for of each: `{ format: 'avif' }`.
 */
export function loader(base: string, more: Wanted = {}): (props: LoaderProps) => string {
  return ({ src, width, quality }) =>
    isAsset(base, src) ? addressOf(base, src, { ...more, width, ...(quality && { quality }) }) : src
}
