import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { bitmexVenue } from '../../../connectors/bitmex/index.js'
import {
  type BitmexSimulatorOptions,
  bitmexSimulator,
  type KitSimulator,
  simulate,
} from '../../../simulators/index.js'
import type { Channel } from '../../../src/connector.js'
import { START, World } from '../../connectors/bitmex/world.js'

const everything: Channel[] = [
  'trade',
  'book',
  'book:L2_25',
  'book:L2_100',
  'book:10',
  'quote',
  'ticker',
  'candle',
  'derivative',
  'derivative:funding',
  'liquidation',
  'instrument',
]
const markets = ['XBTUSD', 'ETHUSD', 'XBTUSDT', 'XBTH27', 'XBT_USDT']

describe.each(['2021', '2026'] as const)('a session with the simulator in the dialect of %s', (dialect) => {
  const world = new World({ dialect, stepsPerSecond: 6 })
  world.subscribe(markets, everything)
  world.run(75_000)
  world.freeze()

  it('reads everything, and finds nothing malformed, no gap, no refusal', () => {
    for (const type of ['malformed', 'gap', 'connection'] as const) expect(world.of(type)).toEqual([])
    expect(world.reconnects).toEqual([])
  })

  it.each(markets)('has the true book of %s at every depth', (symbol) => {
    for (const channel of ['book', 'book:L2_25', 'book:L2_100', 'book:10'] as const) {
      const { state, ours, truth } = world.book(symbol, channel)
      expect(state).toBe('live')
      expect(ours).toEqual(truth)
    }
  })

  it('has every trade of the market once, and a settlement at noon without a side', () => {
    for (const symbol of markets) {
      const trades = world.of('trade').filter(({ instrument }) => instrument === symbol)
      const ids = new Set(trades.map(({ id }) => id))
      expect(ids.size).toBe(trades.length)
      const fresh = trades.filter(({ historical, side }) => !historical && side !== null)
      const truth = world.simulator.markets.get(symbol)?.trades.slice(-fresh.length)
      expect(fresh.map(({ price, amount, side }) => [price, amount, side])).toEqual(
        truth?.map(({ price, amount, side }) => [price, amount, side]),
      )
      expect(fresh.length).toBeGreaterThan(10)
    }
    const sideless = world.of('trade').filter(({ side }) => side === null)
    const noon = Date.UTC(2026, 2, 2, 12) * 1000
    expect(sideless).toMatchObject([{ instrument: 'XBTH27', exchangeTime: noon }])
  })

  it('ends with the true best prices as quotes', () => {
    for (const symbol of markets) {
      const best = world.simulator.markets.get(symbol)?.book.best()
      const quote = world.of('quote').findLast(({ instrument }) => instrument === symbol)
      expect(quote).toMatchObject({
        bidPrice: best?.bid?.[0],
        bidAmount: best?.bid?.[1],
        askPrice: best?.ask?.[0],
        askAmount: best?.ask?.[1],
      })
    }
  })

  it('has candles that begin with the close of the one before', () => {
    const candles = world.of('candle').filter(({ instrument }) => instrument === 'XBTUSD')
    expect(candles.length).toBeGreaterThanOrEqual(2)
    for (const [index, candle] of candles.entries()) {
      expect(candle.closed).toBe(true)
      if (index > 0) expect(candle.open).toBe(candles[index - 1]?.close)
    }
  })

  it('hears of funding at noon, marks, tickers, liquidations and contract terms', () => {
    const paid = world.of('derivative').filter(({ channel }) => channel === 'derivative:funding')
    expect(
      paid.filter(({ instrument }) => instrument === 'XBTUSD').map(({ exchangeTime }) => exchangeTime),
    ).toEqual([Date.UTC(2026, 2, 2, 4) * 1000, Date.UTC(2026, 2, 2, 12) * 1000])
    expect(world.of('derivative').some(({ markPrice }) => markPrice !== null)).toBe(true)
    expect(world.of('ticker').length).toBeGreaterThan(100)
    const liquidations = world.of('liquidation').map(({ id }) => id)
    expect(liquidations.length).toBeGreaterThan(0)
    expect(new Set(liquidations).size).toBe(liquidations.length)
    const terms = world.of('instrument').filter(({ receiveTime }) => (receiveTime ?? 0) < START + 3_000_000)
    expect(new Set(terms.map(({ symbol }) => symbol))).toEqual(
      new Set(['BTC/USD:BTC', 'ETH/USD:BTC', 'BTC/USDT:USDT', 'BTC/USD:BTC-270326', 'BTC/USDT']),
    )
  })
})

