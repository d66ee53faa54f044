import { describe, expect, test } from 'vitest'
import { bitstamp } from '../../../connectors/index.js'
import { type BitstampSimulatorOptions, bitstampSimulator } from '../../../simulators/index.js'
import { openFeed } from '../../../src/feed/feed.js'
import { virtualPlatform } from '../../../src/simulator/index.js'

const START = 1_700_000_000_000_000
const SECOND = 1_000_000

interface Said {
  readonly event: string
  readonly channel: string
  readonly data: Readonly<Record<string, unknown>>
  readonly event_id?: string
  readonly pre_event_id?: string
}

/** A client of the simulator, and the clock in hand. */
function client(options: BitstampSimulatorOptions = {}) {
  const simulator = bitstampSimulator({ stepsPerSecond: 20, ...options })
  const frames: Said[] = []
  const closes: number[] = []
  const request = { method: 'GET', path: '/', headers: {}, body: '' }
  const peer = {
    request,
    send: (data: string | Uint8Array) => void frames.push(JSON.parse(String(data)) as Said),
    ping: () => {},
    close: (code: number) => void closes.push(code),
  }
  const connection = simulator.connect(peer, START)
  let now = START
  return {
    simulator,
    frames,
    closes,
    say: (message: unknown) =>
      connection.received(typeof message === 'string' ? message : JSON.stringify(message), now),
    subscribe: (channel: string) =>
      connection.received(JSON.stringify({ event: 'bts:subscribe', data: { channel } }), now),
    wait(seconds: number) {
      for (const end = now + seconds * SECOND; now < end; ) {
        now += SECOND / 20
        simulator.advance(now)
      }
    },
    get: (path: string) => {
      const { status, body } = simulator.http({ method: 'GET', path, headers: {}, body: '' }, now)
      return {
        status,
        body: JSON.parse(body) as Record<string, unknown> & { bids: string[][]; asks: string[][] },
      }
    },
    of: (channel: string) =>
      frames.filter((frame) => frame.channel === channel && !frame.event.startsWith('bts:')),
  }
}

