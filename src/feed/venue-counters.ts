import type { ConnectionEvent, GapReason, MalformedEvent, MarketEvent, Micros } from '../../schemas/events.js'
import type { BackfillReport } from '../connector.js'
import type { Platform } from '../platform.js'
import type { Loss } from '../socket/resilient-socket.js'
import type { VenueMetrics } from './metrics.js'

/** Kinds of malformed frames that are counted one by one; the rest under one name. What a venue sends must not fill memory. */
const MALFORMED_KINDS = 100
const OTHER = 'other'

/** Every so many frames one is timed: two looks at the clock for each would cost more than they tell. */
const TIMED_EVERY = 16

/** What is counted of one venue, and published as it happens. */
export class VenueCounters {
  readonly #gaps: Partial<Record<GapReason, number>> = {}
  readonly #closedGaps = { healed: 0, unhealed: 0 }
  readonly #swallowedGaps: Partial<Record<GapReason, number>> = {}
  readonly #malformed: Record<string, number> = {}
  readonly #reconnects: Partial<Record<Loss['cause'] | 'planned', number>> = {}
  readonly #budgetWaits = { count: 0, totalMs: 0 }
  readonly #backfills = { asked: 0, healed: 0, unhealed: 0, trades: 0 }
  #handovers = 0
  #refusals = 0
  readonly #decode = { frames: 0, timed: 0, totalMicros: 0, maxMicros: 0 }
  readonly #platform: Platform
  readonly #venue: string

  constructor(platform: Platform, venue: string) {
    this.#platform = platform
    this.#venue = venue
  }

  /** An event that the user gets. */
  saw(event: MarketEvent): void {
    if (event.type === 'gap') {
      if (event.state === 'open') this.#gaps[event.reason] = (this.#gaps[event.reason] ?? 0) + 1
      else this.#closedGaps[event.healed ? 'healed' : 'unhealed']++
      this.#publish('gap', event)
    } else if (event.type === 'connection') this.#connection(event)
    else if (event.type === 'malformed') this.#countMalformed(event)
  }

  lost(connection: string, { cause, planned, code, reason, attempt }: Loss): void {
    const name = planned ? 'planned' : cause
    this.#reconnects[name] = (this.#reconnects[name] ?? 0) + 1
    this.#publish('loss', { venue: this.#venue, connection, cause: name, code, reason, attempt })
  }

  waitedForBudget(delayMs: number): void {
    this.#budgetWaits.count++
    this.#budgetWaits.totalMs += delayMs
  }

  swallowed(reason: GapReason): void {
    this.#swallowedGaps[reason] = (this.#swallowedGaps[reason] ?? 0) + 1
    this.#publish('swallowed-gap', { venue: this.#venue, reason })
  }

  backfilled(connection: string, report: BackfillReport): void {
    if (report.state === 'brought') this.#backfills.trades += report.trades
    else this.#backfills[report.state]++
    this.#publish('backfill', { venue: this.#venue, connection, ...report })
  }

  handedOver(from: string, to: string, reason: string): void {
    this.#handovers++
    this.#publish('handover', { venue: this.#venue, from, to, reason })
  }

  /** Counts a frame. @returns whether the reading of this one is to be timed */
  timesFrame(): boolean {
    return this.#decode.frames++ % TIMED_EVERY === 0
  }

  timed(micros: Micros): void {
    const decode = this.#decode
    decode.timed++
    decode.totalMicros += micros
    if (micros > decode.maxMicros) decode.maxMicros = micros
  }

  metrics(): Omit<VenueMetrics, 'connections' | 'subscriptions'> {
    const { healed, unhealed } = this.#closedGaps
    return {
      venue: this.#venue,
      gaps: { opened: { ...this.#gaps }, healed, unhealed, swallowed: { ...this.#swallowedGaps } },
      reconnects: { ...this.#reconnects },
      backfills: { ...this.#backfills },
      handovers: this.#handovers,
      refusals: this.#refusals,
      budgetWaits: { ...this.#budgetWaits },
      malformed: { ...this.#malformed },
      decode: { ...this.#decode },
    }
  }

  #connection(event: ConnectionEvent): void {
    if (event.state === 'refused') this.#refusals++
    this.#publish('connection', event)
  }

  #countMalformed(event: MalformedEvent): void {
    const kind = `${event.reason} ${event.path.replace(/\d+/g, '*')}`.trim()
    const known =
      Object.hasOwn(this.#malformed, kind) || Object.keys(this.#malformed).length < MALFORMED_KINDS
    const name = known ? kind : OTHER
    this.#malformed[name] = (this.#malformed[name] ?? 0) + 1
    const { venue, connection, reason, path } = event
    this.#publish('malformed', { venue, connection, reason, path })
  }

  #publish(topic: string, message: object): void {
    this.#platform.diagnostics?.publish(`tapewire:${topic}`, message)
  }
}
