import { venues } from '../../connectors/index.js'
import { SIMULATED_CREDENTIALS } from '../../simulators/cex/simulator.js'
import type { Channel, ConnectorOptions, Venue } from '../../src/connector.js'
import type { SeededRandom } from '../../src/simulator/index.js'

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
  /** Changes name a level by an id whose price an earlier message told: where that is lost unseen, what follows may be wrong. */
  readonly levelsByName?: boolean
  /** How old a snapshot may be that the venue answers with, before what it sends meanwhile is joined to it. @default 0 */
  readonly snapshotAgeMs?: number
  /** Best levels a side that the venue signs: a change that never was told shows in these alone. @default none are signed */
  readonly signedLevels?: number
  /** Those that leave no trace in trades alone: the venue's books show them. @default none */
  readonly undetectableInTrades?: readonly string[]
  /** Those that leave no trace and do not end: no plan has them. @default none */
  readonly unplayed?: readonly string[]
  /** Sides of a match that the amounts of an instrument's trades count. @default one */
  readonly sidesCounted?: (instrument: string) => 1 | 2
  /** Trades that one frame tells of at most. @default 4 */
  readonly tradesAFrame?: number
  /** What the times of trades in the venue's history are cut to. Milliseconds. @default as live */
  readonly historyGrainMs?: number
  /** Seeds below this are played without the venue, unless it is asked for: what they play stays what it was. @default 0 */
  readonly fromSeed?: number
  /** Whether the venue tells the trades of one moment from the last to the first. @default no */
  readonly newestFirst?: (instrument: string) => boolean
}

/** Numbered deltas of 150 levels and of 20, and whole books that are only ordered. */
const HUOBI_BOOKS = ['book', 'book:20', 'book:step0'] as const satisfies readonly Channel[]

/** The seeds before it are the acceptance of the venues that there were. */
const FIRST_NEW_SEED = 1_001

/**
 * Changes joined to REST, and the best hundred in every frame. The microseconds of a change only rise: what is lost shows in nothing
 * but in what contradicts it.
 */
const BITSTAMP_BOOKS = [
  ['book', ['drop', 'silence', 'venue update-lost']],
  ['book:100', []],
] as const satisfies readonly (readonly [Channel, readonly string[]])[]

interface Profile extends Omit<SimulatedVenue, 'venue'> {
  readonly id: string
  /** Of the venue's connector, beside what every venue takes. */
  readonly options?: Readonly<Record<string, unknown>>
}

