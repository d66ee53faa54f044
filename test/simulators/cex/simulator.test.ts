import { describe, expect, test } from 'vitest'
import { cexVenue } from '../../../connectors/cex/index.js'
import { simulate, simulateCex } from '../../../simulators/index.js'
import type { Channel } from '../../../src/connector.js'
import type { SimulatedPeer } from '../../../src/simulator/index.js'
import { CLASSIC, stage } from '../../connectors/cex/line.js'

const START = 1_790_000_000_000_000

/** A client of another project: it speaks the protocol by hand. */
function client(
  path: string,
  options: Parameters<typeof simulateCex>[0] = {},
  headers: Record<string, string> = {},
) {
  const simulator = simulateCex({ seed: 5, ...options })
  const frames: string[] = []
  const closes: (number | string)[] = []
  const peer: SimulatedPeer = {
    request: { method: 'GET', path, headers, body: '' },
    send: (data) => void frames.push(String(data)),
    ping: () => undefined,
    close: (code) => void closes.push(code),
  }
  let now = START
  simulator.advance(now)
  const connection = simulator.connect(peer, now)
  return {
    simulator,
    frames,
    closes,
    connection,
    send: (frame: string) => connection.received(frame, now),
    advance(ms: number) {
      for (const until = now + ms * 1000; now < until; ) {
        now += 50_000
        simulator.advance(now)
      }
    },
    take: (e: string) => frames.filter((frame) => frame.startsWith(`{"e":"${e}"`)),
    http: (target: string, body = '') =>
      simulator.http({ method: 'POST', path: target, headers: {}, body }, now),
  }
}

const SPOT = '/api/spot/ws-public'
const subscribe = (pair: string, oid = 'a') =>
  `{"e":"order_book_subscribe","oid":"${oid}","data":{"pair":"${pair}"}}`

