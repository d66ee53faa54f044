import { describe, expect, test } from 'vitest'
import { bitfinex } from '../../../connectors/bitfinex/index.js'
import { bitmex } from '../../../connectors/bitmex/index.js'
import { bittrex } from '../../../connectors/bittrex/index.js'
import { blockchain } from '../../../connectors/blockchain/index.js'
import type { ConnectionEvent, Micros } from '../../../schemas/events.js'
import {
  bitfinexSimulator,
  bitmexSimulator,
  bittrexSimulator,
  simulateBlockchain,
} from '../../../simulators/index.js'
import type { Connector } from '../../../src/connector.js'
import { openFeed } from '../../../src/feed/feed.js'
import { venueLine } from '../../../src/feed/venue-line.js'
import type { Dial, Platform } from '../../../src/platform.js'
import { type VenueSimulator, virtualPlatform } from '../../../src/simulator/index.js'
import { dialBudget } from '../../../src/socket/dial-budget.js'

const HOST = '127.0.0.1:9000'
const PER_MINUTE = 60

/** The most dials in any minute. */
function busiestMinute(dials: readonly Micros[]): number {
  let most = 0
  for (const [first, at] of dials.entries()) {
    const past = dials.findIndex((later) => later >= at + 60_000_000)
    most = Math.max(most, (past === -1 ? dials.length : past) - first)
  }
  return most
}

describe('a hundred connections that are lost at once', () => {
  test('come back within the budget of their host, over several feeds', async () => {
    const platform = virtualPlatform()
    const host = platform.serve(simulateBlockchain({ stepsPerSecond: 0.1 }), { hosts: [HOST], stepMs: 100 })
    const dials: Micros[] = []
    const dial: Dial = (target, events) => {
      dials.push(platform.now)
      return platform.dial(target, events)
    }
    const { clock, http, tools } = platform
    const counted: Platform = { clock, dial, http, tools }
    const symbols = [...host.simulator.markets.keys()].slice(0, 2)
    const feeds = Array.from({ length: 50 }, () => {
      const whole = blockchain({ url: `ws://${HOST}`, symbols, channels: ['trade'] })
      const limits = { ...whole.limits, subscriptionsPerConnection: 1, connectsPerMinute: PER_MINUTE }
      return openFeed([{ ...whole, limits }], { platform: counted, backoffCapMs: 2_000 })
    })
    await platform.advance(150_000)
    expect(host.connections).toBe(100)
    expect(busiestMinute(dials)).toBeLessThanOrEqual(PER_MINUTE)
    host.crash()
    await platform.advance(30_000)
    expect(feeds[0]?.metrics().waitingDials).toBeGreaterThan(0)
    await platform.advance(150_000)
    expect(host.connections).toBe(100)
    expect(dials.length).toBeGreaterThanOrEqual(200)
    expect(busiestMinute(dials)).toBeLessThanOrEqual(PER_MINUTE)
    const waits = feeds.flatMap((feed) => feed.metrics().venues.map(({ budgetWaits }) => budgetWaits.count))
    expect(waits.reduce((sum, count) => sum + count, 0)).toBeGreaterThan(100)
    const closing = Promise.all(feeds.map((feed) => feed.close()))
    await platform.advance(3_000)
    await closing
    expect(platform.open).toEqual({ timers: 0, sockets: 0, requests: 0 })
  })
})

/** A host that takes fewer connects in any minute than its connector declares, and refuses the others with 429. */
function strict(simulator: VenueSimulator, perMinute: number, headers: Record<string, string> = {}) {
  const taken: Micros[] = []
  let refused = 0
  const host: VenueSimulator = {
    venue: simulator.venue,
    markets: simulator.markets,
    connect: (peer, at) => simulator.connect(peer, at),
    http: (request, at) => simulator.http(request, at),
    advance: (at) => simulator.advance(at),
    admit(_request, at) {
      if (taken.filter((time) => time > at - 60_000_000).length < perMinute) {
        taken.push(at)
        return null
      }
      refused++
      return { status: 429, headers, body: 'too many' }
    },
  }
  return { host, refused: () => refused }
}

