import { describe, expect, test } from 'vitest'
import { bitfinex, bitfinexSimulator } from '../../../connectors/bitfinex/index.js'
import { bittrex } from '../../../connectors/bittrex/index.js'
import { blockchain, simulateBlockchain } from '../../../connectors/blockchain/index.js'
import { huobi, huobiSimulator } from '../../../connectors/huobi/index.js'
import type { MarketEvent, TradeEvent } from '../../../schemas/events.js'
import type { Connector } from '../../../src/connector.js'
import { type Feed, type FeedOptions, openFeed } from '../../../src/feed/feed.js'
import { Books } from '../../../src/index.js'
import {
  type VenueSimulator,
  type VirtualHost,
  type VirtualPlatform,
  virtualPlatform,
} from '../../../src/simulator/index.js'
import { oracle } from './oracle.js'

const A = '127.0.0.1:9000'
const B = '127.0.0.1:9001'
const WITNESS = '127.0.0.1:9002'
const SEEDS = [1, 2, 3]

interface Venue {
  readonly name: string
  readonly instrument: string
  /** Kinds of socket that its streams need. */
  readonly sockets: number
  simulator(seed: number): VenueSimulator
  connector(): Connector
}

const VENUES: readonly Venue[] = [
  {
    name: 'bitfinex',
    instrument: 'tBTCUSD',
    sockets: 1,
    simulator: (seed) => bitfinexSimulator({ seed, stepsPerSecond: 10 }),
    connector: () =>
      bitfinex({ url: `ws://${A}`, symbols: ['BTC/USD'], channels: ['trade', 'book', 'ticker'] }),
  },
  {
    name: 'blockchain',
    instrument: 'BTC-USD',
    sockets: 1,
    simulator: (seed) => simulateBlockchain({ seed, stepsPerSecond: 10 }),
    connector: () =>
      blockchain({ url: `ws://${A}`, symbols: ['BTC/USD'], channels: ['trade', 'book', 'ticker'] }),
  },
  {
    name: 'huobi',
    instrument: 'btcusdt',
    sockets: 2,
    simulator: (seed) => huobiSimulator({ seed, stepsPerSecond: 10 }),
    connector: () => huobi({ url: `ws://${A}`, symbols: ['BTC/USDT'], channels: ['trade', 'book'] }),
  },
]

interface Run {
  readonly platform: VirtualPlatform
  readonly host: VirtualHost
  /** The same venue by another way. */
  readonly other: VirtualHost
  readonly feed: Feed
  readonly events: MarketEvent[]
  /** What a connection that is never disturbed was told. */
  readonly plain: MarketEvent[]
  stop(): Promise<void>
}

function run(venue: Venue, seed: number, ageMs: number | null, options: FeedOptions = {}): Run {
  const platform = virtualPlatform({ seed })
  const simulator = venue.simulator(seed)
  const host = platform.serve(simulator, { hosts: [A] })
  const other = platform.serve(simulator, { hosts: [B] })
  platform.serve(simulator, { hosts: [WITNESS] })
  const whole = venue.connector()
  const connector = { ...whole, limits: { ...whole.limits, maxConnectionAgeMs: ageMs } }
  const feed = openFeed([connector], { platform, ...options })
  const events: MarketEvent[] = []
  feed.on('event', (event) => void events.push(event))
  const plain: MarketEvent[] = []
  const witness = openFeed([whole], { platform, lines: [{ urls: { [venue.name]: `ws://${WITNESS}` } }] })
  witness.on('event', (event) => void plain.push(event))
  const stop = async () => {
    const closing = Promise.all([feed.close(), witness.close()])
    await platform.advance(3000)
    await closing
    expect(platform.open).toEqual({ timers: 0, sockets: 0, requests: 0 })
  }
  return { platform, host, other, feed, events, plain, stop }
}

/** Lets what is on its way arrive, and compares with the true market. */
async function settle({ platform, host, feed, events }: Run, venue: Venue): Promise<void> {
  for (const market of host.simulator.markets.values()) market.frozen = true
  await platform.advance(3000)
  const market = host.simulator.markets.get(venue.instrument)
  if (market === undefined) throw new Error(`no market ${venue.instrument}`)
  const books = new Books()
  for (const event of events) books.apply(event)
  const told = books.get(venue.name, venue.instrument)?.book
  const depth = Math.min(20, market.book.count('bids'))
  expect(told?.state).toBe('live')
  expect(told?.top(depth)).toEqual(market.book.top(depth))
  expect(feed.book(venue.name, venue.instrument)?.top(depth)).toEqual(market.book.top(depth))
}

