import * as z from 'zod'
import { integer, milliseconds, number, seconds } from './wire.js'

/**
 * What CEX.IO says, in its two unrelated protocols: the classic API of `wss://ws.cex.io/ws`
 * (https://docs.cex.io/#websocket-api, closing; frames of 2016 to 2024) and CEX.IO Spot Trading of
 * `wss://trade.cex.io/api/spot/ws-public` (https://trade.cex.io/docs/, text of 2026-03-19; frames of 2026-09-23). They share
 * the greeting `{"e":"connected"}`, the envelope and the recipe of the login.
 */

/**
 * `{"e":"md_update",…}`, `{"e":"order-book-subscribe","oid":"book-1","ok":"ok",…}`. A number as `oid` is echoed as a number.
 *
 * A failure is `{"e":"auth","data":{"error":"Invalid API key"},"ok":"error"}`; it was seen without `ok`, and with `ok` "ok" in
 * Spot Trading, so the text in `data` is the only sure sign.
 */
export const envelope = z.looseObject({
  e: z.string(),
  oid: z.string().optional(),
  ok: z.string().optional(),
})

// ── Classic ───────────────────────────────────────────────────────────────────────────────────────────────────────

/** `[8391.9,0.80000000]`: JSON numbers, the amount in whole coins. */
const level = z.tuple([number, number])

/** An amount in the smallest unit of the base: `29000000` is 0.29 BTC. */
const minorUnits = z.string().regex(/^\d{1,60}$/, { error: 'must be an integer in minor units', abort: true })

const classicPair = z.string().regex(/^[^:]+:[^:]+$/, { error: 'must be BASE:QUOTE', abort: true })

/** `{"e":"auth","data":{"ok":"ok"},"ok":"ok","timestamp":1448034593}` */
export const authReply = z.looseObject({ ok: z.string() })

/**
 * `{"e":"order-book-subscribe","data":{"timestamp":1592818373,"bids":[[8391.9,0.80000000]],"asks":[[8420.3,0.10000000]],"pair":"BTC:EUR","id":346224380,"sell_total":"174.83008048","buy_total":"1286942.49"},"oid":"book-1", "ok":"ok"}`
 * (2020-06-22). `timestamp_ms` beside it since about 2022.
 */
export const classicSnapshot = z.looseObject({
  data: z.looseObject({
    timestamp: seconds.optional(),
    timestamp_ms: milliseconds.optional(),
    bids: z.array(level),
    asks: z.array(level),
    pair: classicPair,
    id: integer,
  }),
})

/** `{"e":"md_update","data":{"id":346224387,"pair":"BTC:EUR","time":1592818381354,"bids":[[8390.4,0.80000000]],"asks":[]}}` (2020-06-22) */
export const classicUpdate = z.looseObject({
  data: z.looseObject({
    id: integer,
    pair: classicPair,
    time: milliseconds.optional(),
    bids: z.array(level),
    asks: z.array(level),
  }),
})

/** `{"e":"md","data":{"pair":"BTC:USD","id":146121117,"buy":[[8497.2083,29000000]],"sell":[[8499.9603,2000000]],"buy_total":757256114,"sell_total":176748539752}}` (2018) */
export const pairBook = z.looseObject({
  data: z.looseObject({
    pair: classicPair,
    id: integer,
    buy: z.array(z.tuple([number, minorUnits])),
    sell: z.array(z.tuple([number, minorUnits])),
  }),
})

/** `{"e":"md_groupped","data":{"buy":{"8497":123},"sell":{"8499":5},"pair":"BTC:USD","id":1}}`: a chart of summed levels, no book. */
export const groupedBook = z.looseObject({ data: z.looseObject({ pair: classicPair }) })

/** `{"e":"history","data":["buy:1710255706095:444444:71222.2:14892622"]}` (2024): newest first, and without the pair. */
export const history = z.looseObject({ data: z.array(z.string()) })

/** `{"e":"history-update","data":[["buy","1665467516704","98070","19057.7","14541220"]]}` (2022): without the pair; may be empty. The rows are read one by one. */
export const historyUpdate = z.looseObject({ data: z.array(z.unknown()) })

/** One trade: side, ms, minor units of the base, price, id. */
export const historyRow = z.tuple([
  z.enum(['buy', 'sell']),
  integer,
  minorUnits,
  number,
  z.string().regex(/^\d{1,60}$/, { error: 'must be the id of a trade', abort: true }),
])

