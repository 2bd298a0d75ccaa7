/** Pictures for pages: `srcset`, `sizes` and `<picture>`, without layout shift and with a placeholder. Pure. */

import { parse, url, type Format, type Wanted } from './address.js'
import { blurhashUrl } from './blurhash.js'

/** An asset: its `unique_name`, or what the service says of it. With an entry, the size and a placeholder are known. */
export type Asset = string | PictureEntry

export interface PictureEntry {
  unique_name: string
  versioned_url?: string | null
  width?: number | null
  height?: number | null
  blurhash?: string | null
  dominant_color?: string | null
  alt?: string | null
}

export interface PictureOptions extends Omit<Wanted, 'dpr' | 'download' | 'original'> {
  /** For people who do not see the picture; `''` if it only decorates. By default that of the entry. */
  alt?: string | undefined
  /** How wide the picture is in the page: the attribute, or `sizes(…)`. */
  sizes?: string | undefined
  /** The widths that browsers choose from, in place of WIDTHS. Name yours if the service has `ALLOWED_SIZES`. */
  widths?: readonly number[] | undefined
  /** One `<source>` for each, before the `<img>`: `['avif']`. Not needed where the service has FORMAT_NEGOTIATION. */
  formats?: readonly Format[] | undefined
  /** What is seen until the picture is there. `none` for pictures with transparent parts. */
  placeholder?: 'blurhash' | 'color' | 'none' | undefined
  /** `eager` for a picture that is seen at once. */
  loading?: 'lazy' | 'eager' | undefined
}

export interface Picture {
  sources: { type: string; srcset: string; sizes: string | undefined }[]
  img: {
    src: string
    srcset: string
    sizes: string | undefined
    width: number | undefined
    height: number | undefined
    alt: string
    loading: 'lazy' | 'eager'
    decoding: 'async'
  }
  /** What is seen behind the picture, as CSS. */
  background: { color: string | undefined; image: string | undefined }
}

export const WIDTHS = [160, 320, 480, 640, 800, 1080, 1440, 1920, 2560, 3840] as const
const DENSITIES = [1, 1.5, 2, 3] as const
/** The largest number of pixels that is offered for one of the layout; eyes hardly see more. */
const DENSITY = 2
/** The largest width that is offered where neither the layout nor the picture says one. */
const UNKNOWN_WIDTH = 1920
const MIDDLE = 1080

/** Return what an `<img>`, or a `<picture>` around it, needs of a picture. */
export function picture(base: string, asset: Asset, options: PictureOptions = {}): Picture {
  const { alt, sizes, widths, formats, placeholder, loading, ...given } = options
  const entry: PictureEntry = typeof asset === 'string' ? { unique_name: asset } : asset
  const wanted = { ...shaped(entry, given), v: given.v ?? versionOf(base, entry) }
  const usual = wanted.width ? `(min-width: ${wanted.width}px) ${wanted.width}px, 100vw` : '100vw'
  const shown = isByDensity(wanted) ? undefined : (sizes ?? usual)
  return {
    sources: (formats ?? []).map((format) => ({
      type: `image/${format === 'jpg' ? 'jpeg' : format}`,
      srcset: srcset(base, entry, { ...wanted, format }, widths),
      sizes: shown,
    })),
    img: {
      src: url(base, entry.unique_name, isByDensity(wanted) ? wanted : { ...wanted, ...middle(entry, wanted, widths) }),
      srcset: srcset(base, entry, wanted, widths),
      sizes: shown,
      ...layout(entry, wanted),
      alt: alt ?? entry.alt ?? '',
      loading: loading ?? 'lazy',
      decoding: 'async',
    },
    background: background(entry, placeholder ?? 'blurhash'),
  }
}

/** Return the candidates of a picture: by width; by density if its width is not known, as that of a preset. */
export function srcset(base: string, asset: Asset, given: Wanted, widths: readonly number[] = WIDTHS): string {
  const entry: PictureEntry = typeof asset === 'string' ? { unique_name: asset } : asset
  const wanted = shaped(entry, given)
  if (isByDensity(wanted)) {
    return DENSITIES.map((dpr) => `${url(base, entry.unique_name, { ...wanted, dpr })} ${dpr}x`).join(', ')
  }
  return candidates(entry, wanted, widths)
    .map((width) => `${url(base, entry.unique_name, { ...wanted, ...sized(width, wanted) })} ${width}w`)
    .join(', ')
}

/** Return the attribute `sizes`: `sizes([['60em', '33vw'], ['30em', '50vw']], '100vw')`, the largest screens first. */
export function sizes(rules: readonly (readonly [from: string, width: string])[], otherwise = '100vw'): string {
  return [...rules.map(([from, width]) => `(min-width: ${from}) ${width}`), otherwise].join(', ')
}

