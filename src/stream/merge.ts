import type { GapReason, MarketEvent, Micros, StreamEvent } from '../../schemas/events.js'
import { channelSpec } from '../channel-spec.js'
import type { ChannelSpec, Subscription } from '../connector.js'
import { natureOf } from '../session/stream.js'
import { numberedAlike } from '../venue/integrity.js'
import { MergedBook } from './merged-book.js'
import { MergedLog } from './merged-log.js'
import {
  isHistory,
  type MergeConnection,
  type MergedOutlet,
  type MergedStream,
  OVERLAP_MICROS,
} from './merged-stream.js'
import { MergedValue } from './merged-value.js'

/** What a merge may do. */
export interface MergeOutlet extends Pick<MergedOutlet, 'emit' | 'swallowed' | 'steady'> {
  /** `settle` is to be called at this moment, in steady time, whatever happens before; null: not at all. */
  wake(at: Micros | null): void
  /** Every stream is led by the preferred connection. Called within the frame that brought it about. */
  led(): void
}

/** When a connection delivered something last, on any stream. */
interface Delivery {
  at: Micros | null
  /** Since when others have delivered something and this one nothing. */
  silentSince: Micros | null
}

/**
 * Makes one stream of events out of what several connections deliver of it: in the venue's order, none twice, a book that never steps back,
 * and a gap only where every connection has one. The rules are in `docs/decisions/0004-two-lines.md`. It exists only while two connections
 * carry the same streams, for redundancy or while one hands over to its successor. It reads no clock and sets no timer: it reacts to events
 * and names its next deadline.
 *
 * Each stream has a track a connection:
 *
 * | track | on | becomes |
 * | --- | --- | --- |
 * | waiting | its gap ends, or a datum | whole; active where no other track is whole, and the stream's gap ends |
 * | whole | its gap begins, its connection leaves | waiting; the stream has a gap where no other track is whole |
 * | standby | the active track ends, breaks, lags or is silent for two seconds; or it is preferred and level | active |
 */
export class Merge {
  /** By channel and the venue's own id. By two names and not by one joined of both: they are looked up with every event. */
  readonly #streams = new Map<string, Map<string, MergedStream>>()
  readonly #deliveries = new Map<MergeConnection, Delivery>()
  readonly #channels: readonly ChannelSpec[]
  readonly #outlet: MergeOutlet
  readonly #streamOutlet: MergedOutlet
  readonly #deadlines = new Map<MergedStream, Micros>()
  /** The earliest deadline that was named. */
  #wakesAt: Micros | null = null
  #preferred: MergeConnection | null = null
  /** Streams that the preferred connection does not lead. */
  readonly #unled = new Set<MergedStream>()
  /** The stream of the last event. */
  #found: { readonly channel: string; readonly instrument: string; readonly stream: MergedStream } | null =
    null
  /** The latest moment that any connection has reached. */
  #latest: Micros = Number.NEGATIVE_INFINITY

  constructor(channels: readonly ChannelSpec[], subscriptions: readonly Subscription[], outlet: MergeOutlet) {
    this.#channels = channels
    this.#outlet = outlet
    this.#streamOutlet = {
      emit: (event) => outlet.emit(this.#inTime(event)),
      swallowed: (reason) => outlet.swallowed(reason),
      steady: (at) => outlet.steady(at),
      heardUntil: (connection) => this.#deliveries.get(connection)?.at ?? null,
      silentSince: (connection) => this.#deliveries.get(connection)?.silentSince ?? null,
      due: (stream, at) => this.#due(stream, at),
    }
    this.add(subscriptions)
  }

  stream(instrument: string, channel: string): MergedStream | undefined {
    return this.#streams.get(channel)?.get(instrument)
  }

