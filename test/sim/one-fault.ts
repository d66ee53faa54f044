import type { MarketEvent, Micros, StreamEvent } from '../../schemas/events.js'
import { simulate } from '../../simulators/index.js'
import type { ReadonlyBook } from '../../src/book/order-book.js'
import { openFeed } from '../../src/feed/feed.js'
import {
  checkFaultPlan,
  type Fault,
  type FaultPlan,
  SeededRandom,
  virtualPlatform,
  withFaults,
} from '../../src/simulator/index.js'
import { TrueMarket } from './true-market.js'
import type { SimulatedVenue } from './venues.js'

/** One fault of a plan or of a venue's protocol, as docs/reliability.md lists it. */
export interface ListedFault {
  readonly name: string
  readonly ofVenue: boolean
}

type Draft = FaultPlan['faults'][number]

const AT_MS = 20_000
const LENGTH_MS = 150_000
/** The market stands still: everything is delivered. */
const REST_MS = 10_000
/** The way from the market to the feed. */
const UNDER_WAY: Micros = 1_500_000

const RESET: Draft = { fault: 'reset', atMs: AT_MS }

/** Faults of the network that need more than their name to strike a feed in full swing. */
const SPECIAL: Readonly<Record<string, readonly Draft[]>> = {
  'refuse-handshake': [RESET, { fault: 'refuse-handshake', atMs: AT_MS }],
  'stall-handshake': [RESET, { fault: 'stall-handshake', atMs: AT_MS }],
  'slow-handshake': [RESET, { fault: 'slow-handshake', atMs: AT_MS }],
  'reset-handshake': [RESET, { fault: 'reset-handshake', atMs: AT_MS }],
  unreachable: [RESET, { fault: 'unreachable', atMs: AT_MS }],
  'http-status': [{ fault: 'http-status', nth: 1 }],
  'http-stall': [{ fault: 'http-stall', nth: 1 }],
  'http-slow': [{ fault: 'http-slow', nth: 1 }],
  'http-reset': [{ fault: 'http-reset', nth: 1 }],
  'http-half': [{ fault: 'http-half', nth: 1 }],
  'http-garbage': [{ fault: 'http-garbage', nth: 1 }],
  edit: [{ fault: 'edit', atMs: AT_MS, match: '\\{|\\[', find: '[{[]', replace: '?' }],
  'ignore-request': [{ fault: 'ignore-request', nth: 1, times: 1 }],
  'late-request': [{ fault: 'late-request', nth: 1, times: 1 }],
  // A line that stays so narrow falls behind for good, and every event says so by its times.
  'slow-drip': [{ fault: 'slow-drip', atMs: AT_MS, durationMs: 5_000 }],
  inject: [{ fault: 'inject', atMs: AT_MS, text: '[]' }],
  'half-open': [{ fault: 'half-open', atMs: AT_MS }],
  silence: [{ fault: 'silence', atMs: AT_MS, durationMs: 60_000 }],
  'clock-step': [
    { fault: 'clock-step', atMs: AT_MS },
    { fault: 'clock-step', atMs: AT_MS + 40_000, byMs: -3_600_000 },
  ],
}

/** Faults of an answer to a subscribe: they wait from the moment the connection opens. */
const OF_SUBSCRIBES: ReadonlySet<string> = new Set([
  'ack-missing',
  'ack-late',
  'ack-after-retry',
  'ack-lost',
  'ack-then-silence',
  'ack-error',
  'limit-error',
  'update-before-snapshot',
  'snapshot-refused',
  'image-phantom',
  'image-stale',
])

/**
 * Plays one fault to a feed of one venue (trades and book of one market) on a virtual machine.
 *
 * @param seed of the market: what a lost or late frame leads to depends on what it held.
 * @returns what the stream says of it, in the order in which each is said first: `gap <reason>`, `healed` or `closed` (a gap
 * that ends with its loss made good, or not), `malformed <reason>`, and the states of the connection. Then what is true at
 * the end: `live`, the book says so and is the venue's; `wrong`, it says so and is not; `lost`, a trade is missing that no
 * gap covers. Null where the fault found nothing to strike.
 */
