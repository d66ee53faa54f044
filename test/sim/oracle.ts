import type { ConnectionEvent, GapEvent, MarketEvent, Micros } from '../../schemas/events.js'
import type { Channel } from '../../src/connector.js'
import { type FaultStrike, faultName } from '../../src/simulator/index.js'
import type { ClientClock } from './client-clock.js'
import { Delays } from './delays.js'
import { isProvedAtRest, isShownLate, lengthOf } from './fault-effects.js'
import { ARMED, type Blindness, StreamCheck, streamOf, type VenueView } from './stream-check.js'
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
const MINUTE: Micros = 60_000_000
/** A history is waited for this long. */
const HISTORY_WAIT_MS = 15_000
/** One fault can break many promises; the first few tell which. */
const MOST_VIOLATIONS = 20

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

/** What moves is told within this by the venue, latency aside. */
const UNTOLD: Micros = 500_000
/** A socket that is dead is noticed within this: 35 s at Bitfinex, and the way here. */
const UNNOTICED: Micros = 40_000_000
/** An answer of the venue is with the client within this. */
const HEARD_WITHIN: Micros = 200_000
/** No fault does harm later than this: one that waits for the message it fits has found it, and every alarm has gone off. */
const LATEST_HARM: Micros = 90_000_000
interface Blind {
  readonly from: Micros
  readonly to: Micros
}

/** The last time that a venue refused a stream. */
interface Refusal {
  /** Receive time. */
  readonly at: Micros
  /** The stream brought something since, or was asked for again. */
  over: boolean
}

