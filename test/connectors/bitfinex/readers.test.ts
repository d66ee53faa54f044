import { describe, expect, it } from 'vitest'
import { StreamMemory } from '../../../src/session/index.js'
import { Talk } from './talk.js'

const ROW = '[310628134,1542045968922,0.01073894,6443.1]'

describe('trades', () => {
  it('are told twice by the venue and once by us', () => {
    const talk = new Talk().greet().open('tBTCUSD', 'trade', 5).data(5, '[]')
    talk.data(5, `"te",${ROW}`).data(5, `"tu",${ROW}`)
    expect(talk.of('trade')).toEqual([
      {
        type: 'trade',
        venue: 'bitfinex',
        symbol: 'BTC/USD',
        instrument: 'tBTCUSD',
        channel: 'trade',
        n: 1,
        exchangeTime: 1_542_045_968_922_000,
        receiveTime: talk.now,
        sequence: '2',
        id: '310628134',
        price: '6443.1',
        amount: '0.01073894',
        amountUnit: 'base',
        side: 'buy',
        liquidation: false,
        historical: false,
      },
    ])
  })

  it('whose first telling was lost come with the second', () => {
    const talk = new Talk().greet().open('tBTCUSD', 'trade', 5).data(5, '[]')
    talk.data(5, '"te",[2,1542045968922,-2.8e-7,6439.98426485]').data(5, '"tu",[1,1542045968000,1,6443]')
    expect(talk.of('trade')).toMatchObject([
      { id: '2', side: 'sell', amount: '0.00000028', price: '6439.98426485' },
      { id: '1', side: 'buy' },
    ])
  })

  it('of the past come in the order of the wire, missed ones oldest first, marked, and never again', () => {
    const memory = new StreamMemory()
    const history = '[[3,1542045968003,1,10],[2,1542045968002,1,10],[1,1542045968001,-1,10]]'
    const first = new Talk({}, { memory }).greet().open('tBTCUSD', 'trade', 5).data(5, history)
    expect(first.of('trade').map(({ id, historical }) => [id, historical])).toEqual([
      ['3', true],
      ['2', true],
      ['1', true],
    ])
    first.data(5, '"te",[3,1542045968003,1,10]').data(5, '"te",[4,1542045968004,1,10]')
    expect(first.of('trade')).toHaveLength(4)
    first.harness.session.closed({ code: 1006, reason: '' }, first.now)
    expect(first.of('gap')).toMatchObject([{ reason: 'disconnected', state: 'open' }])

    const second = new Talk({}, { memory }).greet().open('tBTCUSD', 'trade', 6)
    second.data(6, '[[6,1542045968006,1,10],[5,1542045968005,1,10],[4,1542045968004,1,10]]')
    expect(second.of('trade').map(({ id }) => id)).toEqual(['5', '6'])
    expect(second.of('gap')).toMatchObject([{ state: 'closed', healed: true }])
  })

  it('of loans have a rate for a price', () => {
    const talk = new Talk().greet().open('fUSD', 'trade', 5).data(5, '[[1,1542045968001,100,0.0002,2]]')
    talk.data(5, '"fte",[2,1542045968002,-100,0.00021,30]').data(5, '"ftu",[2,1542045968002,-100,0.00021,30]')
    expect(talk.of('trade')).toMatchObject([
      { symbol: 'fUSD', id: '1', price: '0.0002', historical: true },
      { id: '2', price: '0.00021', amount: '100', side: 'sell' },
    ])
  })

  it('with an id of twenty-one digits keep every digit', () => {
    const talk = new Talk().greet().open('tBTCUSD', 'trade', 5)
    talk.data(5, '"te",[123456789012345678901,1542045968922,1,10]')
    expect(talk.of('trade')).toMatchObject([{ id: '123456789012345678901' }])
  })

  it.each([
    ['a null price', '"te",[1,1542045968922,1,null]', 'schema_mismatch', '2.3'],
    ['a time that is none', '"te",[1,"noon",1,10]', 'schema_mismatch', '2.1'],
    ['a missing price', '"te",[1,1542045968922,1]', 'schema_mismatch', '2.3'],
    ['a row without a tag', '[1,1542045968922,1,10]', 'schema_mismatch', '1.0'],
    ['another tag', '"tx",[1,1542045968922,1,10]', 'unknown_message', ''],
  ])('survive %s', (_, payload, reason, path) => {
    const talk = new Talk().greet().open('tBTCUSD', 'trade', 5).data(5, payload).data(5, `"te",${ROW}`)
    expect(talk.of('malformed')).toMatchObject([{ reason, path }])
    expect(talk.of('trade')).toHaveLength(1)
  })
})

