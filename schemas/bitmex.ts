import * as z from 'zod'
import { integer, number } from './wire.js'

/**
 * What BitMEX says on its realtime API (v1) and in `/api/v1/instrument`, in every dialect from 2018 to 2026.
 *
 * Source: the vendor's pages "WebSocket API" (https://www.bitmex.com/app/wsAPI) and "REST API Explorer"
 * (https://www.bitmex.com/api/explorer), and recorded frames of 2021 to 2024, shown with each schema. Columns come and go
 * without notice, so objects take any further column; since 16 January 2023 a null is left out, before it was sent, so
 * what may be null may also be missing.
 */

/** `2021-07-22T22:36:10.014Z`. */
const time = z.string()

/** The side of the taker, or of the book. */
const side = z.enum(['Buy', 'Sell'])

/**
 * A row's order-matching pool: a column since 3 February 2026, empty at first, later `Primary` or `Secondary`.
 */
const pool = z.string().nullish()

/** What a partial is an image of: one symbol, or (empty) the whole table. Only partials have it. */
const filter = z.object({ symbol: z.string().optional() }).nullish()

/** `partial` brings the image of a table, `insert`, `update` and `delete` change it. */
export const action = z.enum(['partial', 'insert', 'update', 'delete'])

function table<Row extends z.ZodType>(row: Row) {
  return z.object({ action, filter, data: z.array(row) })
}

// ── Greeting, acks, errors ────────────────────────────────────────────────────────────────────────────────────────

/**
 * The first frame of a connection. Recorded 22 July 2021:
 * `{"info":"Welcome to the BitMEX Realtime API.","version":"2021-07-14T01:26:29.000Z","timestamp":
 * "2021-07-22T22:36:07.865Z","docs":"https://www.bitmex.com/app/wsAPI","limit":{"remaining":39}}`.
 * `limit` is `{}` from 30 March 2026. The answer to `help` has `info` too, without `limit`.
 */
export const info = z.object({
  info: z.string(),
  limit: z.object({ remaining: integer.nullish() }).nullish(),
})

/**
 * One answer for each topic of a request. Recorded 22 July 2021:
 * `{"success":true,"subscribe":"orderBookL2:XRPU21","request":{"op":"subscribe","args":["orderBookL2:XRPU21",...]}}`;
 * with `"pool":"Primary"` since 19 May 2026. Unsubscribing: `{"success":true,"unsubscribe":"...","request":{...}}`.
 */
export const ack = z.object({
  success: z.boolean(),
  subscribe: z.string().optional(),
  unsubscribe: z.string().optional(),
})

/**
 * Documented: `{"status":400,"error":"Too many args sent. Max length is 20.","meta":{},"request":{...}}`. A limit (429) has
 * `meta.retryAfter` in seconds.
 */
export const failure = z.object({
  error: z.string(),
  status: integer.nullish(),
  meta: z.object({ retryAfter: number.nullish() }).nullish(),
  /** What the client had sent, echoed: anything that it may have made up. */
  request: z.unknown().optional(),
})

/** A request as it should be: one topic, or a list of them. */
export const request = z.object({
  op: z.string().optional(),
  args: z.union([z.string(), z.array(z.unknown())]).optional(),
})

// ── Tables ────────────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * A row of `trade`. Recorded 12 March 2021:
 * `{"timestamp":"2021-03-12T02:00:04.608Z","symbol":"XBTUSD","side":"Sell","size":900,"price":56927,"tickDirection":
 * "MinusTick","trdMatchID":"d1b82d61-d902-349c-936c-2588b8204aff","grossValue":1581300,"homeNotional":0.015813,
 * "foreignNotional":900}`. A settlement row of 27 January 2023 has no side and `"trdType":"Settlement"`.
 */
const tradeRow = z.object({
  symbol: z.string(),
  timestamp: time.nullish(),
  /** Absent on settlement and index rows; an empty text, as the vendor's files of trades have it, is taken for the same. */
  side: z.enum(['Buy', 'Sell', '']).nullish(),
  /** Contracts. */
  size: number,
  price: number,
  trdMatchID: z.string().nullish(),
})

export const tradeTable = table(tradeRow)

/** REST `/trade?symbol=…&startTime=…&count=…`: the same rows, oldest first. */
export const tradeList = z.array(tradeRow)

const bookKey = { symbol: z.string(), id: z.string(), side, timestamp: time.nullish(), pool }

/**
 * A row of `orderBookL2`, `orderBookL2_25` or `orderBookL2_100` as partial and insert bring it. Recorded 22 July 2021:
 * `{"symbol":"XBTUSD","id":8796781600,"side":"Sell","size":100,"price":32184}`; with `timestamp` since 14 February 2022:
 * `{"symbol":"ETHH22","id":75899993108,"side":"Sell","size":50000,"price":0.06892,"timestamp":"2022-03-01T01:55:45.088Z"}`;
 * then with `transactTime` (2024) and `pool` (2026).
 */
export const bookImageRow = z.object({ ...bookKey, size: number, price: number })

/**
 * A row of an update. Recorded 22 July 2021: `{"symbol":"UNIUSDT","id":51999982703,"side":"Sell","size":123}`. The price
 * comes along only since April 2023.
 */
const bookUpdateRow = z.object({ ...bookKey, size: number.optional(), price: number.optional() })

/** A row of a delete. Recorded 2021: `{"symbol":"ETHZ21","id":63399993018,"side":"Buy"}`. */
const bookDeleteRow = z.object(bookKey)

export const bookImage = table(bookImageRow)
export const bookUpdate = table(bookUpdateRow)
export const bookDelete = table(bookDeleteRow)

const level = z.tuple([number, number])