/** `{"e":"tick","data":{"symbol1":"ETH","symbol2":"USD","price":"997.0053","open24":"926.8021","volume":"10043.73349200"}}` (2018); until 2017 only symbols and price. */
export const tick = z.looseObject({
  data: z.looseObject({
    symbol1: z.string(),
    symbol2: z.string(),
    price: number,
    open24: number.optional(),
    volume: number.optional(),
  }),
})

/** `{"e":"ticker","data":{"timestamp":"1663764969","low":"18756.3","high":"19200","last":"19200","volume":"0.94735907","volume30d":"64.61299999","bid":19217.2,"ask":19247.5,"priceChange":"44.3","priceChangePercentage":"0.23","pair":["BTC","USDT"]},"oid":"1","ok":"ok"}` (2022) */
export const classicTicker = z.looseObject({
  data: z.looseObject({
    timestamp: seconds.optional(),
    low: number.optional(),
    high: number.optional(),
    last: number.optional(),
    volume: number.optional(),
    bid: number.optional(),
    ask: number.optional(),
    priceChange: number.optional(),
    pair: z.tuple([z.string(), z.string()]),
  }),
})

/** Time in seconds, open, high, low, close, volume in minor units of the base. */
const candleRow = z.tuple([seconds, number, number, number, number, minorUnits])

/**
 * `{"e":"init-ohlcv-data","data":[[1663660680,"19396.4","19396.4","19396.4","19396.4","1262861"]],"pair":"BTC:USDT"}`,
 * `{"e":"ohlcv","data":[[1665461100,"19068.2","19068.2","19068.2","19068.2",268478]],"pair":"BTC:USD"}` (2022); may be empty.
 */
export const candleRows = z.looseObject({ data: z.array(candleRow), pair: classicPair })

/** `{"e":"ohlcv1m","data":{"pair":"BTC:USD","time":"1665436800","o":"19279.6","h":"19279.6","l":"19266.7","c":"19266.7","v":3343884,"d":3343884}}` (2022) */
export const candle = z.looseObject({
  data: z.looseObject({
    pair: classicPair,
    time: milliseconds,
    o: number,
    h: number,
    l: number,
    c: number,
    v: minorUnits,
  }),
})

/** `{"e":"ohlcv24","data":["18793.2","19630","18793.2","19104.1","314157273"],"pair":"BTC:USDT"}` (2022): open, high, low, close, volume of 24 h. */
export const dayCandle = z.looseObject({
  data: z.tuple([number, number, number, number, minorUnits]),
  pair: classicPair,
})

/** `{"e":"disconnecting","reason":"…","time":1435927944618}`; `{"e":"disconnected"}` */
export const goodbye = z.looseObject({ reason: z.string().optional() })

/** What a recorded client asked for: `{"e":"subscribe","rooms":["pair-BTC-USD"]}`, `{"e":"init-ohlcv","i":"1m","rooms":["pair-BTC-USD"]}`. */
export const roomRequest = z.looseObject({
  e: z.string(),
  i: z.string().optional(),
  rooms: z.array(z.string()),
})

/** `{"e":"order-book-subscribe","data":{"pair":["BTC","USD"],"subscribe":true,"depth":0},"oid":"…"}` */
export const classicBookRequest = z.looseObject({
  data: z.looseObject({ pair: z.tuple([z.string(), z.string()]), depth: integer.optional() }),
})

/** `GET https://cex.io/api/currency_limits` */
export const currencyLimits = z.looseObject({
  data: z.looseObject({
    pairs: z.array(
      z.looseObject({
        symbol1: z.string(),
        symbol2: z.string(),
        pricePrecision: integer.optional(),
      }),
    ),
  }),
})

/** `POST https://cex.io/api/currency_profile`: `{"e":"currency_profile","ok":"ok","data":{"symbols":[{"code":"ETH","precision":8,"scale":2}]}}` */
export const currencyProfile = z.looseObject({
  data: z.looseObject({
    symbols: z.array(z.looseObject({ code: z.string(), precision: integer, scale: integer.optional() })),
  }),
})

// ── Spot Trading ──────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * The reply is ack and snapshot: `{"e":"order_book_subscribe","oid":"1790135070649_1_order_book_subscribe","data":{"seqId":8676229,"pair":"BTC-USD","bids":[["86875","0.04301025"]],"asks":[["86875.1","3.40529629"]]},"ok":"ok"}`;
 * `{"e":"order_book_increment","data":{"seqId":8676230,"pair":"BTC-USD","bids":[["86775","0.05005228"]],"asks":[]},"ok":"ok"}` (2026-09-23)
 */
