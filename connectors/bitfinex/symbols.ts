import type { Instrument } from '../../src/connector.js'

/** Names of currencies as the venue lists them: its code to the name that it shows, or to what it stands for. */
export type Names = ReadonlyMap<string, string>

const NO_NAMES: Names = new Map()

/**
 * The venue's codes that the field writes differently. Wins over the venue's own list of display names, which has `USDt`,
 * and still knows tokens under names that others have taken since (LUNA).
 */
const RENAMED: Names = new Map([
  ['UST', 'USDT'],
  ['UDC', 'USDC'],
  ['EUT', 'EURT'],
  ['EUS', 'EURS'],
  ['DSH', 'DASH'],
  ['IOT', 'IOTA'],
  ['QTM', 'QTUM'],
  ['MNA', 'MANA'],
  ['DAT', 'DATA'],
  ['ALG', 'ALGO'],
  ['ATO', 'ATOM'],
  ['TSD', 'TUSD'],
  ['BCHN', 'BCH'],
  ['BCHABC', 'XEC'],
  ['AMP', 'AMPL'],
  ['EDO', 'PNT'],
  ['SNG', 'SNGLS'],
  ['STJ', 'STORJ'],
  ['VSY', 'VSYS'],
  ['WAX', 'WAXP'],
  ['RBT', 'RBTC'],
  ['XCH', 'XCHF'],
  ['YYW', 'YOYOW'],
  ['QSH', 'QASH'],
  ['LUNA', 'LUNC'],
  ['LUNA2', 'LUNA'],
  ['TERRAUST', 'USTC'],
  ['HTX', 'HT'],
  ['IDX', 'ID'],
  ['IQX', 'IQ'],
  ['YGG', 'YEED'],
  // One DOG is a million DOGE.
  ['DOG', 'MDOGE'],
])

const CODES: Names = new Map([...RENAMED].map(([code, name]) => [name, code]))

/** What the venue's lists say of its currencies. */
export interface CurrencyNames {
  /** `pub:map:currency:sym`: display names. */
  readonly shown: Names
  /** `pub:map:currency:undl`: underlying of derivative codes (`BTCF0` is `BTC`). */
  readonly underlying: Names
}

export const UNLISTED: CurrencyNames = { shown: NO_NAMES, underlying: NO_NAMES }

/** The instrument of a pair as the venue lists it, without the `t`: `BTCUSD`, `AVAX:USD`, `BTCF0:USTF0`. Null where it is none. */
export function pairInstrument(
  pair: string,
  status: Instrument['status'],
  names: CurrencyNames = UNLISTED,
): Instrument | null {
  const codes = splitPair(pair)
  if (codes === null) return null
  const perpetual = codes.every((code) => code.endsWith('F0'))
  const [base = '', quote = ''] = codes.map((code) => unifiedCode(code, perpetual, names))
  return {
    ...COMMON,
    symbol: perpetual ? `${base}/${quote}:${quote}` : `${base}/${quote}`,
    instrument: `t${pair}`,
    market: perpetual ? 'perpetual' : 'spot',
    status,
    base,
    quote,
    settle: perpetual ? quote : null,
  }
}

/** The lending market of a currency. It has no pair and so no unified symbol: the venue's own id stands for it. */
export function fundingInstrument(
  code: string,
  status: Instrument['status'],
  names: CurrencyNames = UNLISTED,
): Instrument {
  return {
    ...COMMON,
    symbol: `f${code}`,
    instrument: `f${code}`,
    market: 'funding',
    status,
    base: unifiedCode(code, false, names),
    quote: null,
    settle: null,
  }
}

/** The instrument of a symbol (unified or the venue's own id) by rule alone; null where no rule applies. */
export function instrumentByRule(symbol: string): Instrument | null {
  if (/^t[A-Z0-9:]+$/.test(symbol)) return pairInstrument(symbol.slice(1), null)
  if (/^f[A-Z0-9]+$/.test(symbol)) return fundingInstrument(symbol.slice(1), null)
  const unified = /^([A-Z0-9]+)\/([A-Z0-9]+)(?::([A-Z0-9]+))?$/.exec(symbol)
  if (unified === null) return null
  const [, base = '', quote = '', settle] = unified
  if (settle === undefined) return pairInstrument(joinPair(venueCode(base), venueCode(quote)), null)
  if (settle !== quote) return null
  return pairInstrument(joinPair(`${venueCode(base)}F0`, `${venueCode(quote)}F0`), null)
}

/** Markets for play: `TESTBTC:TESTUSD`, `AAABBB`. */
export function isPaper(pair: string): boolean {
  return pair === 'AAABBB' || /(?:^|:)TEST/.test(pair)
}

/** The two codes of a pair: at the colon, else three letters and three. */
export function splitPair(pair: string): readonly [string, string] | null {
  const colon = /^([A-Z0-9]+):([A-Z0-9]+)$/.exec(pair)
  if (colon !== null) return [colon[1] ?? '', colon[2] ?? '']
  return /^[A-Z0-9]{6}$/.test(pair) ? [pair.slice(0, 3), pair.slice(3)] : null
}

function joinPair(base: string, quote: string): string {
  return base.length === 3 && quote.length === 3 ? `${base}${quote}` : `${base}:${quote}`
}

/** `F0` goes first: the tables name the plain code (`ALG`, not `ALGF0`). */
function unifiedCode(code: string, perpetual: boolean, names: CurrencyNames): string {
  const plain = perpetual ? (names.underlying.get(code) ?? code.slice(0, -2)) : code
  return RENAMED.get(plain) ?? names.shown.get(plain)?.toUpperCase() ?? plain
}

function venueCode(unified: string): string {
  return CODES.get(unified) ?? unified
}

/**
 * The same at every instrument: amounts are in base coins, also of perpetuals and of funding; prices have five
 * significant digits and therefore no fixed tick.
 */
const COMMON = {
  venue: 'bitfinex',
  tickSize: null,
  lotSize: null,
  amountUnit: 'base',
  contractSize: null,
  contractUnit: null,
  sidesCounted: 1,
  expiry: null,
} as const
