import type {
  AmountUnit,
  DerivativeEvent,
  GapReason,
  Level,
  LiquidationEvent,
  MarketEvent,
  Micros,
  Order,
  QuoteEvent,
  Side,
  TickerEvent,
  TradeEvent,
} from '../../schemas/events.js'
import type {
  Channel,
  ChannelKind,
  ChannelSpec,
  Instrument,
  SessionInit,
  Sink,
  Subscription,
} from '../connector.js'
import { TapewireError } from '../errors.js'
import { shownUrl } from '../options.js'
import type { Alarms } from './alarms.js'
import type { CandleFields, StreamRecord } from './memory.js'

/**
 * `requested`: asked for, no ack yet. `acked`: granted, no datum yet. `live`: data came. `leaving`: unsubscribed, late
 * frames may follow and are dropped.
 */
export type StreamState = 'requested' | 'acked' | 'live' | 'leaving'

/** One channel of one instrument on this connection. */
export interface Stream {
  readonly instrument: Instrument
  readonly channel: Channel
  readonly kind: ChannelKind
  /** What follows the colon of the channel; empty for the bare kind. */
  readonly variant: string
  readonly spec: ChannelSpec
  readonly record: StreamRecord
  state: StreamState
  /** Tries since the last datum: of the subscribe and of the first datum. */
  tries: number
}

/** How streams behave at a venue, declared as data. */
export interface StreamPolicy {
  /** An unanswered subscribe is sent again after this. @default 30_000 */
  readonly ackTimeoutMs?: number
  /** An acked stream whose snapshot is promised is asked for again after this. @default 15_000 */
  readonly firstDatumMs?: number
  /** A removal of a level that is not there: `gap` where the venue proves its book, `ignore` where it is known to happen. @default 'gap' */
  readonly absentLevel?: 'gap' | 'ignore'
  /** How long a book may be crossed before that is a gap; null where the venue allows it. @default 2_000 */
  readonly crossedForMs?: number | null
  /**
   * What follows when a granted stream stays silent through every try: the socket is replaced, or, where a venue grants what
   * does not trade, it is said once as a `refused` connection event and the grant is kept. @default 'reconnect'
   */
  readonly silentGrant?: 'reconnect' | 'say'
}

/** The times of the frame that an event came in. */
export interface Times {
  readonly exchangeTime: Micros | null
  readonly receiveTime: Micros | null
}

export interface TradeFields {
  readonly id: string
  readonly price: string
  readonly amount: string
  readonly side: Side | null
  readonly exchangeTime: Micros | null
  readonly sequence?: string | null
  readonly liquidation?: boolean
}

export interface SnapshotFields<Row> {
  readonly bids: Row[]
  readonly asks: Row[]
  readonly depth: number | null
  readonly exchangeTime: Micros | null
  readonly sequence?: string | null
}

export interface UpdateFields<Row> {
  readonly bids: Row[]
  readonly asks: Row[]
  readonly exchangeTime: Micros | null
  readonly sequence?: string | null
}

type Body<E> = Omit<E, 'type' | 'venue' | 'symbol' | 'instrument' | 'channel' | 'receiveTime'>

/** Resubscribes of one stream before the socket itself is held to be the fault. */
const TRIES_A_CONNECTION = 3

/**
 * The streams of one connection: their states, the books they maintain, the gaps they open and close, and the events
 * they emit. Everything that is the same at every venue is here; a venue's session says what its frames mean.
 *
 * The rules kept: a gap is emitted before anything else on its stream; after a gap on a book no update before the next
 * snapshot; no trade twice, however often history repeats it.
 */
export class Streams {
  readonly #venue: string
  readonly #init: SessionInit
  readonly #sink: Sink
  readonly #alarms: Alarms
  readonly #channels: readonly ChannelSpec[]
  readonly #policy: Required<StreamPolicy>
  readonly #streams = new Map<string, Stream>()
  /** Books that are crossed, with an alarm each. */
  readonly #crossed = new Set<Stream>()
  /** Streams whose cadence alarm is set; asked with every frame, and cheaper than the alarm by its name. */
  readonly #timed = new Set<Stream>()
  /** Which attempt since the last stable connection this is, for `connection` events. */
  attempt = 1

