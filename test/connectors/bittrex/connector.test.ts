import { describe, expect, it } from 'vitest'
import { bittrex, bittrexVenue } from '../../../connectors/bittrex/index.js'
import { instrumentOnWire } from '../../../connectors/bittrex/symbols.js'
import { simulate } from '../../../simulators/index.js'
import type { HttpResponse } from '../../../src/connector.js'
import { TapewireError } from '../../../src/errors.js'
import { openFeed } from '../../../src/feed/feed.js'
import { Instruments } from '../../../src/session/index.js'
import { NEGOTIATED } from './wire.js'

function codeOf(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    if (error instanceof TapewireError) return error.code
    throw error
  }
  return 'no error'
}

function answer(url: string, body: unknown): HttpResponse {
  return { id: '', url, status: 200, headers: {}, body: JSON.stringify(body) }
}

describe('the venue', () => {
  it('is closed: nothing is dialled without a URL, and the error says what to do', () => {
    const connector = bittrex({ symbols: ['BTC/USD'] })
    expect(connector.endpoints).toEqual([])
    expect(connector.catalogue.requests(connector.endpoints)).toEqual([])
    const instrument = connector.guess('BTC/USD')
    if (instrument === null) throw new Error('no instrument')
    expect(codeOf(() => connector.route({ instrument, channel: 'trade' }))).toBe('venue_closed')
    expect(codeOf(() => openFeed([connector]))).toBe('venue_closed')
    expect(connector.status).toMatchObject({ state: 'closed', since: '2023-12-04' })
  })

  it('is found in the registry with its simulator', () => {
    expect(bittrexVenue.connector({}).venue).toBe(bittrexVenue.id)
    expect([...simulate('bittrex', {}).markets.keys()]).toContain('BTC-USD')
  })

  it.each([
    ['ws://127.0.0.1:9001', 'http://127.0.0.1:9001/signalr/negotiate', 'http://127.0.0.1:9001'],
    ['wss://gw.example/signalr', 'https://gw.example/signalr/negotiate', 'https://gw.example'],
    ['wss://gw.example/bittrex/hub/', 'https://gw.example/bittrex/hub/negotiate', 'https://gw.example'],
  ])('takes %s', (url, negotiate, rest) => {
    const connector = bittrex({ url, headers: { 'x-key': 'k' } })
    const [endpoint] = connector.endpoints
    expect(endpoint?.negotiate?.request.url.split('?')[0]).toBe(negotiate)
    expect(endpoint?.negotiate?.request.headers).toEqual({ 'x-key': 'k' })
    expect(endpoint?.rest).toBe(rest)
    const target = endpoint?.negotiate?.target(NEGOTIATED)
    expect(target?.url).toContain(`${negotiate.replace('negotiate', 'connect').replace('http', 'ws')}?`)
    expect(target?.headers).toEqual({ 'x-key': 'k', cookie: '__cf_bm=abc' })
    expect(connector.catalogue.requests(connector.endpoints)).toMatchObject([{ url: `${rest}/v3/markets` }])
  })

  it('takes REST from elsewhere where told, and no cookie where there is none', () => {
    const [endpoint] = bittrex({ url: 'ws://host', restUrl: 'https://api.example/' }).endpoints
    expect(endpoint?.rest).toBe('https://api.example')
    expect(endpoint?.negotiate?.target({ ...NEGOTIATED, headers: {} }).headers).toEqual({})
    expect(codeOf(() => endpoint?.negotiate?.target({ ...NEGOTIATED, status: 500 }))).toBe(
      'negotiate_refused',
    )
  })

  it.each([
    [{ url: 'https://host/signalr' }, 'bad_option'],
    [{ history: 'yes' }, 'bad_option'],
    [{ depth: 25 }, 'bad_option'],
    [{ channels: ['book:50'] }, 'unknown_channel'],
    [{ channels: ['liquidation'] }, 'unknown_channel'],
  ])('refuses %j', (options, code) => {
    expect(codeOf(() => Reflect.apply(bittrex, undefined, [options]))).toBe(code)
  })

  it('writes channels in their full form', () => {
    expect(bittrex({ channels: ['book:500', 'book:25', 'candle:1m', 'ticker:ticker'] }).requested).toEqual([
      'book',
      'book:25',
      'candle',
      'ticker',
    ])
  })

  it.each([
    'wss://socket-v3.bittrex.com/signalr/connect?transport=webSockets',
    'wss://socket.bittrex.com/signalr/connect',
    'wss://beta.bittrex.com/signalr',
    'https://api.bittrex.com/v3/markets/BTC-EUR/orderbook?depth=500',
  ])('knows %s for its own', (url) => {
    const { recognises } = bittrex()
    expect(recognises.test(url)).toBe(true)
    expect(recognises.test(url.replace('bittrex.com', 'bittrex.example'))).toBe(false)
  })
})

