import stringWidth from 'string-width'
import { describe, expect, test } from 'vitest'
import { fitNumber, fitText } from '../../cli/fit.js'
import { compactLines, type MarketView, panel } from '../../cli/watch-panel.js'
import type { Level, TradeEvent } from '../../schemas/events.js'

const levels = (from: number, step: number): Level[] =>
  Array.from({ length: 20 }, (_, at): Level => [String(from + at * step), `${10 ** (at % 12)}.${at}`])

const trade = (price: string, amount: string): TradeEvent => ({
  type: 'trade',
  venue: 'bitfinex',
  symbol: 'BTC/USD',
  instrument: 'tBTCUSD',
  channel: 'trade',
  n: 1,
  id: '1',
  price,
  amount,
  amountUnit: 'base',
  side: 'buy',
  exchangeTime: 1_700_000_000_000_000,
  receiveTime: 1_700_000_000_000_000,
  sequence: null,
  historical: false,
  liquidation: false,
})

const view: MarketView = {
  title: '取引所 a-venue-with-a-long-name BTC/USD:BTC-301227',
  state: 'live',
  book: { bids: levels(99_999, -0.5), asks: levels(100_000, 0.5) },
  trades: [trade('99999', '12345678901234567890'), trade('0.00001234', '0.000000000000000001')],
}

const views: readonly (readonly [string, MarketView])[] = [
  ['book and trades', view],
  ['a book alone', { ...view, trades: null }],
  ['trades alone', { ...view, book: null }],
  [
    'nothing yet',
    { ...view, book: { bids: [], asks: [] }, trades: [], state: 'the venue refused it: '.repeat(9) },
  ],
]

describe.each(views)('a panel with %s', (_name, shown) => {
  test('has exactly the size that it is given', () => {
    for (let width = 20; width <= 180; width += 7) {
      for (const height of [2, 3, 6, 9, 12, 25]) {
        const lines = panel(shown, { width, height, depth: 10, trades: 12 })
        expect(lines).toHaveLength(height)
        expect(lines.filter((line) => stringWidth(line) > width)).toEqual([])
      }
      const lines = compactLines([shown, { ...shown, title: 'huobi BTC/USDT' }], width)
      expect(lines).toHaveLength(3)
      expect(lines.filter((line) => stringWidth(line) !== width)).toEqual([])
    }
  })
})

test('a line a market names bid, ask and spread under a head, and leaves the venue out before it cuts a name', () => {
  const market = (symbol: string, bid: string, ask: string): MarketView => ({
    ...view,
    title: `bitmex ${symbol}`,
    book: { bids: [[bid, '1']], asks: [[ask, '1']] },
  })
  const markets = [market('BTC/USD:BTC', '34000', '34000.5'), market('ETH/USD:BTC', '1800.25', '1800.3')]
  expect(compactLines(markets, 60).map((line) => line.trimEnd())).toEqual([
    'market                  bid      ask  spread',
    'bitmex BTC/USD:BTC  34000.0  34000.5     0.5',
    'bitmex ETH/USD:BTC  1800.25  1800.30    0.05',
  ])
  const [first = market('', '', '')] = markets
  expect(compactLines([first, { ...first, title: 'bitmex ETH/USD:BTC', state: 'suspect' }], 40)).toEqual([
    'market           bid      ask  spread   ',
    'BTC/USD:BTC  34000.0  34000.5     0.5   ',
    'ETH/USD:BTC  suspect                    ',
  ])
})

test('a panel names mid and spread, exactly', () => {
  expect(panel(view, { width: 60, height: 6, depth: 2, trades: 2 })[1]?.trim()).toBe(
    'mid 99999.5  spread 1 (0.10 bp)',
  )
})

test.each([
  ['1234.5678', 9, '1234.5678'],
  ['1234.5678', 7, '1234.56'],
  ['1234.5678', 5, '1234'],
  ['1234.5678', 4, '1234'],
  ['12345678901234567890', 10, '1.2346e+19'],
])('the number %s in %i columns is %s', (number, width, text) => {
  expect(fitNumber(number, width)).toBe(text)
})

test.each([
  ['abcdef', 6, 'abcdef'],
  ['abcdef', 4, 'abc…'],
  ['日本語', 4, '日… '],
  ['ab', 4, 'ab  '],
])('the text %s in %i columns is %s', (text, width, fitted) => {
  expect(fitText(text, width)).toBe(fitted)
})
