/** Requests to the service, and what it says when it refuses one. */

export interface Problem {
  code: string
  message: string
  hint?: string
  file?: string
  uuid?: string
  unique_name?: string
  index?: number
}

/** An answer that is no success. `status` is 0 if there was none. Decide by `code`; `message` is for people. */
export class TadaError extends Error {
  readonly code: string
  readonly hint: string | undefined

  constructor(
    readonly status: number,
    readonly problems: Problem[],
    /** Seconds after which the service wants to be asked again. */
    readonly retryAfter?: number | undefined,
  ) {
    super(problems.map(({ message }) => message).join(' ') || (status ? `Answered with ${status}.` : 'No answer.'))
    this.name = 'TadaError'
    this.code = problems[0]?.code ?? (status ? `http_${status}` : 'network')
    this.hint = problems[0]?.hint
  }
}

export interface Answer {
  status: number
  header(name: string): string | null
  /** The body, if it is JSON. */
  body: any
}

export interface Sent {
  headers?: Record<string, string>
  body?: BodyInit | null
  signal?: AbortSignal | undefined
  /** Told of the bytes of the body that are sent; only browsers can tell. */
  onSent?: ((bytes: number) => void) | undefined
}

/** Return an address of the page or of elsewhere as a whole one. */
export const absolute = (address: string) => new URL(address, globalThis.document?.baseURI)

/** Whether `send` can tell how much of a body is sent. */
export const canTell = () => typeof XMLHttpRequest !== 'undefined'

/** Send a request. Throws TadaError for every answer from 400 on, and if there is none. */
export async function send(method: string, address: string, sent: Sent = {}): Promise<Answer> {
  const answer = await (sent.onSent && canTell() ? byXhr : byFetch)(method, address, sent)
  if (answer.status < 400) return answer
  const given: unknown = answer.body?.problems
  const after = Number(answer.header('Retry-After') ?? NaN)
  throw new TadaError(answer.status, Array.isArray(given) ? given : [], Number.isNaN(after) ? undefined : after)
}

async function byFetch(method: string, address: string, { headers, body, signal }: Sent): Promise<Answer> {
  try {
    const answer = await fetch(address, { method, headers: headers ?? {}, body: body ?? null, signal: signal ?? null })
    const text = await answer.text()
    return { status: answer.status, header: (name) => answer.headers.get(name), body: parsed(text) }
  } catch (error) {
    signal?.throwIfAborted()
    throw new TadaError(0, [
      { code: 'network', message: `No answer from ${absolute(address).origin}.`, hint: `${error}` },
    ])
  }
}

function byXhr(method: string, address: string, { headers, body, signal, onSent }: Sent): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest()
    request.open(method, address)
    for (const [name, value] of Object.entries(headers ?? {})) request.setRequestHeader(name, value)
    request.upload.onprogress = (event) => onSent?.(event.loaded)
    const stop = () => request.abort()
    request.onloadend = () => signal?.removeEventListener('abort', stop)
    request.onload = () =>
      resolve({
        status: request.status,
        header: (name) => request.getResponseHeader(name),
        body: parsed(request.responseText),
      })
    request.onerror = () => reject(new TadaError(0, [{ code: 'network', message: 'The connection broke.' }]))
    request.onabort = () => reject(signal?.reason)
    if (signal?.aborted) return reject(signal.reason)
    signal?.addEventListener('abort', stop)
    request.send(body as XMLHttpRequestBodyInit)
  })
}

function parsed(text: string): any {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
