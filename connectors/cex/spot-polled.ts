import type * as z from 'zod'
import { candleFailure, spotCandleReply, spotCandles, spotTickers } from '../../schemas/cex.js'
import type { Micros } from '../../schemas/events.js'
import type { Channel } from '../../src/connector.js'
import { canonicalDecimal } from '../../src/decode/decimal.js'
import { checker } from '../../src/decode/decoder.js'
import type { LosslessValue } from '../../src/decode/lossless.js'
import type { SessionKit } from '../../src/session/session.js'
import type { Stream } from '../../src/session/stream.js'
import { SPOT_RESOLUTIONS } from './channels.js'
import type { Polls } from './polls.js'
import type { SpotRequest, SpotRequests } from './spot-requests.js'
import { pairStreams } from './symbols.js'

const checkTickers = checker(spotTickers)
const checkCandleReply = checker(spotCandleReply)
const checkCandles = checker(spotCandles)
const checkCandleFailure = checker(candleFailure)

/** Candles fetched at most with one poll, however long the last one is ago. */
const MAX_CANDLES = 100

/** Tickers, quotes and candles of Spot Trading, for which the venue has no stream: they are asked for at a pace. */
export interface SpotPolled {
  add(stream: Stream, at: Micros | null): void
  drop(stream: Stream): void
  tickers(value: LosslessValue, frame: string, at: Micros | null): void
  candles(request: SpotRequest | null, value: LosslessValue, frame: string, at: Micros | null): void
}

export function spotPolled(kit: SessionKit, requests: SpotRequests, polls: Polls): SpotPolled {
  const { streams, guard } = kit
  const find = pairStreams(kit, 'spot')

  function tickered(): Stream[] {
    return [...streams.values()].filter((stream) => isTickered(stream) && stream.state !== 'leaving')
  }

  /** One request for all pairs costs what one for a single pair does. */
  function askTickers(at: Micros): void {
    const pairs = [...new Set(tickered().map(({ instrument }) => instrument.instrument))]
    if (pairs.length === 0) polls.drop('get_ticker')
    else requests.send('get_ticker', { pairs }, at)
  }

  /** As many candles as may have begun since the last final one, so that none is missed while a poll waits its turn. */
  function askCandles(stream: Stream, at: Micros): void {
    const { variant, side, resolution, seconds } = variantOf(stream)
    const held = stream.record.candle
    const missed = held === null ? 2 : Math.ceil((at - held.openTime) / (seconds * 1_000_000)) + 1
    const data = {
      pair: stream.instrument.instrument,
      toISO: Math.floor(at / 1000),
      limit: Math.min(MAX_CANDLES, Math.max(2, missed)),
      dataType: side === 'ask' ? 'bestAsk' : 'bestBid',
      resolution,
    }
    requests.send('get_candles', data, at, { stream, pair: data.pair, variant })
  }

  function streamsOf(pair: string, at: Micros | null): Stream[] {
    return (['ticker', 'quote'] as const).flatMap((kind) => find(pair, kind, at) ?? [])
  }

  function candlesOf(pair: string, variant: string, value: unknown, frame: string, at: Micros | null): void {
    const channel: Channel = variant === 'bid-1m' ? 'candle' : `candle:${variant}`
    const stream = find(pair, channel, at)
    if (stream === undefined) return
    if (typeof value === 'object' && value !== null && 'error' in value) {
      polls.drop(pollKey(stream))
      streams.refuse(stream, checkCandleFailure(value, frame).error.reason, at)
      return
    }
    const rows = [...checkCandles(value, frame)].sort((a, b) => a.timestamp - b.timestamp)
    streams.ack(stream, at)
    for (const row of rows) emitCandle(stream, row, at)
  }

  function emitCandle(stream: Stream, row: z.output<typeof spotCandles>[number], at: Micros | null): void {
    const fields = {
      interval: variantOf(stream).resolution,
      openTime: row.timestamp * 1000,
      open: decimalOrNull(row.open),
      high: decimalOrNull(row.high),
      low: decimalOrNull(row.low),
      close: decimalOrNull(row.close),
      volume: decimalOrNull(row.volume),
    }
    const { record } = stream
    // The newest final candle is kept: what a poll repeats up to it is known.
    if (record.candle !== null && fields.openTime <= record.candle.openTime) return
    const closed = row.isClosed === true
    if (closed) record.candle = fields
    streams.candle(stream, { ...fields, closed }, at)
  }

  return {
    add(stream, at) {
      if (stream.kind === 'candle') polls.add(pollKey(stream), at, (now) => askCandles(stream, now))
      else polls.add('get_ticker', at, askTickers)
    },
    drop: (stream) => polls.drop(pollKey(stream)),
    tickers(value, frame, at) {
      for (const [pair, row] of Object.entries(checkTickers(value, frame).data)) {
        guard(frame, at, () => {
          const bidPrice = decimalOrNull(row.bestBid)
          const askPrice = decimalOrNull(row.bestAsk)
          const fields = {
            last: decimalOrNull(row.lastTradePrice),
            high: decimalOrNull(row.high),
            low: decimalOrNull(row.low),
            volume: decimalOrNull(row.volume),
            quoteVolume: decimalOrNull(row.quoteVolume),
            change: decimalOrNull(row.priceChange),
            bidPrice,
            askPrice,
          }
          for (const stream of streamsOf(pair, at)) {
            streams.ack(stream, at)
            if (stream.kind === 'ticker') streams.ticker(stream, fields, at)
            else {
              const quote = { bidPrice, bidAmount: null, askPrice, askAmount: null, exchangeTime: null }
              streams.quote(stream, quote, at)
            }
          }
        })
      }
    },
    candles(request, value, frame, at) {
      const { data } = checkCandleReply(value, frame)
      const variant = request?.variant ?? 'bid-1m'
      const one = Array.isArray(data) || (typeof data === 'object' && data !== null && 'timestamp' in data)
      if (one) {
        if (request?.pair != null) candlesOf(request.pair, variant, data, frame, at)
      } else if (typeof data === 'object' && data !== null) {
        for (const [pair, rows] of Object.entries(data)) {
          guard(frame, at, () => candlesOf(pair, variant, rows, frame, at))
        }
      }
    },
  }
}

function variantOf({ variant }: Stream): {
  readonly variant: string
  readonly side: string
  readonly resolution: string
  readonly seconds: number
} {
  const full = variant === '' ? 'bid-1m' : variant
  const [side = '', resolution = ''] = full.split('-')
  return { variant: full, side, resolution, seconds: SPOT_RESOLUTIONS.get(resolution) ?? 60 }
}

/** Whether the stream comes with the answers of `get_ticker`. */
export function isTickered({ kind }: Stream): boolean {
  return kind === 'ticker' || kind === 'quote'
}

/** The name under which candles are polled. */
export function pollKey({ channel, instrument }: Stream): string {
  return `${channel} ${instrument.instrument}`
}

function decimalOrNull(wire: string | null | undefined): string | null {
  return wire == null ? null : canonicalDecimal(wire)
}
