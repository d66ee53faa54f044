import { describe, expect, test } from 'vitest'
import { bitfinex, bitfinexSimulator } from '../../../connectors/bitfinex/index.js'
import { blockchain, simulateBlockchain } from '../../../connectors/blockchain/index.js'
import type { ConnectionEvent, Micros } from '../../../schemas/events.js'
import type { Connector } from '../../../src/connector.js'
import { openFeed } from '../../../src/feed/feed.js'
import type { Dial, Platform } from '../../../src/platform.js'
import { virtualPlatform } from '../../../src/simulator/index.js'

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

describe('the end of a connection', () => {
  const cases: readonly (readonly [string, boolean, number, object])[] = [
    ['that maintenance was announced for is no failure', true, 1, { planned: 1 }],
    ['that comes unannounced is one', false, 2, { cut: 1 }],
  ]
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
