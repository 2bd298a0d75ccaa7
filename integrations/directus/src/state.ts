/**
 * What is known of each file, in the table `tada_files`.
 *
 * A change only counts up `wanted`. Whoever works on a file claims it, and says afterwards up to where it is done: so a
 * change that comes meanwhile is not lost, and two processes do not work on one file. A claim is renewed; what a killed
 * process had begun is free again when its claim ends. A row outlives its file until the asset is deleted. Times are
 * milliseconds.
 */

import { randomUUID } from 'node:crypto'
import type { File, Known } from './decide.js'
import type { Database } from './directus.js'

export interface Row extends Known {
  id: string
  wanted: number
  done: number
  attempts: number
}

export interface Claimed extends Row {
  claim: string
}

export const TABLE = 'tada_files'
export const FILES = 'directus_files'
export const CLAIM = 60_000
const MANY = 200

export class States {
  constructor(private readonly db: Database) {}

  /** Make the table. What is in Directus already waits until somebody asks for it. Returns whether it was new. */
  async prepare(): Promise<boolean> {
    if (await this.db.schema.hasTable(TABLE)) return false
    try {
      await this.db.schema.createTable(TABLE, (table) => {
        // The type that directus_files has for it: databases do not compare others.
        table.uuid('id').primary()
        table.integer('wanted').notNullable().defaultTo(0)
        table.integer('done').notNullable().defaultTo(0)
        table.string('uuid', 36)
        table.string('bytes', 64)
        table.string('fields', 64)
        table.integer('attempts').notNullable().defaultTo(0)
        table.bigInteger('due').notNullable().defaultTo(0)
        table.string('claim', 36)
        table.bigInteger('claimed_until').notNullable().defaultTo(0)
        table.index(['due'])
      })
    } catch (error) {
      // Another process was faster.
      if (await this.db.schema.hasTable(TABLE)) return false
      throw error
    }
    for await (const ids of this.#idsOfFiles()) await this.#add(ids, 0)
    return true
  }

  /** Note that something about files is new; with `bytes`, their bytes are. */
  async mark(ids: readonly string[], { bytes = false } = {}): Promise<void> {
    for (const some of parts(ids)) {
      await this.#add(some, 0)
      await this.db(TABLE)
        .whereIn('id', some)
        .update({ wanted: this.db.raw('wanted + 1'), attempts: 0, due: Date.now(), ...(bytes && { bytes: null }) })
    }
  }

  /** Have all files done that nobody had asked for; with `again`, what was done is compared, too. */
  async markAll(again: boolean): Promise<void> {
    const rows = this.db(TABLE)
    if (!again) rows.where('wanted', 0)
    const changes = { wanted: this.db.raw('wanted + 1'), attempts: 0, due: Date.now() }
    await rows.update(again ? { ...changes, fields: null } : changes)
  }

  /** Have those tried now that wait for a later attempt. */
  async hurry(): Promise<void> {
    await this.db(TABLE).whereRaw('wanted > done').update({ attempts: 0, due: Date.now() })
  }

  async due(limit: number): Promise<Row[]> {
    return this.db(TABLE)
      .whereRaw('wanted > done')
      .where('due', '<=', Date.now())
      .where('claimed_until', '<', Date.now())
      .orderBy('due')
      .limit(limit)
      .select()
  }

  /** Claim a file; null if another process has it, or nothing is to be done of it any more. */
  async claim(id: string): Promise<Claimed | null> {
    const claim = randomUUID()
    const claimed = await this.db(TABLE)
      .where('id', id)
      .where('claimed_until', '<', Date.now())
      .whereRaw('wanted > done')
      .update({ claim, claimed_until: Date.now() + CLAIM })
    return claimed ? await this.db(TABLE).where({ id, claim }).first() : null
  }

  async renew({ id, claim }: Claimed): Promise<void> {
    await this.db(TABLE)
      .where({ id, claim })
      .update({ claimed_until: Date.now() + CLAIM })
  }

  /** Note at once which asset a file has, so that it is known whatever comes next. */
  async has(row: Claimed, uuid: string): Promise<void> {
    await this.db(TABLE).where({ id: row.id, claim: row.claim }).update({ uuid })
  }

  /** End a claim. What is new since then stays to be done. */
  async done(row: Claimed, known: Partial<Known>): Promise<void> {
    const free = { claim: null, claimed_until: 0, attempts: 0 }
    const mine = { id: row.id, claim: row.claim }
    const settled = await this.db(TABLE)
      .where({ ...mine, wanted: row.wanted })
      .update({ ...known, done: row.wanted, ...free })
    if (!settled)
      await this.db(TABLE)
        .where(mine)
        .update({ ...('uuid' in known && { uuid: known.uuid }), ...free })
  }

  /** End a claim without success. `attempts` are those that were the fault of the file. */
  async failed(row: Claimed, attempts: number, pause: number): Promise<void> {
    await this.db(TABLE)
      .where({ id: row.id, claim: row.claim })
      .update({ claim: null, claimed_until: 0, attempts, due: Date.now() + pause })
  }

  async forget(row: Claimed): Promise<void> {
    const mine = { id: row.id, claim: row.claim }
    const gone = await this.db(TABLE)
      .where({ ...mine, wanted: row.wanted })
      .delete()
    if (!gone)
      await this.db(TABLE).where(mine).update({ uuid: null, bytes: null, fields: null, claim: null, claimed_until: 0 })
  }

  /** How many files wait, and how many nobody has asked for. */
  async counts(): Promise<{ waiting: number; not_asked: number }> {
    const of = async (condition: string) => Number((await this.db(TABLE).whereRaw(condition).count({ n: '*' }))[0].n)
    return { waiting: await of('wanted > done'), not_asked: await of('wanted = 0') }
  }

  /** Whether a file can be worked on now, or somebody does so. */
  async isBusy(): Promise<boolean> {
    const now = Date.now()
    const rows = this.db(TABLE).whereRaw('wanted > done')
    return !!(await rows
      .where((row) => void row.where('due', '<=', now).orWhere('claimed_until', '>', now))
      .first('id'))
  }

  async file(id: string): Promise<File | null> {
    return (await this.db(FILES).where('id', id).first()) ?? null
  }

  /** All files with what is known of them, a page at a time. */
  async *files(): AsyncGenerator<{ file: File; row: Row | undefined }[]> {
    for await (const ids of this.#idsOfFiles()) {
      const files: File[] = await this.db(FILES).whereIn('id', ids).select()
      const rows: Row[] = await this.db(TABLE).whereIn('id', ids).select()
      const byId = new Map(rows.map((row) => [row.id, row]))
      yield files.map((file) => ({ file, row: byId.get(file.id) }))
    }
  }

  /** The rows whose file is gone, and of which nobody has been told. */
  async orphans(): Promise<string[]> {
    const rows = await this.db(TABLE)
      .leftJoin(FILES, `${FILES}.id`, `${TABLE}.id`)
      .whereNull(`${FILES}.id`)
      .whereRaw('wanted = done')
      .select(`${TABLE}.id as id`)
    return rows.map(({ id }) => id)
  }

  async #add(ids: readonly string[], wanted: number): Promise<void> {
    const there = new Set((await this.db(TABLE).whereIn('id', ids).select('id')).map(({ id }) => id))
    const missing = ids.filter((id) => !there.has(id)).map((id) => ({ id, wanted }))
    if (!missing.length) return
    try {
      await this.db(TABLE).insert(missing)
    } catch (error) {
      if (missing.length === 1) {
        if (await this.db(TABLE).where('id', missing[0]!.id).first()) return
        throw error
      }
      // Another process adds some of them, too.
      for (const { id } of missing) await this.#add([id], wanted)
    }
  }

  async *#idsOfFiles(): AsyncGenerator<string[]> {
    for (let last = ''; ;) {
      const query = this.db(FILES).orderBy('id').limit(MANY)
      if (last) query.where('id', '>', last)
      const ids: string[] = (await query.select('id')).map(({ id }) => id)
      if (!ids.length) return
      yield ids
      last = ids.at(-1)!
    }
  }
}

export function* parts(ids: readonly string[]): Generator<string[]> {
  for (let from = 0; from < ids.length; from += MANY) yield ids.slice(from, from + MANY)
}
