/**
 * The events of tapewire: one union, discriminated by `type`, for live, replayed and simulated data.
 *
 * Every price and amount is a decimal as canonical text: no exponent, no `+`, no redundant zeros, `-0` is `0`.
 * Every time is an integer count of microseconds since the Unix epoch, UTC. A field that a venue does not give is null,
 * never absent, so that each type has one shape. `event-schemas.ts` holds the zod schema of each.
 */

/** A decimal as canonical text, no exponent and no redundant zeros: `"0.00001"`. */
export type Decimal = string

/** Microseconds since the Unix epoch, UTC: an integer. */
export type Micros = number

/** The side of an order or a taker. */
export type Side = 'buy' | 'sell'

/**
 * The unit of a venue's own amounts: `base` (coins), `quote` (money), `contract`.
 * `toBase()` converts with the instrument's contract data.
 */
export type AmountUnit = 'base' | 'quote' | 'contract'

/** What is traded under an instrument. `chain` is a blockchain itself. */
export type MarketType = 'spot' | 'perpetual' | 'future' | 'option' | 'index' | 'funding' | 'chain'

/** One price level of an L2 book: `[price, amount]`. */
export type Level = [price: Decimal, amount: Decimal]

/** One order of an L3 book: `[order id, price, amount]`. */
export type Order = [id: string, price: Decimal, amount: Decimal]

/** What every event of a stream carries. A stream is one channel of one instrument of one venue. */
export interface StreamFields {
  /** The venue's name in tapewire: `bitfinex`. */
  venue: string
  /** The unified symbol, as ccxt writes it: `BTC/USD`, perpetual `BTC/USD:BTC`, dated `BTC/USD:BTC-241227`. */
  symbol: string
  /** The venue's own id, as on the wire: `tBTCUSD`, `XBTUSD`. */
  instrument: string
  /** The channel of the stream: `trade`, `book`, `book:P1`, `candle:1m`. */
  channel: string
  /**
   * The number of the event within its stream: 1, 2, 3 … for as long as one feed (or one reading of a frame log) lasts, across
   * reconnects. Every event of the stream has one: data, gaps and checksums.
   */
  n: number
  /** When the venue says it happened. Microseconds; null where the venue gives no time. */
  exchangeTime: Micros | null
  /** When the frame came from the socket. Microseconds; null only where a foreign log had no clock. */
  receiveTime: Micros | null
}

/** One trade. */
export interface TradeEvent extends StreamFields {
  type: 'trade'
  /** The venue's number of the message within its stream or connection, as text; null where the venue numbers nothing. */
  sequence: string | null
  /** The venue's id of the trade, unique in its stream. */
  id: string
  /** Price of one unit of the base currency, in the quote currency. */
  price: Decimal
  /** The venue's own number, in `amountUnit`. */
  amount: Decimal
  /** The unit of `amount`. */
  amountUnit: AmountUnit
  /** Side of the taker; null where the venue does not say. */
  side: Side | null
  /** Whether the trade closed a position by force; false where the venue does not say. */
  liquidation: boolean
  /** Sent as history on subscribing or fetched to fill a gap, not as it happened. */
  historical: boolean
}

/** An L2 book as a whole: it replaces whatever was known. */
export interface BookSnapshotEvent extends StreamFields {
  type: 'book_snapshot'
  /** The venue's number of the message within its stream or connection, as text; null where the venue numbers nothing. */
  sequence: string | null
  /** Levels of the buyers, highest price first. */
  bids: Level[]
  /** Levels of the sellers, lowest price first. */
  asks: Level[]
  /** The unit of every amount of this book. */
  amountUnit: AmountUnit
  /** Levels a side that the venue keeps; null for the whole book. */
  depth: number | null
}

/** A change of an L2 book: the levels that are named, as they now stand. */
export interface BookUpdateEvent extends StreamFields {
  type: 'book_update'
  /** The venue's number of the message within its stream or connection, as text; null where the venue numbers nothing. */
  sequence: string | null
  /** New absolute amounts; `"0"` removes the level. */
  bids: Level[]
  /** New absolute amounts; `"0"` removes the level. */
  asks: Level[]
}