describe('markets', () => {
  const { guess, catalogue } = bittrex()

  it('are BASE-QUOTE in v3 and read from their id or symbol', () => {
    const expected = { venue: 'bittrex', symbol: 'BTC/USD', instrument: 'BTC-USD', base: 'BTC', quote: 'USD' }
    expect(guess('BTC-USD')).toMatchObject(expected)
    expect(guess('BTC/USD')).toMatchObject({ ...expected, market: 'spot', amountUnit: 'base' })
    expect(guess('1INCH/BTC')).toMatchObject({ instrument: '1INCH-BTC' })
    for (const none of ['BTCUSD', 'BTC/USD:BTC', 'A-B-C', '', 'BTC/', 'B TC-USD'])
      expect(guess(none)).toBeNull()
  })

  it('are listed by v3 with their tick', () => {
    const listed = catalogue.read(
      answer('https://api.bittrex.com/v3/markets', [
        {
          symbol: '1INCH-BTC',
          baseCurrencySymbol: '1INCH',
          quoteCurrencySymbol: 'BTC',
          minTradeSize: '0.51194539',
          precision: 8,
          status: 'ONLINE',
        },
        { symbol: 'A-B', baseCurrencySymbol: 'A', quoteCurrencySymbol: 'B', precision: 0, status: 'OFFLINE' },
        { symbol: 'C-B', baseCurrencySymbol: 'C', quoteCurrencySymbol: 'B', precision: -1, status: 'ONLINE' },
      ]),
    )
    expect(listed).toMatchObject([
      { instrument: '1INCH-BTC', symbol: '1INCH/BTC', tickSize: '0.00000001', lotSize: null, status: 'open' },
      { instrument: 'A-B', tickSize: '1', status: 'halted' },
      { instrument: 'C-B', tickSize: null },
    ])
  })

  it('are listed by v1.1 the other way round', () => {
    const url = 'https://api.bittrex.com/api/v1.1/public/getmarkets'
    const market = { MarketCurrency: 'LTC', BaseCurrency: 'BTC', MarketName: 'BTC-LTC', IsActive: false }
    expect(catalogue.read(answer(url, { success: true, result: [market] }))).toMatchObject([
      { instrument: 'BTC-LTC', symbol: 'LTC/BTC', base: 'LTC', quote: 'BTC', status: 'halted' },
    ])
    expect(catalogue.read(answer(url, { success: false, result: null }))).toEqual([])
  })

  it('are not read from other answers, and a list that does not fit is an error', () => {
    for (const path of ['/v3/markets/BTC-USD', '/v3/markets/tickers', '/v3/currencies']) {
      expect(catalogue.read(answer(`https://api.bittrex.com${path}`, []))).toBeNull()
    }
    expect(codeOf(() => catalogue.read(answer('https://h/v3/markets', [{ symbol: 'X-Y' }])))).toBe(
      'schema_mismatch',
    )
  })

  it('are told apart by the hub that names them, whatever list is at hand', () => {
    const listed = new Instruments()
    for (const id of ['BTC-USD', 'USD-BTC']) {
      const instrument = guess(id)
      if (instrument !== null) listed.add({ ...instrument, tickSize: '0.001' })
    }
    expect(instrumentOnWire('BTC-USD', 'v3', listed)).toMatchObject({ symbol: 'BTC/USD', tickSize: '0.001' })
    expect(instrumentOnWire('USD-BTC', 'v1', listed)).toMatchObject({ symbol: 'BTC/USD', tickSize: null })
    expect(instrumentOnWire('nonsense', 'v3', listed)).toBeNull()
  })
})
