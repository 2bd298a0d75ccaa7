/** What a failure means for a file. Pure. */

import { TadaError } from 'tada-media'

/**
 * `later`: this file is tried again. `away`: TADA as a whole does not work now, so no other file is tried either.
 * `refused`: TADA does not take this file, and will not until the file is another one.
 */
export type Meaning = 'later' | 'away' | 'refused'

/** No answer, no valid token, no right to the namespace, too many requests, not available. */
const AWAY = [0, 401, 403, 429, 503]
const FIRST_PAUSE = 15_000
const LONGEST_PAUSE = 3600_000

export function meaningOf(error: unknown): Meaning {
  if (!(error instanceof TadaError)) return 'later'
  if (AWAY.includes(error.status)) return 'away'
  // Somebody can make room.
  if (error.status >= 500 || error.status === 408 || error.status === 423 || error.code === 'quota_exceeded')
    return 'later'
  return 'refused'
}

/** Return after how many milliseconds a file is tried again that has failed so many times. */
export function pauseAfter(attempts: number, error?: unknown): number {
  const asked = error instanceof TadaError ? (error.retryAfter ?? 0) * 1000 : 0
  return Math.min(LONGEST_PAUSE, Math.max(asked, FIRST_PAUSE * 2 ** Math.min(attempts - 1, 20)))
}

/** Return what people read of a failure. */
export function textOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const hint = error instanceof TadaError && error.hint && error.status !== 0 ? ` ${error.hint}` : ''
  return `${error.message}${hint}`.slice(0, 1000)
}