describe('a session that is struck', () => {
  function live(options: BitmexSimulatorOptions = { dialect: '2026', stepsPerSecond: 10 }) {
    const world = new World(options)
    const subscriptions = world.subscribe(['XBTUSD', 'ETHUSD'], ['trade', 'book'])
    world.run(3000)
    world.events.length = 0
    return { world, subscriptions }
  }

  function healthy(world: World): void {
    world.freeze()
    for (const symbol of ['XBTUSD', 'ETHUSD']) {
      const { state, ours, truth } = world.book(symbol)
      expect(state).toBe('live')
      expect(ours).toEqual(truth)
    }
  }

  it('offers every fault that it claims', () => {
    for (const name of bitmexSimulator().faults) {
      const { world } = live()
      expect(world.fault(name), name).toBe(true)
    }
    expect(live().world.fault('checksum-wrong')).toBe(false)
  })

  it.each(['update-unknown', 'price-null', 'price-nan', 'field-missing'])(
    'by %s says that there is a gap, and heals',
    (name) => {
      for (const dialect of ['2021', '2026'] as const) {
        const { world } = live({ dialect, stepsPerSecond: 30 })
        expect(world.fault(name)).toBe(true)
        world.run(10_000)
        expect(world.of('gap').filter(({ state }) => state === 'open').length).toBeGreaterThan(0)
        expect(world.of('gap').filter(({ state }) => state === 'closed')).toHaveLength(
          world.of('gap').filter(({ state }) => state === 'open').length,
        )
        healthy(world)
      }
    },
  )

  it.each([
    'level-unknown',
    'field-new',
    'price-exponent',
    'id-long',
    'trade-duplicate',
    'trade-order',
    'heartbeat-missing',
    'clock-off',
    'silent-but-one',
    'snapshot-twice',
  ])('by %s has no gap, and goes on', (name) => {
    const { world } = live()
    expect(world.fault(name)).toBe(true)
    world.run(8000)
    expect(world.of('gap')).toEqual([])
    expect(world.of('malformed')).toEqual([])
    const ids = world.of('trade').map(({ id }) => id)
    expect(new Set(ids).size).toBe(ids.length)
    healthy(world)
  })

  it('by an unknown message discloses it and goes on', () => {
    const { world } = live()
    world.fault('message-unknown')
    world.run(1000)
    expect(world.of('malformed')).toMatchObject([{ reason: 'unknown_message', path: 'table' }])
    healthy(world)
  })

  it('by a crossed book finds it after two seconds', () => {
    const { world } = live({ dialect: '2021', stepsPerSecond: 10 })
    world.fault('book-crossed')
    expect(world.of('gap')).toEqual([])
    world.run(6000)
    expect(world.of('gap')).toMatchObject([
      { state: 'open', reason: 'crossed' },
      { state: 'closed', healed: true },
    ])
    healthy(world)
  })

  it('by a lost insert finds it with the next change of that row', () => {
    const { world } = live({ dialect: '2021', stepsPerSecond: 40 })
    world.fault('update-lost')
    world.run(15_000)
    expect(world.of('gap').length).toBeLessThanOrEqual(2)
    for (const gap of world.of('gap').filter(({ state }) => state === 'open'))
      expect(gap.reason).toBe('sequence')
  })

  it.each([
    'ack-missing',
    'ack-then-silence',
    'ack-error',
    'limit-error',
    'ack-late',
    'update-before-snapshot',
    'empty-partial',
  ])('by %s when it subscribes gets its book all the same, or is told why not', (name) => {
    const world = new World({ dialect: '2021', stepsPerSecond: 5 })
    world.fault(name)
    world.subscribe(['XBTUSD'], ['book'])
    world.run(40_000)
    world.freeze()
    const { state, ours, truth } = world.book('XBTUSD')
    if (name === 'ack-error') {
      expect(world.of('connection')).toMatchObject([
        { state: 'refused', reason: expect.stringContaining('This topic cannot be served at the moment.') },
      ])
      expect(state).toBe('syncing')
      return
    }
    expect(state).toBe('live')
    expect(ours).toEqual(truth)
  })

  it('by maintenance is cut off, kept out for ten seconds, and whole again after', () => {
    const { world, subscriptions } = live()
    world.fault('maintenance')
    expect(world.closed).toMatchObject({ code: 1012 })
    const request = { method: 'GET', path: '/realtime', headers: {}, body: '' }
    expect(world.simulator.admit?.(request, world.at)).toMatchObject({
      status: 503,
      headers: { 'retry-after': '10' },
    })
    world.run(10_000)
    expect(world.simulator.admit?.(request, world.at)).toBeNull()
    world.reconnect(subscriptions)
    world.run(3000)
    const gaps = world.of('gap').map(({ channel, instrument, state }) => `${state} ${channel} ${instrument}`)
    for (const stream of ['trade XBTUSD', 'book XBTUSD', 'trade ETHUSD', 'book ETHUSD']) {
      expect(gaps.filter((gap) => gap.endsWith(stream))).toEqual([`open ${stream}`, `closed ${stream}`])
    }
    healthy(world)
  })

  it('by a delisting hears of it', () => {
    const world = new World()
    world.subscribe(['XBTH27'], ['instrument', 'trade'])
    world.run(3000)
    world.events.length = 0
    world.fault('instrument-delisted')
    expect(world.fault('instrument-delisted')).toBe(false)
    world.run(5000)
    expect(world.events).toMatchObject([{ type: 'instrument', instrument: 'XBTH27', status: 'closed' }])
  })
})

