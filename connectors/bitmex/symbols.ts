import type { InstrumentRow } from '../../schemas/bitmex.js'
import type { MarketType, Micros } from '../../schemas/events.js'
import { exactQuotient } from '../../src/amount.js'
import type { Instrument } from '../../src/connector.js'
import { absoluteDecimal, compareDecimals } from '../../src/decode/decimal.js'
import { type Column, decimalOf, isMissing, timeOf } from './columns.js'

/** The venue's settlement units: the currency of each and how many of the unit make one whole coin. */
const SETTLEMENT_UNITS: Readonly<Record<string, { readonly currency: string; readonly perCoin: string }>> = {
  XBt: { currency: 'BTC', perCoin: '100000000' },
  USDt: { currency: 'USDT', perCoin: '1000000' },
  Gwei: { currency: 'ETH', perCoin: '1000000000' },
  LAMp: { currency: 'SOL', perCoin: '1000000000' },
}

/** An instrument as the venue describes it: every fact from its columns, none from the spelling of its id. */
export function instrumentOf(row: InstrumentRow): Instrument {
  const market = marketOf(row)
  const base = currency(row.underlying)
  const quote = currency(row.quoteCurrency)
  const settle = market === 'spot' || market === 'index' ? null : settlement(row.settlCurrency)
  const expiry = market === 'future' || market === 'option' ? timeOf(row.expiry) : null
  const contract = contractOf(row, market)
  return {
    venue: 'bitmex',
    symbol: unifiedSymbol({ id: row.symbol, market, base, quote, settle, expiry }),
    instrument: row.symbol,
    market,
    status: statusOf(row.state),
    base,
    quote,
    settle,
    tickSize: decimalOf(row.tickSize),
    lotSize: decimalOf(row.lotSize),
    amountUnit: 'contract',
    contractSize: contract?.size ?? null,
    contractUnit: contract?.unit ?? null,
    sidesCounted: 1,
    expiry,
  }
}

/** Prediction markets (`P_...`) are left out of the list of instruments, as other libraries do. */
export function isPrediction(row: InstrumentRow): boolean {
  return row.typ === 'FFICSX' || row.symbol.startsWith('P_')
}

/**
 * `typ` is a CFI code: FFWCSX, FFWCSF, FFSCSX perpetual (crypto, FX, stock), FFCCSX future, IFXXXP spot, OC and OP options,
 * MR an index.
 */
function marketOf(row: InstrumentRow): MarketType {
  const typ = row.typ ?? ''
  if (typ === 'IFXXXP') return 'spot'
  if (typ.startsWith('MR') || row.symbol.startsWith('.')) return 'index'
  if (typ.startsWith('OC') || typ.startsWith('OP')) return 'option'
  if (typ.startsWith('FFW') || typ.startsWith('FFS')) return 'perpetual'
  return isMissing(row.expiry) ? 'perpetual' : 'future'
}

function statusOf(state: Column): Instrument['status'] {
  switch (state) {
    case 'Open':
      return 'open'
    case 'Closed':
    case 'Unlisted':
    case 'Settled':
    case 'Cleared':
    case 'Expired':
    case 'Delisted':
      return 'closed'
    default:
      return null
  }
}

/**
 * What one contract is worth. Inverse: `-multiplier` settlement units are one unit of money a contract (XBTUSD: 1 USD).
 * Linear and spot: `underlyingToPositionMultiplier` contracts are one coin (XBTUSDT: 1 000 000). A quanto's worth follows a
 * price, so it has none.
 */
function contractOf(
  row: InstrumentRow,
  market: MarketType,
): { readonly size: string; readonly unit: 'base' | 'quote' } | null {
  if (market === 'index' || market === 'option' || row.isQuanto === true) return null
  if (row.isInverse === true) {
    const perCoin = SETTLEMENT_UNITS[row.settlCurrency ?? '']?.perCoin ?? null
    const multiplier = decimalOf(row.multiplier)
    const money = quotient(multiplier === null ? null : absoluteDecimal(multiplier), perCoin)
    return money === null ? null : { size: money, unit: 'quote' }
  }
  const perCoin = decimalOf(row.underlyingToPositionMultiplier)
  const coins =
    perCoin === null
      ? quotient(decimalOf(row.multiplier), decimalOf(row.quoteToSettleMultiplier))
      : quotient('1', perCoin)
  return coins === null ? null : { size: coins, unit: 'base' }
}

/** A quotient that does not end is not exact, and one that is not positive means nothing: both stay unknown. */
function quotient(dividend: string | null, divisor: string | null): string | null {
  if (dividend === null || divisor === null || divisor === '0') return null
  const exact = exactQuotient(dividend, divisor)
  return exact === null || compareDecimals(exact, '0') <= 0 ? null : exact
}

interface SymbolParts {
  readonly id: string
  readonly market: MarketType
  readonly base: string | null
  readonly quote: string | null
  readonly settle: string | null
  readonly expiry: Micros | null
}

/** Options and indices have no unified form: they keep the venue's id. */
function unifiedSymbol({ id, market, base, quote, settle, expiry }: SymbolParts): string {
  if (base === null || quote === null) return id
  if (market === 'spot') return `${base}/${quote}`
  if (settle === null || market === 'index' || market === 'option') return id
  if (market === 'perpetual') return `${base}/${quote}:${settle}`
  return expiry === null ? id : `${base}/${quote}:${settle}-${yymmdd(expiry)}`
}

function yymmdd(at: Micros): string {
  return new Date(at / 1000).toISOString().slice(2, 10).replaceAll('-', '')
}

function currency(code: Column): string | null {
  if (isMissing(code) || code === '') return null
  const upper = code.toUpperCase()
  return upper === 'XBT' ? 'BTC' : upper
}

function settlement(unit: Column): string | null {
  if (isMissing(unit) || unit === '') return null
  return SETTLEMENT_UNITS[unit]?.currency ?? currency(unit)
}
