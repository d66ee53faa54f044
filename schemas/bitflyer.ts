import * as z from 'zod'
import { number } from './wire.js'

/**
 * What bitFlyer Lightning says: the Realtime API over JSON-RPC (https://bf-lightning-api.readme.io/docs/endpoint-json-rpc) and the HTTP
 * API. Frames of 2021-04-05 and 2021-12-12 unless said otherwise. Numbers come bare, with zeros at the end and up to 19 digits.
 */

/** `params` of every notification `channelMessage`. */
export const channelMessage = z.looseObject({ channel: z.string() })

const level = z.looseObject({ price: number, size: number })

/**
 * Changes of a book, and in the same form its whole image. A size of 0 takes a level away, in an image too; the order of levels is not
 * promised (documentation), and a price of 0 is a market order of an auction (documentation).
 *
 * `{"jsonrpc":"2.0","method":"channelMessage","params":{"channel":"lightning_board_BTC_USD","message":{"mid_price":58673.18,"bids":[{"price":58546.33,"size":0.0},{"price":58560.63,"size":0.0}],"asks":[]}}}`
 *
 * `{"jsonrpc":"2.0","method":"channelMessage","params":{"channel":"lightning_board_snapshot_BTCJPY16APR2021","message":{"mid_price":6459103.0,"bids":[{"price":6031880.0,"size":5.0},{"price":6084652.0,"size":12.0}],"asks":[…]}}}`
 */
export const boardMessage = z.looseObject({
  message: z.looseObject({ bids: z.array(level), asks: z.array(level) }),
})

/**
 * `id` rises over all products; the side is the taker's, empty for a trade of an auction (documentation); `exec_date` has up to
 * seven digits of a second, and no zone over HTTP (documentation).
 */
const execution = z.looseObject({
  id: z.string().regex(/^\d+$/, { error: 'must be an id', abort: true }),
  side: z.enum(['BUY', 'SELL', '']),
  price: number,
  size: number,
  exec_date: z.string(),
})

/** `{"jsonrpc":"2.0","method":"channelMessage","params":{"channel":"lightning_executions_XRP_JPY","message":[{"id":2204726956,"side":"SELL","price":88.57,"size":4.0,"exec_date":"2021-04-05T17:29:03.0519246Z","buy_child_order_acceptance_id":"JRF20210405-172859-222566","sell_child_order_acceptance_id":"JRF20210405-172902-174580"}]}}`, oldest first. */
export const executionsMessage = z.looseObject({ message: z.array(execution) })

/** `GET /v1/getexecutions?product_code=BTC_JPY`, newest first: `[{"id":39287,"side":"BUY","price":31690,"size":27.04,"exec_date":"2015-07-08T02:43:34.823",…}]` (documentation) */
export const executionsPage = z.array(execution)

/** `{"jsonrpc":"2.0","method":"channelMessage","params":{"channel":"lightning_ticker_XLM_JPY","message":{"product_code":"XLM_JPY","state":"RUNNING","timestamp":"2021-12-12T23:05:30.1453869Z","tick_id":8300539,"best_bid":31.469,"best_ask":31.56,"best_bid_size":4958.91,"best_ask_size":2103.78,"total_bid_depth":1861489.76493760,"total_ask_depth":2124943.827473400000,"market_bid_size":0.0,"market_ask_size":0.0,"ltp":31.471,"volume":1471420.073424000000,"volume_by_product":1471420.073424000000}}}` */
export const tickerMessage = z.looseObject({
  message: z.looseObject({
    state: z.string(),
    timestamp: z.string(),
    tick_id: number,
    best_bid: number,
    best_ask: number,
    best_bid_size: number,
    best_ask_size: number,
    ltp: number,
    volume_by_product: number,
  }),
})

/** `GET /v1/getmarkets`: `[{"product_code":"FX_BTC_JPY","market_type":"FX"},{"product_code":"BTCJPY17DEC2021","alias":"BTCJPY_MAT1WK","market_type":"Futures"}]` */
export const marketList = z.array(z.looseObject({ product_code: z.string() }))

/** `GET /v1/gethealth`: `{"status":"NORMAL"}`; `STOP` while nothing can be ordered (documentation). */
export const health = z.looseObject({ status: z.string() })