/** An L3 book, order by order, as a whole: it replaces whatever was known. */
export interface OrderSnapshotEvent extends StreamFields {
  type: 'order_snapshot'
  /** The venue's number of the message within its stream or connection, as text; null where the venue numbers nothing. */
  sequence: string | null
  /** Every order of the buyers, highest price first, then by the venue's order within the price. */
  bids: Order[]
  /** Every order of the sellers, lowest price first, then by the venue's order within the price. */
  asks: Order[]
  /** The unit of every amount of this book. */
  amountUnit: AmountUnit
  /** Orders a side that the venue keeps; null for the whole book. */
  depth: number | null
}

/** A change of an L3 book: the orders that are named, as they now stand. */
export interface OrderUpdateEvent extends StreamFields {
  type: 'order_update'
  /** The venue's number of the message within its stream or connection, as text; null where the venue numbers nothing. */
  sequence: string | null
  /** Orders as they now stand; amount `"0"` removes the order. */
  bids: Order[]
  /** Orders as they now stand; amount `"0"` removes the order. */
  asks: Order[]
}

/** The best bid and ask. */
export interface QuoteEvent extends StreamFields {
  type: 'quote'
  /** The venue's number of the message within its stream or connection, as text; null where the venue numbers nothing. */
  sequence: string | null
  /** The highest bid; null where nobody bids. */
  bidPrice: Decimal | null
  /** In `amountUnit`; null where nobody bids or the venue gives no amount. */
  bidAmount: Decimal | null
  /** The lowest ask; null where nobody asks. */
  askPrice: Decimal | null
  /** In `amountUnit`; null where nobody asks or the venue gives no amount. */
  askAmount: Decimal | null
  /** The unit of both amounts. */
  amountUnit: AmountUnit
}

/** The venue's statistics over its window, usually 24 hours. */
export interface TickerEvent extends StreamFields {
  type: 'ticker'
  /** Price of the last trade. */
  last: Decimal | null
  /** Price at the beginning of the window. */
  open: Decimal | null
  /** Highest price of the window. */
  high: Decimal | null
  /** Lowest price of the window. */
  low: Decimal | null
  /** Amount traded in the window, in `volumeUnit`. */
  volume: Decimal | null
  /** The unit of `volume`. */
  volumeUnit: AmountUnit
  /** Money traded in the window, in the quote currency. */
  quoteVolume: Decimal | null
  /** Average price of the window, weighted by amount. */
  vwap: Decimal | null
  /** Absolute change of the price over the window. */
  change: Decimal | null
  /** The highest bid. */
  bidPrice: Decimal | null
  /** The lowest ask. */
  askPrice: Decimal | null
}

/** One candle. It is emitted again while it forms, and once more when it is `closed`. */
export interface CandleEvent extends StreamFields {
  type: 'candle'
  /** Length of the candle: `1m`, `1h`, `1d`. */
  interval: string
  /** When the candle begins. Microseconds. */
  openTime: Micros
  /** Price of the first trade; null where there was none. */
  open: Decimal | null
  /** Highest price; null where there was no trade. */
  high: Decimal | null
  /** Lowest price; null where there was no trade. */
  low: Decimal | null
  /** Price of the last trade so far; null where there was none. */
  close: Decimal | null
  /** Amount traded, in `volumeUnit`. */
  volume: Decimal | null
  /** The unit of `volume`. */
  volumeUnit: AmountUnit
  /** Number of trades; null where the venue does not count them. */
  trades: number | null
  /** Final. Where a venue has no such mark: a later candle of the stream has been seen. */
  closed: boolean
  /** Sent as history on subscribing. */
  historical: boolean
}

/** What a derivative's price depends on. */
export interface DerivativeEvent extends StreamFields {
  type: 'derivative'
  /** The price at which positions are valued. */
  markPrice: Decimal | null
  /** The price of the underlying. */
  indexPrice: Decimal | null
  /** Open positions, in `openInterestUnit`. */
  openInterest: Decimal | null
  /** The unit of `openInterest`. */
  openInterestUnit: AmountUnit
  /** Fraction for one funding interval: `"0.0001"` is 0.01 %. */
  fundingRate: Decimal | null
  /** When funding is paid next. Microseconds. */
  nextFundingTime: Micros | null
  /** The venue's estimate of the rate after the current one; a fraction. */
  predictedFundingRate: Decimal | null
}

