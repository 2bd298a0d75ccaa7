/** What has to be done of a file of Directus. Pure. */

import { createHash } from 'node:crypto'
import type { Goes } from './folders.js'
import type { Settings } from './settings.js'

/** A row of directus_files, as the database has it. */
export interface File {
  id: string
  storage: string
  filename_disk: string | null
  filename_download: string
  title: string | null
  description: string | null
  type: string | null
  folder: string | null
  uploaded_on: unknown
  filesize: number | string | null
  width: number | null
  height: number | null
  focal_point_x: number | null
  focal_point_y: number | null
  tags: unknown
  tus_id?: string | null
}

/** What is known of a file in TADA: a row of tada_files. */
export interface Known {
  /** Its asset, if there is one. */
  uuid: string | null
  /** Of which bytes and of which fields TADA was told, as digests. */
  bytes: string | null
  fields: string | null
}

/** What TADA takes. */
export interface Limits {
  mediaTypes: readonly string[]
  sizeMax: number
}

export type Step =
  | { kind: 'nothing' }
  | { kind: 'gone' }
  | { kind: 'leave out'; reason: string }
  | { kind: 'refuse'; reason: string }
  | { kind: 'upload' }
  | { kind: 'change'; uuid: string }

/** `fields` of a file that stays in Directus. */
export const LEFT_OUT = 'left out'

export function decide(file: File | null, known: Known, goes: Goes, limits: Limits, settings: Settings): Step {
  if (!file) return { kind: 'gone' }
  if (!goes(file.folder)) return { kind: 'leave out', reason: 'Its folder is not sent to TADA.' }
  if (!isWhole(file)) return { kind: 'nothing' }
  const type = file.type ?? 'application/octet-stream'
  if (!limits.mediaTypes.includes(type)) return { kind: 'refuse', reason: `TADA does not take ${type}.` }
  if (Number(file.filesize) > limits.sizeMax)
    return { kind: 'refuse', reason: `TADA takes ${limits.sizeMax} bytes at most, and the file has ${file.filesize}.` }
  if (!known.uuid || known.bytes !== bytesOf(file, settings)) return { kind: 'upload' }
  return known.fields === fieldsOf(file, settings) ? { kind: 'nothing' } : { kind: 'change', uuid: known.uuid }
}

/** Whether TADA has not been told of all that is known of a file; what it has refused counts as told. */
export function isBehind(file: File, known: Known, goes: Goes, settings: Settings): boolean {
  if (!goes(file.folder)) return known.fields !== LEFT_OUT
  if (!isWhole(file)) return false
  return known.bytes !== bytesOf(file, settings) || known.fields !== fieldsOf(file, settings)
}

/** While a file is uploaded to Directus, its row is there already. */
const isWhole = (file: File) => file.filesize !== null && !file.tus_id

/** Return a digest that is another one if the bytes are, or if they have to be somewhere else. */
export function bytesOf(file: File, { namespace, destination }: Settings): string {
  const uploaded = file.uploaded_on instanceof Date ? file.uploaded_on.getTime() : file.uploaded_on
  return digest([
    namespace,
    destination,
    file.storage,
    file.filename_disk,
    `${uploaded}`,
    `${file.filesize}`,
    file.type,
  ])
}

/** Return a digest that is another one if a field is, or if the addresses in the item have to be. */
export function fieldsOf(file: File, settings: Settings): string {
  return digest([fieldsFor(file), settings.widths, settings.signingKey])
}

export interface Fields {
  external_id: string
  information: string
  title: string
  alt: string
  tags: string[]
  focus_x: string
  focus_y: string
}

const TEXT_BYTES_MAX = 4096
const TAGS_MAX = 64
const TAG_LENGTH_MAX = 128

/** Return the fields of the asset. An empty one clears what was there. */
export function fieldsFor(file: File): Fields {
  const focus = (point: number | null, side: number | null) =>
    point === null || !side ? '' : `${Math.min(1, Math.max(0, point / side))}`
  const [x, y] = [focus(file.focal_point_x, file.width), focus(file.focal_point_y, file.height)]
  return {
    external_id: file.id,
    information: cut(file.filename_download),
    title: cut(file.title ?? ''),
    alt: cut(file.description ?? ''),
    tags: tagsOf(file.tags),
    focus_x: y && x,
    focus_y: x && y,
  }
}

function tagsOf(given: unknown): string[] {
  let tags = given
  if (typeof tags === 'string') {
    try {
      tags = JSON.parse(tags)
    } catch {
      tags = (tags as string).split(',')
    }
  }
  const listed = Array.isArray(tags) ? tags.map((tag) => String(tag).trim().slice(0, TAG_LENGTH_MAX)) : []
  return [...new Set(listed.filter(Boolean))].slice(0, TAGS_MAX)
}

function cut(text: string): string {
  const bytes = new TextEncoder().encode(text)
  return bytes.length <= TEXT_BYTES_MAX
    ? text
    : new TextDecoder().decode(bytes.slice(0, TEXT_BYTES_MAX - 3)).replace(/\uFFFD$/, '')
}

const digest = (parts: unknown) => createHash('sha256').update(JSON.stringify(parts)).digest('hex')