describe('a host that refuses connects as too many', () => {
  test('teaches its limit to every connection of the process, and is then not asked more often', async () => {
    const platform = virtualPlatform()
    const { host: simulator, refused } = strict(simulateBlockchain({ stepsPerSecond: 0.1 }), 12)
    const host = platform.serve(simulator, { hosts: [HOST], stepMs: 100 })
    const dials: Micros[] = []
    const dial: Dial = (target, events) => {
      dials.push(platform.now)
      return platform.dial(target, events)
    }
    const { clock, http, tools } = platform
    const symbols = [...host.simulator.markets.keys()].slice(0, 2)
    const feeds = Array.from({ length: 15 }, () => {
      const whole = blockchain({ url: `ws://${HOST}`, symbols, channels: ['trade'] })
      const limits = { ...whole.limits, subscriptionsPerConnection: 1, connectsPerMinute: 60 }
      return openFeed([{ ...whole, limits }], {
        platform: { clock, dial, http, tools },
        backoffCapMs: 2_000,
      })
    })
    await platform.advance(5_000)
    expect(refused()).toBeGreaterThan(0)
    const learned = feeds[0]?.metrics().learnedDialLimits[HOST] ?? Number.POSITIVE_INFINITY
    expect(learned).toBeLessThanOrEqual(12)
    expect(feeds.at(-1)?.metrics().learnedDialLimits).toEqual(feeds[0]?.metrics().learnedDialLimits)
    // What was dialled before the lesson weighs on the first minute.
    await platform.advance(60_000)
    const before = refused()
    dials.length = 0
    await platform.advance(300_000)
    expect(host.connections).toBe(30)
    host.crash()
    await platform.advance(300_000)
    expect(host.connections).toBe(30)
    expect(busiestMinute(dials)).toBeLessThanOrEqual(learned)
    expect(refused()).toBe(before)
    const closing = Promise.all(feeds.map((feed) => feed.close()))
    await platform.advance(3_000)
    await closing
  })

  test.each([
    ['for as long as it says', { 'retry-after': '20' }, 20_000],
    ['for the minute that its page says, where it does not', {}, 60_000],
  ])('is left alone %s', async (_, headers, holdMs) => {
    const platform = virtualPlatform()
    const { host: simulator } = strict(bitfinexSimulator({ stepsPerSecond: 1 }), 1, headers)
    const host = platform.serve(simulator, { hosts: [HOST] })
    const feed = openFeed([bitfinex({ url: `ws://${HOST}`, symbols: ['BTC/USD'] })], { platform })
    const dials: Micros[] = []
    feed.on('connection', ({ state, receiveTime }) => {
      if (state === 'connecting') dials.push(receiveTime ?? 0)
    })
    await platform.advance(5_000)
    host.crash()
    await platform.advance(90_000)
    const [first, refused, again] = dials
    expect((refused ?? 0) - (first ?? 0)).toBeLessThan(10_000_000)
    expect((again ?? 0) - (refused ?? 0)).toBeGreaterThanOrEqual(holdMs * 1000)
    const closing = feed.close()
    await platform.advance(3_000)
    await closing
  })
})

test('a venue that says that no connection is left holds all connections of the process', async () => {
  const platform = virtualPlatform()
  const simulator = bitmexSimulator({ stepsPerSecond: 1, dialect: '2021' })
  const said: VenueSimulator = {
    venue: 'bitmex',
    markets: simulator.markets,
    http: (request, at) => simulator.http(request, at),
    advance: (at) => simulator.advance(at),
    connect: (peer, at) =>
      simulator.connect(
        { ...peer, send: (data) => peer.send(String(data).replace(/"remaining":\d+/, '"remaining":0')) },
        at,
      ),
  }
  platform.serve(said, { hosts: [HOST] })
  const open = () => openFeed([bitmex({ url: `ws://${HOST}`, symbols: ['XBTUSD'] })], { platform })
  const first = open()
  await platform.advance(2_000)
  const second = open()
  const states: string[] = []
  second.on('connection', ({ state }) => void states.push(state))
  await platform.advance(50_000)
  expect(states).not.toContain('connecting')
  expect(second.metrics().waitingDials).toBe(1)
  await platform.advance(15_000)
  expect(states).toContain('open')
  const closing = Promise.all([first.close(), second.close()])
  await platform.advance(3_000)
  await closing
})

describe('requests over HTTP that are refused as too many', () => {
  test('hold those that follow for as long as the answer says, and are made less often from then on', async () => {
    const platform = virtualPlatform()
    const calls: Micros[] = []
    const whole = bitmex({ url: `ws://${HOST}`, symbols: ['XBTUSD'] })
    const line = venueLine({
      connector: { ...whole, limits: { ...whole.limits, requestsPerMinute: 60 } },
      platform: {
        ...platform,
        clock: platform.clock,
        async http({ id, url }) {
          calls.push(platform.now)
          const minute = calls.filter((time) => time > platform.now - 60_000_000).length
          return { id, url, status: minute > 20 ? 429 : 200, headers: { 'retry-after': '30' }, body: '' }
        },
      },
      budget: dialBudget(platform.clock),
      requestTimeoutMs: 1_000,
      emit: () => {},
      tap: null,
    })
    const answers: number[] = []
    for (let call = 0; call < 80; call++) {
      line.http(
        { id: String(call), method: 'GET', url: 'http://x' },
        ({ status }) => void answers.push(status),
      )
    }
    await platform.advance(600_000)
    expect(answers).toHaveLength(80)
    const refused = calls[answers.indexOf(429)] ?? 0
    const next = calls.find((time) => time > refused) ?? 0
    expect(next - refused).toBeGreaterThanOrEqual(30_000_000)
    const later = calls.filter((time) => time > refused + 90_000_000)
    expect(busiestMinute(later)).toBeLessThanOrEqual(20)
    expect(answers.filter((status) => status === 429).length).toBeLessThan(5)
    line.close()
  })

  test('are not made for a connection that is gone, in the place of those that the next one waits for', async () => {
    const platform = virtualPlatform()
    platform.serve(bittrexSimulator(), { hosts: ['bittrex.test'] })
    const whole = bittrex({ url: 'ws://bittrex.test', symbols: ['BTC/USD'] })
    // One each twenty seconds, the first for the listing; a connect waits fifteen for the answer that tells it where to.
    const slow = { ...whole, limits: { ...whole.limits, requestsPerMinute: 3 } }
    const feed = openFeed([slow], { platform })
    const opened: Micros[] = []
    feed.on('connection', ({ state }) => void (state === 'open' && opened.push(platform.now)))
    await platform.advance(25_000)
    expect(opened).toHaveLength(1)
    const closing = feed.close()
    await platform.advance(3_000)
    await closing
  })
})

