import type { MarketEvent, Micros, StreamEvent } from '../../schemas/events.js'
import type { ReadonlyBook } from '../book/order-book.js'
import type { Channel, Endpoint, Subscription } from '../connector.js'
import type { Timer } from '../platform.js'
import { bookImage, type ImagePlace } from '../session/book-image.js'
import type { StreamRecord } from '../session/memory.js'
import { natureOf } from '../session/stream.js'
import type { SocketSettings } from '../socket/resilient-socket.js'
import { WakeTimer } from '../socket/wake-timer.js'
import { Merge } from '../stream/merge.js'
import { FeedConnection, type GaveUp } from './feed-connection.js'
import type { SubscriptionMetrics } from './metrics.js'
import type { Route } from './route.js'
import type { VenueLine } from './venue-line.js'

/** A successor that has not taken over within this, and the time that its subscribes need by the venue's pace, does so anyway. */
const HANDOVER_MS = 30_000

export interface LaneOptions {
  readonly line: VenueLine
  readonly endpoint: Endpoint
  readonly subscriptions: readonly Subscription[]
  /** One for each of the lane's connections. */
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
}

/**
 * The streams of one connection's worth, on one connection or several.
 *
 * Alone, a connection emits directly. Two of them (for redundancy, or one that is about to leave and its successor) are brought together by
 * a merge, which is there only as long as there are two.
 */
export class Lane {
  readonly endpoint: Endpoint
  readonly #options: LaneOptions
  readonly #wanted: Subscription[]
  readonly #connections: FeedConnection[] = []
  /** Connections that were let go and are not gone yet. */
  readonly #leaving = new Set<Promise<void>>()
  #merge: Merge | null = null
  readonly #mergeTimer: WakeTimer
  #handover: Handover | null = null
  /** What follows once the merge is led by one connection; never in the middle of a session's frame. */
  #afterFrame: Timer | null = null
  /** When the merge is dissolved at the latest, once there is one connection. */
  #dissolving: Timer | null = null
  #paused = false
  #closed = false

  constructor(options: LaneOptions) {
    this.#options = options
    this.endpoint = options.endpoint
    this.#wanted = [...options.subscriptions]
    this.#mergeTimer = new WakeTimer(options.line.platform.clock, () => this.#merge?.settle(this.#now()))
    if (options.routes.length > 1) this.#merge = this.#newMerge()
    for (const route of options.routes) this.#connect(route)
  }

  get subscriptions(): readonly Subscription[] {
    return this.#wanted
  }

  get connections(): readonly FeedConnection[] {
    return this.#connections
  }

