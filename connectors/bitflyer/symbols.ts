import { marketList } from '../../schemas/bitflyer.js'
import { decoder, type HttpResponse, type Instrument, spotMarket } from '../../src/venue/index.js'

const readMarketList = decoder(marketList)

const LISTINGS = /\/v1\/(?:get)?markets(?:\/(?:usa|eu))?(?:\?.*)?$/

const MONTHS = 'JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC'.split(' ')

/** Products of the three regions; null for any other answer. */
export function readListing({ url, body }: HttpResponse): readonly Instrument[] | null {
  if (!LISTINGS.test(url)) return null
  return readMarketList(body).flatMap(({ product_code: code }) => {
    const instrument = ofProduct(code)
    return instrument === null ? [] : [{ ...instrument, status: 'open' as const }]
  })
}

/** By the product code, as the wire has it, or by the unified symbol. */
export function guess(symbol: string): Instrument | null {
  return ofProduct(symbol) ?? ofSymbol(symbol)
}

/** `BTC_JPY`, `FX_BTC_JPY`, `BTCJPY24DEC2021`. An alias of a future (`BTCJPY_MAT1WK`) names another one each week. */
function ofProduct(code: string): Instrument | null {
  const [, fx, base, quote] = /^(FX_)?([A-Z0-9]+)_([A-Z]{3})$/.exec(code) ?? []
  if (base !== undefined && quote !== undefined) {
    const spot = spotMarket('bitflyer', code, base, quote)
    if (fx === undefined) return spot
    return { ...spot, symbol: `${base}/${quote}:${quote}`, market: 'perpetual', settle: quote }
  }
  const [, of, by, day = '', name = '', year = ''] =
    /^([A-Z0-9]{3,})([A-Z]{3})(\d\d)([A-Z]{3})(\d{4})$/.exec(code) ?? []
  const month = MONTHS.indexOf(name)
  if (of === undefined || by === undefined || month === -1) return null
  const date = `${year.slice(2)}${String(month + 1).padStart(2, '0')}${day}`
  return {
    ...spotMarket('bitflyer', code, of, by),
    symbol: `${of}/${by}:${by}-${date}`,
    market: 'future',
    settle: by,
    // The code names the day alone.
    expiry: Date.UTC(Number(year), month, Number(day)) * 1000,
  }
}

/** `BTC/JPY`, `BTC/JPY:JPY`, `BTC/JPY:JPY-211224`. */
function ofSymbol(symbol: string): Instrument | null {
  const [, base, quote, settle, year, month, day] =
    /^([A-Z0-9]+)\/([A-Z]{3})(?::([A-Z]{3})(?:-(\d\d)(\d\d)(\d\d))?)?$/.exec(symbol) ?? []
  if (base === undefined || (settle !== undefined && settle !== quote)) return null
  if (settle === undefined) return ofProduct(`${base}_${quote}`)
  if (year === undefined) return ofProduct(`FX_${base}_${quote}`)
  return ofProduct(`${base}${quote}${day}${MONTHS[Number(month) - 1] ?? ''}20${year}`)
}
