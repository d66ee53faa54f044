import { describe, expect, it } from 'vitest'
import { granted, packed, T } from './frames.js'

const none = { last: null, open: null, high: null, low: null, vwap: null, change: null }

describe('quotes', () => {
  it('of spot carry the counter of the book, and null where a side is empty', () => {
    const ch = 'market.btcusdt.bbo'
    const run = granted([['BTC/USDT', 'quote']])
    const tick = {
      seqId: 7,
      ask: 52_665.02,
      askSize: 1.502181,
      bid: 52_665.01,
      bidSize: '1.0E-4',
      quoteTime: 1_630_994_555_539,
      symbol: 'btcusdt',
    }
    run.session.frame(packed({ ch, ts: 1, tick }), T)
    run.session.frame(packed({ ch, ts: 9, tick: { seqId: 8, bid: 0, bidSize: 0, quoteTime: 0 } }), T)
    run.session.frame(packed({ ch, ts: 9, tick: { ...tick, seqId: 6 } }), T)
    expect(run.of('quote')).toEqual([
      {
        type: 'quote',
        venue: 'huobi',
        symbol: 'BTC/USDT',
        instrument: 'btcusdt',
        channel: 'quote',
        n: 1,
        exchangeTime: 1_630_994_555_539_000,
        receiveTime: T,
        sequence: '7',
        bidPrice: '52665.01',
        bidAmount: '0.0001',
        askPrice: '52665.02',
        askAmount: '1.502181',
        amountUnit: 'base',
      },
      expect.objectContaining({
        sequence: '8',
        exchangeTime: 9_000,
        bidPrice: null,
        bidAmount: null,
        askPrice: null,
        askAmount: null,
      }),
    ])
  })

  it('of derivatives are in contracts, and a side may be missing', () => {
    const ch = 'market.BTC-USDT.bbo'
    const run = granted([['BTC/USDT:USDT', 'quote']])
    run.session.frame(
      packed({
        ch,
        ts: 9,
        tick: { mrid: 5, id: 1, bid: [13_064, 38], ask: [13_072.3, 205], ts: 8, version: 5 },
      }),
      T,
    )
    run.session.frame(packed({ ch, ts: 9, tick: { mrid: 6, ask: [13_072.3, 205] } }), T)
    run.session.frame(packed({ ch, ts: 9, tick: { mrid: 5, ask: [1, 1] } }), T)
    expect(run.of('quote')).toMatchObject([
      {
        exchangeTime: 8_000,
        sequence: '5',
        bidPrice: '13064',
        bidAmount: '38',
        askPrice: '13072.3',
        askAmount: '205',
        amountUnit: 'contract',
      },
      { exchangeTime: 9_000, sequence: '6', bidPrice: null, bidAmount: null, askPrice: '13072.3' },
    ])
  })
})

