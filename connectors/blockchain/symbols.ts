import type * as z from 'zod'
import { type exchangeSymbol, instrumentList, symbolList } from '../../schemas/blockchain.js'
import type { HttpResponse, Instrument } from '../../src/connector.js'
import { canonicalDecimal } from '../../src/decode/decimal.js'
import { decoder } from '../../src/decode/decoder.js'

const readInstrumentList = decoder(instrumentList)
const readSymbolList = decoder(symbolList)

const unknownContract = {
  settle: null,
  amountUnit: 'base',
  contractSize: null,
  contractUnit: null,
  sidesCounted: 1,
  expiry: null,
} as const

/** An instrument of the Exchange as the venue describes it. */
export function exchangeInstrument(id: string, row: z.output<typeof exchangeSymbol>): Instrument {
  const lot = row.lot_size === undefined ? null : scaled(row.lot_size, row.lot_size_scale ?? 0)
  return {
    venue: 'blockchain',
    symbol: id.replace('-', '/'),
    instrument: id,
    market: 'spot',
    status: statusOf(row.status),
    base: row.base_currency,
    quote: row.counter_currency,
    tickSize: scaled(row.min_price_increment, row.min_price_increment_scale),
    // 0 means that there is none.
    lotSize: lot === '0' ? null : lot,
    ...unknownContract,
  }
}

/** Anything but `open` does not trade; `suspend`, `halt` and `halt-freeze` may come back. */
export function statusOf(status: string): Instrument['status'] {
  if (status === 'open') return 'open'
  return status.startsWith('clos') ? 'closed' : 'halted'
}

function scaled(value: string, scale: number): string {
  return canonicalDecimal(`${value}e-${scale}`)
}

/** By the two listings that the venue has had; null for any other answer. */
export function readListing({ url, body }: HttpResponse): Instrument[] | null {
  const path = URL.canParse(url) ? new URL(url).pathname : url
  if (path.endsWith('/exchange/symbols')) {
    return Object.entries(readSymbolList(body)).map(([id, row]) => exchangeInstrument(id, row))
  }
  if (path.endsWith('/v1/instruments')) {
    return readInstrumentList(body).map((row) => exchangeInstrument(row.symbol, row))
  }
  return null
}

/**
 * By rule: `BTC-USD` or `BTC/USD` on the Exchange; `BTC` or `bitcoin` is the chain, `BTC@ADDRESS` one address of it.
 */
export function guessInstrument(symbol: string): Instrument | null {
  const pair = /^([A-Z0-9]+)[-/]([A-Z0-9]+)$/.exec(symbol)
  if (pair !== null) {
    const [, base = '', quote = ''] = pair
    return {
      venue: 'blockchain',
      symbol: `${base}/${quote}`,
      instrument: `${base}-${quote}`,
      market: 'spot',
      status: null,
      base,
      quote,
      tickSize: null,
      lotSize: null,
      ...unknownContract,
    }
  }
  const chain = /^(?:BTC|bitcoin)(?:@([A-Za-z0-9]+))?$/.exec(symbol)
  return chain === null ? null : chainInstrument(chain[1] ?? null)
}

/** The Bitcoin chain, or one watched address of it. */
export function chainInstrument(address: string | null): Instrument {
  const suffix = address === null ? '' : `@${address}`
  return {
    venue: 'blockchain',
    symbol: `BTC${suffix}`,
    instrument: `bitcoin${suffix}`,
    market: 'chain',
    status: 'open',
    base: 'BTC',
    quote: null,
    tickSize: null,
    lotSize: '0.00000001',
    ...unknownContract,
  }
}

/** The address that a chain instrument watches; null for the whole chain. */
export function addressOf({ instrument }: Instrument): string | null {
  const at = instrument.indexOf('@')
  return at === -1 ? null : instrument.slice(at + 1)
}
