import * as z from 'zod'

/** The zod schema of every event; what each field means is said in `events.ts`. A test holds the two to the same shape. */

/** A decimal as canonical text: `"0.00001"`. */
export const decimal = z
  .string()
  .regex(/^(?:0|-?(?:[1-9]\d*|(?:0|[1-9]\d*)\.\d*[1-9]))$/, 'must be a decimal as canonical text')

/** Microseconds since the Unix epoch, UTC. */
export const micros = z.int()

/** Schema of `Side`. */
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
  venue: z.string(),
  symbol: z.string(),
  instrument: z.string(),
  channel: z.string(),
  n: z.int(),
  exchangeTime: micros.nullable(),
  receiveTime: micros.nullable(),
}

/** The venue's number of the message within its stream or connection; null where the venue numbers nothing. */
const sequence = z.string().nullable()

/** Schema of `TradeEvent`. */
export const tradeEvent = z.strictObject({
  type: z.literal('trade'),
  ...stream,
  sequence,
  id: z.string(),
  price: decimal,
  amount: decimal,
  amountUnit,
  side: side.nullable(),
  liquidation: z.boolean(),
  historical: z.boolean(),
})

/** Schema of `BookSnapshotEvent`. */
export const bookSnapshotEvent = z.strictObject({
  type: z.literal('book_snapshot'),
  ...stream,
  sequence,
  bids: z.array(level),
  asks: z.array(level),
  amountUnit,
  depth: z.int().nullable(),
})

/** Schema of `BookUpdateEvent`. */
export const bookUpdateEvent = z.strictObject({
  type: z.literal('book_update'),
  ...stream,
  sequence,
  bids: z.array(level),
  asks: z.array(level),
})

/** Schema of `OrderSnapshotEvent`. */
export const orderSnapshotEvent = z.strictObject({
  type: z.literal('order_snapshot'),
  ...stream,
  sequence,
  bids: z.array(order),
  asks: z.array(order),
  amountUnit,
  depth: z.int().nullable(),
})

/** Schema of `OrderUpdateEvent`. */
export const orderUpdateEvent = z.strictObject({
  type: z.literal('order_update'),
  ...stream,
  sequence,
  bids: z.array(order),
  asks: z.array(order),
})

/** Schema of `QuoteEvent`. */
export const quoteEvent = z.strictObject({
  type: z.literal('quote'),
  ...stream,
  sequence,
  bidPrice: decimal.nullable(),
  bidAmount: decimal.nullable(),
  askPrice: decimal.nullable(),
  askAmount: decimal.nullable(),
  amountUnit,
})

/** Schema of `TickerEvent`. */
export const tickerEvent = z.strictObject({
  type: z.literal('ticker'),
  ...stream,
  last: decimal.nullable(),
  open: decimal.nullable(),
  high: decimal.nullable(),
  low: decimal.nullable(),
  volume: decimal.nullable(),
  volumeUnit: amountUnit,
  quoteVolume: decimal.nullable(),
  vwap: decimal.nullable(),
  change: decimal.nullable(),
  bidPrice: decimal.nullable(),
  askPrice: decimal.nullable(),
})

/** Schema of `CandleEvent`. */
export const candleEvent = z.strictObject({
  type: z.literal('candle'),
  ...stream,
  interval: z.string(),
  openTime: micros,
  open: decimal.nullable(),
  high: decimal.nullable(),
  low: decimal.nullable(),
  close: decimal.nullable(),
  volume: decimal.nullable(),
  volumeUnit: amountUnit,
  trades: z.int().nullable(),
  closed: z.boolean(),
  historical: z.boolean(),
})

/** Schema of `DerivativeEvent`. */
export const derivativeEvent = z.strictObject({
  type: z.literal('derivative'),
  ...stream,
  markPrice: decimal.nullable(),
  indexPrice: decimal.nullable(),
  openInterest: decimal.nullable(),
  openInterestUnit: amountUnit,
  fundingRate: decimal.nullable(),
  nextFundingTime: micros.nullable(),
  predictedFundingRate: decimal.nullable(),
})

/** Schema of `LiquidationEvent`. */
export const liquidationEvent = z.strictObject({
  type: z.literal('liquidation'),
  ...stream,
  id: z.string().nullable(),
  price: decimal.nullable(),
  amount: decimal,
  amountUnit,
  side: side.nullable(),
})

/** What is known of an instrument; null is "the venue does not say". */
export const instrumentFields = {
  market: marketType,
  status: z.enum(['open', 'halted', 'closed']).nullable(),
  base: z.string().nullable(),
  quote: z.string().nullable(),
  settle: z.string().nullable(),
  tickSize: decimal.nullable(),
  lotSize: decimal.nullable(),
  amountUnit,
  contractSize: decimal.nullable(),
  contractUnit: z.enum(['base', 'quote']).nullable(),
  sidesCounted: z.union([z.literal(1), z.literal(2)]),
  expiry: micros.nullable(),
}

/** Schema of `InstrumentEvent`. */
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

/** Schema of `TransactionEvent`. */
export const transactionEvent = z.strictObject({
  type: z.literal('transaction'),
  ...stream,
  hash: z.string(),
  inputs: z.array(transactionPart),
  outputs: z.array(transactionPart),
  fee: decimal.nullable(),
  size: z.int().nullable(),
  height: z.int().nullable(),
})

/** Schema of `BlockEvent`. */
export const blockEvent = z.strictObject({
  type: z.literal('block'),
  ...stream,
  hash: z.string(),
  height: z.int(),
  size: z.int().nullable(),
  transactions: z.int().nullable(),
  value: decimal.nullable(),
})

/** Schema of `GapReason`. */
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

/** Schema of `Position`. */
export const position = z.strictObject({
  epoch: z.string().nullable(),
  n: z.int(),
  key: z.string().nullable(),
  exchangeTime: micros.nullable(),
  receiveTime: micros.nullable(),
})

/** Schema of `GapEvent`. */
export const gapEvent = z.strictObject({
  type: z.literal('gap'),
  ...stream,
  n: z.int().nullable(),
  reason: gapReason,
  state: z.enum(['open', 'closed']),
  from: micros.nullable(),
  to: micros.nullable(),
  healed: z.boolean(),
  after: position.nullable(),
  before: position.nullable(),
  detail: z.string().nullable(),
})

/** Schema of `ChecksumEvent`. */
export const checksumEvent = z.strictObject({
  type: z.literal('checksum'),
  ...stream,
  sequence,
  ok: z.boolean(),
  expected: z.string(),
  actual: z.string(),
})

const connection = {
  venue: z.string(),
  receiveTime: micros.nullable(),
}

/** Schema of `ConnectionState`. */
export const connectionState = z.enum([
  'connecting',
  'open',
  'ready',
  'maintenance',
  'reconnecting',
  'closed',
  'refused',
])

/** Schema of `ConnectionEvent`. */
export const connectionEvent = z.strictObject({
  type: z.literal('connection'),
  ...connection,
  connection: z.string(),
  state: connectionState,
  attempt: z.int(),
  endpoint: z.string(),
  reason: z.string().nullable(),
})

/** Schema of `MalformedEvent`. */
export const malformedEvent = z.strictObject({
  type: z.literal('malformed'),
  ...connection,
  connection: z.string(),
  reason: z.string(),
  path: z.string(),
  head: z.string(),
})

/** Schema of `MarketEvent`. */
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
