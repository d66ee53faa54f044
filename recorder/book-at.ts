import type { MarketEventType, Micros } from '../schemas/events.js'
import { Books, type MaintainedBook, preferredBook } from '../src/book/books.js'
import { TapeError } from '../src/errors.js'
import { natureOf } from '../src/session/stream.js'
import { checkBookRequest } from './book-request.js'
import type { EventReader } from './event-reader.js'
import { checkMoment } from './moment.js'
import type { SqliteDatabase } from './sqlite.js'
import type { TapeStream } from './stream-table.js'
import { notOnTape } from './tape-query.js'
import { bookStartTypes } from './tape-schema.js'

/** Which book. */
export interface BookRequest {
  readonly venue: string
  /** The unified symbol or the venue's own id. */
  readonly symbol: string
  /** `book:P1`. @default `book`; else the deepest book recorded; else the levels of an L3 book */
  readonly channel?: string
}

/**
 * When: a receive time in microseconds, an exchange time, or the number of an event (the book after it). Book streams of
 * which the venue gives no time, and tapes without a clock, can be asked by event.
 */
export type BookMoment = Micros | { readonly exchangeTime: Micros } | { readonly event: number }

/** A book as it stood at a moment. */
export interface TapeBook extends MaintainedBook {
  /** The last event of the stream before the moment. */
  readonly event: number
}

const bookTypes: readonly MarketEventType[] = [...bookStartTypes, 'book_update', 'order_update', 'gap']

export function bookAt(
  db: SqliteDatabase,
  reader: EventReader,
  request: BookRequest,
  moment: BookMoment,
): TapeBook | null {
  checkBookRequest(request, moment)
  if (typeof moment === 'number') checkMoment(db, 'the moment', moment)
  else if ('exchangeTime' in moment) checkMoment(db, 'exchangeTime', moment.exchangeTime)
  const lastEvent = reader.lastEvent()
  const streams = bookStreams(reader, request)
  const lastOf = new Map<number, number>()
  for (const { id } of streams) {
    const last = lastEventOf(db, id, moment, lastEvent)
    if (last !== null) lastOf.set(id, last)
  }
  const books = rebuild(db, reader, lastOf)
  const found = preferredBook([...books])
  if (found === null) return null
  const stream = streams.find(({ channel }) => channel === found.channel)
  const event = stream === undefined ? undefined : lastOf.get(stream.id)
  if (event === undefined) return null
  if (interrupted(db, event, moment)) books.interrupt()
  return { ...found, event }
}

/** Every book after the last event. */
export function booksAtEnd(db: SqliteDatabase, reader: EventReader): Books {
  const lastEvent = reader.lastEvent()
  const streams = [...reader.streams.values()].filter((stream) => natureOf(stream) === 'book')
  return rebuild(db, reader, new Map(streams.map(({ id }) => [id, lastEvent])))
}

/** The streams that the request may mean: one instrument's, of the named channel or of the best kind there is. */
function bookStreams(reader: EventReader, { venue, symbol, channel }: BookRequest): TapeStream[] {
  const books = [...reader.streams.values()].filter((stream) => natureOf(stream) === 'book')
  const ofVenue = books.filter((stream) => stream.venue === venue)
  const byId = ofVenue.filter((stream) => stream.instrument === symbol)
  const found = byId.length > 0 ? byId : ofVenue.filter((stream) => stream.symbol === symbol)
  const wanted = found.filter(
    (stream) => stream.channel === (channel ?? 'book') || (channel === undefined && !hasDefault(found)),
  )
  if (wanted.length > 0) return wanted
  const asked = `the ${channel ?? 'book'} of ${symbol} at ${venue}`
  throw notOnTape(asked, new Set(books.map((stream) => `${stream.venue} ${stream.symbol} ${stream.channel}`)))
}

function hasDefault(streams: readonly TapeStream[]): boolean {
  return streams.some(({ channel }) => channel === 'book')
}

/**
 * The last event of the stream up to the moment. By time that is the one with the greatest time: a tape may hold several
 * recordings that do not follow each other in time.
 */
function lastEventOf(
  db: SqliteDatabase,
  stream: number,
  moment: BookMoment,
  lastEvent: number,
): number | null {
  if (typeof moment === 'number') return lastByTime(db, stream, 'receive', moment)
  if ('exchangeTime' in moment) return lastByTime(db, stream, 'exchange', moment.exchangeTime)
  return lastByNumber(db, stream, Math.min(moment.event, lastEvent))
}

