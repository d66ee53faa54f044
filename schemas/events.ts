import * as z from 'zod'

/**
 * The events of tapewire: one discriminated union for live, replayed and simulated data.
 *
 * Every price and amount is a decimal as canonical text: no exponent, no `+`, no redundant zeros, `-0` is `0`.
 * Every time is an integer count of microseconds since the Unix epoch, UTC. A field that a venue does not give is null,
 * never absent, so that each type has one shape.
 */

/** A decimal as canonical text: `"0.00001"`. */
export const decimal = z
  .string()
  .regex(/^(?:0|-?(?:[1-9]\d*|(?:0|[1-9]\d*)\.\d*[1-9]))$/, 'must be a decimal as canonical text')

/** Microseconds since the Unix epoch, UTC. */
export const micros = z.int()

export const side = z.enum(['buy', 'sell'])

/**
 * The unit of a venue's own amounts: `base` (coins), `quote` (money), `contract`.
 * `toBase()` converts with the instrument's contract data.
 */
export const amountUnit = z.enum(['base', 'quote', 'contract'])

/** What is traded under an instrument. `chain` is a blockchain itself. */
export const marketType = z.enum(['spot', 'perpetual', 'future', 'option', 'index', 'funding', 'chain'])

/** One price level: `[price, amount]`. */
export const level = z.tuple([decimal, decimal])

/** One order of an L3 book: `[order id, price, amount]`. */
export const order = z.tuple([z.string(), decimal, decimal])

const stream = {
  /** The venue's name in tapewire: `bitfinex`. */
  venue: z.string(),
  /** The unified symbol, as ccxt writes it: `BTC/USD`, perpetual `BTC/USD:BTC`, dated `BTC/USD:BTC-241227`. */
  symbol: z.string(),
  /** The venue's own id, as on the wire: `tBTCUSD`, `XBTUSD`. */
  instrument: z.string(),
  /** The channel that the event belongs to: `trade`, `book`, `book:P1`, `candle:1m`. With venue and instrument: the stream. */
  channel: z.string(),
  /** When the venue says it happened; null where the venue gives no time. */
  exchangeTime: micros.nullable(),
  /** When the frame was read from the socket; null only where a foreign log had no clock. */
  receiveTime: micros.nullable(),
}

/** The venue's number of the message within its stream or connection; null where the venue numbers nothing. */
const sequence = z.string().nullable()

export const tradeEvent = z.strictObject({
  type: z.literal('trade'),
  ...stream,
  sequence,
  /** The venue's id of the trade, unique in its stream. */
  id: z.string(),
  price: decimal,
  /** The venue's own number, in `amountUnit`. */
  amount: decimal,
  amountUnit,
  /** Side of the taker; null where the venue does not say. */
  side: side.nullable(),
  /** Whether the trade closed a position by force; false where the venue does not say. */
  liquidation: z.boolean(),
  /** Sent as history on subscribing or fetched to fill a gap, not as it happened. */
  historical: z.boolean(),
})

export const bookSnapshotEvent = z.strictObject({
  type: z.literal('book_snapshot'),
  ...stream,
  sequence,
  /** Best first. */
  bids: z.array(level),
  asks: z.array(level),
  amountUnit,
  /** Levels a side that the venue keeps; null for the whole book. */
  depth: z.int().nullable(),
})

export const bookUpdateEvent = z.strictObject({
  type: z.literal('book_update'),
  ...stream,
  sequence,
  /** New absolute amounts; `"0"` removes the level. */
  bids: z.array(level),
  asks: z.array(level),
})

export const orderSnapshotEvent = z.strictObject({
  type: z.literal('order_snapshot'),
  ...stream,
  sequence,
  /** Every order, best price first, then by the venue's order within the price. */
  bids: z.array(order),
  asks: z.array(order),
  amountUnit,
  /** Orders a side that the venue keeps; null for the whole book. */
  depth: z.int().nullable(),
})

export const orderUpdateEvent = z.strictObject({
  type: z.literal('order_update'),
  ...stream,
  sequence,
  /** Orders as they now stand; amount `"0"` removes the order. */
  bids: z.array(order),
  asks: z.array(order),
})

export const quoteEvent = z.strictObject({
  type: z.literal('quote'),
  ...stream,
  sequence,
  /** Null where that side is empty; amounts also where the venue gives none. */
  bidPrice: decimal.nullable(),
  bidAmount: decimal.nullable(),
  askPrice: decimal.nullable(),
  askAmount: decimal.nullable(),
  amountUnit,
})

