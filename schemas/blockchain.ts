import * as z from 'zod'
import { integer, milliseconds, number, seconds } from './wire.js'

/**
 * What Blockchain.com says: the Exchange ("mercury gateway", https://exchange.blockchain.com/api) and the chain feed of
 * blockchain.info (https://www.blockchain.com/explorer/api/api_websocket). Frames of 2021-07-22 unless said otherwise.
 */

/** Every frame of the Exchange has these; the rejection for throttling has only `event` and `text`. */
export const exchangeHead = z.looseObject({
  /** Counts every frame of the connection, from 0. */
  seqnum: integer.optional(),
  event: z.string(),
  channel: z.string().optional(),
  symbol: z.string().optional(),
})

/** `{"num":1,"px":1.6E-7,"qty":200.0}`; `qty` 0 removes the level. */
const l2Level = z.looseObject({ px: number, qty: number })

/** `{"seqnum":30,"event":"updated","channel":"l2","symbol":"ENJ-USDT","bids":[{"num":0,"px":1.0952,"qty":0.0}],"asks":[],"timestamp":"2021-07-22T22:39:23.637085Z"}` */
export const l2Frame = z.looseObject({
  symbol: z.string(),
  bids: z.array(l2Level),
  asks: z.array(l2Level),
  timestamp: z.string().optional(),
})

/** `{"id":"1234","px":8723.45,"qty":1.1}` */
const l3Order = z.looseObject({ id: z.string(), px: number, qty: number })

/** `{"seqnum":2,"event":"snapshot","channel":"l3","symbol":"BTC-USD","bids":[{"px":8723.45,"qty":1.45,"id":"2"}],"asks":[{"px":8730.0,"qty":1.55,"id":"555"}]}` (documentation) */
export const l3Frame = z.looseObject({
  symbol: z.string(),
  bids: z.array(l3Order),
  asks: z.array(l3Order),
  timestamp: z.string().optional(),
})

/** `{"seqnum":21,"event":"updated","channel":"trades","symbol":"BTC-USD","timestamp":"2019-08-13T11:30:06.100140Z","side":"sell","qty":8.5E-5,"price":11252.4,"trade_id":"12884909920"}` (documentation) */
export const tradeFrame = z.looseObject({
  symbol: z.string(),
  timestamp: z.string(),
  side: z.enum(['buy', 'sell']),
  qty: number,
  price: number,
  trade_id: z.string(),
})

/** `{"seqnum":14,"event":"snapshot","channel":"ticker","symbol":"BTC-USD","price_24h":0,"volume_24h":11209.249919398,"last_trade_price":86300,"mark_price":106523.7}` (2026-09-23); an update holds only what changed. */
export const tickerFrame = z.looseObject({
  symbol: z.string(),
  price_24h: number.optional(),
  volume_24h: number.optional(),
  last_trade_price: number.optional(),
  mark_price: number.optional(),
})

/** `{"seqnum":1,"event":"subscribed","channel":"prices","symbol":"BTC-USD","granularity":60}` */
export const pricesAck = z.looseObject({ symbol: z.string(), granularity: integer })

/** `{"seqnum":79,"event":"updated","channel":"prices","symbol":"BTC-USD","price":[1790138040000,87217.845,87217.845,87190.85,87190.85,0.0]}` (2026-09-23): open time, open, high, low, close, volume. */
export const pricesFrame = z.looseObject({
  symbol: z.string(),
  price: z.tuple([milliseconds, number, number, number, number, number]).rest(z.unknown()),
})

/** `{"seqnum":6,"event":"rejected","channel":"l2","text":"invalid symbol identifier","symbol":"nope"}` */
export const rejectedFrame = z.looseObject({ text: z.string().default('no reason given') })

/** A symbol as the REST lists and the `symbols` channel describe it: steps are integers with a scale. */
export const exchangeSymbol = z.looseObject({
  base_currency: z.string(),
  counter_currency: z.string(),
  min_price_increment: number,
  min_price_increment_scale: integer,
  lot_size: number.optional(),
  lot_size_scale: integer.optional(),
  status: z.string(),
})

/** `GET https://api.blockchain.com/mercury-gateway/v1/instruments` (2021): the older list. */
export const instrumentList = z.array(exchangeSymbol.extend({ symbol: z.string() }))

/** `GET https://api.blockchain.com/v3/exchange/symbols`: `{"BTC-USD":{"base_currency":"BTC",…}}`. */
export const symbolList = z.record(z.string(), exchangeSymbol)

/** `{"seqnum":1,"event":"snapshot","channel":"symbols","symbols":{"BTC-USD":{…}}}` (documentation) */
export const symbolsSnapshot = z.looseObject({ symbols: symbolList })

/** `{"seqnum":1,"event":"updated","channel":"symbols","symbol":"BTC-USD","auction-price":0.0,"status":"open",…}` (documentation: one symbol, flat) */
export const symbolsUpdate = z.looseObject({ symbol: z.string(), status: z.string().optional() })

/** Satoshi. `addr` is missing for scripts that pay to no address. */
const output = z.looseObject({ addr: z.string().nullish(), value: number.nullish() })

/**
 * `{"op":"utx","x":{"lock_time":0,"ver":1,"size":225,"inputs":[{"sequence":4294967293,"prev_out":{"spent":true,"tx_index":0,"type":0,
 * "addr":"bc1q…","value":2183,"n":0,"script":"…"},"script":""}],"time":1671026400,"tx_index":0,"vin_sz":1,"hash":"17d08bf0…",
 * "vout_sz":1,"relayed_by":"0.0.0.0","out":[{"spent":false,"tx_index":0,"type":0,"addr":"1…","value":1000,"n":0,"script":"…"}]}}` (2022-12)
 */
export const transactionFrame = z.looseObject({
  x: z.looseObject({
    hash: z.string(),
    size: integer.nullish(),
    time: seconds,
    block_height: integer.nullish(),
    inputs: z.array(z.looseObject({ prev_out: output.nullish() })),
    out: z.array(output),
  }),
})

/** `{"op":"minitx","x":{"time":1449263035,"value":4185461,"txIndex":114394115,"hash":"a6de…1393"}}` (2015) */
export const miniTransactionFrame = z.looseObject({
  x: z.looseObject({ hash: z.string(), time: seconds, value: number }),
})

/**
 * `{"op":"block","x":{"txIndexes":[0,0,…],"nTx":2541,"totalBTCSent":752148218475,"estimatedBTCSent":…,"reward":0,"size":1284093,
 * "blockIndex":0,"prevBlockIndex":0,"height":614187,"hash":"0000…","mrklRoot":"…","version":545259520,"time":1579773523,
 * "bits":387124344,"nonce":…,"difficulty":1.477636753568864E13}}` (2020-01-23)
 */
export const blockFrame = z.looseObject({
  x: z.looseObject({
    hash: z.string(),
    height: integer,
    time: seconds,
    size: integer.nullish(),
    nTx: integer.nullish(),
    totalBTCSent: number.nullish(),
  }),
})

/** Every frame of the chain feed. */
export const chainHead = z.looseObject({ op: z.string() })

/** `GET https://blockchain.info/latestblock`: `{"hash":"0000…","time":1579773523,"block_index":…,"height":614187,"txIndexes":[…]}` */
export const latestBlock = z.looseObject({ hash: z.string(), height: integer, time: seconds })
