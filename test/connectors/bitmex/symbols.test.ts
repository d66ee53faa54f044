import { describe, expect, it } from 'vitest'
import { bitmex } from '../../../connectors/bitmex/index.js'
import type { Instrument } from '../../../src/connector.js'
import { capturesPresent, recording } from './recordings.js'

const { catalogue, guess } = bitmex()

function listed(rows: readonly object[]): readonly Instrument[] {
  const url = 'https://www.bitmex.com/api/v1/instrument/activeAndIndices'
  return catalogue.read({ id: '', url, status: 200, headers: {}, body: JSON.stringify(rows) }) ?? []
}

const base = { state: 'Open', typ: 'FFWCSX', underlying: 'XBT', quoteCurrency: 'USD', settlCurrency: 'XBt' }

describe('the list of instruments', () => {
  it.each([
    [
      'an inverse perpetual: one contract is a dollar',
      { ...base, symbol: 'XBTUSD', isInverse: true, multiplier: -100000000 },
      ['BTC/USD:BTC', 'perpetual', '1', 'quote'],
    ],
    [
      'a quanto, whose contract is worth what a price says',
      { ...base, symbol: 'ETHUSD', underlying: 'ETH', isQuanto: true, multiplier: 100 },
      ['ETH/USD:BTC', 'perpetual', null, null],
    ],
    [
      'a linear perpetual in millionths of a bitcoin',
      {
        ...base,
        symbol: 'XBTUSDT',
        quoteCurrency: 'USDT',
        settlCurrency: 'USDt',
        underlyingToPositionMultiplier: 1000000,
      },
      ['BTC/USDT:USDT', 'perpetual', '0.000001', 'base'],
    ],
    [
      'a linear contract that only its multipliers describe',
      {
        ...base,
        symbol: 'XBTUSDT',
        quoteCurrency: 'USDT',
        settlCurrency: 'USDt',
        multiplier: 1,
        quoteToSettleMultiplier: 1e6,
      },
      ['BTC/USDT:USDT', 'perpetual', '0.000001', 'base'],
    ],
    [
      'a future in bitcoin',
      {
        ...base,
        symbol: 'ETHM22',
        typ: 'FFCCSX',
        underlying: 'ETH',
        quoteCurrency: 'XBT',
        expiry: '2022-06-24T12:00:00.000Z',
        underlyingToPositionMultiplier: 100000,
      },
      ['ETH/BTC:BTC-220624', 'future', '0.00001', 'base'],
    ],
    [
      'spot, in satoshi',
      {
        ...base,
        symbol: 'XBT_USDT',
        typ: 'IFXXXP',
        quoteCurrency: 'USDT',
        settlCurrency: null,
        underlyingToPositionMultiplier: 100000000,
      },
      ['BTC/USDT', 'spot', '0.00000001', 'base'],
    ],
    ['an index', { ...base, symbol: '.BXBT', typ: 'MRCXXX' }, ['.BXBT', 'index', null, null]],
    [
      'an option',
      { ...base, symbol: 'XBT7D_U105', typ: 'OCECCS', expiry: '2018-10-05T12:00:00.000Z' },
      ['XBT7D_U105', 'option', null, null],
    ],
    [
      'a perpetual of a kind that is new',
      { ...base, symbol: 'ETHUSDG', typ: 'NEW', underlying: 'ETH', settlCurrency: 'Gwei' },
      ['ETH/USD:ETH', 'perpetual', null, null],
    ],
    [
      'a future of a kind that is new, in a unit that is new',
      {
        ...base,
        symbol: 'AH30',
        typ: 'NEW',
        settlCurrency: 'BMEx',
        expiry: '2030-03-29T12:00:00.000Z',
        isInverse: true,
        multiplier: -1,
      },
      ['BTC/USD:BMEX-300329', 'future', null, null],
    ],
    [
      'a contract whose multiplier divides into nothing exact',
      { ...base, symbol: 'ODD', underlyingToPositionMultiplier: 3 },
      ['BTC/USD:BTC', 'perpetual', null, null],
    ],
    [
      'a contract whose multipliers are zero',
      { ...base, symbol: 'ZERO', multiplier: 0, quoteToSettleMultiplier: 0 },
      ['BTC/USD:BTC', 'perpetual', null, null],
    ],
    ['one that says nothing of itself', { symbol: 'MUTE' }, ['MUTE', 'perpetual', null, null]],
    [
      'a future without its day',
      { ...base, symbol: 'XBTX99', typ: 'FFCCSX', expiry: null },
      ['BTC/USD:BTC', 'perpetual', null, null],
    ],
    [
      'one without a settlement currency',
      { ...base, symbol: 'XBTX', settlCurrency: '' },
      ['XBTX', 'perpetual', null, null],
    ],
  ])('describes %s', (_what, row, expected) => {
    const instrument = listed([row])[0]
    expect([
      instrument?.symbol,
      instrument?.market,
      instrument?.contractSize,
      instrument?.contractUnit,
    ]).toEqual(expected)
    expect([instrument?.instrument, instrument?.amountUnit]).toEqual([row.symbol, 'contract'])
  })

  it.each([
    ['Open', 'open'],
    ['Closed', 'closed'],
    ['Unlisted', 'closed'],
    ['Settled', 'closed'],
    ['Cleared', 'closed'],
    ['Delisted', 'closed'],
    ['Limbo', null],
    [undefined, null],
  ])('takes the state %s for %s', (state, status) => {
    expect(listed([{ ...base, symbol: 'XBTUSD', state }])[0]?.status).toBe(status)
  })

  it('leaves prediction markets out', () => {
    expect(
      listed([
        { ...base, symbol: 'P_FORK' },
        { ...base, symbol: 'SOON', typ: 'FFICSX' },
      ]),
    ).toEqual([])
  })

  it('is no list where the answer is another', () => {
    const url = 'https://www.bitmex.com/api/v1/orderBook/L2?symbol=XBTUSD'
    expect(catalogue.read({ id: '', url, status: 200, headers: {}, body: '[]' })).toBeNull()
  })
})