function lastByNumber(db: SqliteDatabase, stream: number, upTo: number): number | null {
  const segments = db
    .prepare<[number, number]>(
      `SELECT first_event, last_event FROM segments
       WHERE first_event <= ? AND ? IN (SELECT value FROM json_each(streams)) ORDER BY first_event DESC`,
    )
    .raw()
  const lastIn = db
    .prepare<number | null>('SELECT max(id) FROM events NOT INDEXED WHERE id BETWEEN ? AND ? AND stream = ?')
    .pluck()
  for (const [first, last] of segments.iterate(upTo, stream)) {
    const id = lastIn.get(first, Math.min(last, upTo), stream) ?? null
    if (id !== null) return id
  }
  return null
}

function lastByTime(
  db: SqliteDatabase,
  stream: number,
  clock: 'receive' | 'exchange',
  time: Micros,
): number | null {
  const moment = momentBy(clock)
  if (clock === 'receive' && !hasClock(db)) {
    throw new TapeError(
      'no_clock',
      'this tape has no receive times: ask for the book by { exchangeTime } or by { event }',
    )
  }
  const segments = db
    .prepare<[first: number, last: number, latest: Micros]>(
      `SELECT first_event, last_event, min(${clock}_to, ?) AS latest FROM segments
       WHERE ${clock}_from <= ? AND ? IN (SELECT value FROM json_each(streams))
       ORDER BY latest DESC, first_event DESC`,
    )
    .raw()
  const latestIn = db
    .prepare<[id: number, time: Micros]>(
      `SELECT id, ${moment} AS moment FROM events NOT INDEXED
       WHERE id BETWEEN ? AND ? AND stream = ? AND moment <= ?
       ORDER BY moment DESC, id DESC LIMIT 1`,
    )
    .raw()
  let best: readonly [id: number, time: Micros] | null = null
  for (const [first, last, latest] of segments.iterate(time, time, stream)) {
    if (best !== null && latest < best[1]) break
    const found = latestIn.get(first, last, stream, time)
    if (found === undefined) continue
    if (best === null || found[1] > best[1] || (found[1] === best[1] && found[0] > best[0])) best = found
  }
  return best?.[0] ?? null
}

/** When an event was known, in SQL: by the clock of the recording that is when it was emitted. */
function momentBy(clock: 'receive' | 'exchange'): string {
  return clock === 'receive' ? 'coalesce(emitted, receive_time)' : 'exchange_time'
}

function hasClock(db: SqliteDatabase): boolean {
  return (
    db.prepare<number>('SELECT 1 FROM segments WHERE receive_from IS NOT NULL LIMIT 1').get() !== undefined
  )
}

/** Builds the books of some streams, each from its last snapshot up to the event that is given for it. */
function rebuild(db: SqliteDatabase, reader: EventReader, upTo: ReadonlyMap<number, number>): Books {
  const books = new Books()
  const startOf = db
    .prepare<number | null>(
      `SELECT max(id) FROM events INDEXED BY book_starts
       WHERE stream = ? AND type IN (${reader.typeIds(bookStartTypes).join(', ')}) AND id <= ?`,
    )
    .pluck()
  const starts = new Map<number, number>()
  for (const [stream, last] of upTo) {
    const start = startOf.get(stream, last) ?? null
    if (start !== null) starts.set(stream, start)
  }
  if (starts.size === 0) return books
  const seams = runStarts(db)
  const toEvent = Math.max(...upTo.values())
  let seam = 0
  for (const row of reader.rows({
    fromEvent: Math.min(...starts.values()),
    toEvent,
    streams: starts,
    types: reader.typeIds(bookTypes),
    from: null,
    to: null,
  })) {
    for (; (seams[seam] ?? Number.POSITIVE_INFINITY) <= row[0]; seam++) books.interrupt()
    if (row[0] <= (upTo.get(row[1]) ?? 0)) books.apply(reader.event(row))
  }
  if ((seams[seam] ?? Number.POSITIVE_INFINITY) <= toEvent) books.interrupt()
  return books
}

/**
 * Whether another recording had begun between the book's last event and the moment, so that nothing is known of the book any
 * more. A recording of an earlier time, ingested later, does not interrupt.
 */
function interrupted(db: SqliteDatabase, event: number, moment: BookMoment): boolean {
  const later = runStarts(db).filter((first) => first > event)
  if (typeof moment !== 'number' && 'event' in moment) return later.some((first) => first <= moment.event)
  const [clock, until] =
    typeof moment === 'number' ? (['receive', moment] as const) : (['exchange', moment.exchangeTime] as const)
  const timeOf = db.prepare<Micros | null>(`SELECT ${momentBy(clock)} FROM events WHERE id = ?`).pluck()
  const since = timeOf.get(event) ?? null
  return later.some((first) => {
    const began = timeOf.get(first) ?? null
    return began !== null && since !== null && began >= since && began <= until
  })
}

function runStarts(db: SqliteDatabase): number[] {
  return db.prepare<number>('SELECT first_event FROM runs ORDER BY first_event').pluck().all()
}
