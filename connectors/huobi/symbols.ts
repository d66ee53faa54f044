import type { MarketType } from '../../schemas/events.js'
import type { Instrument } from '../../src/connector.js'
import { spotMarket } from '../../src/venue/spot-market.js'

/**
 * The four families of markets. Each has its own sockets, its own REST calls and its own way to write an id: `btcusdt`,
 * `BTC210924`, `BTC-USD`, `BTC-USDT`.
 */
export type Family = 'spot' | 'futures' | 'swap' | 'linear'

/** Quote currencies that spot pairs were ever listed in: splits `btcusdt` where the list of symbols is not at hand. */
const SPOT_QUOTES =
  'usdt usdc usdd husd tusd fdusd usd1 usd dai btc eth ht htx trx bnb eur euroc try brl gbp rub uah krw jpy'
    .split(' ')
    .sort((a, b) => b.length - a.length)

/** Codes that mean another coin elsewhere: the names that ccxt gives them, so that symbols agree between venues. */
const RENAMED: Readonly<Record<string, string>> = {
  GTC: 'GAMECOM',
  HIT: 'HITCHAIN',
  PNT: 'PENTA',
  NGL: 'GFNGL',
  GET: 'THEMIS',
  SBTC: 'SUPERBITCOIN',
  SOUL: 'SOULSAVER',
  BIFI: 'BITCOINFILE',
}
const WIRE_NAMES = new Map(Object.entries(RENAMED).map(([wire, name]) => [name, wire]))

/** When a contract is delivered: a date, or this week, next week, this quarter, next quarter. */
const DELIVERY = /^(?:CW|NW|CQ|NQ|\d{6})$/

/** The family of an id as on the wire. Contract codes may hold letters of any script; spot ids are lower case. */
export function familyOf(id: string): Family {
  if (id.includes('-')) return /^[^-]+-USD$/i.test(id) ? 'swap' : 'linear'
  if (/^[A-Z0-9]+_(?:CW|NW|CQ|NQ)$/i.test(id) || /^[A-Z][A-Z0-9]*\d{6}$/.test(id)) return 'futures'
  return 'spot'
}

/** The family of a symbol, unified or the venue's own. */
export function familyOfSymbol(symbol: string): Family {
  const contract = CONTRACT.exec(symbol)
  if (contract === null) return symbol.includes('/') ? 'spot' : familyOf(symbol)
  if (contract[3] !== contract[1]) return 'linear'
  return contract[4] === undefined ? 'swap' : 'futures'
}

/** `BTC/USDT:USDT`, `BTC/USD:BTC-241227`, `BTC/USD:BTC-CQ`. */
const CONTRACT = /^([^/:]+)\/([^/:]+):([^/:-]+)(?:-(.+))?$/

export function spotInstrument(
  id: string,
  base: string,
  quote: string,
  known: Pick<Instrument, 'status' | 'tickSize' | 'lotSize'>,
): Instrument {
  return { ...spotMarket('huobi', id, unifiedCode(base), unifiedCode(quote)), ...known }
}

/** The parts of a contract code: `BTC-USDT-210625` is BTC, USDT and 210625; a perpetual has no date. */
export function contractParts(id: string): { base: string; quote: string; date: string | null } | null {
  const family = familyOf(id)
  if (family === 'futures') {
    const match = /^(.+?)(?:_(CW|NW|CQ|NQ)|(\d{6}))$/i.exec(id)
    if (match === null) return null
    return { base: (match[1] as string).toUpperCase(), quote: 'USD', date: match[2] ?? match[3] ?? null }
  }
  const [base, quote, date, ...more] = id.split('-')
  if (family === 'spot' || !base || !quote || more.length > 0) return null
  if (date !== undefined && !DELIVERY.test(date)) return null
  return { base: base.toUpperCase(), quote: quote.toUpperCase(), date: date ?? null }
}

/**
 * The instrument of a contract code. Amounts are contracts and count both sides of a match.
 *
 * @returns null where the code is none, such as that of an option.
 */
export function contractInstrument(
  id: string,
  known: Pick<Instrument, 'status' | 'tickSize' | 'contractSize' | 'expiry'>,
): Instrument | null {
  const parts = contractParts(id)
  if (parts === null) return null
  const { date } = parts
  const inverse = parts.quote === 'USD'
  const base = unifiedCode(parts.base)
  const settle = inverse ? base : parts.quote
  const market: MarketType = date === null ? 'perpetual' : 'future'
  return {
    venue: 'huobi',
    symbol: `${base}/${parts.quote}:${settle}${date === null ? '' : `-${date}`}`,
    instrument: id,
    market,
    base,
    quote: parts.quote,
    settle,
    lotSize: '1',
    amountUnit: 'contract',
    contractUnit: inverse ? 'quote' : 'base',
    sidesCounted: 2,
    ...known,
  }
}

/** The instrument of a symbol (unified or the venue's own) by rule alone; null where no rule applies. */
export function guessInstrument(symbol: string): Instrument | null {
  const contract = CONTRACT.exec(symbol)
  if (contract !== null) return guessContract(contract)
  if (symbol.includes('/')) {
    const [base = '', quote = '', ...more] = symbol.split('/')
    if (base === '' || quote === '' || more.length > 0) return null
    return guessSpot(wireCode(base), wireCode(quote))
  }
  if (familyOf(symbol) !== 'spot') return guessCode(symbol)
  const id = symbol.toLowerCase()
  const quote = SPOT_QUOTES.find((candidate) => id.length > candidate.length && id.endsWith(candidate))
  return quote === undefined || !/^[a-z0-9]+$/.test(id) ? null : guessSpot(id.slice(0, -quote.length), quote)
}

/** The instrument of an id of which nothing is known but that the venue sent it. */
export function unlistedInstrument(id: string): Instrument {
  return (
    guessInstrument(id) ?? {
      ...spotInstrument(id, id, '', { status: null, tickSize: null, lotSize: null }),
      symbol: id,
      base: null,
      quote: null,
    }
  )
}

function guessSpot(base: string, quote: string): Instrument {
  const id = `${base}${quote}`.toLowerCase()
  return spotInstrument(id, base, quote, { status: null, tickSize: null, lotSize: null })
}

function guessContract(match: RegExpExecArray): Instrument | null {
  const [, base = '', quote = '', settle, date] = match
  const coin = wireCode(base)
  if (date !== undefined && !DELIVERY.test(date)) return null
  if (settle === quote) return guessCode(date === undefined ? `${coin}-${quote}` : `${coin}-${quote}-${date}`)
  if (settle !== base || quote !== 'USD') return null
  if (date === undefined) return guessCode(`${coin}-USD`)
  return guessCode(/^\d/.test(date) ? `${coin}${date}` : `${coin}_${date}`)
}

/**
 * A coin-margined contract has always been worth 100 USD for BTC and 10 USD for every other coin; what a linear contract is
 * worth only the list says.
 */
function guessCode(id: string): Instrument | null {
  const code = id.toUpperCase()
  const parts = contractParts(code)
  if (parts === null) return null
  const contractSize = parts.quote !== 'USD' ? null : parts.base === 'BTC' ? '100' : '10'
  return contractInstrument(code, { status: null, tickSize: null, contractSize, expiry: null })
}

function unifiedCode(code: string): string {
  const upper = code.toUpperCase()
  return RENAMED[upper] ?? upper
}

function wireCode(name: string): string {
  return WIRE_NAMES.get(name) ?? name
}
