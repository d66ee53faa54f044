import type { GapEvent, GapReason, MarketEvent, Micros, StreamEvent } from '../../schemas/events.js'
import type { Subscription } from '../connector.js'
import { StreamRecord } from '../session/memory.js'
import { isLog, splitChannel } from '../session/stream.js'
import { StreamGap } from '../session/stream-gap.js'
import { keyOf } from '../stream/key.js'
import type { Leg } from './leg.js'

/**
 * A leg whose stream has brought nothing for this long, while another leg's went on, is not followed any more. It is also how
 * long two legs must have overlapped for both to have told the same, where neither ids nor numbers can prove it.
 */
export const OVERLAP_MICROS: Micros = 2_000_000

/** What an arbitrated stream may do. */
export interface ArbiterOutlet {
  emit(event: MarketEvent): void
  /** A leg's stream is holed and the user's is not. */
  swallowed(reason: GapReason): void
  /** A receive time, on a line of time that no setting of the machine's clock bends. */
  steady(at: Micros): Micros
}

/** What an arbitrated stream is told of its legs beside its own events. */
export interface StreamOutlet extends ArbiterOutlet {
  /** Receive time of the last event that a leg brought in any stream: until then it has told everything in each. */
  heardUntil(leg: Leg): Micros | null
  /** Since when other legs have told something, and this one nothing in any stream. Null: it spoke last. */
  silentSince(leg: Leg): Micros | null
}

/** One stream as one leg tells it. */
export interface LegView {
  readonly leg: Leg
  /** `waiting`: nothing is whole yet, or there is a hole. `whole`: every event from here on will come. */
  state: 'waiting' | 'whole'
  /** Receive time from which the leg's stream is whole. */
  wholeSince: Micros | null
  /** Receive time of the last event. */
  lastAt: Micros | null
  /** Its last event, as far as it is looked at. */
  last: Pick<StreamEvent, 'exchangeTime'> | null
  /** Since when another leg has news that this one has not; null where this one spoke last. */
  silentSince: Micros | null
}

/** The user was told what may be wrong. */
export interface Misled {
  /** Receive time from which on it may have been. */
  readonly since: Micros | null
}

/** What ended for a leg while another is whole. */
export interface Loss {
  readonly reason: GapReason
  readonly detail: string | null
  /** Receive time of the last good datum of the leg. */
  readonly from: Micros | null
  readonly at: Micros | null
  /** Receive time until which the leg has told everything; one that leaves in good health has done so to the end. */
  readonly toldUntil: Micros | null
}

/**
 * One stream that several legs tell. The rules of gaps, which are the same for every kind: a hole of one leg is no hole of the
 * stream while another leg is whole; the stream's hole opens with the last whole leg's and closes with the first that is
 * whole again.
 */
export abstract class ArbitratedStream<V extends LegView = LegView> {
  readonly subscription: Subscription
  /** Whether an event tells again all that was missed. */
  protected abstract readonly healing: boolean
  /** The hole that the user knows of. */
  gap: StreamGap | null = null
  /** The leg that is followed; null before there is one. */
  protected active: V | null = null
  /** The leg that is to be followed as soon as it can be proven. */
  protected wanted: V | null = null
  /** Receive time of the last event that was passed on. */
  protected emittedAt: Micros | null = null
  protected readonly views = new Map<Leg, V>()
  protected readonly numbered: boolean
  readonly #outlet: StreamOutlet
  /** The gap is open although a leg says that it is whole, for that one has not been heard of late. */
  #doubted = false
  /** Whether a gap would mean anything: something was granted or came. */
  #begun = false

  /** @param numbered whether the venue's numbers mean the same on every connection */
  constructor(subscription: Subscription, outlet: StreamOutlet, numbered: boolean) {
    this.subscription = subscription
    this.#outlet = outlet
    this.numbered = numbered
  }

  get leader(): Leg | null {
    return this.active?.leg ?? null
  }

  /** Whether it follows the leg, and need not ask another. */
  ledBy(leg: Leg): boolean {
    return this.active?.leg === leg && this.active.state === 'whole'
  }

  /** Where nobody had anything to tell for long enough, the wanted leg has missed nothing, and is followed. */
  settle(at: Micros): void {
    const { active, wanted } = this
    if (wanted === null || wanted === active || wanted.state !== 'whole') return
    const last = Math.max(wanted.wholeSince ?? 0, wanted.lastAt ?? 0, active?.lastAt ?? 0)
    if (this.isLate(last, at)) this.settled(wanted, at)
  }

  /** Whether another leg is whole. */
  spares(leg: Leg): boolean {
    for (const view of this.views.values()) if (view.leg !== leg && view.state === 'whole') return true
    return false
  }

  /** A further leg begins to tell the stream. */
  join(leg: Leg): void {
    this.views.set(leg, this.viewOf(leg))
  }

