import { describe, expect, it } from 'vitest'
import { huobi } from '../../../connectors/huobi/connector.js'
import type { Instrument } from '../../../src/connector.js'

const { guess } = huobi()

describe('a symbol is told by rule alone', () => {
  it.each([
    ['BTC/USDT', 'btcusdt', 'spot', 'BTC', 'USDT', null],
    ['btcusdt', 'btcusdt', 'spot', 'BTC', 'USDT', null],
    ['BTCUSDT', 'btcusdt', 'spot', 'BTC', 'USDT', null],
    ['fil3susdt', 'fil3susdt', 'spot', 'FIL3S', 'USDT', null],
    ['yfihusd', 'yfihusd', 'spot', 'YFI', 'HUSD', null],
    ['nesteth', 'nesteth', 'spot', 'NEST', 'ETH', null],
    ['btc3lusdt', 'btc3lusdt', 'spot', 'BTC3L', 'USDT', null],
    ['GAMECOM/USDT', 'gtcusdt', 'spot', 'GAMECOM', 'USDT', null],
    ['gtcusdt', 'gtcusdt', 'spot', 'GAMECOM', 'USDT', null],
    ['BTC-USDT', 'BTC-USDT', 'perpetual', 'BTC', 'USDT', 'USDT'],
    ['BTC/USDT:USDT', 'BTC-USDT', 'perpetual', 'BTC', 'USDT', 'USDT'],
    ['BTC/USDT:USDT-210625', 'BTC-USDT-210625', 'future', 'BTC', 'USDT', 'USDT'],
    ['BTC-USDT-CQ', 'BTC-USDT-CQ', 'future', 'BTC', 'USDT', 'USDT'],
    ['我踏马来了-USDT', '我踏马来了-USDT', 'perpetual', '我踏马来了', 'USDT', 'USDT'],
    ['BTC-USD', 'BTC-USD', 'perpetual', 'BTC', 'USD', 'BTC'],
    ['BTC/USD:BTC', 'BTC-USD', 'perpetual', 'BTC', 'USD', 'BTC'],
    ['BTC210924', 'BTC210924', 'future', 'BTC', 'USD', 'BTC'],
    ['BTC/USD:BTC-210924', 'BTC210924', 'future', 'BTC', 'USD', 'BTC'],
    ['BTC/USD:BTC-CQ', 'BTC_CQ', 'future', 'BTC', 'USD', 'BTC'],
    ['BTC_CQ', 'BTC_CQ', 'future', 'BTC', 'USD', 'BTC'],
  ])('%s is %s', (symbol, instrument, market, base, quote, settle) => {
    expect(guess(symbol)).toMatchObject({ venue: 'huobi', instrument, market, base, quote, settle })
  })

  it.each([
    '',
    '/',
    'BTC/',
    'BTC/USDT/X',
    'xyzabc',
    'BTC-USDT-210326-C-32000',
    'BTC/USD:ETH',
    'BTC/USDT:USDT-june',
    'BTC-',
  ])('%j is told by no rule', (symbol) => {
    expect(guess(symbol)).toBeNull()
  })

  it('is the same symbol again when the id is told back', () => {
    for (const symbol of [
      'BTC/USDT',
      'BTC/USDT:USDT',
      'BTC/USD:BTC',
      'ETH/USD:ETH-301227',
      'ETH/USDT:USDT-301227',
    ]) {
      expect(guess(guess(symbol)?.instrument ?? '')?.symbol).toBe(symbol)
    }
  })

  it('states the unit of amounts: coins on spot, contracts of both sides elsewhere', () => {
    expect(guess('BTC/USDT')).toMatchObject({ amountUnit: 'base', sidesCounted: 1, contractSize: null })
    const both: Partial<Instrument> = { amountUnit: 'contract', sidesCounted: 2 }
    expect(guess('BTC/USDT:USDT')).toMatchObject({ ...both, contractUnit: 'base', contractSize: null })
    expect(guess('BTC/USD:BTC')).toMatchObject({ ...both, contractUnit: 'quote', contractSize: '100' })
    expect(guess('ETH/USD:ETH-CQ')).toMatchObject({ ...both, contractUnit: 'quote', contractSize: '10' })
  })
})
