/** Carries the files of Directus to TADA. Directus is never made to wait: what cannot be done now is done later. */

import { randomUUID } from 'node:crypto'
import { createWriteStream, openAsBlob } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { Tada, TadaError, type Entry } from 'tada-media'
import { bytesOf, decide, fieldsFor, fieldsOf, isBehind, LEFT_OUT, type File, type Limits } from './decide.js'
import type { Context } from './directus.js'
import { meaningOf, pauseAfter, textOf } from './failures.js'
import { makeFields } from './fields.js'
import { goingFolders, type Goes } from './folders.js'
import { itemOf, NOT_THERE, type Item } from './item.js'
import type { Settings } from './settings.js'
import { CLAIM, FILES, parts, States, type Claimed, type Row } from './state.js'

const PAGE = 100
const RENEW_EACH = CLAIM / 3
/** Longer than sending one file may take. */
const SEND_WITHIN = 15 * 60_000
const LOOK_EACH = 500
const CLEAR_AFTER = 1000

/** What holds for all files of a round. */
interface Round {
  goes: Goes
  limits: Limits
}

export interface Status {
  waiting: number
  not_asked: number
  sent: number
  refused: number
  left_out: number
  problem: string | null
}

export class Files {
  /** Why nothing can be done of any file, if so. */
  problem: string | null = null
  readonly #states: States
  readonly #tada: Tada
  #prepared: Promise<void> | null = null
  #working: Promise<void> | null = null
  #again = false
  #cleared: ReturnType<typeof setTimeout> | null = null

  constructor(
    private readonly context: Context,
    readonly settings: Settings,
  ) {
    this.#states = new States(context.database)
    this.#tada = new Tada(settings.url, { token: settings.token })
  }

