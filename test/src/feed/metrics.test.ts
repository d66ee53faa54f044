import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { describe, expect, test } from 'vitest'
import { bitfinex } from '../../../connectors/bitfinex/index.js'
import { blockchain } from '../../../connectors/blockchain/index.js'
import { bitfinexSimulator, simulateBlockchain } from '../../../simulators/index.js'
import type { Connector } from '../../../src/connector.js'
import { type Feed, type FeedOptions, openFeed } from '../../../src/feed/feed.js'
import type { FeedMetrics } from '../../../src/feed/metrics.js'
import {
  type SimulatedPeer,
  type VenueSimulator,
  type VirtualPlatform,
  virtualPlatform,
} from '../../../src/simulator/index.js'
import { nodePlatform } from '../../../src/socket/node.js'

const HOST = '127.0.0.1:9000'

function stage(options: FeedOptions = {}, limits: Partial<Connector['limits']> = {}) {
  const platform = virtualPlatform()
  const peers = new Set<SimulatedPeer>()
  const simulator = simulateBlockchain({ stepsPerSecond: 50 })
  const host = platform.serve(tapped(simulator, peers), { hosts: [HOST] })
  const whole = blockchain({ url: `ws://user:hush@${HOST}/?token=hush`, symbols: ['BTC/USD'] })
  const feed = openFeed([{ ...whole, limits: { ...whole.limits, ...limits } }], {
    platform: {
      clock: platform.clock,
      dial: platform.dial,
      http: platform.http,
      tools: platform.tools,
      diagnostics: nodePlatform().diagnostics ?? { publish() {} },
    },
    ...options,
  })
  return { platform, host, peers, feed }
}

function tapped(simulator: VenueSimulator, peers: Set<SimulatedPeer>): VenueSimulator {
  return {
    venue: simulator.venue,
    markets: simulator.markets,
    http: (request, at) => simulator.http(request, at),
    advance: (at) => simulator.advance(at),
    connect(peer, at) {
      peers.add(peer)
      const connection = simulator.connect(peer, at)
      return {
        received: (data, now) => connection.received(data, now),
        closed: (now) => {
          peers.delete(peer)
          connection.closed(now)
        },
      }
    },
  }
}

async function end(platform: VirtualPlatform, feed: Feed): Promise<void> {
  const closing = feed.close()
  await platform.advance(3_000)
  await closing
}

const only = ({ venues }: FeedMetrics) => {
  const [venue] = venues
  if (venue === undefined) throw new Error('no venue in the metrics')
  return venue
}

