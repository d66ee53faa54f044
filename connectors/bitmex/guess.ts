import type { MarketType } from '../../schemas/events.js'
import type { Instrument } from '../../src/connector.js'

/**
 * Instruments by the spelling of their ids, for where the venue's own list is not at hand: an old recording, a command that
 * runs without a network. What the spelling does not say stays null.
 */

/** Month codes of futures, January first. */
const MONTHS = 'FGHJKMNQUVXZ'

const DATED = /^([A-Z0-9]+?)([FGHJKMNQUVXZ])(\d\d)$/
const SPOT = /^([A-Z0-9]+)_([A-Z]{3,5})$/
const NAME = /^[A-Z0-9]+$/
const UNIFIED = /^([A-Z0-9]+)\/([A-Z0-9]+)(?::([A-Z0-9]+)(?:-(\d\d)(\d\d)(\d\d))?)?$/

/** Money that ends the name of a contract, longest first: `XBTUSDT` is no `XBTUSD` with a T. */
const QUOTES = ['USDT', 'USD', 'EUR', 'XBT'] as const

const blank: Instrument = {
  venue: 'bitmex',
  symbol: '',
  instrument: '',
  market: 'perpetual',
  status: null,
  base: null,
  quote: null,
  settle: null,
  tickSize: null,
  lotSize: null,
  amountUnit: 'contract',
  contractSize: null,
  contractUnit: null,
  sidesCounted: 1,
  expiry: null,
}

/** The instrument of a wire id or unified symbol by rule alone; null where no rule applies. */
export function guess(symbol: string): Instrument | null {
  return ofUnified(symbol) ?? ofId(symbol)
}

/**
 * What is known of an instrument that nothing describes. Its rows are facts all the same, so a recording of it is read
 * under the venue's own id.
 */
export function undescribed(id: string): Instrument {
  return { ...blank, symbol: id, instrument: id }
}

function ofId(id: string): Instrument | null {
  if (id.startsWith('.')) return { ...undescribed(id), market: 'index' }
  if (id.startsWith('P_')) return null
  const spot = SPOT.exec(id)
  if (spot !== null) return build(id, 'spot', unified(spot[1] ?? ''), unified(spot[2] ?? ''), null, null)
  const dated = DATED.exec(id)
  if (dated !== null) {
    const [, name = '', month = '', year = ''] = dated
    const { base, quote } = splitName(name) ?? bareRoot(name)
    return build(id, 'future', base, quote, settleOf(quote), lastFriday(MONTHS.indexOf(month), Number(year)))
  }
  const pair = splitName(id)
  return pair === null ? null : build(id, 'perpetual', pair.base, pair.quote, settleOf(pair.quote), null)
}

function ofUnified(symbol: string): Instrument | null {
  const match = UNIFIED.exec(symbol)
  if (match === null) return null
  const [, base = '', quote = '', settle, year, month, day] = match
  if (settle === undefined) return build(`${wire(base)}_${wire(quote)}`, 'spot', base, quote, null, null)
  const pair = `${wire(base)}${wire(quote)}`
  if (year === undefined || month === undefined || day === undefined) {
    return build(pair, 'perpetual', base, quote, settle, null)
  }
  const code = MONTHS[Number(month) - 1]
  const bare = base === 'BTC' ? quote === 'USD' : quote === 'BTC'
  if (code === undefined) return null
  return build(`${bare ? wire(base) : pair}${code}${year}`, 'future', base, quote, settle, {
    day: `${year}${month}${day}`,
  })
}

function build(
  id: string,
  market: MarketType,
  base: string,
  quote: string,
  settle: string | null,
  expires: { readonly day: string } | null,
): Instrument {
  const margin = settle === null ? '' : `:${settle}`
  const date = expires === null ? '' : `-${expires.day}`
  const inverse = base === 'BTC' && settle === 'BTC' && (quote === 'USD' || quote === 'EUR')
  return {
    ...blank,
    symbol: `${base}/${quote}${margin}${date}`,
    instrument: id,
    market,
    base,
    quote,
    settle,
    // One contract of every inverse bitcoin future or perpetual was one unit of its money in all years.
    contractSize: inverse ? '1' : null,
    contractUnit: inverse ? 'quote' : null,
  }
}

/** Splits `ETHUSD` into base and quote. */
function splitName(name: string): { readonly base: string; readonly quote: string } | null {
  if (!NAME.test(name)) return null
  for (const quote of QUOTES) {
    if (name.length > quote.length && name.endsWith(quote)) {
      return { base: unified(name.slice(0, -quote.length)), quote: unified(quote) }
    }
  }
  return null
}

/** A dated contract whose name is a root alone: `XBTU21` is in dollars, `ETHU21` in bitcoin. */
function bareRoot(root: string): { readonly base: string; readonly quote: string } {
  return { base: unified(root), quote: root === 'XBT' ? 'USD' : 'BTC' }
}

/** All but the tether contracts settled in bitcoin; those did too until late 2021, which their names do not tell. */
function settleOf(quote: string): string {
  return quote === 'USDT' ? 'USDT' : 'BTC'
}

/**
 * The day that a dated contract most often expired on. The venue's `expiry` is the truth and replaces this as soon as it
 * is seen; for the same reason the guessed instrument's own `expiry` stays null.
 */
function lastFriday(month: number, year: number): { readonly day: string } {
  const last = new Date(Date.UTC(2000 + year, month + 1, 0))
  const back = (last.getUTCDay() + 2) % 7
  const friday = new Date(last.getTime() - back * 86_400_000)
  return { day: friday.toISOString().slice(2, 10).replaceAll('-', '') }
}

function unified(code: string): string {
  return code === 'XBT' ? 'BTC' : code
}

function wire(code: string): string {
  return code === 'BTC' ? 'XBT' : code
}
