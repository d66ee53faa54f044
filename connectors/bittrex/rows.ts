import type * as z from 'zod'
import type {
  candle,
  marketSummary,
  orderBook,
  restCandles,
  restTrades,
  ticker,
} from '../../schemas/bittrex.js'
import type { Level, TickerEvent } from '../../schemas/events.js'
import {
  canonicalDecimal,
  identifier,
  isoMicros,
  positiveDecimal,
  unsignedDecimal,
} from '../../src/decode/index.js'
import type { CandleFields, TradeFields } from '../../src/session/index.js'
import type { INTERVALS } from './channels.js'

/** What v3's rows say, in the terms of events. Every number becomes a canonical decimal. */

export function levels(rows: z.output<typeof orderBook>['bidDeltas']): Level[] {
  return rows.map(({ rate, quantity }) => [positiveDecimal(rate), unsignedDecimal(quantity)])
}

export function tradeFields(row: z.output<typeof restTrades>[number]): TradeFields {
  return {
    id: identifier(row.id),
    price: positiveDecimal(row.rate),
    amount: unsignedDecimal(row.quantity),
    side: row.takerSide === 'BUY' ? 'buy' : 'sell',
    exchangeTime: isoMicros(row.executedAt),
  }
}

type TickerFields = Pick<TickerEvent, 'last' | 'bidPrice' | 'askPrice'>

export function tickerFields(row: z.output<typeof ticker>): TickerFields {
  return {
    last: rateOrNull(row.lastTradeRate),
    bidPrice: rateOrNull(row.bidRate),
    askPrice: rateOrNull(row.askRate),
  }
}

/** `percentChange` has no place in an event: the absolute change does not follow from it exactly. */
export function summaryFields(row: z.output<typeof marketSummary>): Partial<TickerEvent> {
  return {
    high: rateOrNull(row.high),
    low: rateOrNull(row.low),
    volume: unsignedDecimal(row.volume),
    quoteVolume: unsignedDecimal(row.quoteVolume),
    exchangeTime: isoMicros(row.updatedAt),
  }
}

export function candleFields(
  row: z.output<typeof candle>['delta'] | z.output<typeof restCandles>[number],
  { interval }: (typeof INTERVALS)[number],
): CandleFields {
  return {
    interval,
    openTime: isoMicros(row.startsAt),
    open: canonicalDecimal(row.open),
    high: canonicalDecimal(row.high),
    low: canonicalDecimal(row.low),
    close: canonicalDecimal(row.close),
    volume: row.volume === undefined ? null : unsignedDecimal(row.volume),
  }
}

/** A rate that does not exist (no bid, no ask, no trade) is written as zero. */
function rateOrNull(text: string): string | null {
  const rate = unsignedDecimal(text)
  return rate === '0' ? null : rate
}
