import type {
  AmountUnit,
  DerivativeEvent,
  GapEvent,
  InstrumentEvent,
  Level,
  LiquidationEvent,
  Micros,
  Order,
  QuoteEvent,
  TickerEvent,
} from '../../schemas/events.js'
import type { Channel, Instrument, SessionInit, Sink } from '../connector.js'
import type { DecodeError } from '../errors.js'
import { shown, shownHead, shownUrl } from '../shown.js'
import type { CandleFields, MayHaveWaited, TradeFields } from './fields.js'
import { labelsOf, type Stream } from './stream.js'

/** The times of the frame that an event came in. */
export interface Times {
  readonly exchangeTime: Micros | null
  readonly receiveTime: Micros | null
}

/** A whole book: rows are levels or orders, canonical decimals, best first. `depth` is the levels a side that it is cut to, null for all. */
export interface SnapshotFields<Row> extends MayHaveWaited {
  readonly bids: Row[]
  readonly asks: Row[]
  readonly depth: number | null
  readonly exchangeTime: Micros | null
  readonly sequence?: string | null
}

/** Changes of a book; a row with amount `"0"` removes. `sequence` is the venue's own number, as text. */
export interface UpdateFields<Row> extends MayHaveWaited {
  readonly bids: Row[]
  readonly asks: Row[]
  readonly exchangeTime: Micros | null
  readonly sequence?: string | null
}

/** What the venue signs (`expected`) and what the book as it stands gives (`actual`). */
export interface ChecksumFields {
  readonly expected: string
  readonly actual: string
  readonly exchangeTime: Micros | null
  readonly sequence?: string | null
}

/** The fields of an event that the venue's frame brings. */
export type EventBody<E> = Omit<
  E,
  'type' | 'venue' | 'symbol' | 'instrument' | 'channel' | 'n' | 'receiveTime'
>

/** What a quote says. */
export type QuoteFields = Omit<EventBody<QuoteEvent>, 'amountUnit' | 'sequence'> & {
  readonly sequence?: string | null
}
/** What a ticker says; a field that the venue does not send is left out. */
export type TickerFields = Partial<EventBody<TickerEvent>>
/** What is said of a derivative; a field that the venue does not send is left out. */
export type DerivativeFields = Partial<EventBody<DerivativeEvent>>
/** What a liquidation says. */
export type LiquidationFields = Omit<EventBody<LiquidationEvent>, 'amountUnit'> & {
  readonly amountUnit?: AmountUnit
}
/** What a gap says. */
export type GapFields = Omit<EventBody<GapEvent>, 'exchangeTime' | 'after'>

/**
 * What a connection says, each kind of event in one literal: of a fixed shape, with every field filled in. What all events of
 * a stream have in common stands ready in its labels. It is named in each literal, and not spread into it: in Node 20 a
 * spread with further fields behind it was measured at two microseconds and more, and such a literal at twenty nanoseconds.
 *
 * `n` stands ready as 0, and `after` of a gap as null: {@link EmittedStream} fills them in when the event is emitted.
 */
export class StreamEvents {
  readonly #venue: string
  readonly #init: SessionInit
  readonly #sink: Sink
  /** Which attempt since the last stable connection this is. */
  attempt = 1

  constructor(venue: string, init: SessionInit, sink: Sink) {
    this.#venue = venue
    this.#init = init
    this.#sink = sink
  }

  bookSnapshot(stream: Stream, fields: SnapshotFields<Level>, at: Micros | null): void {
    this.#sink.emit(snapshotEvent('book_snapshot', stream, fields, at))
  }

  orderSnapshot(stream: Stream, fields: SnapshotFields<Order>, at: Micros | null): void {
    this.#sink.emit(snapshotEvent('order_snapshot', stream, fields, at))
  }

  bookUpdate(stream: Stream, fields: UpdateFields<Level>, at: Micros | null): void {
    this.#sink.emit(updateEvent('book_update', stream, fields, at))
  }