  /** Make what is missing in the database, once. */
  prepare(): Promise<void> {
    this.#prepared ??= this.#make().catch((error: unknown) => {
      this.#prepared = null
      throw error
    })
    return this.#prepared
  }

  async #make(): Promise<void> {
    await makeFields(this.context)
    if (await this.#states.prepare())
      this.context.logger.info(
        'tada: new files go to TADA from now on. For those that are there: directus tada backfill',
      )
  }

  /** Files are new, changed or gone. */
  async changed(ids: readonly string[], given: { bytes?: boolean } = {}): Promise<void> {
    await this.prepare()
    await this.#states.mark(ids, given)
    await this.#show(ids, { tada_state: 'waiting' })
    void this.work()
  }

  /** Have all that is in Directus sent; with `again`, what was sent is compared with TADA, too. */
  async backfill(again: boolean): Promise<void> {
    await this.prepare()
    await this.#states.markAll(again)
  }

  /** Have tried now what waits, and what TADA has refused. */
  async retry(): Promise<void> {
    await this.prepare()
    await this.#states.hurry()
    const refused = await this.context.database(FILES).where('tada_state', 'refused').select('id')
    await this.#states.mark(refused.map(({ id }) => id))
  }

  /** Look for what no event has told of: a process was killed, or somebody wrote to the database. */
  async look(): Promise<void> {
    await this.prepare()
    const goes = await this.#folders()
    for await (const page of this.#states.files()) {
      const behind = page.filter(
        ({ file, row }) => !row || (isSettled(row) && isBehind(file, row, goes, this.settings)),
      )
      if (behind.length) await this.#states.mark(behind.map(({ file }) => file.id))
    }
    await this.#states.mark(await this.#states.orphans())
  }

  /** Do what is due, until nothing is. Only one at a time in a process. */
  work(): Promise<void> {
    this.#again = true
    this.#working ??= this.#work().finally(() => {
      this.#working = null
    })
    return this.#working
  }

  /** Work beside other processes until nothing can be done any more. */
  async finish(): Promise<void> {
    do {
      await this.work()
      await new Promise((resolve) => setTimeout(resolve, LOOK_EACH))
    } while (!this.problem && (await this.#states.isBusy()))
  }

  async status(): Promise<Status> {
    await this.prepare()
    const rows = await this.context.database(FILES).select('tada_state').count({ n: '*' }).groupBy('tada_state')
    const of = (state: string) => Number(rows.find(({ tada_state }) => tada_state === state)?.n ?? 0)
    const counts = await this.#states.counts()
    return { ...counts, sent: of('sent'), refused: of('refused'), left_out: of('left_out'), problem: this.problem }
  }

  async #work(): Promise<void> {
    try {
      await this.prepare()
      while (this.#again) {
        this.#again = false
        for (let rows = await this.#states.due(PAGE); rows.length; rows = await this.#states.due(PAGE)) {
          const round = { goes: await this.#folders(), limits: await this.#limits() }
          this.problem = null
          const did = await this.#page(
            rows.map(({ id }) => id),
            round,
          )
          // Another process has them all.
          if (!did) break
        }
      }
    } catch (error) {
      await this.#stopped(error)
    }
  }

  /** Do some files, several at a time; return how many. Throws what concerns all of them. */
  async #page(ids: string[], round: Round): Promise<number> {
    let did = 0
    let away: unknown
    const hand = async () => {
      for (let id = ids.shift(); id !== undefined && away === undefined; id = ids.shift()) {
        const row = await this.#states.claim(id)
        if (!row) continue
        did++
        const renewing = setInterval(() => void this.#states.renew(row).catch(() => {}), RENEW_EACH)
        try {
          await this.#carry(row, round)
        } catch (error) {
          if (await this.#failed(row, error)) away ??= error
        } finally {
          clearInterval(renewing)
        }
      }
    }
    await Promise.all(Array.from({ length: this.settings.concurrency }, hand))
    if (away !== undefined) throw away
    return did
  }

  async #carry(row: Claimed, { goes, limits }: Round): Promise<void> {
    const file = await this.#states.file(row.id)
    const step = decide(file, row, goes, limits, this.settings)
    if (!file || step.kind === 'gone') {
      await this.#delete([row.uuid, ...(await this.#strays(row.id))])
      await this.#states.forget(row)
    } else if (step.kind === 'leave out') {
      await this.#delete([row.uuid, ...(await this.#strays(row.id))])
      await this.#show([row.id], { ...NOT_THERE, tada_state: 'left_out', tada_error: step.reason })
      await this.#states.done(row, { uuid: null, bytes: null, fields: LEFT_OUT })
    } else if (step.kind === 'refuse') await this.#refused(row, file, step.reason)
    else if (step.kind === 'upload') await this.#sent(row, file, await this.#upload(row, file))
    else if (step.kind === 'change') {
      const { external_id: _, ...fields } = fieldsFor(file)
      const focus = fields.focus_x
        ? { focus_x: Number(fields.focus_x), focus_y: Number(fields.focus_y) }
        : { focus_x: null, focus_y: null }
      try {
        await this.#sent(row, file, await this.#tada.change(step.uuid, { ...fields, ...focus }))
      } catch (error) {
        if (!(error instanceof TadaError && error.status === 404)) throw error
        await this.#sent(row, file, await this.#upload(row, file))
      }
    } else {
      await this.#show([row.id], { tada_state: row.uuid ? 'sent' : 'waiting', tada_error: null })
      await this.#states.done(row, {})
    }
  }

  /** Upload a file under its id, whether or not it was there before. */
  async #upload(row: Claimed, file: File): Promise<Entry> {
    const { namespace, destination } = this.settings
    // A storage may be distant, and a file larger than the memory: it waits on the disk.
    const path = join(tmpdir(), `tada-${randomUUID()}`)
    try {
      await this.#read(file, path)
      const entry = await this.#tada.upload(await openAsBlob(path, { type: file.type ?? '' }), {
        filename: file.id,
        fields: { namespace, destination, ...fieldsFor(file) },
        onConflict: 'replace',
        wait: 'facts',
        signal: AbortSignal.timeout(SEND_WITHIN),
      })
      await this.#states.has(row, entry.uuid)
      // A file of another type has another path.
      if (row.uuid && row.uuid !== entry.uuid) await this.#delete([row.uuid])
      return entry
    } finally {
      await rm(path, { force: true })
    }
  }

  async #read(file: File, path: string): Promise<void> {
    const { services, database, getSchema } = this.context
    try {
      const assets = new services['AssetsService']!({ schema: await getSchema(), knex: database })
      const { stream } = await assets.getAsset(file.id)
      await pipeline(stream, createWriteStream(path, { mode: 0o600 }))
    } catch (error) {
      throw new Error(`Directus cannot read the file: ${textOf(error)}`)
    }
  }

  async #sent(row: Claimed, file: File, entry: Entry): Promise<void> {
    await this.#show([row.id], await itemOf(file, entry, this.settings))
    await this.#states.done(row, {
      uuid: entry.uuid,
      bytes: bytesOf(file, this.settings),
      fields: fieldsOf(file, this.settings),
    })
  }

  /** What TADA refuses is not shown with the picture that was there before. */
  async #refused(row: Claimed, file: File, reason: string): Promise<void> {
    await this.#delete([row.uuid])
    await this.#show([row.id], { ...NOT_THERE, tada_state: 'refused', tada_error: reason })
    const told = { bytes: bytesOf(file, this.settings), fields: fieldsOf(file, this.settings) }
    await this.#states.done(row, { uuid: null, ...told })
  }

  /** Note a failure of one file; return whether it concerns all. */
  async #failed(row: Claimed, failure: unknown): Promise<boolean> {
    let error = failure
    if (meaningOf(error) === 'refused') {
      try {
        const file = await this.#states.file(row.id)
        if (file) {
          await this.#refused(row, file, textOf(error))
          return false
        }
      } catch (another) {
        error = another
      }
    }
    const isAway = meaningOf(error) === 'away'
    // What concerns all is not counted against one.
    const attempts = row.attempts + (isAway ? 0 : 1)
    const pause = pauseAfter(isAway ? 1 : attempts, error)
    await this.#states.failed(row, attempts, pause)
    await this.#show([row.id], { tada_state: 'waiting', tada_error: textOf(error) })
    if (!isAway) this.context.logger.warn(`tada: file ${row.id} is tried again in ${pause / 1000} s: ${textOf(error)}`)
    return isAway
  }

  /** Say why nothing goes: in the log once, and in every item that waits. */
  async #stopped(error: unknown): Promise<void> {
    const text = textOf(error)
    if (this.problem !== text) this.context.logger.warn(`tada: files wait: ${text}`)
    this.problem = text
    try {
      await this.context.database(FILES).where('tada_state', 'waiting').update({ tada_error: text })
      this.#clearCache()
    } catch {
      // The database is what is away: the log has said so.
    }
  }

  async #delete(uuids: readonly (string | null)[]): Promise<void> {
    for (const uuid of new Set(uuids)) {
      if (uuid === null) continue
      try {
        await this.#tada.delete(uuid)
      } catch (error) {
        if (!(error instanceof TadaError && error.status === 404)) throw error
      }
    }
  }

  /** Assets of a file that nobody could note, because the process was killed after the upload. */
  async #strays(id: string): Promise<string[]> {
    const { namespace, destination } = this.settings
    const { data } = await this.#tada.search({ namespace, folder: `/${namespace}/${destination}`, external_id: id })
    return data.map(({ uuid }) => uuid)
  }

  async #folders(): Promise<Goes> {
    const rows = await this.context.database('directus_folders').select('id', 'name', 'parent')
    return goingFolders(rows, this.settings)
  }

  async #limits(): Promise<Limits> {
    const { media_types: mediaTypes, payload_max_size: sizeMax } = await this.#tada.about()
    return { mediaTypes, sizeMax }
  }

  /** Write into the items past the services of Directus: no event, no revision, and nobody has edited the file. */
  async #show(ids: readonly string[], item: Partial<Item>): Promise<void> {
    for (const some of parts(ids)) await this.context.database(FILES).whereIn('id', some).update(item)
    this.#clearCache()
  }

  #clearCache(): void {
    this.#cleared ??= setTimeout(() => {
      this.#cleared = null
      void this.#clear()
    }, CLEAR_AFTER)
    this.#cleared.unref()
  }

  async #clear(): Promise<void> {
    const { services, getSchema, logger } = this.context
    try {
      const accountability = { user: null, role: null, roles: [], admin: true, app: false, ip: null }
      await new services['UtilsService']!({ schema: await getSchema(), accountability }).clearCache({ system: false })
    } catch (error) {
      logger.warn(`tada: the cache of Directus could not be cleared: ${textOf(error)}`)
    }
  }
}

/** Nobody has asked for a file that was there before; and one that waits need not be marked. */
const isSettled = (row: Row) => row.wanted > 0 && row.wanted === row.done
