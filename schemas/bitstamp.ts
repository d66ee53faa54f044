import * as z from 'zod'
import { integer, microseconds, number, seconds } from './wire.js'

/**
 * What Bitstamp says: WebSocket v2 (https://www.bitstamp.net/websocket/v2/) and its REST API (https://www.bitstamp.net/api/). The
 * codec of its grammar takes the frames apart; these are the messages in them.
 */

/** `["3802.90","0.60000000"]`; an older frame was seen with the order's id behind. Amount 0 removes the level. */
const level = z.tuple([number, number]).rest(z.unknown())

/** `["8732.02","0.00002478","1207590500704256"]` */
const order = z.tuple([number, number, z.string()]).rest(z.unknown())

/** Channels `diff_order_book` (what changed) and `order_book` (the best 100): `{"data":{"timestamp":"1641343691","microtimestamp":"1641343691244908","bids":[["1.15979","993.02588113"],["1.14866","7758.51900928"]],"asks":[["1.16601","1200.00000000"]]},"channel":"diff_order_book_bateur","event":"data"}` (2022-01-05) */
export const bookMessage = z.looseObject({
  data: z.looseObject({ microtimestamp: microseconds, bids: z.array(level), asks: z.array(level) }),
})

/** `{"data":{"timestamp":"1583656800","microtimestamp":"1583656800237527","bids":[["8732.02","0.00002478","1207590500704256"]],"asks":[]},"channel":"detail_order_book_btcusd","event":"data"}` (2020-03-08, shortened) */
export const detailBookMessage = z.looseObject({
  data: z.looseObject({ microtimestamp: microseconds, bids: z.array(order), asks: z.array(order) }),
})

/** `{"data":{"id":216000477,"timestamp":"1641343699","amount":0.0792,"amount_str":"0.07920000","price":3805.44,"price_str":"3805.44","type":0,"microtimestamp":"1641343699596000","buy_order_id":1443875737346049,"sell_order_id":1443875731320832},"channel":"live_trades_ethusd","event":"trade"}` (2022-01-05). The numbers `amount` and `price` have lost digits. */
export const tradeMessage = z.looseObject({
  data: z.looseObject({
    id: number,
    amount_str: number,
    price_str: number,
    /** Of the taker: 0 buys, 1 sells. */
    type: z.enum(['0', '1']),
    microtimestamp: microseconds,
  }),
})

/** `{"data":{"id":2043024875446273,"id_str":"2043024875446273","order_type":0,"order_subtype":5,"datetime":"1787620345","microtimestamp":"1787620344640000","amount":0.25,"amount_str":"0.25000000","amount_traded":"0","amount_at_create":"0.25000000","price":79640.78,"price_str":"79640.78","is_liquidation":false},"channel":"live_orders_btcusd","event":"order_created","event_id":"000659d4-cba2-b200-0000-000101000020","pre_event_id":"000659d4-cba2-7768-0000-000100000020","order_source":"orderbook"}` (2026-08-24). Frames of 2022 have no event ids. */
export const orderMessage = z.looseObject({
  event: z.enum(['order_created', 'order_changed', 'order_deleted']),
  event_id: z.string().nullish(),
  pre_event_id: z.string().nullish(),
  data: z.looseObject({
    id: number,
    /** 0 is a bid, 1 an ask. */
    order_type: z.enum(['0', '1']),
    amount_str: number,
    price_str: number,
    microtimestamp: microseconds,
  }),
})

/** `{"data":{"market":"btcusd-perp","mark_price":"77291.94844771","index_price":"77276.264","funding_rate":"0.00013","timestamp":"1789455924","next_funding_time":"1789459200"},"channel":"funding_rate_btcusd-perp","event":"funding_rate_saved"}` (2026-09-15): seconds */
export const fundingMessage = z.looseObject({
  data: z.looseObject({
    mark_price: number,
    index_price: number,
    funding_rate: number,
    timestamp: seconds,
    next_funding_time: seconds,
  }),
})

/** `GET /api/v2/order_book/sgbeur`: `{"timestamp": "1641343695", "microtimestamp": "1641343695572693", "bids": [["0.14695", "4567.41344936"]], "asks": [["0.14844", "4617.85577487"]]}` (2022-01-05, shortened). With `group=2` each row is an order, with its id behind. */
export const bookAnswer = z.looseObject({
  microtimestamp: microseconds,
  bids: z.array(level),
  asks: z.array(level),
})

/** The same with `group=2`. */
export const orderBookAnswer = z.looseObject({
  microtimestamp: microseconds,
  bids: z.array(order),
  asks: z.array(order),
})

/** `GET /api/v2/transactions/btcusd/?time=hour`: `[{"amount":"0.00500000","date":"1787620344","price":"79640.78","tid":"541234567","type":"0"}]` (documentation's form), newest first; seconds */
export const transactions = z.array(
  z.looseObject({ tid: number, date: seconds, price: number, amount: number, type: z.enum(['0', '1']) }),
)

/** `GET /api/v2/markets/`: `{"name":"BTC/USD","market_symbol":"btcusd","base_currency":"BTC","base_decimals":8,"counter_currency":"USD","counter_decimals":0,"minimum_order_value":"10","trading":"Enabled","instant_order_counter_decimals":2,"instant_and_market_orders":"Enabled","description":"Bitcoin / U.S. dollar","market_type":"SPOT"}` (2026); a perpetual has `"market_type":"PERPETUAL"` and the symbol `btcusd-perp` */
export const marketList = z.array(
  z.looseObject({
    market_symbol: z.string(),
    base_currency: z.string(),
    base_decimals: integer,
    counter_currency: z.string(),
    counter_decimals: integer,
    trading: z.string(),
  }),
)

/** `GET /api/v2/trading-pairs-info/`: `{"trading": "Enabled", "base_decimals": 8, "url_symbol": "btcusd", "name": "BTC/USD", "instant_and_market_orders": "Enabled", "minimum_order": "20.0 USD", "counter_decimals": 2, "description": "Bitcoin / U.S. dollar"}` (2022-01-05): the older list */
export const pairList = z.array(
  z.looseObject({
    url_symbol: z.string(),
    name: z.string().regex(/^[^/]+\/[^/]+$/),
    base_decimals: integer,
    counter_decimals: integer,
    trading: z.string(),
  }),
)
