import * as z from 'zod'
import { integer, milliseconds, number } from './wire.js'

/**
 * What Bittrex says. Hub `c3` (v3, 2020 to 2023-12-04; documentation bittrex.github.io, "Websocket Overview" and
 * "Websocket Topics", last change 2021-05-26): bodies as they stand after base64 and raw deflate. REST v3 and v1.1. Hub
 * `c2` (v1.1, before): only ever read from recordings. SignalR's own envelope is in `src/protocols/classic-signalr/frames.ts`.
 *
 * v3 writes prices and amounts as JSON text with eight decimals, v1.1 as JSON numbers; both arrive here as text.
 */

// ── Hub c3 ────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** `{"Success":true,"ErrorCode":null}`: one for each name of a Subscribe or Unsubscribe, in order. */
export const subscribeResults = z.array(
  z.looseObject({ Success: z.boolean(), ErrorCode: z.string().nullish() }),
)

/** A level. Quantity `"0"`: deleted, or left the window of the stream's depth. */
const bookLevel = z.looseObject({ quantity: number, rate: number })

/**
 * `orderBook`: `{"marketSymbol":"BTC-EUR","depth":500,"sequence":3209226,"bidDeltas":[],
 * "askDeltas":[{"quantity":"0","rate":"32601.41900000"},{"quantity":"0.78077215","rate":"32664.86600000"}]}` (2021-06-14)
 */
export const orderBook = z.looseObject({
  marketSymbol: z.string(),
  depth: z.string(),
  sequence: integer,
  bidDeltas: z.array(bookLevel),
  askDeltas: z.array(bookLevel),
})

/**
 * `{"id":"cabd2d0e-4b35-4772-b7d4-8b4b44c8c3cf","executedAt":"2022-01-21T13:19:57.63Z","quantity":"0.00039000",
 * "rate":"38439.38600001","takerSide":"SELL"}`: no trailing zeros in the fraction of the second, so none to seven digits.
 */
const trade = z.looseObject({
  id: z.string(),
  executedAt: z.string(),
  quantity: number,
  rate: number,
  takerSide: z.enum(['BUY', 'SELL']),
})

/** `trade`: `{"deltas":[…],"sequence":5752,"marketSymbol":"BTC-USDT"}` (2022-01-21) */
export const trades = z.looseObject({ marketSymbol: z.string(), sequence: integer, deltas: z.array(trade) })

/**
 * `ticker`: `{"symbol":"KSM-USDT","lastTradeRate":"421.70600000","bidRate":"420.39100000","askRate":"426.95500000"}`
 * (2021-06-14). A rate that does not exist is zero.
 */
export const ticker = z.looseObject({
  symbol: z.string(),
  lastTradeRate: number,
  bidRate: number,
  askRate: number,
})

/** `tickers`: `{"sequence":n,"deltas":[…]}`: the markets that changed. */
export const tickers = z.looseObject({ sequence: integer, deltas: z.array(ticker) })

/**
 * `marketSummary`: `{"symbol":"BTC-USDT","high":"43490.00000000","low":"37709.20097017","volume":"205.33916707",
 * "quoteVolume":"8218757.38934245","percentChange":"-8.76","updatedAt":"2022-01-21T13:15:25.48Z"}`. High and low are zero
 * where nothing was traded in the 24 hours.
 */
export const marketSummary = z.looseObject({
  symbol: z.string(),
  high: number,
  low: number,
  volume: number,
  quoteVolume: number,
  percentChange: number.nullish(),
  updatedAt: z.string(),
})

/** `marketSummaries`: `{"sequence":n,"deltas":[…]}` */
export const marketSummaries = z.looseObject({ sequence: integer, deltas: z.array(marketSummary) })

const candleFields = z.looseObject({
  startsAt: z.string(),
  open: number,
  high: number,
  low: number,
  close: number,
  volume: number.optional(),
  quoteVolume: number.optional(),
})

/**
 * `candle`: `{"sequence":23945,"marketSymbol":"RDD-BTC","interval":"MINUTE_1","delta":{"startsAt":"2021-06-14T01:54:00Z",
 * "open":"0.00000008","high":"0.00000008","low":"0.00000008","close":"0.00000008","volume":"0","quoteVolume":"0"},
 * "candleType":"TRADE"}` (2021-06-14). Sent for every interval that begins, empty or not.
 */
export const candle = z.looseObject({
  marketSymbol: z.string(),
  interval: z.enum(['MINUTE_1', 'MINUTE_5', 'HOUR_1', 'DAY_1']),
  sequence: integer,
  delta: candleFields,
})

// ── REST v3 ───────────────────────────────────────────────────────────────────────────────────────────────────────────