export const tickerEvent = z.strictObject({
  type: z.literal('ticker'),
  ...stream,
  last: decimal.nullable(),
  open: decimal.nullable(),
  high: decimal.nullable(),
  low: decimal.nullable(),
  /** Over the venue's window (24 h), in `volumeUnit`. */
  volume: decimal.nullable(),
  volumeUnit: amountUnit,
  quoteVolume: decimal.nullable(),
  vwap: decimal.nullable(),
  /** Absolute change of the price over the window. */
  change: decimal.nullable(),
  bidPrice: decimal.nullable(),
  askPrice: decimal.nullable(),
})

export const candleEvent = z.strictObject({
  type: z.literal('candle'),
  ...stream,
  /** Length as the field writes it: `1m`, `1h`, `1d`. */
  interval: z.string(),
  openTime: micros,
  open: decimal.nullable(),
  high: decimal.nullable(),
  low: decimal.nullable(),
  close: decimal.nullable(),
  volume: decimal.nullable(),
  volumeUnit: amountUnit,
  /** Number of trades; null where the venue does not count them. */
  trades: z.int().nullable(),
  /** Final. Where a venue has no such mark: a later candle of the stream has been seen. */
  closed: z.boolean(),
  /** Sent as history on subscribing. */
  historical: z.boolean(),
})

export const derivativeEvent = z.strictObject({
  type: z.literal('derivative'),
  ...stream,
  markPrice: decimal.nullable(),
  indexPrice: decimal.nullable(),
  /** In `openInterestUnit`. */
  openInterest: decimal.nullable(),
  openInterestUnit: amountUnit,
  /** Fraction for one funding interval: `"0.0001"` is 0.01 %. */
  fundingRate: decimal.nullable(),
  nextFundingTime: micros.nullable(),
  predictedFundingRate: decimal.nullable(),
})

export const liquidationEvent = z.strictObject({
  type: z.literal('liquidation'),
  ...stream,
  id: z.string().nullable(),
  /** Null where the venue gives none. */
  price: decimal.nullable(),
  amount: decimal,
  amountUnit,
  /** Side of the order that closes the position: `sell` closes a long. */
  side: side.nullable(),
})

/** What is known of an instrument; null is "the venue does not say". */
export const instrumentFields = {
  market: marketType,
  status: z.enum(['open', 'halted', 'closed']).nullable(),
  base: z.string().nullable(),
  quote: z.string().nullable(),
  /** The currency that a derivative is margined and settled in; null for spot. */
  settle: z.string().nullable(),
  tickSize: decimal.nullable(),
  lotSize: decimal.nullable(),
  /** The unit of trade and book amounts. */
  amountUnit,
  /** What one contract is worth, in `contractUnit`; null where amounts are no contracts or it varies. */
  contractSize: decimal.nullable(),
  /** `base`: a contract is so many coins (linear). `quote`: so much money (inverse). Null: neither (quanto). */
  contractUnit: z.enum(['base', 'quote']).nullable(),
  /** 2 where the venue counts both sides of a match in its trade amounts, else 1. */
  sidesCounted: z.union([z.literal(1), z.literal(2)]),
  expiry: micros.nullable(),
}

export const instrumentEvent = z.strictObject({
  type: z.literal('instrument'),
  ...stream,
  ...instrumentFields,
})

/** One input or output of a chain transaction. `value` in whole coins (BTC), exact; null where unknown. */
const transactionPart = z.strictObject({
  address: z.string().nullable(),
  value: decimal.nullable(),
})

export const transactionEvent = z.strictObject({
  type: z.literal('transaction'),
  ...stream,
  hash: z.string(),
  inputs: z.array(transactionPart),
  outputs: z.array(transactionPart),
  /** In whole coins; null where the inputs' values are not all known. */
  fee: decimal.nullable(),
  /** Bytes. */
  size: z.int().nullable(),
  /** Null while unconfirmed. */
  height: z.int().nullable(),
})

export const blockEvent = z.strictObject({
  type: z.literal('block'),
  ...stream,
  hash: z.string(),
  height: z.int(),
  /** Bytes. */
  size: z.int().nullable(),
  /** Number of transactions. */
  transactions: z.int().nullable(),
  /** Sum of all outputs in whole coins. */
  value: decimal.nullable(),
})

/**
 * Why a stream has a hole.
 * - `disconnected`: the connection was lost. `stale`: it was open and no longer delivered.
 * - `sequence`: a number is missing. `checksum`: the venue's checksum differs. `crossed`: the best bid stayed at or above the best ask.
 * - `overflow`: the reader was too slow and events were dropped.
 * - `joined_late`: a recording begins after the stream did, so that what came before its first snapshot is unknown.
 * - `not_recording`: nobody was recording, between two runs on one tape.
 * - `not_written`: the recorder had the events and could not write them (disk full, locked).
 */