/** One venue as it is judged. */
class VenueCheck {
  readonly under: VenueUnderTest
  readonly delays = new Delays()
  /** When the venue left symbols untold while its sockets lived: a socket that dies then is missed by what its other symbols said. */
  readonly mutes = new Delays()
  /** When one of two lines kept its trades back, waiting for a history that did not come, while the other's hole was over. */
  readonly waits = new Delays()
  readonly streams = new Map<string, StreamCheck>()
  /** Spans in which something was lost that nothing can show. */
  readonly blind: Blind[] = []
  /** Those that books have as well. */
  readonly blindBooks: Blindness[] = []
  /** True times of malformed frames. */
  readonly malformed: Micros[] = []
  /** `book of BTC/USD`: streams that the venue refused. */
  readonly refused = new Map<string, Refusal>()
  readonly dials: Micros[] = []
  lateStruck = false
  /** When the last fault so far was over. */
  struckUntil: Micros = Number.NEGATIVE_INFINITY
  /** The venue asked to stay away, by Retry-After: from the moment at which that was heard until the one that it named. */
  away: { readonly from: Micros; readonly to: Micros } | null = null
  /** When the last fault was over that nothing may prove while the market is at rest. */
  disturbedUntil: Micros = Number.NEGATIVE_INFINITY
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
  /** True time since when the markets move; infinite while they are at rest. */
  movingSince: Micros = Number.NEGATIVE_INFINITY
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
    if (name === 'venue silent-but-one') venue.mutes.add(at, lengthOf(fault) / 1000)
    venue.struckUntil = Math.max(venue.struckUntil, venue.delays.latest(at + lengthOf(fault)))
    if (fault.fault === 'refuse-handshake' && fault.retryAfterSeconds !== undefined) {
      venue.away = { from: at + HEARD_WITHIN, to: at + fault.retryAfterSeconds * 1_000_000 }
    }
    if (isShownLate(name)) venue.lateStruck = true
    const { undetectable, undetectableInTrades = [], tradesAFrame = TRADES_A_FRAME } = venue.under.profile
    if (!isProvedAtRest(name)) venue.disturbedUntil = Math.max(venue.disturbedUntil, at + lengthOf(fault))
    const betweenLines = venue.under.lines > 1 && DISORDER_OF_LINES.has(name)
    if (DISORDER.has(name) || betweenLines) venue.disorders += tradesAFrame
    if (name === 'venue id-long') venue.renames++
    const { signedLevels } = venue.under.profile
    if (name === 'venue update-lost' && signedLevels !== undefined) {
      const until = venue.delays.latest(at + ARMED) + AROUND
      this.#blinded(venue, { until, toldAfter: until, levels: signedLevels })
    }
    const inTrades = undetectableInTrades.includes(name)
    if (!inTrades && !undetectable.includes(name)) return
    if (name === 'venue trade-lost') {
      venue.lostTrades += tradesAFrame
      return
    }
    const lasts = fault.fault === 'venue' ? ARMED : lengthOf(fault)
    const blind = { from: at - AROUND, to: venue.delays.latest(at + lasts) + AROUND }
    venue.blind.push(blind)
    if (!undetectable.includes(name)) return
    this.#blinded(venue, { until: blind.to, toldAfter: at + lasts + UNTOLD, levels: 0 })
  }

  dialled(venueId: string, at: Micros): void {
    const { dials, under, away } = this.#venue(venueId)
    if (away !== null && at > away.from && at < away.to) {
      this.wrong(`a dial ${(away.to - at) / 1000} ms before the time that Retry-After named`, venueId)
    }
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
    if (event.type === 'gap' && event.state === 'open') {
      if (event.channel !== 'instrument') this.#gapOpens(venue, event)
    } else {
      const refusal = venue.refused.get(`${event.channel} of ${event.symbol}`)
      if (refusal !== undefined && (event.receiveTime ?? 0) > refusal.at) refusal.over = true
    }
    if (event.type === 'instrument') {
      const sides = venue.under.profile.sidesCounted?.(event.instrument) ?? 1
      if (event.sidesCounted !== sides) this.wrong(`sidesCounted is ${event.sidesCounted}`, event.instrument)
      return
    }
    // A reader that missed data of an instrument has a gap there, of which nothing else is demanded.
    if (event.channel === 'instrument') return
    this.#stream(venue, event.channel, event.instrument).event(event)
  }

  /** A connection event may be dropped unread; who listens for it hears it in any case, and at once. */
  heard(event: ConnectionEvent): void {
    const { state, reason, receiveTime } = event
    if (state !== 'refused' || reason === null || receiveTime === null) return
    const stream = /^(\S+ of \S+?)(?:: | was granted)/.exec(reason)?.[1]
    if (stream === undefined) return
    const { refused } = this.#venue(event.venue)
    if ((refused.get(stream)?.at ?? Number.NEGATIVE_INFINITY) >= receiveTime) return
    this.stats.refused++
    refused.set(stream, { at: receiveTime, over: false })
  }

  /** So much is wrong that nothing more is noted. */
  get full(): boolean {
    return this.violations.length >= MOST_VIOLATIONS
  }

  /** Since when (true time) a stream is refused, without having been asked for again; null where it is not. */
  refusedSince({ venue, channel, symbol }: ExpectedStream): Micros | null {
    const refusal = this.#venue(venue).refused.get(`${channel} of ${symbol}`)
    return refusal === undefined || refusal.over ? null : this.#clock.trueTime(refusal.at)
  }

  /** The user asked again for what was refused: it is judged like any other stream. */
  askedAgain({ venue, channel, symbol }: ExpectedStream): void {
    const refusal = this.#venue(venue).refused.get(`${channel} of ${symbol}`)
    if (refusal !== undefined) refusal.over = true
  }

  /** One of the streams that is refused; null where none is. */
  refused(expected: readonly ExpectedStream[]): string | null {
    const refused = expected.find((stream) => this.refusedSince(stream) !== null)
    return refused === undefined ? null : `${refused.venue} ${refused.channel} ${refused.instrument}`
  }

  /** Null where every stream that the venue did not refuse is live; else one that is not. */
  unsettled(expected: readonly ExpectedStream[]): string | null {
    for (const each of expected) {
      if (this.refusedSince(each) !== null) continue
      const { venue: id, channel, instrument } = each
      const stream = this.#venue(id).streams.get(`${id} ${channel} ${instrument}`)
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

  /** With the markets at rest since a moment: every live book is the true one, where there was time enough to prove it. */
  judgeAtRest(since: Micros): void {
    for (const { streams, disturbedUntil } of this.#venues.values()) {
      if (disturbedUntil >= since - ARMED) continue
      for (const stream of streams.values()) {
        const difference = stream.differenceAtRest(since)
        if (difference !== null)
          this.wrong(`the market is at rest, and the book says live and is wrong: ${difference}`, stream.name)
      }
    }
  }

  /** With the markets moving: no live book hears nothing of it for longer than a dead socket may go unnoticed. */
  judgeLife(): void {
    for (const { streams } of this.#venues.values()) {
      for (const stream of streams.values()) {
        const silent = stream.silentFor()
        if (silent !== null && silent > UNNOTICED)
          this.wrong(
            `the market moves, and a live book hears nothing for ${silent / 1_000_000} s`,
            stream.name,
          )
      }
    }
  }

  /** Whether the book of a stream cannot be judged. */
  isBlind(venue: string, channel: string, instrument: string): boolean {
    return this.#venue(venue).streams.get(`${venue} ${channel} ${instrument}`)?.blind ?? false
  }

  /** Levels a side of a book that can be judged. */
  depthOf(venue: string, channel: string, instrument: string): number {
    const stream = this.#venue(venue).streams.get(`${venue} ${channel} ${instrument}`)
    return stream?.judgedDepth ?? Number.MAX_SAFE_INTEGER
  }

  wrong(what: string, of: string): void {
    if (!this.full) this.violations.push({ what, of, at: this.#now() })
  }

  // ── Inside ──────────────────────────────────────────────────────────────────────────────────────────────────────

  #gapOpens(venue: VenueCheck, { channel, instrument, reason }: GapEvent): void {
    this.stats.gaps++
    const stream = this.#stream(venue, channel, instrument)
    // A burst alone may overflow a short queue.
    if (reason === 'overflow' || stream.blind) return
    if (this.#now() > venue.struckUntil + LATEST_HARM)
      this.wrong(`a gap (${reason}) opens long after the last fault`, stream.name)
  }

  #blinded(venue: VenueCheck, blindness: Blindness): void {
    venue.blindBooks.push(blindness)
    for (const stream of venue.streams.values()) stream.blinded(blindness)
  }

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

  #connection(venue: VenueCheck, event: ConnectionEvent): void {
    const { state, receiveTime, connection } = event
    this.heard(event)
    if (state === 'connecting') venue.delays.reconnected(connection, this.#clock.trueTime(receiveTime ?? 0))
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
      mutes: venue.mutes,
      lines: venue.under.lines,
      movingSince: () => this.movingSince,
      snapshotAgeMs: venue.under.profile.snapshotAgeMs ?? 0,
      levelsByName: venue.under.profile.levelsByName ?? false,
      lateProofMs: () => (venue.lateStruck ? venue.under.profile.lateProofMs : 0),
      trueTime: (client) => this.#clock.trueTime(client),
      sidesCounted: venue.under.profile.sidesCounted?.(instrument) ?? 1,
      historyGrain: (venue.under.profile.historyGrainMs ?? 0) * 1000,
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
    for (const blindness of venue.blindBooks) if (blindness.until >= this.#now()) stream.blinded(blindness)
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