describe('the end of a connection', () => {
  const cases: readonly (readonly [string, boolean, number, object])[] = [
    ['that maintenance was announced for is no failure', true, 1, { planned: 1 }],
    ['that comes unannounced is one', false, 2, { cut: 1 }],
  ]
  test('with the code by which its venue restarts is no failure', async () => {
    const platform = virtualPlatform()
    const host = platform.serve(bitmexSimulator({ stepsPerSecond: 1 }), { hosts: [HOST] })
    const feed = openFeed([bitmex({ url: `ws://${HOST}`, symbols: ['XBTUSD'] })], { platform })
    const told: ConnectionEvent[] = []
    feed.on('connection', (event) => void told.push(event))
    await platform.advance(5_000)
    expect(host.simulator.fault?.('maintenance', platform.now)).toBe(true)
    await platform.advance(1_000)
    expect(told.find(({ state }) => state === 'maintenance')).toMatchObject({
      reason: 'closed with 1012 Service restart',
    })
    expect(told.find(({ state }) => state === 'reconnecting')).toMatchObject({ attempt: 1 })
    expect(feed.metrics().venues[0]?.reconnects).toMatchObject({ planned: 1 })
    const closing = feed.close()
    await platform.advance(3_000)
    await closing
  })

  test.each(cases)('%s', async (_what, announced, attempt, reconnects) => {
    const platform = virtualPlatform()
    const host = platform.serve(bitfinexSimulator({ stepsPerSecond: 5 }), { hosts: [HOST] })
    const feed = openFeed([bitfinex({ url: `ws://${HOST}`, symbols: ['BTC/USD'] })], { platform })
    const told: ConnectionEvent[] = []
    feed.on('connection', (event) => void told.push(event))
    await platform.advance(5_000)
    if (announced) expect(host.simulator.fault?.('maintenance', platform.now)).toBe(true)
    await platform.advance(1_000)
    expect(told.some(({ state }) => state === 'maintenance')).toBe(announced)
    host.crash()
    await platform.advance(100)
    expect(told.find(({ state }) => state === 'reconnecting')).toMatchObject({ attempt })
    expect(feed.metrics().venues[0]?.reconnects).toEqual(reconnects)
    const closing = feed.close()
    await platform.advance(3_000)
    await closing
  })
})

test('a venue that takes fewer streams on a connection than it declares gets the rest on another', async () => {
  const platform = virtualPlatform()
  const host = platform.serve(bitfinexSimulator({ stepsPerSecond: 5 }), { hosts: [HOST] })
  const whole = bitfinex({ url: `ws://${HOST}`, symbols: ['BTC/USD'], channels: ['trade', 'book'] })
  const feed = openFeed([sayingFull(whole)], { platform })
  const ready: string[] = []
  feed.on('connection', ({ state, connection }) => void (state === 'ready' && ready.push(connection)))
  await platform.advance(5_000)
  expect(host.simulator.fault?.('limit-error', platform.now)).toBe(true)
  feed.subscribe('bitfinex', ['ETH/USD'], ['trade', 'book'])
  await platform.advance(10_000)
  expect(new Set(ready).size).toBe(2)
  expect(feed.metrics().venues[0]?.connections.map(({ subscriptions }) => subscriptions)).toEqual([3, 1])
  expect(feed.book('bitfinex', 'ETH/USD')?.state).toBe('live')
  expect(feed.metrics().venues[0]?.subscriptions.every(({ sinceDataMs }) => sinceDataMs !== null)).toBe(true)
  const closing = feed.close()
  await platform.advance(3_000)
  await closing
})

/** The same connector, whose session tells the engine what code 10305 of the venue means. */
function sayingFull(connector: Connector): Connector {
  return {
    ...connector,
    session: (init, sink) =>
      connector.session(init, {
        ...sink,
        emit(event) {
          sink.emit(event)
          if (event.type !== 'connection' || !event.reason?.includes('10305')) return
          const [, channel, symbol] = /^(\w+) of (\S+):/.exec(event.reason) ?? []
          const instrument = init.instruments.find(symbol ?? '')
          if (instrument === undefined || (channel !== 'trade' && channel !== 'book')) return
          sink.full?.({ instrument, channel })
        },
      }),
  }
}
