import { describe, expect, test } from 'vitest'
import { blockchain } from '../../../connectors/blockchain/index.js'
import type { MarketEvent } from '../../../schemas/events.js'
import { simulateBlockchain } from '../../../simulators/index.js'
import { openFeed } from '../../../src/feed/feed.js'
import { virtualPlatform } from '../../../src/simulator/index.js'
import { LINE_VENUES, LineStage, type LineVenue } from './line-stage.js'
import { oracle } from './oracle.js'

/** Lets time pass; the books never cease to be live meanwhile. */
async function passLive(stage: LineStage, seconds: number): Promise<void> {
  const { venue, feed } = stage
  const books = venue.channels.filter((channel) => /^(?:book|order)/.test(channel))
  for (let steps = 0; steps < seconds * 10; steps++) {
    await stage.platform.advance(100)
    for (const channel of books) {
      expect(feed.book(venue.name, venue.instrument, channel)?.state, channel).toBe('live')
    }
  }
}

async function expectUnnoticed(stage: LineStage): Promise<void> {
  expect(stage.gaps()).toEqual([])
  await stage.settle()
  stage.expectEverything()
  oracle(stage.events)
  await stage.stop()
}

describe.each(LINE_VENUES)('before $name ($instrument) cuts a connection', (venue) => {
  test.each([1, 2, 4])('another has taken over, and nobody notices (seed %i)', async (seed) => {
    const stage = new LineStage(venue, { seed, ageMs: 20_000 })
    await stage.platform.advance(8_000)
    const before = stage.opened
    await passLive(stage, 62)
    // Where each connection has words of its own, nothing is ever equal, and a handover takes its thirty seconds.
    const times = venue.own === undefined ? 3 : 1
    expect(stage.opened).toBeGreaterThanOrEqual((times + 1) * before)
    expect(stage.metrics.handovers).toBeGreaterThanOrEqual(times * before)
    await expectUnnoticed(stage)
  })
})

/** Those that tell their clients before they end a connection. */
const ANNOUNCING = LINE_VENUES.filter(({ name }) => name === 'bitfinex' || name === 'bittrex')

describe.each(ANNOUNCING)('a restart that $name announces', (venue) => {
  test('finds another connection there', async () => {
    // Liquidations have neither ids nor a history: within the second that Bitfinex leaves nothing can prove them.
    const channels = venue.channels.filter((channel) => channel !== 'liquidation')
    const stage = new LineStage({ ...venue, channels }, { plan: 'venue name=reconnect-notice atMs=10000' })
    await stage.platform.advance(8_000)
    await passLive(stage, 22)
    expect(stage.opened).toBe(2)
    expect(stage.metrics.handovers).toBe(1)
    await expectUnnoticed(stage)
  })
})

test('a successor that cannot come is given up, and the connection that is there stays', async () => {
  const host = '127.0.0.1:9000'
  const platform = virtualPlatform()
  const simulator = simulateBlockchain({ stepsPerSecond: 10 })
  let refusing = false
  const served = platform.serve(
    {
      venue: simulator.venue,
      markets: simulator.markets,
      http: (request, at) => simulator.http(request, at),
      advance: (at) => simulator.advance(at),
      connect: (peer, at) => simulator.connect(peer, at),
      admit: () => (refusing ? { status: 503, body: '' } : null),
    },
    { hosts: [host] },
  )
  const whole = blockchain({ url: `ws://${host}`, symbols: ['BTC/USD'] })
  const connector = { ...whole, limits: { ...whole.limits, maxConnectionAgeMs: 60_000 } }
  const feed = openFeed([connector], { platform, backoffCapMs: 2_000 })
  const events: MarketEvent[] = []
  feed.on('event', (event) => void events.push(event))
  await platform.advance(50_000)
  refusing = true
  await platform.advance(30_000)
  expect(events.filter(({ type }) => type === 'gap')).toEqual([])
  expect(feed.book('blockchain', 'BTC/USD')?.state).toBe('live')
  refusing = false
  await platform.advance(60_000)
  oracle(events)
  expect(served.connections).toBe(1)
  expect(feed.metrics().venues[0]?.connections).toHaveLength(1)
  expect(feed.book('blockchain', 'BTC/USD')?.state).toBe('live')
  const closing = feed.close()
  await platform.advance(3_000)
  await closing
  expect(platform.open).toEqual({ timers: 0, sockets: 0, requests: 0 })
})

test('a connection that dies while its successor is on the way is a gap, and the successor ends it', async () => {
  const stage = new LineStage(found('blockchain'), { ageMs: 20_000 })
  await stage.platform.advance(15_000)
  let dialling = false
  stage.feed.on('connection', ({ state, connection }) => {
    if (state === 'connecting' && connection !== 'exchange#0') dialling = true
  })
  while (!dialling) await stage.platform.advance(1)
  stage.host.crash()
  await stage.platform.advance(8_000)
  const states = stage.gaps('book').flatMap((event) => (event.type === 'gap' ? [event.state] : []))
  expect(states).toEqual(['open', 'closed'])
  await stage.settle()
  oracle(stage.events)
  await stage.stop()
})

function found(name: string): LineVenue {
  const venue = LINE_VENUES.find((candidate) => candidate.name === name)
  if (venue === undefined) throw new Error(`no venue ${name}`)
  return venue
}