describe.skipIf(!capturesPresent())('the lists of 2021', () => {
  it.each(['bitmex-20210417-rest', 'bitmex-20210722-rest'])(
    '%s agrees with what the ids alone say',
    (name) => {
      const [{ url = '', body = '' } = {}] = recording(name)
      const instruments = catalogue.read({ id: '', url, status: 200, headers: {}, body }) ?? []
      expect(instruments.length).toBeGreaterThan(20)
      for (const instrument of instruments) {
        const guessed = guess(instrument.instrument)
        expect([guessed?.base, guessed?.quote, guessed?.market]).toEqual([
          instrument.base,
          instrument.quote,
          instrument.market,
        ])
        // Tether contracts were settled in bitcoin then, which their ids do not say.
        if (instrument.quote === 'USDT') continue
        expect(guessed?.symbol).toBe(instrument.symbol)
        expect(guess(instrument.symbol)?.instrument).toBe(instrument.instrument)
        if (guessed?.contractSize !== null) expect(guessed?.contractSize).toBe(instrument.contractSize)
      }
    },
  )
})

describe('an instrument by its spelling alone', () => {
  it.each([
    ['XBTUSD', 'BTC/USD:BTC', 'perpetual'],
    ['ETHUSD', 'ETH/USD:BTC', 'perpetual'],
    ['XBTUSDT', 'BTC/USDT:USDT', 'perpetual'],
    ['XBTEUR', 'BTC/EUR:BTC', 'perpetual'],
    ['XBTU21', 'BTC/USD:BTC-210924', 'future'],
    ['XBTZ21', 'BTC/USD:BTC-211231', 'future'],
    ['ETHM22', 'ETH/BTC:BTC-220624', 'future'],
    ['ETHUSDM22', 'ETH/USD:BTC-220624', 'future'],
    ['XBTUSDTM23', 'BTC/USDT:USDT-230630', 'future'],
    ['XBTEURU21', 'BTC/EUR:BTC-210924', 'future'],
    ['XBT_USDT', 'BTC/USDT', 'spot'],
    ['ETH_USDT', 'ETH/USDT', 'spot'],
  ])('%s is %s, and back', (id, symbol, market) => {
    expect(guess(id)).toMatchObject({ instrument: id, symbol, market, status: null, expiry: null })
    expect(guess(symbol)).toMatchObject({ instrument: id, symbol, market })
  })

  it('takes the settlement that the user names', () => {
    expect(guess('LINK/USDT:BTC')).toMatchObject({
      instrument: 'LINKUSDT',
      symbol: 'LINK/USDT:BTC',
      settle: 'BTC',
    })
  })

  it('knows what a contract is worth only where that never changed', () => {
    expect(guess('XBTUSD')).toMatchObject({ contractSize: '1', contractUnit: 'quote' })
    expect(guess('XBTU21')).toMatchObject({ contractSize: '1', contractUnit: 'quote' })
    expect(guess('ETHUSD')).toMatchObject({ contractSize: null, contractUnit: null })
    expect(guess('XBTUSDT')).toMatchObject({ contractSize: null, contractUnit: null })
  })

  it('knows an index, which has no unified symbol', () => {
    expect(guess('.BXBT')).toMatchObject({ symbol: '.BXBT', market: 'index' })
  })

  it.each(['P_FORK', 'HELLO', 'bitcoin', 'USD', 'BTC/USD:BTC-211331', ''])('has no rule for %j', (symbol) => {
    expect(guess(symbol)).toBeNull()
  })
})