export async function playFault(
  profile: SimulatedVenue,
  listed: ListedFault,
  seed = 11,
): Promise<string[] | null> {
  const { venue } = profile
  const [symbol = ''] = profile.symbols
  const options = { url: 'ws://venue.test', symbols: [symbol], channels: ['trade', 'book'] } as const
  const connector = venue.connector(options)
  const platform = virtualPlatform({ seed: 11 })
  const simulated = simulate(venue.id, {
    seed,
    stepsPerSecond: 8,
    extremeAmounts: true,
    url: options.url,
  })
  const instrument = connector.guess(symbol)?.instrument ?? symbol
  const market = simulated.markets.get(instrument)
  if (market === undefined) throw new Error(`the simulator of ${venue.id} has no ${instrument}`)
  for (const other of simulated.markets.values()) other.frozen = other !== market
  const truth = new TrueMarket(market)
  let strikes = 0
  const simulator = withFaults(simulated, { faults: planOf(listed) }, new SeededRandom(11), ({ struck }) => {
    if (struck) strikes++
  })
  platform.serve(simulator, { hosts: ['venue.test'] })
  const feed = openFeed([connector], { platform, backoffCapMs: 5_000 })
  const said = new Set<string>()
  const heard: MarketEvent[] = []
  let depth: number | null = null
  feed.on('event', (event) => {
    heard.push(event)
    if (event.type === 'book_snapshot') depth = event.depth
    const word = wordOf(event)
    if (word !== null) said.add(word)
  })
  await platform.advance(LENGTH_MS)
  market.frozen = true
  await platform.advance(REST_MS)
  const book = feed.book(venue.id, instrument)
  if (book?.state === 'live') {
    said.add(sameBook(book, market.book, depth ?? Number.MAX_SAFE_INTEGER) ? 'live' : 'wrong')
  }
  if (lost(truth, heard, profile, instrument)) said.add('lost')
  const closing = feed.close()
  await platform.advance(5_000)
  await closing
  return strikes === 0 ? null : [...said]
}

function planOf({ name, ofVenue }: ListedFault): Draft[] {
  if (ofVenue && OF_SUBSCRIBES.has(name)) return [{ fault: 'venue', name, afterMs: 0, times: 1 }]
  if (ofVenue) return [{ fault: 'venue', name, atMs: AT_MS }]
  return [
    ...(SPECIAL[name] ?? checkFaultPlan({ faults: [{ fault: name as Fault['fault'], atMs: AT_MS }] }).faults),
  ]
}

function wordOf(event: MarketEvent): string | null {
  switch (event.type) {
    case 'gap':
      if (event.state === 'open') return `gap ${event.reason}`
      return event.healed ? 'healed' : 'closed'
    case 'malformed':
      return `malformed ${event.reason}`
    case 'connection':
      return ['reconnecting', 'refused', 'maintenance'].includes(event.state) ? event.state : null
    default:
      return null
  }
}

function sameBook(book: ReadonlyBook, truth: ReadonlyBook, depth: number): boolean {
  return JSON.stringify(book.top(depth)) === JSON.stringify(truth.top(depth))
}

/** Whether a trade since the first one that came is missing, and lies in no gap that was left open or not made good. */
function lost(
  truth: TrueMarket,
  heard: readonly MarketEvent[],
  { newestFirst, historyGrainMs = 0 }: SimulatedVenue,
  instrument: string,
): boolean {
  const stream = heard.filter(
    (event): event is StreamEvent => 'channel' in event && event.channel === 'trade',
  )
  const holes: { from: Micros; to: Micros }[] = []
  let first = Number.POSITIVE_INFINITY
  for (const event of stream) {
    if (event.type === 'trade') {
      const grain = event.historical ? historyGrainMs * 1000 : 0
      const last = newestFirst?.(instrument) ?? false
      const found = truth.find(event, last, grain)
      if (found === null) continue
      found.emitted = true
      if (!event.historical) first = Math.min(first, found.time)
    } else if (event.type === 'gap' && event.state === 'closed' && !event.healed) {
      holes.push({ from: (event.from ?? 0) - UNDER_WAY, to: event.to ?? Number.POSITIVE_INFINITY })
    }
  }
  const malformed = heard.flatMap((event) => (event.type === 'malformed' ? [event.receiveTime ?? 0] : []))
  return truth.trades.some(
    ({ emitted, time }) =>
      !emitted &&
      time > first &&
      !holes.some(({ from, to }) => time >= from && time <= to) &&
      !malformed.some((at) => time <= at && time >= at - UNDER_WAY),
  )
}
