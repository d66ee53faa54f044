import { describe, expect, test } from 'vitest'
import { simulateBlockchain } from '../../../simulators/index.js'
import type { SimulatedRequest } from '../../../src/simulator/index.js'

const START = 1_700_000_000_000_000
const SECOND = 1_000_000
const EXCHANGE: SimulatedRequest = {
  method: 'GET',
  path: '/mercury-gateway/v1/ws',
  headers: { origin: 'https://exchange.blockchain.com' },
  body: '',
}

/** A client of the simulator, and the clock in hand. */
function client(request: SimulatedRequest = EXCHANGE) {
  const simulator = simulateBlockchain({ stepsPerSecond: 20 })
  const frames: Record<string, unknown>[] = []
  let pings = 0
  const connection = simulator.connect(
    {
      request,
      send: (data) => void frames.push(JSON.parse(String(data))),
      ping: () => {
        pings++
      },
      close: () => {},
    },
    START,
  )
  return {
    simulator,
    frames,
    pings: () => pings,
    close: () => connection.closed(START),
    say: (message: unknown) =>
      connection.received(typeof message === 'string' ? message : JSON.stringify(message), START),
    until: (seconds: number) => {
      for (let at = 0; at <= seconds * 20; at++) simulator.advance(START + (at * SECOND) / 20)
    },
  }
}

describe('the simulated Exchange', () => {
  test('wants the Origin of the venue, and no other', () => {
    const { simulator } = client()
    const admit = (headers: Record<string, string>) => simulator.admit?.({ ...EXCHANGE, headers }, START)
    expect(admit({})).toMatchObject({
      status: 400,
      body: expect.stringContaining('missing required HTTP header'),
    })
    expect(admit({ origin: 'https://example.com' })).toMatchObject({
      status: 400,
      body: expect.stringContaining('Invalid Origin'),
    })
    expect(admit({ origin: 'https://exchange.blockchain.com' })).toBeNull()
    expect(simulator.admit?.({ ...EXCHANGE, path: '/inv', headers: {} }, START)).toBeNull()
  })

  test.each([
    ['not JSON', 'nonsense', 'Invalid json received'],
    ['no action', { channel: 'l2', symbol: 'BTC-USD' }, 'Missing action'],
    ['another action', { action: 'dance', channel: 'l2', symbol: 'BTC-USD' }, 'Invalid action'],
    ['an unknown channel', { action: 'subscribe', channel: 'weather' }, 'Invalid channel'],
    ['a private channel', { action: 'subscribe', channel: 'trading' }, 'Authentication failed'],
    ['no symbol', { action: 'subscribe', channel: 'l2' }, 'missing symbol field'],
    [
      'an unknown symbol',
      { action: 'subscribe', channel: 'l2', symbol: 'NOPE-USD' },
      'invalid symbol identifier',
    ],
    [
      'an unknown symbol of the ticker',
      { action: 'subscribe', channel: 'ticker', symbol: 'NOPE-USD' },
      'Invalid symbol',
    ],
    ['no granularity', { action: 'subscribe', channel: 'prices', symbol: 'BTC-USD' }, 'No granularity set'],
    [
      'a stray unsubscribe',
      { action: 'unsubscribe', channel: 'l2', symbol: 'BTC-USD' },
      'Not subscribed to channel',
    ],
  ])('rejects %s with the text of the venue', (_what, message, text) => {
    const { say, frames } = client()
    say(message)
    expect(frames).toMatchObject([{ seqnum: 0, event: 'rejected', text }])
  })

  test('rejects a second subscribe, to any channel', () => {
    const { say, frames } = client()
    for (const channel of ['heartbeat', 'symbols', 'l2', 'heartbeat', 'symbols', 'l2']) {
      say({ action: 'subscribe', channel, symbol: 'BTC-USD' })
    }
    expect(
      frames.filter(({ event }) => event === 'rejected').map(({ channel, text }) => [channel, text]),
    ).toEqual([
      ['heartbeat', 'Already subscribed'],
      ['symbols', 'Already subscribed'],
      ['l2', 'Already subscribed'],
    ])
  })

  test('ignores who speaks more than 1,200 times a minute, and says so once', () => {
    const { say, frames } = client()
    for (let time = 0; time < 1300; time++) say({ action: 'subscribe', channel: 'weather' })
    expect(frames).toHaveLength(1201)
    expect(frames.at(-1)).toEqual({ event: 'rejected', text: expect.stringContaining('throttling') })
  })

  test('counts every frame, beats every five seconds, pings every second', () => {
    const { say, until, frames, pings, close } = client()
    for (const channel of ['heartbeat', 'l2', 'l3', 'trades', 'ticker'])
      say({ action: 'subscribe', channel, symbol: 'BTC-USD' })
    say({ action: 'subscribe', channel: 'prices', symbol: 'BTC-USD', granularity: 60 })
    until(30)
    expect(frames.map(({ seqnum }) => seqnum)).toEqual(frames.map((_frame, at) => at))
    expect(
      frames.filter(({ event, channel }) => event === 'updated' && channel === 'heartbeat'),
    ).toHaveLength(6)
    expect(pings()).toBeGreaterThanOrEqual(29)
    for (const channel of ['l2', 'l3', 'trades', 'ticker', 'prices']) {
      expect(frames.some((frame) => frame['event'] === 'updated' && frame['channel'] === channel)).toBe(true)
    }
    say({ action: 'unsubscribe', channel: 'heartbeat' })
    expect(frames.at(-1)).toMatchObject({ event: 'unsubscribed', channel: 'heartbeat' })
    const { length } = frames
    close()
    until(31)
    expect(frames).toHaveLength(length)
  })

  test('gives two clients the same candles, whenever they came', () => {
    const first = client()
    const prices = { action: 'subscribe', channel: 'prices', symbol: 'BTC-USD', granularity: 60 }
    first.say(prices)
    first.until(10)
    const frames: Record<string, unknown>[] = []
    const late = first.simulator.connect(
      {
        request: EXCHANGE,
        send: (data) => void frames.push(JSON.parse(String(data))),
        ping: () => {},
        close: () => {},
      },
      START + 10 * SECOND,
    )
    late.received(JSON.stringify(prices), START + 10 * SECOND)
    for (let at = 201; at <= 1_800; at++) first.simulator.advance(START + (at * SECOND) / 20)
    const candles = (of: readonly Record<string, unknown>[]) =>
      of.filter(({ event }) => event === 'updated').map(({ price }) => price as number[])
    const seen = candles(frames)
    expect(seen.length).toBeGreaterThan(20)
    expect(candles(first.frames).slice(-seen.length)).toEqual(seen)
    const [, open = 0, high = 0, low = 0, close = 0, volume = 0] = seen.at(-1) ?? []
    expect(high).toBeGreaterThanOrEqual(Math.max(open, close))
    expect(low).toBeLessThanOrEqual(Math.min(open, close))
    expect(volume).toBeGreaterThan(0)
  })

  test('answers REST as the venue does', () => {
    const { simulator } = client()
    const get = (path: string) => simulator.http({ method: 'GET', path, headers: {}, body: '' }, START)
    expect(JSON.parse(get('/v3/exchange/symbols').body)['BTC-USD']).toMatchObject({
      base_currency: 'BTC',
      status: 'open',
    })
    expect(JSON.parse(get('/v3/exchange/symbols/ETH-USD').body)).toMatchObject({ base_currency: 'ETH' })
    expect(JSON.parse(get('/v3/exchange/l2/BTC-USD').body).bids.length).toBeGreaterThan(50)
    expect(JSON.parse(get('/latestblock').body)).toMatchObject({
      height: Math.floor((START / 1_000_000 - Date.UTC(2009, 0, 3) / 1000) / 15),
    })
    expect(JSON.parse(get('/v3/exchange/tickers').body)).toHaveLength(5)
    expect(JSON.parse(get('/v3/exchange/tickers/BTC-USD').body)).toMatchObject({
      price_24h: 65_000,
      volume_24h: 6_000,
    })
    expect(JSON.parse(get('/v3/exchange/symbols/').body)).toHaveProperty('BTC-USD')
    expect(get('/v3/exchange/weather').status).toBe(404)
  })
})