const gaps = (events: readonly MarketEvent[]) => events.filter(({ type }) => type === 'gap')
const opened = (events: readonly MarketEvent[]) =>
  events.filter((event) => event.type === 'connection' && event.state === 'open')

/** Exactly the true trades, in the order in which one quiet connection beside them was told of them. */
function expectTrueTrades({ host, events, plain }: Run, venue: Venue): void {
  const trades = events.filter((event): event is TradeEvent => event.type === 'trade')
  expect(new Set(trades.map(({ id }) => id)).size).toBe(trades.length)
  const live = trades.filter(({ historical }) => !historical).map(said)
  const truth = (host.simulator.markets.get(venue.instrument)?.trades ?? []).map(said)
  expect(live.length).toBeGreaterThan(50)
  expect(live.toSorted()).toEqual(truth.slice(-live.length).toSorted())
  const ids = (all: readonly TradeEvent[]) => all.filter(({ historical }) => !historical).map(({ id }) => id)
  const ordered = ids(plain.filter((event): event is TradeEvent => event.type === 'trade'))
  const both = Math.min(ordered.length, live.length) - 5
  expect(ids(trades).slice(-both)).toEqual(ordered.slice(-both))
}

const said = ({ price, amount, side }: Pick<TradeEvent, 'price' | 'amount' | 'side'>) =>
  `${side} ${amount} ${price}`

describe.each(VENUES)('before the venue of $name cuts a connection', (venue) => {
  test.each(SEEDS)('another has taken over, and nobody notices (seed %i)', async (seed) => {
    const stage = run(venue, seed, 20_000)
    await stage.platform.advance(90_000)
    expect(opened(stage.events).length).toBeGreaterThan(3)
    expect(gaps(stage.events)).toEqual([])
    await settle(stage, venue)
    expectTrueTrades(stage, venue)
    oracle(stage.events)
    await stage.stop()
  })
})

describe.each(VENUES)('two lines to $name', (venue) => {
  test.each(SEEDS)('tell everything once and in order (seed %i)', async (seed) => {
    const stage = run(venue, seed, null, { redundancy: 2 })
    await stage.platform.advance(60_000)
    expect(opened(stage.events)).toHaveLength(2 * venue.sockets)
    expect(gaps(stage.events)).toEqual([])
    await settle(stage, venue)
    expectTrueTrades(stage, venue)
    oracle(stage.events)
    await stage.stop()
  })
})

describe.each(VENUES)('two lines to $name, by different ways', (venue) => {
  const lines = [{}, { urls: { [venue.name]: `ws://${B}` } }]
  const faults: readonly (readonly [string, (stage: Run) => Promise<void>])[] = [
    ['that is reset', async ({ host }) => host.crash()],
    [
      'that is dead without a word for a minute',
      async ({ platform, host }) => {
        host.part()
        await platform.advance(60_000)
        host.heal()
      },
    ],
    [
      'and then the other that are reset',
      async ({ platform, host, other }) => {
        host.crash()
        await platform.advance(10_000)
        other.crash()
        await platform.advance(10_000)
        host.crash()
      },
    ],
  ]
  describe.each(faults)('one %s', (_what, commit) => {
    test.each(SEEDS)('costs nothing (seed %i)', async (seed) => {
      const stage = run(venue, seed, null, { lines })
      await stage.platform.advance(10_000)
      await commit(stage)
      await stage.platform.advance(20_000)
      expect(gaps(stage.events)).toEqual([])
      const [metrics] = stage.feed.metrics().venues
      expect(metrics?.gaps.opened).toEqual({})
      const lost = Object.values(metrics?.reconnects ?? {}).length > 0
      expect(Object.values(metrics?.gaps.swallowed ?? {}).length > 0).toBe(lost)
      await settle(stage, venue)
      expectTrueTrades(stage, venue)
      oracle(stage.events)
      await stage.stop()
    })
  })

  test('that are both lost are a gap, which ends with the first that is back', async () => {
    const stage = run(venue, 1, null, { lines })
    await stage.platform.advance(10_000)
    stage.host.part()
    await stage.platform.advance(5_000)
    stage.other.part()
    await stage.platform.advance(120_000)
    const book = () => gaps(stage.events).filter((event) => 'channel' in event && event.channel === 'book')
    expect(book()).toMatchObject([{ state: 'open' }])
    stage.other.heal()
    await stage.platform.advance(90_000)
    expect(book()).toMatchObject([{ state: 'open' }, { state: 'closed', healed: true }])
    stage.host.heal()
    await stage.platform.advance(90_000)
    expect(book()).toHaveLength(2)
    await settle(stage, venue)
    oracle(stage.events)
    await stage.stop()
  })
})