/** A position closed by force. */
export interface LiquidationEvent extends StreamFields {
  type: 'liquidation'
  /** The venue's id of the liquidation; null where it gives none. */
  id: string | null
  /** Null where the venue gives none. */
  price: Decimal | null
  /** In `amountUnit`. */
  amount: Decimal
  /** The unit of `amount`. */
  amountUnit: AmountUnit
  /** Side of the order that closes the position: `sell` closes a long. */
  side: Side | null
}

/** What is known of an instrument; null is "the venue does not say". */
export interface InstrumentFields {
  /** What is traded. */
  market: MarketType
  /** Whether it is traded now. */
  status: 'open' | 'halted' | 'closed' | null
  /** The currency that is bought and sold. */
  base: string | null
  /** The currency of the price. */
  quote: string | null
  /** The currency that a derivative is margined and settled in; null for spot. */
  settle: string | null
  /** The smallest step of a price. */
  tickSize: Decimal | null
  /** The smallest step of an amount. */
  lotSize: Decimal | null
  /** The unit of trade and book amounts. */
  amountUnit: AmountUnit
  /** What one contract is worth, in `contractUnit`; null where amounts are no contracts or it varies. */
  contractSize: Decimal | null
  /** `base`: a contract is so many coins (linear). `quote`: so much money (inverse). Null: neither (quanto). */
  contractUnit: 'base' | 'quote' | null
  /** 2 where the venue counts both sides of a match in its trade amounts, else 1. */
  sidesCounted: 1 | 2
  /** When a dated contract expires. Microseconds; null where it does not. */
  expiry: Micros | null
}

/** What the venue says of an instrument, on its list and whenever that changes. */
export interface InstrumentEvent extends StreamFields, InstrumentFields {
  type: 'instrument'
}

/** One input or output of a chain transaction. */
export interface TransactionPart {
  /** Null where the script names none. */
  address: string | null
  /** In whole coins (BTC), exact; null where unknown. */
  value: Decimal | null
}

/** A transaction on a blockchain. */
export interface TransactionEvent extends StreamFields {
  type: 'transaction'
  /** The transaction's hash, as hexadecimal text. */
  hash: string
  /** What is spent. */
  inputs: TransactionPart[]
  /** Who receives. */
  outputs: TransactionPart[]
  /** In whole coins; null where the inputs' values are not all known. */
  fee: Decimal | null
  /** Bytes. */
  size: number | null
  /** The block that holds it; null while unconfirmed. */
  height: number | null
}

/** A block of a blockchain. */
export interface BlockEvent extends StreamFields {
  type: 'block'
  /** The block's hash, as hexadecimal text. */
  hash: string
  /** Its place in the chain. */
  height: number
  /** Bytes. */
  size: number | null
  /** Number of transactions. */
  transactions: number | null
  /** Sum of all outputs in whole coins. */
  value: Decimal | null
}

/**
 * Why a stream has a hole.
 * - `disconnected`: the connection was lost. `stale`: it was open and no longer delivered.
 * - `sequence`: a number is missing. `checksum`: the venue's checksum differs. `crossed`: the best bid stayed at or above the best ask.
 * - `overflow`: the reader was too slow and events were dropped.
 * - `joined_late`: a recording begins after the stream did, so that what came before its first snapshot is unknown.
 * - `not_recording`: nobody was recording, between two runs on one tape.
 * - `not_written`: the recorder had the events and could not write them (disk full, locked).
 */
export type GapReason =
  | 'disconnected'
  | 'stale'
  | 'sequence'
  | 'checksum'
  | 'crossed'
  | 'overflow'
  | 'joined_late'
  | 'not_recording'
  | 'not_written'

/**
 * Where an event stands in its stream. Within a feed `n` tells which event it is; in another feed, on another connection or with
 * another collector only `key` does.
 */
export interface Position {
  /** The feed whose `n` this is, where that is not the feed of the event that names the position; else null. */
  epoch: string | null
  /** The event's number within its stream and feed. */
  n: number
  /**
   * What the event is called at the venue, the same for everybody who gets it: the id of a trade, the hash of a block, the open
   * time of a candle and whether it is closed, the number of a book message where the venue numbers the stream itself. Null where
   * the venue gives it no name.
   */
  key: string | null
  /** When the venue says it happened. Microseconds; null where the venue gives no time, or the event is not known yet. */
  exchangeTime: Micros | null
  /** When its frame came from the socket. Microseconds; null where that is not known. */
  receiveTime: Micros | null
}

