/** The service's API, for servers: entries, searches, uploads, and tickets for pages. */

import { send, type Answer, type Sent } from './http.js'
import { upload, type Target, type UploadOptions } from './upload.js'

export interface Entry {
  uuid: string
  version: number
  unique_name: string
  namespace: string
  filename: string
  original_filename: string
  mimetype: string
  original_mimetype: string
  size: number
  signature: string
  public_url: string
  versioned_url: string
  base_url: string
  width: number | null
  height: number | null
  blurhash: string | null
  dominant_color: string | null
  title: string | null
  alt: string | null
  caption: string | null
  credit: string | null
  tags: string[]
  meta: Record<string, unknown>
  [field: string]: unknown
}

export interface Ticket extends Target {
  ticket: string
  id: string
  ends_date: string
  upload_url: string
  tus_url: string
  max_size: number
  media_types: string[]
  uses: number
}

/** What the token may do, and what the service takes. */
export interface About {
  sender: { name: string; role: string; namespaces: string[] | null }
  namespaces: string[]
  media_types: string[]
  payload_max_size: number
  [field: string]: unknown
}

type Value = string | number | boolean
/** The arguments of a search, as in `GET /catalog/search`; a list demands, or allows, each of its values. */
export type Search = Record<string, Value | readonly Value[] | undefined>

export interface Found {
  data: Entry[]
  total: number
  cursor: string | null
  [field: string]: unknown
}

export type OnConflict = 'refuse' | 'skip' | 'replace' | 'rename'

export class Tada {
  readonly #headers: Record<string, string>
  readonly #root: string

  /** `address` is the internal entry, with `API_PREFIX`: `http://media.internal:3001`. */
  constructor(address: string, options: { token?: string | undefined } = {}) {
    this.#root = address.replace(/\/+$/, '')
    this.#headers = options.token ? { Authorization: `Bearer ${options.token}` } : {}
  }

  async about(): Promise<About> {
    return (await this.#send('GET', '/about')).body.data[0]
  }

  async get(uuid: string): Promise<Entry> {
    return (await this.#send('GET', `/catalog/${encodeURIComponent(uuid)}`)).body.data[0]
  }

  /** One page of what a search finds. */
  async search(wanted: Search = {}): Promise<Found> {
    const query = new URLSearchParams()
    for (const [name, value] of Object.entries(wanted)) {
      for (const each of Array.isArray(value) ? value : [value]) if (each !== undefined) query.append(name, `${each}`)
    }
    return (await this.#send('GET', `/catalog/search?${query}`)).body
  }

  /** All that a search finds, page by page as it is needed. */
  async *entries(wanted: Search = {}): AsyncGenerator<Entry, void, undefined> {
    for (let cursor: string | null | undefined; cursor !== null;) {
      const found: Found = await this.search(cursor ? { ...wanted, cursor } : wanted)
      yield* found.data
      cursor = found.cursor
    }
  }

  /** Upload a file; `fields` has its `namespace`. With `wait: 'facts'`, an answer in one request knows its size. */
  async upload(
    file: File | Blob,
    options: UploadOptions & { onConflict?: OnConflict; wait?: 'facts' } = {},
  ): Promise<Entry> {
    const conflict = options.onConflict ? `on_conflict=${options.onConflict}` : ''
    const query = [conflict, options.wait ? `wait=${options.wait}` : ''].filter(Boolean).join('&')
    const target = {
      upload_url: `${this.#root}/file${query && `?${query}`}`,
      tus_url: `${this.#root}/tus${conflict && `?${conflict}`}`,
      headers: this.#headers,
    }
    return (await upload(target, file, options)) as unknown as Entry
  }

  /** Replace the file of an asset; its address stays. `fields` that are given are changed with it. */
  async replace(uuid: string, file: File | Blob, options: UploadOptions = {}): Promise<Entry> {
    const target = { upload_url: this.#root + fileOf(uuid), method: 'PATCH' as const, headers: this.#headers }
    return (await upload(target, file, options)) as unknown as Entry
  }

  /** Change fields of an asset; `destination` and `filename` move it. */
  async change(uuid: string, fields: Record<string, unknown>): Promise<Entry> {
    return (await this.#send('PATCH', fileOf(uuid), json(fields))).body.data[0]
  }

  /** Delete an asset with its file; return its last entry. */
  async delete(uuid: string): Promise<Entry> {
    return (await this.#send('DELETE', fileOf(uuid))).body.data[0]
  }

  /** A ticket with which a page uploads: give it to `upload` there. */
  async ticket(wanted: Record<string, unknown>): Promise<Ticket> {
    return (await this.#send('POST', '/tickets', json(wanted))).body.data[0]
  }

  #send(method: string, path: string, sent: Sent = {}): Promise<Answer> {
    return send(method, this.#root + path, { ...sent, headers: { ...this.#headers, ...sent.headers } })
  }
}

const fileOf = (uuid: string) => `/file/${encodeURIComponent(uuid)}`

const json = (value: unknown): Sent => ({
  headers: { 'Content-Type': 'application/json' },
  body: JSON.stringify(value),
})
