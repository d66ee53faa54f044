import { expect } from 'vitest'
import { bitfinex } from '../../../connectors/bitfinex/index.js'
import { bitmex } from '../../../connectors/bitmex/index.js'
import { bittrex } from '../../../connectors/bittrex/index.js'
import { blockchain } from '../../../connectors/blockchain/index.js'
import { cex } from '../../../connectors/cex/index.js'
import { huobi } from '../../../connectors/huobi/index.js'
import type { MarketEvent, StreamEvent } from '../../../schemas/events.js'
import { SIMULATED_CREDENTIALS } from '../../../simulators/cex/simulator.js'
import {
  bitfinexSimulator,
  bitmexSimulator,
  bittrexSimulator,
  huobiSimulator,
  simulateBlockchain,
  simulateCex,
} from '../../../simulators/index.js'
import type { Channel, Connector, ConnectorOptions } from '../../../src/connector.js'
import { type Feed, type FeedOptions, openFeed } from '../../../src/feed/feed.js'
import { Books } from '../../../src/index.js'
import type { Platform } from '../../../src/platform.js'
import {
  parseFaultPlan,
  SeededRandom,
  type VenueSimulator,
  type VirtualHost,
  type VirtualPlatform,
  virtualPlatform,
  withFaults,
} from '../../../src/simulator/index.js'

const A = '127.0.0.1:9000'
const B = '127.0.0.1:9001'
const WITNESS = '127.0.0.1:9002'

/** A venue as a test of lines needs it: every kind of channel that can be compared. */
export interface LineVenue {
  readonly name: string
  readonly symbol: string
  readonly instrument: string
  readonly channels: readonly Channel[]
  /** Channels of which each connection is told at moments of its own (polled, or so simulated), and so has words of its own. */
  readonly own?: readonly Channel[]
  /**
   * Frames that may be lost without a connection's end: each is numbered, so that the loss is seen. Left out where nothing is
   * numbered (BitMEX, the chain) or not all of what the venue is asked for (Huobi's derivatives): there is nothing to prove.
   */
  readonly droppable?: string
  simulator(seed: number, stepsPerSecond: number): VenueSimulator
  connector(options: ConnectorOptions): Connector
}

export const LINE_VENUES: readonly LineVenue[] = [
  {
    name: 'bitfinex',
    symbol: 'BTC/USD',
    instrument: 'tBTCUSD',
    channels: ['trade', 'book', 'order', 'ticker', 'candle', 'liquidation'],
    own: ['ticker'],
    droppable: 'drop chance=0.002 fromMs=10000',
    simulator: (seed, stepsPerSecond) => bitfinexSimulator({ seed, stepsPerSecond }),
    connector: bitfinex,
  },
  {
    name: 'bitmex',
    symbol: 'XBTUSD',
    instrument: 'XBTUSD',
    channels: ['trade', 'book', 'quote', 'ticker', 'candle', 'derivative', 'liquidation', 'instrument'],
    own: ['ticker', 'instrument'],
    simulator: (seed, stepsPerSecond) => bitmexSimulator({ seed, stepsPerSecond }),
    connector: bitmex,
  },
  {
    name: 'bittrex',
    symbol: 'BTC/USD',
    instrument: 'BTC-USD',
    channels: ['trade', 'book', 'book:25', 'quote', 'ticker', 'candle'],
    droppable: 'drop chance=0.002 fromMs=10000',
    simulator: (seed, stepsPerSecond) => bittrexSimulator({ seed, stepsPerSecond }),
    connector: bittrex,
  },
  {
    name: 'blockchain',
    symbol: 'BTC/USD',
    instrument: 'BTC-USD',
    channels: ['trade', 'book', 'order', 'ticker', 'candle'],
    own: ['ticker', 'candle'],
    droppable: 'drop chance=0.002 fromMs=10000',
    simulator: (seed, stepsPerSecond) => simulateBlockchain({ seed, stepsPerSecond }),
    connector: blockchain,
  },
  {
    name: 'blockchain',
    symbol: 'BTC',
    instrument: 'BTC',
    channels: ['transaction', 'block'],
    simulator: (seed, stepsPerSecond) => simulateBlockchain({ seed, stepsPerSecond }),
    connector: blockchain,
  },
  {
    name: 'cex',
    symbol: 'BTC/USD',
    instrument: 'BTC-USD',
    channels: ['trade', 'book', 'quote', 'ticker'],
    own: ['quote', 'ticker'],
    droppable: 'drop chance=0.02 match=order_book_increment',
    simulator: (seed, stepsPerSecond) => simulateCex({ seed, stepsPerSecond }),
    connector: cex,
  },
  {
    name: 'cex',
    symbol: 'BTC/USD',
    instrument: 'BTC:USD',
    channels: ['trade', 'book', 'candle'],
    droppable: 'drop chance=0.01 match=md_update',
    simulator: (seed, stepsPerSecond) => simulateCex({ seed, stepsPerSecond }),
    connector: (options) => cex({ api: 'classic', ...SIMULATED_CREDENTIALS, ...options }),
  },
  {
    name: 'huobi',
    symbol: 'BTC/USDT',
    instrument: 'btcusdt',
    channels: ['trade', 'book', 'quote', 'ticker', 'candle'],
    droppable: 'drop chance=0.002 path="^/feed"',
    simulator: (seed, stepsPerSecond) => huobiSimulator({ seed, stepsPerSecond }),
    connector: huobi,
  },
  {
    name: 'huobi',
    symbol: 'BTC/USDT:USDT',
    instrument: 'BTC-USDT',
    channels: ['trade', 'book', 'quote', 'derivative', 'derivative:funding', 'liquidation'],
    own: ['derivative', 'derivative:funding'],
    simulator: (seed, stepsPerSecond) => huobiSimulator({ seed, stepsPerSecond }),
    connector: huobi,
  },
]

