import { Decimal } from 'decimal.js'
import type { InstrumentRow } from '../../schemas/bitmex.js'
import type { Micros } from '../../schemas/events.js'
import type { Stream } from '../../src/session/stream.js'
import type { Streams } from '../../src/session/streams.js'
import { decimalOf, timeOf } from './columns.js'
import { instrumentOf } from './symbols.js'

const Exact = Decimal.clone({ precision: 1000, toExpNeg: -1000, toExpPos: 1000 })

/** Columns whose change is told on each of the three channels that the instrument table feeds. */
const COLUMNS = {
  instrument: [
    'state',
    'typ',
    'expiry',
    'underlying',
    'quoteCurrency',
    'settlCurrency',
    'isInverse',
    'isQuanto',
    'multiplier',
    'underlyingToPositionMultiplier',
    'quoteToSettleMultiplier',
    'tickSize',
    'lotSize',
  ],
  derivative: [
    'markPrice',
    'indicativeSettlePrice',
    'openInterest',
    'fundingRate',
    'fundingTimestamp',
    'indicativeFundingRate',
  ],
  ticker: [
    'lastPrice',
    'prevPrice24h',
    'highPrice',
    'lowPrice',
    'volume24h',
    'foreignNotional24h',
    'vwap',
    'bidPrice',
    'askPrice',
  ],
} as const satisfies Record<string, readonly (keyof InstrumentRow)[]>

/**
 * Emits what a row of the instrument table says to each stream that it concerns.
 *
 * @param merged the row as it now stands
 * @param changed the columns that an update brought; null where the row is new
 */
export function emitInstrument(
  streams: Streams,
  concerned: Iterable<Stream>,
  merged: InstrumentRow,
  changed: InstrumentRow | null,
  at: Micros | null,
): void {
  const exchangeTime = timeOf(merged.timestamp)
  for (const stream of concerned) {
    const { kind } = stream
    if (kind !== 'instrument' && kind !== 'derivative' && kind !== 'ticker') continue
    if (changed !== null && !COLUMNS[kind].some((column) => changed[column] !== undefined)) continue
    if (kind === 'instrument') {
      streams.instrument(stream, instrumentOf(merged), { exchangeTime, receiveTime: at })
    } else if (kind === 'derivative') {
      streams.derivative(stream, { exchangeTime, ...derivativeOf(merged) }, at)
    } else {
      streams.ticker(stream, { exchangeTime, ...tickerOf(merged) }, at)
    }
  }
}

function derivativeOf(row: InstrumentRow) {
  return {
    markPrice: decimalOf(row.markPrice),
    indexPrice: decimalOf(row.indicativeSettlePrice),
    openInterest: decimalOf(row.openInterest),
    openInterestUnit: 'contract' as const,
    fundingRate: decimalOf(row.fundingRate),
    nextFundingTime: timeOf(row.fundingTimestamp),
    predictedFundingRate: decimalOf(row.indicativeFundingRate),
  }
}

/** The table's bid and ask are at most every five seconds old news: good for a ticker, never for a quote. */
function tickerOf(row: InstrumentRow) {
  const last = decimalOf(row.lastPrice)
  const open = decimalOf(row.prevPrice24h)
  return {
    last,
    open,
    high: decimalOf(row.highPrice),
    low: decimalOf(row.lowPrice),
    volume: decimalOf(row.volume24h),
    volumeUnit: 'contract' as const,
    quoteVolume: decimalOf(row.foreignNotional24h),
    vwap: decimalOf(row.vwap),
    change: last === null || open === null ? null : new Exact(last).minus(open).toFixed(),
    bidPrice: decimalOf(row.bidPrice),
    askPrice: decimalOf(row.askPrice),
  }
}
