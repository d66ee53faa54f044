import * as z from 'zod'
import { integer, number } from './wire.js'

/**
 * What Bitfinex says on its public WebSocket v2 and REST v2.
 *
 * Documentation: https://docs.bitfinex.com/docs/ws-general and the pages of the single channels, read in November 2026.
 * Frames come in two forms. Objects are events. Arrays are `[chanId, payload…, sequence?, timestamp?]`: the last two are
 * there where `conf` asked for them. Payload rows grow at their end over the years, so every row takes further fields.
 */

/** What follows the payload: the sequence number, then the server's time in ms, as `conf` asked for. */
const tail = number
/** Valid on one connection only. */
const chanId = number
/** Fields that were appended to a row since. */
const later = z.unknown()
/** A number that the venue may leave out of a row. */
const nullable = number.nullable()
/** As {@link nullable}, in a row that was shorter once. */
const maybe = nullable.optional()
/** A place of a row that carries nothing here. */
const unused = later.optional()

/** Milliseconds since the epoch, in liquidations with a fraction (`1574697680828.2002`); becomes microseconds. */
const milliseconds = z
  .string()
  .regex(/^[0-8]?\d{1,12}(?:\.\d+)?$/, {
    error: 'must be milliseconds since the epoch, before the year 2255',
    abort: true,
  })
  .transform((text) => Math.round(Number(text) * 1000))

// ── Array frames ──────────────────────────────────────────────────────────────────────────────────────────────────────

/** `[6959,"hb",3603,1569715249702]`: docs page "Heartbeating", frame of September 2019. */
export const heartbeatFrame = z.tuple([chanId, z.literal('hb')], tail)

/** `[232957,"cs",-1175357890,7,1790134414850]`: docs page "Websocket Checksum"; the signed CRC-32 of the book. */
export const checksumFrame = z.tuple(
  [
    chanId,
    z.literal('cs'),
    z.string().regex(/^-?\d{1,10}$/, { error: 'must be a signed 32 bit number', abort: true }),
  ],
  tail,
)

/** `[id, ms, amount, price]`, of funding `[id, ms, amount, rate, period]`. A negative amount: the taker sold. */
const tradeRow = z.tuple([number, milliseconds, number, number], later)

/**
 * `[5262,"te",[310628134,1542045968922,0.01073894,6443.1]]` (November 2018) and the same row again as `tu`;
 * `[18788,"fte",[5690221203,1734237018019,0.00991467,102550,30],4]` for funding. Docs page "Trades".
 */
export const tradeFrame = z.tuple([chanId, z.enum(['te', 'tu', 'fte', 'ftu']), tradeRow], tail)

/** `[5262,[[310628121,1542045947738,0.00265425,6443.1],[310628067,1542045905966,-0.041432,6443],…]]`, newest first. */
export const tradeHistoryFrame = z.tuple([chanId, z.array(tradeRow)], tail)

/** REST `trades/{symbol}/hist?start=…&sort=1`: the same rows, oldest first. Docs page "Trades" of REST. */
export const tradePage = z.array(tradeRow)

/** `[price, count, amount]`: count 0 deletes; a negative amount is an ask. Docs page "Books", precision P0 to P4. */
const levelRow = z.tuple([number, number, number], later)

/** `[6959,[219.11,3,-18.10913638],45,1564617601214]`: one level (August 2019). */
export const levelFrame = z.tuple([chanId, levelRow], tail)

/** `[81568,[[6443,5,5.26056135],[6442.9,2,1.17073057],…]]` (November 2018): a whole book, or several levels in bulk. */
export const levelsFrame = z.tuple([chanId, z.array(levelRow)], tail)

/** `[rate, period, count, amount]`: here a positive amount is an offer (ask). Docs page "Books", funding. */
const fundingLevelRow = z.tuple([number, number, number, number], later)

export const fundingLevelFrame = z.tuple([chanId, fundingLevelRow], tail)

/** `[1,[[0.00023112,30,1,-15190.7005375]]]`. */
export const fundingLevelsFrame = z.tuple([chanId, z.array(fundingLevelRow)], tail)