  constructor(
    venue: string,
    channels: readonly ChannelSpec[],
    policy: StreamPolicy,
    init: SessionInit,
    sink: Sink,
    alarms: Alarms,
  ) {
    this.#venue = venue
    this.#channels = channels
    this.#init = init
    this.#sink = sink
    this.#alarms = alarms
    this.#policy = {
      ackTimeoutMs: 30_000,
      firstDatumMs: 15_000,
      absentLevel: 'gap',
      crossedForMs: 2_000,
      silentGrant: 'reconnect',
      ...policy,
    }
  }

  // ── Life of a stream ────────────────────────────────────────────────────────────────────────────────────────────

  /** A subscribe has been sent. */
  request(subscription: Subscription, at: Micros | null): Stream {
    const stream = this.#open(subscription.instrument, subscription.channel)
    stream.state = 'requested'
    this.#alarms.set(this.#alarm('ack', stream), at, this.#policy.ackTimeoutMs, () => {
      this.#again(stream, `no answer to the subscribe of ${name(stream)}`)
    })
    return stream
  }

  /**
   * The venue granted the stream. In a log this is how a stream becomes known (see {@link adopt}).
   *
   * @param backfilled whether the session fetches what was missed: the gap of a stream without a snapshot then stays open
   * until {@link history} or the next live datum closes it. @default false
   */
  ack(stream: Stream, at: Micros | null, backfilled = false): void {
    if (stream.state !== 'requested') return
    stream.state = 'acked'
    stream.record.acked = at
    this.#alarms.clear(this.#alarm('ack', stream))
    this.#announce(stream, at)
    if (!stream.spec.snapshot) {
      if (isLog(stream.kind) && !backfilled) this.#closeGap(stream, false, at)
      return
    }
    this.#alarms.set(this.#alarm('first', stream), at, this.#policy.firstDatumMs, (now) => {
      const reason = `${name(stream)} was granted and stays silent`
      if (this.#policy.silentGrant === 'say' && stream.tries + 1 >= TRIES_A_CONNECTION) {
        this.connection('refused', reason, now)
      } else this.#again(stream, reason)
    })
  }

  /** A stream that a log shows: by its ack, or by its first datum where the log begins later. */
  adopt(instrument: Instrument, channel: Channel, at: Micros | null): Stream {
    const held = this.get(instrument.instrument, channel)
    if (held !== undefined && held.state !== 'leaving') return held
    const stream = this.#open(instrument, channel)
    stream.state = 'requested'
    this.ack(stream, at)
    return stream
  }

  /**
   * The venue refused: said once as a `connection` event with state `refused`, and the stream is given up.
   *
   * @param full the connection has as many streams as the venue allows: another one is asked. @default false
   */
  refuse(stream: Stream, reason: string, at: Micros | null, full = false): void {
    this.remove(stream)
    this.connection('refused', `${name(stream)}: ${reason}`, at)
    const { instrument, channel } = stream
    if (full && !this.#init.adopt) this.#sink.full?.({ instrument, channel })
  }

  /** An unsubscribe has been sent: what still comes is dropped. */
  leave(stream: Stream): void {
    stream.state = 'leaving'
    this.#silence(stream)
  }

  /** The stream is over (unsubscribed, refused). */
  remove(stream: Stream): void {
    this.#silence(stream)
    const key = streamKey(stream.instrument.instrument, stream.channel)
    if (this.#streams.get(key) === stream) this.#streams.delete(key)
  }

  get(instrument: string, channel: Channel): Stream | undefined {
    return this.#streams.get(streamKey(instrument, channel))
  }

  values(): IterableIterator<Stream> {
    return this.#streams.values()
  }

  // ── Gaps ────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The stream may have a hole from here: said at once, and the book is suspect until the next snapshot. */
  gap(
    stream: Stream,
    reason: GapReason,
    detail: string | null,
    at: Micros | null,
    from = stream.record.lastData,
  ): void {
    const { record } = stream
    if (record.gap !== null) return
    if (record.book.state === 'live') record.book.state = 'suspect'
    record.gap = { reason, from }
    this.#emitGap(stream, 'open', reason, from, null, false, detail, at)
  }

  /** Events of the stream were dropped unread: a gap, and for a book a fresh snapshot. */
  overflowed(stream: Stream, from: Micros | null, at: Micros): void {
    this.gap(stream, 'overflow', 'the reader was too slow', at, from)
    if (stream.kind === 'book' || stream.kind === 'order') this.resubscribe(stream)
  }

  /** A gap on one stream, and the stream asked for again. */
  resync(stream: Stream, reason: GapReason, detail: string | null, at: Micros | null): void {
    this.gap(stream, reason, detail, at)
    this.resubscribe(stream)
  }

  /** A gap on every stream of the connection: a hole of unknown place, or the end of the connection. */
  gapAll(reason: GapReason, detail: string | null, at: Micros | null): void {
    for (const stream of this.#streams.values()) {
      if (stream.state !== 'leaving' && (stream.record.seen || stream.state !== 'requested')) {
        this.gap(stream, reason, detail, at)
      }
    }
  }

  resubscribe(stream: Stream): void {
    if (this.#init.adopt) return
    this.#sink.resubscribe({ instrument: stream.instrument, channel: stream.channel })
  }

  // ── Books ───────────────────────────────────────────────────────────────────────────────────────────────────────

  /** A whole book. Closes the stream's gap as healed, then is emitted. */
  snapshot(stream: Stream, fields: SnapshotFields<Level>, at: Micros | null): void {
    if (stream.state === 'leaving') return
    const { record, instrument, channel } = stream
    record.book.snapshot(fields.bids, fields.asks)
    record.book.lastUpdate = at
    record.proved = at
    this.#closeGap(stream, true, at)
    this.#alive(stream, at)
    this.#sink.emit({
      type: 'book_snapshot',
      venue: this.#venue,
      symbol: instrument.symbol,
      instrument: instrument.instrument,
      channel,
      exchangeTime: fields.exchangeTime,
      receiveTime: at,
      sequence: fields.sequence ?? null,
      bids: fields.bids,
      asks: fields.asks,
      amountUnit: instrument.amountUnit,
      depth: fields.depth,
    })
    this.#watchCrossed(stream, at, at)
  }

  /**
   * Changes of a book. Dropped while the book is not live.
   * @returns whether the book took them and is still live.
   */
  update(stream: Stream, fields: UpdateFields<Level>, at: Micros | null): boolean {
    const { record, instrument, channel } = stream
    const { book, lastData } = record
    if (stream.state === 'leaving' || book.state !== 'live') return false
    const absent = book.update(fields.bids, fields.asks)
    if (absent > 0 && this.#policy.absentLevel === 'gap') {
      this.resync(stream, 'sequence', `${absent} removed level(s) were not in the book`, at)
      return false
    }
    book.lastUpdate = at
    this.#alive(stream, at)
    this.#sink.emit({
      type: 'book_update',
      venue: this.#venue,
      symbol: instrument.symbol,
      instrument: instrument.instrument,
      channel,
      exchangeTime: fields.exchangeTime,
      receiveTime: at,
      sequence: fields.sequence ?? null,
      bids: fields.bids,
      asks: fields.asks,
    })
    this.#watchCrossed(stream, at, lastData)
    return true
  }

  /** A whole L3 book; the stream's L2 view follows from it. */
  orderSnapshot(stream: Stream, fields: SnapshotFields<Order>, at: Micros | null): void {
    if (stream.state === 'leaving') return
    const { record, instrument, channel } = stream
    record.ledger.snapshot(fields.bids, fields.asks)
    record.book.snapshot(record.ledger.levels('bids'), record.ledger.levels('asks'))
    record.book.lastUpdate = at
    record.proved = at
    this.#closeGap(stream, true, at)
    this.#alive(stream, at)
    this.#sink.emit({
      type: 'order_snapshot',
      venue: this.#venue,
      symbol: instrument.symbol,
      instrument: instrument.instrument,
      channel,
      exchangeTime: fields.exchangeTime,
      receiveTime: at,
      sequence: fields.sequence ?? null,
      bids: fields.bids,
      asks: fields.asks,
      amountUnit: instrument.amountUnit,
      depth: fields.depth,
    })
    this.#watchCrossed(stream, at, at)
  }

  /** Changes of single orders. Dropped while the book is not live. */
  orderUpdate(stream: Stream, fields: UpdateFields<Order>, at: Micros | null): boolean {
    const { record, instrument, channel } = stream
    if (stream.state === 'leaving' || record.book.state !== 'live') return false
    const { lastData } = record
    for (const side of ['bids', 'asks'] as const) {
      for (const order of fields[side]) {
        const { change, prices } = record.ledger.set(side, order)
        if (change === 'absent' && this.#policy.absentLevel === 'gap') {
          this.resync(stream, 'sequence', `removed order ${order[0]} was not in the book`, at)
          return false
        }
        for (const price of prices) record.book.set(side, ...record.ledger.level(side, price))
      }
    }
    record.book.lastUpdate = at
    this.#alive(stream, at)
    this.#sink.emit({
      type: 'order_update',
      venue: this.#venue,
      symbol: instrument.symbol,
      instrument: instrument.instrument,
      channel,
      exchangeTime: fields.exchangeTime,
      receiveTime: at,
      sequence: fields.sequence ?? null,
      bids: fields.bids,
      asks: fields.asks,
    })
    this.#watchCrossed(stream, at, lastData)
    return true
  }

  /** The venue's signature over the book as it now stands. A mismatch is a gap, and the book is asked for again. */
  checksum(
    stream: Stream,
    fields: {
      readonly expected: string
      readonly actual: string
      readonly exchangeTime: Micros | null
      readonly sequence?: string | null
    },
    at: Micros | null,
  ): void {
    const { instrument, channel, record } = stream
    const ok = fields.expected === fields.actual
    // What was applied since the last proof may have been wrong already.
    if (ok) {
      record.proved = at
      record.lastData = at
    } else {
      const detail = `expected ${fields.expected}, the book has ${fields.actual}`
      this.gap(stream, 'checksum', detail, at, record.proved)
    }
    this.#sink.emit({
      type: 'checksum',
      venue: this.#venue,
      symbol: instrument.symbol,
      instrument: instrument.instrument,
      channel,
      exchangeTime: fields.exchangeTime,
      receiveTime: at,
      sequence: fields.sequence ?? null,
      ok,
      expected: fields.expected,
      actual: fields.actual,
    })
    if (!ok) this.resubscribe(stream)
  }

  // ── Trades ──────────────────────────────────────────────────────────────────────────────────────────────────────

  /** A trade as it happens. @returns false where the id was emitted before. */
  trade(stream: Stream, fields: TradeFields, at: Micros | null): boolean {
    if (stream.state === 'leaving' || !stream.record.tradeIds.add(fields.id)) return false
    if (stream.record.gap !== null) this.#closeGap(stream, false, at)
    this.#alive(stream, at)
    this.#emitTrade(stream, fields, false, at)
    return true
  }

  /**
   * The trades that a venue sends as history, in the order of the wire. Each id is emitted once, ever; where the rows
   * reach back to a trade that was seen before, nothing was missed and the stream's gap is healed.
   */
  history(stream: Stream, rows: readonly TradeFields[], at: Micros | null): void {
    if (stream.state === 'leaving') return
    const overlaps = rows.some((row) => stream.record.tradeIds.has(row.id))
    this.#alive(stream, at)
    for (const row of rows) if (stream.record.tradeIds.add(row.id)) this.#emitTrade(stream, row, true, at)
    this.#closeGap(stream, overlaps, at)
  }

  // ── Everything else ─────────────────────────────────────────────────────────────────────────────────────────────

  quote(
    stream: Stream,
    fields: Omit<Body<QuoteEvent>, 'amountUnit' | 'sequence'> & { readonly sequence?: string | null },
    at: Micros | null,
  ): void {
    if (!this.#state(stream, at)) return
    const { instrument, channel } = stream
    this.#sink.emit({
      type: 'quote',
      venue: this.#venue,
      symbol: instrument.symbol,
      instrument: instrument.instrument,
      channel,
      exchangeTime: fields.exchangeTime,
      receiveTime: at,
      sequence: fields.sequence ?? null,
      bidPrice: fields.bidPrice,
      bidAmount: fields.bidAmount,
      askPrice: fields.askPrice,
      askAmount: fields.askAmount,
      amountUnit: instrument.amountUnit,
    })
  }

  ticker(stream: Stream, fields: Partial<Body<TickerEvent>>, at: Micros | null): void {
    if (!this.#state(stream, at)) return
    const { instrument, channel } = stream
    this.#sink.emit({
      type: 'ticker',
      venue: this.#venue,
      symbol: instrument.symbol,
      instrument: instrument.instrument,
      channel,
      exchangeTime: fields.exchangeTime ?? null,
      receiveTime: at,
      last: fields.last ?? null,
      open: fields.open ?? null,
      high: fields.high ?? null,
      low: fields.low ?? null,
      volume: fields.volume ?? null,
      volumeUnit: fields.volumeUnit ?? 'base',
      quoteVolume: fields.quoteVolume ?? null,
      vwap: fields.vwap ?? null,
      change: fields.change ?? null,
      bidPrice: fields.bidPrice ?? null,
      askPrice: fields.askPrice ?? null,
    })
  }

  candle(stream: Stream, fields: CandleFields & { readonly closed: boolean }, at: Micros | null): void {
    if (!this.#state(stream, at)) return
    const { instrument, channel } = stream
    this.#sink.emit({
      type: 'candle',
      venue: this.#venue,
      symbol: instrument.symbol,
      instrument: instrument.instrument,
      channel,
      exchangeTime: fields.exchangeTime ?? null,
      receiveTime: at,
      interval: fields.interval,
      openTime: fields.openTime,
      open: fields.open,
      high: fields.high,
      low: fields.low,
      close: fields.close,
      volume: fields.volume ?? null,
      volumeUnit: fields.volumeUnit ?? 'base',
      trades: fields.trades ?? null,
      closed: fields.closed,
      historical: fields.historical ?? false,
    })
  }

  /**
   * A candle of a venue that has no mark for a final one: it is final when a later one is seen. The former candle is then
   * emitted once more as closed; a correction of an older one comes as closed.
   */
  rollingCandle(stream: Stream, fields: CandleFields, at: Micros | null): void {
    const held = stream.record.candle
    if (held !== null && fields.openTime < held.openTime) {
      this.candle(stream, { ...fields, closed: true }, at)
      return
    }
    if (held !== null && fields.openTime > held.openTime) this.candle(stream, { ...held, closed: true }, at)
    stream.record.candle = fields
    this.candle(stream, { ...fields, closed: false }, at)
  }

  derivative(stream: Stream, fields: Partial<Body<DerivativeEvent>>, at: Micros | null): void {
    if (!this.#state(stream, at)) return
    const { instrument, channel } = stream
    this.#sink.emit({
      type: 'derivative',
      venue: this.#venue,
      symbol: instrument.symbol,
      instrument: instrument.instrument,
      channel,
      exchangeTime: fields.exchangeTime ?? null,
      receiveTime: at,
      markPrice: fields.markPrice ?? null,
      indexPrice: fields.indexPrice ?? null,
      openInterest: fields.openInterest ?? null,
      openInterestUnit: fields.openInterestUnit ?? instrument.amountUnit,
      fundingRate: fields.fundingRate ?? null,
      nextFundingTime: fields.nextFundingTime ?? null,
      predictedFundingRate: fields.predictedFundingRate ?? null,
    })
  }

  /** `instrument` is the one liquidated: a channel for all markets names it in the row. */
  liquidation(
    stream: Stream,
    instrument: Instrument,
    fields: Omit<Body<LiquidationEvent>, 'amountUnit'> & { readonly amountUnit?: AmountUnit },
    at: Micros | null,
  ): void {
    if (!this.#state(stream, at)) return
    this.#sink.emit({
      type: 'liquidation',
      venue: this.#venue,
      symbol: instrument.symbol,
      instrument: instrument.instrument,
      channel: stream.channel,
      exchangeTime: fields.exchangeTime,
      receiveTime: at,
      id: fields.id,
      price: fields.price,
      amount: fields.amount,
      amountUnit: fields.amountUnit ?? instrument.amountUnit,
      side: fields.side,
    })
  }

  /** The instrument's own data changed. */
  instrument(stream: Stream, instrument: Instrument, times: Times): void {
    if (!this.#state(stream, times.receiveTime)) return
    this.#init.instruments.add(instrument)
    this.#emitInstrument(instrument, stream.channel, times)
  }

  /** An event that only one venue has, ready made; counted as life of the stream. */
  emit(stream: Stream, event: MarketEvent, at: Micros | null): void {
    if (this.#state(stream, at)) this.#sink.emit(event)
  }

  /** Life of a stream that brings no event (a heartbeat of the channel). */
  touch(stream: Stream, at: Micros | null): void {
    this.#watchCadence(stream, at)
  }

  // ── The connection ──────────────────────────────────────────────────────────────────────────────────────────────

  connection(state: 'ready' | 'maintenance' | 'refused', reason: string | null, at: Micros | null): void {
    this.#sink.emit({
      type: 'connection',
      venue: this.#venue,
      receiveTime: at,
      connection: this.#init.connection,
      state,
      attempt: this.attempt,
      endpoint: shownUrl(this.#init.endpoint.url),
      reason,
    })
  }

  /** The connection is gone: every stream that had begun has a hole from here. */
  closed(detail: string, at: Micros | null): void {
    this.#alarms.clearAll()
    this.gapAll('disconnected', detail, at)
    this.#streams.clear()
  }

  // ── Inside ──────────────────────────────────────────────────────────────────────────────────────────────────────

  #open(instrument: Instrument, channel: Channel): Stream {
    const { kind, variant } = splitChannel(channel)
    const key = streamKey(instrument.instrument, channel)
    const held = this.#streams.get(key)
    if (held !== undefined) {
      held.state = 'requested'
      return held
    }
    const spec = this.#channels.find((candidate) => candidate.kind === kind)
    if (spec === undefined) {
      throw new TapewireError('internal', `the venue ${this.#venue} declares no channel ${kind}`)
    }
    const record = this.#init.memory.record(instrument.instrument, channel)
    const stream: Stream = { instrument, channel, kind, variant, spec, record, state: 'requested', tries: 0 }
    this.#streams.set(key, stream)
    return stream
  }

  /** A state-like channel: its next datum is the whole truth again. @returns false where the stream is being left. */
  #state(stream: Stream, at: Micros | null): boolean {
    if (stream.state === 'leaving') return false
    this.#closeGap(stream, !isLog(stream.kind), at)
    this.#alive(stream, at)
    return true
  }

  #alive(stream: Stream, at: Micros | null): void {
    const { record } = stream
    record.lastData = at
    record.seen = true
    if (stream.state === 'live') return
    if (stream.state === 'requested') this.ack(stream, at)
    stream.state = 'live'
    stream.tries = 0
    this.#alarms.clear(this.#alarm('first', stream))
    this.#watchCadence(stream, at)
  }

  /**
   * One alarm a stream, moved only when it goes off: re-arming it with every frame would cost more than the frame.
   */
  #watchCadence(stream: Stream, at: Micros | null): void {
    const { cadenceMs } = stream.spec
    if (cadenceMs === null || this.#init.adopt || at === null) return
    stream.record.lastData = at
    if (!this.#timed.has(stream)) this.#armCadence(stream, cadenceMs, at, cadenceMs)
  }

  #armCadence(stream: Stream, cadenceMs: number, from: Micros, delayMs: number): void {
    this.#timed.add(stream)
    this.#alarms.set(this.#alarm('cadence', stream), from, delayMs, (now) => {
      this.#timed.delete(stream)
      if (stream.state !== 'live') return
      const idleMs = (now - (stream.record.lastData ?? now)) / 1000
      if (idleMs < cadenceMs) {
        this.#armCadence(stream, cadenceMs, now, cadenceMs - idleMs)
        return
      }
      this.gap(stream, 'stale', `nothing for ${Math.round(idleMs)} ms`, now)
      this.#again(stream, `${name(stream)} went stale`)
    })
  }

  /** @param good receive time of the last datum before the one that was just applied */
  #watchCrossed(stream: Stream, at: Micros | null, good: Micros | null): void {
    const { crossedForMs } = this.#policy
    if (crossedForMs === null || at === null) return
    const { book } = stream.record
    if (!book.crossed) {
      if (this.#crossed.delete(stream)) this.#alarms.clear(this.#alarm('crossed', stream))
      return
    }
    if (this.#crossed.has(stream)) return
    this.#crossed.add(stream)
    this.#alarms.set(this.#alarm('crossed', stream), at, crossedForMs, (now) => {
      this.#crossed.delete(stream)
      // A halted market gathers orders for an auction and may be crossed.
      const halted = this.#init.instruments.get(stream.instrument.instrument)?.status === 'halted'
      if (book.state !== 'live' || !book.crossed || halted) return
      const { bid, ask } = book.best()
      this.gap(stream, 'crossed', `bid ${bid?.[0]} is not below ask ${ask?.[0]}`, now, good)
      this.resubscribe(stream)
    })
  }

  /** Asks for the stream again; after several tries in vain the socket itself is replaced. */
  #again(stream: Stream, reason: string): void {
    if (this.#init.adopt) return
    stream.tries++
    if (stream.tries < TRIES_A_CONNECTION) this.resubscribe(stream)
    else this.#sink.reconnect(reason)
  }

  #silence(stream: Stream): void {
    this.#crossed.delete(stream)
    this.#timed.delete(stream)
    for (const kind of ['ack', 'first', 'cadence', 'crossed'] as const) {
      this.#alarms.clear(this.#alarm(kind, stream))
    }
  }

  #alarm(kind: 'ack' | 'first' | 'cadence' | 'crossed', stream: Stream): string {
    return `${kind} ${stream.channel} ${stream.instrument.instrument}`
  }

  #announce(stream: Stream, at: Micros | null): void {
    const instrument = this.#init.instruments.get(stream.instrument.instrument)
    if (instrument === undefined || stream.kind === 'instrument') return
    if (this.#init.memory.announce(instrument.instrument)) {
      this.#emitInstrument(instrument, 'instrument', { exchangeTime: null, receiveTime: at })
    }
  }

  #emitInstrument(instrument: Instrument, channel: Channel, times: Times): void {
    this.#sink.emit({
      type: 'instrument',
      venue: this.#venue,
      symbol: instrument.symbol,
      instrument: instrument.instrument,
      channel,
      exchangeTime: times.exchangeTime,
      receiveTime: times.receiveTime,
      market: instrument.market,
      status: instrument.status,
      base: instrument.base,
      quote: instrument.quote,
      settle: instrument.settle,
      tickSize: instrument.tickSize,
      lotSize: instrument.lotSize,
      amountUnit: instrument.amountUnit,
      contractSize: instrument.contractSize,
      contractUnit: instrument.contractUnit,
      sidesCounted: instrument.sidesCounted,
      expiry: instrument.expiry,
    })
  }

  #closeGap(stream: Stream, healed: boolean, at: Micros | null): void {
    const { gap } = stream.record
    if (gap === null) return
    stream.record.gap = null
    stream.record.lastData = at
    this.#emitGap(stream, 'closed', gap.reason, gap.from, at, healed, null, at)
  }

  #emitGap(
    stream: Stream,
    state: 'open' | 'closed',
    reason: GapReason,
    from: Micros | null,
    to: Micros | null,
    healed: boolean,
    detail: string | null,
    at: Micros | null,
  ): void {
    this.#sink.emit({
      type: 'gap',
      venue: this.#venue,
      symbol: stream.instrument.symbol,
      instrument: stream.instrument.instrument,
      channel: stream.channel,
      exchangeTime: null,
      receiveTime: at,
      reason,
      state,
      from,
      to,
      healed,
      detail,
    })
  }

  #emitTrade(stream: Stream, fields: TradeFields, historical: boolean, at: Micros | null): void {
    const { instrument } = stream
    const event: TradeEvent = {
      type: 'trade',
      venue: this.#venue,
      symbol: instrument.symbol,
      instrument: instrument.instrument,
      channel: stream.channel,
      exchangeTime: fields.exchangeTime,
      receiveTime: at,
      sequence: fields.sequence ?? null,
      id: fields.id,
      price: fields.price,
      amount: fields.amount,
      amountUnit: instrument.amountUnit,
      side: fields.side,
      liquidation: fields.liquidation ?? false,
      historical,
    }
    this.#sink.emit(event)
  }
}

/** The kind and the variant of a channel: `book:P1` is `book` and `P1`. */
export function splitChannel(channel: Channel): { readonly kind: ChannelKind; readonly variant: string } {
  const colon = channel.indexOf(':')
  if (colon === -1) return { kind: channel as ChannelKind, variant: '' }
  return { kind: channel.slice(0, colon) as ChannelKind, variant: channel.slice(colon + 1) }
}

function streamKey(instrument: string, channel: Channel): string {
  return `${channel} ${instrument}`
}

function name(stream: Stream): string {
  return `${stream.channel} of ${stream.instrument.symbol}`
}

/** Channels in which every message is news of its own: what was missed does not come back with the next one. */
function isLog(kind: ChannelKind): boolean {
  return kind === 'trade' || kind === 'liquidation' || kind === 'transaction' || kind === 'block'
}