describe('Spot Trading as it behaves', () => {
  test('greets, shows a window of twenty levels, moves it once a second by one', () => {
    const { frames, send, advance, take } = client(SPOT)
    expect(frames).toEqual(['{"e":"connected"}'])
    send(subscribe('BTC-USD'))
    const first = JSON.parse(frames[1] ?? '').data
    expect([first.bids.length, first.asks.length]).toEqual([20, 20])
    advance(5000)
    const ids = take('order_book_increment').map((frame) => JSON.parse(frame).data.seqId)
    expect(ids.length).toBeGreaterThan(3)
    expect(ids).toEqual(ids.map((_, at) => ids[0] + at))
    send(subscribe('BTC-USD', 'b'))
    expect(JSON.parse(frames.at(-1) ?? '')).toMatchObject({ oid: 'b', data: { seqId: ids.at(-1) } })
    send('{"e":"order_book_unsubscribe","oid":"c","data":{"pair":"BTC-USD"}}')
    const count = take('order_book_increment').length
    advance(3000)
    expect(take('order_book_increment')).toHaveLength(count)
  })

  test.each([
    ['no JSON', 'hello', '{"e":"disconnected"}'],
    ['no oid', '{"e":"order_book_subscribe","data":{"pair":"BTC-USD"}}', '{"e":"disconnected"}'],
    ['an unknown type', '{"e":"dance","oid":"1"}', '{"e":"disconnected"}'],
  ])('%s ends the socket', (_what, frame, last) => {
    const { frames, closes, send } = client(SPOT)
    send(frame)
    send(subscribe('BTC-USD'))
    expect(frames.at(-1)).toBe(last)
    expect(closes).toEqual([1000])
  })

  test('an unknown pair is an error, and the socket stays', () => {
    const { frames, closes, send } = client(SPOT)
    for (const e of [
      'order_book_subscribe',
      'trade_subscribe',
      'trade_unsubscribe',
      'get_order_book',
      'get_candles',
    ]) {
      send(`{"e":"${e}","oid":"1","data":{"pair":"NOPE-USD","limit":1,"toISO":1}}`)
      expect(JSON.parse(frames.at(-1) ?? '').data.error).toBe('Currency pair NOPE-USD is not supported')
    }
    send('{"e":"get_ticker","oid":"1","data":{"pairs":[]}}')
    expect(frames.at(-1)).toContain('Array of Strings')
    send('{"e":"get_candles","oid":"1","data":{"pair":"BTC-USD","limit":1}}')
    expect(frames.at(-1)).toContain('limit')
    expect(closes).toEqual([])
  })

  test('a hundred and first request in a calendar minute ends the socket', () => {
    const { frames, closes, send } = client(SPOT)
    for (let request = 0; request < 101; request++) send('{"e":"get_server_time","oid":"1"}')
    expect(frames.at(-2)).toContain('API rate limit reached')
    expect(closes).toEqual([1000])
  })

  test('silence of a client ends it after a minute, a ping keeps it', () => {
    const idle = client(SPOT)
    idle.advance(61_000)
    expect(idle.closes).toHaveLength(1)
    expect(idle.frames).not.toContain('{"e":"disconnected"}')
    const subscribed = client(SPOT)
    subscribed.send(subscribe('BTC-USD'))
    subscribed.advance(61_000)
    expect(subscribed.frames.at(-1)).toBe('{"e":"disconnected"}')
    const kept = client(SPOT)
    for (let ping = 0; ping < 4; ping++) {
      kept.send('{"e":"ping"}')
      kept.advance(30_000)
    }
    expect(kept.closes).toEqual([])
    expect(kept.take('pong')).toHaveLength(4)
    kept.connection.closed(START)
  })

  test.each([
    ['steady', true, true],
    ['bursty', false, true],
    ['absent', false, false],
  ] as const)('trades may be %s', (trades, early, late) => {
    const { send, advance, take } = client(SPOT, { trades })
    send('{"e":"trade_subscribe","oid":"1","data":{"pair":"BTC-USD"}}')
    advance(10_000)
    expect(take('tradeUpdate').length > 0).toBe(early)
    send('{"e":"ping"}')
    advance(25_000)
    expect(take('tradeUpdate').length > 0).toBe(late)
    expect(take('tradeHistorySnapshot')).toHaveLength(1)
    send('{"e":"trade_unsubscribe","oid":"2","data":{"pair":"BTC-USD"}}')
    const count = take('tradeUpdate').length
    advance(31_000)
    expect(take('tradeUpdate')).toHaveLength(count)
  })

  test('requests are answered on the socket and over REST alike', () => {
    const { frames, send, advance, http } = client(SPOT)
    advance(3000)
    const rest = (method: string, body = '{}') =>
      JSON.parse(http(`/api/spot/rest-public/${method}`, body).body).data
    for (const method of ['get_pairs_info', 'get_currencies_info', 'get_ticker']) {
      send(`{"e":"${method}","oid":"1","data":{}}`)
      expect(JSON.parse(frames.at(-1) ?? '').data).toEqual(rest(method))
    }
    expect(rest('get_processing_info/')).toMatchObject({ BTC: { blockchains: { btc: { type: 'coin' } } } })
    expect(rest('get_order_book', '{"pair":"BTC-USD"}')).toMatchObject({
      currency1: 'BTC',
      timestamp: expect.any(Number),
    })
    expect(rest('get_trade_history', '{"pair":"BTC-USD","pageSize":2}').trades).toHaveLength(2)
    expect(rest('get_order_book', 'rubbish').error).toContain('not supported')
    const list =
      '{"pairsList":["BTC-USD","X-Y"],"toISO":9999999999999,"limit":1,"dataType":"bestBid","resolution":"1m"}'
    expect(rest('get_candles', list)).toMatchObject({
      'BTC-USD': [{ resolution: '1m' }],
      'X-Y': { error: { code: 400 } },
    })
    expect(
      rest('get_candles', '{"pair":"BTC-USD","fromISO":0,"limit":1,"dataType":"bestAsk","resolution":"1h"}'),
    ).toHaveLength(1)
    expect(
      rest('get_candles', '{"pair":"BTC-USD","fromISO":0,"toISO":1,"dataType":"bestAsk","resolution":"1h"}'),
    ).toEqual([])
    expect(http('/nothing').status).toBe(404)
    for (let request = 0; request < 100; request++) http('/api/spot/rest-public/get_ticker')
    expect(http('/api/spot/rest-public/get_ticker').status).toBe(429)
  })
})

