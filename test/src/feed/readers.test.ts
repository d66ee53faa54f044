import { afterEach, expect, test } from 'vitest'
import { blockchain } from '../../../connectors/blockchain/index.js'
import type { GapEvent, MarketEvent, StreamEvent } from '../../../schemas/events.js'
import { simulateBlockchain } from '../../../simulators/index.js'
import { type Feed, type FeedOptions, openFeed } from '../../../src/feed/feed.js'
import type { FeedReader } from '../../../src/outlet/reader.js'
import { virtualPlatform, withFaults } from '../../../src/simulator/index.js'

const HOST = '127.0.0.1:9000'

let played: { readonly feed: Feed; readonly platform: ReturnType<typeof virtualPlatform> } | null = null

/** A feed of two markets on the simulated venue, in memory. */
function play(
  options: FeedOptions = {},
  symbols: readonly string[] = ['BTC/USD', 'ETH/USD'],
  cutAtMs: number | null = null,
) {
  const platform = virtualPlatform({ seed: 5 })
  const plan = { faults: cutAtMs === null ? [] : [{ fault: 'reset' as const, atMs: cutAtMs }] }
  const venue = withFaults(simulateBlockchain({ seed: 5, stepsPerSecond: 10 }), plan, platform.random)
  platform.serve(venue, { hosts: [HOST] })
  const connector = blockchain({ url: `ws://${HOST}`, symbols, channels: ['trade', 'book'] })
  const feed = openFeed([connector], { platform, ...options })
  played = { feed, platform }
  return { platform, feed }
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

/** Reads all that comes from now on, and sees it as it is read. */
function reading(reader: AsyncIterable<MarketEvent>, see: (event: MarketEvent) => void = () => {}) {
  const events: MarketEvent[] = []
  const over = (async () => {
    for await (const event of reader) {
      events.push(event)
      see(event)
    }
  })()
  return { events, over }
}

async function rest(reader: AsyncIterable<MarketEvent>): Promise<MarketEvent[]> {
  const { events, over } = reading(reader)
  await over
  return events
}

/** Without what is said of the instruments themselves, once. */
function streams(events: readonly MarketEvent[]): Map<string, StreamEvent[]> {
  const found = new Map<string, StreamEvent[]>()
  for (const event of events) {
    if (!('channel' in event) || event.type === 'instrument') continue
    const key = `${event.channel} ${event.instrument}`
    found.set(key, [...(found.get(key) ?? []), event])
  }
  return found
}

test('any number of readers and listeners get every event, each at its own pace', async () => {
  const { platform, feed } = play()
  const heard: MarketEvent[] = []
  const fast = feed.reader()
  const slow = feed.reader({ policy: 'drop-oldest' })
  feed.on('event', (event) => void heard.push(event))
  const quick = reading(fast)
  await platform.advance(10_000)
  expect(quick.events.length).toBeGreaterThan(100)
  expect(feed.metrics().readers.map(({ behind }) => behind > 100)).toEqual([false, true])
  await end()
  await quick.over
  expect(quick.events).toEqual(heard)
  expect(await rest(slow)).toEqual(heard)
  expect(slow.cursor).toEqual({ epoch: feed.epoch, offset: feed.offset, emitted: feed.emitted })
})

test('a loop over the feed and a reader see the same, and leaving the last loop closes the feed', async () => {
  const { platform, feed } = play({ queue: { policy: 'drop-oldest' } })
  const first = feed[Symbol.asyncIterator]()
  const second = feed[Symbol.asyncIterator]()
  const reader = feed.reader()
  await platform.advance(5_000)
  const one = (await first.next()).value
  expect((await second.next()).value).toBe(one)
  expect((await reader.next()).value).toBe(one)
  await first.return?.()
  feed.on('trade', () => {})
  const left = second.return?.()
  await platform.advance(3_000)
  await left
  expect(() => feed.on('trade', () => {})).toThrow(expect.objectContaining({ code: 'feed_closed' }))
})

test('a reader gets only what its filter passes', async () => {
  const { platform, feed } = play()
  const reader = feed.reader({ types: ['trade', 'gap'], symbols: ['ETH/USD'] })
  const all = feed.reader({ policy: 'drop-oldest' })
  await platform.advance(20_000)
  await end()
  const events = await rest(reader)
  expect(events.length).toBeGreaterThan(5)
  const wanted = (event: MarketEvent) =>
    (event.type === 'trade' || event.type === 'gap') && event.symbol === 'ETH/USD'
  expect(events).toEqual((await rest(all)).filter(wanted))
})

test('a reader that comes late gets the image of each book first, and goes on from there', async () => {
  const { platform, feed } = play()
  const early = reading(feed.reader())
  await platform.advance(10_000)
  const late = feed.reader({ policy: 'drop-oldest', books: true })
  const read = reading(late)
  await platform.advance(10_000)
  for (const [key, events] of streams(read.events)) {
    const [image, ...after] = events
    const seen = streams(early.events).get(key) ?? []
    if (key.startsWith('book')) expect(image?.type).toBe('book_snapshot')
    expect(after).toEqual(seen.filter(({ n }) => (n ?? 0) > (image?.n ?? 0)))
    if (key.startsWith('book')) expect(seen.some(({ n }) => n === image?.n)).toBe(true)
  }
  for (const symbol of ['BTC/USD', 'ETH/USD']) {
    const book = late.book('blockchain', symbol)
    expect(book?.top(50)).toEqual(feed.book('blockchain', symbol)?.top(50))
    expect(book?.top(50).bids.length).toBeGreaterThan(10)
  }
})

test('a reader that comes while a gap is open gets the gap first', async () => {
  const { platform, feed } = play({}, ['BTC/USD', 'ETH/USD'], 5_000)
  const early = reading(feed.reader())
  while (!early.events.some(({ type }) => type === 'gap')) await platform.advance(10)
  const late = reading(feed.reader({ policy: 'drop-oldest' }))
  await platform.advance(20_000)
  const [gap] = early.events.filter(({ type }) => type === 'gap')
  expect(gap).toBeDefined()
  for (const [key, events] of streams(late.events)) {
    expect(events[0]).toMatchObject({ type: 'gap', state: 'open' })
    const seen = streams(early.events).get(key) ?? []
    expect(events).toEqual(seen.slice(seen.indexOf(events[0] as StreamEvent)))
  }
})

/** The best levels of the feed's book as each event of it is emitted, and a reader that is behind all of them. */
async function behind(open: (feed: Feed) => Pick<FeedReader, 'book'> & AsyncIterable<MarketEvent>) {
  const { platform, feed } = play({}, ['BTC/USD'])
  const reader = open(feed)
  const tops: string[] = []
  feed.on('event', (event) => {
    if (event.type === 'book_update' || event.type === 'book_snapshot')
      tops.push(JSON.stringify(feed.book('blockchain', 'BTC/USD')?.top(5)))
  })
  await platform.advance(5_000)
  await end()
  return { feed, reader, tops }
}

test.each([
  ['a reader', (feed: Feed) => feed.reader()],
  ['a reader that asked for books', (feed: Feed) => feed.reader({ books: true, channels: ['book'] })],
  ['a loop over the feed that has a name', (feed: Feed) => feed[Symbol.asyncIterator]()],
])('%s has the book of the event that it read last, while feed.book() is the newest', async (_what, open) => {
  const { feed, reader, tops } = await behind(open)
  const own: string[] = []
  const newest = JSON.stringify(feed.book('blockchain', 'BTC/USD')?.top(5))
  for await (const event of reader) {
    if (event.type !== 'book_update' && event.type !== 'book_snapshot') continue
    own.push(JSON.stringify(reader.book('blockchain', 'BTC/USD')?.top(5)))
    expect(JSON.stringify(feed.book('blockchain', 'BTC/USD')?.top(5))).toBe(newest)
  }
  expect(own.length).toBeGreaterThan(50)
  expect(own).toEqual(tops)
  expect(new Set(own).size).toBeGreaterThan(10)
})

test('a reader that keeps no books says how to ask for them', async () => {
  const { feed, platform } = play()
  const reader = feed.reader()
  const told = 'read it with for await, or open it with feed.reader({ books: true })'
  expect(() => reader.book('blockchain', 'BTC/USD')).toThrow(told)
  await platform.advance(5_000)
  expect((await reader.next()).done).toBe(false)
  expect(() => reader.book('blockchain', 'BTC/USD')).toThrow(told)
  const without = feed.reader({ books: false, policy: 'drop-oldest' })
  for await (const event of without) if (event.type === 'book_snapshot') break
  expect(() => without.book('blockchain', 'BTC/USD')).toThrow(told)
})

/** Reads some, then stops for a while, then reads on. */
async function stalled(policy: 'drop-oldest' | 'pause') {
  const { platform, feed } = play({ queue: { limit: 200 } })
  const witness = reading(feed.reader({ policy: 'drop-oldest' }))
  const reader: FeedReader = feed.reader({ policy, books: true })
  const read: MarketEvent[] = []
  await platform.advance(2_000)
  for (let count = 0; count < 20; count++) {
    const next = await reader.next()
    if (!next.done) read.push(next.value)
  }
  await platform.advance(20_000)
  const resumed = reading(reader)
  await platform.advance(10_000)
  return { feed, witness, reader, read: [...read, ...resumed.events] }
}

test('what a slow reader misses is a gap for it alone, on each stream, between the numbers that it read', async () => {
  const { feed, witness, reader, read } = await stalled('drop-oldest')
  expect(witness.events.filter(({ type }) => type === 'gap')).toEqual([])
  expect(feed.metrics().queue.dropped).toBe(reader.dropped)
  const gaps = read.filter((event): event is GapEvent => event.type === 'gap')
  expect(new Set(gaps.map(({ n }) => n))).toEqual(new Set([null]))
  expect(new Set(gaps.map(({ reason }) => reason))).toEqual(new Set(['overflow']))
  for (const [key, events] of streams(read)) {
    let last = 0
    let missed = 0
    for (const [index, event] of events.entries()) {
      if (event.type !== 'gap') {
        if (last > 0) expect(event.n, key).toBe(last + 1)
        last = event.n
        continue
      }
      if (event.state === 'open') expect(event.after?.n ?? 0, key).toBe(last)
      else {
        const next = events[index + 1]
        expect(event.before?.n, key).toBe(next?.n)
        expect(event.healed).toBe(key.startsWith('book'))
        missed += (next?.n ?? 0) - last - 1
        last = (next?.n ?? 0) - 1
        if (key.startsWith('book')) expect(next?.type).toBe('book_snapshot')
      }
    }
    expect(missed, key).toBeGreaterThan(0)
  }
  expect(reader.book('blockchain', 'BTC/USD')?.top(50)).toEqual(feed.book('blockchain', 'BTC/USD')?.top(50))
})

test('a reader that pauses the feed misses nothing', async () => {
  const { witness, read, reader } = await stalled('pause')
  expect(reader.dropped).toBe(0)
  expect(read).toEqual(witness.events)
})

test('one reader may pause the feed; a second is refused until that one is closed', async () => {
  const { feed } = play()
  const first = feed.reader({ name: 'mine' })
  expect(() => feed.reader()).toThrow(/mine.*drop-oldest/)
  expect(() => feed[Symbol.asyncIterator]()).toThrow(expect.objectContaining({ code: 'second_pause' }))
  first.close()
  expect(() => feed.reader()).not.toThrow()
})

test('closing the reader for which the feed pauses lets it go on', async () => {
  const { platform, feed } = play({ queue: { limit: 50 } })
  const slow = feed.reader()
  const other = reading(feed.reader({ policy: 'drop-oldest' }))
  await platform.advance(20_000)
  const before = other.events.length
  await platform.advance(5_000)
  expect(other.events.length).toBe(before)
  slow.close()
  await platform.advance(5_000)
  expect(other.events.length).toBeGreaterThan(before)
})

test('a reader under the policy error fails alone', async () => {
  const { platform, feed } = play({ queue: { limit: 50 } })
  const strict = feed.reader({ policy: 'error' })
  const other = reading(feed.reader({ policy: 'drop-oldest' }))
  await platform.advance(20_000)
  await expect(strict.next()).rejects.toMatchObject({ code: 'queue_overflow' })
  expect(other.events.length).toBeGreaterThan(200)
})

test('what waits is bounded in bytes', async () => {
  const { platform, feed } = play({ queue: { maxBytes: 40_000 } })
  await platform.advance(20_000)
  const { depth, bytes, limit } = feed.metrics().queue
  expect(bytes).toBeGreaterThan(40_000)
  expect(bytes).toBeLessThan(120_000)
  expect(depth).toBeLessThan(limit / 100)
})

test('listeners are called in the order in which they registered, before any reader', async () => {
  const { platform, feed } = play()
  const calls: string[] = []
  const reader = feed.reader()
  const read = reading(reader, (event) => {
    if (event.type === 'book_snapshot') calls.push('reader')
  })
  feed.on('event', ({ type }) => void (type === 'book_snapshot' && calls.push('all')))
  feed.on('book_snapshot', () => void calls.push('one'))
  feed.on('event', ({ type }) => void (type === 'book_snapshot' && calls.push('last')))
  await platform.advance(5_000)
  expect(read.events.length).toBeGreaterThan(10)
  expect(calls.filter((call) => call === 'reader').length).toBe(2)
  expect(calls.slice(0, 3)).toEqual(['all', 'one', 'last'])
  expect(calls.filter((call) => call !== 'reader')).toEqual(['all', 'one', 'last', 'all', 'one', 'last'])
})
