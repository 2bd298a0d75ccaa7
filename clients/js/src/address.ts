/** The addresses of pictures: `url` writes one, `form` is what is signed of one, `parse` reads one. Pure. */

/** What is asked for, by the names of the arguments in an address. What has no effect is left out of the address. */
export interface Wanted {
  /** The largest width in pixels; 0 or nothing leaves it free. */
  width?: number | undefined
  height?: number | undefined
  /** 1 to 100. */
  quality?: number | undefined
  format?: Format | undefined
  /** With both sides: fill the box and cut (`cover`), the whole picture inside it, or stretched to it. */
  fit?: Fit | undefined
  /** Where `cover` cuts: what people look at, or around a point (`[0, 0]` is the upper left, `[1, 1]` the opposite). */
  crop?: 'smart' | readonly [number, number] | undefined
  /** Pixels for each of the sides'. */
  dpr?: 1 | 1.5 | 2 | 3 | 4 | undefined
  max_kb?: number | undefined
  /** The sigma of a Gaussian blur in pixels of the result, 0.3 to 100. */
  blur?: number | undefined
  /** A size with arguments that the operator has named. Only `dpr` counts beside it. */
  preset?: string | undefined
  /** The uploaded file, as it came. */
  original?: boolean | undefined
  /** The `v` in an entry's `versioned_url`: browsers keep the answer for a year. */
  v?: string | undefined
  /** Browsers save the file: under its own name (true), or under another one. */
  download?: boolean | string | undefined
}

export type Format = 'webp' | 'avif' | 'jpeg' | 'jpg' | 'png'
export type Fit = 'cover' | 'contain' | 'fill'

/** Something that no address can say. `argument` is what is at fault, `name` for the path. */
export class AddressError extends Error {
  constructor(
    readonly argument: string,
    message: string,
  ) {
    super(`${argument} ${message}`)
    this.name = 'AddressError'
  }
}

const ROUTE = '/assets/media'
const NAME = /^(?!\/image\/)(?:\/[A-Za-z0-9@_-]{1,90}){2,12}\.[A-Za-z0-9]{1,10}$/
const PATH = /^\/(?:(original|full)|optimise\/([^/]+))(?:\/image)?(\/.+)$/
const PRESET = /^(?!image$)[a-z][a-z0-9-]{0,31}$/
const VERSION = /^[0-9a-f]{12}(?:-[0-9.]+-[0-9.]+)?$/
const STORED = /\.(?:svg|pdf)$/
const DOWNLOAD_BYTES = 300

/** A value as it is written, in its one form; empty if it is the same as none, undefined if it is not possible. */
type Reader = (text: string) => string | undefined

const number =
  (largest: number): Reader =>
  (text) => {
    const digits = /^0*([0-9]{1,9})$/.exec(text)?.[1]
    return digits && +digits <= largest ? (+digits ? `${+digits}` : '') : undefined
  }

const oneOf =
  (words: Record<string, string>): Reader =>
  (text) =>
    Object.hasOwn(words, text) ? words[text] : undefined

const share = '(0(?:\\.[0-9]{1,2})?|1(?:\\.0{1,2})?)'
const pointed = RegExp(`^${share}(?:,|%2[Cc])${share}$`)
const point: Reader = (text) => {
  const found = pointed.exec(text)
  return text === 'smart' ? text : found ? `${+found[1]!},${+found[2]!}` : undefined
}

const decimal: Reader = (text) => {
  const digits = /^0*([0-9]{1,9}(?:\.[0-9]{1,2})?)$/.exec(text)?.[1]
  if (digits === undefined) return undefined
  const value = +digits
  return !value ? '' : value >= 0.3 && value <= 100 ? `${value}` : undefined
}

const same = (...words: string[]) => Object.fromEntries(words.map((word) => [word, word]))

