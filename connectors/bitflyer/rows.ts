import type * as z from 'zod'
import type { boardMessage, executionsPage, tickerMessage } from '../../schemas/bitflyer.js'
import type { Level } from '../../schemas/events.js'
import {
  compareDecimals,
  identifier,
  isoMicros,
  positiveDecimal,
  type QuoteFields,
  type TickerFields,
  type TradeFields,
  unsignedDecimal,
} from '../../src/venue/index.js'

type Board = z.output<typeof boardMessage>['message']

/** The levels of a book, or of a change. */
export interface Sides {
  readonly bids: Level[]
  readonly asks: Level[]
}

const SIDES = { BUY: 'buy', SELL: 'sell', '': null } as const

/** Changed levels. A price of 0 stands for market orders of an auction, which are no level. */
export function changes({ bids, asks }: Board): Sides {
  return { bids: levels(bids), asks: levels(asks) }
}

/** A whole book, best first: the venue promises no order of its levels, and sends some of size 0. */
export function image(board: Board): Sides {
  const { bids, asks } = changes(board)
  const held = ([, amount]: Level) => amount !== '0'
  return {
    bids: bids.filter(held).sort(([a], [b]) => compareDecimals(b, a)),
    asks: asks.filter(held).sort(([a], [b]) => compareDecimals(a, b)),
  }
}

function levels(rows: Board['bids']): Level[] {
  const found: Level[] = []
  for (const { price, size } of rows) {
    const at = unsignedDecimal(price)
    if (at !== '0') found.push([at, unsignedDecimal(size)])
  }
  return found
}

export function tradeFields(row: z.output<typeof executionsPage>[number]): TradeFields {
  return {
    id: identifier(row.id),
    price: positiveDecimal(row.price),
    amount: positiveDecimal(row.size),
    side: SIDES[row.side],
    exchangeTime: isoMicros(row.exec_date),
  }
}

/** What a ticker says of the price and of the best levels. A side of the book without orders has the price 0. */
export function tickerFields(row: z.output<typeof tickerMessage>['message']): TickerFields & QuoteFields {
  const [bidPrice, askPrice] = [priceOf(row.best_bid), priceOf(row.best_ask)]
  return {
    exchangeTime: isoMicros(row.timestamp),
    last: priceOf(row.ltp),
    volume: unsignedDecimal(row.volume_by_product),
    volumeUnit: 'base',
    bidPrice,
    bidAmount: bidPrice === null ? null : unsignedDecimal(row.best_bid_size),
    askPrice,
    askAmount: askPrice === null ? null : unsignedDecimal(row.best_ask_size),
  }
}

function priceOf(wire: string): string | null {
  const price = unsignedDecimal(wire)
  return price === '0' ? null : price
}