  orderUpdate(stream: Stream, fields: UpdateFields<Order>, at: Micros | null): void {
    this.#sink.emit(updateEvent('order_update', stream, fields, at))
  }

  checksum(stream: Stream, fields: ChecksumFields, ok: boolean, at: Micros | null): void {
    const { venue, symbol, instrument, channel } = stream.labels
    this.#sink.emit({
      type: 'checksum',
      venue,
      symbol,
      instrument,
      channel,
      n: 0,
      exchangeTime: fields.exchangeTime,
      receiveTime: at,
      sequence: fields.sequence ?? null,
      ok,
      expected: shown(fields.expected),
      actual: shown(fields.actual),
    })
  }

  gap(stream: Stream, fields: GapFields, at: Micros | null): void {
    const { venue, symbol, instrument, channel } = stream.labels
    this.#sink.emit({
      type: 'gap',
      venue,
      symbol,
      instrument,
      channel,
      n: 0,
      exchangeTime: null,
      receiveTime: at,
      reason: fields.reason,
      state: fields.state,
      from: fields.from,
      to: fields.to,
      healed: fields.healed,
      after: null,
      before: fields.before,
      detail: fields.detail === null ? null : shown(fields.detail),
    })
  }

  trade(stream: Stream, fields: TradeFields, historical: boolean, at: Micros | null): void {
    const { venue, symbol, instrument, channel } = stream.labels
    this.#sink.emit({
      type: 'trade',
      venue,
      symbol,
      instrument,
      channel,
      n: 0,
      exchangeTime: fields.exchangeTime,
      receiveTime: fields.receivedAt ?? at,
      sequence: fields.sequence ?? null,
      id: fields.id,
      price: fields.price,
      amount: fields.amount,
      amountUnit: stream.instrument.amountUnit,
      side: fields.side,
      liquidation: fields.liquidation ?? false,
      historical,
    })
  }

  quote(stream: Stream, fields: QuoteFields, at: Micros | null): void {
    const { venue, symbol, instrument, channel } = stream.labels
    this.#sink.emit({
      type: 'quote',
      venue,
      symbol,
      instrument,
      channel,
      n: 0,
      exchangeTime: fields.exchangeTime,
      receiveTime: at,
      sequence: fields.sequence ?? null,
      bidPrice: fields.bidPrice,
      bidAmount: fields.bidAmount,
      askPrice: fields.askPrice,
      askAmount: fields.askAmount,
      amountUnit: stream.instrument.amountUnit,
    })
  }

  ticker(stream: Stream, fields: TickerFields, at: Micros | null): void {
    const { venue, symbol, instrument, channel } = stream.labels
    this.#sink.emit({
      type: 'ticker',
      venue,
      symbol,
      instrument,
      channel,
      n: 0,
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

  candle(stream: Stream, fields: CandleFields, closed: boolean, at: Micros | null): void {
    const { venue, symbol, instrument, channel } = stream.labels
    this.#sink.emit({
      type: 'candle',
      venue,
      symbol,
      instrument,
      channel,
      n: 0,
      exchangeTime: fields.exchangeTime ?? null,
      receiveTime: fields.receivedAt ?? at,
      interval: fields.interval,
      openTime: fields.openTime,
      open: fields.open,
      high: fields.high,
      low: fields.low,
      close: fields.close,
      volume: fields.volume ?? null,
      volumeUnit: fields.volumeUnit ?? 'base',
      trades: fields.trades ?? null,
      closed,
      historical: fields.historical ?? false,
    })
  }

  derivative(stream: Stream, fields: DerivativeFields, at: Micros | null): void {
    const { venue, symbol, instrument, channel } = stream.labels
    this.#sink.emit({
      type: 'derivative',
      venue,
      symbol,
      instrument,
      channel,
      n: 0,
      exchangeTime: fields.exchangeTime ?? null,
      receiveTime: at,
      markPrice: fields.markPrice ?? null,
      indexPrice: fields.indexPrice ?? null,
      openInterest: fields.openInterest ?? null,
      openInterestUnit: fields.openInterestUnit ?? stream.instrument.amountUnit,
      fundingRate: fields.fundingRate ?? null,
      nextFundingTime: fields.nextFundingTime ?? null,
      predictedFundingRate: fields.predictedFundingRate ?? null,
    })
  }

  /** @param liquidated the instrument of the row: a channel for all markets names it there */
  liquidation(stream: Stream, liquidated: Instrument, fields: LiquidationFields, at: Micros | null): void {
    const { venue, symbol, instrument, channel } = labelsOf(this.#venue, liquidated, stream.channel)
    this.#sink.emit({
      type: 'liquidation',
      venue,
      symbol,
      instrument,
      channel,
      n: 0,
      exchangeTime: fields.exchangeTime,
      receiveTime: at,
      id: fields.id,
      price: fields.price,
      amount: fields.amount,
      amountUnit: fields.amountUnit ?? liquidated.amountUnit,
      side: fields.side,
    })
  }

  instrument(data: Instrument, channel: Channel, times: Times): void {
    this.#sink.emit(instrumentEvent(this.#venue, data, channel, times))
  }

  connection(state: 'ready' | 'maintenance' | 'refused', reason: string | null, at: Micros | null): void {
    this.#sink.emit({
      type: 'connection',
      venue: this.#venue,
      receiveTime: at,
      connection: this.#init.connection,
      state,
      attempt: this.attempt,
      endpoint: shownUrl(this.#init.endpoint.url),
      reason: reason === null ? null : shown(reason),
    })
  }

  /** @param frame the text of the frame, of which the event shows the beginning */
  malformed({ code, path }: DecodeError, frame: string, at: Micros | null): void {
    this.#sink.emit({
      type: 'malformed',
      venue: this.#venue,
      receiveTime: at,
      connection: this.#init.connection,
      reason: code,
      path: shown(path.join('.')),
      head: shownHead(frame),
    })
  }
}