/** In the order of the canonical address: how each is read, and what is possible. */
const ARGUMENTS = {
  width: [number(999999999), 'an integer from 1'],
  height: [number(999999999), 'an integer from 1'],
  quality: [number(100), 'an integer from 1 to 100'],
  format: [oneOf({ ...same('webp', 'avif', 'jpeg', 'png'), jpg: 'jpeg' }), 'webp, avif, jpeg or png'],
  fit: [oneOf({ ...same('contain', 'fill'), cover: '' }), 'cover, contain or fill'],
  crop: [point, '"smart", or two shares from 0 to 1'],
  dpr: [oneOf({ ...same('1.5', '2', '3', '4'), 1: '' }), '1, 1.5, 2, 3 or 4'],
  max_kb: [number(100000), 'an integer from 1 to 100000'],
  blur: [decimal, 'a number from 0.3 to 100'],
} as const satisfies Record<string, readonly [Reader, string]>

type Argument = keyof typeof ARGUMENTS
type Texts = Partial<Record<Argument, string>>
type Kind = 'original' | 'full' | 'optimise'

const NAMES = Object.keys(ARGUMENTS) as Argument[]
const SIDES: readonly Argument[] = ['width', 'height']

/** An address in parts; the values are in their one form, and those that have no effect are not there. */
interface Parts {
  kind: Kind
  name: string
  preset?: string | undefined
  texts: Texts
}

/**
 * Write the address of a picture.
 *
 * `base` is `base_url` of an entry, such as `https://media.example.com/assets/media`; `name` is its `unique_name`, such
 * as `/DEV/shop/cat.webp`. Throws AddressError for what no address can say.
 */
export function url(base: string, name: string, wanted: Wanted = {}): string {
  checkName(name)
  const { v, download, original, preset, ...rest } = wanted
  const given = Object.fromEntries(
    Object.entries(rest).flatMap(([key, value]) => {
      if (!Object.hasOwn(ARGUMENTS, key)) throw new AddressError(key, `is none of ${NAMES.join(', ')}`)
      return value == null ? [] : [[key, written(key, value)]]
    }),
  )
  const query = []
  if (download) query.push(`download=${download === true ? 1 : saved(download)}`)
  if (v !== undefined) {
    if (!VERSION.test(v)) throw new AddressError('v', `must be the one in versioned_url of an entry, not "${v}"`)
    query.push(`v=${v}`)
  }
  return base.replace(/\/+$/, '') + canonical(meant(name, given, original, preset), query)
}

function meant(name: string, given: Record<string, string>, original?: boolean, preset?: string): Parts {
  if (original) {
    if (preset !== undefined) throw new AddressError('preset', 'has no effect beside original')
    alone(given, 'original')
    return { kind: 'original', name, texts: {} }
  }
  if (preset !== undefined) {
    checkPreset(preset)
    alone(given, 'preset', 'dpr')
    return { kind: 'optimise', name, preset, texts: read(given, ['dpr']) }
  }
  const texts = read(given, NAMES)
  const drawn = texts.width || texts.height || (STORED.test(name) && (texts.format || texts.blur))
  return effective({ kind: drawn ? 'optimise' : 'full', name, texts })
}

/** The canonical form of an address, in any spelling: what is signed. Throws AddressError if it is none of an asset. */
export function form(base: string, address: string): string {
  return ROUTE + canonical(partsOf(base, address).parts)
}

/** Read an address, in any spelling: the name of the asset and what is asked for. */
export function parse(base: string, address: string): { name: string; wanted: Wanted } {
  const { parts, given } = partsOf(base, address)
  const { kind, name, preset, texts } = parts
  const wanted: Record<string, unknown> = {}
  for (const [key, text] of Object.entries(texts)) {
    wanted[key] = key === 'crop' && text !== 'smart' ? text.split(',').map(Number) : isNaN(+text) ? text : +text
  }
  if (kind === 'original') wanted['original'] = true
  if (preset) wanted['preset'] = preset
  if (given['v'] && VERSION.test(given['v'])) wanted['v'] = given['v']
  if (given['download']) wanted['download'] = given['download'] === '1' || unescaped(given['download'])
  return { name, wanted }
}

