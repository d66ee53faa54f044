import { afterEach, expect, test } from 'vitest'
import { blockchain } from '../../../connectors/blockchain/index.js'
import { simulateBlockchain } from '../../../simulators/index.js'
import type { ReadonlyBook } from '../../../src/book/order-book.js'
import { type Feed, openFeed } from '../../../src/feed/feed.js'
import { virtualPlatform } from '../../../src/simulator/index.js'

const HOST = '127.0.0.1:9000'
const MARKET = ['blockchain', 'BTC/USD'] as const

let played: { readonly feed: Feed; readonly platform: ReturnType<typeof virtualPlatform> } | null = null

/** A feed of one market on the simulated venue, in memory, and its book once that is live. */
async function play(ageMs: number | null = null) {
  const platform = virtualPlatform({ seed: 5 })
  const simulator = simulateBlockchain({ seed: 5, stepsPerSecond: 10 })
  platform.serve(simulator, { hosts: [HOST] })
  const whole = blockchain({ url: `ws://${HOST}`, symbols: ['BTC/USD'], channels: ['trade', 'book'] })
  const limits = { ...whole.limits, maxConnectionAgeMs: ageMs }
  const feed = openFeed([{ ...whole, limits }], { platform, queue: { policy: 'drop-oldest' } })
  played = { feed, platform }
  await platform.advance(8_000)
  const held = feed.book(...MARKET) as ReadonlyBook
  expect(held.state).toBe('live')
  /** Ours and the true book, with the market at rest. */
  const settled = async () => {
    const market = simulator.markets.get('BTC-USD')
    if (market === undefined) throw new Error('the simulator has no BTC-USD')
    market.frozen = true
    await platform.advance(1_000)
    return { ours: held.top(50), truth: market.book.top(50) }
  }
  return { platform, feed, held, settled }
}

async function end(): Promise<void> {
  if (played === null) return
  const { feed, platform } = played
  played = null
  const closing = feed.close()
  await platform.advance(3_000)
  await closing
}

afterEach(end)

test('a book that the user holds goes on across a handover', async () => {
  const { platform, feed, held, settled } = await play(20_000)
  const before = held.lastUpdate ?? 0
  await platform.advance(62_000)
  expect(feed.metrics().venues[0]?.handovers).toBeGreaterThan(0)
  expect(held.state).toBe('live')
  expect(held.lastUpdate).toBeGreaterThan(before + 60_000_000)
  expect(feed.book(...MARKET)).toBe(held)
  const { ours, truth } = await settled()
  expect(ours).toEqual(truth)
  expect(held.best()).toEqual({ bid: truth.bids[0], ask: truth.asks[0] })
  expect(held.amountAt('bids', truth.bids[0]?.[0] ?? '')).toBe(truth.bids[0]?.[1])
  expect([held.count('bids') > 10, held.crossed]).toEqual([true, false])
})

test('a book that the user holds is closed after the end of the feed, with the levels of then', async () => {
  const { held, feed, settled } = await play()
  const { truth } = await settled()
  await end()
  expect(held.state).toBe('closed')
  expect(held.top(50)).toEqual(truth)
  expect(feed.book(...MARKET)).toBe(held)
})

test('a book that is asked for only after the end of the feed is closed', async () => {
  const { platform, feed } = await play()
  feed.subscribe('blockchain', ['ETH/USD'], ['book'])
  await platform.advance(5_000)
  await end()
  expect(feed.book('blockchain', 'ETH/USD')?.state).toBe('closed')
})

test('a book that the user holds is closed when its stream is given up, and another begins when it is asked for again', async () => {
  const { platform, feed, held } = await play()
  feed.unsubscribe('blockchain', ['BTC/USD'], ['book'])
  expect(held.state).toBe('closed')
  const levels = held.top(50)
  expect(levels.bids.length).toBeGreaterThan(10)
  expect(feed.book(...MARKET)).toBeNull()
  await platform.advance(3_000)
  feed.subscribe('blockchain', ['BTC/USD'], ['book'])
  await platform.advance(5_000)
  expect(feed.book(...MARKET)).not.toBe(held)
  expect(feed.book(...MARKET)?.state).toBe('live')
  expect([held.state, held.top(50)]).toEqual(['closed', levels])
})
