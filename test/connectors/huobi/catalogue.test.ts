import { describe, expect, it } from 'vitest'
import { huobi } from '../../../connectors/huobi/connector.js'
import { DecodeError } from '../../../src/errors.js'

const { catalogue } = huobi()

function read(url: string, body: unknown) {
  return catalogue.read({
    id: '',
    url,
    status: 200,
    headers: {},
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
}

describe('the lists of instruments', () => {
  it('gives a spot pair its steps and status', () => {
    const row = {
      'base-currency': 'yee',
      'quote-currency': 'btc',
      'price-precision': 10,
      'amount-precision': 0,
      symbol: 'yeebtc',
    }
    const [online, suspended, gone] =
      read('https://api.huobi.pro/v1/common/symbols', {
        status: 'ok',
        data: ['online', 'suspend', 'offline'].map((state) => ({ ...row, state })),
      }) ?? []
    expect(online).toEqual({
      venue: 'huobi',
      symbol: 'YEE/BTC',
      instrument: 'yeebtc',
      market: 'spot',
      status: 'open',
      base: 'YEE',
      quote: 'BTC',
      settle: null,
      tickSize: '0.0000000001',
      lotSize: '1',
      amountUnit: 'base',
      contractSize: null,
      contractUnit: null,
      sidesCounted: 1,
      expiry: null,
    })
    expect([suspended?.status, gone?.status]).toEqual(['halted', 'closed'])
  })

  it('reads the newer spot list with short keys', () => {
    const data = [{ sc: 'btcusdt', bc: 'btc', qc: 'usdt', state: 'online', tpp: 2, tap: 6, te: true }]
    expect(
      read('https://api.huobi.pro/v2/settings/common/symbols?ts=1', { status: 'ok', data })?.[0],
    ).toMatchObject({
      symbol: 'BTC/USDT',
      instrument: 'btcusdt',
      tickSize: '0.01',
      lotSize: '0.000001',
    })
  })

  it('gives a contract its size, unit and delivery', () => {
    const row = {
      contract_size: '100.000000000000000000',
      price_tick: '0.010000000000000000',
      contract_status: 1,
    }
    const list = read('https://www.hbdm.com/api/v1/contract_contract_info', {
      status: 'ok',
      data: [{ ...row, contract_code: 'BTC210924', delivery_time: '1632470400000' }],
    })
    expect(list).toEqual([
      {
        venue: 'huobi',
        symbol: 'BTC/USD:BTC-210924',
        instrument: 'BTC210924',
        market: 'future',
        status: 'open',
        base: 'BTC',
        quote: 'USD',
        settle: 'BTC',
        tickSize: '0.01',
        lotSize: '1',
        amountUnit: 'contract',
        contractSize: '100',
        contractUnit: 'quote',
        sidesCounted: 2,
        expiry: 1_632_470_400_000_000,
      },
    ])
  })

  it('tells listed, suspended and delivered contracts apart and leaves options out', () => {
    const row = { contract_size: 0.001, price_tick: 0.1, delivery_time: '' }
    const codes = ['BTC-USDT', 'ANT-USDT', 'BTC-USDT-210625', 'BTC-USDT-210326-C-32000']
    const data = codes.map((contract_code, index) => ({
      ...row,
      contract_code,
      contract_status: [1, 3, 8, 1][index],
    }))
    const list = read('https://api.hbdm.com/linear-swap-api/v1/swap_contract_info?business_type=all', {
      status: 'ok',
      data,
    })
    expect(list?.map(({ instrument, status }) => [instrument, status])).toEqual([
      ['BTC-USDT', 'open'],
      ['ANT-USDT', 'halted'],
      ['BTC-USDT-210625', 'closed'],
    ])
  })

  it('takes no other answer for a list, and refuses a list that does not fit', () => {
    expect(read('https://api.huobi.pro/market/tickers', {})).toBeNull()
    const error = '{"status":"error","err_code":1032,"err_msg":"The number of access exceeded the limit."}'
    expect(() => read('https://api.hbdm.com/swap-api/v1/swap_contract_info', error)).toThrow(DecodeError)
  })

  it('is asked only of the hosts that the symbols need', () => {
    const asked = (symbols: string[]) => {
      const connector = huobi({ symbols })
      return connector.catalogue.requests(connector.endpoints).map(({ url }) => url)
    }
    expect(asked(['BTC/USDT', 'ethbtc'])).toEqual(['https://api.huobi.pro/v1/common/symbols'])
    expect(asked(['BTC/USD:BTC', 'BTC/USD:BTC-241227', 'BTC-USDT'])).toEqual([
      'https://api.hbdm.com/api/v1/contract_contract_info',
      'https://api.hbdm.com/swap-api/v1/swap_contract_info',
      'https://api.hbdm.com/linear-swap-api/v1/swap_contract_info?business_type=all',
    ])
    expect(asked([])).toHaveLength(4)
  })
})
