import { describe, expect, test } from 'vitest'
import { bitfinex, bitfinexSimulator } from '../../../connectors/bitfinex/index.js'
import { blockchain, simulateBlockchain } from '../../../connectors/blockchain/index.js'
import type { MarketEvent, Micros } from '../../../schemas/events.js'
import { openFeed } from '../../../src/feed/feed.js'
import { virtualPlatform } from '../../../src/simulator/index.js'

const HOST = '127.0.0.1:9000'

interface Frame {
  readonly dir: 'in' | 'out'
  readonly text: string
  readonly at: Micros
}

/** A feed on Bitfinex, whose simulator knows the faults of a subscription, with every frame written down. */
function stage() {
  const platform = virtualPlatform()
  const host = platform.serve(bitfinexSimulator({ stepsPerSecond: 20 }), { hosts: [HOST] })
  const frames: Frame[] = []
  const nothing = () => {}
  const connector = bitfinex({ url: `ws://${HOST}`, symbols: ['BTC/USD'], channels: ['trade'] })
  const feed = openFeed([connector], {
    platform,
    tap: {
      open: nothing,
      closed: nothing,
      rest: nothing,
      received: (_connection, data, at) => void frames.push({ dir: 'in', text: String(data), at }),
      sent: (_connection, text, at) => void frames.push({ dir: 'out', text, at }),
    },
  })
  const events: MarketEvent[] = []
  feed.on('event', (event) => void events.push(event))
  const stop = async () => {
    const closing = feed.close()
    await platform.advance(3_000)
    await closing
    expect(platform.open).toEqual({ timers: 0, sockets: 0, requests: 0 })
  }
  return { platform, host, connector, feed, frames, events, stop }
}

/** Not before the bound, and no more than a tenth after it. */
function expectWithin(from: Micros | undefined, to: Micros | null | undefined, boundMs: number): void {
  expect(from).toBeTypeOf('number')
  expect(to).toBeTypeOf('number')
  const tookMs = ((to ?? 0) - (from ?? 0)) / 1000
  expect(tookMs).toBeGreaterThanOrEqual(boundMs * 0.99)
  expect(tookMs).toBeLessThanOrEqual(boundMs * 1.1)
}

describe('silence is noticed in time', () => {
  test('a subscribe that is not answered is sent again after 30 s', async () => {
    const { platform, host, feed, frames, stop } = stage()
    await platform.advance(5_000)
    expect(host.simulator.fault?.('ack-missing', platform.now)).toBe(true)
    feed.subscribe('bitfinex', ['ETH/USD'], ['trade'])
    await platform.advance(40_000)
    const asked = frames.filter(({ dir, text }) => dir === 'out' && text.includes('tETHUSD'))
    expect(asked.length).toBeGreaterThanOrEqual(2)
    expectWithin(asked[0]?.at, asked[1]?.at, 30_000)
    await platform.advance(5_000)
    expect(frames.some(({ dir, text }) => dir === 'in' && /"subscribed".*tETHUSD/.test(text))).toBe(true)
    await stop()
  })

  test('a grant that brings no datum is asked for again after 15 s', async () => {
    const { platform, host, feed, frames, stop } = stage()
    await platform.advance(5_000)
    expect(host.simulator.fault?.('ack-then-silence', platform.now)).toBe(true)
    feed.subscribe('bitfinex', ['ETH/USD'], ['book'])
    await platform.advance(25_000)
    const granted = frames.find(({ dir, text }) => dir === 'in' && /"subscribed".*tETHUSD/.test(text))
    const again = frames.find(
      ({ dir, text, at }) => dir === 'out' && text.includes('unsubscribe') && at > (granted?.at ?? 0),
    )
    expectWithin(granted?.at, again?.at, 15_000)
    await platform.advance(10_000)
    expect(feed.book('bitfinex', 'ETH/USD')?.state).toBe('live')
    await stop()
  })

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

  test('a socket without a word is replaced after the limit of the venue', async () => {
    const { platform, host, connector, frames, events, stop } = stage()
    await platform.advance(5_000)
    host.part()
    await platform.advance(connector.liveness.silentAfterMs * 1.2)
    const last = frames.findLast(({ dir }) => dir === 'in')
    const gone = events.find((event) => event.type === 'connection' && event.state === 'reconnecting')
    const gap = events.find((event) => event.type === 'gap')
    expectWithin(last?.at, gone?.receiveTime, connector.liveness.silentAfterMs)
    expectWithin(last?.at, gap?.receiveTime, connector.liveness.silentAfterMs)
    host.heal()
    await stop()
  })
})
