import { describe, expect, it } from 'vitest'
import { ack, asked, emptyPartial, reading, SECOND, subscription, T, table } from './conversation.js'

const trade = (columns: Record<string, unknown>) =>
  JSON.stringify({
    timestamp: '2021-03-12T02:00:04.608Z',
    symbol: 'XBTUSD',
    side: 'Sell',
    size: 900,
    price: 56927,
    trdMatchID: 'd1b82d61',
    ...columns,
  })

describe('trades', () => {
  it('of the partial are history, those inserted are news', () => {
    const run = asked('trade', ['XBTUSD'])
    run.session.frame(table('trade', 'partial', trade({})), T)
    run.session.frame(table('trade', 'insert', trade({ trdMatchID: 'b', side: 'Buy', size: 1 })), T)
    expect(run.of('trade')).toMatchObject([
      {
        id: 'd1b82d61',
        historical: true,
        side: 'sell',
        price: '56927',
        amount: '900',
        amountUnit: 'contract',
        symbol: 'BTC/USD:BTC',
        exchangeTime: Date.UTC(2021, 2, 12, 2, 0, 4, 608) * 1000,
        receiveTime: T,
        liquidation: false,
      },
      { id: 'b', historical: false, side: 'buy', amount: '1' },
    ])
  })

  it('are told once, however often the venue repeats them', () => {
    const run = asked('trade', ['XBTUSD'])
    const insert = table('trade', 'insert', trade({}), trade({ price: 56928 }))
    run.session.frame(insert, T)
    run.session.frame(insert, T)
    run.session.frame(table('trade', 'partial', trade({ price: 56928 })), T)
    expect(run.of('trade').map(({ price }) => price)).toEqual(['56927', '56928'])
  })

  it('of one match keep apart: the first has the id of the venue, the others more', () => {
    const run = asked('trade', ['XBTUSD'])
    run.session.frame(
      table(
        'trade',
        'insert',
        trade({}),
        trade({ size: 100 }),
        trade({ size: 100 }),
        trade({ price: 1 }),
        trade({ trdMatchID: null }),
      ),
      T,
    )
    expect(run.of('trade').map(({ id }) => id)).toEqual([
      'd1b82d61',
      'd1b82d61/56927/100/2021-03-12T02:00:04.608Z',
      'd1b82d61/56927/100/2021-03-12T02:00:04.608Z#2',
      'd1b82d61/1/900/2021-03-12T02:00:04.608Z',
      '/56927/900/2021-03-12T02:00:04.608Z',
    ])
  })

  it('have no side where the venue gives none: settlements and index rows', () => {
    const run = asked('trade', ['XBTUSD'])
    run.session.frame(
      table(
        'trade',
        'insert',
        trade({ side: undefined, trdType: 'Settlement' }),
        trade({ side: null, trdMatchID: '2' }),
        trade({ side: '', trdMatchID: '3', size: 0, timestamp: null }),
      ),
      T,
    )
    expect(
      run.of('trade').map(({ side, amount, exchangeTime }) => [side, amount, exchangeTime !== null]),
    ).toEqual([
      [null, '900', true],
      [null, '900', true],
      [null, '0', false],
    ])
  })

  it('that the partial repeats after a reconnect prove that nothing was missed', () => {
    const run = asked('trade', ['XBTUSD'])
    run.session.frame(table('trade', 'insert', trade({})), T)
    run.session.closed({ code: 1006, reason: '' }, T + SECOND)
    const again = asked('trade', ['XBTUSD'], { memory: run.memory })
    again.session.frame(table('trade', 'partial', trade({})), T + 2 * SECOND)
    expect(again.of('trade')).toEqual([])
    expect(again.of('gap')).toMatchObject([{ state: 'closed', healed: true, reason: 'disconnected' }])
  })

  it('are alive although the partial is empty', () => {
    const run = asked('trade', ['XBTUSD'])
    run.session.frame(emptyPartial('trade', 'XBTUSD'), T)
    run.until(T + 100 * SECOND)
    expect(run.resubscribes).toEqual([])
  })

  it('may be missing where one could not be read', () => {
    const run = asked('trade', ['XBTUSD'])
    run.session.frame(table('trade', 'insert', trade({ price: null })), T)
    expect(run.events).toMatchObject([
      { type: 'gap', channel: 'trade', state: 'open' },
      { type: 'malformed', path: 'data.0.price' },
    ])
    expect(run.resubscribes).toEqual([])
    run.session.frame(table('trade', 'insert', trade({})), T)
    expect(run.of('gap').at(-1)).toMatchObject({ state: 'closed', healed: false })
  })
})

