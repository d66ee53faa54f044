import type { Micros, Position } from '../schemas/events.js'
import { natureOf } from '../src/session/stream.js'
import { type LogIds, logIdsOf } from './log-ids.js'
import type { SqliteDatabase } from './sqlite.js'
import { StreamTable, type TapeStream } from './stream-table.js'
import { openSince, positionAt } from './tape-position.js'

/** What a tape holds of a stream when a run begins to go on with it. */
export interface EarlierStream {
  readonly stream: TapeStream
  /** Up to when the stream is on the tape, as far as that is known; null where it has no clock. */
  readonly until: Micros | null
  /** Receive time of the first event of the run that had it last; null where that has no clock. */
  readonly began: Micros | null
  /** The last event that is known to be good, with the epoch of its run; null where nothing tells which it is. */
  readonly after: Position | null
  /** Exchange times of its last events by what names them; empty where nothing does. */
  readonly ids: ReadonlyMap<string, Micros | null>
}

/** Ids that are looked up, of one stream and of all. */
const IDS_A_STREAM = 10_000
const IDS_OF_ALL = 500_000
const CHARACTERS_OF_ALL = 32 << 20
/** Segments that are read for the ids of one stream, and of all. A segment holds up to 4,096 events. */
const SEGMENTS_A_STREAM = 64
const SEGMENTS_OF_ALL = 256

interface Held {
  readonly stream: TapeStream
  /** Null until its last event was found. */
  last: {
    readonly event: number
    readonly at: Micros | null
    readonly gap: string | null
    /** The last event that is no gap. */
    readonly good: number | null
  } | null
  readonly ids: Map<string, Micros | null>
  segments: number
  /** Whether its ids are still looked for. */
  wanted: boolean
}

/**
 * Reads backwards what the tape holds of each stream: how it ends, and the ids of its last events. No index leads there, since one over
 * trades was measured to cost a recorder more than the events themselves; what is read is bounded instead.
 */
export function readEarlierRuns(db: SqliteDatabase): EarlierStream[] {
  const table = new StreamTable()
  table.refresh(db)
  const held = new Map<number, Held>()
  for (const stream of table.values()) {
    if (stream.channel === null) continue
    const wanted = natureOf(stream) === 'log'
    held.set(stream.id, { stream, last: null, ids: new Map(), segments: 0, wanted })
  }
  if (held.size === 0) return []
  new BackwardPass(db, held).run()
  const runs = readRuns(db)
  return [...held.values()].flatMap((one) => describe(db, one, runs) ?? [])
}

class BackwardPass {
  readonly #db: SqliteDatabase
  readonly #held: ReadonlyMap<number, Held>
  readonly #types: ReadonlyMap<string, number>
  readonly #logIds: LogIds
  #ids = 0
  #characters = 0
  #segments = 0

  constructor(db: SqliteDatabase, held: ReadonlyMap<number, Held>) {
    this.#db = db
    this.#held = held
    this.#types = new Map(db.prepare<[string, number]>('SELECT type, id FROM event_types').raw().all())
    this.#logIds = logIdsOf((sql) => db.prepare(sql).all())
  }