/** `GET /markets/{symbol}/orderbook?depth=`: singular keys; the number that it stands for is in the header `Sequence`. */
export const restOrderBook = z.looseObject({ bid: z.array(bookLevel), ask: z.array(bookLevel) })

/** `GET /markets/{symbol}/trades`: the last hundred, newest first. */
export const restTrades = z.array(trade)

/** `GET /markets/{symbol}/candles/{interval}/recent` */
export const restCandles = z.array(candleFields)

/**
 * `GET /markets`: `[{"symbol":"1INCH-BTC","baseCurrencySymbol":"1INCH","quoteCurrencySymbol":"BTC",
 * "minTradeSize":"0.51194539","precision":8,"status":"ONLINE","createdAt":"2021-04-16T18:50:47.883Z","prohibitedIn":["US"],
 * "associatedTermsOfService":[],"tags":[]}]` (2021-06-14). `precision` counts the decimals of a price.
 */
export const restMarkets = z.array(
  z.looseObject({
    symbol: z.string(),
    baseCurrencySymbol: z.string(),
    quoteCurrencySymbol: z.string(),
    precision: integer,
    status: z.string(),
  }),
)

/** `{"code":"MARKET_DOES_NOT_EXIST"}`: the body of a refusal. */
export const restError = z.looseObject({ code: z.string() })

// ── v1.1: hub c2 and its list of markets ──────────────────────────────────────────────────────────────────────────────

/**
 * `uE`: `{"M":"USDT-VET","N":117933,"Z":[{"TY":0,"R":0.10128968,"Q":493.63370484},{"TY":1,"R":0.10128963,"Q":0.0}],
 * "S":[{"TY":2,"R":0.10258666,"Q":103573.17939330}],"f":[{"FI":191474449,"OT":"BUY","R":0.10258666,"Q":307.00000000,
 * "T":1617644223690}]}` (2021-04-05). Market, nonce, bids, asks, fills; `TY` 0 adds, 1 removes, 2 changes; times in ms.
 */
const exchangeDelta = z.looseObject({ TY: z.string(), R: number, Q: number })
export const exchangeUpdate = z.looseObject({
  M: z.string(),
  N: integer,
  Z: z.array(exchangeDelta),
  S: z.array(exchangeDelta),
  f: z.array(
    z.looseObject({
      FI: z.string().optional(),
      OT: z.enum(['BUY', 'SELL']),
      R: number,
      Q: number,
      T: milliseconds,
    }),
  ),
})

/**
 * The result of `QueryExchangeState`: `{"M":"USD-UMA","N":148245,"Z":[{"Q":2.24328448,"R":23.888}],"S":[…],
 * "f":[{"I":191382991,"T":1617638458730,"Q":7.61181685,"P":25.641,"t":195.17459585085,"F":"FILL","OT":"BUY","U":"…"}]}`
 * (2021-04-05). The last hundred fills, newest first.
 */
const exchangeLevel = z.looseObject({ Q: number, R: number })
export const exchangeState = z.looseObject({
  M: z.string().nullish(),
  N: integer,
  Z: z.array(exchangeLevel),
  S: z.array(exchangeLevel),
  f: z.array(
    z.looseObject({ I: z.string(), T: milliseconds, Q: number, P: number, OT: z.enum(['BUY', 'SELL']) }),
  ),
})

/**
 * `uS`: `{"N":5534279,"D":[{"M":"BTC-LTC","H":0.00369000,"L":0.00345583,"V":13266.23425906,"l":0.00367829,"m":46.82514346,
 * "T":1617644213790,"B":0.00367045,"A":0.00367827,"G":829,"g":3487,"PD":0.00349632,"x":1392249600000}]}` (2021-04-05).
 * High, low, volume in base, last, volume in quote, time, bid, ask, orders a side, price a day before, listed since.
 */
export const summaryUpdate = z.looseObject({
  N: integer,
  D: z.array(
    z.looseObject({
      M: z.string(),
      H: number.nullable(),
      L: number.nullable(),
      V: number.nullable(),
      l: number.nullable(),
      m: number.nullable(),
      T: milliseconds,
      B: number.nullable(),
      A: number.nullable(),
      PD: number.nullable(),
    }),
  ),
})

/**
 * `GET /api/v1.1/public/getmarkets`: `{"success":true,"message":"","result":[{"MarketCurrency":"LTC","BaseCurrency":"BTC",
 * "MinTradeSize":0.01100000,"MarketName":"BTC-LTC","IsActive":true,…}]}` (2021-04-17). "Base" here is what v3 calls quote.
 */
export const legacyMarkets = z.looseObject({
  success: z.boolean(),
  result: z
    .array(
      z.looseObject({
        MarketCurrency: z.string(),
        BaseCurrency: z.string(),
        MarketName: z.string(),
        IsActive: z.boolean(),
      }),
    )
    .nullable(),
})
