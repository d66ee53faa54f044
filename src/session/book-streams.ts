import type { Level, Micros, Order } from '../../schemas/events.js'
import { numberedAlike } from '../venue/integrity.js'
import type { CrossedWatch } from './crossed-watch.js'
import type { Refusals } from './refusals.js'
import { type Stream, streamName } from './stream.js'
import type { ChecksumFields, SnapshotFields, StreamEvents, UpdateFields } from './stream-events.js'
import type { StreamGaps } from './stream-gaps.js'
import type { StreamLife } from './stream-life.js'

/** Levels (or orders) of one book, both sides together: several times what any venue was seen to send. */
const MOST_LEVELS = 100_000
/** Characters of their numbers and ids together. */
const MOST_CHARACTERS = 32 * 1024 * 1024

/** The books of streams, L2 and L3: kept, and proved by what the venue gives. */
export class BookStreams {
  readonly #life: StreamLife
  readonly #gaps: StreamGaps
  readonly #crossed: CrossedWatch
  readonly #events: StreamEvents
  readonly #refusals: Refusals
  readonly #unplaced: (stream: Stream, at: Micros | null) => void

  /** @param unplaced told of a change that no book could take. */
  constructor(
    life: StreamLife,
    gaps: StreamGaps,
    crossed: CrossedWatch,
    events: StreamEvents,
    refusals: Refusals,
    unplaced: (stream: Stream, at: Micros | null) => void,
  ) {
    this.#life = life
    this.#gaps = gaps
    this.#crossed = crossed
    this.#events = events
    this.#refusals = refusals
    this.#unplaced = unplaced
  }

  snapshot(stream: Stream, fields: SnapshotFields<Level>, at: Micros | null): void {
    if (stream.state === 'leaving') return
    stream.record.book.snapshot(fields.bids, fields.asks)
    if (this.#outgrown(stream, at)) return
    this.#renewed(stream, fields, at)
    this.#events.bookSnapshot(stream, fields, at)
    this.#crossed.look(stream, at, at)
  }

  update(stream: Stream, fields: UpdateFields<Level>, at: Micros | null): boolean {
    const { record } = stream
    const { book, lastData } = record
    if (!this.#takes(stream, at)) return false
    const absent = book.update(fields.bids, fields.asks)
    if (absent > 0 && stream.spec.rows?.absent !== 'ignore') {
      this.#contradicted(stream, `${absent} removed level(s) were not in the book`, at)
      return false
    }
    if (this.#outgrown(stream, at)) return false
    book.lastUpdate = at
    record.sequence = fields.sequence ?? null
    this.#life.alive(stream, at)
    this.#events.bookUpdate(stream, fields, at)
    if (this.#overflows(stream, at)) return false
    this.#crossed.look(stream, at, lastData)
    return true
  }

  /** More levels than the venue's window holds: one of them has left it, and its removal is missing. */
  #overflows(stream: Stream, at: Micros | null): boolean {
    const window = stream.spec.image?.window
    if (window === undefined) return false
    const { book } = stream.record
    const levels = Math.max(book.count('bids'), book.count('asks'))
    if (levels <= window.levels) return false
    this.#contradicted(stream, `${levels} levels on a side of a window of ${window.levels}`, at)
    return true
  }

  orderSnapshot(stream: Stream, fields: SnapshotFields<Order>, at: Micros | null): void {
    if (stream.state === 'leaving') return
    const { book, ledger } = stream.record
    ledger.snapshot(fields.bids, fields.asks)
    if (this.#outgrown(stream, at)) return
    book.snapshot(ledger.levels('bids'), ledger.levels('asks'))
    this.#renewed(stream, fields, at)
    this.#events.orderSnapshot(stream, fields, at)
    this.#crossed.look(stream, at, at)
  }

  orderUpdate(stream: Stream, fields: UpdateFields<Order>, at: Micros | null): boolean {
    const { record } = stream
    const { book, ledger, lastData } = record
    if (!this.#takes(stream, at)) return false
    for (const side of ['bids', 'asks'] as const) {
      for (const order of fields[side]) {
        const { change, prices } = ledger.set(side, order)
        if (change === 'absent' && stream.spec.rows?.absent !== 'ignore') {
          this.#contradicted(stream, `removed order ${order[0]} was not in the book`, at)
          return false
        }
        for (const price of prices) book.set(side, ...ledger.level(side, price))
      }
    }
    if (this.#outgrown(stream, at)) return false
    book.lastUpdate = at
    record.sequence = fields.sequence ?? null
    this.#life.alive(stream, at)
    this.#events.orderUpdate(stream, fields, at)
    this.#crossed.look(stream, at, lastData)
    return true
  }

  #takes(stream: Stream, at: Micros | null): boolean {
    if (stream.state === 'leaving') return false
    if (stream.record.book.state === 'live') return true
    this.#unplaced(stream, at)
    return false
  }

  checksum(stream: Stream, fields: ChecksumFields, at: Micros | null): void {
    const { record } = stream
    const ok = fields.expected === fields.actual
    if (ok) {
      record.proved = at
      record.lastData = at
    } else {
      const detail = `expected ${fields.expected}, the book has ${fields.actual}`
      this.#gaps.open(stream, 'checksum', detail, at, record.proved)
    }
    this.#events.checksum(stream, fields, ok, at)
    stream.mismatches = ok ? 0 : stream.mismatches + 1
    if (ok) return
    this.#gaps.resubscribe(stream)
    const signed = stream.spec.checks?.find((check) => check.kind === 'checksum')
    if (signed !== undefined && stream.mismatches >= signed.failures) {
      this.#life.reconnect(
        `${stream.mismatches} checksums of ${stream.instrument.symbol} in a row do not fit`,
      )
    }
  }

  #renewed(stream: Stream, fields: SnapshotFields<unknown>, at: Micros | null): void {
    const { record } = stream
    const { depth, sequence = null, exchangeTime, receivedAt } = fields
    record.depth = depth
    record.sequence = sequence
    record.book.lastUpdate = at
    record.proved = at
    const key = numberedAlike(stream.spec) ? sequence : null
    this.#gaps.close(stream, true, at, { key, exchangeTime, receiveTime: receivedAt ?? at })
    this.#life.alive(stream, at)
  }

  /** A book beyond all bounds is given up, and asked for again after a while. @returns whether it was */
  #outgrown(stream: Stream, at: Micros | null): boolean {
    const { book, ledger } = stream.record
    const levels = Math.max(book.levels, ledger.count('bids') + ledger.count('asks'))
    const characters = Math.max(book.characters, ledger.characters)
    if (levels <= MOST_LEVELS && characters <= MOST_CHARACTERS) return false
    book.clear()
    ledger.clear()
    const detail = `the book has more than ${MOST_LEVELS} levels or ${MOST_CHARACTERS} characters`
    this.#gaps.open(stream, 'overflow', detail, at)
    this.#life.postpone(stream, this.#refusals.refused(streamName(stream), detail, at), at)
    return true
  }

  /** What the book lacks may have been lost at any time since it was last proved. */
  #contradicted(stream: Stream, detail: string, at: Micros | null): void {
    this.#gaps.resync(stream, 'sequence', detail, at, stream.record.proved)
  }
}