test('a venue that announces its restart is left before it goes', async () => {
  const [venue] = VENUES
  if (venue === undefined) throw new Error('no venue')
  const stage = run(venue, 1, null)
  await stage.platform.advance(10_000)
  expect(stage.host.simulator.fault?.('reconnect-notice', stage.platform.now)).toBe(true)
  await stage.platform.advance(20_000)
  expect(opened(stage.events).length).toBe(2)
  expect(gaps(stage.events)).toEqual([])
  await settle(stage, venue)
  expectTrueTrades(stage, venue)
  oracle(stage.events)
  await stage.stop()
})

test('a successor that cannot come is given up, and the connection that is there stays', async () => {
  const platform = virtualPlatform()
  const simulator = simulateBlockchain({ stepsPerSecond: 10 })
  let refusing = false
  const host = platform.serve(
    {
      venue: simulator.venue,
      markets: simulator.markets,
      http: (request, at) => simulator.http(request, at),
      advance: (at) => simulator.advance(at),
      connect: (peer, at) => simulator.connect(peer, at),
      admit: () => (refusing ? { status: 503, body: '' } : null),
    },
    { hosts: [A] },
  )
  const whole = blockchain({ url: `ws://${A}`, symbols: ['BTC/USD'] })
  const connector = { ...whole, limits: { ...whole.limits, maxConnectionAgeMs: 60_000 } }
  const feed = openFeed([connector], { platform, backoffCapMs: 2_000 })
  const events: MarketEvent[] = []
  feed.on('event', (event) => void events.push(event))
  await platform.advance(50_000)
  refusing = true
  await platform.advance(30_000)
  expect(gaps(events)).toEqual([])
  expect(feed.book('blockchain', 'BTC/USD')?.state).toBe('live')
  refusing = false
  await platform.advance(60_000)
  oracle(events)
  expect(host.connections).toBe(1)
  expect(feed.metrics().venues[0]?.connections).toHaveLength(1)
  expect(feed.book('blockchain', 'BTC/USD')?.state).toBe('live')
  const closing = feed.close()
  await platform.advance(3_000)
  await closing
  expect(platform.open).toEqual({ timers: 0, sockets: 0, requests: 0 })
})

test('a connection that dies while its successor is on the way is a gap, and the successor ends it', async () => {
  const [, venue] = VENUES
  if (venue === undefined) throw new Error('no venue')
  const stage = run(venue, 1, 20_000)
  await stage.platform.advance(15_000)
  let dialling = false
  stage.feed.on('connection', ({ state, connection }) => {
    if (state === 'connecting' && connection !== 'exchange#0') dialling = true
  })
  while (!dialling) await stage.platform.advance(1)
  stage.host.crash()
  await stage.platform.advance(8_000)
  expect(gaps(stage.events).map((gap) => 'state' in gap && gap.state)).toEqual(
    expect.arrayContaining(['open', 'closed']),
  )
  await settle(stage, venue)
  oracle(stage.events)
  await stage.stop()
})

describe('lines that cannot be are refused at the door', () => {
  const cases: readonly (readonly [string, () => Connector, FeedOptions, RegExp])[] = [
    [
      'an address that is none',
      () => blockchain(),
      { lines: [{}, { localAddress: 'here' }] },
      /localAddress.*IP address/,
    ],
    [
      'a URL of no socket',
      () => blockchain(),
      { lines: [{ urls: { blockchain: 'http://x' } }] },
      /lines\.0\.urls\.blockchain.*ws:\/\//,
    ],
    [
      'a URL where the venue itself names it',
      () => bittrex({ url: `ws://${A}`, symbols: ['BTC/USD'] }),
      { lines: [{ urls: { bittrex: 'wss://x' } }] },
      /lines\.urls\.bittrex.*venue itself/,
    ],
    ['three of them', () => blockchain(), { lines: [{}, {}, {}] }, /lines/],
  ]
  test.each(cases)('%s', (_what, connector, options, message) => {
    const refused = expect.objectContaining({ code: 'bad_option', message: expect.stringMatching(message) })
    expect(() => openFeed([connector()], options)).toThrow(refused)
  })
})