describe('tickers', () => {
  it('have an open that follows from last and change, and no sizes at the touch', () => {
    const talk = new Talk().greet().open('tKNCBTC', 'ticker', 5)
    talk.data(
      5,
      '[0.00005767,27100.83433789,0.0000581,1958.0345408199998,4.9e-7,0.0049,0.00005798,1071.67700557,0.00005997,0.00005535,null]',
    )
    expect(talk.of('ticker')).toEqual([
      {
        type: 'ticker',
        venue: 'bitfinex',
        symbol: 'KNC/BTC',
        instrument: 'tKNCBTC',
        channel: 'ticker',
        n: 1,
        exchangeTime: talk.now,
        receiveTime: talk.now,
        last: '0.00005798',
        open: '0.00005749',
        high: '0.00005997',
        low: '0.00005535',
        volume: '1071.67700557',
        volumeUnit: 'base',
        quoteVolume: null,
        vwap: null,
        change: '0.00000049',
        bidPrice: '0.00005767',
        askPrice: '0.0000581',
      },
    ])
  })

  it('of loans have other fields', () => {
    const talk = new Talk().greet().open('fUSD', 'ticker', 5)
    talk.data(
      5,
      '[0.0003193369863013699,0.0002401,30,3939629.6,0.00019012,2,307776.1,-0.00005823,-0.2344,0.00019016,122156333.45260866,0.00027397,6.8e-7,null,null,3441851.73]',
    )
    expect(talk.of('ticker')).toMatchObject([
      {
        last: '0.00019016',
        open: '0.00024839',
        high: '0.00027397',
        low: '0.00000068',
        volume: '122156333.45260866',
        bidPrice: '0.0002401',
        askPrice: '0.00019012',
      },
    ])
  })

  it('of a market that never traded are full of nulls', () => {
    const talk = new Talk()
      .greet()
      .open('tBTCUSD', 'ticker', 5)
      .data(5, '[null,null,null,null,null,null,null,null]')
    expect(talk.of('ticker')).toMatchObject([{ last: null, open: null, high: null, change: null }])
  })

  it('refuse a tag', () => {
    const talk = new Talk().greet().open('tBTCUSD', 'ticker', 5).data(5, '"te",[1]')
    expect(talk.of('malformed')).toMatchObject([{ reason: 'unknown_message' }])
  })
})

describe('candles', () => {
  const MINUTE = 60_000
  const OPEN = 1_654_074_300_000
  const bar = (minute: number, close: string) => `[${OPEN + minute * MINUTE},10,${close},12,9,1.5]`

  function told(talk: Talk) {
    return talk
      .of('candle')
      .map(({ openTime, close, closed, historical }) => [
        (openTime / 1000 - OPEN) / MINUTE,
        close,
        closed,
        historical,
      ])
  }

  it('have their close before high and low on the wire', () => {
    const talk = new Talk().greet().open('tBTCUSD', 'candle:1h', 5)
    talk.data(5, '[[1574698260000,7379.785503,7383.8,7388.3,7379.1,1.68829482]]')
    expect(talk.of('candle')).toMatchObject([
      {
        channel: 'candle:1h',
        interval: '1h',
        openTime: 1_574_698_260_000_000,
        open: '7379.785503',
        close: '7383.8',
        high: '7388.3',
        low: '7379.1',
        volume: '1.68829482',
        volumeUnit: 'base',
        trades: null,
      },
    ])
  })

  it('are final when a later one appears, and once more when a late trade corrects one', () => {
    const talk = new Talk().greet().open('tBTCUSD', 'candle', 5)
    talk.data(5, `[${bar(2, '10')},${bar(0, '11')}]`)
    talk.data(5, bar(2, '12')).data(5, bar(3, '13')).data(5, bar(2, '14')).data(5, bar(5, '15'))
    expect(told(talk)).toEqual([
      [2, '10', false, true],
      [0, '11', true, true],
      [2, '12', false, false],
      [2, '12', true, false],
      [3, '13', false, false],
      [2, '14', true, false],
      [3, '13', true, false],
      [5, '15', false, false],
    ])
  })

  it('after a reconnect are told from the bar that was open, with its own row', () => {
    const memory = new StreamMemory()
    const first = new Talk({}, { memory }).greet().open('tBTCUSD', 'candle', 5)
    first.data(5, `[${bar(1, '10')},${bar(0, '11')}]`)
    const second = new Talk({}, { memory }).greet().open('tBTCUSD', 'candle', 6)
    second.data(6, `[${bar(3, '30')},${bar(2, '20')},${bar(1, '19')},${bar(0, '11')}]`)
    expect(told(second)).toEqual([
      [3, '30', false, true],
      [2, '20', true, true],
      [1, '19', true, true],
    ])
  })

  it('of a market that never traded are none', () => {
    const talk = new Talk().greet().open('tBTCUSD', 'candle', 5).data(5, '[]')
    expect(talk.harness.events).toEqual([])
  })
})