function partsOf(base: string, address: string): { parts: Parts; given: Record<string, string> } {
  const [path = '', query = ''] = address.split('#')[0]!.split(/\?(.*)/s)
  const root = base.replace(/\/+$/, '')
  const [, plain, box, name = ''] = (path.startsWith(root) && PATH.exec(path.slice(root.length))) || []
  checkName(name, address)
  const given: Record<string, string> = {}
  for (const pair of query.split('&')) {
    const [, key, value] = /^([^=]*)=(.*)$/s.exec(pair) ?? []
    if (key !== undefined) given[key.toLowerCase()] ??= value!
  }
  return { parts: asked(name, plain, box, given), given }
}

function asked(name: string, plain: string | undefined, box: string | undefined, given: Record<string, string>): Parts {
  const kind = (plain ?? 'optimise') as Kind
  if (kind === 'original' || (kind === 'full' && STORED.test(name))) return { kind, name, texts: {} }
  const sides = /^([0-9]+)x([0-9]+)$/.exec(box ?? '')
  const preset = sides ? '' : (box ?? given['preset'])
  if (preset) {
    checkPreset(preset)
    return { kind, name, preset, texts: read(given, ['dpr']) }
  }
  if (sides) given = { ...given, width: sides[1]!, height: sides[2]! }
  return effective({ kind, name, texts: read(given, NAMES) })
}

/** Return an address in parts without the values that have no effect. */
function effective(parts: Parts): Parts {
  const { kind, name, texts } = parts
  const sized = texts.width || texts.height
  if (STORED.test(name) && (kind === 'full' || !(sized || texts.format || texts.blur))) return { kind, name, texts: {} }
  const boxed = texts.width && texts.height
  const without = (argument: Argument) => delete texts[argument]
  if (texts.format === 'webp' && (sized || texts.blur)) without('format')
  if (!boxed) without('fit')
  if (!boxed || texts.fit) without('crop')
  if (!sized) without('dpr')
  return parts
}

function canonical({ kind, name, preset, texts }: Parts, more: string[] = []): string {
  const inPath = kind === 'optimise'
  const box = inPath ? `/${preset ?? `${texts.width ?? 0}x${texts.height ?? 0}`}` : ''
  const listed = NAMES.filter((key) => texts[key] && !(inPath && SIDES.includes(key)))
  const query = [
    ...(preset && !inPath ? [`preset=${preset}`] : []),
    ...listed.map((key) => `${key}=${texts[key]}`),
    ...more,
  ]
  return `/${kind}${box}${name}${query.length ? '?' : ''}${query.join('&')}`
}

function read(given: Record<string, string>, names: readonly Argument[]): Texts {
  const texts: Texts = {}
  for (const name of names) {
    const text = given[name]
    if (!text) continue
    const [reader, possible] = ARGUMENTS[name]
    const value = reader(text)
    if (value === undefined) throw new AddressError(name, `must be ${possible}, not "${text}"`)
    if (value) texts[name] = value
  }
  return texts
}

/** Return a value as it would be in an address; shares and a blur are rounded to hundredths. */
function written(key: string, value: unknown): string {
  if (Array.isArray(value)) return value.map(hundredths).join()
  return `${key === 'blur' ? hundredths(+value!) : value}`
}

const hundredths = (value: number) => Math.floor(value * 100 + 0.5) / 100

function alone(given: Record<string, string>, what: string, ...allowed: string[]): void {
  const other = Object.keys(given).find((key) => !allowed.includes(key))
  if (other) throw new AddressError(other, `has no effect beside ${what}`)
}

function checkName(name: string, said = name): void {
  if (!NAME.test(name)) throw new AddressError('name', `must be the unique_name of an entry, not "${said}"`)
}

function checkPreset(name: string): void {
  if (!PRESET.test(name)) throw new AddressError('preset', `must be small letters, digits and "-", not "${name}"`)
}

function saved(name: string): string {
  const bytes = new TextEncoder().encode(name).length
  if (/[/\\\p{Cc}]/u.test(name) || bytes > DOWNLOAD_BYTES) {
    throw new AddressError(
      'download',
      `must have no slash and no control character, and ${DOWNLOAD_BYTES} bytes at most`,
    )
  }
  return encodeURIComponent(name)
}

function unescaped(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return text
  }
}