describe('tickers', () => {
  const prices = { open: 51_732, high: 52_785.64, low: 51_000, close: 52_735.63 }
  const expected = {
    open: '51732',
    high: '52785.64',
    low: '51000',
    last: '52735.63',
    vwap: null,
    change: null,
  }

  it('of spot: amount is base volume, vol is money', () => {
    const run = granted([
      ['BTC/USDT', 'ticker'],
      ['BTC/USDT', 'ticker:ticker'],
    ])
    const tick = { ...prices, amount: 13_259.24137056181, vol: '6.876409874125315E8', count: 448_737 }
    run.session.frame(packed({ ch: 'market.btcusdt.detail', ts: 3, tick: { id: 1, version: 1, ...tick } }), T)
    run.session.frame(
      packed({
        ch: 'market.btcusdt.ticker',
        ts: 3,
        tick: { ...tick, bid: 52_732.88, bidSize: 0.036, ask: 0, askSize: 0 },
      }),
      T,
    )
    const volumes = { volume: '13259.24137056181', volumeUnit: 'base', quoteVolume: '687640987.4125315' }
    expect(run.of('ticker')).toMatchObject([
      { channel: 'ticker', exchangeTime: 3_000, ...expected, ...volumes, bidPrice: null, askPrice: null },
      { channel: 'ticker:ticker', ...expected, ...volumes, bidPrice: '52732.88', askPrice: null },
    ])
  })

  it('of derivatives: vol is contracts, trade_turnover is money, where there is any', () => {
    const run = granted([
      ['BTC/USDT:USDT', 'ticker'],
      ['BTC/USD:BTC', 'ticker'],
    ])
    const tick = {
      ...prices,
      amount: 30_316.748,
      vol: 30_316_748,
      count: 26_792,
      bid: [13_064, 38],
      ask: [13_072.3, 205],
    }
    run.session.frame(
      packed({ ch: 'market.BTC-USDT.detail', ts: 3, tick: { ...tick, trade_turnover: 395_073_889.4 } }),
      T,
    )
    run.session.frame(packed({ ch: 'market.BTC-USD.detail', ts: 3, tick }), T)
    expect(run.of('ticker')).toMatchObject([
      {
        ...expected,
        volume: '30316748',
        volumeUnit: 'contract',
        quoteVolume: '395073889.4',
        bidPrice: '13064',
        askPrice: '13072.3',
      },
      { ...expected, volume: '30316748', volumeUnit: 'contract', quoteVolume: null },
    ])
  })

  it('of all pairs at once', () => {
    const run = granted([['SYLO/USDT', 'ticker:tickers']])
    const row = {
      symbol: 'sylousdt',
      open: '9.7E-4',
      high: 0.001055,
      low: '8.29E-4',
      close: '8.97E-4',
      amount: '6.033648738732E8',
      vol: 566_666.24,
      count: 1,
      bid: 0.0008,
    }
    run.session.frame(packed({ ch: 'market.tickers', status: 'ok', ts: 5, data: [row] }), T)
    expect(run.of('ticker')).toMatchObject([
      {
        channel: 'ticker:tickers',
        last: '0.000897',
        open: '0.00097',
        volume: '603364873.8732',
        quoteVolume: '566666.24',
        bidPrice: '0.0008',
        askPrice: null,
      },
    ])
  })

  it('without figures are null, not zero', () => {
    const run = granted([['BTC/USDT', 'ticker']])
    run.session.frame(packed({ ch: 'market.btcusdt.detail', ts: 3, tick: { close: null } }), T)
    expect(run.of('ticker')).toMatchObject([
      { ...none, volume: null, quoteVolume: null, bidPrice: null, askPrice: null },
    ])
  })
})

describe('candles', () => {
  const tick = {
    open: 0.074849,
    close: 0.074848,
    low: 0.074848,
    high: 0.074849,
    amount: 2.4448,
    vol: 0.1829884187,
    count: 3,
  }

  it('are final when the next one comes', () => {
    const ch = 'market.ethbtc.kline.60min'
    const run = granted([['ETH/BTC', 'candle:1h']])
    for (const id of [3_600, 3_600, 7_200]) run.session.frame(packed({ ch, ts: 4, tick: { id, ...tick } }), T)
    expect(run.of('candle').map(({ openTime, closed }) => [openTime, closed])).toEqual([
      [3_600_000_000, false],
      [3_600_000_000, false],
      [3_600_000_000, true],
      [7_200_000_000, false],
    ])
    expect(run.of('candle')[0]).toEqual({
      type: 'candle',
      venue: 'huobi',
      symbol: 'ETH/BTC',
      instrument: 'ethbtc',
      channel: 'candle:1h',
      n: 1,
      exchangeTime: 4_000,
      receiveTime: T,
      interval: '1h',
      openTime: 3_600_000_000,
      open: '0.074849',
      high: '0.074849',
      low: '0.074848',
      close: '0.074848',
      volume: '2.4448',
      volumeUnit: 'base',
      trades: 3,
      closed: false,
      historical: false,
    })
  })

  it('of derivatives count contracts', () => {
    const run = granted([['BTC/USDT:USDT', 'candle']])
    run.session.frame(
      packed({ ch: 'market.BTC-USDT.kline.1min', ts: 4, tick: { id: 60, mrid: 1, ...tick, vol: 18 } }),
      T,
    )
    expect(run.of('candle')).toMatchObject([{ interval: '1m', volume: '18', volumeUnit: 'contract' }])
  })

  it.each([
    ['candle:5m', '5min'],
    ['candle:15m', '15min'],
    ['candle:30m', '30min'],
    ['candle:4h', '4hour'],
    ['candle:1d', '1day'],
    ['candle:1w', '1week'],
    ['candle:1M', '1mon'],
    ['candle:1y', '1year'],
  ] as const)('%s is %s on the wire', (channel, period) => {
    const run = granted([['BTC/USDT', channel]])
    run.session.frame(packed({ ch: `market.btcusdt.kline.${period}`, ts: 4, tick: { id: 60 } }), T)
    expect(run.of('candle')).toMatchObject([
      { channel, interval: channel.slice(7), open: null, volume: null, trades: null },
    ])
  })
})