describe('the simulated venue', () => {
  test('grants a market that does not exist, and names no channel in an error', () => {
    const { subscribe, say, frames, wait } = client()
    subscribe('live_trades_mouthfull')
    for (const channel of ['live_trades_BTC/USD', 'weather_btcusd']) subscribe(channel)
    say('not JSON')
    expect(frames).toMatchObject([
      { event: 'bts:subscription_succeeded', channel: 'live_trades_mouthfull' },
      { event: 'bts:error', channel: '', data: { code: null, message: 'Invalid channel provided.' } },
      { event: 'bts:error', channel: '', data: { message: 'Bad subscription string.' } },
      { event: 'bts:error', channel: '', data: { message: 'Incorrect JSON format.' } },
    ])
    wait(5)
    expect(frames).toHaveLength(4)
  })

  test('answers a heartbeat, and closes on a frame of 512 bytes and on the 1,025th channel', () => {
    const { say, frames, closes, subscribe } = client()
    say({ event: 'bts:heartbeat' })
    expect(frames).toEqual([{ event: 'bts:heartbeat', channel: '', data: { status: 'success' } }])
    for (let nth = 0; nth < 1_024; nth++) subscribe(`live_trades_a${nth}`)
    expect(closes).toEqual([])
    subscribe('live_trades_b')
    expect(closes).toHaveLength(1)
    const other = client()
    other.say({ event: 'bts:subscribe', data: { channel: 'x'.repeat(512) } })
    expect(other.closes).toEqual([1009])
  })

  test('cuts a connection at its age limit', () => {
    const { closes, wait } = client({ maxAgeMs: 2_000 })
    wait(1.9)
    expect(closes).toEqual([])
    wait(0.2)
    expect(closes).toHaveLength(1)
  })

  test('has a book over REST that is a second old, and joins its changes', () => {
    const { subscribe, wait, get, of, simulator } = client()
    subscribe('diff_order_book_btcusd')
    wait(5)
    const { body } = get('/api/v2/order_book/btcusd/?group=1')
    const at = Number(body['microtimestamp'])
    expect(START + 5 * SECOND - at).toBeGreaterThanOrEqual(SECOND)
    expect(START + 5 * SECOND - at).toBeLessThan(1.2 * SECOND)
    for (const market of simulator.markets.values()) market.frozen = true
    wait(0.2)
    const levels = new Map(body.bids.map(([price, amount]) => [Number(price), Number(amount)]))
    for (const { data } of of('diff_order_book_btcusd')) {
      if (Number(data['microtimestamp']) <= at) continue
      for (const [price, amount] of data['bids'] as string[][]) {
        if (Number(amount) === 0) expect(levels.delete(Number(price))).toBe(true)
        else levels.set(Number(price), Number(amount))
      }
    }
    const truth = simulator.markets
      .get('btcusd')
      ?.book.top(5)
      .bids.map(([price]) => Number(price))
    expect([...levels.keys()].sort((a, b) => b - a).slice(0, 5)).toEqual(truth)
  })

  test('chains the events of orders, and prints trades of perpetuals by its own rules', () => {
    const { subscribe, wait, of } = client()
    for (const channel of ['live_orders_btcusd', 'live_trades_btcusd-perp']) subscribe(channel)
    wait(5)
    const orders = of('live_orders_btcusd')
    expect(orders.length).toBeGreaterThan(50)
    for (const [index, order] of orders.entries()) {
      if (index > 0) expect(order.pre_event_id).toBe(orders[index - 1]?.event_id)
      const micros = BigInt(`0x${order.event_id?.replaceAll('-', '').slice(0, 16)}`)
      expect(String(micros)).toBe(order.data['microtimestamp'])
    }
    const [trade] = of('live_trades_btcusd-perp')
    expect(BigInt(String(trade?.data['id_str'])) > 2n ** 53n).toBe(true)
    expect(String(trade?.data['timestamp'])).toHaveLength(13)
    expect(String(trade?.data['microtimestamp'])).toMatch(/000$/)
  })

  test('gives no id of an order twice, in no market and in no run', () => {
    const runs = [START, START + 10 * SECOND].map((at) => {
      const simulator = bitstampSimulator()
      simulator.advance(at)
      return ['btcusd', 'ethusd'].flatMap((market) => {
        const path = `/api/v2/order_book/${market}/?group=2`
        const { body } = simulator.http({ method: 'GET', path, headers: {}, body: '' }, at)
        return (JSON.parse(body) as { bids: string[][] }).bids.map(([, , id]) => id)
      })
    })
    expect(runs[0]?.length).toBeGreaterThan(200)
    expect(new Set(runs.flat()).size).toBe(runs.flat().length)
  })

  test('describes each market by its two currencies', () => {
    const { get } = client()
    expect(get('/api/v2/markets/').body).toContainEqual(
      expect.objectContaining({ market_symbol: 'btcusd', description: 'BTC / USD' }),
    )
    expect(get('/api/v2/trading-pairs-info/').body).toContainEqual(
      expect.objectContaining({ url_symbol: 'btcusd', description: 'BTC / USD' }),
    )
  })

  test('refuses who asks too often, with the code of the venue', () => {
    const { get } = client()
    for (let nth = 0; nth < 400; nth++) expect(get('/api/v2/markets/').status).toBe(200)
    expect(get('/api/v2/markets/')).toMatchObject({ status: 400, body: { code: '400.002' } })
  })
})

test('a feed notices the event of an order that is missing, and fetches the book again', async () => {
  const platform = virtualPlatform({ seed: 5 })
  const simulator = bitstampSimulator({ seed: 5, stepsPerSecond: 10 })
  platform.serve(simulator, { hosts: ['venue.test'] })
  const options = { url: 'ws://venue.test', symbols: ['BTC/USD'], channels: ['order' as const] }
  const feed = openFeed([bitstamp(options)], { platform })
  const gaps: string[] = []
  feed.on('gap', ({ reason, state }) => void gaps.push(`${reason} ${state}`))
  await platform.advance(10_000)
  expect(simulator.fault('chain-broken', platform.now)).toBe(true)
  await platform.advance(30_000)
  expect([gaps, feed.book('bitstamp', 'BTC/USD', 'order')?.state]).toEqual([
    ['sequence open', 'sequence closed'],
    'live',
  ])
  const closing = feed.close()
  await platform.advance(5_000)
  await closing
})