export const spotBook = z.looseObject({
  data: z.looseObject({
    seqId: integer,
    pair: z.string(),
    bids: z.array(level),
    asks: z.array(level),
  }),
})

/** `{"e":"order_book_unsubscribe","oid":"…","data":{"pair":"BTC-USD"},"ok":"ok"}` */
export const pairReply = z.looseObject({ data: z.looseObject({ pair: z.string() }) })

/** `{"side":"BUY","dateISO":"2023-03-07T01:22:25.734Z","price":"22562.1","amount":"0.00975172","tradeId":"1678152145734-0"}` (documentation) */
export const spotTrade = z.looseObject({
  side: z.enum(['BUY', 'SELL', 'buy', 'sell']),
  dateISO: z.string(),
  price: number,
  amount: number,
  tradeId: z.string().regex(/^\d{1,30}-\d{1,30}$/, { error: 'must be MS-COUNTER', abort: true }),
})

/** `{"e":"tradeUpdate","data":{"pair":"BTC-USD","side":"BUY","dateISO":"…","price":"…","amount":"…","tradeId":"…"},"ok":"ok"}` */
export const tradeUpdate = z.looseObject({ data: spotTrade.extend({ pair: z.string() }) })

/** `{"e":"tradeHistorySnapshot","data":{"pair":"BTC-USD","trades":[…]},"ok":"ok"}`: up to 200, ascending. The rows are read one by one. */
export const tradeSnapshot = z.looseObject({
  data: z.looseObject({ pair: z.string(), trades: z.array(z.unknown()) }),
})

/** `{"e":"get_trade_history","oid":"…","data":{"pageSize":1000,"trades":[…]},"ok":"ok"}` */
export const tradePage = z.looseObject({ data: z.looseObject({ trades: z.array(z.unknown()) }) })

/** `{"e":"get_ticker","oid":"…","data":{"BTC-USD":{"bestBid":"86875","bestAsk":"86875.1","volume":"1.20", …}},"ok":"ok"}`; only the volumes are promised. */
export const spotTickers = z.looseObject({
  data: z.record(
    z.string(),
    z.looseObject({
      bestBid: number.nullish(),
      bestAsk: number.nullish(),
      low: number.nullish(),
      high: number.nullish(),
      volume: number.nullish(),
      quoteVolume: number.nullish(),
      lastTradePrice: number.nullish(),
      priceChange: number.nullish(),
    }),
  ),
})

/** `{"timestamp":1790135040000,"open":86870,"high":86880,"low":86870,"close":86875,"volume":0.5,"resolution":"1m","isClosed":true,"timestampISO":"…"}`: JSON numbers; an empty candle has neither prices nor volume. */
const spotCandle = z.looseObject({
  timestamp: milliseconds,
  open: number.nullish(),
  high: number.nullish(),
  low: number.nullish(),
  close: number.nullish(),
  volume: number.nullish(),
  isClosed: z.boolean().optional(),
})

/** One pair's candles may come as an array or as one object. */
export const spotCandles = z
  .union([z.array(spotCandle), spotCandle])
  .transform((rows) => (Array.isArray(rows) ? rows : [rows]))

/** `{"e":"get_candles","oid":"…","data":{"BTC-USD":[…]},"ok":"ok"}`; errors sit per pair: `{"XXX-YYY":{"error":{"code":400,"reason":"…"}}}`. */
export const spotCandleReply = z.looseObject({ data: z.unknown() })
export const candleFailure = z.looseObject({ error: z.looseObject({ reason: z.string() }) })

/** What a recorded client asked for: `{"e":"trade_subscribe","oid":"…","data":{"pair":"BTC-USD"}}`. */
export const spotRequest = z.looseObject({
  e: z.string(),
  oid: z.string().optional(),
  data: z
    .looseObject({
      pair: z.string().optional(),
      dataType: z.string().optional(),
      resolution: z.string().optional(),
    })
    .optional(),
})

/** `POST https://trade.cex.io/api/spot/rest-public/get_pairs_info` and the method of the same name on the socket. */
export const pairsInfo = z.looseObject({
  data: z.array(
    z.looseObject({
      base: z.string(),
      quote: z.string(),
      baseLotSize: number.nullish(),
      pricePrecision: integer.nullish(),
    }),
  ),
})