/** What is known of an instrument, as an event. */
export function instrumentEvent(
  venue: string,
  data: Instrument,
  channel: Channel,
  { exchangeTime, receiveTime }: Times,
): InstrumentEvent {
  return {
    type: 'instrument',
    venue,
    symbol: data.symbol,
    instrument: data.instrument,
    channel,
    n: 0,
    exchangeTime,
    receiveTime,
    market: data.market,
    status: data.status,
    base: data.base,
    quote: data.quote,
    settle: data.settle,
    tickSize: data.tickSize,
    lotSize: data.lotSize,
    amountUnit: data.amountUnit,
    contractSize: data.contractSize,
    contractUnit: data.contractUnit,
    sidesCounted: data.sidesCounted,
    expiry: data.expiry,
  }
}

function snapshotEvent<Type, Row>(
  type: Type,
  stream: Stream,
  fields: SnapshotFields<Row>,
  at: Micros | null,
) {
  const { venue, symbol, instrument, channel } = stream.labels
  return {
    type,
    venue,
    symbol,
    instrument,
    channel,
    n: 0,
    exchangeTime: fields.exchangeTime,
    receiveTime: fields.receivedAt ?? at,
    sequence: fields.sequence ?? null,
    bids: fields.bids,
    asks: fields.asks,
    amountUnit: stream.instrument.amountUnit,
    depth: fields.depth,
  }
}

function updateEvent<Type, Row>(type: Type, stream: Stream, fields: UpdateFields<Row>, at: Micros | null) {
  const { venue, symbol, instrument, channel } = stream.labels
  return {
    type,
    venue,
    symbol,
    instrument,
    channel,
    n: 0,
    exchangeTime: fields.exchangeTime,
    receiveTime: fields.receivedAt ?? at,
    sequence: fields.sequence ?? null,
    bids: fields.bids,
    asks: fields.asks,
  }
}