  run(): void {
    const segments = this.#db
      .prepare<[first: number, last: number, streams: string]>(
        `SELECT first_event, last_event, iif(json_valid(streams), streams, '[]') FROM segments
         ORDER BY first_event DESC`,
      )
      .raw()
    for (const [first, last, streams] of segments.iterate()) {
      const ids: unknown = JSON.parse(streams)
      const present = (Array.isArray(ids) ? ids : []).flatMap((id) => this.#held.get(id) ?? [])
      const unseen = present.filter((one) => one.last === null)
      if (unseen.length > 0) this.#readEnds(first, last, unseen)
      const wanted = present.filter((one) => one.wanted)
      if (wanted.length > 0) this.#readIds(first, last, wanted)
      if (![...this.#held.values()].some((one) => one.last === null || one.wanted)) return
    }
  }

  #readEnds(first: number, last: number, unseen: readonly Held[]): void {
    const among = `FROM events NOT INDEXED WHERE id BETWEEN ? AND ? AND stream IN (${idsOf(unseen)})`
    const gaps = new Map(
      this.#db
        .prepare<[stream: number, event: number, body: string]>(
          `SELECT stream, max(id), iif(json_valid(body), body, '[]') ${among} AND type = ? GROUP BY stream`,
        )
        .raw()
        .all(first, last, this.#types.get('gap') ?? 0)
        .map(([stream, , body]) => [stream, body] as const),
    )
    const good = new Map(
      this.#db
        .prepare<[stream: number, event: number]>(
          `SELECT stream, max(id) ${among} AND type <> ? GROUP BY stream`,
        )
        .raw()
        .all(first, last, this.#types.get('gap') ?? 0),
    )
    const ends = this.#db
      .prepare<[stream: number, event: number, at: Micros | null]>(
        `SELECT stream, max(id), receive_time ${among} GROUP BY stream`,
      )
      .raw()
      .all(first, last)
    for (const [stream, event, at] of ends) {
      const one = this.#held.get(stream)
      if (one !== undefined) {
        one.last = { event, at, gap: gaps.get(stream) ?? null, good: good.get(stream) ?? null }
      }
    }
  }

  #readIds(first: number, last: number, wanted: readonly Held[]): void {
    const rows = this.#db
      .prepare<[stream: number, time: Micros | null, id: unknown]>(
        `SELECT stream, exchange_time, ${this.#logIds.sql} FROM events NOT INDEXED
         WHERE id BETWEEN ? AND ? AND type IN (${this.#logIds.types}) AND stream IN (${idsOf(wanted)}) ORDER BY id DESC`,
      )
      .raw()
    for (const [stream, time, id] of rows.all(first, last)) {
      const one = this.#held.get(stream)
      if (one === undefined || typeof id !== 'string' || one.ids.size >= IDS_A_STREAM || this.#full) continue
      one.ids.set(id, time)
      this.#ids++
      this.#characters += id.length
    }
    this.#segments++
    for (const one of wanted) {
      one.segments++
      if (one.segments >= SEGMENTS_A_STREAM || one.ids.size >= IDS_A_STREAM) one.wanted = false
    }
    if (!this.#full) return
    for (const one of this.#held.values()) one.wanted = false
  }

  get #full(): boolean {
    return (
      this.#segments >= SEGMENTS_OF_ALL || this.#ids >= IDS_OF_ALL || this.#characters >= CHARACTERS_OF_ALL
    )
  }
}

interface Run {
  readonly epoch: string | null
  readonly firstEvent: number
  /** When it ended: at its close, or with its last record where it was made from a log. Null where it was not closed. */
  readonly ended: Micros | null
  readonly began: Micros | null
  /** When streams that the run confirmed were given up, by venue, symbol and channel; null where they were kept to its end. */
  readonly kept: ReadonlyMap<string, Micros | null>
}

/** Newest first. */
function readRuns(db: SqliteDatabase): Run[] {
  const runs = db
    .prepare<
      [id: number, firstEvent: number, ended: Micros | null, began: Micros | null, epoch: string | null]
    >(
      // What was all received before the recorder was opened is a log; the recorder's clock says nothing of its end.
      `WITH spans AS (
         SELECT id, opened, closed, epoch, first_event, lead(first_event, 1, 9e15) OVER (ORDER BY id) AS following FROM runs
       ), ends AS (
         SELECT *, (SELECT max(receive_to) FROM segments WHERE first_event >= s.first_event AND first_event < s.following)
           AS last_received, EXISTS (SELECT 1 FROM sources WHERE run = s.id) AS sourced
         FROM spans s
       )
       SELECT r.id, r.first_event, iif(r.sourced OR r.last_received < r.opened, r.last_received, r.closed), e.receive_time, r.epoch
       FROM ends r LEFT JOIN events e ON e.id = r.first_event ORDER BY r.id DESC`,
    )
    .raw()
    .all()
  const kept = new Map<number, Map<string, Micros | null>>(runs.map(([id]) => [id, new Map()]))
  const stated = db
    .prepare<[run: number, venue: string, symbol: string, channel: string, endedAt: Micros | null]>(
      `SELECT run, venue, symbol, channel, ended_at FROM run_streams
       WHERE confirmed_at IS NOT NULL AND refused IS NULL`,
    )
    .raw()
  for (const [run, venue, symbol, channel, endedAt] of stated.iterate()) {
    kept.get(run)?.set(JSON.stringify([venue, symbol, channel]), endedAt)
  }
  return runs.map(([id, firstEvent, ended, began, epoch]) => ({
    epoch,
    firstEvent,
    ended,
    began,
    kept: kept.get(id) ?? new Map(),
  }))
}

function describe(
  db: SqliteDatabase,
  { stream, last, ids }: Held,
  runs: readonly Run[],
): EarlierStream | null {
  if (last === null) return null
  const run = runs.find(({ firstEvent }) => firstEvent <= last.event)
  const open = last.gap === null ? null : openSince(last.gap)
  const epoch = run?.epoch ?? null
  const good = last.good === null ? null : positionAt(db, stream, last.good, epoch)
  const after = open === null ? good : open.after && { ...open.after, epoch: open.after.epoch ?? epoch }
  return { stream, until: coveredUntil(stream, last, run), began: run?.began ?? null, after, ids }
}

/**
 * A stream that the run says it kept is covered up to its clean end; else up to its last event, for nobody can say more. One
 * that ended in a gap is covered up to that.
 */
function coveredUntil(
  { venue, symbol, channel }: TapeStream,
  { at, gap }: NonNullable<Held['last']>,
  run: Run | undefined,
): Micros | null {
  const open = gap === null ? null : openSince(gap)
  if (open !== null) return open.from ?? at
  const endedAt = run?.kept.get(JSON.stringify([venue, symbol, channel]))
  if (run === undefined || endedAt === undefined || at === null) return at
  const end = endedAt ?? run.ended
  return end === null ? at : Math.max(at, end)
}

function idsOf(held: readonly Held[]): string {
  return held.map(({ stream }) => stream.id).join(', ')
}