  start(): void {
    for (const connection of this.#connections) connection.start()
  }

  /** Asks for further streams while running. */
  subscribe(subscriptions: readonly Subscription[]): void {
    this.#wanted.push(...subscriptions)
    this.#merge?.add(subscriptions)
    for (const connection of this.#connections) connection.subscribe(subscriptions)
  }

  /** Gives streams up while running. */
  unsubscribe(subscriptions: readonly Subscription[]): void {
    for (const subscription of subscriptions) {
      const at = this.#wanted.indexOf(subscription)
      if (at !== -1) this.#wanted.splice(at, 1)
    }
    for (const connection of this.#connections) connection.unsubscribe(subscriptions)
    this.#merge?.remove(subscriptions)
  }

  /** The reader lacks events of a stream. */
  overflowed(instrument: string, channel: Channel, from: Micros | null, detail: string): void {
    if (this.#merge === null) this.#connections[0]?.overflowed(instrument, channel, from, detail)
    else this.#merge.stream(instrument, channel)?.overflowed(from, this.#now(), detail)
  }

  /** The connection that is active in a stream. */
  leader(instrument: string, channel: Channel): FeedConnection | null {
    const leader = this.#merge?.stream(instrument, channel)?.leader ?? null
    return this.#connections.find((connection) => connection === leader) ?? this.#connections[0] ?? null
  }

  /** The book as it was emitted; null where the stream is not of this lane. */
  book(instrument: string, channel: Channel): ReadonlyBook | null {
    const merged = this.#merge?.stream(instrument, channel)?.book ?? null
    if (merged !== null) return merged
    return this.leader(instrument, channel)?.memory.peek(instrument, channel)?.book ?? null
  }

  /** The book as it was emitted, as a snapshot; null where the stream is not of this lane, or what was emitted cannot be told now. */
  image(instrument: string, channel: Channel, place: ImagePlace): StreamEvent | null {
    const held = this.#wanted.find(
      (subscription) => subscription.channel === channel && subscription.instrument.instrument === instrument,
    )
    const shown = this.#merge === null ? this.#connections[0] : this.#merge.stream(instrument, channel)?.shown
    const record = shown?.memory.peek(instrument, channel)
    if (held === undefined || record?.book.state !== 'live') return null
    return bookImage(record, held.instrument, channel, place)
  }

  /** When the last of its connections gave up, and why; null while one goes on. */
  get gaveUp(): GaveUp | null {
    let last: GaveUp | null = null
    for (const { gaveUp } of this.#connections) {
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
        gap: this.#merge === null ? own : (this.#merge.stream(instrument, channel)?.gap?.reason ?? null),
        book: natureOf({ channel }) === 'book' ? (this.book(instrument, channel)?.state ?? 'syncing') : null,
      }
    })
  }

  pause(): void {
    this.#paused = true
    this.#mergeTimer.pause()
    for (const connection of this.#connections) connection.pause()
  }

  resume(): void {
    this.#paused = false
    this.#mergeTimer.resume()
    for (const connection of this.#connections) connection.resume()
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#endHandover()
    this.#mergeTimer.set(null)
    this.#dissolving?.cancel()
    for (const connection of this.#connections) this.#dismiss(connection)
    await Promise.all(this.#leaving)
  }

  /** A stream that was served elsewhere goes on here: with its gap, and no trade twice. */
  inherit(subscription: Subscription, record: StreamRecord): void {
    const { instrument, channel } = subscription
    if (this.#merge !== null) this.#merge.stream(instrument.instrument, channel)?.inherit(record)
    else this.#connections[0]?.memory.inherit(instrument.instrument, channel, record)
  }

  /** Gives a stream up, to be served elsewhere. @returns what was emitted of it */
  #release(subscription: Subscription): StreamRecord | null {
    const { instrument, channel } = subscription
    const record =
      this.#merge === null
        ? this.#connections[0]?.memory.peek(instrument.instrument, channel)
        : this.#merge.stream(instrument.instrument, channel)?.release(this.#now())
    this.unsubscribe([subscription])
    return record ?? null
  }

  // ── Connections ────────────────────────────────────────────────────────────────────────────────────────────────────────

  #connect(route: Route): FeedConnection {
    const { line, settings } = this.#options
    const connection: FeedConnection = new FeedConnection({
      line,
      route,
      subscriptions: this.#wanted,
      settings,
      memory: line.memory.sibling(this.#merge !== null),
      emit: (event) => this.#emit(connection, event),
      replace: (reason) => this.#replace(connection, route, reason),
      lost: () => this.#lost(connection),
      gaveUp: (error) => this.#gaveUp(connection, error),
      full: (refused) => this.#options.full(this, refused, this.#release(refused)),
    })
    this.#connections.push(connection)
    this.#merge?.join(connection)
    if (this.#paused) connection.pause()
    return connection
  }

  #emit(connection: FeedConnection, event: MarketEvent): void {
    if (this.#merge === null) {
      this.#options.line.emit(event)
      return
    }
    this.#merge.take(connection, event)
  }

  #newMerge(): Merge {
    const { line } = this.#options
    const { clock } = line.platform
    return new Merge(line.connector.channels, this.#wanted, {
      emit: (event) => line.emit(event),
      swallowed: (reason) => line.counters.swallowed(reason),
      steady: (at) => clock.steady(at),
      wake: (at) => this.#mergeTimer.set(at),
      led: () => {
        this.#afterFrame?.cancel()
        this.#afterFrame = clock.after(0, () => this.#led())
      },
    })
  }

  #dismiss(connection: FeedConnection): void {
    const gone = connection.close().finally(() => this.#leaving.delete(gone))
    this.#leaving.add(gone)
  }

  #now(): Micros {
    const { line } = this.#options
    const now = line.platform.clock.now()
    line.reach(now)
    return now
  }

  // ── Make before break ───────────────────────────────────────────────────────────────────────────────────────────

  /** A connection knows that its connection will end. @returns false where it is simply to connect again */
  #replace(leaving: FeedConnection, route: Route, reason: string): boolean {
    if (this.#closed) return false
    if (this.#handover !== null) return this.#handover.leaving === leaving
    if (this.#merge?.spares(leaving) === true) return false
    this.#dissolving?.cancel()
    this.#dissolving = null
    if (this.#merge === null) {
      this.#merge = this.#newMerge()
      this.#merge.adopt(leaving)
    }
    const successor = this.#connect(route)
    const { clock } = this.#options.line.platform
    const deadline = clock.after(HANDOVER_MS + this.#subscribingMs(), () => this.#overdue())
    this.#handover = { leaving, successor, reason, deadline }
    this.#merge.prefer(successor, this.#now())
    successor.start()
    return true
  }

  #subscribingMs(): number {
    const { subscribeBatch, subscribesPerMinute } = this.#options.line.connector.limits
    return (Math.ceil(this.#wanted.length / subscribeBatch) / subscribesPerMinute) * 60_000
  }

  /** One connection leads every stream. */
  #led(): void {
    this.#afterFrame = null
    const handover = this.#handover
    if (handover === null) this.#dissolve()
    else if (this.#merge?.ledBy(handover.successor) === true) this.#takeOver(handover)
  }

  #overdue(): void {
    const handover = this.#handover
    if (handover === null) return
    const { leaving, successor, reason } = handover
    if (successor.ready) {
      this.#merge?.force(successor, this.#now())
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

  /** A connection goes for good. The last one left emits directly again, once it has reached what was emitted of every book. */
  #remove(connection: FeedConnection, reason: string): void {
    const at = this.#now()
    this.#connections.splice(this.#connections.indexOf(connection), 1)
    this.#merge?.leave(connection, 'disconnected', reason, at)
    this.#dismiss(connection)
    const [rest] = this.#connections
    if (rest === undefined || this.#merge?.behind !== true) {
      this.#dissolve()
      return
    }
    this.#merge.prefer(rest, at)
    this.#dissolving ??= this.#options.line.platform.clock.after(HANDOVER_MS, () => this.#dissolve())
  }

  #dissolve(): void {
    const [rest] = this.#connections
    if (rest === undefined || this.#connections.length > 1 || this.#options.routes.length > 1) return
    this.#dissolving?.cancel()
    this.#dissolving = null
    this.#merge?.dissolve(rest, this.#now())
    this.#merge = null
  }

  /** A connection does not try any more. A successor that never came is not missed. */
  #gaveUp(connection: FeedConnection, error: Error): void {
    const handover = this.#handover
    if (handover?.successor === connection) {
      this.#endHandover()
      this.#remove(connection, error.message)
      handover.leaving.reconnect(handover.reason)
      return
    }
    if (this.gaveUp !== null) this.#options.gaveUp(error)
  }

  /** The connection of a connection is gone. One that was to leave anyway is not missed. */
  #lost(connection: FeedConnection): void {
    const handover = this.#handover
    if (handover?.leaving === connection) this.#takeOver(handover)
  }

  #endHandover(): void {
    this.#handover?.deadline.cancel()
    this.#handover = null
    this.#afterFrame?.cancel()
    this.#afterFrame = null
    this.#merge?.prefer(null, this.#now())
  }
}
