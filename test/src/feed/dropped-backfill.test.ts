import { describe, expect, test } from 'vitest'
import { bittrex } from '../../../connectors/bittrex/index.js'
import type { MarketEvent } from '../../../schemas/events.js'
import { bittrexSimulator } from '../../../simulators/index.js'
import { openFeed } from '../../../src/feed/feed.js'
import { virtualPlatform, withFaults } from '../../../src/simulator/index.js'

/** What a trade needs at most from the market to the reader's queue. */
const LATENCY = 200_000

/**
 * A reader that rests while a connection is lost and its trades are fetched, under `drop-oldest`.
 *
 * @returns the true trades that it misses, though no gap that stayed unhealed tells of their time.
 */
async function undisclosed(limit: number, restsAtMs: number): Promise<number[]> {
  const platform = virtualPlatform({ seed: 2 })
  const simulator = bittrexSimulator({ seed: 2 })
  const plan = { faults: [{ fault: 'reset' as const, atMs: 8_000 }] }
  platform.serve(withFaults(simulator, plan, platform.random), { hosts: ['bittrex.sim'] })
  const connector = bittrex({ url: 'ws://bittrex.sim', symbols: ['BTC/USDT'], channels: ['trade', 'book:1'] })
  const feed = openFeed([connector], { platform, queue: { limit, policy: 'drop-oldest' } })
  const read: MarketEvent[] = []
  let gate = Promise.resolve()
  const reading = (async () => {
    for await (const event of feed) {
      await gate
      read.push(event)
    }
  })()
  await platform.advance(restsAtMs)
  let awake = () => {}
  gate = new Promise((resolve) => {
    awake = resolve
  })
  await platform.advance(16_000 - restsAtMs)
  awake()
  await platform.advance(3_000)
  const market = simulator.markets.get('BTC-USDT')
  const truth = (market?.trades ?? []).map(({ number, time }) => ({ number, time }))
  const closing = feed.close()
  await platform.advance(5_000)
  await Promise.all([closing, reading])

  const told = new Set(
    read.flatMap((event) => (event.type === 'trade' ? [Number.parseInt(event.id.slice(-12), 16)] : [])),
  )
  const holes = read.flatMap((event) =>
    event.type === 'gap' && event.channel === 'trade' && event.state === 'closed' && !event.healed
      ? [event]
      : [],
  )
  expect(told.size).toBeGreaterThan(20)
  expect(read.filter(({ type }) => type === 'gap').length).toBeGreaterThan(1)
  const [first = 0] = told
  return truth
    .filter(({ number }) => number > first && number < Math.max(...told) && !told.has(number))
    .filter(({ time }) => !holes.some(({ from, to }) => (from ?? 0) <= time + LATENCY && (to ?? 0) >= time))
    .map(({ number }) => number)
}

describe.each([
  ['before the connection is lost', 7_000],
  ['while it is lost', 8_100],
])('a reader that rests from %s', (_when, restsAtMs) => {
  test.each([36, 42, 60, 100, 10_000])(
    'of fetched trades that it never reads (a queue of %i) none is said to have been made good',
    async (limit) => {
      expect(await undisclosed(limit, restsAtMs)).toEqual([])
    },
  )
})
