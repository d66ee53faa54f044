import type { GapReason, MarketEvent, Micros, StreamEvent } from '../../schemas/events.js'
import { channelSpec } from '../channel-spec.js'
import type { Channel, ChannelSpec, Subscription } from '../connector.js'
import type { StreamRecord } from '../session/memory.js'
import { splitChannel } from '../session/stream.js'
import { numberedAlike } from '../venue/integrity.js'
import { ArbitratedBook } from './arbitrated-book.js'
import { ArbitratedLog } from './arbitrated-log.js'
import { ArbitratedState } from './arbitrated-state.js'
import {
  type ArbiterOutlet,
  type ArbitratedStream,
  isHistory,
  type StreamOutlet,
} from './arbitrated-stream.js'
import type { Leg } from './leg.js'

/**
 * Makes one stream of events out of what several connections tell of the same streams: in the venue's order, none twice, and
 * a gap only where every connection has one. It reads no clock and sets no timer.
 */
export class Arbiter {
  readonly #streams = new Map<string, ArbitratedStream>()
  /** Each leg, with the receive time of the last event that it brought. */
  readonly #legs = new Map<Leg, Micros | null>()
  readonly #outlet: StreamOutlet
  readonly #channels: readonly ChannelSpec[]
  #wanted: Leg | null = null
  /** Since when other legs have told something and this one nothing. */
  readonly #silent = new Map<Leg, Micros>()
  /** The latest moment that any leg has told of. */
  #latest: Micros = Number.NEGATIVE_INFINITY

  constructor(
    channels: readonly ChannelSpec[],
    subscriptions: readonly Subscription[],
    outlet: ArbiterOutlet,
  ) {
    this.#channels = channels
    this.#outlet = {
      emit: (event) => outlet.emit(this.#inTime(event)),
      swallowed: (reason) => outlet.swallowed(reason),
      steady: (at) => outlet.steady(at),
      heardUntil: (leg) => this.#legs.get(leg) ?? null,
      silentSince: (leg) => this.#silent.get(leg) ?? null,
    }
    this.add(subscriptions)
  }

