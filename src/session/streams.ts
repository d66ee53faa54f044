import type { GapReason, Level, Micros, Order, StreamEvent } from '../../schemas/events.js'
import type { Channel, ChannelSpec, Instrument, SessionInit, Sink, Subscription } from '../connector.js'
import type { DecodeError } from '../errors.js'
import type { Alarms } from './alarms.js'
import { BookStreams } from './book-streams.js'
import { CrossedWatch } from './crossed-watch.js'
import type { CandleFields, TradeFields } from './fields.js'
import { logEventId } from './log-event-id.js'
import type { StreamMemory } from './memory.js'
import { Refusals } from './refusals.js'
import { defaultPolicy, isLog, natureOf, type Stream, type StreamPolicy, streamName } from './stream.js'
import {
  type ChecksumFields,
  type DerivativeFields,
  type LiquidationFields,
  type QuoteFields,
  type SnapshotFields,
  StreamEvents,
  type TickerFields,
  type Times,
  type UpdateFields,
} from './stream-events.js'
import { type NextEvent, StreamGaps } from './stream-gaps.js'
import { StreamLife } from './stream-life.js'

const JOINED_LATE = 'changes came and no snapshot before them: the log begins after the subscription'

/**
 * The streams of one connection: their states, the books they maintain, the gaps they open and close, and the events
 * they emit. Everything that is the same at every venue is here; a venue's session says what its frames mean.
 *
 * The rules kept: a gap is emitted before anything else on its stream; after a gap on a book no update before the next
 * snapshot; no trade twice, however often history repeats it.
 */
export class Streams {
  /** Requests that are refused and made again. */
  readonly refusals: Refusals
  readonly #init: SessionInit
  readonly #memory: StreamMemory
  readonly #sink: Sink
  readonly #alarms: Alarms
  readonly #events: StreamEvents
  readonly #gaps: StreamGaps
  readonly #life: StreamLife
  readonly #crossed: CrossedWatch
  readonly #books: BookStreams

  constructor(
    venue: string,
    channels: readonly ChannelSpec[],
    policy: StreamPolicy,
    init: SessionInit,
    memory: StreamMemory,
    sink: Sink,
    alarms: Alarms,
  ) {
    const rules = { ...defaultPolicy, ...policy }
    const events = new StreamEvents(venue, init, sink)
    const gaps = new StreamGaps(init, sink, events)
    this.#init = init
    this.#memory = memory
    this.#sink = sink
    this.#alarms = alarms
    this.#events = events
    this.refusals = new Refusals(init, events)
    this.#gaps = gaps
    this.#life = new StreamLife(venue, channels, rules, init, memory, sink, alarms, gaps, events)
    this.#crossed = new CrossedWatch(rules.crossedForMs, init.instruments, alarms, gaps)
    const unplaced = (stream: Stream, at: Micros | null) => this.unplaced(stream, at)
    this.#books = new BookStreams(this.#life, gaps, this.#crossed, events, this.refusals, unplaced)
  }

  // ── Life of a stream ────────────────────────────────────────────────────────────────────────────────────────────

  /** A subscribe has been sent. */
  request(subscription: Subscription, at: Micros | null): Stream {
    return this.#life.request(subscription, at)
  }

  /**
   * The venue granted the stream. In a log this is how a stream becomes known (see {@link adopt}).
   *
   * @param backfilled whether the session fetches what was missed: the gap of a stream without a snapshot then stays open
   * until {@link history} or the next live datum closes it. @default false
   */
  ack(stream: Stream, at: Micros | null, backfilled = false): void {
    this.#life.ack(stream, at, backfilled)
  }

  /** A stream that a log shows: by its ack, or by its first datum where the log begins later. */
  adopt(instrument: Instrument, channel: Channel, at: Micros | null): Stream {
    return this.#life.adopt(instrument, channel, at)
  }

