import { describe, expect, test } from 'vitest'
import { bitmex } from '../../../connectors/bitmex/index.js'
import { blockchain } from '../../../connectors/blockchain/index.js'
import type { GapEvent, MarketEvent } from '../../../schemas/events.js'
import { simulateBlockchain } from '../../../simulators/index.js'
import type { Connector } from '../../../src/connector.js'
import { type FeedOptions, openFeed } from '../../../src/feed/feed.js'
import { type VenueSimulator, virtualPlatform } from '../../../src/simulator/index.js'

const HOST = '127.0.0.1:9000'

/** A feed on a simulated venue, both in memory, under a clock that goes only when it is told to. */
function stage(
  symbols: readonly string[],
  options: FeedOptions = {},
  simulator: VenueSimulator = simulateBlockchain({ stepsPerSecond: 50 }),
) {
  const platform = virtualPlatform()
  const host = platform.serve(simulator, { hosts: [HOST] })
  const connector = blockchain({ url: `ws://${HOST}`, symbols, channels: ['trade', 'book'] })
  return { platform, host, feed: openFeed([connector], { platform, ...options }) }
}

describe('what cannot be is refused at the door', () => {
  const cases: readonly (readonly [string, () => unknown, string, RegExp])[] = [
    ['no connector', () => openFeed([]), 'no_connectors', /at least one connector/],
    [
      'a venue twice',
      () => openFeed([blockchain({ symbols: ['BTC/USD'] }), blockchain({ symbols: ['ETH/USD'] })]),
      'duplicate_venue',
      /blockchain is given twice/,
    ],
    [
      'a closed venue without a URL',
      () => openFeed([bitmex({ symbols: ['XBTUSD'] })]),
      'venue_closed',
      /closed since 2026-09-23.*url/,
    ],
    [
      'an unknown option',
      () => openFeed([blockchain()], { que: 1 } as FeedOptions),
      'bad_option',
      /no option que/,
    ],
    [
      'a value out of range',
      () => openFeed([blockchain()], { queue: { limit: 0 } }),
      'bad_option',
      /queue\.limit.*got 0/,
    ],
  ]
  test.each(cases)('%s', (_what, open, code, message) => {
    expect(open).toThrow(expect.objectContaining({ code, message: expect.stringMatching(message) }))
  })
})

describe('what only the venue can tell ends the iteration', () => {
  test('an unknown symbol, with the nearest there is', async () => {
    const { platform, feed } = stage(['BTC/USB'])
    await platform.advance(1000)
    await expect(feed[Symbol.asyncIterator]().next()).rejects.toMatchObject({
      code: 'unknown_symbol',
      message: expect.stringContaining('did you mean BTC/USD?'),
    })
    await expect(feed.done).rejects.toMatchObject({ code: 'unknown_symbol' })
    expect(platform.open).toEqual({ timers: 0, sockets: 0, requests: 0 })
  })

  test('no symbol at all', async () => {
    const { platform, feed } = stage([])
    await platform.advance(1000)
    await expect(feed.done).rejects.toMatchObject({ code: 'no_symbols' })
  })
})