describe('the metrics of a feed', () => {
  test('tell how old each subscription is', async () => {
    const { platform, host, feed } = stage()
    await platform.advance(10_000)
    for (const market of host.simulator.markets.values()) market.frozen = true
    await platform.advance(5_000)
    const book = only(feed.metrics()).subscriptions.find(({ channel }) => channel === 'book')
    expect(book).toMatchObject({ symbol: 'BTC/USD', instrument: 'BTC-USD', connection: 'exchange#0' })
    expect(book).toMatchObject({ gap: null, book: 'live' })
    expect(book?.sinceDataMs).toBeGreaterThan(4_900)
    expect(book?.sinceDataMs).toBeLessThan(5_200)
    expect(book?.sinceAckMs).toBeGreaterThan(14_000)
    await end(platform, feed)
  })

  test('do not take a clock that was set for age', async () => {
    const { platform, feed } = stage()
    await platform.advance(10_000)
    for (const byMs of [3_600_000, -7_200_000]) {
      platform.stepClock(byMs)
      await platform.advance(3_000)
      const book = only(feed.metrics()).subscriptions.find(({ channel }) => channel === 'book')
      expect(book?.sinceDataMs).toBeGreaterThanOrEqual(0)
      expect(book?.sinceDataMs).toBeLessThan(2_000)
      expect(book?.sinceAckMs).toBeLessThan(20_000)
    }
    await end(platform, feed)
  })

  test('count gaps and reconnects by cause', async () => {
    const { platform, host, feed } = stage()
    await platform.advance(5_000)
    host.crash()
    await platform.advance(100)
    expect(only(feed.metrics()).subscriptions.map(({ gap }) => gap)).toEqual(['disconnected', 'disconnected'])
    await platform.advance(20_000)
    const metrics = only(feed.metrics())
    expect(metrics.gaps).toEqual({
      opened: { disconnected: 2 },
      healed: 1,
      unhealed: 1,
      swallowed: {},
    })
    expect(metrics.reconnects).toEqual({ cut: 1 })
    expect(metrics.connections).toMatchObject([
      { connection: 'exchange#0', subscriptions: 2, socket: { state: 'open', opened: 2, lost: { cut: 1 } } },
    ])
    await end(platform, feed)
  })

  test('count backfills, what they brought and how they ended', async () => {
    const platform = virtualPlatform()
    const simulator = bitfinexSimulator({ seed: 3, stepsPerSecond: 40 })
    const host = platform.serve(simulator, { hosts: [HOST] })
    const told: unknown[] = []
    const feed = openFeed(
      [bitfinex({ url: `ws://user:hush@${HOST}`, symbols: ['BTC/USD'], channels: ['trade'] })],
      {
        platform: {
          clock: platform.clock,
          dial: (target, events) => platform.dial(target, events),
          http: (request, options) => platform.http(request, options),
          tools: platform.tools,
          diagnostics: {
            publish(channel, message) {
              if (channel === 'tapewire:backfill') told.push(message)
            },
          },
        },
      },
    )
    let historical = 0
    await platform.advance(10_000)
    feed.on('trade', (event) => {
      if (event.historical) historical++
    })
    host.crash()
    for (const market of simulator.markets.values())
      for (let step = 0; step < 400; step++) market.step(platform.now)
    await platform.advance(20_000)
    const { backfills, gaps } = only(feed.metrics())
    expect(backfills).toMatchObject({ asked: 1, healed: 1, unhealed: 0 })
    expect(backfills.trades).toBeGreaterThan(30)
    expect(backfills.trades).toBeLessThanOrEqual(historical)
    expect(gaps).toMatchObject({ healed: 1, unhealed: 0 })
    expect(told).toMatchObject([
      { venue: 'bitfinex', connection: 'public#0', instrument: 'tBTCUSD', channel: 'trade', state: 'asked' },
      { state: 'brought', trades: backfills.trades },
      { state: 'healed' },
    ])
    expect(JSON.stringify(told)).not.toContain('hush')
    await end(platform, feed)
  })

  test('count handovers', async () => {
    const { platform, feed } = stage({}, { maxConnectionAgeMs: 20_000 })
    await platform.advance(90_000)
    const metrics = only(feed.metrics())
    expect(metrics.handovers).toBeGreaterThanOrEqual(4)
    expect(metrics.gaps.opened).toEqual({})
    await end(platform, feed)
  })

  test('count malformed frames by reason and path, in bounds', async () => {
    const { platform, peers, feed } = stage()
    await platform.advance(5_000)
    for (const peer of peers) {
      peer.send('not json')
      for (let field = 0; field < 300; field++) peer.send(`{"seqnum":${field},"event":{"x":1}}`)
    }
    await platform.advance(5_000)
    const { malformed } = only(feed.metrics())
    expect(Object.keys(malformed).length).toBeLessThanOrEqual(101)
    expect(malformed['not_json']).toBe(1)
    const total = Object.values(malformed).reduce<number>((sum, count) => sum + (count ?? 0), 0)
    expect(total).toBeGreaterThan(1)
    await end(platform, feed)
  })

  test('show the queue, its high-water mark and what it dropped', async () => {
    const { platform, feed } = stage({ queue: { limit: 200, policy: 'drop-oldest' } })
    await platform.advance(20_000)
    const { queue } = feed.metrics()
    expect(queue).toMatchObject({ limit: 200, policy: 'drop-oldest', highWater: 200 })
    expect(queue.depth).toBeLessThanOrEqual(200)
    expect(queue.dropped).toBeGreaterThan(100)
    await end(platform, feed)
  })

  test('time every sixteenth frame', async () => {
    const { platform, feed } = stage()
    await platform.advance(10_000)
    const { decode } = only(feed.metrics())
    expect(decode.frames).toBeGreaterThan(300)
    expect(decode.timed).toBe(Math.ceil(decode.frames / 16))
    await end(platform, feed)
  })
})

test('diagnostics_channel tells of connections, losses, gaps and handovers, without a secret', async () => {
  const told: [string, unknown][] = []
  const listen = (message: unknown, name: string | symbol) => void told.push([String(name), message])
  const names = ['connection', 'loss', 'gap', 'malformed', 'handover', 'swallowed-gap'].map(
    (n) => `tapewire:${n}`,
  )
  for (const name of names) subscribe(name, listen)
  try {
    const { platform, host, peers, feed } = stage({}, { maxConnectionAgeMs: 30_000 })
    await platform.advance(40_000)
    for (const peer of peers) peer.send('not json')
    await platform.advance(1_000)
    host.crash()
    await platform.advance(5_000)
    await end(platform, feed)
  } finally {
    for (const name of names) unsubscribe(name, listen)
  }
  expect(new Set(told.map(([name]) => name))).toEqual(
    new Set(names.filter((name) => name !== 'tapewire:swallowed-gap')),
  )
  expect(told.find(([name]) => name === 'tapewire:loss')?.[1]).toMatchObject({
    venue: 'blockchain',
    cause: 'cut',
  })
  expect(JSON.stringify(told)).not.toContain('hush')
})