  /**
   * The venue refused: said once as a `connection` event with state `refused`, and the stream is given up.
   *
   * @param full the connection has as many streams as the venue allows: another one is asked. @default false
   */
  refuse(stream: Stream, reason: string, at: Micros | null, full = false): void {
    const { instrument, channel } = stream
    this.remove(stream)
    this.#memory.refused(instrument, channel, reason)
    this.connection('refused', `${streamName(stream)}: ${reason}`, at)
    if (full && !this.#init.adopt) this.#sink.full?.({ instrument, channel })
  }

  /** The venue refuses a subscribe for now: it is sent again after the wait, and the socket is not held to be the fault. */
  postpone(stream: Stream, waitMs: number, at: Micros | null): void {
    this.#life.postpone(stream, waitMs, at)
  }

  /** The stream waits for something else that the venue refuses: that it stays silent is no fault of the subscription. */
  excuse(stream: Stream): void {
    this.#life.excuse(stream)
  }

  /** An unsubscribe has been sent: what still comes is dropped, and the book is no longer kept. */
  leave(stream: Stream): void {
    this.#life.leave(stream)
    this.#crossed.forget(stream)
    stream.record.distrust()
  }

  /** The stream is over (unsubscribed, refused). */
  remove(stream: Stream): void {
    this.#life.remove(stream)
    this.#crossed.forget(stream)
    stream.record.distrust()
  }

  get(instrument: string, channel: Channel): Stream | undefined {
    return this.#life.get(instrument, channel)
  }

  values(): IterableIterator<Stream> {
    return this.#life.values()
  }

  /** Life of a stream that brings no event (a heartbeat of the channel). */
  touch(stream: Stream, at: Micros | null): void {
    this.#life.touch(stream, at)
  }

  // ── Gaps ────────────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * The stream may have a hole from here: said at once, and the book is suspect until the next snapshot.
   *
   * @param from the last moment at which the stream was good. @default its last datum
   */
  gap(
    stream: Stream,
    reason: GapReason,
    detail: string | null,
    at: Micros | null,
    from?: Micros | null,
  ): void {
    this.#gaps.open(stream, reason, detail, at, from)
  }

  /** The reader lacks events of the stream: a gap, and for a book a fresh snapshot. */
  overflowed(stream: Stream, from: Micros | null, at: Micros, detail: string): void {
    this.#gaps.open(stream, 'overflow', detail, at, from)
    if (natureOf(stream) === 'book') this.#gaps.resubscribe(stream)
  }

  /** A {@link gap}, and the stream asked for again. */
  resync(
    stream: Stream,
    reason: GapReason,
    detail: string | null,
    at: Micros | null,
    from?: Micros | null,
  ): void {
    this.#gaps.resync(stream, reason, detail, at, from)
  }

  /** A gap on every stream of the connection: a hole of unknown place, or the end of the connection. */
  gapAll(reason: GapReason, detail: string | null, at: Micros | null): void {
    for (const stream of this.#life.values()) {
      if (stream.state !== 'leaving' && (stream.record.seen || stream.state !== 'requested')) {
        this.#gaps.open(stream, reason, detail, at)
      }
    }
  }

  resubscribe(stream: Stream): void {
    this.#gaps.resubscribe(stream)
  }

  /** A {@link resubscribe} of a book that nothing speaks against: the session compares what comes with what is held. */
  audit(stream: Stream): void {
    stream.audited = true
    this.#gaps.resubscribe(stream)
  }

  // ── Books ───────────────────────────────────────────────────────────────────────────────────────────────────────

  /** A whole book. Closes the stream's gap as healed, then is emitted. */
  snapshot(stream: Stream, fields: SnapshotFields<Level>, at: Micros | null): void {
    this.#books.snapshot(stream, fields, at)
  }

  /**
   * Changes of a book. Dropped while the book is not live.
   * @returns whether the book took them and is still live.
   */
  update(stream: Stream, fields: UpdateFields<Level>, at: Micros | null): boolean {
    return this.#books.update(stream, fields, at)
  }

  /** A whole L3 book; the stream's L2 view follows from it. */
  orderSnapshot(stream: Stream, fields: SnapshotFields<Order>, at: Micros | null): void {
    this.#books.orderSnapshot(stream, fields, at)
  }

  /**
   * Changes of single orders. Dropped while the book is not live.
   * @returns whether the book took them and is still live.
   */
  orderUpdate(stream: Stream, fields: UpdateFields<Order>, at: Micros | null): boolean {
    return this.#books.orderUpdate(stream, fields, at)
  }

  /**
   * A change of a book came and there is no book to apply it to. In a log it is counted as unused, and the stretch up to the next
   * snapshot is a gap: a log that begins after the subscription shows a book's changes before its first snapshot.
   */
  unplaced(stream: Stream, at: Micros | null): void {
    if (!this.#init.adopt || stream.state === 'leaving') return
    this.reportUnplaced(stream, 1)
    if (stream.record.gap === null) this.#gaps.open(stream, 'joined_late', JOINED_LATE, at)
  }

  /** A change waits for the snapshot that it is joined to. Where a log begins inside the connection, nothing is known until then: a gap. */
  awaitsSnapshot(stream: Stream, at: Micros | null): void {
    const { adopt, amid = false } = this.#init
    if (!adopt || !amid || stream.record.gap !== null) return
    this.#gaps.open(stream, 'joined_late', JOINED_LATE, at)
  }

  /** Changes that waited for a snapshot which did not come: counted, without a gap. */
  reportUnplaced({ record, instrument, channel }: Stream, frames: number): void {
    if (frames === 0) return
    const holed = record.gap !== null && record.gap.reason !== 'joined_late'
    const cause = holed ? 'in_gap' : 'before_snapshot'
    const { symbol, instrument: id } = instrument
    this.#sink.unused?.({ cause, frames, stream: { symbol, instrument: id, channel } })
  }

  /** The venue's signature over the book as it now stands. A mismatch is a gap, and the book is asked for again. */
  checksum(stream: Stream, fields: ChecksumFields, at: Micros | null): void {
    this.#books.checksum(stream, fields, at)
  }

  // ── Trades ──────────────────────────────────────────────────────────────────────────────────────────────────────

  /** A trade as it happens. @returns false where the id was emitted before. */
  trade(stream: Stream, fields: TradeFields, at: Micros | null): boolean {
    if (stream.state === 'leaving' || !stream.record.tradeIds.add(fields.id)) return false
    this.#gaps.close(stream, false, at, nextTrade(fields, at))
    this.#life.alive(stream, at)
    this.#tell(stream, fields, false, at)
    return true
  }

  /**
   * The trades that a venue sends as history. Each id is emitted once, ever; where the rows reach back to a trade that was seen
   * before, nothing was missed and the stream's gap is healed. What lies in a gap is emitted oldest first; what a stream begins with
   * comes in the order of the wire.
   *
   * @param first which of the rows the venue puts first. @default 'oldest'
   */
  history(
    stream: Stream,
    rows: readonly TradeFields[],
    at: Micros | null,
    first: 'oldest' | 'newest' = 'oldest',
  ): void {
    if (stream.state === 'leaving') return
    const { tradeIds, gap } = stream.record
    const ordered = first === 'newest' && gap !== null ? rows.toReversed() : rows
    const overlaps = rows.some((row) => tradeIds.has(row.id))
    this.#life.alive(stream, at)
    for (const row of ordered) if (tradeIds.add(row.id)) this.#tell(stream, row, true, at)
    this.#gaps.close(stream, overlaps, at)
  }

  /**
   * Trades that were fetched to fill the stream's gap, oldest first. Each id is emitted once, ever; the gap stays open.
   * @returns how many were not known.
   */
  backfill(stream: Stream, rows: readonly TradeFields[], at: Micros | null): number {
    this.#life.alive(stream, at)
    let news = 0
    for (const row of rows) {
      if (!stream.record.tradeIds.add(row.id)) continue
      this.#tell(stream, row, true, at)
      news++
    }
    return news
  }

  /**
   * The stream's gap is over.
   * @param healed whether everything that it cost was told
   * @param next the trade that follows at once; null where none does
   */
  endGap(stream: Stream, healed: boolean, at: Micros | null, next: TradeFields | null = null): void {
    this.#gaps.close(stream, healed, at, next === null ? null : nextTrade(next, at))
  }

  #tell(stream: Stream, fields: TradeFields, historical: boolean, at: Micros | null): void {
    stream.record.told(fields, historical)
    this.#events.trade(stream, fields, historical, at)
  }

  // ── Everything else ─────────────────────────────────────────────────────────────────────────────────────────────

  quote(stream: Stream, fields: QuoteFields, at: Micros | null): void {
    if (this.#datum(stream, at, fields.exchangeTime)) this.#events.quote(stream, fields, at)
  }

  ticker(stream: Stream, fields: TickerFields, at: Micros | null): void {
    if (this.#datum(stream, at, fields.exchangeTime)) this.#events.ticker(stream, fields, at)
  }

  candle(stream: Stream, fields: CandleFields & { readonly closed: boolean }, at: Micros | null): void {
    this.#candle(stream, fields, fields.closed, at)
  }

  /**
   * A candle of a venue that has no mark for a final one: it is final when a later one is seen. The former candle is then
   * emitted once more as closed; a correction of an older one comes as closed.
   */
  rollingCandle(stream: Stream, fields: CandleFields, at: Micros | null): void {
    const held = stream.record.candle
    if (held !== null && fields.openTime < held.openTime) {
      this.#candle(stream, fields, true, at)
      return
    }
    if (held !== null && fields.openTime > held.openTime) this.#candle(stream, held, true, at)
    stream.record.candle = { ...fields, receivedAt: null }
    this.#candle(stream, fields, false, at)
  }

  #candle(stream: Stream, fields: CandleFields, closed: boolean, at: Micros | null): void {
    const key = closed ? `${fields.openTime} closed` : String(fields.openTime)
    if (this.#datum(stream, at, fields.exchangeTime, key)) this.#events.candle(stream, fields, closed, at)
  }

  derivative(stream: Stream, fields: DerivativeFields, at: Micros | null): void {
    if (this.#datum(stream, at, fields.exchangeTime)) this.#events.derivative(stream, fields, at)
  }

  /** `instrument` is the one liquidated: a channel for all markets names it in the row. */
  liquidation(stream: Stream, instrument: Instrument, fields: LiquidationFields, at: Micros | null): void {
    if (this.#datum(stream, at, fields.exchangeTime, fields.id))
      this.#events.liquidation(stream, instrument, fields, at)
  }

  /** The instrument's own data changed. */
  instrument(stream: Stream, instrument: Instrument, times: Times): void {
    if (!this.#datum(stream, times.receiveTime, times.exchangeTime)) return
    this.#init.instruments.add(instrument)
    this.#events.instrument(instrument, stream.channel, times)
  }

  /** An event that only one venue has, ready made; counted as life of the stream. */
  emit(stream: Stream, event: StreamEvent, at: Micros | null): void {
    if (this.#datum(stream, at, event.exchangeTime, logEventId(event))) this.#sink.emit(event)
  }

  /** A datum that is no book and no trade: the next one is the whole truth again. @returns false where the stream is being left */
  #datum(
    stream: Stream,
    at: Micros | null,
    exchangeTime: Micros | null = null,
    key: string | null = null,
  ): boolean {
    if (stream.state === 'leaving') return false
    this.#gaps.close(stream, !isLog(stream.kind), at, { key, exchangeTime, receiveTime: at })
    this.#life.alive(stream, at)
    return true
  }

  // ── The connection ──────────────────────────────────────────────────────────────────────────────────────────────

  /** Which attempt since the last stable connection this is, for `connection` events. */
  set attempt(attempt: number) {
    this.#events.attempt = attempt
  }

  connection(state: 'ready' | 'maintenance' | 'refused', reason: string | null, at: Micros | null): void {
    this.#events.connection(state, reason, at)
  }

  /** A frame, or a part of one, that does not fit. */
  malformed(error: DecodeError, frame: string, at: Micros | null): void {
    this.#events.malformed(error, frame, at)
  }

  /** The connection is gone: every stream that had begun has a hole from here. */
  closed(detail: string, at: Micros | null): void {
    this.#alarms.clearAll()
    this.gapAll('disconnected', detail, at)
    this.#life.removeAll()
  }
}

function nextTrade({ id, exchangeTime, receivedAt }: TradeFields, at: Micros | null): NextEvent {
  return { key: id, exchangeTime, receiveTime: receivedAt ?? at }
}
