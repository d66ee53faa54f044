import * as z from 'zod'
import type { MarketEventType, Micros, Position } from '../schemas/events.js'
import type { StreamIdentity } from './event-codec.js'
import type { SqliteDatabase } from './sqlite.js'
import { StreamTable } from './stream-table.js'
import { positionAt } from './tape-position.js'

/** Rows that are read at a time. */
const PAGE = 4096

/** Gaps that only a recorder opens: they are no events of the stream. */
const RECORDERS_OWN: ReadonlySet<unknown> = new Set(['not_recording', 'not_written'])

/** A gap as tapes had it that know no positions. */
const formerGap = z.tuple([
  z.string(),
  z.enum(['open', 'closed']),
  z.int().nullable(),
  z.int().nullable(),
  z.boolean(),
  z.string().nullable(),
])

type Row = [
  id: number,
  stream: number,
  type: number,
  exchangeTime: Micros | null,
  receiveTime: Micros | null,
  body: string | null,
]

interface Place {
  readonly row: Row
  readonly n: number
}

interface Numbered {
  n: number
  last: Place | null
  /** The last snapshot of a book, or checksum that fits. */
  proved: Place | null
  gap: { readonly from: Micros | null; readonly after: Position | null } | null
}

/**
 * Numbers the events of a tape that was recorded before they had numbers: within each run and stream, as a feed does, and the gaps
 * with them. What the feed emitted beside, and under which epoch, is not known any more.
 */
export function numberEvents(db: SqliteDatabase): void {
  new Numbering(db).run()
}

class Numbering {
  readonly #db: SqliteDatabase
  readonly #types: ReadonlyMap<number, MarketEventType>
  /** Streams that are none: connections. */
  readonly #unnumbered: ReadonlySet<number>
  readonly #runs: number[]
  readonly #streamOf: ReadonlyMap<number, StreamIdentity>
  readonly #streams = new Map<number, Numbered>()
  #emitted: Micros | null = null

  constructor(db: SqliteDatabase) {
    this.#db = db
    this.#types = new Map(
      db.prepare<[number, MarketEventType]>('SELECT id, type FROM event_types').raw().all(),
    )
    this.#unnumbered = new Set(
      db.prepare<number>('SELECT id FROM streams WHERE channel IS NULL').pluck().all(),
    )
    const table = new StreamTable()
    table.refresh(db)
    this.#streamOf = new Map([...table.values()].map((stream) => [stream.id, stream]))
    this.#runs = db.prepare<number>('SELECT first_event FROM runs ORDER BY first_event').pluck().all()
  }

  run(): void {
    const gap = this.#gapType()
    if (gap.fields.length === 6) {
      const now = ['reason', 'state', 'from', 'to', 'healed', 'after', 'before', 'detail']
      this.#db.prepare('UPDATE event_types SET fields = ? WHERE id = ?').run(JSON.stringify(now), gap.id)
    }
    const looked = [...this.#types].flatMap(([id, type]) =>
      type === 'gap' || type === 'checksum' ? [id] : [],
    )
    const page = this.#db
      .prepare<Row>(
        `SELECT id, stream, type, exchange_time, receive_time, iif(type IN (${looked.join(', ')}), body, NULL)
         FROM events NOT INDEXED WHERE id > ? ORDER BY id LIMIT ${PAGE}`,
      )
      .raw()
    const number = this.#db.prepare('UPDATE events SET n = ?, emitted = ? WHERE id = ?')
    const rewrite = this.#db.prepare('UPDATE events SET body = ? WHERE id = ?')
    let after = 0
    for (let rows = page.all(after); rows.length > 0; rows = page.all(after)) {
      for (const row of rows) {
        after = row[0]
        this.#beginRun(after)
        const emitted = this.#emittedAt(row[4])
        const { n, body } = this.#unnumbered.has(row[1]) ? { n: null, body: null } : this.#place(row)
        if (n !== null || emitted !== null) number.run(n, emitted, after)
        if (body !== null) rewrite.run(body, after)
      }
    }
    this.#db.exec(`
      UPDATE segments SET receive_to = coalesce(
        (SELECT max(emitted) FROM events WHERE id BETWEEN first_event AND last_event), receive_to)`)
  }

  #gapType(): { readonly id: number; readonly fields: readonly unknown[] } {
    const row = this.#db
      .prepare<[number, string]>("SELECT id, fields FROM event_types WHERE type = 'gap'")
      .raw()
      .get()
    const fields: unknown = JSON.parse(row?.[1] ?? '[]')
    return { id: row?.[0] ?? 0, fields: Array.isArray(fields) ? fields : [] }
  }

  /** Each run was a feed of its own. */
  #beginRun(id: number): void {
    let begins = false
    while (this.#runs[0] !== undefined && this.#runs[0] <= id) {
      this.#runs.shift()
      begins = true
    }
    if (!begins) return
    this.#streams.clear()
    this.#emitted = null
  }

  #emittedAt(receiveTime: Micros | null): Micros | null {
    if (receiveTime === null || this.#emitted === null || receiveTime >= this.#emitted) {
      this.#emitted = receiveTime ?? this.#emitted
      return null
    }
    return this.#emitted
  }

  /** @returns the row's number, and its body where that changes */
  #place(row: Row): { readonly n: number | null; readonly body: string | null } {
    const [, id, typeId, , , body] = row
    let stream = this.#streams.get(id)
    if (stream === undefined) {
      stream = { n: 0, last: null, proved: null, gap: null }
      this.#streams.set(id, stream)
    }
    const type = this.#types.get(typeId)
    if (type === 'gap') return this.#placeGap(row, stream)
    const n = ++stream.n
    stream.last = { row, n }
    const proves = type === 'checksum' ? isOk(body) : type === 'book_snapshot' || type === 'order_snapshot'
    if (proves) stream.proved = stream.last
    return { n, body: null }
  }

  #placeGap(row: Row, stream: Numbered): { readonly n: number | null; readonly body: string | null } {
    const former = formerGap.safeParse(readJson(row[5]))
    const own = former.success && RECORDERS_OWN.has(former.data[0])
    const n = own ? null : ++stream.n
    if (!former.success) return { n, body: null }
    const [reason, state, from, to, healed, detail] = former.data
    const after = stream.gap?.from === from ? stream.gap.after : this.#until(stream, from)
    stream.gap = state === 'open' ? { from, after } : null
    const before: Position | null =
      state === 'open'
        ? null
        : { epoch: null, n: stream.n + 1, key: null, exchangeTime: null, receiveTime: to }
    return { n, body: JSON.stringify([reason, state, from, to, healed, after, before, detail]) }
  }

  #until({ last, proved }: Numbered, from: Micros | null): Position | null {
    for (const place of [last, proved]) {
      const at = place?.row[4] ?? null
      if (place !== null && (at === null || from === null ? at === from : at <= from))
        return this.#position(place)
    }
    return null
  }

  #position({ row }: Place): Position | null {
    const [id, streamId] = row
    const stream = this.#streamOf.get(streamId)
    return stream === undefined ? null : positionAt(this.#db, stream, id, null)
  }
}

function isOk(body: string | null): boolean {
  const fields = readJson(body)
  return Array.isArray(fields) && fields[1] === true
}

function readJson(text: string | null): unknown {
  try {
    return JSON.parse(text ?? '')
  } catch {
    return null
  }
}