export const gapReason = z.enum([
  'disconnected',
  'stale',
  'sequence',
  'checksum',
  'crossed',
  'overflow',
  'joined_late',
  'not_recording',
  'not_written',
])

export const gapEvent = z.strictObject({
  type: z.literal('gap'),
  ...stream,
  reason: gapReason,
  /** `open` when the hole is noticed, before anything else on its stream; `closed` when the stream is whole from here on. */
  state: z.enum(['open', 'closed']),
  /** Receive time of the last event known to be good; null where there was none or the log has no clock. */
  from: micros.nullable(),
  /** Receive time from which the stream is whole again; null while open. */
  to: micros.nullable(),
  /** On `closed`: what was missing has been made good (book by a snapshot that follows, trades by backfill). */
  healed: z.boolean(),
  /** What was expected and what came, for a person. */
  detail: z.string().nullable(),
})

export const checksumEvent = z.strictObject({
  type: z.literal('checksum'),
  ...stream,
  sequence,
  /** Whether the book as kept here is the book that the venue signed. */
  ok: z.boolean(),
  expected: z.string(),
  actual: z.string(),
})

const connection = {
  venue: z.string(),
  receiveTime: micros.nullable(),
}

export const connectionState = z.enum([
  'connecting',
  'open',
  'ready',
  'maintenance',
  'reconnecting',
  'closed',
  'refused',
])

export const connectionEvent = z.strictObject({
  type: z.literal('connection'),
  ...connection,
  /** Which of the feed's connections to this venue: `public#0`. */
  connection: z.string(),
  /** `refused`: the venue refused a subscription or request; `reason` says which and why. */
  state: connectionState,
  /** Attempts since the last stable connection, from 1. */
  attempt: z.int(),
  /** URL without secrets. */
  endpoint: z.string(),
  reason: z.string().nullable(),
})

export const malformedEvent = z.strictObject({
  type: z.literal('malformed'),
  ...connection,
  connection: z.string(),
  /** The error's code: `not_json`, `schema_mismatch`, `not_decimal`, `unknown_message`, `oversize`, `undecodable`. */
  reason: z.string(),
  /** Where in the frame: `data.0.price`; empty for the frame itself. */
  path: z.string(),
  /** The first 200 characters of the frame. */
  head: z.string(),
})

export const marketEvent = z.discriminatedUnion('type', [
  tradeEvent,
  bookSnapshotEvent,
  bookUpdateEvent,
  orderSnapshotEvent,
  orderUpdateEvent,
  quoteEvent,
  tickerEvent,
  candleEvent,
  derivativeEvent,
  liquidationEvent,
  instrumentEvent,
  transactionEvent,
  blockEvent,
  gapEvent,
  checksumEvent,
  connectionEvent,
  malformedEvent,
])

export type Decimal = z.infer<typeof decimal>
export type Micros = z.infer<typeof micros>
export type Side = z.infer<typeof side>
export type AmountUnit = z.infer<typeof amountUnit>
export type MarketType = z.infer<typeof marketType>
export type Level = z.infer<typeof level>
export type Order = z.infer<typeof order>
export type GapReason = z.infer<typeof gapReason>
export type ConnectionState = z.infer<typeof connectionState>
export type TradeEvent = z.infer<typeof tradeEvent>
export type BookSnapshotEvent = z.infer<typeof bookSnapshotEvent>
export type BookUpdateEvent = z.infer<typeof bookUpdateEvent>
export type OrderSnapshotEvent = z.infer<typeof orderSnapshotEvent>
export type OrderUpdateEvent = z.infer<typeof orderUpdateEvent>
export type QuoteEvent = z.infer<typeof quoteEvent>
export type TickerEvent = z.infer<typeof tickerEvent>
export type CandleEvent = z.infer<typeof candleEvent>
export type DerivativeEvent = z.infer<typeof derivativeEvent>
export type LiquidationEvent = z.infer<typeof liquidationEvent>
export type InstrumentEvent = z.infer<typeof instrumentEvent>
export type TransactionEvent = z.infer<typeof transactionEvent>
export type BlockEvent = z.infer<typeof blockEvent>
export type GapEvent = z.infer<typeof gapEvent>
export type ChecksumEvent = z.infer<typeof checksumEvent>
export type ConnectionEvent = z.infer<typeof connectionEvent>
export type MalformedEvent = z.infer<typeof malformedEvent>
export type MarketEvent = z.infer<typeof marketEvent>
export type MarketEventType = MarketEvent['type']
/** An event that belongs to a stream: everything but `connection` and `malformed`. */
export type StreamEvent = Exclude<MarketEvent, ConnectionEvent | MalformedEvent>