describe('the simulated chain', () => {
  const CHAIN: SimulatedRequest = { ...EXCHANGE, path: '/inv', headers: {} }

  test('sends what was asked for, and nothing for what it does not know', () => {
    const { say, until, frames } = client(CHAIN)
    say('nonsense')
    say({ op: 'weather_sub' })
    say({ op: 'addr_sub' })
    until(3)
    expect(frames).toEqual([])
    say({ op: 'unconfirmed_sub' })
    say({ op: 'blocks_sub' })
    until(20)
    expect(new Set(frames.map(({ op }) => op))).toEqual(new Set(['utx', 'block']))
    say({ op: 'unconfirmed_unsub' })
    say({ op: 'blocks_unsub' })
    const { length } = frames
    until(40)
    expect(frames).toHaveLength(length)
  })

  test('pays to a watched address now and then, until it is not watched any more', () => {
    const { say, until, frames } = client(CHAIN)
    say({ op: 'addr_sub', addr: 'bc1qwatched' })
    until(20)
    expect(frames.length).toBeGreaterThan(5)
    for (const frame of frames) expect(JSON.stringify(frame)).toContain('bc1qwatched')
    say({ op: 'addr_unsub', addr: 'bc1qwatched' })
    const { length } = frames
    until(40)
    expect(frames).toHaveLength(length)
  })

  test('answers its test helpers, and turns to short transactions', () => {
    const { say, until, frames } = client(CHAIN)
    say({ op: 'ping' })
    expect(frames).toEqual([{ op: 'pong' }])
    until(2)
    say({ op: 'ping_block' })
    say({ op: 'ping_tx' })
    expect(frames.map(({ op }) => op)).toEqual(['pong', 'block', 'utx'])
    say({ op: 'set_tx_mini' })
    say({ op: 'unconfirmed_sub' })
    until(4)
    expect(frames.at(-1)).toMatchObject({
      op: 'minitx',
      x: { hash: expect.any(String), value: expect.any(Number) },
    })
  })
})