describe('quotes', () => {
  it('come row by row, the partial included, with null for an empty side', () => {
    const run = asked('quote', ['XBTUSD'])
    const row =
      '{"timestamp":"2022-07-01T00:00:07.138Z","symbol":"XBTUSD","bidSize":2100,"bidPrice":19917.50,"askPrice":19918,"askSize":3600}'
    run.session.frame(table('quote', 'partial', row), T)
    run.session.frame(
      table(
        'quote',
        'insert',
        row,
        '{"timestamp":"2022-07-01T00:00:08.000Z","symbol":"XBTUSD","askPrice":1e-5,"askSize":1}',
      ),
      T,
    )
    expect(run.of('quote')).toMatchObject([
      {
        bidPrice: '19917.5',
        bidAmount: '2100',
        askPrice: '19918',
        askAmount: '3600',
        amountUnit: 'contract',
      },
      { exchangeTime: Date.UTC(2022, 6, 1, 0, 0, 7, 138) * 1000 },
      { bidPrice: null, bidAmount: null, askPrice: '0.00001', askAmount: '1' },
    ])
  })
})

describe('candles', () => {
  it('open one interval before the time that the venue stamps, and are final', () => {
    const run = asked('candle:5m', ['XBTUSDT'])
    const row =
      '{"timestamp":"2023-03-01T00:00:00.000Z","symbol":"XBTUSDT","open":23111.5,"high":23132.5,"low":23108.5,"close":23132.5,"trades":42,"volume":2547000}'
    run.session.frame(table('tradeBin5m', 'partial', row), T)
    run.session.frame(
      table(
        'tradeBin5m',
        'insert',
        '{"timestamp":"2023-03-01T00:05:00.000Z","symbol":"XBTUSDT","open":23118,"high":23145.5,"low":23143,"close":23144,"volume":0}',
      ),
      T,
    )
    expect(run.of('candle')).toMatchObject([
      {
        channel: 'candle:5m',
        interval: '5m',
        openTime: Date.UTC(2023, 1, 28, 23, 55) * 1000,
        exchangeTime: Date.UTC(2023, 2, 1) * 1000,
        open: '23111.5',
        high: '23132.5',
        low: '23108.5',
        close: '23132.5',
        volume: '2547000',
        volumeUnit: 'contract',
        trades: 42,
        closed: true,
        historical: true,
      },
      { open: '23118', low: '23143', trades: null, closed: true, historical: false },
    ])
  })

  it.each([
    ['candle', 'tradeBin1m', 60],
    ['candle:1h', 'tradeBin1h', 3600],
    ['candle:1d', 'tradeBin1d', 86_400],
  ] as const)('of %s come from %s', (channel, name, seconds) => {
    const run = asked(channel, ['XBTUSD'])
    run.session.frame(
      table(name, 'insert', '{"timestamp":"2023-03-01T00:00:00.000Z","symbol":"XBTUSD","close":1}'),
      T,
    )
    const openTime = (Date.UTC(2023, 2, 1) - seconds * 1000) * 1000
    expect(run.of('candle')).toMatchObject([{ channel, openTime, open: null, close: '1', volume: null }])
  })
})

