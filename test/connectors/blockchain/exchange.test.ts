import { describe, expect, test } from 'vitest'
import { type BlockchainOptions, blockchain } from '../../../connectors/blockchain/index.js'
import type { Channel, Instrument } from '../../../src/connector.js'
import { harness } from '../../support/harness.js'

const START = 1_626_993_562_000_000
const SECOND = 1_000_000
const OPEN = { url: 'wss://ws.blockchain.info/mercury-gateway/v1/ws', negotiated: null, attempt: 1 }

function instrument(symbol: string): Instrument {
  const found = blockchain().guess(symbol)
  if (found === null) throw new Error(`no instrument ${symbol}`)
  return found
}

/** An Exchange session that has asked for channels, and a venue that counts its frames. */
function exchange(channels: readonly Channel[], options: BlockchainOptions = {}, symbol = 'BTC-USD') {
  const live = harness(blockchain(options))
  live.session.opened(OPEN, START)
  live.session.subscribe(
    channels.map((channel) => ({ instrument: instrument(symbol), channel })),
    START,
  )
  let seqnum = 0
  const say = (frame: Record<string, unknown>, at = START) => {
    live.session.frame(JSON.stringify({ seqnum: seqnum++, ...frame }).replace(/"#(.*?)"/g, '$1'), at)
  }
  return { ...live, live, say, skip: () => seqnum++ }
}

const snapshot = {
  event: 'snapshot',
  channel: 'l2',
  symbol: 'BTC-USD',
  bids: [
    { num: 1, px: '#1.0E-5', qty: '#2.0' },
    { num: 1, px: '#1.6E-5', qty: '#200.0' },
  ],
  asks: [
    { num: 1, px: '#0.1', qty: '#1.0' },
    { num: 1, px: '#1.0E3', qty: '#3.0' },
  ],
  timestamp: '2021-07-22T22:39:22.812345678Z',
}

