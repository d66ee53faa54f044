import { marketList, pairList } from '../../schemas/bitstamp.js'
import type { HttpResponse, Instrument } from '../../src/connector.js'
import { canonicalDecimal } from '../../src/decode/decimal.js'
import { decoder } from '../../src/decode/decoder.js'
import { DecodeError } from '../../src/errors.js'
import { spotMarket } from '../../src/venue/spot-market.js'

const readMarkets = decoder(marketList)
const readPairs = decoder(pairList)

const PERPETUAL = '-perp'

/** No coin is cut finer. */
const MOST_DECIMALS = 40

/** Currencies of prices, so that an id without a separator can be split where no listing is at hand. */
const COUNTERS = ['usdt', 'usdc', 'usd', 'eur', 'gbp', 'btc', 'eth', 'pax']

function instrumentOf(id: string, base: string, quote: string): Instrument {
  const spot = spotMarket('bitstamp', id, base.toUpperCase(), quote.toUpperCase())
  if (!id.endsWith(PERPETUAL)) return spot
  // Linear, of one coin each: amounts are coins.
  return { ...spot, symbol: `${spot.symbol}:${spot.quote}`, market: 'perpetual', settle: spot.quote }
}

/** By rule: `BTC/USD`, `BTC/USD:USD`, or the venue's own `btcusd` and `btcusd-perp`. */
export function guessInstrument(symbol: string): Instrument | null {
  const unified = /^([A-Z0-9]+)\/([A-Z0-9]+)(?::([A-Z0-9]+))?$/.exec(symbol)
  if (unified !== null) {
    const [, base = '', quote = '', settle] = unified
    if (settle !== undefined && settle !== quote) return null
    const pair = `${base}${quote}`.toLowerCase()
    return instrumentOf(settle === undefined ? pair : `${pair}${PERPETUAL}`, base, quote)
  }
  if (!/^[a-z0-9]+(?:-perp)?$/.test(symbol)) return null
  const pair = symbol.replace(PERPETUAL, '')
  const quote = COUNTERS.find((counter) => pair.endsWith(counter) && pair.length > counter.length)
  return quote === undefined ? null : instrumentOf(symbol, pair.slice(0, -quote.length), quote)
}

/** The venue's two lists of markets, by their URL; null for any other answer. */
export function readListing({ url, body }: HttpResponse): Instrument[] | null {
  const path = URL.canParse(url) ? new URL(url).pathname : url
  if (/\/markets\/?$/.test(path)) {
    return readMarkets(body).map((row) => ({
      ...instrumentOf(row.market_symbol, row.base_currency, row.counter_currency),
      ...termsOf(row),
    }))
  }
  if (/\/trading-pairs-info\/?$/.test(path)) {
    return readPairs(body).map((row) => {
      const [base = '', quote = ''] = row.name.split('/')
      return { ...instrumentOf(row.url_symbol, base, quote), ...termsOf(row) }
    })
  }
  return null
}

function termsOf(row: { base_decimals: number; counter_decimals: number; trading: string }) {
  return {
    status: row.trading === 'Enabled' ? 'open' : 'halted',
    tickSize: stepOf(row.counter_decimals),
    lotSize: stepOf(row.base_decimals),
  } as const
}

/** One odd row must not cost the whole listing. */
function stepOf(decimals: number) {
  return decimals >= 0 && decimals <= MOST_DECIMALS ? canonicalDecimal(`1e-${decimals}`) : null
}

/**
 * The instrument of a channel.
 *
 * @throws {DecodeError} `schema_mismatch` where the id can be neither found nor split.
 */
export function instrumentNamed(id: string, known: (id: string) => Instrument | undefined): Instrument {
  const instrument = known(id) ?? guessInstrument(id)
  if (instrument !== null) return instrument
  throw new DecodeError('schema_mismatch', `channel: ${JSON.stringify(id.slice(0, 40))} is no market`, {
    path: ['channel'],
    head: id,
  })
}
