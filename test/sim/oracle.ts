import type { ConnectionEvent, MarketEvent, Micros } from '../../schemas/events.js'
import type { Channel } from '../../src/connector.js'
import { type FaultStrike, faultName } from '../../src/simulator/index.js'
import type { ClientClock } from './client-clock.js'
import { Delays } from './delays.js'
import { StreamCheck, streamOf, type VenueView } from './stream-check.js'
import type { TrueMarket } from './true-market.js'
import type { SimulatedVenue } from './venues.js'

/** Something that the feed promised and did not do. */
export interface Violation {
  readonly what: string
  /** The stream, or the venue. */
  readonly of: string
  /** True time. */
  readonly at: Micros
}

/** Frames on the line when a fault strikes them. */
const AROUND: Micros = 1_500_000
/** A fault that waits for the message it fits finds one within this, on a connection that lives. */
const ARMED: Micros = 10_000_000
const MINUTE: Micros = 60_000_000
/** A history is waited for this long. */
const HISTORY_WAIT_MS = 15_000
/** One fault can break many promises; the first few tell which. */
const MOST_VIOLATIONS = 20

/** Faults that the venues show late, by a checksum or by a book that stays crossed. */
const LATE = new Set([
  'venue book-crossed',
  'venue update-lost',
  'venue checksum-wrong',
  // BitMEX sends a wrong update and, right after it, the image that puts it right.
  'venue update-before-snapshot',
  // An image without rows is what BitMEX sends of a market without orders: that it was none shows with the next update.
  'venue empty-partial',
  // At CEX.IO the ack is the snapshot: it comes as an older true book, and what happened since is joined to it.
  'venue ack-late',
  // Huobi sends a book without a side, as its protocol allows, and tells the side with the next frame.
  'venue book-one-sided',
  'venue book-null-sides',
])
/**
 * Faults by which a venue itself tells its trades in another order. Bitfinex tells each trade twice, so that one whose first
 * telling is spoilt comes with the second, after its successor.
 */
const DISORDER = new Set([
  'venue trade-order',
  'venue sequence-backwards',
  'reorder',
  'venue field-missing',
  'venue price-null',
  'venue price-nan',
  'truncate',
])

/** Faults by which what comes late by one line cannot be told from news: the venue's own time would say it. */
const DISORDER_OF_LINES = new Set(['venue clock-off'])

/** What the oracle knows of one venue of the feed. */
export interface VenueUnderTest {
  readonly profile: SimulatedVenue
  /** By the venue's own id. */
  readonly truths: ReadonlyMap<string, TrueMarket>
  readonly connectsPerMinute: number
  /** Connections that carry each stream. */
  readonly lines: number
}

/** A frame that is lost or changes places with another may tell of so many trades. */
const TRADES_A_FRAME = 4

interface Blind {
  readonly from: Micros
  readonly to: Micros
}

/** One venue as it is judged. */
class VenueCheck {
  readonly under: VenueUnderTest
  readonly delays = new Delays()
  /** When one of two lines kept its trades back, waiting for a history that did not come, while the other's hole was over. */
  readonly waits = new Delays()
  readonly streams = new Map<string, StreamCheck>()
  /** Spans in which something was lost that nothing can show. */
  readonly blind: Blind[] = []
  /** The end of the last of them that books have as well. */
  booksBlindUntil: Micros = Number.NEGATIVE_INFINITY
  /** True times of malformed frames. */
  readonly malformed: Micros[] = []
  /** `book of BTC/USD`: streams that the venue refused. */
  readonly refused = new Set<string>()
  readonly dials: Micros[] = []
  lateStruck = false
  lostTrades = 0
  disorders = 0
  /** Trades that the venue told under a wrong id. */
  renames = 0

  constructor(under: VenueUnderTest) {
    this.under = under
  }
}

/** Knows the true markets and what was done to the feed, and holds every event against that. */
export class Oracle {
  readonly violations: Violation[] = []
  readonly stats = { events: 0, gaps: 0, malformed: 0, excusedTrades: 0, refused: 0 }
  readonly #venues: ReadonlyMap<string, VenueCheck>
  readonly #clock: ClientClock
  readonly #now: () => Micros

