import { describe, expect, it } from 'vitest'
import { bitfinex } from '../../../connectors/bitfinex/index.js'
import type { HttpResponse } from '../../../src/connector.js'
import { readLog, recordingsAtHand } from './recordings.js'

const connector = bitfinex()

/** What the venue calls it, what everybody calls it, and what it is. */
const NAMES = [
  ['tBTCUSD', 'BTC/USD', 'spot'],
  ['tAVAX:USD', 'AVAX/USD', 'spot'],
  ['tBTC:CNHT', 'BTC/CNHT', 'spot'],
  ['tETHUST', 'ETH/USDT', 'spot'],
  ['tIOTUSD', 'IOTA/USD', 'spot'],
  ['tLUNA2:USD', 'LUNA/USD', 'spot'],
  ['tDOGUSD', 'MDOGE/USD', 'spot'],
  ['tBTCF0:USTF0', 'BTC/USDT:USDT', 'perpetual'],
  ['tETHF0:BTCF0', 'ETH/BTC:BTC', 'perpetual'],
  ['tALGF0:USTF0', 'ALGO/USDT:USDT', 'perpetual'],
  ['tEUROPE50IXF0:USTF0', 'EUROPE50IX/USDT:USDT', 'perpetual'],
  ['fUSD', 'fUSD', 'funding'],
] as const

function answer(keys: string, body: unknown): HttpResponse {
  const url = `https://api-pub.bitfinex.com/v2/conf/${keys}`
  return { id: 'catalogue', url, status: 200, headers: {}, body: JSON.stringify(body) }
}

describe('symbols', () => {
  it.each(NAMES)('%s is %s (%s)', (wire, symbol, market) => {
    expect(connector.guess(wire)).toMatchObject({ instrument: wire, symbol, market })
    expect(connector.guess(symbol)).toMatchObject({ instrument: wire, symbol, market })
  })

  it('says what amounts are: base coins, of perpetuals and loans too', () => {
    expect(connector.guess('tETHF0:BTCF0')).toMatchObject({
      base: 'ETH',
      quote: 'BTC',
      settle: 'BTC',
      amountUnit: 'base',
      contractSize: null,
      sidesCounted: 1,
    })
    expect(connector.guess('fUST')).toMatchObject({ symbol: 'fUST', base: 'USDT', quote: null, settle: null })
  })

  it.each(['btcusd', 'BTCUSD', 'tBTC', 'BTC/USD:BTC', 'BTC-USD', ''])('knows no instrument %j', (symbol) => {
    expect(connector.guess(symbol)).toBeNull()
  })
})

describe('the catalogue', () => {
  const keys =
    'pub:list:pair:exchange,pub:list:pair:margin,pub:list:pair:futures,pub:map:currency:sym,pub:map:currency:undl'
  const body = [
    ['BTCUSD', 'NEWUSD', 'AVAX:USD', 'TESTBTC:TESTUSD', 'AAABBB', 'odd'],
    ['BTCUSD'],
    ['BTCF0:USTF0', 'WEIRDF0:USTF0', 'TESTBTCF0:TESTUSDTF0'],
    [
      ['NEW', 'newer'],
      ['UST', 'USDt'],
    ],
    [
      ['BTCF0', 'BTC'],
      ['WEIRDF0', 'PLAIN'],
    ],
  ]

  it('is asked for in one call', () => {
    const [request, ...others] = connector.catalogue.requests(connector.endpoints)
    expect(others).toEqual([])
    expect(request?.url).toBe(`https://api-pub.bitfinex.com/v2/conf/${keys}`)
  })

  it('lists pairs, perpetuals and the lending markets of margin currencies by the names that the venue shows', () => {
    const listed = connector.catalogue.read(answer(keys, body)) ?? []
    expect(listed.map(({ instrument, symbol }) => [instrument, symbol])).toEqual([
      ['tBTCUSD', 'BTC/USD'],
      ['tNEWUSD', 'NEWER/USD'],
      ['tAVAX:USD', 'AVAX/USD'],
      ['tBTCF0:USTF0', 'BTC/USDT:USDT'],
      ['tWEIRDF0:USTF0', 'PLAIN/USDT:USDT'],
      ['fBTC', 'fBTC'],
      ['fUSD', 'fUSD'],
    ])
    expect(listed.every(({ status }) => status === 'open')).toBe(true)
  })

  it('lists markets for play where they are asked for', () => {
    const { catalogue } = bitfinex({ includePaper: true })
    const listed = catalogue.read(answer(keys, body)) ?? []
    expect(listed.map(({ instrument }) => instrument)).toEqual(
      expect.arrayContaining(['tTESTBTC:TESTUSD', 'tAAABBB', 'tTESTBTCF0:TESTUSDTF0']),
    )
  })

  it('takes no other answer for a list', () => {
    expect(connector.catalogue.read(answer('pub:list:currency', [['BTC']]))).toBeNull()
    const elsewhere = { ...answer('', []), url: 'https://api-pub.bitfinex.com/v2/platform/status' }
    expect(connector.catalogue.read(elsewhere)).toBeNull()
  })

  it.each([
    ['a list of something else', 'pub:list:pair:exchange', [[1, [2]]], '0.1'],
    ['an answer that is no list', 'pub:list:pair:exchange', { error: 'ERR_RATE_LIMIT' }, ''],
    ['a map that is none', 'pub:list:pair:exchange,pub:map:currency:sym', [[], [['UST']]], '1.0'],
  ])('names the place of %s', (_, asked, wrong, path) => {
    let caught: unknown
    try {
      connector.catalogue.read(answer(asked, wrong))
    } catch (error) {
      caught = error
    }
    expect(caught).toMatchObject({ code: 'schema_mismatch' })
    expect((caught as { path: unknown[] }).path.join('.')).toContain(path)
  })

  it.skipIf(!recordingsAtHand)('reads the lists of 2021, when the key of perpetuals had no s', () => {
    const listed = readLog('bitfinex-20210417-rest').flatMap(
      ({ url = '', body: text = '' }) =>
        connector.catalogue.read({ id: '', url, status: 200, headers: {}, body: text }) ?? [],
    )
    const byId = new Map(listed.map((instrument) => [instrument.instrument, instrument]))
    expect(byId.get('tXAUTF0:BTCF0')).toMatchObject({ symbol: 'XAUT/BTC:BTC', market: 'perpetual' })
    expect(byId.get('tETH2X:ETH')).toMatchObject({ symbol: 'ETH2X/ETH', market: 'spot' })
    expect(byId.get('tBCHABC:USD')?.symbol).toBe('XEC/USD')
    expect(byId.has('tTESTBTC:TESTUSD')).toBe(false)
    expect(byId.size).toBe(listed.length)
    expect(listed.filter(({ market }) => market === 'perpetual')).toHaveLength(34)
  })

  it('asks for nothing where there is no REST', () => {
    expect(connector.catalogue.requests([{ name: 'public', url: 'ws://x', rest: null }])).toEqual([])
  })
})