/** Return a picture with every address replaced, for example by its signed one. */
export async function withAddresses(
  of: Picture,
  replaced: (address: string) => string | Promise<string>,
): Promise<Picture> {
  const each = async (text: string) => {
    const parts = text.split(', ').map(async (part) => {
      const [address = '', size] = part.split(' ')
      return `${await replaced(address)} ${size}`
    })
    return (await Promise.all(parts)).join(', ')
  }
  return {
    ...of,
    sources: await Promise.all(of.sources.map(async (source) => ({ ...source, srcset: await each(source.srcset) }))),
    img: { ...of.img, src: await replaced(of.img.src), srcset: await each(of.img.srcset) },
  }
}

/** Return a picture as HTML. The placeholder is an inline style, which a strict Content-Security-Policy refuses. */
export function html(of: Picture, attributes: Record<string, string> = {}): string {
  const style = css(of.background)
  const img = element('img', { ...of.img, ...(style ? { style } : {}), ...attributes })
  if (!of.sources.length) return img
  return `<picture>${of.sources.map((source) => element('source', source)).join('')}${img}</picture>`
}

/** Return the placeholder of a picture as CSS. */
export function css({ color, image }: Picture['background']): string {
  const layers = [color, image && `url("${image}") center / cover no-repeat`].filter(Boolean)
  return layers.length ? `background: ${layers.join(' ')}` : ''
}

function element(name: string, attributes: Record<string, string | number | undefined>): string {
  const listed = Object.entries(attributes).filter(([, value]) => value !== undefined)
  return `<${name}${listed.map(([key, value]) => ` ${key}="${escaped(`${value}`)}"`).join('')}>`
}

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }
const escaped = (text: string) => text.replace(/[&<>"]/g, (letter) => ENTITIES[letter]!)

const versionOf = (base: string, entry: PictureEntry) =>
  entry.versioned_url ? parse(base, entry.versioned_url).wanted.v : undefined

const ratioOf = ({ width, height }: PictureEntry) => (width && height ? height / width : undefined)

/** Return what is wanted with the width that the result has, where the size of the picture says it. */
function shaped(entry: PictureEntry, wanted: Wanted): Wanted {
  const { width, height, fit, ...rest } = wanted
  const ratio = ratioOf(entry)
  if (!height || !ratio || (width && fit !== 'contain')) return wanted
  return { ...rest, width: Math.max(1, Math.round(Math.min(width || Infinity, height / ratio))) }
}

const isByDensity = ({ preset, width, height, fit }: Wanted) =>
  preset !== undefined || !!(height && (!width || fit === 'contain'))

/** The width and height of the layout: the browser keeps this place before the picture is there. */
function layout(entry: PictureEntry, { width, height, preset }: Wanted): Pick<Picture['img'], 'width' | 'height'> {
  const ratio = ratioOf(entry)
  if ((width && height) || !ratio || preset !== undefined)
    return { width: width || undefined, height: height || undefined }
  return width ? { width, height: Math.round(width * ratio) } : { width: entry.width!, height: entry.height! }
}

function candidates(entry: PictureEntry, { width, height }: Wanted, widths: readonly number[]): number[] {
  const natural = naturalWidth(entry, width && height ? height / width : undefined)
  const most = Math.min(width ? width * DENSITY : (natural ?? UNKNOWN_WIDTH), natural ?? Infinity)
  const own = widths === WIDTHS ? [width ?? most, most] : []
  const kept = new Set([...widths, ...own].filter((each) => each > 0 && each <= most))
  return kept.size ? [...kept].sort((a, b) => a - b) : [Math.min(...widths)]
}

/** How wide the picture can be without being made larger: where it is cut to a shape, that of its largest part. */
function naturalWidth({ width, height }: PictureEntry, ratio: number | undefined): number | undefined {
  if (!width) return undefined
  return ratio && height ? Math.max(1, Math.floor(Math.min(width, height / ratio))) : width
}

/** The size for browsers that do not know srcset. */
function middle(entry: PictureEntry, wanted: Wanted, widths: readonly number[] = WIDTHS): Wanted {
  const offered = candidates(entry, wanted, widths)
  return sized(offered.findLast((width) => width <= (wanted.width || MIDDLE)) ?? offered[0]!, wanted)
}

const sized = (width: number, wanted: Wanted): Wanted => ({
  width,
  height: wanted.width && wanted.height ? Math.max(1, Math.round((width * wanted.height) / wanted.width)) : undefined,
})

function background(entry: PictureEntry, placeholder: 'blurhash' | 'color' | 'none'): Picture['background'] {
  if (placeholder === 'none') return { color: undefined, image: undefined }
  const color = /^#[0-9a-f]{6}$/i.exec(entry.dominant_color ?? '')?.[0]
  const image = placeholder === 'blurhash' && entry.blurhash ? blurhashUrl(entry.blurhash) : undefined
  return { color, image }
}
