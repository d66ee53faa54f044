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
import type { Level, Micros, Order } from '../../schemas/events.js'
import type { HttpResponse } from '../../src/connector.js'
import {
  canonicalDecimal,
  compareDecimals,
  positiveDecimal,
  unsignedDecimal,
} from '../../src/decode/decimal.js'
import { checker, decoder } from '../../src/decode/decoder.js'
import { identifier } from '../../src/decode/identifier.js'
import type { TradeFields } from '../../src/session/fields.js'
import type { DerivativeFields } from '../../src/session/stream-events.js'
import type { BookMessage } from '../../src/venue/requested-books.js'

const checkBook = checker(bookMessage)
const checkDetail = checker(detailBookMessage)
const checkTrade = checker(tradeMessage)
const checkOrder = checker(orderMessage)
const checkFunding = checker(fundingMessage)
const decodeBook = decoder(bookAnswer)
const decodeOrders = decoder(orderBookAnswer)
const decodeTransactions = decoder(transactions)

/** A change of a book, or its best levels. */
export function readLevels(message: unknown, frame: string): BookMessage<Level> {
  return rowsOf(checkBook(message, frame).data, toLevel)
}

/** The best orders. */
export function readOrders(message: unknown, frame: string): BookMessage<Order> {
  return rowsOf(checkDetail(message, frame).data, toOrder)
}

/** The REST book of levels. */
export function readBook({ body }: HttpResponse): BookMessage<Level> {
  return rowsOf(decodeBook(body), toLevel, LAST)
}

/** The REST book of orders. */
export function readOrderBook({ body }: HttpResponse): BookMessage<Order> {
  return rowsOf(decodeOrders(body), toOrder, LAST)
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
  nth = 0n,
): BookMessage<Row> {
  return { bids: book.bids.map(toRow), asks: book.asks.map(toRow), ...placed(book.microtimestamp, nth) }
}

/** Several events may have the same microseconds: how manieth it is stands in the lower bits. */
const BITS = 64n
/** An image holds all that has its microseconds. */
const LAST = (1n << BITS) - 1n

function placed(time: Micros, nth: bigint) {
  return { exchangeTime: time, sequence: (BigInt(time) << BITS) | nth, shown: String(time) }
}

/** A change cannot be older than the image by this. */
const CLOCK_BACK: Micros = 60_000_000

/** Why a change that the image holds can be none that came late. */
export function clockWentBack({ exchangeTime }: BookMessage<unknown>, position: bigint): string | null {
  const behind = Number(position >> BITS) - (exchangeTime ?? 0)
  return behind > CLOCK_BACK ? "the venue's clock went back" : null
}

/** What happened to one order. */
export interface OrderEvent extends BookMessage<Order> {
  readonly id: string | null
  /** The id of the event that it follows. */
  readonly after: string | null
}

/**
 * The order as it now stands: of a deleted one the amount that was left is sent, 0 where it was filled.
 *
 * @param nth among the events of the connection
 */
export function readOrder(message: unknown, frame: string, nth: bigint): OrderEvent {
  const { event, event_id, pre_event_id, data } = checkOrder(message, frame)
  const isDeleted = event === 'order_deleted'
  const amount = isDeleted ? '0' : unsignedDecimal(data.amount_str)
  // A deleted order goes by its id alone, at whatever price it is printed.
  const price = isDeleted ? canonicalDecimal(data.price_str) : positiveDecimal(data.price_str)
  const row: Order = [identifier(data.id), price, amount]
  const isBid = data.order_type === '0'
  return {
    bids: isBid ? [row] : [],
    asks: isBid ? [] : [row],
    ...placed(data.microtimestamp, nth),
    id: event_id ?? null,
    after: pre_event_id ?? null,
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