/** `[order id, price, amount]`: price 0 says that the order left. Docs page "Raw Books". */
const orderRow = z.tuple([number, number, number], later)

/** `[23405,[38334303613,9348.8,0.53],6]`. */
export const orderFrame = z.tuple([chanId, orderRow], tail)

/** `[23405,[[38334303613,9348.8,0.53],[38334308111,9348.8,5.98979404],…],5]` (November 2019). */
export const ordersFrame = z.tuple([chanId, z.array(orderRow)], tail)

/** `[offer id, period, rate, amount]`: rate 0 says that the offer left; a positive amount is an offer (ask). */
const fundingOrderRow = z.tuple([number, number, number, number], later)

export const fundingOrderFrame = z.tuple([chanId, fundingOrderRow], tail)

/** `[1,[[658282397,30,0.000233,-530]]]`. */
export const fundingOrdersFrame = z.tuple([chanId, z.array(fundingOrderRow)], tail)

/**
 * `[bid, bid size, ask, ask size, change, change in parts, last, volume, high, low, first trade?]`. The sizes are sums of
 * 25 levels. Docs page "Ticker".
 *
 *     [147794,[71741,0.26742262,71760,1.22665447,647,0.00909896,71754,900.8715945,73120,70434,null],1,1775779200144]
 */
export const tickerFrame = z.tuple(
  [
    chanId,
    z.tuple(
      [nullable, nullable, nullable, nullable, nullable, nullable, nullable, nullable, maybe, maybe],
      later,
    ),
  ],
  tail,
)

/**
 * `[frr, bid, bid period, bid size, ask, ask period, ask size, change, change in parts, last, volume, high, low, …]`.
 *
 *     [1,[0.0003193369863013699,0.0002401,30,3939629.6177260396,0.00019012,2,307776.1592138799,-0.00005823,-0.2344,
 *         0.00019016,122156333.45260866,0.00027397,6.8e-7,null,null,3441851.73330503]]
 */
export const fundingTickerFrame = z.tuple(
  [
    chanId,
    z.tuple(
      [
        nullable,
        nullable,
        nullable,
        nullable,
        nullable,
        nullable,
        nullable,
        nullable,
        nullable,
        nullable,
        nullable,
        maybe,
        maybe,
      ],
      later,
    ),
  ],
  tail,
)

/** `[ms, open, close, high, low, volume]`: the close stands before high and low. Docs page "Candles". */
const candleRow = z.tuple([milliseconds, nullable, nullable, nullable, nullable, nullable], later)

/** `[343351,[1574698200000,7399.9,7379.7,7399.9,7371.8,41.63633658]]` (November 2019). */
export const candleFrame = z.tuple([chanId, candleRow], tail)

/** `[343351,[[1574698260000,7379.785503,7383.8,7388.3,7379.785503,1.68829482],…]]`, newest first. */
export const candlesFrame = z.tuple([chanId, z.array(candleRow)], tail)

/**
 * Derivative status, key `deriv:…`. Docs page "Status" (September 2026); older rows end earlier.
 *
 *     [759363,[1790133734000,null,86710.46123944,86670.5,null,62210384.95685668,null,1790150400000,0.00015317,3873,null,
 *              0,null,null,86676.3172,null,null,8851.89352831,null,null,null,0.0005,0.0025]]
 */
export const derivativeFrame = z.tuple(
  [
    chanId,
    z.tuple(
      [
        milliseconds,
        unused,
        /** Middle of the contract's own book. */
        maybe,
        /** Middle of the spot pair. */
        maybe,
        unused,
        /** Insurance fund. */
        maybe,
        unused,
        /** Next funding. */
        milliseconds.nullable().optional(),
        /** Premium accrued for the next funding. */
        maybe,
        /** Samples of it so far. */
        maybe,
        unused,
        /** Funding rate that will be paid next. */
        maybe,
        unused,
        unused,
        /** Mark price. */
        maybe,
        unused,
        unused,
        /** Open interest. */
        maybe,
        unused,
        unused,
        unused,
        /** Dead band of the premium. */
        maybe,
        /** Cap of the rate. */
        maybe,
      ],
      later,
    ),
  ],
  tail,
)

