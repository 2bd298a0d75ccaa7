/** Uploads: in one request, or by tus, where what has arrived stays when the connection breaks. */

import { absolute, canTell, send, TadaError, type Answer } from './http.js'

/** Where a file goes: a ticket as `POST /tickets` answers it, or the addresses of the service with a token. */
export interface Target {
  upload_url: string
  tus_url?: string | undefined
  max_size?: number | undefined
  headers?: Record<string, string> | undefined
  /** `PATCH` replaces the file of an asset. */
  method?: 'POST' | 'PATCH' | undefined
}

/** What an upload answers: to a page a part of the entry, to a server all of it. */
export interface Uploaded {
  uuid: string
  public_url: string
  versioned_url: string
  [field: string]: unknown
}

export interface UploadOptions {
  /** Fields of the form: `alt`, `title`, `destination`… A list is one of tags. */
  fields?: Record<string, string | readonly string[]> | undefined
  /** The name of the file, if it has none of its own, or another one. */
  filename?: string | undefined
  onProgress?: ((sent: number, total: number) => void) | undefined
  signal?: AbortSignal | undefined
  /** Whether the upload can be resumed. By default from 5 MB on, if the service can. */
  resumable?: boolean | undefined
  /** Remembers uploads that have begun, so that the same file goes on after a reload; by default `localStorage`. */
  store?: Store | null | undefined
}

export interface Store {
  getItem(key: string): string | null
  setItem(key: string, value: string): void
  removeItem(key: string): void
}

const RESUMABLE_FROM = 5_000_000
/** Where nobody can tell how much of a request is sent, there are several. */
const PIECE = 5_000_000
const VERSION = { 'Tus-Resumable': '1.0.0' }
const TRIES = 6
const PAUSE = 500
const AGAIN = [0, 408, 409, 423, 429, 460, 500, 502, 503, 504]
const GONE = [403, 404, 410]

/** Upload a file; return what the service tells of its asset. Throws TadaError, or the reason of `signal`. */
export async function upload(target: Target, file: File | Blob, options: UploadOptions = {}): Promise<Uploaded> {
  options.signal?.throwIfAborted()
  if (target.max_size !== undefined && file.size > target.max_size) {
    const message = `The file has ${file.size} bytes, and ${target.max_size} are allowed.`
    throw new TadaError(413, [{ code: 'too_large', message }])
  }
  const wanted = options.resumable ?? file.size > RESUMABLE_FROM
  if (!wanted || !target.tus_url) return whole(target, file, options)
  try {
    return await resumed(target, target.tus_url, file, options)
  } catch (error) {
    // Some storages have no place for parts of files.
    if (!(error instanceof TadaError) || error.status !== 501) throw error
    return whole(target, file, options)
  }
}

async function whole(target: Target, file: File | Blob, options: UploadOptions): Promise<Uploaded> {
  const { signal, onProgress } = options
  const form = new FormData()
  for (const [name, value] of Object.entries(options.fields ?? {})) form.append(name, text(value))
  form.append('file', file, nameOf(file, options))
  // A file is sent again only if it was refused unread: what became of a lost answer is not known.
  const answer = await patiently(signal, [429, 503], () =>
    send(target.method ?? 'POST', target.upload_url, {
      headers: target.headers ?? {},
      body: form,
      signal,
      onSent: onProgress && ((bytes) => onProgress(Math.min(bytes, file.size), file.size)),
    }),
  )
  onProgress?.(file.size, file.size)
  return answer.body.data[0]
}

async function resumed(target: Target, tus: string, file: File | Blob, options: UploadOptions): Promise<Uploaded> {
  const { signal, onProgress } = options
  const headers = { ...target.headers, ...VERSION }
  const memory = remembered(tus, file, options)
  let address = memory.get()
  let isKnown = !address
  let offset = 0
  let arrived = 0
  for (let tries = 1; ; tries++) {
    try {
      if (address && !isKnown) {
        offset = Number((await send('HEAD', address, { headers, signal })).header('Upload-Offset'))
        isKnown = true
        // What counts is how often nothing came of it.
        if (offset > arrived) tries = 1
        arrived = offset
      }
      if (!address) {
        address = await begun(tus, file, headers, options)
        offset = 0
        memory.set(address)
      }
      onProgress?.(offset, file.size)
      const answer = await sendRest(address, file, offset, headers, options)
      memory.forget()
      onProgress?.(file.size, file.size)
      return answer.body.data[0]
    } catch (error) {
      if (!(error instanceof TadaError)) throw error
      if (address && !isKnown && GONE.includes(error.status)) {
        // It has ended; the file begins anew.
        memory.forget()
        address = undefined
        isKnown = true
        continue
      }
      if (!AGAIN.includes(error.status)) {
        memory.forget()
        throw error
      }
      if (tries >= TRIES) throw error
      await pause(error.retryAfter, tries, signal)
      isKnown = !address
    }
  }
}

