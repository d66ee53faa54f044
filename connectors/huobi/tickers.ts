import type * as z from 'zod'
import type { Micros } from '../../schemas/events.js'
import {
  huobiContractQuote,
  huobiDetail,
  huobiKline,
  type huobiKlineReply,
  huobiSpotQuote,
  type huobiTickers,
} from '../../schemas/huobi.js'
import { checker } from '../../src/decode/index.js'
import type { CandleFields, Stream, Streams } from '../../src/session/index.js'
import { Rising } from '../../src/venue/rising.js'
import { decimalAt, decimalOrNull } from './decimals.js'
import type { Topic } from './topics.js'

const checkSpotQuote = checker(huobiSpotQuote)
const checkContractQuote = checker(huobiContractQuote)
const checkDetail = checker(huobiDetail)
const checkKline = checker(huobiKline)

type Detail = z.output<typeof huobiDetail>['tick']
type Kline = z.output<typeof huobiKline>['tick']
type TickersRow = z.output<typeof huobiTickers>['data'][number]

/** Best prices, rolling statistics and candles. */
export class Tickers {
  readonly #streams: Streams
  readonly #rising = new Rising()

  constructor(streams: Streams) {
    this.#streams = streams
  }

  quote(stream: Stream, value: unknown, text: string, at: Micros | null): void {
    if (stream.instrument.market === 'spot') this.#spotQuote(stream, value, text, at)
    else this.#contractQuote(stream, value, text, at)
  }

  detail(stream: Stream, value: unknown, text: string, at: Micros | null): void {
    const { tick, ts } = checkDetail(value, text)
    this.#streams.ticker(
      stream,
      {
        exchangeTime: ts * 1000,
        last: decimalOrNull(tick.close, ['tick', 'close']),
        open: decimalOrNull(tick.open, ['tick', 'open']),
        high: decimalOrNull(tick.high, ['tick', 'high']),
        low: decimalOrNull(tick.low, ['tick', 'low']),
        ...volumes(stream, tick, ['tick']),
        bidPrice: bestPrice(tick.bid, ['tick', 'bid']),
        askPrice: bestPrice(tick.ask, ['tick', 'ask']),
      },
      at,
    )
  }

  /** A row of `market.tickers`. */
  tickersRow(
    stream: Stream,
    row: TickersRow,
    ts: number,
    path: readonly (string | number)[],
    at: Micros | null,
  ): void {
    this.#streams.ticker(
      stream,
      {
        exchangeTime: ts * 1000,
        last: decimalOrNull(row.close, [...path, 'close']),
        open: decimalOrNull(row.open, [...path, 'open']),
        high: decimalOrNull(row.high, [...path, 'high']),
        low: decimalOrNull(row.low, [...path, 'low']),
        volume: decimalOrNull(row.amount, [...path, 'amount']),
        quoteVolume: decimalOrNull(row.vol, [...path, 'vol']),
        bidPrice: price(row.bid, [...path, 'bid']),
        askPrice: price(row.ask, [...path, 'ask']),
      },
      at,
    )
  }

  /** No mark tells a final candle: it is final when the next one comes. */
  kline(topic: Topic, stream: Stream, value: unknown, text: string, at: Micros | null): void {
    const { tick, ts } = checkKline(value, text)
    const fields = { ...candle(topic, stream, tick, ['tick']), exchangeTime: ts * 1000 }
    this.#streams.rollingCandle(stream, fields, at)
  }

  klineReply(topic: Topic, stream: Stream, reply: z.output<typeof huobiKlineReply>, at: Micros | null): void {
    for (const [index, row] of (reply.data ?? []).entries()) {
      const fields = candle(topic, stream, row, ['data', index])
      this.#streams.rollingCandle(stream, { ...fields, historical: true }, at)
    }
  }

  forget(stream: Stream): void {
    this.#rising.forget(stream)
  }

  #spotQuote(stream: Stream, value: unknown, text: string, at: Micros | null): void {
    const { tick, ts } = checkSpotQuote(value, text)
    const exchangeTime = (tick.quoteTime || ts) * 1000
    if (!this.#rising.takes(stream, tick.seqId, exchangeTime)) return
    const bidPrice = price(tick.bid, ['tick', 'bid'])
    const askPrice = price(tick.ask, ['tick', 'ask'])
    this.#streams.quote(
      stream,
      {
        exchangeTime,
        sequence: tick.seqId,
        bidPrice,
        bidAmount: bidPrice === null ? null : decimalOrNull(tick.bidSize, ['tick', 'bidSize']),
        askPrice,
        askAmount: askPrice === null ? null : decimalOrNull(tick.askSize, ['tick', 'askSize']),
      },
      at,
    )
  }

  #contractQuote(stream: Stream, value: unknown, text: string, at: Micros | null): void {
    const { tick, ts } = checkContractQuote(value, text)
    const exchangeTime = (tick.ts ?? ts) * 1000
    if (!this.#rising.takes(stream, tick.mrid, exchangeTime)) return
    this.#streams.quote(
      stream,
      {
        exchangeTime,
        sequence: tick.mrid,
        bidPrice: decimalOrNull(tick.bid?.[0], ['tick', 'bid', 0]),
        bidAmount: decimalOrNull(tick.bid?.[1], ['tick', 'bid', 1]),
        askPrice: decimalOrNull(tick.ask?.[0], ['tick', 'ask', 0]),
        askAmount: decimalOrNull(tick.ask?.[1], ['tick', 'ask', 1]),
      },
      at,
    )
  }
}

/**
 * Spot: `amount` is base volume, `vol` quote volume. Derivatives: `vol` is contracts and `trade_turnover` money, both of both
 * sides of every match, as the venue counts.
 */
function volumes(stream: Stream, tick: Detail, path: readonly string[]) {
  if (stream.instrument.market === 'spot') {
    return {
      volume: decimalOrNull(tick.amount, [...path, 'amount']),
      volumeUnit: 'base',
      quoteVolume: decimalOrNull(tick.vol, [...path, 'vol']),
    } as const
  }
  return {
    volume: decimalOrNull(tick.vol, [...path, 'vol']),
    volumeUnit: 'contract',
    quoteVolume: decimalOrNull(tick.trade_turnover, [...path, 'trade_turnover']),
  } as const
}

function candle(topic: Topic, stream: Stream, tick: Kline, path: readonly (string | number)[]): CandleFields {
  const spot = stream.instrument.market === 'spot'
  return {
    interval: topic.detail,
    openTime: tick.id * 1_000_000,
    open: decimalOrNull(tick.open, [...path, 'open']),
    high: decimalOrNull(tick.high, [...path, 'high']),
    low: decimalOrNull(tick.low, [...path, 'low']),
    close: decimalOrNull(tick.close, [...path, 'close']),
    volume: spot
      ? decimalOrNull(tick.amount, [...path, 'amount'])
      : decimalOrNull(tick.vol, [...path, 'vol']),
    volumeUnit: spot ? 'base' : 'contract',
    trades: tick.count ?? null,
  }
}

/** The best price of a ticker: a number on spot, `[price, contracts]` on derivatives. */
function bestPrice(best: Detail['bid'], path: readonly (string | number)[]): string | null {
  if (best === null || best === undefined) return null
  return typeof best === 'string' ? price(best, path) : decimalAt(best[0], [...path, 0])
}

/** A price of an empty side is written as 0. */
function price(wire: string | null | undefined, path: readonly (string | number)[]): string | null {
  const value = decimalOrNull(wire, path)
  return value === '0' ? null : value
}