describe('derivative status', () => {
  const STATUS =
    '[1790133734000,null,86710.46123944,86670.5,null,62210384.95685668,null,1790150400000,0.00065317,3873,null,0,null,null,86676.3172,null,null,8851.89352831,null,null,null,0.0005,0.0025]'

  it('tells mark, index, open interest and funding, past and to come', () => {
    const talk = new Talk().greet().open('tBTCF0:USTF0', 'derivative', 5).data(5, STATUS)
    expect(talk.of('derivative')).toMatchObject([
      {
        symbol: 'BTC/USDT:USDT',
        exchangeTime: 1_790_133_734_000_000,
        markPrice: '86676.3172',
        indexPrice: '86670.5',
        openInterest: '8851.89352831',
        openInterestUnit: 'base',
        fundingRate: '0',
        nextFundingTime: 1_790_150_400_000_000,
        predictedFundingRate: '0.00015317',
      },
    ])
  })

  it('is told once a row, however often the venue repeats it', () => {
    const talk = new Talk().greet().open('tBTCF0:USTF0', 'derivative', 5)
    talk.data(5, STATUS).data(5, STATUS).data(5, STATUS.replace('1790133734000', '1790133737000'))
    expect(talk.of('derivative')).toHaveLength(2)
  })

  it.each([
    ['within the dead band', '-0.0004', '0.0025', '0'],
    ['below it', '-0.0011', '0.0025', '-0.0006'],
    ['beyond the cap', '0.01', '0.0025', '0.0025'],
    ['without a cap', '0.01', 'null', '0.0095'],
    ['below, beyond the cap', '-0.01', '0.0025', '-0.0025'],
  ])('predicts the rate %s', (_, premium, cap, rate) => {
    const row = STATUS.replace('0.00065317', premium).replace('0.0025]', `${cap}]`)
    const talk = new Talk().greet().open('tBTCF0:USTF0', 'derivative', 5).data(5, row)
    expect(talk.of('derivative')).toMatchObject([{ predictedFundingRate: rate }])
  })

  it('of the time when rows were shorter leaves out what they did not have', () => {
    const talk = new Talk().greet().open('tBTCF0:USTF0', 'derivative', 5)
    talk.data(
      5,
      '[1596124822000,null,0.896,0.771995,null,1396531.67,null,1596153600000,0.0001056,6,null,-0.0138]',
    )
    expect(talk.of('derivative')).toMatchObject([
      {
        indexPrice: '0.771995',
        markPrice: null,
        openInterest: null,
        predictedFundingRate: null,
        fundingRate: '-0.0138',
      },
    ])
  })
})

describe('liquidations', () => {
  const row = (position: number, symbol: string, amount: string, match: number, price: string) =>
    `["pos",${position},1574697680828.2002,null,"${symbol}",${amount},91.58,null,${match},1,null,${price}]`

  it('of many instruments come on one channel, each to its own stream', () => {
    const talk = new Talk().greet()
    talk.sent()
    talk.subscribe('tBTCF0:USTF0', 'liquidation').subscribe('tBSVUSD', 'liquidation')
    expect(talk.harness.sent).toHaveLength(1)
    talk.ack(5).subscribe('tETHUSD', 'liquidation')
    expect(talk.harness.sent).toHaveLength(0)
    talk.data(
      5,
      `[${row(1, 'tBSVUSD', '-2.62932', 1, '112.27')},${row(2, 'tXRPUSD', '5', 0, 'null')},${row(3, 'tBTCF0:USTF0', '0.5', 0, 'null')},${row(4, 'tETHUSD', '1', 0, 'null')}]`,
    )
    expect(talk.of('liquidation')).toMatchObject([
      {
        symbol: 'BSV/USD',
        id: '1',
        amount: '2.62932',
        side: 'buy',
        price: '112.27',
        exchangeTime: 1_574_697_680_828_200,
        amountUnit: 'base',
      },
      { symbol: 'BTC/USDT:USDT', id: '3', amount: '0.5', side: 'sell', price: null },
      { symbol: 'ETH/USD', id: '4' },
    ])
  })

  it('told as trigger and as match are one', () => {
    const talk = new Talk().greet().open('tBSVUSD', 'liquidation', 5)
    talk.data(5, `[${row(1, 'tBSVUSD', '2', 0, 'null')}]`).data(5, `[${row(1, 'tBSVUSD', '2', 1, '112.27')}]`)
    expect(talk.of('liquidation')).toHaveLength(1)
  })

  it('go on for the others when one instrument is given up', () => {
    const talk = new Talk().greet().open('tBSVUSD', 'liquidation', 5).subscribe('tETHUSD', 'liquidation')
    talk.sent()
    talk.unsubscribe('tBSVUSD', 'liquidation')
    expect(talk.sent()).toEqual([])
    talk.data(5, `[${row(1, 'tBSVUSD', '2', 1, '1')},${row(2, 'tETHUSD', '2', 1, '1')}]`)
    expect(talk.of('liquidation').map(({ symbol }) => symbol)).toEqual(['ETH/USD'])
    talk.unsubscribe('tETHUSD', 'liquidation')
    expect(talk.sent()).toEqual([{ event: 'unsubscribe', chanId: 5 }])
  })
})