async function begun(
  tus: string,
  file: File | Blob,
  headers: Record<string, string>,
  options: UploadOptions,
): Promise<string> {
  const metadata = { filename: nameOf(file, options), ...(file.type && { filetype: file.type }), ...options.fields }
  const pairs = Object.entries(metadata).map(([name, value]) => `${name} ${base64(text(value))}`)
  const answer = await send('POST', tus, {
    headers: { ...headers, 'Upload-Length': `${file.size}`, 'Upload-Metadata': pairs.join(',') },
    signal: options.signal,
  })
  return new URL(answer.header('Location')!, absolute(tus)).href
}

async function sendRest(
  address: string,
  file: File | Blob,
  from: number,
  headers: Record<string, string>,
  { signal, onProgress }: UploadOptions,
): Promise<Answer> {
  for (let offset = from; ;) {
    const start = offset
    const end = canTell() ? file.size : Math.min(start + PIECE, file.size)
    const answer = await send('PATCH', address, {
      headers: {
        ...headers,
        'Upload-Offset': `${start}`,
        'Content-Type': 'application/offset+octet-stream',
        Prefer: 'return=representation',
      },
      body: file.slice(start, end),
      signal,
      onSent: onProgress && ((bytes) => onProgress(Math.min(start + bytes, file.size), file.size)),
    })
    if (answer.body?.data) return answer
    offset = Number(answer.header('Upload-Offset'))
    if (!(offset > start)) throw new TadaError(502, [{ code: 'no_progress', message: 'The upload does not go on.' }])
    onProgress?.(offset, file.size)
  }
}

async function patiently<T>(signal: AbortSignal | undefined, statuses: number[], tried: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await tried()
    } catch (error) {
      if (!(error instanceof TadaError) || !statuses.includes(error.status) || tries >= TRIES) throw error
      await pause(error.retryAfter, tries, signal)
    }
  }
}

function pause(seconds: number | undefined, tries: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const wait = seconds === undefined ? PAUSE * 2 ** (tries - 1) : seconds * 1000
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop)
      resolve()
    }, wait)
    const stop = () => {
      clearTimeout(timer)
      reject(signal!.reason)
    }
    if (signal?.aborted) stop()
    signal?.addEventListener('abort', stop, { once: true })
  })
}

/** The place of one upload in a store; a store that cannot be used remembers nothing. */
function remembered(tus: string, file: File | Blob, options: UploadOptions) {
  const { origin, pathname, searchParams } = absolute(tus)
  // The ticket is another one after a reload.
  const conflicts = searchParams.get('on_conflict') ?? ''
  const changed = 'lastModified' in file ? file.lastModified : 0
  const fields = JSON.stringify(options.fields ?? {})
  const key = `tada-upload:${origin}${pathname}:${conflicts}:${nameOf(file, options)}:${file.size}:${changed}:${fields}`
  const used = <T>(action: (store: Store) => T): T | undefined => {
    // Without a date, another text of the same length would be taken for this one.
    if (!changed) return undefined
    try {
      const store = options.store === undefined ? globalThis.localStorage : options.store
      return store ? action(store) : undefined
    } catch {
      return undefined
    }
  }
  return {
    get: () => used((store) => store.getItem(key)) ?? undefined,
    set: (address: string) => used((store) => store.setItem(key, address)),
    forget: () => used((store) => store.removeItem(key)),
  }
}

const text = (value: string | readonly string[]) => (typeof value === 'string' ? value : JSON.stringify(value))

function nameOf(file: File | Blob, options: UploadOptions): string {
  return options.filename ?? ('name' in file ? file.name : 'file')
}

function base64(value: string): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(value)))
}