describe('a feed', () => {
  test('is read with for await, and leaving the loop ends everything', async () => {
    const { platform, feed } = stage(['BTC/USD'])
    await platform.advance(3000)
    const types = new Set<string>()
    const reading = (async () => {
      for await (const event of feed) {
        types.add(event.type)
        if (event.type === 'book_update') break
      }
    })()
    await platform.advance(5000)
    await reading
    expect(types).toContain('book_snapshot')
    expect(platform.open).toEqual({ timers: 0, sockets: 0, requests: 0 })
    await feed.done
  })

  test('gives what is still queued after close(), then ends', async () => {
    const { platform, feed } = stage(['BTC/USD'])
    await platform.advance(3000)
    const closing = feed.close()
    await platform.advance(3000)
    await closing
    let count = 0
    for await (const _event of feed) count++
    expect(count).toBeGreaterThan(50)
  })

  test('ends with its signal', async () => {
    const controller = new AbortController()
    const { platform, feed } = stage(['BTC/USD'], { signal: controller.signal })
    await platform.advance(1000)
    controller.abort()
    await platform.advance(3000)
    await feed.done
    expect(platform.open).toEqual({ timers: 0, sockets: 0, requests: 0 })
  })

  test('tells listeners of one type, of all, until they are taken away', async () => {
    const { platform, feed } = stage(['BTC/USD'])
    const trades: MarketEvent[] = []
    const all: MarketEvent[] = []
    feed.on('trade', (trade) => void trades.push(trade))
    const off = feed.on('event', (event) => void all.push(event))
    await platform.advance(5000)
    expect(trades.length).toBeGreaterThan(0)
    expect(all.filter(({ type }) => type === 'trade')).toEqual(trades)
    off()
    const { length } = all
    await platform.advance(1000)
    expect(all).toHaveLength(length)
  })

  test('keeps the books that its user asks for', async () => {
    const { platform, host, feed } = stage(['BTC/USD', 'ALGO/BTC'])
    expect(feed.book('blockchain', 'BTC/USD')).toBeNull()
    await platform.advance(5000)
    for (const market of host.simulator.markets.values()) market.frozen = true
    await platform.advance(1000)
    expect(feed.book('blockchain', 'ALGO/BTC')?.top(1000)).toEqual(
      host.simulator.markets.get('ALGO-BTC')?.book.top(1000),
    )
    expect(feed.book('blockchain', 'BTC-USD')?.state).toBe('live')
    expect(feed.book('nowhere', 'BTC/USD')).toBeNull()
    expect(feed.instrument('blockchain', 'ALGO/BTC')).toMatchObject({
      instrument: 'ALGO-BTC',
      tickSize: '0.00000001',
    })
  })

  test('takes further streams while it runs, each once', async () => {
    const { platform, feed } = stage(['BTC/USD'])
    const snapshots: string[] = []
    feed.on('book_snapshot', ({ symbol }) => void snapshots.push(symbol))
    await platform.advance(2000)
    feed.subscribe('blockchain', ['ETH/USD', 'BTC/USD'], ['book'])
    await platform.advance(2000)
    expect(snapshots).toEqual(['BTC/USD', 'ETH/USD'])
    expect(() => feed.subscribe('bitfinex', ['BTC/USD'], ['book'])).toThrow(
      expect.objectContaining({ code: 'unknown_venue' }),
    )
    expect(() => feed.subscribe('blockchain', ['BTC/USD'], ['block'])).toThrow(
      expect.objectContaining({ code: 'unsupported_channel' }),
    )
  })

  test('spreads streams over connections by the venue’s limit', async () => {
    const platform = virtualPlatform()
    platform.serve(simulateBlockchain(), { hosts: [HOST] })
    const whole = blockchain({
      url: `ws://${HOST}`,
      symbols: ['BTC/USD', 'ETH/USD'],
      channels: ['trade', 'book'],
    })
    const narrow: Connector = { ...whole, limits: { ...whole.limits, subscriptionsPerConnection: 3 } }
    const feed = openFeed([narrow], { platform })
    const connections = new Set<string>()
    feed.on('connection', ({ connection }) => void connections.add(connection))
    await platform.advance(3000)
    expect(connections).toEqual(new Set(['exchange#0', 'exchange#1']))
    expect(feed.book('blockchain', 'ETH/USD')?.state).toBe('live')
  })

  test('goes on without the listing where its symbols can be told by rule', async () => {
    const simulator = simulateBlockchain()
    const away: VenueSimulator = { ...simulator, http: () => ({ status: 503, body: '' }) }
    const { platform, feed } = stage(['BTC/USD'], {}, away)
    await platform.advance(20_000)
    expect(feed.book('blockchain', 'BTC/USD')?.state).toBe('live')
  })

  test('a venue that is away is tried for ever, and its return heals every book', async () => {
    const { platform, host, feed } = stage(['BTC/USD'])
    const gaps: MarketEvent[] = []
    feed.on('gap', (event) => void gaps.push(event))
    await platform.advance(3000)
    host.part()
    await platform.advance(600_000)
    host.heal()
    await platform.advance(120_000)
    expect(feed.book('blockchain', 'BTC/USD')?.state).toBe('live')
    const book = gaps.filter((gap) => 'channel' in gap && gap.channel === 'book')
    expect(book).toMatchObject([{ state: 'open' }, { state: 'closed', healed: true }])
    const [opened, closed] = book
    expect((closed?.receiveTime ?? 0) - (opened?.receiveTime ?? 0)).toBeGreaterThan(500_000_000)
  })
})

