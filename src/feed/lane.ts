import type { MarketEvent, Micros, StreamEvent } from '../../schemas/events.js'
import type { ReadonlyBook } from '../book/order-book.js'
import type { Channel, Endpoint, Subscription } from '../connector.js'
import type { Timer } from '../platform.js'
import { bookImage, type ImagePlace } from '../session/book-image.js'
import type { StreamRecord } from '../session/memory.js'
import { natureOf } from '../session/stream.js'
import type { SocketSettings } from '../socket/resilient-socket.js'
import { Arbiter } from './arbiter.js'
import { FeedConnection, type GaveUp } from './feed-connection.js'
import type { SubscriptionMetrics } from './metrics.js'
import type { Route } from './route.js'
import type { VenueLine } from './venue-line.js'

/** A successor that has not taken over within this, and the time that its subscribes need by the venue's pace, does so anyway. */
const HANDOVER_MS = 30_000
/** How often it is asked whether a successor leads every stream. */
const LOOK_EVERY_MS = 100

export interface LaneOptions {
  readonly line: VenueLine
  readonly endpoint: Endpoint
  readonly subscriptions: readonly Subscription[]
  /** One for each of the lane's lines. */
  readonly routes: readonly Route[]
  readonly settings: SocketSettings
  /** The venue takes no more streams on a connection: this one is given up here, to be placed elsewhere. */
  full(lane: Lane, refused: Subscription, record: StreamRecord | null): void
  /** The last of the lane's connections has given up. */
  gaveUp(error: Error): void
}

/** A connection that is to leave and the one that takes over, side by side until that one leads every stream. */
interface Handover {
  readonly leaving: FeedConnection
  readonly successor: FeedConnection
  readonly reason: string
  readonly deadline: Timer
  /** When the two are looked at again. */
  look: Timer
}

/**
 * The streams of one connection's worth, on one line or several.
 *
 * Alone, a connection tells the user directly. Two of them (A/B lines, or one that is about to leave and its successor) are
 * brought together by an arbiter, which is there only as long as there are two.
 */
export class Lane {
  readonly endpoint: Endpoint
  readonly #options: LaneOptions
  readonly #wanted: Subscription[]
  readonly #legs: FeedConnection[] = []
  /** Connections that were let go and are not gone yet. */
  readonly #leaving = new Set<Promise<void>>()
  #arbiter: Arbiter | null = null
  #handover: Handover | null = null
  #paused = false
  #closed = false

  constructor(options: LaneOptions) {
    this.#options = options
    this.endpoint = options.endpoint
    this.#wanted = [...options.subscriptions]
    if (options.routes.length > 1) this.#arbiter = this.#newArbiter()
    for (const route of options.routes) this.#connect(route)
  }

  get subscriptions(): readonly Subscription[] {
    return this.#wanted
  }

  get connections(): readonly FeedConnection[] {
    return this.#legs
  }