/**
 * A row of `orderBook10`: the ten best levels a side, whole in every row. Recorded 16 February 2023, a new market:
 * `{"symbol":"BLURUSDT","bids":[[1.02,150000000]],"timestamp":"2023-02-16T04:00:30.587Z"}`.
 */
export const topTenTable = table(
  z.object({
    symbol: z.string(),
    bids: z.array(level).nullish(),
    asks: z.array(level).nullish(),
    timestamp: time.nullish(),
  }),
)

/**
 * A row of `quote`. Recorded 1 July 2022:
 * `{"timestamp":"2022-07-01T00:00:07.138Z","symbol":"XBTUSD","bidSize":2100,"bidPrice":19917.5,"askPrice":19918,"askSize":3600}`.
 */
export const quoteTable = table(
  z.object({
    symbol: z.string(),
    timestamp: time.nullish(),
    bidSize: number.nullish(),
    bidPrice: number.nullish(),
    askPrice: number.nullish(),
    askSize: number.nullish(),
  }),
)

/**
 * A row of `tradeBin1m`, `5m`, `1h` or `1d`; `timestamp` is the end of the bin. Recorded 1 March 2023:
 * `{"timestamp":"2023-03-01T00:00:00.000Z","symbol":"XBTUSDT","open":23111.5,"high":23132.5,"low":23108.5,"close":23132.5,
 * "trades":42,"volume":2547000,"vwap":23121.979,"lastSize":108000,"turnover":58891679000,"homeNotional":2.5470000000000006,
 * "foreignNotional":58891.679000000004}`.
 */
export const binTable = table(
  z.object({
    symbol: z.string(),
    timestamp: time,
    open: number.nullish(),
    high: number.nullish(),
    low: number.nullish(),
    close: number.nullish(),
    trades: integer.nullish(),
    /** Contracts. */
    volume: number.nullish(),
  }),
)

/**
 * A row of `funding`: a payment that was made. Recorded 1 April 2021:
 * `{"timestamp":"2021-04-01T20:00:00.000Z","symbol":"XBTUSD","fundingInterval":"2000-01-01T08:00:00.000Z",
 * "fundingRate":0.000817,"fundingRateDaily":0.002451}`.
 */
export const fundingTable = table(
  z.object({ symbol: z.string(), timestamp: time.nullish(), fundingRate: number.nullish() }),
)

/**
 * A row of `liquidation` (documented shape; none was recorded): `{"orderID":"...","symbol":"XBTUSD","side":"Buy",
 * "price":32184,"leavesQty":100}`. It has no time. Only an insert must be whole.
 */
const liquidationRow = { orderID: z.string(), symbol: z.string() }
export const liquidationInsert = table(
  z.object({ ...liquidationRow, side: side.nullish(), price: number.nullish(), leavesQty: number }),
)
/** Partials, updates and deletes of `liquidation` bring no event, and their columns vary. */
export const liquidationOther = table(z.object({ symbol: z.string().optional() }))

/**
 * A row of `instrument`, of which only the columns in use are named: about a hundred exist. A partial and
 * `/api/v1/instrument/active` bring all; an update, recorded 2024, what changed:
 * `{"symbol":"XBTUSD","indicativeSettlePrice":75847.62,"timestamp":"..."}`.
 */
export const instrumentRow = z.object({
  symbol: z.string(),
  timestamp: time.nullish(),
  state: z.string().nullish(),
  typ: z.string().nullish(),
  expiry: time.nullish(),
  underlying: z.string().nullish(),
  quoteCurrency: z.string().nullish(),
  settlCurrency: z.string().nullish(),
  isInverse: z.boolean().nullish(),
  isQuanto: z.boolean().nullish(),
  multiplier: number.nullish(),
  underlyingToPositionMultiplier: number.nullish(),
  quoteToSettleMultiplier: number.nullish(),
  tickSize: number.nullish(),
  lotSize: number.nullish(),
  lastPrice: number.nullish(),
  prevPrice24h: number.nullish(),
  highPrice: number.nullish(),
  lowPrice: number.nullish(),
  volume24h: number.nullish(),
  foreignNotional24h: number.nullish(),
  vwap: number.nullish(),
  bidPrice: number.nullish(),
  askPrice: number.nullish(),
  markPrice: number.nullish(),
  indicativeSettlePrice: number.nullish(),
  openInterest: number.nullish(),
  fundingRate: number.nullish(),
  fundingTimestamp: time.nullish(),
  indicativeFundingRate: number.nullish(),
})

export const instrumentTable = table(instrumentRow)

/** The answer of `/api/v1/instrument`, `/instrument/active`, `/instrument/indices`, `/instrument/activeAndIndices`. */
export const instrumentList = z.array(instrumentRow)

/** A table that is read and brings no event: the envelope alone is checked. */
export const ignoredTable = z.object({ action, data: z.array(z.unknown()) })

export type BookImageRow = z.output<typeof bookImageRow>
export type BookUpdateRow = z.output<typeof bookUpdateRow>
export type BookDeleteRow = z.output<typeof bookDeleteRow>
export type TradeRow = z.output<typeof tradeTable>['data'][number]
export type TopTenRow = z.output<typeof topTenTable>['data'][number]
export type QuoteRow = z.output<typeof quoteTable>['data'][number]
export type BinRow = z.output<typeof binTable>['data'][number]
export type FundingRow = z.output<typeof fundingTable>['data'][number]
export type LiquidationRow = z.output<typeof liquidationInsert>['data'][number]
export type InstrumentRow = z.output<typeof instrumentRow>
export type Info = z.output<typeof info>
export type Ack = z.output<typeof ack>
export type Failure = z.output<typeof failure>
