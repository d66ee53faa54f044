import { expect, test } from 'vitest'
import { blockchain } from '../../../connectors/blockchain/index.js'
import type { MarketEvent } from '../../../schemas/events.js'
import { simulateBlockchain } from '../../../simulators/index.js'
import { type FeedOptions, openFeed } from '../../../src/feed/feed.js'
import { type FaultPlan, virtualPlatform, withFaults } from '../../../src/simulator/index.js'

const HOST = '127.0.0.1:9000'

function stage(symbols: readonly string[], options: FeedOptions = {}, plan: FaultPlan = { faults: [] }) {
  const platform = virtualPlatform()
  const simulator = withFaults(simulateBlockchain({ stepsPerSecond: 50 }), plan, platform.random)
  const host = platform.serve(simulator, { hosts: [HOST] })
  const connector = blockchain({ url: `ws://${HOST}`, symbols, channels: ['trade', 'book'] })
  const began = platform.clock.now()
  return { platform, host, began, feed: openFeed([connector], { platform, ...options }) }
}

test('every stream is known from the start, is confirmed once, and keeps the moment over reconnects', async () => {
  const { platform, host, began, feed } = stage(['BTC/USD'])
  expect(feed.streams()).toEqual(
    ['trade', 'book'].map((channel) => ({
      venue: 'blockchain',
      symbol: 'BTC/USD',
      instrument: null,
      channel,
      state: 'waiting',
      askedAt: began,
      confirmedAt: null,
      endedAt: null,
      reason: null,
      gap: null,
    })),
  )
  const first = new Map<string, number | null>()
  feed.on('event', (event) => {
    if ('channel' in event && event.type !== 'instrument' && !first.has(event.channel)) {
      first.set(event.channel, event.receiveTime)
    }
  })
  await platform.advance(5000)
  const live = feed.streams()
  expect(live).toMatchObject([
    { channel: 'trade', instrument: 'BTC-USD', state: 'live', askedAt: began },
    { channel: 'book', instrument: 'BTC-USD', state: 'live', askedAt: began },
  ])
  for (const { channel, confirmedAt } of live) {
    expect(confirmedAt).toBeGreaterThan(began)
    expect(confirmedAt).toBeLessThanOrEqual(first.get(channel) ?? 0)
  }
  host.part()
  await platform.advance(120_000)
  expect(feed.streams()).toMatchObject([
    { state: 'interrupted', gap: 'stale' },
    { state: 'interrupted', gap: 'stale' },
  ])
  host.heal()
  await platform.advance(120_000)
  expect(feed.streams()).toEqual(live)
})

test('a stream that is given up has ended, and the others have not; after the end they stay as they stood', async () => {
  const { platform, feed } = stage(['BTC/USD'])
  await platform.advance(3000)
  feed.unsubscribe('blockchain', ['BTC-USD'], ['book'])
  const endedAt = platform.clock.now()
  feed.subscribe('blockchain', ['ETH/USD'], ['trade'])
  await platform.advance(3000)
  const expected = [
    { symbol: 'BTC/USD', channel: 'trade', state: 'live', endedAt: null },
    { symbol: 'BTC/USD', channel: 'book', state: 'ended', endedAt },
    { symbol: 'ETH/USD', channel: 'trade', state: 'live', askedAt: endedAt, endedAt: null },
  ]
  expect(feed.streams()).toMatchObject(expected)
  const closing = feed.close()
  await platform.advance(3000)
  await closing
  expect(feed.streams()).toMatchObject(expected)
})

test('a stream asked for under two names is one', async () => {
  const { platform, feed } = stage(['BTC/USD', 'BTC-USD'])
  await platform.advance(3000)
  expect(feed.streams()).toMatchObject([
    { symbol: 'BTC/USD', channel: 'trade', state: 'live' },
    { symbol: 'BTC/USD', channel: 'book', state: 'live' },
  ])
})

test('two connections are one stream, confirmed by the first of them', async () => {
  const { platform, began, feed } = stage(['BTC/USD'], { redundancy: 2 })
  await platform.advance(5000)
  const streams = feed.streams()
  expect(streams).toMatchObject([
    { channel: 'trade', state: 'live', gap: null },
    { channel: 'book', state: 'live', gap: null },
  ])
  for (const { confirmedAt } of streams) expect(confirmedAt).toBeGreaterThan(began)
})

test('what the venue refuses says why', async () => {
  const { platform, feed } = stage(
    ['BTC/USD'],
    {},
    {
      faults: [{ fault: 'venue', name: 'ack-error', atMs: 2000 }],
    },
  )
  const refusals: MarketEvent[] = []
  feed.on('connection', (event) => {
    if (event.state === 'refused') refusals.push(event)
  })
  await platform.advance(3000)
  feed.subscribe('blockchain', ['ETH/USD'], ['trade'])
  await platform.advance(3000)
  const refused = feed.streams().filter(({ state }) => state === 'refused')
  expect(refusals).toHaveLength(1)
  expect(refused).toHaveLength(1)
  expect(refusals[0]).toMatchObject({ reason: expect.stringContaining(refused[0]?.reason ?? 'no reason') })
})

test('a symbol that the venue does not list is among them', async () => {
  const { platform, feed } = stage(['BTC/USD', 'BTC/USB'])
  await platform.advance(3000)
  await expect(feed.done).rejects.toMatchObject({ code: 'unknown_symbol' })
  expect(feed.streams().filter(({ symbol }) => symbol === 'BTC/USB')).toMatchObject([
    { channel: 'trade', instrument: null, state: 'refused', reason: expect.stringContaining('BTC/USB') },
    { channel: 'book', instrument: null, state: 'refused', confirmedAt: null },
  ])
})

test('streams of a venue that is never reached wait, and have ended once no connection is tried any more', async () => {
  const { platform, host, feed } = stage(['BTC/USD'], { maxAttempts: 3 })
  host.part()
  await platform.advance(10_000)
  expect(feed.streams().map(({ state }) => state)).toEqual(['waiting', 'waiting'])
  await platform.advance(600_000)
  expect(feed.streams()).toMatchObject([
    { channel: 'trade', state: 'ended', confirmedAt: null, reason: expect.stringContaining('gave up') },
    { channel: 'book', state: 'ended', confirmedAt: null },
  ])
})