  start(): void {
    for (const leg of this.#legs) leg.start()
  }

  /** Asks for further streams while running. */
  subscribe(subscriptions: readonly Subscription[]): void {
    this.#wanted.push(...subscriptions)
    this.#arbiter?.add(subscriptions)
    for (const leg of this.#legs) leg.subscribe(subscriptions)
  }

  /** Gives streams up while running. */
  unsubscribe(subscriptions: readonly Subscription[]): void {
    for (const subscription of subscriptions) {
      const at = this.#wanted.indexOf(subscription)
      if (at !== -1) this.#wanted.splice(at, 1)
    }
    for (const leg of this.#legs) leg.unsubscribe(subscriptions)
    this.#arbiter?.remove(subscriptions)
  }

  /** The reader lacks events of a stream. */
  overflowed(instrument: string, channel: Channel, from: Micros | null, detail: string): void {
    if (this.#arbiter === null) this.#legs[0]?.overflowed(instrument, channel, from, detail)
    else this.#arbiter.overflowed(instrument, channel, from, this.#now(), detail)
  }

  /** The connection whose word on a stream counts now. */
  leader(instrument: string, channel: Channel): FeedConnection | null {
    const leader = this.#arbiter?.leader(instrument, channel) ?? null
    return this.#legs.find((leg) => leg === leader) ?? this.#legs[0] ?? null
  }

  /** The book as the user was told it; null where the stream is not of this lane. */
  book(instrument: string, channel: Channel): ReadonlyBook | null {
    return this.leader(instrument, channel)?.memory.peek(instrument, channel)?.book ?? null
  }

  /** The book as it was emitted, as a snapshot; null where the stream is not of this lane, or what was emitted cannot be told now. */
  image(instrument: string, channel: Channel, place: ImagePlace): StreamEvent | null {
    const held = this.#wanted.find(
      (subscription) => subscription.channel === channel && subscription.instrument.instrument === instrument,
    )
    const shown = this.#arbiter === null ? this.#legs[0] : this.#arbiter.shown(instrument, channel)
    const record = shown?.memory.peek(instrument, channel)
    if (held === undefined || record?.book.state !== 'live') return null
    return bookImage(record, held.instrument, channel, place)
  }

  /** When the last of its connections gave up, and why; null while one goes on. */
  get gaveUp(): GaveUp | null {
    let last: GaveUp | null = null
    for (const { gaveUp } of this.#legs) {
      if (gaveUp === null) return null
      if (last === null || gaveUp.at > last.at) last = gaveUp
    }
    return last
  }

  /** Every stream as it is now. */
  describe(now: Micros): SubscriptionMetrics[] {
    const { clock } = this.#options.line.platform
    const since = (at: Micros | null | undefined) =>
      at == null ? null : (clock.steady(now) - clock.steady(at)) / 1000
    return this.#wanted.map(({ instrument: { symbol, instrument }, channel }) => {
      const leader = this.leader(instrument, channel)
      const record = leader?.memory.peek(instrument, channel)
      const own = record?.gap?.reason ?? null
      return {
        symbol,
        instrument,
        channel,
        connection: leader?.name ?? null,
        sinceAckMs: since(record?.acked),
        sinceDataMs: since(record?.lastData),
        gap: this.#arbiter === null ? own : this.#arbiter.gap(instrument, channel),
        book: natureOf({ channel }) === 'book' ? (record?.book.state ?? 'syncing') : null,
      }
    })
  }

  pause(): void {
    this.#paused = true
    for (const leg of this.#legs) leg.pause()
  }

  resume(): void {
    this.#paused = false
    for (const leg of this.#legs) leg.resume()
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#endHandover()
    for (const leg of this.#legs) this.#dismiss(leg)
    await Promise.all(this.#leaving)
  }

  /** A stream that was served elsewhere goes on here: with its gap, and no trade twice. */
  inherit(subscription: Subscription, record: StreamRecord): void {
    const { instrument, channel } = subscription
    if (this.#arbiter !== null) this.#arbiter.inherit(subscription, record)
    else this.#legs[0]?.memory.inherit(instrument.instrument, channel, record)
  }

  /** Gives a stream up, to be served elsewhere. @returns what the user was told of it */
  #release(subscription: Subscription): StreamRecord | null {
    const { instrument, channel } = subscription
    const record =
      this.#arbiter === null
        ? this.#legs[0]?.memory.peek(instrument.instrument, channel)
        : this.#arbiter.release(subscription, this.#now())
    this.unsubscribe([subscription])
    return record ?? null
  }

  // ── Legs ────────────────────────────────────────────────────────────────────────────────────────────────────────

  #connect(route: Route): FeedConnection {
    const { line, settings } = this.#options
    const leg: FeedConnection = new FeedConnection({
      line,
      route,
      subscriptions: this.#wanted,
      settings,
      memory: line.memory.sibling(this.#arbiter !== null),
      emit: (event) => this.#emit(leg, event),
      replace: (reason) => this.#replace(leg, route, reason),
      lost: () => this.#lost(leg),
      gaveUp: (error) => this.#gaveUp(leg, error),
      full: (refused) => this.#options.full(this, refused, this.#release(refused)),
    })
    this.#legs.push(leg)
    this.#arbiter?.join(leg)
    if (this.#paused) leg.pause()
    return leg
  }

  #emit(leg: FeedConnection, event: MarketEvent): void {
    if (this.#arbiter === null) {
      this.#options.line.emit(event)
      return
    }
    this.#arbiter.take(leg, event)
  }

  #newArbiter(): Arbiter {
    const { line } = this.#options
    return new Arbiter(line.connector.channels, this.#wanted, {
      emit: (event) => line.emit(event),
      swallowed: (reason) => line.counters.swallowed(reason),
      steady: (at) => line.platform.clock.steady(at),
    })
  }

  #dismiss(leg: FeedConnection): void {
    const gone = leg.close().finally(() => this.#leaving.delete(gone))
    this.#leaving.add(gone)
  }

  #now(): Micros {
    const { line } = this.#options
    const now = line.platform.clock.now()
    line.reach(now)
    return now
  }

  // ── Make before break ───────────────────────────────────────────────────────────────────────────────────────────

  /** A leg knows that its connection will end. @returns false where it is simply to connect again */
  #replace(leaving: FeedConnection, route: Route, reason: string): boolean {
    if (this.#closed) return false
    if (this.#handover !== null) return this.#handover.leaving === leaving
    if (this.#arbiter?.spares(leaving) === true) return false
    if (this.#arbiter === null) {
      this.#arbiter = this.#newArbiter()
      this.#arbiter.adopt(leaving)
    }
    const successor = this.#connect(route)
    const { clock } = this.#options.line.platform
    const deadline = clock.after(HANDOVER_MS + this.#subscribingMs(), () => this.#overdue())
    const look = clock.after(LOOK_EVERY_MS, () => this.#look())
    this.#handover = { leaving, successor, reason, deadline, look }
    this.#arbiter.prefer(successor)
    successor.start()
    return true
  }

  #subscribingMs(): number {
    const { subscribeBatch, subscribesPerMinute } = this.#options.line.connector.limits
    return (Math.ceil(this.#wanted.length / subscribeBatch) / subscribesPerMinute) * 60_000
  }

  /** Never in the middle of a session's frame, as an event would be. */
  #look(): void {
    const handover = this.#handover
    if (handover === null) return
    this.#arbiter?.settle(this.#now())
    if (this.#arbiter?.ledBy(handover.successor) === true) this.#takeOver(handover)
    else handover.look = this.#options.line.platform.clock.after(LOOK_EVERY_MS, () => this.#look())
  }

  #overdue(): void {
    const handover = this.#handover
    if (handover === null) return
    const { leaving, successor, reason } = handover
    if (successor.ready) {
      this.#arbiter?.force(successor, this.#now())
      this.#takeOver(handover)
      return
    }
    this.#endHandover()
    this.#remove(successor, reason)
    leaving.reconnect(reason)
  }

  #takeOver(handover: Handover): void {
    this.#endHandover()
    const { leaving, successor, reason } = handover
    this.#options.line.counters.handedOver(leaving.name, successor.name, reason)
    this.#remove(leaving, reason)
  }

  /** A leg goes for good; the last one left tells the user directly again. */
  #remove(leg: FeedConnection, reason: string): void {
    const at = this.#now()
    this.#legs.splice(this.#legs.indexOf(leg), 1)
    this.#arbiter?.leave(leg, 'disconnected', reason, at)
    this.#dismiss(leg)
    const [rest] = this.#legs
    if (rest === undefined || this.#legs.length > 1 || this.#options.routes.length > 1) return
    this.#arbiter?.dissolve(rest, at)
    this.#arbiter = null
  }

  /** A connection does not try any more. A successor that never came is not missed. */
  #gaveUp(leg: FeedConnection, error: Error): void {
    const handover = this.#handover
    if (handover?.successor === leg) {
      this.#endHandover()
      this.#remove(leg, error.message)
      handover.leaving.reconnect(handover.reason)
      return
    }
    if (this.gaveUp !== null) this.#options.gaveUp(error)
  }

  /** The connection of a leg is gone. One that was to leave anyway is not missed. */
  #lost(leg: FeedConnection): void {
    const handover = this.#handover
    if (handover?.leaving === leg) this.#takeOver(handover)
  }

  #endHandover(): void {
    this.#handover?.deadline.cancel()
    this.#handover?.look.cancel()
    this.#handover = null
  }
}