describe('the Exchange', () => {
  test('a heartbeat is asked for before anything else', () => {
    const { sent } = exchange(['book', 'trade'])
    expect(sent.map((frame) => JSON.parse(frame))).toEqual([
      { action: 'subscribe', channel: 'heartbeat' },
      { action: 'subscribe', channel: 'l2', symbol: 'BTC-USD' },
      { action: 'subscribe', channel: 'trades', symbol: 'BTC-USD' },
    ])
  })

  test('a book comes best first, exact, with nanoseconds cut to microseconds', () => {
    const { say, of } = exchange(['book'])
    say({ event: 'subscribed', channel: 'l2', symbol: 'BTC-USD', batching: false })
    say(snapshot)
    say({
      event: 'updated',
      channel: 'l2',
      symbol: 'BTC-USD',
      bids: [{ num: 0, px: '#0.000016', qty: '#0.0' }],
      asks: [],
    })
    expect(of('book_snapshot')[0]).toMatchObject({
      bids: [
        ['0.000016', '200'],
        ['0.00001', '2'],
      ],
      asks: [
        ['0.1', '1'],
        ['1000', '3'],
      ],
      exchangeTime: 1_626_993_562_812_345,
      sequence: '1',
      depth: null,
    })
    expect(of('book_update')[0]).toMatchObject({ bids: [['0.000016', '0']], asks: [], exchangeTime: null })
    expect(of('malformed')).toEqual([])
  })

  test('a number that does not follow is a gap on every stream, and a new connection', () => {
    const { say, skip, of, reconnects, memory } = exchange(['book', 'trade'])
    say({ event: 'subscribed', channel: 'l2', symbol: 'BTC-USD' })
    say(snapshot)
    say({ event: 'subscribed', channel: 'trades', symbol: 'BTC-USD' })
    skip()
    say(
      { event: 'updated', channel: 'l2', symbol: 'BTC-USD', bids: [{ px: '#1', qty: '#1' }], asks: [] },
      START + SECOND,
    )
    expect(of('gap').map(({ channel, reason, state }) => [channel, reason, state])).toEqual([
      ['book', 'sequence', 'open'],
      ['trade', 'sequence', 'open'],
    ])
    expect(of('gap')[0]?.detail).toBe('expected seqnum 3, got 4')
    expect(of('book_update')).toEqual([])
    expect(memory.peek('BTC-USD', 'book')?.book.state).toBe('suspect')
    expect(reconnects).toHaveLength(1)
  })

  test('a first number other than 0 is a loss too', () => {
    const { say, skip, reconnects } = exchange(['book'])
    skip()
    say({ event: 'subscribed', channel: 'l2', symbol: 'BTC-USD' })
    expect(reconnects).toEqual(['expected seqnum 0, got 1'])
  })

  test('ten seconds without a heartbeat end the connection', () => {
    const { live, say, of, reconnects } = exchange(['book'])
    say({ event: 'subscribed', channel: 'heartbeat' })
    say({ event: 'subscribed', channel: 'l2', symbol: 'BTC-USD' })
    say(snapshot)
    say({ event: 'updated', channel: 'heartbeat', timestamp: '2021-07-22T22:39:27Z' }, START + 5 * SECOND)
    live.until(START + 15 * SECOND - 1)
    expect(reconnects).toEqual([])
    live.until(START + 15 * SECOND)
    expect(reconnects).toHaveLength(1)
    expect(of('gap')).toMatchObject([{ channel: 'book', reason: 'stale', state: 'open' }])
  })

  test('a heartbeat whose subscribe is not answered is missed all the same', () => {
    const { live, reconnects } = exchange(['book'])
    live.until(START + 10 * SECOND)
    expect(reconnects).toEqual(['the venue’s heartbeat stopped'])
  })

  test('a frame of a book that cannot be read was counted, so the book has a gap and is asked for again', () => {
    const { say, of, memory, resubscribes, reconnects } = exchange(['book', 'trade'])
    say({ event: 'subscribed', channel: 'l2', symbol: 'BTC-USD' })
    say(snapshot)
    say({ event: 'subscribed', channel: 'trades', symbol: 'BTC-USD' })
    say({ event: 'updated', channel: 'l2', symbol: 'BTC-USD', bids: [{ px: null, qty: '#1' }], asks: [] })
    expect(of('malformed')).toMatchObject([{ reason: 'schema_mismatch', path: 'bids.0.px' }])
    expect(of('gap').map(({ channel, reason }) => [channel, reason])).toEqual([['book', 'sequence']])
    expect(memory.peek('BTC-USD', 'book')?.book.state).toBe('suspect')
    expect(resubscribes).toMatchObject([{ channel: 'book' }])
    expect(reconnects).toEqual([])
  })

  test('a trade that cannot be read is a gap, which ends unhealed with the next', () => {
    const { say, of } = exchange(['trade', 'book'])
    say({ event: 'subscribed', channel: 'trades', symbol: 'BTC-USD' })
    const trade = {
      event: 'updated',
      channel: 'trades',
      symbol: 'BTC-USD',
      timestamp: '2021-07-22T22:39:22Z',
      side: 'buy',
      qty: '#1.0',
      price: '#2.0',
      trade_id: '7',
    }
    say({ ...trade, price: null })
    say(trade)
    expect(of('gap').map(({ channel, state, healed }) => [channel, state, healed])).toEqual([
      ['trade', 'open', false],
      ['trade', 'closed', false],
    ])
    expect(of('trade')).toHaveLength(1)
  })

  test('a stream that the venue ended unasked is a gap and asked for again', () => {
    const { say, of, resubscribes } = exchange(['trade'])
    say({ event: 'subscribed', channel: 'trades', symbol: 'BTC-USD' })
    say({ event: 'unsubscribed', channel: 'trades', symbol: 'BTC-USD' })
    expect(of('gap')).toMatchObject([{ channel: 'trade', reason: 'stale', state: 'open' }])
    expect(resubscribes).toMatchObject([{ channel: 'trade' }])
  })

  test('an unsubscribe that the venue did not need refuses nobody', () => {
    const { live, session, say, of, resubscribes } = exchange(['trade'])
    live.until(START + 9 * SECOND)
    say({ event: 'subscribed', channel: 'heartbeat' }, START + 9 * SECOND)
    session.resubscribe({ instrument: instrument('BTC-USD'), channel: 'trade' }, START + 9 * SECOND)
    say({ event: 'rejected', channel: 'trades', symbol: 'BTC-USD', text: 'Not subscribed to channel' })
    say({ event: 'subscribed', channel: 'trades', symbol: 'BTC-USD' })
    expect(of('connection')).toEqual([])
    expect(of('gap')).toEqual([])
    expect(resubscribes).toEqual([])
  })

  test('a book that stands still is stale only where the user says so', () => {
    for (const [options, gaps] of [
      [{}, 0],
      [{ staleBookMs: 60_000 }, 1],
    ] as const) {
      const { live, say, of, resubscribes } = exchange(['book'], options)
      say({ event: 'subscribed', channel: 'l2', symbol: 'BTC-USD' })
      say(snapshot)
      for (let at = START; at <= START + 61 * SECOND; at += 5 * SECOND) {
        live.until(at)
        say({ event: 'updated', channel: 'heartbeat' }, at)
      }
      live.until(START + 61 * SECOND)
      expect(of('gap')).toHaveLength(gaps)
      expect(resubscribes).toHaveLength(gaps)
    }
  })

  test('an L3 book keeps its orders, and its L2 view is their sum', () => {
    const { say, of, memory } = exchange(['order'])
    say({ event: 'subscribed', channel: 'l3', symbol: 'BTC-USD' })
    say({
      event: 'snapshot',
      channel: 'l3',
      symbol: 'BTC-USD',
      bids: [
        { id: '1', px: '#8124.45', qty: '#0.1' },
        { id: '2', px: '#8723.45', qty: '#1.45' },
      ],
      asks: [{ id: '555', px: '#8730.0', qty: '#1.55' }],
    })
    say({
      event: 'updated',
      channel: 'l3',
      symbol: 'BTC-USD',
      bids: [{ id: '3', px: '#8723.45', qty: '#0.2' }],
      asks: [],
    })
    say({
      event: 'updated',
      channel: 'l3',
      symbol: 'BTC-USD',
      bids: [{ id: '2', px: '#8723.45', qty: '#0' }],
      asks: [],
    })
    expect(of('order_snapshot')[0]?.bids).toEqual([
      ['2', '8723.45', '1.45'],
      ['1', '8124.45', '0.1'],
    ])
    expect(memory.peek('BTC-USD', 'order')?.book.top(5).bids).toEqual([
      ['8723.45', '0.2'],
      ['8124.45', '0.1'],
    ])
  })

  test('updates of a ticker hold only what changed; the mark price is for those who ask', () => {
    const { say, sent, of } = exchange(['ticker', 'derivative'])
    expect(sent.filter((frame) => frame.includes('ticker'))).toHaveLength(1)
    say({ event: 'subscribed', channel: 'ticker', symbol: 'BTC-USD' })
    say({
      event: 'snapshot',
      channel: 'ticker',
      symbol: 'BTC-USD',
      price_24h: '#0',
      volume_24h: '#11209.249919398',
      last_trade_price: '#86300',
      mark_price: '#106523.7',
    })
    say({ event: 'updated', channel: 'ticker', symbol: 'BTC-USD', last_trade_price: '#86301.5' })
    expect(of('ticker').map(({ last, open, volume }) => [last, open, volume])).toEqual([
      ['86300', null, '11209.249919398'],
      ['86301.5', null, '11209.249919398'],
    ])
    expect(of('derivative')).toMatchObject([{ markPrice: '106523.7' }])
  })

  test('candles close when a later one comes, in seconds or milliseconds', () => {
    const { say, sent, of } = exchange(['candle'])
    expect(sent.at(-1)).toBe('{"action":"subscribe","channel":"prices","symbol":"BTC-USD","granularity":60}')
    say({ event: 'subscribed', channel: 'prices', symbol: 'BTC-USD', granularity: '#60' })
    say({
      event: 'updated',
      channel: 'prices',
      symbol: 'BTC-USD',
      price: ['#1589135580000', '#8506.3', '#8506.3', '#8495.5', '#8501.1', '#0.0011853'],
    })
    say({
      event: 'updated',
      channel: 'prices',
      symbol: 'BTC-USD',
      price: ['#1589135640', '#8501.1', '#8501.1', '#8501.1', '#8501.1', '#0.0'],
    })
    expect(of('candle').map(({ openTime, close, closed }) => [openTime, close, closed])).toEqual([
      [1_589_135_580_000_000, '8501.1', false],
      [1_589_135_580_000_000, '8501.1', true],
      [1_589_135_640_000_000, '8501.1', false],
    ])
  })

  test('a change of status is an instrument event, in either spelling of its fields', () => {
    const { say, sent, of } = exchange(['instrument'])
    expect(sent.at(-1)).toBe('{"action":"subscribe","channel":"symbols"}')
    say({ event: 'subscribed', channel: 'symbols' })
    const row = {
      base_currency: 'BTC',
      counter_currency: 'USD',
      min_price_increment: '#1',
      min_price_increment_scale: '#2',
      lot_size: '#0',
      lot_size_scale: '#8',
      status: 'open',
    }
    say({
      event: 'snapshot',
      channel: 'symbols',
      symbols: { 'BTC-USD': row, 'ETH-USD': { ...row, base_currency: 'ETH' } },
    })
    say({ event: 'updated', channel: 'symbols', symbol: 'BTC-USD', 'auction-price': '#0.0', status: 'halt' })
    expect(
      of('instrument').map(({ symbol, status, tickSize, lotSize }) => [symbol, status, tickSize, lotSize]),
    ).toEqual([
      ['BTC/USD', 'open', '0.01', null],
      ['BTC/USD', 'halted', '0.01', null],
    ])
  })

  test('a halted symbol may be crossed, an open one may not', () => {
    for (const [status, gaps] of [
      ['halt', 0],
      ['open', 1],
    ] as const) {
      const { live, say, of } = exchange(['book', 'instrument'])
      const row = {
        base_currency: 'BTC',
        counter_currency: 'USD',
        min_price_increment: '#1',
        min_price_increment_scale: '#2',
        status,
      }
      say({ event: 'snapshot', channel: 'symbols', symbols: { 'BTC-USD': row } })
      say({ event: 'subscribed', channel: 'l2', symbol: 'BTC-USD' })
      say({ ...snapshot, bids: [{ px: '#5', qty: '#1' }], asks: [{ px: '#4', qty: '#1' }] })
      live.until(START + 3 * SECOND)
      expect(of('gap').filter(({ reason }) => reason === 'crossed')).toHaveLength(gaps)
    }
  })

  test('a refusal names the stream and the venue’s reason; a second subscribe does no harm', () => {
    const { say, of } = exchange(['book', 'trade'])
    say({ event: 'rejected', channel: 'l2', symbol: 'BTC-USD', text: 'invalid symbol identifier' })
    say({ event: 'rejected', channel: 'trades', symbol: 'BTC-USD', text: 'Already subscribed' })
    expect(of('connection')).toMatchObject([
      { state: 'refused', reason: 'book of BTC/USD: invalid symbol identifier' },
    ])
    say({
      event: 'updated',
      channel: 'trades',
      symbol: 'BTC-USD',
      timestamp: '2020-05-10T18:33:36.696315Z',
      side: 'buy',
      qty: '#5.892E-4',
      price: '#8501.1',
      trade_id: '1',
    })
    expect(of('trade')).toHaveLength(1)
  })

  test('a subscribe that was lost is sent again, and the answer to the unsubscribe before it refuses nothing', () => {
    const { live, session, sent, say, of } = exchange(['book'])
    const subscription = { instrument: instrument('BTC-USD'), channel: 'book' } as const
    session.resubscribe(subscription, START)
    expect(sent.slice(-2).map((frame) => JSON.parse(frame).action)).toEqual(['unsubscribe', 'subscribe'])
    say({ event: 'rejected', channel: 'l2', symbol: 'BTC-USD', text: 'Not subscribed to channel' })
    expect(of('connection')).toEqual([])
    say({ event: 'subscribed', channel: 'l2', symbol: 'BTC-USD' })
    say({ ...snapshot, bids: [{ px: '#5', qty: '#1' }], asks: [{ px: '#6', qty: '#1' }] })
    expect(of('book_snapshot')).toHaveLength(1)
    expect(live.reconnects).toEqual([])
  })

  test('a socket that never shows the heartbeat is replaced', () => {
    const { live } = exchange(['book'])
    live.until(START + 9 * SECOND)
    expect(live.reconnects).toEqual([])
    live.until(START + 10 * SECOND)
    expect(live.reconnects).toEqual(['the venue’s heartbeat stopped'])
  })

  test('throttling is said, though it names no channel', () => {
    const { live, of } = exchange(['book'])
    live.session.frame(
      '{"event":"rejected","text":"Connection throttling enabled, your messages will be ignored."}',
      START,
    )
    expect(of('connection')[0]?.reason).toContain('throttling')
    expect(of('malformed')).toEqual([])
  })

  test('a stream is given up only when its last user is', () => {
    const { session, sent, say } = exchange(['ticker', 'derivative'])
    say({ event: 'subscribed', channel: 'ticker', symbol: 'BTC-USD' })
    session.unsubscribe([{ instrument: instrument('BTC-USD'), channel: 'derivative' }], START)
    expect(sent.filter((frame) => frame.includes('unsubscribe'))).toEqual([])
    session.unsubscribe([{ instrument: instrument('BTC-USD'), channel: 'ticker' }], START)
    expect(sent.at(-1)).toBe('{"action":"unsubscribe","channel":"ticker","symbol":"BTC-USD"}')
    say({ event: 'unsubscribed', channel: 'ticker', symbol: 'BTC-USD' })
    session.subscribe([{ instrument: instrument('BTC-USD'), channel: 'ticker' }], START)
    expect(sent.at(-1)).toBe('{"action":"subscribe","channel":"ticker","symbol":"BTC-USD"}')
  })

  test('a second user of a granted stream needs no second subscribe', () => {
    const { session, sent, say, of } = exchange(['ticker'])
    say({ event: 'subscribed', channel: 'ticker', symbol: 'BTC-USD' })
    const asked = sent.length
    session.subscribe([{ instrument: instrument('BTC-USD'), channel: 'derivative' }], START)
    expect(sent).toHaveLength(asked)
    say({ event: 'updated', channel: 'ticker', symbol: 'BTC-USD', mark_price: '#1.5' })
    expect(of('derivative')).toMatchObject([{ markPrice: '1.5' }])
  })

  test('a book asked for again is unsubscribed first', () => {
    const { session, sent, say, memory } = exchange(['book'])
    say({ event: 'subscribed', channel: 'l2', symbol: 'BTC-USD' })
    say(snapshot)
    session.overflowed({ instrument: 'BTC-USD', channel: 'book' }, null, START, 'unread')
    session.resubscribe({ instrument: instrument('BTC-USD'), channel: 'book' }, START)
    expect(sent.slice(-2).map((frame) => JSON.parse(frame).action)).toEqual(['unsubscribe', 'subscribe'])
    say({ event: 'unsubscribed', channel: 'l2', symbol: 'BTC-USD' })
    say({ event: 'subscribed', channel: 'l2', symbol: 'BTC-USD' })
    say(snapshot)
    expect(memory.peek('BTC-USD', 'book')?.book.state).toBe('live')
  })

  test.each([
    [{ event: 'confused', channel: 'l2' }, 'unknown_message', 'event'],
    [{ event: 'updated', channel: 'weather' }, 'unknown_message', 'channel'],
    [
      { event: 'updated', channel: 'l2', symbol: 'BTC-USD', bids: [{ px: null, qty: '#1' }], asks: [] },
      'schema_mismatch',
      'bids.0.px',
    ],
    [
      { event: 'updated', channel: 'l2', symbol: 'BTC-USD', bids: [{ px: 'NaN', qty: '#1' }], asks: [] },
      'not_decimal',
      '',
    ],
  ])('%j is malformed', (frame, reason, path) => {
    const { say, of } = exchange(['book'])
    say(frame)
    expect(of('malformed')).toMatchObject([{ reason, path }])
  })
})

