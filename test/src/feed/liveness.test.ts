import { describe, expect, test } from 'vitest'
import { blockchain } from '../../../connectors/blockchain/index.js'
import type { MarketEvent, Micros } from '../../../schemas/events.js'
import { simulateBlockchain } from '../../../simulators/index.js'
import { openFeed } from '../../../src/feed/feed.js'
import { virtualPlatform } from '../../../src/simulator/index.js'

const HOST = '127.0.0.1:9000'

/** Not before the bound, and no more than a tenth after it. */
function expectWithin(from: Micros | undefined, to: Micros | null | undefined, boundMs: number): void {
  expect(from).toBeTypeOf('number')
  expect(to).toBeTypeOf('number')
  const tookMs = ((to ?? 0) - (from ?? 0)) / 1000
  expect(tookMs).toBeGreaterThanOrEqual(boundMs * 0.99)
  expect(tookMs).toBeLessThanOrEqual(boundMs * 1.1)
}

/** What the venues' own limits bring about is in test/docs/how-soon.test.ts; here are those that the user sets. */
describe('silence is noticed in time', () => {
  test('a channel that misses its cadence is a gap and is asked for again, while its siblings go on', async () => {
    const platform = virtualPlatform()
    const host = platform.serve(simulateBlockchain({ stepsPerSecond: 20 }), { hosts: [HOST] })
    const symbols = ['BTC/USD', 'ETH/USD']
    const venue = blockchain({ url: `ws://${HOST}`, symbols, channels: ['book'], staleBookMs: 12_000 })
    const feed = openFeed([venue], { platform })
    const events: MarketEvent[] = []
    feed.on('event', (event) => void events.push(event))
    await platform.advance(10_000)
    const market = host.simulator.markets.get('ETH-USD')
    if (market === undefined) throw new Error('the simulator has no ETH-USD')
    market.frozen = true
    await platform.advance(20_000)
    const ofEth = events.filter((event) => 'instrument' in event && event.instrument === 'ETH-USD')
    const stale = ofEth.findIndex((event) => event.type === 'gap' && event.reason === 'stale')
    const before = ofEth[stale - 1]?.receiveTime ?? undefined
    expectWithin(before, ofEth[stale]?.receiveTime, 12_000)
    expect(ofEth[stale]).toMatchObject({ state: 'open', from: before })
    expect(ofEth.slice(stale + 1)).toMatchObject([
      { type: 'gap', state: 'closed' },
      { type: 'book_snapshot' },
    ])
    const others = events.filter((event) => 'instrument' in event && event.instrument === 'BTC-USD')
    expect(others.some(({ type }) => type === 'gap')).toBe(false)
    expect(events.some((event) => event.type === 'connection' && event.state === 'reconnecting')).toBe(false)
    const closing = feed.close()
    await platform.advance(3_000)
    await closing
  })

  test('a socket without a word is replaced after the limit of the user, where there is one', async () => {
    const platform = virtualPlatform()
    const host = platform.serve(simulateBlockchain({ stepsPerSecond: 20 }), { hosts: [HOST] })
    const venue = blockchain({ url: `ws://${HOST}`, symbols: ['BTC/USD'], channels: ['book'] })
    const feed = openFeed([venue], { platform, stallAfterMs: 4_000 })
    const events: MarketEvent[] = []
    feed.on('event', (event) => void events.push(event))
    await platform.advance(5_000)
    for (const market of host.simulator.markets.values()) market.frozen = true
    host.part()
    const last = platform.now
    await platform.advance(6_000)
    const gone = events.find((event) => event.type === 'connection' && event.state === 'reconnecting')
    expectWithin(last, gone?.receiveTime, 4_000)
    host.heal()
    const closing = feed.close()
    await platform.advance(3_000)
    await closing
    expect(platform.open).toEqual({ timers: 0, sockets: 0, requests: 0 })
  })
})