const anything = z.record(z.string(), z.unknown())

/** A client of another make: it sends text and keeps what comes. */
class Client {
  readonly frames: string[] = []
  readonly simulator: KitSimulator
  readonly #connection
  at = START

  constructor(
    options: BitmexSimulatorOptions = {},
    path = '/realtime',
    simulator = bitmexSimulator(options),
  ) {
    this.simulator = simulator
    this.simulator.advance(this.at)
    this.#connection = this.simulator.connect(
      {
        request: { method: 'GET', path, headers: {}, body: '' },
        send: (data) => void this.frames.push(String(data)),
        ping: () => {},
        close: () => {},
      },
      this.at,
    )
  }

  send(frame: string | object | Uint8Array): void {
    const data = typeof frame === 'string' || frame instanceof Uint8Array ? frame : JSON.stringify(frame)
    this.#connection.received(data, this.at)
  }

  run(ms: number): void {
    const until = this.at + ms * 1000
    while (this.at < until) {
      this.at += 50_000
      this.simulator.advance(this.at)
    }
  }

  leave(): void {
    this.#connection.closed(this.at)
  }

  get messages(): Record<string, unknown>[] {
    return this.frames.filter((frame) => frame !== 'pong').map((frame) => anything.parse(JSON.parse(frame)))
  }

  table(table: string, action: string): { data: Record<string, unknown>[]; [key: string]: unknown }[] {
    const shape = z.looseObject({ data: z.array(anything) })
    return this.messages
      .filter((message) => message['table'] === table && message['action'] === action)
      .map((message) => shape.parse(message))
  }
}

