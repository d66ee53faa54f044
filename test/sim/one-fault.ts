import { bitfinexVenue } from '../../connectors/bitfinex/index.js'
import type { MarketEvent } from '../../schemas/events.js'
import { openFeed } from '../../src/feed/feed.js'
import {
  checkFaultPlan,
  type Fault,
  type FaultPlan,
  SeededRandom,
  type VenueFault,
  virtualPlatform,
  withFaults,
} from '../../src/simulator/index.js'

/** One fault of a plan or of a venue's protocol, as docs/reliability.md lists it. */
export type ListedFault = Exclude<Fault['fault'], 'venue'> | VenueFault

type Draft = FaultPlan['faults'][number]

const AT_MS = 20_000
const LENGTH_MS = 150_000

/** Faults that need more than their name to strike a feed in full swing. */
const SPECIAL: Partial<Record<ListedFault, readonly Draft[]>> = {
  'refuse-handshake': [
    { fault: 'reset', atMs: AT_MS },
    { fault: 'refuse-handshake', atMs: AT_MS },
  ],
  'stall-handshake': [
    { fault: 'reset', atMs: AT_MS },
    { fault: 'stall-handshake', atMs: AT_MS },
  ],
  'slow-handshake': [
    { fault: 'reset', atMs: AT_MS },
    { fault: 'slow-handshake', atMs: AT_MS },
  ],
  'reset-handshake': [
    { fault: 'reset', atMs: AT_MS },
    { fault: 'reset-handshake', atMs: AT_MS },
  ],
  unreachable: [
    { fault: 'reset', atMs: AT_MS },
    { fault: 'unreachable', atMs: AT_MS },
  ],
  'http-status': [{ fault: 'http-status', nth: 1 }],
  'http-stall': [{ fault: 'http-stall', nth: 1 }],
  'http-slow': [{ fault: 'http-slow', nth: 1 }],
  'http-reset': [{ fault: 'http-reset', nth: 1 }],
  'http-half': [{ fault: 'http-half', nth: 1 }],
  'http-garbage': [{ fault: 'http-garbage', nth: 1 }],
  edit: [{ fault: 'edit', atMs: AT_MS, match: '"tu"', find: '"tu"', replace: '"tx"' }],
  'ignore-request': [{ fault: 'ignore-request', nth: 1, match: '"book"' }],
  'late-request': [{ fault: 'late-request', nth: 1, match: '"book"' }],
  inject: [{ fault: 'inject', atMs: AT_MS, text: '[]' }],
  'half-open': [{ fault: 'half-open', atMs: AT_MS }],
  silence: [{ fault: 'silence', atMs: AT_MS, durationMs: 60_000 }],
}

/** Faults of an answer to a subscribe: they wait from the moment the connection opens. */
const OF_SUBSCRIBES: ReadonlySet<string> = new Set([
  'ack-missing',
  'ack-late',
  'ack-then-silence',
  'ack-error',
  'limit-error',
  'update-before-snapshot',
])

/**
 * Plays one fault to a feed of Bitfinex (trades and book of one market) on a virtual machine.
 *
 * @returns what the stream says of it, in the order in which each is said first: `gap <reason>`, `healed` or `closed` (a gap
 * that ends with its loss made good, or not), `malformed <reason>`, and the states of the connection; nothing where the
 * fault is borne without a word.
 */
export async function playFault(name: ListedFault, ofVenue: boolean): Promise<string[]> {
  const platform = virtualPlatform({ seed: 11 })
  const venue = bitfinexVenue.simulator({ seed: 11, stepsPerSecond: 8, url: 'ws://venue.test' })
  for (const [instrument, market] of venue.markets) market.frozen = instrument !== 'tETHUSD'
  let strikes = 0
  const simulator = withFaults(
    venue,
    { faults: planOf(name, ofVenue) },
    new SeededRandom(11),
    ({ struck }) => {
      if (struck) strikes++
    },
  )
  platform.serve(simulator, { hosts: ['venue.test'] })
  const feed = openFeed(
    [bitfinexVenue.connector({ url: 'ws://venue.test', symbols: ['ETH/USD'], channels: ['trade', 'book'] })],
    { platform, backoffCapMs: 5_000 },
  )
  const said = new Set<string>()
  feed.on('event', (event) => {
    const word = wordOf(event)
    if (word !== null) said.add(word)
  })
  await platform.advance(LENGTH_MS)
  if (strikes === 0) throw new Error(`the fault ${name} never struck`)
  const book = feed.book('bitfinex', 'ETH/USD')
  if (book?.state === 'live') said.add('live')
  const closing = feed.close()
  await platform.advance(5_000)
  await closing
  return [...said]
}

function planOf(name: ListedFault, ofVenue: boolean): Draft[] {
  const special = SPECIAL[name]
  if (special !== undefined) return [...special]
  if (ofVenue && OF_SUBSCRIBES.has(name)) return [{ fault: 'venue', name, afterMs: 0, times: 1 }]
  if (ofVenue) return [{ fault: 'venue', name, atMs: AT_MS }]
  return checkFaultPlan({ faults: [{ fault: name, atMs: AT_MS }] }).faults
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
