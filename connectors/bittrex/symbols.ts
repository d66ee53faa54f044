import { legacyMarkets, restMarkets } from '../../schemas/bittrex.js'
import type { Endpoint, HttpRequest, HttpResponse, Instrument, InstrumentTable } from '../../src/connector.js'
import { decoder } from '../../src/decode/index.js'
import { spotMarket } from '../../src/venue/spot-market.js'

/**
 * The two generations write a market the other way round: hub `c3` and REST v3 say `BTC-USD`, hub `c2` and REST v1.1 say
 * `USD-BTC`, and both mean bitcoin priced in dollars. An id alone does not tell which it is: its source does.
 */
export type Generation = 'v3' | 'v1'

const ID = /^([^\s/:-]+)-([^\s/:-]+)$/
const SYMBOL = /^([^\s/:-]+)\/([^\s/:-]+)$/

/** The instrument of a market's id by rule alone; null where the text is no id. */
export function instrumentOfId(id: string, generation: Generation): Instrument | null {
  const match = ID.exec(id)
  if (match === null) return null
  const [, first = '', second = ''] = match
  return generation === 'v3' ? spot(id, first, second) : spot(id, second, first)
}

/** The instrument of a v3 id or a unified symbol, by rule alone. */
export function guess(symbol: string): Instrument | null {
  const match = SYMBOL.exec(symbol)
  const [, base = '', quote = ''] = match ?? []
  return instrumentOfId(match === null ? symbol : `${base}-${quote}`, 'v3')
}

/**
 * The instrument that a frame names. What the catalogue says is taken where it means the same market: the lists of both
 * generations may be at hand.
 */
export function instrumentOnWire(
  id: string,
  generation: Generation,
  listed: InstrumentTable,
): Instrument | null {
  const byRule = instrumentOfId(id, generation)
  const known = listed.get(id)
  return byRule !== null && known?.symbol === byRule.symbol ? known : byRule
}

export function catalogueRequests(endpoints: readonly Endpoint[]): HttpRequest[] {
  const bases = new Set(endpoints.map(({ rest }) => rest).filter((rest) => rest !== null))
  return [...bases].map((rest) => ({ id: 'markets', method: 'GET', url: `${rest}/v3/markets` }))
}

const decodeMarkets = decoder(restMarkets)
const decodeLegacyMarkets = decoder(legacyMarkets)

/** Reads `GET /v3/markets` and v1.1's `getmarkets`; null for any other answer. */
export function readCatalogue(response: HttpResponse): Instrument[] | null {
  const path = response.url.split('?', 1)[0] ?? ''
  if (path.endsWith('/public/getmarkets')) {
    return (decodeLegacyMarkets(response.body).result ?? []).map((market) => ({
      ...spot(market.MarketName, market.MarketCurrency, market.BaseCurrency),
      status: market.IsActive ? 'open' : 'halted',
    }))
  }
  if (!path.endsWith('/v3/markets')) return null
  return decodeMarkets(response.body).map((market) => ({
    ...spot(market.symbol, market.baseCurrencySymbol, market.quoteCurrencySymbol),
    status: market.status === 'ONLINE' ? 'open' : 'halted',
    tickSize: tickSize(market.precision),
  }))
}

/** The venue lists the smallest trade (minTradeSize), not the step of an amount. */
function spot(id: string, base: string, quote: string): Instrument {
  return spotMarket('bittrex', id, base, quote)
}

/** The venue lists how many decimals a price has. */
function tickSize(precision: number): string | null {
  if (precision < 0 || precision > 100) return null
  return precision === 0 ? '1' : `0.${'0'.repeat(precision - 1)}1`
}