/**
 * A hole in a stream: `open` where it is noticed, `closed` where the stream is whole again. What is fetched to fill it comes
 * between the two.
 */
export interface GapEvent extends Omit<StreamFields, 'n'> {
  type: 'gap'
  /**
   * As of every event of the stream; null for a gap that one reader alone has, such as a recorder that could not write: it is no
   * event of the stream, and takes no number.
   */
  n: number | null
  /** Why the stream has a hole. */
  reason: GapReason
  /** `open` when the hole is noticed, before anything else on its stream; `closed` when the stream is whole from here on. */
  state: 'open' | 'closed'
  /** Receive time of the last event known to be good; null where there was none or the log has no clock. Microseconds. */
  from: Micros | null
  /** Receive time from which the stream is whole again; null while open. Microseconds. */
  to: Micros | null
  /** On `closed`: nothing is missing any more (a book by the snapshot that follows, trades by history that was fetched). */
  healed: boolean
  /** The last event known to be good; null where there was none, or where nothing tells which it is. */
  after: Position | null
  /** The event from which the stream is whole again: the next one of the stream; null while open. */
  before: Position | null
  /** What was expected and what came, for a person. */
  detail: string | null
}

/** The venue's checksum of a book, compared with the book that is kept here. */
export interface ChecksumEvent extends StreamFields {
  type: 'checksum'
  /** The venue's number of the message within its stream or connection, as text; null where the venue numbers nothing. */
  sequence: string | null
  /** Whether the book as kept here is the book that the venue signed. */
  ok: boolean
  /** What the venue sent. */
  expected: string
  /** What the book here gives. */
  actual: string
}

/** What becomes of a connection. `refused`: the venue refused a subscription or request; `reason` says which and why. */
export type ConnectionState =
  | 'connecting'
  | 'open'
  | 'ready'
  | 'maintenance'
  | 'reconnecting'
  | 'closed'
  | 'refused'

/** A change of the state of one of the feed's connections. */
export interface ConnectionEvent {
  type: 'connection'
  /** The venue's name in tapewire: `bitfinex`. */
  venue: string
  /** When it changed. Microseconds. */
  receiveTime: Micros | null
  /** Which of the feed's connections to this venue: `public#0`. */
  connection: string
  /** What became of it. */
  state: ConnectionState
  /** Attempts since the last stable connection, from 1. */
  attempt: number
  /** URL without secrets. */
  endpoint: string
  /** Why, for a person; null where there is nothing to say. */
  reason: string | null
}

/** A frame that does not fit the venue's schema. Nothing of it was emitted; the feed goes on. */
export interface MalformedEvent {
  type: 'malformed'
  /** The venue's name in tapewire: `bitfinex`. */
  venue: string
  /** When the frame came from the socket. Microseconds. */
  receiveTime: Micros | null
  /** Which of the feed's connections to this venue: `public#0`. */
  connection: string
  /** The error's code: `not_json`, `schema_mismatch`, `not_decimal`, `unknown_message`, `oversize`, `undecodable`. */
  reason: string
  /** Where in the frame: `data.0.price`; empty for the frame itself. */
  path: string
  /** The first 200 characters of the frame. */
  head: string
}

/** Every event. `switch (event.type)` narrows it. */
export type MarketEvent =
  | TradeEvent
  | BookSnapshotEvent
  | BookUpdateEvent
  | OrderSnapshotEvent
  | OrderUpdateEvent
  | QuoteEvent
  | TickerEvent
  | CandleEvent
  | DerivativeEvent
  | LiquidationEvent
  | InstrumentEvent
  | TransactionEvent
  | BlockEvent
  | GapEvent
  | ChecksumEvent
  | ConnectionEvent
  | MalformedEvent

/** The names of the types of event. */
export type MarketEventType = MarketEvent['type']

/** The event of a type: `EventOf<'trade'>` is {@link TradeEvent}. */
export type EventOf<T extends MarketEventType> = Extract<MarketEvent, { type: T }>

/** An event that belongs to a stream: everything but `connection` and `malformed`. */
export type StreamEvent = Exclude<MarketEvent, ConnectionEvent | MalformedEvent>