  add(subscriptions: readonly Subscription[]): void {
    for (const subscription of subscriptions) {
      const stream = this.#make(subscription)
      this.#streams.set(keyOf(subscription.instrument.instrument, subscription.channel), stream)
      for (const leg of this.#legs.keys()) stream.join(leg)
      if (this.#wanted !== null) stream.prefer(this.#wanted)
    }
  }

  remove(subscriptions: readonly Subscription[]): void {
    for (const { instrument, channel } of subscriptions) {
      this.#streams.delete(keyOf(instrument.instrument, channel))
    }
  }

  /** Gives one stream up, to be served elsewhere. @returns what the user was told of it; null where it is not here */
  release({ instrument, channel }: Subscription, at: Micros): StreamRecord | null {
    this.#reach(at)
    return this.#streams.get(keyOf(instrument.instrument, channel))?.release(at) ?? null
  }

  /** Goes on with a stream that was served elsewhere. */
  inherit({ instrument, channel }: Subscription, record: StreamRecord): void {
    this.#streams.get(keyOf(instrument.instrument, channel))?.inherit(record)
  }

  /** A leg that begins; its memory is `holed` at first. */
  join(leg: Leg): void {
    this.#legs.set(leg, null)
    for (const stream of this.#streams.values()) stream.join(leg)
  }

  /** A leg that has told everything alone, straight to the user. */
  adopt(leg: Leg): void {
    this.#legs.set(leg, null)
    for (const stream of this.#streams.values()) stream.adopt(leg)
  }

  /** An event of one leg. */
  take(leg: Leg, event: MarketEvent): void {
    this.#reach(event.receiveTime)
    if (!('channel' in event)) {
      this.#outlet.emit(event)
      return
    }
    const stream = this.#find(event)
    if (stream !== undefined) stream.take(leg, event)
    // Instruments, history and the book that a leg begins with may have come another way than by the socket.
    if (stream?.begins(leg, event) === true) this.#silent.delete(leg)
    else if (event.type !== 'gap' && event.type !== 'instrument' && !isHistory(event))
      this.#heard(leg, event.receiveTime)
    if (stream !== undefined) return
    // What was not asked for but is told once anyway: an instrument's own data.
    if (event.type === 'instrument') this.#outlet.emit(event)
  }

  /** A leg is gone for good. */
  leave(leg: Leg, reason: GapReason, detail: string, at: Micros | null): void {
    this.#reach(at)
    this.#legs.delete(leg)
    this.#silent.delete(leg)
    if (this.#wanted === leg) this.#wanted = null
    for (const stream of this.#streams.values()) stream.leave(leg, reason, detail, at)
  }

  /** The leg is to be followed everywhere, in each stream from the first moment at which nothing is lost by it. */
  prefer(leg: Leg): void {
    this.#wanted = leg
    for (const stream of this.#streams.values()) stream.prefer(leg)
  }

  /** Whether every stream follows the leg. */
  ledBy(leg: Leg): boolean {
    for (const stream of this.#streams.values()) if (!stream.ledBy(leg)) return false
    return true
  }

  /** Time has passed: streams in which nobody had anything to tell follow the preferred leg. */
  settle(at: Micros): void {
    this.#reach(at)
    for (const stream of this.#streams.values()) stream.settle(at)
  }

  /** Whether every stream has a whole leg besides this one. */
  spares(leg: Leg): boolean {
    for (const stream of this.#streams.values()) if (!stream.spares(leg)) return false
    return true
  }

  /** Every stream follows the leg from now on, where it is whole; books by a snapshot where nothing is proven. */
  force(leg: Leg, at: Micros | null): void {
    this.#reach(at)
    for (const stream of this.#streams.values()) stream.force(leg, at)
  }

  /** The leg goes on alone, straight to the user. */
  dissolve(leg: Leg, at: Micros | null): void {
    this.#reach(at)
    for (const stream of this.#streams.values()) stream.dissolve(leg, at)
  }

  /** The user did not read events of a stream. */
  overflowed(instrument: string, channel: Channel, from: Micros | null, at: Micros, detail: string): void {
    this.#streams.get(keyOf(instrument, channel))?.overflowed(from, at, detail)
  }

  /** The leg that a stream follows. */
  leader(instrument: string, channel: Channel): Leg | null {
    return this.#streams.get(keyOf(instrument, channel))?.leader ?? null
  }

  /** The connection whose book is the emitted one; null where none is known to have it, or a gap is open. */
  shown(instrument: string, channel: Channel): Leg | null {
    const stream = this.#streams.get(keyOf(instrument, channel))
    const leader = stream?.leader ?? null
    return leader !== null && stream?.gap === null && stream.ledBy(leader) ? leader : null
  }

  /** Why a stream is holed now, as the user was told. */
  gap(instrument: string, channel: Channel): GapReason | null {
    return this.#streams.get(keyOf(instrument, channel))?.gap?.reason ?? null
  }

  #heard(leg: Leg, at: Micros | null): void {
    this.#legs.set(leg, at)
    this.#silent.delete(leg)
    if (at === null) return
    for (const other of this.#legs.keys()) {
      if (other !== leg && !this.#silent.has(other)) this.#silent.set(other, at)
    }
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

  #make(subscription: Subscription): ArbitratedStream {
    const { kind } = splitChannel(subscription.channel)
    const spec = channelSpec(this.#channels, subscription.channel, subscription.instrument.market)
    const numbered = spec !== undefined && numberedAlike(spec)
    switch (kind) {
      case 'book':
      case 'order':
        return new ArbitratedBook(subscription, this.#outlet, numbered)
      case 'trade':
      case 'liquidation':
      case 'transaction':
      case 'block':
        return new ArbitratedLog(subscription, this.#outlet, numbered)
      default:
        return new ArbitratedState(subscription, this.#outlet, numbered)
    }
  }

  /** A channel for all markets names another instrument in each event than the one that was asked for. */
  #find(event: StreamEvent): ArbitratedStream | undefined {
    const named = this.#streams.get(keyOf(event.instrument, event.channel))
    if (named !== undefined) return named
    if (event.type === 'instrument' && event.channel === 'instrument') return undefined
    for (const stream of this.#streams.values()) {
      if (stream.subscription.channel === event.channel) return stream
    }
    return undefined
  }
}

function keyOf(instrument: string, channel: string): string {
  return `${channel} ${instrument}`
}