  /** A leg that has told the stream alone, straight to the user, goes on under arbitration. */
  adopt(leg: Leg): void {
    const view = this.viewOf(leg)
    this.views.set(leg, view)
    const record = leg.memory.peek(this.subscription.instrument.instrument, this.subscription.channel)
    if (record === undefined) return
    this.gap = record.gap?.told() ?? null
    this.#begun = record.seen || record.acked !== null
    this.emittedAt = record.lastData
    view.lastAt = record.lastData
    if (record.gap !== null || !this.#begun) return
    view.state = 'whole'
    view.wholeSince = record.lastData ?? record.acked
    this.active = view
  }

  /** The other way: what the user was told becomes what the leg knows, which goes on alone. */
  dissolve(leg: Leg, at: Micros | null): void {
    this.force(leg, at)
    const record = leg.memory.record(this.subscription.instrument.instrument, this.subscription.channel)
    record.gap = this.gap?.told() ?? null
  }

  /** The stream is given up here, to be served elsewhere: what the user was told of it. */
  release(at: Micros): StreamRecord {
    if (this.#begun) this.openGap('disconnected', 'the stream moves to another connection', at)
    const record = new StreamRecord()
    record.gap = this.gap?.told() ?? null
    record.seen = this.#begun
    record.lastData = this.emittedAt
    return record
  }

  /** The stream was served elsewhere. */
  inherit(record: StreamRecord): void {
    this.gap = record.gap
    this.#begun = record.seen
    this.emittedAt = record.lastData
  }

  take(leg: Leg, event: StreamEvent): void {
    const view = this.views.get(leg)
    if (view === undefined) return
    view.lastAt = event.receiveTime
    view.silentSince = null
    if (event.type !== 'gap') {
      if (view.state === 'waiting' && this.#provesWhole(event))
        this.#mended(view, event.receiveTime, false, null)
      this.datum(view, event)
    } else if (event.state === 'open') this.#holed(view, event)
    else this.#mended(view, event.receiveTime, event.healed, event.from)
  }

  /** Whether an event of a leg is no more than what it begins with. */
  begins(_leg: Leg, _event: StreamEvent): boolean {
    return false
  }

  /** A leg is gone for good, and was meant to. */
  leave(leg: Leg, reason: GapReason, detail: string, at: Micros | null): void {
    const view = this.views.get(leg)
    if (view === undefined) return
    this.#holed(view, { reason, detail, receiveTime: at, from: at }, true)
    this.views.delete(leg)
    if (this.active === view) this.active = null
    if (this.wanted === view) this.wanted = null
  }

  /** The leg is to be followed from the first moment at which nothing is lost by it. */
  prefer(leg: Leg): void {
    this.wanted = this.views.get(leg) ?? null
    this.reconsider(null)
  }

  /** Events that were passed on were not read, or lost by the reader: the hole is the user's alone. */
  overflowed(from: Micros | null, at: Micros, detail: string): void {
    this.openGap('overflow', detail, at, from)
    this.restore(at)
  }

  /** The leg is followed now, if it is whole at all. */
  abstract force(leg: Leg, at: Micros | null): void
  protected abstract viewOf(leg: Leg): V
  protected abstract datum(view: V, event: StreamEvent): void
  /** A leg that was whole is not; another one is. */
  protected abstract lost(view: V, other: V, loss: Loss): void
  /**
   * Whether the user may have been told what is wrong, as a leg finds out now; null where he was not.
   *
   * @param _from when the leg was good last
   */
  protected misled(_view: V, _reason: GapReason, _from: Micros | null): Misled | null {
    return null
  }

  /** A leg is holed: what it told until now proves nothing of what it will tell. */
  protected abstract forget(view: V): void
  /** A leg became whole. @param first no other leg is whole */
  protected abstract becameWhole(view: V, first: boolean): void
  /** Whether it is time to follow the wanted leg. */
  protected abstract reconsider(at: Micros | null): void
  /** The wanted leg has missed nothing: it is followed. */
  protected abstract settled(wanted: V, at: Micros): void
  /** Whether the hole that this leg closes has been filled. @param from where the leg's own hole began; null at its beginning */
  protected abstract heals(view: V, healed: boolean, from: Micros | null): boolean
  /** Makes good what the reader did not read, where that can be done at once. */
  protected abstract restore(at: Micros): void

  protected other(view: V): V | null {
    for (const candidate of this.views.values()) {
      if (candidate !== view && candidate.state === 'whole') return candidate
    }
    return null
  }

  /** @param whole whether the event shows that the stream is whole again, where a gap is open */
  protected pass(event: StreamEvent, whole: boolean): void {
    this.#begun = true
    if (whole && this.gap !== null) this.closeGap(this.healing || this.#doubted, event.receiveTime, event)
    this.emittedAt = event.receiveTime
    // Numbers of one connection would only seem to go on in those of another.
    const foreign = !this.numbered && 'sequence' in event && event.sequence !== null
    this.#outlet.emit(foreign ? { ...event, sequence: null } : event)
  }

  protected openGap(
    reason: GapReason,
    detail: string | null,
    at: Micros | null,
    from = this.emittedAt,
  ): void {
    if (this.gap !== null) return
    this.gap = new StreamGap(reason, from)
    this.#outlet.emit(this.#gapEvent('open', reason, from, null, false, detail, at))
  }

  /** @param next the event that follows at once; null where none does */
  protected closeGap(healed: boolean, at: Micros | null, next: StreamEvent | null = null): void {
    const { gap } = this
    if (gap === null) return
    this.gap = null
    this.emittedAt = at
    this.#doubted = false
    const whole = healed && !(gap.lost && isLog(splitChannel(this.subscription.channel).kind))
    const end = this.#gapEvent('closed', gap.reason, gap.from, at, whole, null, at)
    if (next !== null) {
      const { exchangeTime, receiveTime } = next
      end.before = { epoch: null, n: 0, key: keyOf(next, this.numbered), exchangeTime, receiveTime }
    }
    this.#outlet.emit(end)
  }

  /** Notes that the leg has news which the followed one has not. @returns whether that one is silent for too long. */
  protected outpaces(view: V, at: Micros | null): boolean {
    const { active } = this
    if (active === null || active === view || at === null || view.state !== 'whole') return false
    active.silentSince ??= at
    return this.isLate(active.silentSince, at)
  }

  /**
   * A whole leg, heard just now, that has told of a time so much later than this event of the followed one, that this is held
   * up. Of one that has been silent the clock of the venue may be wrong.
   */
  protected farAhead(view: V, event: StreamEvent): V | null {
    for (const other of this.views.values()) {
      if (
        other !== view &&
        other.state === 'whole' &&
        !this.isLate(other.lastAt, event.receiveTime) &&
        isFarAhead(other.last?.exchangeTime ?? null, event.exchangeTime)
      ) {
        return other
      }
    }
    return null
  }

  /** Receive time until which a leg has told everything, in each of its streams. */
  protected heardUntil(view: V): Micros | null {
    return this.#outlet.heardUntil(view.leg)
  }

  /** Whether what should be over soon has lasted for too long. @param since and at receive times */
  protected isLate(since: Micros | null, at: Micros | null, limit = OVERLAP_MICROS): boolean {
    if (since === null || at === null) return false
    return this.#outlet.steady(at) - this.#outlet.steady(since) >= limit
  }

  /** A leg that has told nothing is known to be whole. */
  protected vouch(view: V, since: Micros): void {
    view.state = 'whole'
    view.wholeSince = since
  }

  /** What the leg itself knows of the stream. */
  protected record(view: V): StreamRecord | undefined {
    return view.leg.memory.peek(this.subscription.instrument.instrument, this.subscription.channel)
  }

  #provesWhole(event: StreamEvent): boolean {
    return event.type !== 'checksum' && !isHistory(event)
  }

  #holed(view: V, hole: Pick<GapEvent, 'reason' | 'detail' | 'receiveTime' | 'from'>, wanted = false): void {
    if (view.state === 'waiting') return
    const { reason, detail, receiveTime: at, from } = hole
    view.state = 'waiting'
    view.wholeSince = null
    view.silentSince = null
    this.forget(view)
    const heard = this.#outlet.heardUntil(view.leg)
    const other = this.other(view)
    // A line may be dead long before that is known.
    const doubtful = other !== null && !wanted && this.isLate(this.#outlet.silentSince(other.leg), heard)
    if (other !== null && !doubtful) {
      if (!wanted) this.#outlet.swallowed(reason)
      this.lost(view, other, { reason, detail, at, from, toldUntil: wanted ? at : heard })
    } else if (this.#begun) {
      this.#doubted = doubtful && this.gap === null
      const { since } = this.misled(view, reason, from) ?? { since: this.emittedAt }
      this.openGap(reason, detail, at, since)
    }
  }

  #mended(view: V, at: Micros | null, healed: boolean, from: Micros | null): void {
    if (view.state === 'whole') return
    const first = this.other(view) === null || this.#doubted
    view.state = 'whole'
    view.wholeSince = at
    this.becameWhole(view, first)
    if (first) {
      this.active = view
      this.closeGap(this.heals(view, healed, from), at)
      this.#begun = true
    }
    this.reconsider(at)
  }

  #gapEvent(
    state: 'open' | 'closed',
    reason: GapReason,
    from: Micros | null,
    to: Micros | null,
    healed: boolean,
    detail: string | null,
    receiveTime: Micros | null,
  ): GapEvent {
    const { instrument, channel } = this.subscription
    const { venue, symbol } = instrument
    const exchangeTime = null
    return {
      type: 'gap',
      venue,
      symbol,
      instrument: instrument.instrument,
      channel,
      n: 0,
      exchangeTime,
      receiveTime,
      reason,
      state,
      from,
      to,
      healed,
      after: null,
      before: null,
      detail,
    }
  }
}

/** Whether an event is of the past: what a venue tells to one who has just subscribed. */
export function isHistory(event: StreamEvent): boolean {
  return 'historical' in event && event.historical
}

/** Whether a time of the venue is further on than two connections ever are apart. */
function isFarAhead(time: Micros | null, of: Micros | null): boolean {
  return time !== null && of !== null && time - of >= OVERLAP_MICROS
}
