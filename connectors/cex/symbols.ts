import { currencyLimits, pairsInfo } from '../../schemas/cex.js'
import type { HttpResponse, Instrument } from '../../src/connector.js'
import { canonicalDecimal } from '../../src/decode/decimal.js'
import { decoder } from '../../src/decode/decoder.js'
import type { LosslessValue } from '../../src/decode/lossless.js'
import { DecodeError } from '../../src/errors.js'
import type { SessionKit } from '../../src/session/session.js'
import { spotMarket } from '../../src/venue/spot-market.js'
import { type FindStream, streamFinder } from '../../src/venue/stream-finder.js'
import type { Generation } from './endpoints.js'

const readPairs = decoder(pairsInfo)
const readLimits = decoder(currencyLimits)

/** How each generation writes a pair: `BTC-USD` and `BTC:USD`. */
const SEPARATOR = { spot: '-', classic: ':' } as const

export function pairInstrument(
  generation: Generation,
  base: string,
  quote: string,
  steps: Partial<Pick<Instrument, 'tickSize' | 'lotSize'>> = {},
): Instrument {
  // Neither listing says whether a pair trades.
  return { ...spotMarket('cex', `${base}${SEPARATOR[generation]}${quote}`, base, quote), ...steps }
}

const SPOT_PAIR = /^([A-Z0-9]+)[-/]([A-Z0-9]+)$/
const CLASSIC_PAIR = /^([A-Z0-9]+)[:/]([A-Z0-9]+)$/

/** By rule: `BTC/USD`, or as the exchange itself writes it. */
export function guessInstrument(generation: Generation, symbol: string): Instrument | null {
  const match = (generation === 'spot' ? SPOT_PAIR : CLASSIC_PAIR).exec(symbol)
  return match === null ? null : pairInstrument(generation, match[1] ?? '', match[2] ?? '')
}

/**
 * The streams of pairs that frames name.
 *
 * @throws {DecodeError} `schema_mismatch` where a recording names what is no pair.
 */
export function pairStreams(kit: SessionKit, generation: Generation): FindStream {
  return streamFinder(kit, (pair) => pairByRule(generation, pair))
}

function pairByRule(generation: Generation, pair: string): Instrument {
  const instrument = guessInstrument(generation, pair)
  if (instrument !== null) return instrument
  throw new DecodeError('schema_mismatch', `data.pair: ${JSON.stringify(pair.slice(0, 40))} is no pair`, {
    path: ['data', 'pair'],
    head: pair,
  })
}

/** The two currencies of an instrument. */
export function currenciesOf({ base, quote }: Instrument): readonly [string, string] {
  return [base ?? '', quote ?? '']
}

/** The listing of either generation, by its URL; null for any other answer. */
export function readListing({ url, body }: HttpResponse): Instrument[] | null {
  const path = URL.canParse(url) ? new URL(url).pathname : url
  if (path.endsWith('/get_pairs_info')) return readPairs(body).data.map(spotInstrument)
  if (path.endsWith('/currency_limits')) {
    return readLimits(body).data.pairs.map(({ symbol1, symbol2, pricePrecision }) =>
      pairInstrument('classic', symbol1, symbol2, { tickSize: step(pricePrecision), lotSize: null }),
    )
  }
  return null
}

/** A row of `get_pairs_info`. */
export function spotInstrument(row: ReturnType<typeof readPairs>['data'][number]): Instrument {
  const lot = row.baseLotSize ?? null
  return pairInstrument('spot', row.base, row.quote, {
    tickSize: step(row.pricePrecision ?? undefined),
    lotSize: lot === null ? null : canonicalDecimal(lot),
  })
}

function step(decimals: number | undefined): string | null {
  return decimals === undefined ? null : canonicalDecimal(`1e-${decimals}`)
}

/** The text in `data.error`, which is the venue's only sure sign of a failure; null where there is none. */
export function errorText(value: LosslessValue): string | null {
  if (!isObject(value)) return null
  const { data } = value
  return isObject(data) && typeof data['error'] === 'string' ? data['error'] : null
}

function isObject(value: LosslessValue | undefined): value is { [key: string]: LosslessValue } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