describe('funding and liquidations', () => {
  it('tell the rate that was paid, and when', () => {
    const run = asked('derivative:funding', ['XBTUSD'])
    run.session.frame(
      table(
        'funding',
        'partial',
        '{"timestamp":"2021-04-01T20:00:00.000Z","symbol":"XBTUSD","fundingRate":0.000817}',
      ),
      T,
    )
    expect(run.of('derivative')).toMatchObject([
      {
        channel: 'derivative:funding',
        fundingRate: '0.000817',
        exchangeTime: Date.UTC(2021, 3, 1, 20) * 1000,
        nextFundingTime: null,
        markPrice: null,
      },
    ])
  })

  it('tell a liquidation once, with its whole amount', () => {
    const run = asked('liquidation', ['XBTUSD'])
    const row = (columns: object) => JSON.stringify({ orderID: 'a', symbol: 'XBTUSD', ...columns })
    run.session.frame(
      table('liquidation', 'partial', row({ orderID: 'old', side: 'Buy', price: 1, leavesQty: 1 })),
      T,
    )
    run.session.frame(table('liquidation', 'insert', row({ side: 'Buy', price: 32184, leavesQty: 500 })), T)
    run.session.frame(table('liquidation', 'insert', row({ side: 'Buy', price: 32184, leavesQty: 500 })), T)
    run.session.frame(table('liquidation', 'insert', row({ orderID: 'b', side: 'Sell', leavesQty: 7 })), T)
    run.session.frame(table('liquidation', 'update', row({ leavesQty: 300 })), T)
    run.session.frame(table('liquidation', 'delete', row({})), T)
    expect(run.of('liquidation')).toMatchObject([
      {
        id: 'a',
        side: 'buy',
        price: '32184',
        amount: '500',
        amountUnit: 'contract',
        exchangeTime: null,
        receiveTime: T,
      },
      { id: 'b', side: 'sell', price: null, amount: '7' },
    ])
    expect(run.of('malformed')).toEqual([])
  })
})