describe('the simulator', () => {
  it('greets in the words of the year', () => {
    expect(new Client({ dialect: '2021' }).messages[0]).toMatchObject({
      info: 'Welcome to the BitMEX Realtime API.',
      timestamp: '2026-03-02T11:59:50.000Z',
      limit: { remaining: 39 },
    })
    expect(new Client().messages[0]).toMatchObject({ version: '2.0.0', heartbeatEnabled: false, limit: {} })
    expect(new Client({}, '/realtime?dialect=2021').messages[0]).toMatchObject({ limit: { remaining: 39 } })
  })

  it('answers the bare text ping with the bare text pong', () => {
    const client = new Client()
    client.send('ping')
    client.send(new TextEncoder().encode('ping'))
    client.send({ op: 'ping' })
    expect(client.frames.slice(1)).toEqual(['pong', 'pong', 'pong'])
  })

  it('acks each topic with the whole request, and takes one topic as a text', () => {
    const client = new Client()
    const request = { op: 'subscribe', args: ['trade:XBTUSD', 'orderBookL2:XBTUSD'] }
    client.send(request)
    client.send({ op: 'subscribe', args: 'quote:XBTUSD' })
    client.send({ op: 'unsubscribe', args: ['trade:XBTUSD'] })
    expect(client.messages.slice(1)).toEqual([
      { success: true, subscribe: 'trade:XBTUSD', request, pool: 'Primary' },
      { success: true, subscribe: 'orderBookL2:XBTUSD', request, pool: 'Primary' },
      {
        success: true,
        subscribe: 'quote:XBTUSD',
        request: { op: 'subscribe', args: 'quote:XBTUSD' },
        pool: 'Primary',
      },
      {
        success: true,
        unsubscribe: 'trade:XBTUSD',
        request: { op: 'unsubscribe', args: ['trade:XBTUSD'] },
        pool: 'Primary',
      },
    ])
    client.run(2100)
    expect(client.table('trade', 'partial')).toEqual([])
    expect(client.table('orderBookL2', 'partial')).toHaveLength(1)
  })

  it.each([
    [{ op: 'subscribe', args: ['trade:NOPE'] }, 400, /^Unknown or expired symbol: NOPE\. /],
    [{ op: 'subscribe', args: ['candles:XBTUSD'] }, 400, /^Unknown table: candles$/],
    [{ op: 'subscribe', args: ['order:XBTUSD'] }, 401, /account-locked subscription/],
    [
      { op: 'subscribe', args: Array.from({ length: 21 }, () => 'trade:XBTUSD') },
      400,
      /Too many args sent. Max length is 20/,
    ],
    [{ op: 'unsubscribe', args: ['trade:XBTUSD'] }, 400, /not subscribed/],
    [{ op: 'authKeyExpires', args: ['key', 1, 'signature'] }, 401, /authentication/],
    [{ op: 'dance' }, 400, /Unknown op: dance/],
    ['not JSON', 400, /Unrecognized request/],
    ['[1]', 400, /Unrecognized request/],
  ])('refuses %j', (request, status, error) => {
    const client = new Client()
    client.send(request)
    expect(client.messages[1]).toMatchObject({ status, error: expect.stringMatching(error), meta: {} })
  })

  it('gives a request back as it came, numbers as numbers', () => {
    const client = new Client()
    const request = { op: 'dance', steps: 3, args: [1.5, null] }
    client.send(request)
    expect(client.messages[1]).toMatchObject({ request })
  })

  it('names no level twice in a change of a book, its rows from the worst ask to the worst bid', () => {
    const client = new Client({ stepsPerSecond: 50 })
    client.send({ op: 'subscribe', args: ['orderBookL2:XBTUSD', 'orderBookL2_25:XBTUSD'] })
    client.run(20_000)
    const changes = ['orderBookL2', 'orderBookL2_25'].flatMap((table) =>
      (['insert', 'update', 'delete'] as const).flatMap((action) => client.table(table, action)),
    )
    expect(changes.length).toBeGreaterThan(300)
    expect(Math.max(...changes.map(({ data }) => data.length))).toBeGreaterThan(3)
    for (const { data } of changes) {
      const rows = data as { id: number; side: string; price: number }[]
      expect(new Set(rows.map(({ id }) => id)).size).toBe(rows.length)
      const sorted = rows.toSorted((a, b) => b.side.localeCompare(a.side) || b.price - a.price)
      expect(rows).toEqual(sorted)
    }
  })

  it('refuses a topic that is there already, and keeps it', () => {
    const client = new Client()
    client.send({ op: 'subscribe', args: ['trade:XBTUSD'] })
    client.send({ op: 'subscribe', args: ['trade:XBTUSD'] })
    expect(client.messages[2]).toMatchObject({
      status: 400,
      error: 'You are already subscribed to this topic: trade:XBTUSD',
    })
    client.run(2100)
    expect(client.table('trade', 'partial')).toHaveLength(1)
  })

  it('helps', () => {
    const client = new Client()
    client.send('help')
    client.send({ op: 'help' })
    expect(client.messages.slice(1)).toMatchObject([
      { ops: expect.any(Array) },
      { usage: expect.any(String) },
    ])
  })

  it('subscribes what the URL asks for', () => {
    const client = new Client({}, '/realtime?subscribe=instrument:XBTUSD,trade:XBTUSD')
    expect(client.messages.slice(1).map(({ subscribe }) => subscribe)).toEqual([
      'instrument:XBTUSD',
      'trade:XBTUSD',
    ])
  })

  it('gives a topic without a symbol all of them, under an empty filter', () => {
    const client = new Client({ stepsPerSecond: 3 })
    client.send({ op: 'subscribe', args: ['instrument', 'trade'] })
    client.run(75_000)
    const [partial] = client.table('instrument', 'partial')
    expect(partial).toMatchObject({ filter: {}, keys: ['symbol'] })
    expect(partial?.data.map(({ symbol }) => symbol)).toContain('.BXBT')
    const traded = new Set(client.table('trade', 'insert').map(({ data }) => data[0]?.['symbol']))
    expect(traded).toEqual(new Set([...markets, '.BXBT']))
    const index = client.table('trade', 'insert').find(({ data }) => data[0]?.['symbol'] === '.BXBT')
    expect(index?.data).toMatchObject([{ size: 0, timestamp: expect.stringMatching(/:00\.000Z$/) }])
  })

  it('makes ids of the price in 2021, as XBTUSD had them, and leaves the price out of changes', () => {
    const client = new Client({ dialect: '2021' })
    client.send({ op: 'subscribe', args: ['orderBookL2:XBTUSD'] })
    client.run(10_000)
    const [partial] = client.table('orderBookL2', 'partial')
    for (const row of partial?.data ?? []) {
      expect(Object.keys(row)).toEqual(['symbol', 'id', 'side', 'size', 'price'])
      expect(8_800_000_000 - Number(row['price']) * 100).toBe(row['id'])
    }
    expect(Object.keys(client.table('orderBookL2', 'update')[0]?.data[0] ?? {})).toEqual([
      'symbol',
      'id',
      'side',
      'size',
    ])
    expect(Object.keys(client.table('orderBookL2', 'delete')[0]?.data[0] ?? {})).toEqual([
      'symbol',
      'id',
      'side',
    ])
    expect(partial?.['keys']).toEqual(['symbol', 'id', 'side'])
    expect(client.table('orderBookL2', 'update')[0]).not.toHaveProperty('keys')
  })

  it('names time, price and pool in 2026, with ids that say nothing and that a double can hold', () => {
    const client = new Client()
    client.send({ op: 'subscribe', args: ['orderBookL2:XBT_USDT', 'quote:XBT_USDT'] })
    client.run(10_000)
    for (const action of ['partial', 'insert', 'update', 'delete']) {
      const row = client.table('orderBookL2', action)[0]?.data[0]
      expect(row).toMatchObject({ price: expect.any(Number), pool: 'Primary', timestamp: expect.any(String) })
      expect(Number.isSafeInteger(row?.['id'])).toBe(true)
    }
    expect(client.table('quote', 'insert')[0]?.data[0]).toMatchObject({ pool: 'Primary' })
  })

  it('batches quotes about once a second, never more than 48 in a frame', () => {
    const client = new Client({ stepsPerSecond: 200 })
    client.send({ op: 'subscribe', args: ['quote:XBTUSD'] })
    client.run(5000)
    const frames = client.table('quote', 'insert')
    expect(frames.some(({ data }) => data.length === 48)).toBe(true)
    expect(frames.every(({ data }) => data.length <= 48)).toBe(true)
    expect(client.table('quote', 'partial')[0]?.data).toHaveLength(1)
  })

  it('tells a liquidation as it comes, shrinks and goes', () => {
    const client = new Client()
    client.send({ op: 'subscribe', args: ['liquidation:XBTUSD'] })
    client.run(200_000)
    const orders = client.table('liquidation', 'insert').map(({ data }) => data[0]?.['orderID'])
    expect(orders.length).toBeGreaterThan(1)
    const [first] = orders
    for (const action of ['update', 'delete']) {
      expect(client.table('liquidation', action)[0]?.data[0]).toMatchObject({
        orderID: first,
        symbol: 'XBTUSD',
      })
    }
  })

  it('stamps bins with their end, quote bins too, and does not make up a day of them after a sleep', () => {
    const client = new Client()
    client.send({ op: 'subscribe', args: ['tradeBin1m:XBTUSD', 'quoteBin1m:XBTUSD'] })
    client.run(11_000)
    expect(client.table('tradeBin1m', 'insert')[0]?.data).toMatchObject([
      { timestamp: '2026-03-02T12:00:00.000Z', symbol: 'XBTUSD', trades: expect.any(Number) },
    ])
    expect(client.table('quoteBin1m', 'insert')[0]?.data).toMatchObject([
      { timestamp: '2026-03-02T12:00:00.000Z', bidPrice: expect.any(Number) },
    ])
    client.at += 86_400_000_000
    client.frames.length = 0
    client.run(100)
    expect(client.table('tradeBin1m', 'insert')[0]?.data.length).toBeLessThan(6)
  })

  it('is the same run for the same seed', () => {
    const run = (seed: number) => {
      const client = new Client({ seed })
      client.send({ op: 'subscribe', args: ['orderBookL2', 'trade', 'quote', 'instrument', 'liquidation'] })
      client.run(4000)
      return client.frames.join('\n')
    }
    expect(run(3)).toBe(run(3))
    expect(run(3)).not.toBe(run(4))
  })

  it('takes forty connections in a burst, then one a second', () => {
    const simulator = bitmexSimulator({ dialect: '2021' })
    const request = { method: 'GET', path: '/realtime', headers: {}, body: '' }
    for (let count = 0; count < 40; count++) {
      expect(simulator.admit?.(request, START)).toBeNull()
      new Client({}, '/realtime', simulator).leave()
    }
    expect(simulator.admit?.(request, START)).toMatchObject({ status: 429, headers: { 'retry-after': '1' } })
    expect(simulator.admit?.(request, START + 1_000_000)).toBeNull()
  })

  it('keeps a fault for the client that is to come', () => {
    const simulator = bitmexSimulator()
    expect(simulator.fault('limit-error', START)).toBe(true)
    const client = new Client({}, '/realtime', simulator)
    client.send({ op: 'subscribe', args: ['trade:XBTUSD'] })
    expect(client.messages[1]).toMatchObject({ status: 429, meta: { retryAfter: 1 } })
  })

  it('shifts its clock by an hour for a minute', () => {
    const client = new Client()
    client.simulator.fault('clock-off', client.at)
    client.send({ op: 'subscribe', args: ['quote:XBTUSD'] })
    client.run(3000)
    expect(client.table('quote', 'insert')[0]?.data[0]?.['timestamp']).toMatch(/^2026-03-02T12:59:5/)
  })

  it('is made by the registry', () => {
    expect(simulate('bitmex', { seed: 2 }).markets.size).toBe(5)
    expect(bitmexVenue.connector({}).venue).toBe(bitmexVenue.id)
  })
})

