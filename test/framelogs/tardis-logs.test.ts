import { describe, expect, test } from 'vitest'
import { casesAtHand, playCase, playFixture } from './play-log.js'

describe('Tardis files of Bitfinex that name channel and symbol in each frame', () => {
  test('give every channel without an ack, and holes in the numbers of a filtered file are none', async () => {
    const { lines, of, stats } = await playFixture('tardis-bitfinex-named.txt', 'bitfinex')
    expect(lines).toEqual([
      'trade ETH/USD trade',
      'trade ETH/USD trade',
      'book_snapshot ETH/USD book',
      'order_snapshot ETH/USD order',
      'ticker ETH/USD ticker',
      'book_update ETH/USD book',
      'trade ETH/USD trade',
      'order_update ETH/USD order',
      'derivative ETH/USDT:USDT derivative',
      'liquidation ETH/USDT:USDT liquidation',
      'book_snapshot fUSD book',
    ])
    expect(of('trade').map(({ id, side, exchangeTime }) => [id, side, exchangeTime])).toEqual([
      ['901', 'buy', 1614834360000000],
      ['900', 'sell', 1614834350000000],
      ['902', 'sell', 1614834366000000],
    ])
    expect(of('book_update')).toMatchObject([
      { bids: [['1599', '0']], sequence: '31', exchangeTime: 1614834365100000 },
    ])
    expect(of('book_snapshot')[0]).toMatchObject({ depth: 100, asks: [['1602', '4']] })
    expect(stats).toMatchObject({ used: 10, unused: [] })
  })

  test('begin inside a book: a gap up to the first snapshot, and what came before it is counted', async () => {
    const { lines, of, stats } = await playFixture('tardis-bitfinex-amid.txt', 'bitfinex')
    expect(lines).toEqual([
      'gap ETH/USD book joined_late open',
      'gap ETH/USD book joined_late closed',
      'book_snapshot ETH/USD book',
      'book_update ETH/USD book',
    ])
    expect(of('gap')[1]).toMatchObject({ healed: true, from: null })
    expect(stats).toMatchObject({
      used: 2,
      unused: [{ cause: 'before_snapshot', frames: 2, symbol: 'ETH/USD', channel: 'book' }],
    })
  })
})

describe('Tardis files of Huobi', () => {
  test('a depth frame with update is a difference: levels change, the rest of the book stays', async () => {
    const { lines, of } = await playFixture('tardis-huobi-differences.txt', 'huobi')
    expect(lines).toEqual([
      'gap BTC/USD:BTC-CQ book:step0 joined_late open',
      'gap BTC/USD:BTC-CQ book:step0 joined_late closed',
      'book_snapshot BTC/USD:BTC-CQ book:step0',
      'book_update BTC/USD:BTC-CQ book:step0',
      'book_snapshot BTC/USD:BTC-CQ book:step0',
      'book_update BTC/USD:BTC-CQ book:step0',
    ])
    expect(of('book_update')[0]).toMatchObject({
      bids: [['49999', '0']],
      asks: [
        ['50001', '8'],
        ['50002', '1'],
      ],
      sequence: '12',
    })
  })

  test('generated messages are what the venue says over REST; those without an event are counted', async () => {
    const { of, stats } = await playFixture('tardis-huobi-generated.txt', 'huobi')
    expect(of('derivative')).toMatchObject([
      { instrument: 'BTC_CQ', openInterest: '12345', exchangeTime: 1614834361000000 },
      { instrument: 'ETH-USD', openInterest: '777', fundingRate: null },
      {
        instrument: 'ETH-USD',
        openInterest: '777',
        fundingRate: '0.0001',
        nextFundingTime: 1614844800000000,
      },
    ])
    expect(of('malformed')).toEqual([])
    expect(stats.unused).toMatchObject([{ cause: 'no_event', frames: 1 }])
  })
})

describe.runIf(casesAtHand)('the inputs at hand', () => {
  const book = ['book_snapshot BTC/USDT:USDT book', 'book_update BTC/USDT:USDT book']
  const trade = 'trade BTC/USDT:USDT trade'

  test.each(['tardis-bitfinex-with-channel-and-symbol.txt', 'tardis-bitfinex-without-acks.txt'])(
    '%s gives trades and book',
    async (name) => {
      const { lines, stats, events } = await playCase(name, 'bitfinex')
      expect(lines.toSorted()).toEqual([...book, trade, trade].toSorted())
      expect(events).toHaveLength(4)
      expect(stats.unused).toEqual([])
    },
  )

  test('tardis-huobi-dm-update-flag.txt gives one book and its changes', async () => {
    const { of, stats } = await playCase('tardis-huobi-dm-update-flag.txt', 'huobi')
    expect(of('book_snapshot')).toHaveLength(1)
    expect(of('book_update')).toMatchObject([
      { bids: [['4.869', '1175']], asks: [] },
      { bids: [], asks: [['4.871', '0']] },
    ])
    expect(stats.unused).toEqual([])
  })

  test('tardis-huobi-linear-open-interest.txt gives the open interest', async () => {
    const { of, stats } = await playCase('tardis-huobi-linear-open-interest.txt', 'huobi')
    expect(of('derivative')).toMatchObject([{ symbol: 'BTC/USDT:USDT', openInterest: '100500' }])
    expect(of('trade')).toHaveLength(1)
    expect(stats.unused).toEqual([])
  })
})
