/**
 * `<tada-img>`: a picture with `srcset`, its place in the layout, and a placeholder. Without a shadow tree.
 *
 * It works under a strict Content-Security-Policy; only a placeholder of a BlurHash needs `img-src data:`.
 */

import type { Fit, Format, Wanted } from './address.js'
import { picture, type PictureEntry, type PictureOptions } from './picture.js'

const ATTRIBUTES = [
  ...['base', 'src', 'alt', 'width', 'height', 'sizes', 'widths', 'quality', 'format', 'fit', 'crop', 'blur', 'max-kb'],
  ...['preset', 'v', 'natural', 'blurhash', 'color', 'placeholder', 'loading', 'fetchpriority'],
]

/** There is none on a server, where frameworks import it too. */
const Base = (globalThis.HTMLElement ?? class {}) as typeof HTMLElement

export class TadaImg extends Base {
  static readonly observedAttributes = ATTRIBUTES
  /** Where pictures are whose element has no `base`. */
  static base = ''

  #entry: PictureEntry | undefined
  #isDrawing = false
  /** What an `<img>` inside says that was there before, for readers without scripts. */
  #givenAlt: string | undefined

  /** What the service says of the asset, in place of `src`, `v`, `natural`, `blurhash` and `color`. */
  get entry(): PictureEntry | undefined {
    return this.#entry
  }
  set entry(entry: PictureEntry | undefined) {
    this.#entry = entry
    this.#draw()
  }

  connectedCallback(): void {
    this.#givenAlt ??= this.querySelector('img:not([srcset])')?.getAttribute('alt') ?? undefined
    this.#draw()
  }

  attributeChangedCallback(): void {
    this.#draw()
  }

  /** Draw once for all changes that are made together. */
  #draw(): void {
    if (this.#isDrawing || !this.isConnected) return
    this.#isDrawing = true
    queueMicrotask(() => {
      this.#isDrawing = false
      if (this.isConnected) this.#drawNow()
    })
  }

  #drawNow(): void {
    const asset = this.#entry ?? this.#stated()
    if (!asset) return
    let drawn
    try {
      drawn = picture(this.getAttribute('base') ?? TadaImg.base, asset, this.#options())
    } catch (error) {
      console.error('<tada-img>:', (error as Error).message, this)
      return
    }
    const img = this.querySelector('img') ?? document.createElement('img')
    const { src, srcset, ...others } = drawn.img
    const isOther = img.getAttribute('srcset') !== srcset
    if (isOther) this.#place(img, drawn.background)
    for (const [name, value] of Object.entries({ ...others, fetchpriority: this.getAttribute('fetchpriority') })) {
      if (value == null) img.removeAttribute(name)
      else img.setAttribute(name, `${value}`)
    }
    // Last: what is loaded follows from `loading` and `sizes`.
    if (isOther) {
      img.srcset = srcset
      img.src = src
    }
    if (!img.isConnected) this.append(img)
  }

  /** Keep the place of a picture and show its placeholder, until it is there. */
  #place(img: HTMLImageElement, { color, image }: { color: string | undefined; image: string | undefined }): void {
    if (!this.style.display) this.style.display = 'inline-block'
    img.style.maxWidth ||= '100%'
    img.style.height ||= 'auto'
    img.style.backgroundColor = color ?? ''
    img.style.backgroundImage = image ? `url("${image}")` : ''
    img.style.backgroundSize = '100% 100%'
    const clear = () => img.style.removeProperty('background')
    img.addEventListener('load', clear, { once: true })
  }

  #stated(): PictureEntry | undefined {
    const name = this.getAttribute('src')
    if (!name) return undefined
    const [, width, height] = /^([0-9]+)x([0-9]+)$/.exec(this.getAttribute('natural') ?? '') ?? []
    return {
      unique_name: name,
      width: width ? +width : null,
      height: height ? +height : null,
      blurhash: this.getAttribute('blurhash'),
      dominant_color: this.getAttribute('color'),
    }
  }

  #options(): PictureOptions {
    const text = (name: string) => this.getAttribute(name) ?? undefined
    const number = (name: string) => (this.hasAttribute(name) ? Number(this.getAttribute(name)) : undefined)
    const crop = text('crop')
    const widths = text('widths')
    return {
      alt: text('alt') ?? this.#givenAlt,
      width: number('width'),
      height: number('height'),
      sizes: text('sizes'),
      widths: widths
        ?.split(/[\s,]+/)
        .filter(Boolean)
        .map(Number),
      quality: number('quality'),
      format: text('format') as Format | undefined,
      fit: text('fit') as Fit | undefined,
      crop: (crop === undefined || crop === 'smart' ? crop : crop.split(',').map(Number)) as Wanted['crop'],
      blur: number('blur'),
      max_kb: number('max-kb'),
      preset: text('preset'),
      ...(this.hasAttribute('v') && { v: text('v') }),
      placeholder: text('placeholder') as PictureOptions['placeholder'],
      loading: text('loading') === 'eager' ? 'eager' : 'lazy',
    }
  }
}

if (globalThis.customElements && !customElements.get('tada-img')) customElements.define('tada-img', TadaImg)

declare global {
  interface HTMLElementTagNameMap {
    'tada-img': TadaImg
  }
}