  constructor(venues: readonly VenueUnderTest[], clock: ClientClock, now: () => Micros) {
    this.#venues = new Map(venues.map((under) => [under.profile.venue.id, new VenueCheck(under)]))
    this.#clock = clock
    this.#now = now
  }

  /** What held up the way from a venue without a fault: a reader that made the feed stop reading. */
  delays(): Delays[] {
    return [...this.#venues.values()].map(({ delays }) => delays)
  }

  struck(venueId: string, { fault, at, struck }: FaultStrike): void {
    const venue = this.#venue(venueId)
    if (!struck) return
    const name = faultName(fault)
    venue.delays.struck(fault, at)
    if (name === 'http-stall' && venue.under.lines > 1) venue.waits.add(at, HISTORY_WAIT_MS)
    if (LATE.has(name)) venue.lateStruck = true
    const { undetectable, undetectableInTrades = [], tradesAFrame = TRADES_A_FRAME } = venue.under.profile
    const betweenLines = venue.under.lines > 1 && DISORDER_OF_LINES.has(name)
    if (DISORDER.has(name) || betweenLines) venue.disorders += tradesAFrame
    if (name === 'venue id-long') venue.renames++
    const inTrades = undetectableInTrades.includes(name)
    if (!inTrades && !undetectable.includes(name)) return
    if (name === 'venue trade-lost') {
      venue.lostTrades += tradesAFrame
      return
    }
    const lasts = fault.fault === 'silence' ? fault.durationMs * 1000 : fault.fault === 'venue' ? ARMED : 0
    const blind = { from: at - AROUND, to: venue.delays.latest(at + lasts) + AROUND }
    venue.blind.push(blind)
    if (inTrades) return
    for (const stream of venue.streams.values()) stream.blinded(blind.to)
    venue.booksBlindUntil = blind.to
  }

  dialled(venueId: string, at: Micros): void {
    const { dials, under } = this.#venue(venueId)
    dials.push(at)
    while ((dials[0] ?? at) <= at - MINUTE) dials.shift()
    if (dials.length > under.connectsPerMinute) {
      this.wrong(
        `${dials.length} dials within a minute, where ${under.connectsPerMinute} are allowed`,
        venueId,
      )
    }
  }

  event(event: MarketEvent): void {
    this.stats.events++
    const venue = this.#venue(event.venue)
    if (event.type === 'connection') return this.#connection(venue, event)
    if (event.type === 'malformed') {
      this.stats.malformed++
      venue.malformed.push(this.#clock.trueTime(event.receiveTime ?? 0))
      return
    }
    if (event.type === 'gap' && event.state === 'open') this.stats.gaps++
    if (event.type === 'instrument') {
      const sides = venue.under.profile.sidesCounted?.(event.instrument) ?? 1
      if (event.sidesCounted !== sides) this.wrong(`sidesCounted is ${event.sidesCounted}`, event.instrument)
      return
    }
    this.#stream(venue, event.channel, event.instrument).event(event)
  }

  /** Null where every stream that the venue did not refuse is live; else one that is not. */
  unsettled(expected: readonly ExpectedStream[]): string | null {
    for (const { venue: id, channel, instrument, symbol } of expected) {
      const venue = this.#venue(id)
      if (venue.refused.has(`${channel} of ${symbol}`)) continue
      const stream = venue.streams.get(`${id} ${channel} ${instrument}`)
      if (stream === undefined) return `${id} ${channel} ${instrument}: nothing came`
      if (!stream.live) {
        const { openGap } = stream
        return `${stream.name}: ${openGap === null ? 'no snapshot' : `a gap (${openGap.reason}) is open`}`
      }
    }
    return null
  }

  /** With the markets at rest and everything delivered. */
  judge(expected: readonly ExpectedStream[]): void {
    const unsettled = this.unsettled(expected)
    if (unsettled !== null) {
      const [of = '', why = ''] = unsettled.split(': ')
      this.wrong(`not live long after the last fault: ${why}`, of)
    }
    for (const venue of this.#venues.values()) {
      this.stats.refused += venue.refused.size
      for (const stream of venue.streams.values()) {
        if (stream.channel.startsWith('trade')) this.#judgeTrades(venue, stream)
        else if (stream.live && !stream.blind) {
          const difference = stream.difference()
          if (difference !== null) this.wrong(`the book says live and is wrong: ${difference}`, stream.name)
        }
      }
      const { lostTrades, under } = venue
      if (lostTrades < 0) {
        this.wrong(`${-lostTrades} trades are missing without a gap`, under.profile.venue.id)
      }
    }
  }

  /** Whether the book of a stream cannot be judged. */
  isBlind(venue: string, channel: string, instrument: string): boolean {
    return this.#venue(venue).streams.get(`${venue} ${channel} ${instrument}`)?.blind ?? false
  }

  /** Levels a side that the venue keeps of a book. */
  depthOf(venue: string, channel: string, instrument: string): number | null {
    return this.#venue(venue).streams.get(`${venue} ${channel} ${instrument}`)?.depth ?? null
  }

  wrong(what: string, of: string): void {
    if (this.violations.length < MOST_VIOLATIONS) this.violations.push({ what, of, at: this.#now() })
  }

  // ── Inside ──────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Each true trade since the stream began was emitted, or lies in a hole that the stream disclosed. */
  #judgeTrades(venue: VenueCheck, stream: StreamCheck): void {
    const begunAt = stream.begunAt ?? Number.POSITIVE_INFINITY
    const holes = stream.holes.filter(({ healed }) => !healed)
    let first: string | null = null
    let missing = 0
    for (const { emitted, time, number } of stream.truth.trades) {
      if (emitted || time < begunAt) continue
      const latest = Math.max(venue.delays.latest(time), venue.waits.latest(time))
      const within = ({ from, to }: Blind) => from <= latest && to >= time
      if (holes.some(within) || venue.blind.some(within)) continue
      if (venue.malformed.some((at) => at >= time && at <= latest)) continue
      this.stats.excusedTrades++
      missing++
      first ??= `trade ${number} of ${time}`
    }
    if (missing === 0) return
    venue.lostTrades -= missing
    if (venue.lostTrades < 0)
      this.wrong(`${missing} trades are missing without a gap, first ${first}`, stream.name)
  }

  #connection(venue: VenueCheck, { state, reason, receiveTime, connection }: ConnectionEvent): void {
    if (state === 'connecting') venue.delays.reconnected(connection, this.#clock.trueTime(receiveTime ?? 0))
    if (state !== 'refused' || reason === null) return
    const stream = /^(\S+ of \S+?)(?:: | was granted)/.exec(reason)?.[1]
    if (stream !== undefined) venue.refused.add(stream)
  }

  #stream(venue: VenueCheck, channel: string, instrument: string): StreamCheck {
    const id = venue.under.profile.venue.id
    const name = `${id} ${channel} ${instrument}`
    const held = venue.streams.get(name)
    if (held !== undefined) return held
    const truth = venue.under.truths.get(instrument)
    if (truth === undefined)
      throw new Error(`the simulator has no market ${instrument}, which an event names`)
    const view: VenueView = {
      delays: venue.delays,
      lines: venue.under.lines,
      lateProofMs: () => (venue.lateStruck ? venue.under.profile.lateProofMs : 0),
      trueTime: (client) => this.#clock.trueTime(client),
      sidesCounted: venue.under.profile.sidesCounted?.(instrument) ?? 1,
      newestFirst: venue.under.profile.newestFirst?.(instrument) ?? false,
      now: this.#now,
      wrong: (what, of) => this.wrong(what, of),
      renamed: (of, what) => {
        venue.renames--
        if (venue.renames < 0) this.wrong(what, of)
      },
      outOfOrder: (of, what) => {
        venue.disorders--
        if (venue.disorders < 0) this.wrong(what, of)
      },
    }
    const stream = new StreamCheck(name, channel, truth, view)
    if (venue.booksBlindUntil >= this.#now()) stream.blinded(venue.booksBlindUntil)
    venue.streams.set(name, stream)
    return stream
  }

  #venue(id: string): VenueCheck {
    const venue = this.#venues.get(id)
    if (venue === undefined) throw new Error(`an event of ${id}, which is not in the feed`)
    return venue
  }
}

/** A stream that was asked for. */
export interface ExpectedStream {
  readonly venue: string
  readonly channel: Channel
  readonly instrument: string
  readonly symbol: string
}

export { streamOf }