describe('the classic API as it behaves', () => {
  const book = '{"e":"order-book-subscribe","data":{"pair":["BTC","USD"],"subscribe":true,"depth":0},"oid":7}'

  test('the book is for those who log in; a number as oid comes back as a number', () => {
    const { frames, send } = client('/ws')
    send(book)
    expect(frames.at(-1)).toBe(
      '{"e":"order-book-subscribe","data":{"error":"Please Login"},"oid":7,"ok":"error"}',
    )
  })

  test.each([
    ['{"key":"x"}', 'Invalid API key'],
    ['{"key":"1WZbtMTbMbo2NsW12vOz9IuPM","signature":"00","timestamp":1}', 'Invalid signature'],
    [
      '{"key":"1WZbtMTbMbo2NsW12vOz9IuPM","signature":"7D581ADB01AD22F1ED38E1159A7F08AC5D83906AE1A42FE17E7D977786FE9694","timestamp":"1448034533"}',
      'Timestamp is not in 20sec range',
    ],
  ])('a login with %s is refused', (auth, error) => {
    const { frames, send } = client('/ws/')
    send(`{"e":"auth","auth":${auth}}`)
    expect(frames.at(-1)).toBe(`{"e":"auth","data":{"error":"${error}"},"ok":"error"}`)
  })

  test('a room that does not exist, rubbish and a page of another site', () => {
    const { frames, send, advance } = client('/ws')
    for (const frame of [
      '{"e":"subscribe","rooms":["none"]}',
      '{"e":"subscribe"}',
      '{"e":"init-ohlcv"}',
      '{"e":"init-ohlcv","rooms":["x"]}',
      'rubbish',
      '[]',
      '1',
    ]) {
      send(frame)
    }
    advance(2000)
    expect(frames).toEqual(['{"e":"connected"}'])
    expect(client('/ws', {}, { origin: 'https://elsewhere' }).frames[0]).toContain('Incorrect origin')
  })

  test('who is logged in is pinged when silent, and let go when the ping is not answered', async () => {
    const { events, platform, of } = stage(['BTC/USD'], ['book'], CLASSIC)
    await platform.advance(100_000)
    expect(of('gap')).toEqual([])
    expect(events.filter((event) => event.type === 'connection' && event.state === 'reconnecting')).toEqual(
      [],
    )
  })
})

const ours = [
  ['Spot Trading', {}, 'book', ['trade', 'book', 'quote', 'ticker', 'candle']],
  ['the classic API', CLASSIC, 'book', ['trade', 'book', 'ticker', 'ticker:full', 'ticker:day', 'candle']],
  ['the classic API’s rooms', CLASSIC, 'book:md', ['trade', 'book:md']],
] as const

