import { venues } from '../../connectors/index.js'
import type { Channel, Venue } from '../../src/connector.js'

/** What the simulation must know of a venue beyond its connector. */
export interface SimulatedVenue {
  readonly venue: Venue
  /** Markets to choose from, none of them one that the simulator delists. */
  readonly symbols: readonly string[]
  readonly channels: readonly Channel[]
  /** How fast one market moves so that it brings about 10,000 events while the faults strike. */
  readonly stepsPerSecond: number
  /**
   * How long a book may be wrong and say `live`, once a fault has struck that the venue's protocol shows late (a checksum
   * comes every 2.7 s, a crossed book is given 2 s). Milliseconds; 0 where each frame is proved by itself.
   */
  readonly lateProofMs: number
  /** Faults that nothing in the venue's protocol can show. What they lose is not held against the feed. */
  readonly undetectable: readonly string[]
}

const profiles: readonly (Omit<SimulatedVenue, 'venue'> & { readonly id: string })[] = [
  {
    id: 'bitfinex',
    symbols: ['BTC/USD', 'ETH/USD', 'ETH/BTC'],
    channels: ['trade', 'book'],
    stepsPerSecond: 65,
    // A checksum every 2.7 s, the next one after that, and a crossed book's 2 s; and the way here.
    lateProofMs: 6_000,
    // The number of a frame is given when it is sent: what never was a frame leaves no hole, and no level beyond the 25th
    // is signed.
    undetectable: ['venue trade-lost', 'venue update-lost'],
  },
  {
    id: 'bitmex',
    symbols: ['XBTUSD', 'ETHUSD', 'XBTUSDT', 'XBT_USDT'],
    channels: ['trade', 'book'],
    stepsPerSecond: 130,
    lateProofMs: 4_000,
    // Nothing is numbered and nothing is signed: a frame that is missing altogether shows only by what contradicts it later.
    undetectable: ['drop', 'reorder', 'silence', 'venue trade-lost', 'venue update-lost'],
  },
  {
    id: 'blockchain',
    symbols: ['BTC/USD', 'ETH/USD', 'ALGO/BTC', 'BTC/COP'],
    channels: ['trade', 'book'],
    stepsPerSecond: 130,
    // Every frame is counted, so only what the venue says wrongly shows late: a crossed book's 2 s, and the way here.
    lateProofMs: 4_000,
    // Frames are counted when they are sent: what never became one leaves no hole.
    undetectable: ['venue trade-lost', 'venue update-lost'],
  },
  {
    id: 'bittrex',
    symbols: ['BTC/USD', 'BTC/USDT', 'ETH/BTC', 'BTC/COP'],
    channels: ['trade', 'book', 'book:25'],
    // A connection needs two requests and a greeting, each of which a fault may strike: the venue is away for longer.
    stepsPerSecond: 60,
    // Messages are numbered and joined to REST: what shows late is a crossed book, after 2 s, and the way here.
    lateProofMs: 4_000,
    // The venue numbers its messages: a change or a trade that a numbered message left out shows in nothing.
    undetectable: ['venue trade-lost', 'venue update-lost'],
  },
]

/** The registered venues that the simulation knows how to play. */
export const simulatedVenues: readonly SimulatedVenue[] = profiles.flatMap(({ id, ...profile }) => {
  const venue = venues.find((candidate) => candidate.id === id)
  return venue === undefined ? [] : [{ venue, ...profile }]
})