  add(subscriptions: readonly Subscription[]): void {
    this.#found = null
    for (const subscription of subscriptions) {
      const stream = this.#make(subscription)
      const { channel, instrument } = subscription
      const streams = this.#streams.get(channel) ?? new Map<string, MergedStream>()
      this.#streams.set(channel, streams.set(instrument.instrument, stream))
      for (const connection of this.#deliveries.keys()) stream.join(connection)
      if (this.#preferred !== null) this.#prefer(stream, this.#preferred)
    }
  }

  remove(subscriptions: readonly Subscription[]): void {
    for (const { instrument, channel } of subscriptions) {
      const stream = this.stream(instrument.instrument, channel)
      if (stream === undefined) continue
      this.#streams.get(channel)?.delete(instrument.instrument)
      this.#found = null
      this.#deadlines.delete(stream)
      this.#noteLed(stream, true)
    }
  }

  /** A connection that begins; its memory is `holed` at first. */
  join(connection: MergeConnection): void {
    this.#deliveries.set(connection, { at: null, silentSince: null })
    for (const stream of this.#all()) stream.join(connection)
  }

  /** A connection that carried everything alone, unmerged. */
  adopt(connection: MergeConnection): void {
    this.#deliveries.set(connection, { at: null, silentSince: null })
    for (const stream of this.#all()) stream.adopt(connection)
  }

  /** An event of one connection. */
  take(connection: MergeConnection, event: MarketEvent): void {
    this.#reach(event.receiveTime)
    if (event.type === 'connection' || event.type === 'malformed') {
      this.#streamOutlet.emit(event)
      return
    }
    const stream = this.#find(event)
    stream?.take(connection, event)
    this.#noteDelivery(connection, event, stream)
    if (stream !== undefined) this.#progressed(stream, event.receiveTime)
    // What was not asked for but comes once anyway: an instrument's own data.
    else if (event.type === 'instrument') this.#streamOutlet.emit(event)
  }

  /** A connection is gone for good. */
  leave(connection: MergeConnection, reason: GapReason, detail: string, at: Micros): void {
    this.#reach(at)
    this.#deliveries.delete(connection)
    if (this.#preferred === connection) {
      this.#preferred = null
      this.#unled.clear()
    }
    for (const stream of this.#all()) {
      stream.leave(connection, reason, detail, at)
      this.#progressed(stream, at)
    }
  }

  /**
   * The connection is to lead every stream, each from the first moment at which nothing is lost by it; `led` says when that is. Null: any
   * connection is as good as another.
   */
  prefer(connection: MergeConnection | null, at: Micros): void {
    this.#reach(at)
    this.#preferred = connection
    this.#unled.clear()
    for (const stream of this.#all()) this.#prefer(stream, connection)
    if (connection !== null && this.#unled.size === 0) this.#outlet.led()
  }

  /** Whether every stream is led by the connection. */
  ledBy(connection: MergeConnection): boolean {
    for (const stream of this.#all()) if (!stream.ledBy(connection)) return false
    return true
  }

  /** Whether the connections that are left have yet to reach what was emitted of some book. */
  get behind(): boolean {
    for (const stream of this.#all()) if (stream.behind) return true
    return false
  }

  /** The deadline has come that was named by `wake`. */
  settle(at: Micros): void {
    this.#reach(at)
    this.#wakesAt = null
    const now = this.#outlet.steady(at)
    for (const [stream, due] of [...this.#deadlines]) {
      if (due > now) continue
      this.#deadlines.delete(stream)
      const next = stream.settle(at)
      if (next !== null) this.#due(stream, next)
      this.#noteLed(stream)
    }
    const next = Math.min(...this.#deadlines.values())
    this.#wake(Number.isFinite(next) ? next : null)
  }

  /** Whether every stream has a whole connection besides this one. */
  spares(connection: MergeConnection): boolean {
    for (const stream of this.#all()) if (!stream.spares(connection)) return false
    return true
  }

  /** The connection leads every stream from now on in which it is whole; books by a snapshot where nothing is proven. */
  force(connection: MergeConnection, at: Micros): void {
    this.#reach(at)
    for (const stream of this.#all()) stream.force(connection, at)
  }

  /** The connection goes on alone, unmerged. */
  dissolve(connection: MergeConnection, at: Micros): void {
    this.#reach(at)
    for (const stream of this.#all()) stream.dissolve(connection, at)
    this.#deadlines.clear()
    this.#wake(null)
  }

  // ── Deliveries, the preferred connection and deadlines ──────────────────────────────────────────────────────────

  #noteDelivery(connection: MergeConnection, event: StreamEvent, stream: MergedStream | undefined): void {
    const delivery = this.#deliveries.get(connection)
    if (delivery === undefined) return
    // Instruments, history and the book that a connection begins with may have come another way than by the socket.
    if (stream?.begins(connection, event) === true) {
      delivery.silentSince = null
      return
    }
    if (event.type === 'gap' || event.type === 'instrument' || isHistory(event)) return
    delivery.at = event.receiveTime
    delivery.silentSince = null
    for (const other of this.#deliveries.values())
      if (other !== delivery) other.silentSince ??= event.receiveTime
  }

  #progressed(stream: MergedStream, at: Micros | null): void {
    if (this.#preferred === null) return
    this.#noteLed(stream)
    if (at !== null && this.#unled.has(stream) && !this.#deadlines.has(stream))
      this.#due(stream, at + OVERLAP_MICROS)
  }

  #prefer(stream: MergedStream, connection: MergeConnection | null): void {
    stream.prefer(connection)
    if (connection === null || stream.ledBy(connection)) return
    this.#unled.add(stream)
    if (Number.isFinite(this.#latest)) this.#due(stream, this.#latest + OVERLAP_MICROS)
  }

  #noteLed(stream: MergedStream, removed = false): void {
    const preferred = this.#preferred
    if (preferred === null) return
    if (!removed && !stream.ledBy(preferred)) this.#unled.add(stream)
    else if (this.#unled.delete(stream) && this.#unled.size === 0) this.#outlet.led()
  }

  #due(stream: MergedStream, at: Micros): void {
    const steady = this.#outlet.steady(at)
    const due = Math.min(steady, this.#deadlines.get(stream) ?? steady)
    this.#deadlines.set(stream, due)
    if (this.#wakesAt === null || due < this.#wakesAt) this.#wake(due)
  }

  #wake(at: Micros | null): void {
    this.#wakesAt = at
    this.#outlet.wake(at)
  }

  #reach(at: Micros | null): void {
    if (at !== null && at > this.#latest) this.#latest = at
  }

  /** No frame brings a gap: it bears the moment at which it is noticed, also where the event that ends it was kept back. */
  #inTime(event: MarketEvent): MarketEvent {
    if (event.type !== 'gap' || event.receiveTime === null || event.receiveTime >= this.#latest) return event
    const to = event.state === 'closed' ? this.#latest : null
    return { ...event, receiveTime: this.#latest, to }
  }

  // ── Streams ─────────────────────────────────────────────────────────────────────────────────────────────────────

  #make(subscription: Subscription): MergedStream {
    const spec = channelSpec(this.#channels, subscription.channel, subscription.instrument.market)
    const numbered = spec !== undefined && numberedAlike(spec)
    const nature = natureOf(subscription)
    if (nature === 'book') return new MergedBook(subscription, this.#streamOutlet, numbered)
    if (nature === 'log') return new MergedLog(subscription, this.#streamOutlet, numbered)
    return new MergedValue(subscription, this.#streamOutlet, numbered)
  }

  *#all(): Generator<MergedStream> {
    for (const streams of this.#streams.values()) yield* streams.values()
  }

  /** A channel for all markets names another instrument in each event than the one that was asked for. */
  #find(event: StreamEvent): MergedStream | undefined {
    const found = this.#found
    // The other connection delivers the same.
    if (found !== null && found.channel === event.channel && found.instrument === event.instrument)
      return found.stream
    const named = this.stream(event.instrument, event.channel)
    if (named !== undefined) {
      this.#found = { channel: event.channel, instrument: event.instrument, stream: named }
      return named
    }
    if (event.type === 'instrument' && event.channel === 'instrument') return undefined
    const [stream] = this.#streams.get(event.channel)?.values() ?? []
    return stream
  }
}