describe('the REST answers', () => {
  const client = new Client({ stepsPerSecond: 10 })
  client.run(130_000)
  const get = (path: string) => {
    const answer = client.simulator.http({ method: 'GET', path, headers: {}, body: '' }, client.at)
    return { status: answer.status, headers: answer.headers, body: JSON.parse(answer.body) }
  }

  it.each([
    ['/api/v1/instrument/active', ['XBTUSD', 'XBTH27', 'ETHUSD', 'XBTUSDT', 'XBT_USDT']],
    ['/api/v1/instrument/indices', ['.BXBT']],
    ['/api/v1/instrument/activeAndIndices', ['XBTUSD', 'XBTH27', 'ETHUSD', 'XBTUSDT', 'XBT_USDT', '.BXBT']],
    ['/api/v1/instrument?symbol=ETHUSD', ['ETHUSD']],
    ['/api/v1/instrument?symbol=NOPE', []],
  ])('%s lists its instruments', (path, symbols) => {
    const { status, headers, body } = get(path)
    expect(status).toBe(200)
    expect(headers).toMatchObject({ 'x-ratelimit-limit': '30' })
    expect(body.map(({ symbol }: { symbol: string }) => symbol)).toEqual(symbols)
  })

  it('give the book as deep as asked', () => {
    expect(get('/api/v1/orderBook/L2?symbol=XBTUSD').body).toHaveLength(50)
    expect(
      get('/api/v1/orderBook/L2?symbol=XBTUSD&depth=1').body.map(({ side }: { side: string }) => side),
    ).toEqual(['Sell', 'Buy'])
    expect(get('/api/v1/orderBook/L2?symbol=XBTUSD&depth=0').body.length).toBeGreaterThan(200)
    expect(get('/api/v1/orderBook/L2?symbol=.BXBT').body).toEqual([])
    expect(get('/api/v1/orderBook/L2').status).toBe(400)
  })

  it('give lists by time, count, start and direction', () => {
    const trades = get('/api/v1/trade?symbol=XBTUSD&count=1000').body
    expect(trades.length).toBeGreaterThan(100)
    expect(get('/api/v1/trade?symbol=XBTUSD').body).toEqual(trades.slice(0, 100))
    expect(get('/api/v1/trade?symbol=XBTUSD&reverse=true&count=2').body).toEqual([
      trades.at(-1),
      trades.at(-2),
    ])
    expect(get('/api/v1/trade?symbol=XBTUSD&start=3&count=1').body).toEqual([trades[3]])
    const from = trades[50].timestamp
    expect(get(`/api/v1/trade?symbol=XBTUSD&startTime=${from}&count=1`).body[0].timestamp).toBe(from)
    expect(get(`/api/v1/trade?symbol=XBTUSD&endTime=${from}&reverse=true&count=1`).body[0].timestamp).toBe(
      from,
    )
    expect(get('/api/v1/quote?symbol=XBTUSD').body.length).toBeGreaterThan(1)
    expect(get('/api/v1/funding?symbol=XBTUSD').body).toHaveLength(2)
    expect(get('/api/v1/trade/bucketed?symbol=XBTUSD').body).toHaveLength(3)
    expect(get('/api/v1/quote/bucketed?symbol=XBTUSD&binSize=1m').body).toHaveLength(3)
    expect(get('/api/v1/trade/bucketed?symbol=XBTUSD&binSize=2m').body).toEqual([])
    for (const call of ['liquidation', 'settlement', 'insurance'])
      expect(get(`/api/v1/${call}`).status).toBe(200)
    expect(get('/api/v1/schema/websocketHelp').body).toMatchObject({
      subscriptionSubjects: { public: expect.arrayContaining(['trade', 'orderBookL2']) },
    })
    expect(get('/api/v1/wallet/assets').body).toMatchObject([{ asset: 'XBT' }, { asset: 'USDT' }])
    expect(get('/api/v1/announcement/').status).toBe(200)
  })

  it('are 404 for what there is not', () => {
    expect(get('/api/v1/position')).toMatchObject({ status: 404, body: { error: { name: 'HTTPError' } } })
  })
})