export interface StageOptions {
  readonly seed?: number
  /** The age at which the venue is made to cut a connection. @default the venue's own */
  readonly ageMs?: number
  /** What befalls the first way. */
  readonly plan?: string
  /** What befalls the second. */
  readonly otherPlan?: string
  /** @default all of the venue's */
  readonly channels?: readonly Channel[]
  /** How fast each market moves. @default 5 */
  readonly stepsPerSecond?: number
}

/** A feed on a venue's simulator, two ways that lead there, and a connection beside it that is never disturbed. */
export class LineStage {
  readonly venue: LineVenue
  readonly platform: VirtualPlatform
  readonly host: VirtualHost
  /** The same venue by another way, which is slower. */
  readonly other: VirtualHost
  readonly feed: Feed
  readonly events: MarketEvent[] = []
  /** Receive times of every dial. */
  readonly dials: number[] = []
  readonly connectsPerMinute: number
  /** What a connection that is never disturbed was told. */
  readonly plain: MarketEvent[] = []
  readonly #witness: Feed
  readonly #simulator: VenueSimulator

  constructor(
    venue: LineVenue,
    options: StageOptions = {},
    feedOptions: (ways: Platform[]) => FeedOptions = () => ({}),
  ) {
    const { seed = 1, ageMs, channels = venue.channels, stepsPerSecond = 5 } = options
    this.venue = venue
    this.platform = virtualPlatform({ seed })
    this.#simulator = venue.simulator(seed, stepsPerSecond)
    const faulty = (plan: string | undefined) =>
      plan === undefined
        ? this.#simulator
        : withFaults(this.#simulator, parseFaultPlan(plan), new SeededRandom(seed))
    this.host = this.platform.serve(faulty(options.plan), { hosts: [A] })
    this.other = this.platform.serve(faulty(options.otherPlan), { hosts: [B], latencyMs: [5, 60] })
    this.platform.serve(this.#simulator, { hosts: [WITNESS] })
    const { symbol } = venue
    const whole = venue.connector({ url: `ws://${A}`, symbols: [symbol], channels })
    const { limits } = whole
    this.connectsPerMinute = limits.connectsPerMinute
    const connector =
      ageMs === undefined ? whole : { ...whole, limits: { ...limits, maxConnectionAgeMs: ageMs } }
    const watched = this.#way(A)
    this.feed = openFeed([connector], { platform: watched, ...feedOptions([watched, this.#way(B)]) })
    this.feed.on('event', (event) => void this.events.push(event))
    const undisturbed = venue.connector({ url: `ws://${WITNESS}`, symbols: [symbol], channels })
    this.#witness = openFeed([undisturbed], { platform: this.platform })
    this.#witness.on('event', (event) => void this.plain.push(event))
  }

  /** The platform whose network leads to one of the hosts. */
  #way(to: string): Platform {
    const { clock, tools, dial, http } = this.platform
    return {
      clock,
      tools,
      dial: (target, events) => {
        this.dials.push(this.platform.now)
        return dial({ ...target, url: target.url.replace(A, to) }, events)
      },
      http: async (request, options) => {
        const answer = await http({ ...request, url: request.url.replace(A, to) }, options)
        return { ...answer, url: answer.url.replace(to, A) }
      },
    }
  }

  gaps(channel?: Channel) {
    return this.events.filter(
      (event) => event.type === 'gap' && (channel === undefined || event.channel === channel),
    )
  }

  /** Connections that were ever opened. */
  get opened(): number {
    return this.events.filter((event) => event.type === 'connection' && event.state === 'open').length
  }

  get metrics() {
    const [metrics] = this.feed.metrics().venues
    if (metrics === undefined) throw new Error('no metrics')
    return metrics
  }

  /** Lets what is on its way arrive, and compares every book with the true market. */
  async settle(): Promise<void> {
    const { venue, platform, events, feed } = this
    for (const market of this.#simulator.markets.values()) market.frozen = true
    await platform.advance(5000)
    const channels = venue.channels.filter((name) => /^(?:book|order)/.test(name))
    if (channels.length === 0) return
    const market = this.#simulator.markets.get(venue.instrument)
    if (market === undefined) throw new Error(`no market ${venue.instrument}`)
    const depth = Math.min(20, market.book.count('bids'), market.book.count('asks'))
    const books = new Books()
    for (const event of events) books.apply(event)
    for (const channel of channels) {
      const told = books.get(venue.name, venue.instrument, channel)
      expect(told?.book.state, channel).toBe('live')
      expect(told?.book.top(depth), channel).toEqual(market.book.top(depth))
      expect(feed.book(venue.name, venue.instrument, channel)?.top(depth), channel).toEqual(
        market.book.top(depth),
      )
    }
  }

  async stop(): Promise<void> {
    const closing = Promise.all([this.feed.close(), this.#witness.close()])
    await this.platform.advance(3000)
    await closing
    expect(this.platform.open).toEqual({ timers: 0, sockets: 0, requests: 0 })
    for (const [at, dialled] of this.dials.entries()) {
      const later = this.dials[at + this.connectsPerMinute]
      if (later !== undefined) expect(later - dialled).toBeGreaterThanOrEqual(60_000_000)
    }
  }

  /** Everything that the undisturbed connection was told, once and in its order; of what each has of its own only that it came. */
  expectEverything(): void {
    const { channels, own = [] } = this.venue
    for (const channel of channels) {
      if (/^(?:book|order)/.test(channel)) continue
      const ours = of(this.events, channel)
      const theirs = of(this.plain, channel)
      // Liquidations are rare.
      if (channel !== 'liquidation') expect(theirs.length, `${channel} has events`).toBeGreaterThan(0)
      if (own.includes(channel)) expect(ours.length > 0, channel).toBe(theirs.length > 0)
      else if (/^(?:trade|liquidation|transaction|block)/.test(channel)) expectSame(channel, ours, theirs)
      else expectFollowed(channel, ours, theirs, this.opened)
    }
  }
}

function of(events: readonly MarketEvent[], channel: Channel): StreamEvent[] {
  return events.filter(
    (event): event is StreamEvent =>
      'channel' in event &&
      event.channel === channel &&
      event.type !== 'gap' &&
      !(event.type === 'instrument' && channel !== 'instrument') &&
      !('historical' in event && event.historical),
  )
}

/** From the moment on at which both were there: the same events, in the same order, each once. */
function expectSame(channel: Channel, ours: readonly StreamEvent[], theirs: readonly StreamEvent[]): void {
  const [a, b] = [ours.map(said), theirs.map(said)]
  const both = Math.min(a.length, b.length) - 5
  if (both > 0) expect(a.slice(-both), channel).toEqual(b.slice(-both))
  const ids = ours.flatMap((event) => ('id' in event && event.id !== null ? [event.id] : []))
  expect(new Set(ids).size, `${channel}: each once`).toBe(ids.length)
}

/** States may be skipped, and never go back or come twice; the last is the venue's, and every candle's last word was told. */
function expectFollowed(
  channel: Channel,
  ours: readonly StreamEvent[],
  theirs: readonly StreamEvent[],
  connections: number,
): void {
  let before: StreamEvent | undefined
  for (const event of ours) {
    const what = `${channel}: ${JSON.stringify(before)} and then ${JSON.stringify(event)}`
    expect(event.exchangeTime ?? 0, what).toBeGreaterThanOrEqual(before?.exchangeTime ?? 0)
    before = event
  }
  const words = theirs.map(state)
  expect(state(before), channel).toBe(words.at(-1))
  const known = ours.filter((event) => words.includes(state(event)))
  expect(known.length, channel).toBeGreaterThan(ours.length * 0.9 - 1)
  // A venue repeats itself, at the least to one who has just come; nothing else does.
  const repeats = (events: readonly StreamEvent[]) =>
    events.filter((event, at) => at > 0 && state(event) === state(events[at - 1])).length
  expect(repeats(ours), `${channel}: repeated`).toBeLessThanOrEqual(repeats(theirs) + connections)
  const closed = (events: readonly StreamEvent[]) =>
    events.flatMap((event) => (event.type === 'candle' && event.closed ? [event.openTime] : []))
  expect(closed(ours), `${channel}: closed`).toEqual(closed(theirs))
}

/** What an event says, whenever and as whichever event it says it: a venue may stamp each frame as it sends it. */
function state(event: StreamEvent | undefined): string {
  return said(event && { ...event, exchangeTime: null })
}

function said(event: StreamEvent | undefined): string {
  return JSON.stringify(event, (key, value) =>
    key === 'receiveTime' || key === 'sequence' || key === 'n' ? undefined : value,
  )
}