describe('a recording of the Exchange', () => {
  test('is adopted from its acks, wherever it begins', () => {
    const { session, of, sent } = harness(blockchain(), { adopt: true })
    session.opened(OPEN, null)
    sent.length = 0
    session.frame('{"seqnum":40,"event":"subscribed","channel":"l2","symbol":"ALGO-BTC"}', null)
    session.frame(
      '{"seqnum":41,"event":"snapshot","channel":"l2","symbol":"ALGO-BTC","bids":[{"num":1,"px":1.6E-7,"qty":200.0}],"asks":[]}',
      null,
    )
    session.frame(
      '{"seqnum":42,"event":"subscribed","channel":"prices","symbol":"ALGO-BTC","granularity":300}',
      null,
    )
    session.frame(
      '{"seqnum":43,"event":"updated","channel":"prices","symbol":"ALGO-BTC","price":[1589135580000,1,2,3,4,5]}',
      null,
    )
    expect(of('book_snapshot')).toMatchObject([
      { symbol: 'ALGO/BTC', receiveTime: null, bids: [['0.00000016', '200']] },
    ])
    expect(of('candle')).toMatchObject([{ interval: '5m' }])
    session.frame(
      '{"seqnum":50,"event":"updated","channel":"l2","symbol":"ALGO-BTC","bids":[],"asks":[]}',
      null,
    )
    expect(of('gap').map(({ channel, reason }) => [channel, reason])).toEqual([
      ['book', 'sequence'],
      ['candle:5m', 'sequence'],
    ])
    expect(of('malformed')).toEqual([])
  })

  test('a symbol that is none is malformed', () => {
    const { session, of } = harness(blockchain(), { adopt: true })
    session.opened(OPEN, 1)
    session.frame('{"seqnum":0,"event":"snapshot","channel":"l2","symbol":"???","bids":[],"asks":[]}', 2)
    expect(of('malformed')).toMatchObject([{ reason: 'schema_mismatch', path: 'symbol' }])
  })
})
