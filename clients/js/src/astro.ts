/** An image service for Astro: `image: { service: { entrypoint: 'tada-media/astro', config: { base } } }`. */

import type { Fit, Wanted } from './address.js'
import { WIDTHS } from './picture.js'
import { addressOf, isAsset } from './source.js'

export interface Transform {
  src: string | { src: string }
  [option: string]: any
}

interface Config {
  service: { config: Record<string, any> }
}

const OWN = ['quality', 'format', 'crop', 'max_kb', 'blur', 'preset', 'v']
const FITS = ['cover', 'contain', 'fill']
/** Options of `<Image>` that are no attributes of an `<img>`. */
const OPTIONS = new Set([
  ...OWN,
  'src',
  'fit',
  'position',
  'widths',
  'densities',
  'layout',
  'priority',
  'inferSize',
  'background',
])

function getURL({ src, width, height, ...options }: Transform, { service }: Config): string {
  const base = service.config['base']
  if (typeof base !== 'string')
    throw new Error('tada-media/astro needs config.base, such as "https://media.example.com/assets/media".')
  if (typeof src !== 'string') return src.src
  if (!isAsset(base, src)) return src
  const wanted = Object.fromEntries(OWN.flatMap((name) => (options[name] == null ? [] : [[name, options[name]]])))
  const fit = FITS.includes(options['fit']) ? { fit: options['fit'] as Fit } : {}
  const sides = options['preset'] ? {} : { width, height }
  return addressOf(base, src, { ...sides, ...wanted, ...fit } as Wanted)
}

function getSrcSet(options: Transform) {
  const { width, height, densities, widths, ...others } = options
  if (options['preset']) return []
  const at = (wide: number, descriptor: string) => {
    const tall = width && height ? Math.round((wide * height) / width) : undefined
    return { transform: { ...others, width: wide, height: tall }, descriptor, attributes: {} }
  }
  if (widths) return widths.map((wide: number) => at(wide, `${wide}w`))
  if (densities && width)
    return densities.map((density: string | number) =>
      at(Math.round(width * parseFloat(`${density}`)), `${parseFloat(`${density}`)}x`),
    )
  return []
}

function getHTMLAttributes(options: Transform): Record<string, unknown> {
  const kept = Object.entries(options).filter(([name]) => !OPTIONS.has(name))
  return { loading: 'lazy', decoding: 'async', ...Object.fromEntries(kept) }
}

/** Where neither widths nor densities are given and the size is known: what browsers may choose from. */
function validateOptions(options: Transform): Transform {
  const { width, widths, densities, preset } = options
  if (!width || widths || densities || preset) return options
  return {
    ...options,
    widths: [...new Set([...WIDTHS.filter((wide) => wide < 2 * width), width, 2 * width])].sort((a, b) => a - b),
    sizes: options['sizes'] ?? `(min-width: ${width}px) ${width}px, 100vw`,
  }
}

export default { validateOptions, getURL, getSrcSet, getHTMLAttributes }
