import type { MarketEvent, MarketEventType, Micros } from '../schemas/events.js'
import { TapeError } from '../src/errors.js'
import { type DecodedRow, decodeRow } from './event-codec.js'
import { readSegment, type Segment } from './segment.js'
import type { SqliteDatabase, SqliteStatement } from './sqlite.js'
import { StreamTable } from './stream-table.js'

/** A row of the table `events`. */
export type EventRow = readonly [
  id: number,
  stream: number,
  type: number,
  exchangeTime: Micros | null,
  receiveTime: Micros | null,
  body: string,
  n: number | null,
  offset: number | null,
  emitted: Micros | null,
]

/** Which rows to read. */
export interface RowFilter {
  /** The first event wanted. */
  readonly fromEvent: number
  /** The last event wanted. */
  readonly toEvent: number
  /** Streams wanted, each with the first event wanted of it; null for all. */
  readonly streams: ReadonlyMap<number, number> | null
  /** Types wanted; null for all. */
  readonly types: readonly number[] | null
  /** Moments of emission wanted, from (included) and to (excluded); exchange times where there was no clock. */
  readonly from: Micros | null
  readonly to: Micros | null
}

/** Segments are listed this many at a time. */
const SEGMENTS_A_PAGE = 256

/** When an event was emitted, in SQL; its exchange time where there was no clock. */
const MOMENT = 'coalesce(emitted, receive_time, exchange_time)'

const COLUMNS =
  'id, stream, type, exchange_time, receive_time, body, n, offset, coalesce(emitted, receive_time)'

/**
 * Reads the rows of a tape in recorded order, one segment after the other. Each segment is one short read transaction, so a
 * slow reader never keeps a recorder from tidying up its write-ahead log, and memory holds one segment.
 */
export class EventReader {
  readonly streams = new StreamTable()
  readonly #db: SqliteDatabase
  readonly #typeNames = new Map<number, string>()
  readonly #typeIds = new Map<string, number>()
  #lastSql = ''
  #lastStatement: SqliteStatement<EventRow> | null = null

  constructor(db: SqliteDatabase) {
    this.#db = db
    const types = db.prepare<[id: number, type: string]>('SELECT id, type FROM event_types').raw().all()
    for (const [id, type] of types) {
      this.#typeNames.set(id, type)
      this.#typeIds.set(type, id)
    }
    this.streams.refresh(db)
  }

  /** The last event on the tape; 0 where there is none. */
  lastEvent(): number {
    const last = this.#db.prepare<number | null>('SELECT max(last_event) FROM segments').pluck().get() ?? 0
    this.streams.refresh(this.#db)
    return last
  }

  typeIds(types: readonly MarketEventType[]): number[] {
    return types.flatMap((type) => this.#typeIds.get(type) ?? [])
  }

  *rows(filter: RowFilter): Generator<EventRow> {
    for (const segment of this.#segments(filter)) {
      const active = activeStreams(segment, filter.streams)
      if (active !== null && active.length === 0) continue
      const first = Math.max(segment.firstEvent, filter.fromEvent)
      const last = Math.min(segment.lastEvent, filter.toEvent)
      const times = [filter.from, filter.to].filter((time) => time !== null)
      for (const row of this.#statement(filter, active).all(first, last, ...times)) {
        if (row[0] >= (filter.streams?.get(row[1]) ?? 0)) yield row
      }
    }
  }

  decode(row: EventRow): DecodedRow {
    const [, streamId, typeId, exchangeTime, receiveTime, body, n] = row
    const stream = this.streams.get(streamId)
    if (stream === undefined) return { event: null, fault: `there is no stream ${streamId}` }
    const { venue, symbol, instrument, channel } = stream
    const type = this.#typeNames.get(typeId) ?? `number ${typeId}`
    return decodeRow({ type, venue, symbol, instrument, channel, n, exchangeTime, receiveTime }, body)
  }

  /** @throws {TapeError} `tape_damaged`. */
  event(row: EventRow): MarketEvent {
    const { event, fault } = this.decode(row)
    if (event !== null) return event
    throw new TapeError(
      'tape_damaged',
      `event ${row[0]} of the tape cannot be read (${fault}); tapewire verify lists everything that is damaged`,
      { context: { event: row[0] } },
    )
  }

  *#segments({ fromEvent, toEvent, from, to }: RowFilter): Generator<Segment> {
    const conditions = ['first_event > ?', 'first_event <= ?', 'last_event >= ?']
    // A segment counts by either clock: only the rows themselves know which of the two is theirs.
    if (from !== null) conditions.push('(receive_to >= ? OR exchange_to >= ?)')
    if (to !== null) conditions.push('(receive_from < ? OR exchange_from < ?)')
    const page = this.#db
      .prepare<Parameters<typeof readSegment>[0]>(
        `SELECT first_event, last_event, streams FROM segments WHERE ${conditions.join(' AND ')}
         ORDER BY first_event LIMIT ${SEGMENTS_A_PAGE}`,
      )
      .raw()
    const times = [from, from, to, to].filter((time) => time !== null)
    let after = 0
    while (true) {
      const rows = page.all(after, toEvent, fromEvent, ...times)
      for (const row of rows) {
        const segment = readSegment(row)
        after = segment.firstEvent
        yield segment
      }
      if (rows.length < SEGMENTS_A_PAGE) return
    }
  }

  #statement(filter: RowFilter, streams: readonly number[] | null): SqliteStatement<EventRow> {
    const conditions = ['id BETWEEN ? AND ?']
    if (streams !== null) conditions.push(`stream IN (${streams.join(',')})`)
    if (filter.types !== null) conditions.push(`type IN (${filter.types.join(',')})`)
    if (filter.from !== null) conditions.push(`${MOMENT} >= ?`)
    if (filter.to !== null) conditions.push(`${MOMENT} < ?`)
    const sql = `SELECT ${COLUMNS} FROM events NOT INDEXED WHERE ${conditions.join(' AND ')} ORDER BY id`
    if (sql !== this.#lastSql || this.#lastStatement === null) {
      this.#lastStatement = this.#db.prepare<EventRow>(sql).raw()
      this.#lastSql = sql
    }
    return this.#lastStatement
  }
}

/** The wanted streams that occur in a segment at or after their first wanted event; null where all streams are wanted. */
function activeStreams(
  segment: Segment,
  wanted: ReadonlyMap<number, number> | null,
): readonly number[] | null {
  if (wanted === null) return null
  return segment.streams.filter((stream) => {
    const first = wanted.get(stream)
    return first !== undefined && first <= segment.lastEvent
  })
}