describe('a reader that is too slow', () => {
  test('by default holds the venue back; nothing is lost', async () => {
    const { platform, host, feed } = stage(['BTC/USD'], { queue: { limit: 200 } })
    await platform.advance(20_000)
    const events: MarketEvent[] = []
    const iterator = feed[Symbol.asyncIterator]()
    for (const market of host.simulator.markets.values()) market.frozen = true
    for (let quiet = 0; quiet < 40; quiet++) {
      let waiting = true
      while (waiting) {
        const next = await Promise.race([iterator.next(), platform.settle().then(() => null)])
        if (next === null) waiting = false
        else if (!next.done) events.push(next.value)
        if (events.length > 5000) waiting = false
      }
      await platform.advance(50)
    }
    expect(events.length).toBeGreaterThan(200)
    expect(events.filter(({ type }) => type === 'gap')).toEqual([])
    expect(feed.book('blockchain', 'BTC/USD')?.top(50)).toEqual(
      host.simulator.markets.get('BTC-USD')?.book.top(50),
    )
  })

  test('under drop-oldest loses whole streams, each with a gap, and their books heal', async () => {
    const { platform, feed } = stage(['BTC/USD', 'ETH/USD'], { queue: { limit: 300, policy: 'drop-oldest' } })
    await platform.advance(30_000)
    const closing = feed.close()
    await platform.advance(3000)
    await closing
    const events: MarketEvent[] = []
    for await (const event of feed) events.push(event)
    expect(events.length).toBeLessThanOrEqual(300)
    const overflows = events.filter((event) => event.type === 'gap' && event.reason === 'overflow')
    expect(overflows.length).toBeGreaterThan(0)
    for (const symbol of ['BTC/USD', 'ETH/USD']) {
      let whole = true
      for (const event of events) {
        if (!('channel' in event) || event.channel !== 'book' || event.symbol !== symbol) continue
        if (event.type === 'gap' && event.state === 'open') whole = false
        if (event.type === 'book_snapshot') whole = true
        if (event.type === 'book_update' && !whole)
          throw new Error(`an update of ${symbol} after a gap, before a snapshot`)
      }
    }
  })

  test('under drop-oldest nobody has to read: gap upon gap is told as one', async () => {
    const { platform, feed } = stage(['BTC/USD', 'ETH/USD'], { queue: { limit: 50, policy: 'drop-oldest' } })
    await platform.advance(300_000)
    const closing = feed.close()
    await platform.advance(3000)
    await closing
    await expect(feed.done).resolves.toBeUndefined()
    const open = new Map<string, GapEvent>()
    let gaps = 0
    for await (const event of feed) {
      if (event.type !== 'gap') continue
      const stream = `${event.channel} of ${event.symbol}`
      const opened = open.get(stream)
      expect(event.state).toBe(opened === undefined ? 'open' : 'closed')
      if (opened !== undefined) expect(event).toMatchObject({ reason: 'overflow', from: opened.from })
      if (event.state === 'open') open.set(stream, event)
      else open.delete(stream)
      gaps++
    }
    expect(gaps).toBeGreaterThan(4)
    expect(gaps).toBeLessThan(20)
  })

  test('under error ends the feed', async () => {
    const { platform, feed } = stage(['BTC/USD'], { queue: { limit: 100, policy: 'error' } })
    await platform.advance(20_000)
    await expect(feed.done).rejects.toMatchObject({ code: 'queue_overflow' })
    expect(platform.open).toEqual({ timers: 0, sockets: 0, requests: 0 })
  })
})
