import type * as z from 'zod'
import {
  bookAnswer,
  bookMessage,
  detailBookMessage,
  fundingMessage,
  orderBookAnswer,
  orderMessage,
  tradeMessage,
  transactions,
} from '../../schemas/bitstamp.js'
import type { Level, Order } from '../../schemas/events.js'
import type { HttpResponse } from '../../src/connector.js'
import {
  canonicalDecimal,
  compareDecimals,
  positiveDecimal,
  unsignedDecimal,
} from '../../src/decode/decimal.js'
import { checker, decoder } from '../../src/decode/decoder.js'
import { identifier } from '../../src/decode/identifier.js'
import { ownText } from '../../src/decode/own-text.js'
import type { TradeFields } from '../../src/session/fields.js'
import type { DerivativeFields } from '../../src/session/stream-events.js'
import type { Rows } from './joined-books.js'

const checkBook = checker(bookMessage)
const checkDetail = checker(detailBookMessage)
const checkTrade = checker(tradeMessage)
const checkOrder = checker(orderMessage)
const checkFunding = checker(fundingMessage)
const decodeBook = decoder(bookAnswer)
const decodeOrders = decoder(orderBookAnswer)
const decodeTransactions = decoder(transactions)

/** A change of a book, or its best levels. */
export function readLevels(message: unknown, frame: string): Rows<Level> {
  return rowsOf(checkBook(message, frame).data, toLevel)
}

/** The best orders. */
export function readOrders(message: unknown, frame: string): Rows<Order> {
  return rowsOf(checkDetail(message, frame).data, toOrder)
}

/** The REST book of levels. */
export function readBook({ body }: HttpResponse): Rows<Level> {
  return rowsOf(decodeBook(body), toLevel)
}

/** The REST book of orders. */
export function readOrderBook({ body }: HttpResponse): Rows<Order> {
  return rowsOf(decodeOrders(body), toOrder)
}

type WireLevel = z.output<typeof bookAnswer>['bids'][number]
type WireOrder = z.output<typeof orderBookAnswer>['bids'][number]

function toLevel([price, amount]: WireLevel): Level {
  return [positiveDecimal(price), unsignedDecimal(amount)]
}

function toOrder([price, amount, id]: WireOrder): Order {
  return [identifier(id), positiveDecimal(price), unsignedDecimal(amount)]
}

function rowsOf<Wire, Row>(
  book: { readonly microtimestamp: number; readonly bids: readonly Wire[]; readonly asks: readonly Wire[] },
  toRow: (row: Wire) => Row,
): Rows<Row> {
  return { bids: book.bids.map(toRow), asks: book.asks.map(toRow), exchangeTime: book.microtimestamp }
}

/** What happened to one order, and the event that it follows. */
export interface OrderEvent extends Rows<Order> {
  readonly id: string | null
  readonly previous: string | null
}

/** The order as it now stands: of a deleted one the amount that was left is sent, 0 where it was filled. */
export function readOrder(message: unknown, frame: string): OrderEvent {
  const { event, event_id, pre_event_id, data } = checkOrder(message, frame)
  const amount = event === 'order_deleted' ? '0' : unsignedDecimal(data.amount_str)
  const row: Order = [identifier(data.id), positiveDecimal(data.price_str), amount]
  const isBid = data.order_type === '0'
  return {
    bids: isBid ? [row] : [],
    asks: isBid ? [] : [row],
    exchangeTime: data.microtimestamp,
    id: event_id ?? null,
    previous: pre_event_id ?? null,
  }
}

export function readTrade(message: unknown, frame: string): TradeFields {
  const { id, price_str, amount_str, type, microtimestamp } = checkTrade(message, frame).data
  return {
    id: identifier(id),
    price: positiveDecimal(price_str),
    amount: positiveDecimal(amount_str),
    side: type === '0' ? 'buy' : 'sell',
    exchangeTime: microtimestamp,
  }
}

/** The trades of an answer, oldest first: within one second by their ids. Their times are cut to seconds. */
export function readTransactions({ body }: HttpResponse): TradeFields[] {
  return decodeTransactions(body)
    .map(
      ({ tid, date, price, amount, type }): TradeFields => ({
        id: identifier(tid, ['tid']),
        price: positiveDecimal(price),
        amount: positiveDecimal(amount),
        side: type === '0' ? 'buy' : 'sell',
        exchangeTime: date * 1_000_000,
      }),
    )
    .sort((a, b) => compareDecimals(a.id, b.id))
}

export function readFunding(message: unknown, frame: string): DerivativeFields {
  const { mark_price, index_price, funding_rate, timestamp, next_funding_time } = checkFunding(
    message,
    frame,
  ).data
  return {
    exchangeTime: timestamp * 1_000_000,
    markPrice: positiveDecimal(mark_price),
    indexPrice: positiveDecimal(index_price),
    fundingRate: canonicalDecimal(funding_rate),
    nextFundingTime: next_funding_time * 1_000_000,
  }
}

/** How changes of orders are held. */
export const orderHolding = {
  rows: ({ bids, asks }: Rows<Order>): number => bids.length + asks.length,
  own: <Change extends Rows<Order>>(change: Change): Change => ({
    ...change,
    bids: change.bids.map(ownOrder),
    asks: change.asks.map(ownOrder),
  }),
}

function ownOrder([id, price, amount]: Order): Order {
  return [ownText(id), ownText(price), ownText(amount)]
}