const profiles: readonly Profile[] = [
  {
    id: 'bitfinex',
    symbols: ['BTC/USD', 'ETH/USD', 'ETH/BTC'],
    channels: ['trade', 'book'],
    stepsPerSecond: 65,
    // A checksum every 2.7 s, the next one after that, and a crossed book's 2 s; and the way here.
    lateProofMs: 6_000,
    // The number of a frame is given when it is sent: what never was a frame leaves no hole. A book's checksum shows it.
    undetectable: ['venue trade-lost'],
    signedLevels: 25,
  },
  {
    id: 'bitmex',
    symbols: ['XBTUSD', 'ETHUSD', 'XBTUSDT', 'XBT_USDT'],
    channels: ['trade', 'book'],
    stepsPerSecond: 130,
    lateProofMs: 4_000,
    // Nothing is numbered and nothing is signed: a frame that is missing altogether shows only by what contradicts it later.
    undetectable: ['drop', 'reorder', 'silence', 'venue trade-lost', 'venue update-lost'],
    levelsByName: true,
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
  ...HUOBI_BOOKS.map(
    (book): Profile => ({
      id: 'huobi',
      symbols: ['BTC/USDT', 'ETH/USDT', 'BTC/USDT:USDT', 'ETH/USDT:USDT', 'BTC/USD:BTC', 'ETH/USD:ETH'],
      channels: ['trade', book],
      stepsPerSecond: 130,
      // Twenty deltas, of 100 ms each.
      snapshotAgeMs: 2_000,
      // A crossed book is given 2 s, a side that was left out comes with the next frame, a second later at most; and the way
      // here.
      lateProofMs: 4_000,
      // Every delta names its predecessor, and nothing is signed: an update that never was one leaves no hole in the chain.
      undetectable: ['venue update-lost', 'venue trade-lost'],
      // The ids of trades rise and are not contiguous. A missing ping shows a dead socket after 15 s, no sooner.
      undetectableInTrades: ['drop', 'silence'],
      sidesCounted: (instrument) => (isContract(instrument) ? 2 : 1),
      newestFirst: (instrument) => !isContract(instrument),
    }),
  ),
  {
    id: 'cex',
    // Often, so that a run has many. Two books take turns.
    options: { auditEveryMs: 5_000 },
    symbols: ['BTC/USD', 'ETH/USD', 'SHIB/USD'],
    channels: ['trade', 'book'],
    stepsPerSecond: 130,
    // The book as it was with the last increment.
    snapshotAgeMs: 1_000,
    // What seqId does not show (an update that never was one) the second audit from then on does: 10 s; and the way here.
    lateProofMs: 12_000,
    undetectable: ['venue trade-lost'],
    undetectableInTrades: ['drop', 'silence'],
    // Trades are thin, and minutes without one are legal: a subscription that is granted and never served is like a quiet
    // pair, for as long as the connection lives.
    unplayed: ['venue ack-then-silence'],
  },
  {
    id: 'cex',
    options: { api: 'classic', ...SIMULATED_CREDENTIALS },
    symbols: ['BTC/USD', 'ETH/USD', 'SHIB/USD'],
    channels: ['trade', 'book'],
    stepsPerSecond: 130,
    // A room tells of its trades once a second.
    tradesAFrame: 80,
    // A crossed book is given 2 s; and the way here.
    lateProofMs: 4_000,
    // The number of an update is given when it is sent, and there is no second snapshot to compare with.
    undetectable: ['venue update-lost', 'venue trade-lost'],
    // Rooms number nothing; only what joins two histories proves anything.
    undetectableInTrades: ['drop', 'silence'],
    // A book that the venue froze is like one of a quiet pair, for as long as the connection lives.
    unplayed: ['venue ack-then-silence'],
  },
  ...BITSTAMP_BOOKS.map(
    ([book, undetectable]): Profile => ({
      id: 'bitstamp',
      symbols: ['BTC/USD', 'ETH/USD', 'ETH/BTC', 'BTC/USD:USD'],
      channels: ['trade', book],
      stepsPerSecond: 130,
      // The book over REST is a second old.
      snapshotAgeMs: 2_000,
      // A crossed book is given 2 s; and the way here.
      lateProofMs: 4_000,
      undetectable: [...undetectable, 'venue trade-lost'],
      undetectableInTrades: ['drop', 'silence'],
      // `transactions` has seconds.
      historyGrainMs: 1_000,
      fromSeed: FIRST_NEW_SEED,
    }),
  ),
  {
    id: 'bitflyer',
    symbols: ['BTC/JPY', 'XRP/JPY', 'ETH/BTC', 'BTC/JPY:JPY'],
    channels: ['trade', 'book'],
    stepsPerSecond: 130,
    // The image that comes every 5 s; and the way here.
    lateProofMs: 7_000,
    // Nothing is numbered and nothing is signed: the next image puts a book right.
    undetectable: ['drop', 'reorder', 'silence', 'venue trade-lost', 'venue update-lost'],
    // Of a book that gets its images alone two must differ before that shows: for longer than a book may be wrong here.
    unplayed: ['venue ack-then-silence'],
    fromSeed: FIRST_NEW_SEED,
  },
]

function isContract(instrument: string): boolean {
  return instrument.includes('-')
}

/** The registered venues that the simulation knows how to play; some have several profiles. */
export const simulatedVenues: readonly SimulatedVenue[] = profiles.flatMap(({ id, options, ...profile }) => {
  const venue = venues.find((candidate) => candidate.id === id)
  if (venue === undefined) return []
  const connector = (given: ConnectorOptions) => venue.connector({ ...options, ...given })
  return [{ venue: { ...venue, connector }, ...profile }]
})

/** Faults of books that nothing in the venue's protocol can show. */
export function hidden({ undetectable }: SimulatedVenue): readonly string[] {
  return undetectable.filter((name) => name !== 'venue trade-lost')
}

/** Faults that a plan leaves out where everything that is lost is to be shown. */
export function unfit({
  undetectable,
  undetectableInTrades = [],
  unplayed = [],
}: SimulatedVenue): readonly string[] {
  return [...unplayed, ...undetectable, ...undetectableInTrades]
}

/** The first profile of each venue: what is said of the venue as a whole is said of it. */
export const mainProfiles: readonly SimulatedVenue[] = simulatedVenues.filter(
  ({ venue }, index) => simulatedVenues.findIndex((other) => other.venue.id === venue.id) === index,
)

/** One profile of each venue, by chance where it has several: a feed has a venue once. */
export function oneOfEach(random: SeededRandom, choice: readonly SimulatedVenue[]): SimulatedVenue[] {
  const ids = [...new Set(choice.map(({ venue }) => venue.id))]
  return ids.map((id) => {
    const own = choice.filter(({ venue }) => venue.id === id)
    return own.length === 1 && own[0] !== undefined ? own[0] : random.pick(own)
  })
}
