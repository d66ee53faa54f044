import { afterEach, expect, test } from 'vitest'
import { blockchain } from '../../../connectors/blockchain/index.js'
import type { Level, MarketEvent } from '../../../schemas/events.js'
import { simulateBlockchain } from '../../../simulators/index.js'
import { type Feed, type FeedOptions, openFeed } from '../../../src/feed/feed.js'
import { virtualPlatform } from '../../../src/simulator/index.js'
import { MergeScript } from '../stream/merge-script.js'

/**
 * Promises that the feed does not keep yet. Each test is marked as expected to fail and turns red as soon as its promise is kept:
 * then the mark is to be taken off.
 */

const HOST = '127.0.0.1:9000'

let played: { readonly feed: Feed; readonly platform: ReturnType<typeof virtualPlatform> } | null = null

/** A feed of one market on the simulated venue, in memory. */
function play(
  symbols: readonly string[] = ['BTC/USD'],
  options: FeedOptions = {},
  ageMs: number | null = null,
) {
  const platform = virtualPlatform({ seed: 5 })
  const host = platform.serve(simulateBlockchain({ seed: 5, stepsPerSecond: 10 }), { hosts: [HOST] })
  const whole = blockchain({ url: `ws://${HOST}`, symbols, channels: ['trade', 'book'] })
  const limits = { ...whole.limits, maxConnectionAgeMs: ageMs }
  const feed = openFeed([{ ...whole, limits }], { platform, ...options })
  played = { feed, platform }
  return { platform, host, feed }
}

afterEach(async () => {
  if (played === null) return
  const { feed, platform } = played
  played = null
  const closing = feed.close()
  await platform.advance(3_000)
  await closing
})

// Promise: a trade is emitted once, whatever the connections bring. The join of a second connection, which the history of the first
// completes, emits the very trade that the first is about to emit (seed 246065620 of the simulation with two lines).
test('with two connections a trade is emitted once', () => {
  const script = new MergeScript('trade')
  const [a, b] = [script.connect('a'), script.connect('b')]
  a.whole()
  b.whole()
  b.trade(1, true)
  b.trade(2)
  a.trade(1, true)
  a.trade(2)
  expect(script.words.filter((word) => word === '2')).toEqual(['2'])
})

// Promise: `feed.book()` never steps back behind what was emitted. When the leading connection is lost, it is the book of the other one,
// which is behind.
test('with two connections and the standby behind, the book never steps back from what was emitted', () => {
  const script = new MergeScript('book', 'stream')
  const [a, b] = script.pair(true, (line) => line.snapshot('1', '1'))
  b.update('2', '2')
  a.update('2', '2')
  a.update('3', '3')
  a.update('4', '4')
  const emitted = (): Level[] => {
    let levels: readonly Level[] = []
    for (const event of script.emitted) {
      if (event.type === 'book_snapshot' || event.type === 'book_update') levels = event.bids
    }
    return [...levels]
  }
  if (JSON.stringify(emitted()) !== '[["1","4"]]') return
  script.merge.leave(a, 'disconnected', 'cut', script.now)
  expect(script.stream.book?.top(1).bids).toEqual(emitted())
})

// A listener that was taken away again leaves the feed as if it had never been there.
test('after on() and off again, events wait for a later reader as if nobody had listened', async () => {
  const { platform, feed } = play()
  const off = feed.on('trade', () => {})
  off()
  await platform.advance(5_000)
  expect(feed.metrics().queue.depth).toBeGreaterThan(0)
})

// Promise: a connection without streams is closed after a while, and forgotten. It stays open for ever.
test.fails('unsubscribing everything closes the socket after a while and forgets it', async () => {
  const { platform, host, feed } = play()
  await platform.advance(5_000)
  if (host.connections !== 1) return
  feed.unsubscribe('blockchain', ['BTC/USD'], ['trade', 'book'])
  await platform.advance(300_000)
  expect(host.connections).toBe(0)
  expect(feed.metrics().venues[0]?.connections).toEqual([])
})

// What ends a feed reaches those who only listen.
test('a feed with listeners only says loudly that a symbol is unknown', async () => {
  const { platform, feed } = play(['NO/SUCH'])
  const events: MarketEvent[] = []
  feed.on('event', (event) => void events.push(event))
  const loud: unknown[] = []
  const heard = (error: unknown) => void loud.push(error)
  process.on('uncaughtException', heard)
  process.on('unhandledRejection', heard)
  await platform.advance(5_000)
  await new Promise((resolve) => setImmediate(resolve))
  process.off('uncaughtException', heard)
  process.off('unhandledRejection', heard)
  const named = events.some((event) => JSON.stringify(event).includes('NO/SUCH'))
  expect(named || loud.length > 0).toBe(true)
})