/**
 * `["pos", position, ms, null, symbol, amount, base price, null, is match, is market sold, null, price acquired]`. Docs page
 * "Status", key `liq:global`. A positive amount was a long.
 *
 *     [1,[["pos",142397657,1574697680828.2002,null,"tBSVUSD",-2.62932,91.583875238719,null,1,1,null,112.27]]]
 */
export const liquidationsFrame = z.tuple(
  [
    chanId,
    z.array(
      z.tuple(
        [
          z.literal('pos'),
          number,
          milliseconds,
          unused,
          z.string(),
          number,
          nullable,
          unused,
          maybe,
          maybe,
          unused,
          maybe,
        ],
        unused,
      ),
    ),
  ],
  tail,
)

// ── Event frames ──────────────────────────────────────────────────────────────────────────────────────────────────────

/** Only what every event has: the key to dispatch by. */
export const eventFrame = z.looseObject({ event: z.string() })

/**
 * `{"event":"info","version":2,"serverId":"08c3ea49-017b-4265-959a-aef128755661","platform":{"status":1}}` greets;
 * `{"event":"info","code":20051,"msg":"Stopping. Please try to reconnect"}` announces. Docs page "General".
 */
export const infoEvent = z.looseObject({
  version: number.optional(),
  code: integer.optional(),
  msg: z.string().nullish(),
  platform: z.looseObject({ status: integer }).optional(),
})

/** `{"event":"conf","status":"OK","flags":65536}`. Docs page "Conf". */
export const confEvent = z.looseObject({ status: z.string(), flags: integer.optional() })

const channelFields = {
  channel: z.string(),
  symbol: z.string().optional(),
  pair: z.string().optional(),
  key: z.string().optional(),
  prec: z.string().optional(),
  freq: z.string().optional(),
  len: z.string().optional(),
  subId: z.string().optional(),
}

/**
 * `{"event":"subscribed","channel":"book","chanId":146467,"symbol":"tETHJPY","prec":"P0","freq":"F0","len":"100",
 * "pair":"ETHJPY"}` (April 2021); candles and status carry a `key` in place of a symbol; `subId` comes back as sent.
 */
export const subscribedEvent = z.looseObject({ ...channelFields, chanId: integer })

/** `{"event":"unsubscribed","status":"OK","chanId":232957}`. */
export const unsubscribedEvent = z.looseObject({ chanId: integer })

/**
 * `{"event":"error","msg":"symbol: invalid","code":10300,"channel":"book","symbol":"tNOPE","prec":"P0","len":"25",
 * "pair":"NOPE"}`; some errors name no channel.
 */
export const errorEvent = z.looseObject({
  ...channelFields,
  channel: z.string().optional(),
  code: integer.nullish(),
  msg: z.string().nullish(),
  chanId: integer.optional(),
})

/** `{"event":"conf","flags":65536}`, as a client sends it. */
export const confRequest = z.looseObject({ flags: integer })

// ── REST ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** `conf/a,b` answers `[answer of a, answer of b]`. */
export const confAnswers = z.array(z.unknown())

/** `pub:list:pair:exchange`: `["AAVE:USD","ADABTC",…]`, and likewise margin, securities, futures and currencies. */
export const nameList = z.array(z.string())

/** `pub:map:currency:sym`: `[["ALG","ALGO"],["UST","USDt"],…]`; `pub:map:currency:undl`: `[["BTCF0","BTC"],…]`. */
export const nameMap = z.array(z.tuple([z.string(), z.string()], later))

export type SubscribedEvent = z.infer<typeof subscribedEvent>
export type ErrorEvent = z.infer<typeof errorEvent>
export type LevelRow = z.infer<typeof levelRow>
export type FundingLevelRow = z.infer<typeof fundingLevelRow>
export type TradeRow = z.infer<typeof tradeRow>
export type CandleRow = z.infer<typeof candleRow>