describe('the instrument table', () => {
  const partial = table(
    'instrument',
    'partial',
    JSON.stringify({
      symbol: 'XBTUSD',
      state: 'Open',
      typ: 'FFWCSX',
      underlying: 'XBT',
      quoteCurrency: 'USD',
      settlCurrency: 'XBt',
      isInverse: true,
      isQuanto: false,
      multiplier: -100000000,
      tickSize: 0.5,
      lotSize: 100,
      lastPrice: 32184,
      prevPrice24h: 32000.5,
      highPrice: 33000,
      lowPrice: 31000,
      volume24h: 1000,
      foreignNotional24h: 1000,
      vwap: 32100.1,
      bidPrice: 32183.5,
      askPrice: 32184,
      markPrice: 32190.12,
      indicativeSettlePrice: 32189.5,
      openInterest: 500,
      fundingRate: 0.0001,
      fundingTimestamp: '2021-07-23T04:00:00.000Z',
      indicativeFundingRate: -0.000025,
      timestamp: '2021-07-22T22:36:05.000Z',
    }),
  )
  const update = (columns: object) =>
    table(
      'instrument',
      'update',
      JSON.stringify({ symbol: 'XBTUSD', timestamp: '2021-07-22T22:36:10.014Z', ...columns }),
    )

  it('is asked for once and told to each channel in its own words', () => {
    const run = asked('ticker', ['XBTUSD'])
    run.session.subscribe([subscription('XBTUSD', 'derivative'), subscription('XBTUSD', 'instrument')], T)
    expect(run.sent).toEqual([])
    run.session.frame(partial, T)
    expect(run.of('ticker')).toMatchObject([
      {
        last: '32184',
        open: '32000.5',
        change: '183.5',
        high: '33000',
        low: '31000',
        volume: '1000',
        volumeUnit: 'contract',
        quoteVolume: '1000',
        vwap: '32100.1',
        bidPrice: '32183.5',
        askPrice: '32184',
        exchangeTime: Date.UTC(2021, 6, 22, 22, 36, 5) * 1000,
      },
    ])
    expect(run.of('derivative')).toMatchObject([
      {
        channel: 'derivative',
        markPrice: '32190.12',
        indexPrice: '32189.5',
        openInterest: '500',
        openInterestUnit: 'contract',
        fundingRate: '0.0001',
        nextFundingTime: Date.UTC(2021, 6, 23, 4) * 1000,
        predictedFundingRate: '-0.000025',
      },
    ])
    expect(run.of('instrument')).toMatchObject([
      {
        symbol: 'BTC/USD:BTC',
        status: 'open',
        tickSize: '0.5',
        lotSize: '100',
        contractSize: '1',
        contractUnit: 'quote',
      },
    ])
  })

  it('merges what an update brings, and tells only the channels that it concerns', () => {
    const run = asked('ticker', ['XBTUSD'])
    run.session.subscribe([subscription('XBTUSD', 'derivative'), subscription('XBTUSD', 'instrument')], T)
    run.session.frame(partial, T)
    run.events.length = 0
    run.session.frame(update({ markPrice: 32200, fairPrice: 32200 }), T)
    run.session.frame(update({ lastPrice: 31999.5, highPrice: null }), T)
    run.session.frame(update({ state: 'Settled' }), T)
    run.session.frame(update({ totalVolume: 9 }), T)
    run.session.frame(table('instrument', 'delete', '{"symbol":"XBTUSD"}'), T)
    expect(run.events).toMatchObject([
      { type: 'derivative', markPrice: '32200', indexPrice: '32189.5' },
      { type: 'ticker', last: '31999.5', change: '-1', high: null, low: '31000' },
      { type: 'instrument', status: 'closed', tickSize: '0.5' },
    ])
    expect(run.of('ticker')[0]?.exchangeTime).toBe(Date.UTC(2021, 6, 22, 22, 36, 10, 14) * 1000)
  })

  it('passes over updates before its partial', () => {
    const run = asked('ticker', ['XBTUSD'])
    run.session.frame(update({ lastPrice: 1 }), T)
    expect(run.events).toEqual([])
  })

  it('begins a channel that joins later with what is held', () => {
    const run = asked('ticker', ['XBTUSD'])
    run.session.frame(partial, T)
    run.session.frame(update({ markPrice: 5 }), T)
    run.session.subscribe([subscription('XBTUSD', 'derivative')], T + SECOND)
    expect(run.sent).toEqual([])
    expect(run.of('derivative')).toMatchObject([{ markPrice: '5', receiveTime: T + SECOND }])
  })

  it('is asked for again where a frame of it could not be read', () => {
    const run = asked('ticker', ['XBTUSD'])
    run.session.subscribe([subscription('XBTUSD', 'derivative')], T)
    run.session.frame(partial, T)
    run.session.frame(update({ lastPrice: { odd: 1 } }), T)
    expect(run.of('gap').map(({ channel }) => channel)).toEqual(['ticker', 'derivative'])
    expect(run.resubscribes).toHaveLength(1)
    run.session.frame(update({ lastPrice: 1 }), T)
    expect(run.of('gap')).toHaveLength(2)
    run.session.frame(partial, T)
    expect(run.of('gap').filter(({ state }) => state === 'closed')).toHaveLength(2)
  })

  it('tells a recording all that it can', () => {
    const run = reading()
    run.session.frame(ack('instrument:XBTUSD'), T)
    run.session.frame(partial, T)
    expect(run.events.map(({ type }) => type)).toEqual(['instrument', 'derivative', 'ticker'])
  })

  it('tells no derivative of spot and indices', () => {
    const run = reading()
    run.session.frame(
      table('instrument', 'partial', '{"symbol":".BXBT","typ":"MRCXXX","lastPrice":32000.11,"markPrice":1}'),
      T,
    )
    expect(run.events.map(({ type }) => type)).toEqual(['instrument', 'ticker'])
  })
})