describe('the connector against its simulator', () => {
  test.each(ours)(
    '%s: every channel comes, and our book is the true one',
    async (_name, options, book, channels) => {
      const symbols = ['BTC/USD', 'ETH/USD', 'SHIB/USD']
      const line = stage(symbols, channels, options)
      await line.platform.advance(70_000)
      for (const channel of channels) {
        expect(
          line.events.some((event) => 'channel' in event && event.channel === channel),
          channel,
        ).toBe(true)
      }
      for (const symbol of symbols) {
        const { ours: held, truth, state } = await line.settled(symbol, book)
        expect(held).toEqual(truth)
        expect(state).toBe('live')
      }
      expect(line.of('malformed')).toEqual([])
      expect(line.of('gap')).toEqual([])
      expect(line.of('checksum').filter(({ ok }) => !ok)).toEqual([])
      await line.close()
    },
  )

  test('nothing of the login is on the tape', async () => {
    const sent: string[] = []
    const line = stage(['BTC/USD'], ['book'], CLASSIC, {
      feed: {
        tap: {
          open: () => {},
          received: () => {},
          closed: () => {},
          rest: () => {},
          sent: (_number, frame) => void sent.push(frame),
        },
      },
    })
    await line.platform.advance(5000)
    expect(sent.some((frame) => frame.includes('"auth"'))).toBe(true)
    const { key = '', secret = '' } = CLASSIC
    expect(`${sent.join()}${JSON.stringify(line.events)}`).not.toContain(key)
    expect(sent.join()).not.toContain(secret)
    await line.close()
  })

  const bookFaults = [
    'sequence-skipped',
    'sequence-repeated',
    'sequence-backwards',
    'sequence-reset',
    'update-lost',
    'level-unknown',
    'book-crossed',
    'price-null',
    'price-nan',
    'price-exponent',
    'message-unknown',
    'field-new',
    'field-missing',
    'snapshot-twice',
    'update-before-snapshot',
    'ack-missing',
    'ack-late',
    'ack-then-silence',
    'ack-error',
    'limit-error',
    'maintenance',
    'reconnect-notice',
    'silent-but-one',
    'heartbeat-missing',
    'clock-off',
  ]
  const cases = [
    ...bookFaults.map((name) => ['Spot Trading', name, {}] as const),
    ...bookFaults
      // A book that the server stopped updating, or an update lost under right numbers: nothing proves either.
      .filter((name) => name !== 'ack-then-silence' && name !== 'update-lost')
      .map((name) => ['the classic API', name, CLASSIC] as const),
  ]

  test.each(cases)('%s survives %s with a book that is right', async (_exchange, name, options) => {
    const line = stage(['BTC/USD', 'ETH/USD'], ['book'], options, { simulator: { stepsPerSecond: 10 } })
    await line.platform.advance(10_000)
    expect(line.fault(name)).toBe(true)
    // Those that fit a subscribe wait for one.
    if (/^ack|limit|snapshot/.test(name)) line.simulator.fault?.('reconnect-notice', line.platform.now)
    await line.platform.advance(100_000)
    const refused = name === 'ack-error' ? 1 : 0
    let right = 0
    for (const symbol of ['BTC/USD', 'ETH/USD']) {
      const { ours: held, truth, state } = await line.settled(symbol)
      if (state === 'live' && JSON.stringify(held) === JSON.stringify(truth)) right++
    }
    expect(right).toBeGreaterThanOrEqual(2 - refused)
    await line.close()
  })

  test.each([
    ['Spot Trading', {}],
    ['the classic API', CLASSIC],
  ] as const)('%s: trades repeated come once, a bad price costs one trade', async (_name, options) => {
    const channels: readonly Channel[] = ['trade']
    const line = stage(['BTC/USD'], channels, options)
    await line.platform.advance(10_000)
    const names = [
      'trade-duplicate',
      'trade-order',
      'trade-lost',
      'price-null',
      'price-nan',
      'price-exponent',
    ]
    for (const name of [...names, 'field-new', 'field-missing', 'id-long', 'id-long']) {
      expect(line.fault(name)).toBe(true)
      await line.platform.advance(10_000)
    }
    const ids = line.of('trade').map(({ id }) => id)
    expect(new Set(ids).size).toBe(ids.length)
    expect(ids.length).toBeGreaterThan(20)
    expect(line.fault('no such fault')).toBe(false)
    await line.close()
  })

  test('a fault that does not fit a frame waits for one that it fits', () => {
    const { simulator, frames, send, take, advance } = client(SPOT)
    expect(simulator.fault('price-exponent', START)).toBe(true)
    send('{"e":"get_server_time","oid":"1","data":{}}')
    send(subscribe('BTC-USD'))
    expect(frames.filter((frame) => /\d+E-\d/.test(frame))).toEqual([])
    advance(5000)
    expect(take('order_book_increment').filter((frame) => /\["\d+E-1",/.test(frame))).toHaveLength(1)
  })

  test('a frame that changes places does so with the next of its own pair', () => {
    const { simulator, send, take, advance } = client(SPOT)
    send(subscribe('BTC-USD', 'a'))
    send(subscribe('ETH-USD', 'b'))
    expect(simulator.fault('sequence-backwards', START)).toBe(true)
    advance(6000)
    const numbers = (pair: string) =>
      take('order_book_increment')
        .map((frame) => JSON.parse(frame).data)
        .filter((data) => data.pair === pair)
        .map(({ seqId }) => seqId)
    const inOrder = (seen: readonly number[]) => [...seen].sort((a, b) => a - b)
    const swapped = ['BTC-USD', 'ETH-USD'].filter(
      (pair) => JSON.stringify(numbers(pair)) !== JSON.stringify(inOrder(numbers(pair))),
    )
    expect(swapped).toHaveLength(1)
    const [first, second, ...rest] = numbers(swapped[0] ?? '')
    expect(first).toBe(second + 1)
    expect(rest).toEqual(rest.map((_, index) => first + 1 + index))
  })

  test('an audit that does not fit is a gap, and the book is fetched again', async () => {
    const line = stage(['BTC/USD'], ['book'], { auditEveryMs: 2_000 })
    await line.platform.advance(5_000)
    expect(line.fault('checksum-wrong')).toBe(true)
    await line.platform.advance(5_000)
    expect(line.of('checksum').filter(({ ok }) => !ok)).toHaveLength(2)
    expect(line.of('gap').map(({ state, reason, healed }) => [state, reason, healed])).toEqual([
      ['open', 'checksum', false],
      ['closed', 'checksum', true],
      ['open', 'checksum', false],
      ['closed', 'checksum', true],
    ])
    const { ours: held, truth, state } = await line.settled('BTC/USD')
    expect([held, state]).toEqual([truth, 'live'])
    await line.close()
  })

  test.each([
    ['Spot Trading', {}, '/api/spot/rest-public/get_pairs_info'],
    ['the classic API', CLASSIC, '/api/currency_limits'],
  ] as const)(
    '%s: a pair that is delisted is listed no more, refused and at rest',
    async (_name, options, list) => {
      const line = stage(['ADA/EUR', 'BTC/USD'], ['trade', 'book'], options)
      await line.platform.advance(5_000)
      const listed = () =>
        line.simulator.http({ method: 'POST', path: list, headers: {}, body: '{}' }, line.platform.now).body
      expect(listed()).toContain('ADA')
      expect(line.fault('instrument-delisted')).toBe(true)
      expect(line.fault('instrument-delisted')).toBe(false)
      expect(listed()).not.toContain('ADA')
      await line.platform.advance(2_000)
      const at = line.platform.now
      line.host.crash()
      await line.platform.advance(10_000)
      expect(
        line.events.some(
          (event) =>
            event.type === 'connection' && event.state === 'refused' && /ADA.EUR/.test(event.reason ?? ''),
        ),
      ).toBe(true)
      const after = line.of('book_update').filter(({ receiveTime }) => (receiveTime ?? 0) > at)
      expect(new Set(after.map(({ symbol }) => symbol))).toEqual(new Set(['BTC/USD']))
      await line.close()
    },
  )

  test('silence of all pairs but one is a market at rest, not a book that is old', async () => {
    const line = stage(['BTC/USD', 'ETH/USD'], ['book'])
    await line.platform.advance(5_000)
    expect(line.fault('silent-but-one')).toBe(true)
    await line.platform.advance(3_000)
    const at = line.platform.now
    const quiet = JSON.stringify(line.simulator.markets.get('ETH-USD')?.book.top(20))
    await line.platform.advance(20_000)
    expect(JSON.stringify(line.simulator.markets.get('ETH-USD')?.book.top(20))).toBe(quiet)
    expect(JSON.stringify(line.feed.book('cex', 'ETH/USD')?.top(20))).toBe(quiet)
    const updates = line.of('book_update').filter(({ receiveTime }) => (receiveTime ?? 0) > at)
    expect(new Set(updates.map(({ symbol }) => symbol))).toEqual(new Set(['BTC/USD']))
    await line.close()
  })

  test('a clock of the machine that is a minute off keeps nobody out of the classic API', async () => {
    const line = stage(['BTC/USD'], ['trade', 'book'], CLASSIC)
    await line.platform.advance(5_000)
    line.platform.stepClock(60_000)
    line.host.crash()
    await line.platform.advance(15_000)
    const { ours: held, truth, state } = await line.settled('BTC/USD')
    expect([held, state]).toEqual([truth, 'live'])
    expect(line.of('gap').filter(({ state: of }) => of === 'closed')).toHaveLength(2)
    await line.close()
  })

  test('the venue’s entry makes both', () => {
    expect(cexVenue.connector({ symbols: ['BTC/USD'] }).venue).toBe('cex')
    expect([...simulate('cex', {}).markets.keys()]).toContain('BTC:USD')
  })
})
