import type { GapEvent, GapReason, MarketEvent, Micros, StreamEvent } from '../../schemas/events.js'
import type { ReadonlyBook } from '../book/order-book.js'
import type { Subscription } from '../connector.js'
import { type StreamMemory, StreamRecord } from '../session/memory.js'
import { isLog, splitChannel } from '../session/stream.js'
import { StreamGap } from '../session/stream-gap.js'
import { keyOf } from './key.js'

/** One of the connections that carry the same streams. */
export interface MergeConnection {
  readonly name: string
  /** What this connection alone knows of the streams: the books that it maintains, its gaps. */
  readonly memory: StreamMemory
}

/**
 * A connection whose stream is silent for this long, while another's goes on, stops being active. It is also how long two connections must
 * have overlapped for both to have delivered the same, where neither ids nor numbers prove it.
 */
export const OVERLAP_MICROS: Micros = 2_000_000

/** What a merged stream knows of its connections and may do. */
export interface MergedOutlet {
  emit(event: MarketEvent): void
  /** One connection has a gap, and the stream has none. */
  swallowed(reason: GapReason): void
  /** A receive time on a scale that no setting of the machine's clock bends. */
  steady(at: Micros): Micros
  /** Receive time of the last event that a connection delivered on any stream. */
  heardUntil(connection: MergeConnection): Micros | null
  /** Since when others have delivered something and this connection nothing on any stream; null where it was the last to. */
  silentSince(connection: MergeConnection): Micros | null
  /** The stream wants to be settled at this receive time. */
  due(stream: MergedStream, at: Micros): void
}

/** One stream as one connection delivers it. */
export interface Track {
  readonly connection: MergeConnection
  /** Every event from here on will come; false while the connection has a gap, or has not begun. */
  whole: boolean
  /** Receive time from which it is whole. */
  wholeSince: Micros | null
  /** Receive time of its last event. */
  lastAt: Micros | null
  /** Its last event, as far as it is looked at. */
  last: Pick<StreamEvent, 'exchangeTime'> | null
  /** Since when another connection has news that this one has not; null where this one was the last to deliver. */
  silentSince: Micros | null
}

/** What ended on one track while another is whole. */
export interface TrackLoss {
  readonly reason: GapReason
  readonly detail: string | null
  /** Receive time of its last good datum. */
  readonly from: Micros | null
  readonly at: Micros | null
  /** Receive time until which it has delivered everything: to the end where it leaves in good health. */
  readonly wholeUntil: Micros | null
}

/** A new track of a connection. */
export function newTrack(connection: MergeConnection): Track {
  return { connection, whole: false, wholeSince: null, lastAt: null, last: null, silentSince: null }
}

/**
 * One stream that several connections carry. The rules of gaps, the same for every kind of stream: a gap of one track is none of the
 * stream while another track is whole; the stream's gap opens with that of the last whole track and closes with the first that is whole
 * again.
 */
export abstract class MergedStream<T extends Track = Track> {
  readonly subscription: Subscription
  /** The gap that was emitted and is open. */
  gap: StreamGap | null = null
  /** Whether an event says again all that was missed. */
  protected abstract readonly healing: boolean
  /** Whether the stream's gap ends only with the event that a whole track delivers next, which may turn out to be of the past. */
  protected readonly endsWithEvent: boolean = false
  /** The track that is emitted; the others are standby. Null before there is one. */
  protected active: T | null = null
  /** The track that is to be active as soon as nothing is lost by it. */
  protected preferred: T | null = null
  /** Receive time of the last event that was emitted. */
  protected emittedAt: Micros | null = null
  protected readonly tracks = new Map<MergeConnection, T>()
  protected readonly numbered: boolean
  protected readonly outlet: MergedOutlet
  /** The gap is open although a track says that it is whole, for its connection has not delivered anything of late. */
  #doubted = false
  /** Whether a gap would mean anything: something was granted or came. */
  #begun = false

  /** @param numbered whether the venue's numbers mean the same on every connection */
  constructor(subscription: Subscription, outlet: MergedOutlet, numbered: boolean) {
    this.subscription = subscription
    this.outlet = outlet
    this.numbered = numbered
  }

  /** The connection that is active. */
  get leader(): MergeConnection | null {
    return this.active?.connection ?? null
  }

  /** The connection whose book is the emitted one; null where none is known to have it, or a gap is open. */
  get shown(): MergeConnection | null {
    const { leader } = this
    return leader !== null && this.gap === null && this.ledBy(leader) ? leader : null
  }

  /** The book as it was emitted; null where there is none. */
  get book(): ReadonlyBook | null {
    return this.active === null ? null : (this.recordOf(this.active)?.book ?? null)
  }

  /** Whether what was emitted is not yet that of the active track. */
  get behind(): boolean {
    return false
  }

  /** Whether the connection is active and needs no other. */
  ledBy(connection: MergeConnection): boolean {
    return this.active?.connection === connection && this.active.whole
  }

  /**
   * A deadline has passed: where neither track had anything to deliver for long enough, the preferred one has missed nothing.
   *
   * @returns the next deadline, a receive time; null where an event comes first
   */
  settle(at: Micros): Micros | null {
    const { active, preferred } = this
    if (preferred === null || preferred === active || !preferred.whole) return null
    const last = Math.max(preferred.wholeSince ?? 0, preferred.lastAt ?? 0, active?.lastAt ?? 0)
    if (!this.isLate(last, at)) return last + OVERLAP_MICROS
    this.settled(preferred, at)
    return null
  }

  /** Whether another connection is whole. */
  spares(connection: MergeConnection): boolean {
    for (const track of this.tracks.values()) if (track.connection !== connection && track.whole) return true
    return false
  }

  /** A further connection begins to carry the stream. */
  join(connection: MergeConnection): void {
    this.tracks.set(connection, this.newTrack(connection))
  }

  /** A connection that has carried the stream alone, unmerged, is merged from now on. */
  adopt(connection: MergeConnection): void {
    const track = this.newTrack(connection)
    this.tracks.set(connection, track)
    const record = this.recordOf(track)
    if (record === undefined) return
    this.gap = record.gap?.told() ?? null
    this.#begun = record.seen || record.acked !== null
    this.emittedAt = record.lastData
    track.lastAt = record.lastData
    if (record.gap !== null || !this.#begun) return
    track.whole = true
    track.wholeSince = record.lastData ?? record.acked
    this.active = track
  }

  /** The other way: the connection goes on alone, and knows what was emitted. @returns its record of the stream */
  dissolve(connection: MergeConnection, at: Micros | null): StreamRecord {
    this.force(connection, at)
    const { instrument, channel } = this.subscription
    const record = connection.memory.record(instrument.instrument, channel)
    record.gap = this.gap?.told() ?? null
    return record
  }

  /** The stream moves to another set of connections. @returns what was emitted of it */
  release(at: Micros): StreamRecord {
    if (this.#begun) this.openGap('disconnected', 'the stream moves to another connection', at)
    const record = new StreamRecord()
    record.gap = this.gap?.told() ?? null
    record.seen = this.#begun
    record.lastData = this.emittedAt
    return record
  }

  /** The stream was emitted elsewhere before. */
  inherit(record: StreamRecord): void {
    this.gap = record.gap
    this.#begun = record.seen
    this.emittedAt = record.lastData
  }

  take(connection: MergeConnection, event: StreamEvent): void {
    const track = this.tracks.get(connection)
    if (track === undefined) return
    track.lastAt = event.receiveTime
    track.silentSince = null
    if (event.type !== 'gap') {
      if (!track.whole && event.type !== 'checksum' && !isHistory(event))
        this.#gapClosed(track, event.receiveTime, false, null)
      this.datum(track, event)
    } else if (event.state === 'open') this.#gapOpened(track, event, false)
    else this.#gapClosed(track, event.receiveTime, event.healed, event.from)
  }

  /** Whether an event is no more than what a connection begins with. */
  begins(_connection: MergeConnection, _event: StreamEvent): boolean {
    return false
  }

  /** A connection is gone for good, and was meant to. */
  leave(connection: MergeConnection, reason: GapReason, detail: string, at: Micros | null): void {
    const track = this.tracks.get(connection)
    if (track === undefined) return
    this.#gapOpened(track, { reason, detail, receiveTime: at, from: at }, true)
    this.tracks.delete(connection)
    if (this.active === track) this.active = null
    if (this.preferred === track) this.preferred = null
  }

  /** The connection is to be active from the first moment at which nothing is lost by it. */
  prefer(connection: MergeConnection | null): void {
    this.preferred = connection === null ? null : (this.tracks.get(connection) ?? null)
    this.reconsider(null)
  }

  /** Events that were emitted were not read. */
  overflowed(from: Micros | null, at: Micros, detail: string): void {
    this.openGap('overflow', detail, at, from)
    this.restore(at)
  }

  /** The connection is active now, if it is whole at all. */
  abstract force(connection: MergeConnection, at: Micros | null): void
  protected abstract newTrack(connection: MergeConnection): T
  protected abstract datum(track: T, event: StreamEvent): void
  /** A track that was whole is not; another one is. */
  protected abstract lost(track: T, other: T, loss: TrackLoss): void
  /** Whether it is time for the preferred track. */
  protected abstract reconsider(at: Micros | null): void
  /** The preferred track has missed nothing. */
  protected abstract settled(preferred: T, at: Micros): void

  /** Takes back what was emitted and may be wrong, as a track finds out now. @returns since when, which may be unknown */
  protected misled(_track: T, _reason: GapReason, _from: Micros | null): { since: Micros | null } | null {
    return null
  }

  /** A track has a gap: what it delivered until now proves nothing of what it will deliver. */
  protected forget(_track: T): void {}
  /** A track became whole. @param first no other is */
  protected becameWhole(_track: T, _first: boolean): void {}
  /** Emits at once what the reader lost, where that can be done. */
  protected restore(_at: Micros): void {}

  /** Whether the gap that a track closes is filled. @param _from where the track's own gap began; null at its beginning */
  protected heals(_track: T, healed: boolean, _from: Micros | null): boolean {
    return healed
  }

  protected other(track: T): T | null {
    for (const candidate of this.tracks.values()) if (candidate !== track && candidate.whole) return candidate
    return null
  }

  /** @param whole whether the event shows that the stream is whole again, where a gap is open */
  protected emit(event: StreamEvent, whole: boolean): void {
    this.#begun = true
    if (whole && this.gap !== null) this.closeGap(this.healing || this.#doubted, event.receiveTime, event)
    this.#reached(event.receiveTime)
    // Numbers of one connection would only seem to go on in those of another.
    if (!this.numbered) withoutSequence(event)
    this.outlet.emit(event)
  }

  protected openGap(
    reason: GapReason,
    detail: string | null,
    at: Micros | null,
    from = this.emittedAt,
  ): void {
    if (this.gap !== null) return
    this.gap = new StreamGap(reason, from)
    this.outlet.emit(this.#gapEvent({ state: 'open', reason, from, to: null, healed: false, detail }, at))
  }

  /** @param next the event that follows at once; null where none does */
  protected closeGap(healed: boolean, at: Micros | null, next: StreamEvent | null = null): void {
    const { gap } = this
    if (gap === null) return
    const { reason, from } = gap
    this.gap = null
    this.#reached(at)
    this.#doubted = false
    const filled = healed && !(gap.lost && isLog(splitChannel(this.subscription.channel).kind))
    const end = this.#gapEvent({ state: 'closed', reason, from, to: at, healed: filled, detail: null }, at)
    if (next !== null) {
      const { exchangeTime, receiveTime } = next
      end.before = { epoch: null, n: 0, key: keyOf(next, this.numbered), exchangeTime, receiveTime }
    }
    this.outlet.emit(end)
  }

  /** Notes that a standby has news which the active track has not. @returns whether that one is silent for too long. */
  protected outpaces(track: T, at: Micros | null): boolean {
    const { active } = this
    if (active === null || active === track || at === null || !track.whole) return false
    active.silentSince ??= at
    return this.isLate(active.silentSince, at)
  }

  /**
   * A whole track that has just delivered something of a time so much later than this event of the active one, that this is held up. Of
   * one that is silent the venue's clock may be wrong.
   */
  protected farAhead(track: T, event: StreamEvent): T | null {
    if (event.exchangeTime === null) return null
    for (const other of this.tracks.values()) {
      if (other === track || !other.whole || this.isLate(other.lastAt, event.receiveTime)) continue
      if (isFarAhead(other.last?.exchangeTime ?? null, event.exchangeTime)) return other
    }
    return null
  }

  /** Whether what should be over soon has lasted for too long. @param since and at receive times */
  protected isLate(since: Micros | null, at: Micros | null, limit = OVERLAP_MICROS): boolean {
    if (since === null || at === null) return false
    return this.outlet.steady(at) - this.outlet.steady(since) >= limit
  }

  /** What the connection itself knows of the stream. */
  protected recordOf({ connection: { memory } }: Track): StreamRecord | undefined {
    return memory.peek(this.subscription.instrument.instrument, this.subscription.channel)
  }

  #gapOpened(
    track: T,
    { reason, detail, receiveTime: at, from }: Pick<GapEvent, 'reason' | 'detail' | 'receiveTime' | 'from'>,
    leaves: boolean,
  ): void {
    if (!track.whole) return
    track.whole = false
    track.wholeSince = null
    track.silentSince = null
    this.forget(track)
    const heard = this.outlet.heardUntil(track.connection)
    const other = this.other(track)
    // A connection may be dead long before that is known.
    const doubtful =
      other !== null && !leaves && this.isLate(this.outlet.silentSince(other.connection), heard)
    if (other !== null && !doubtful) {
      if (!leaves) this.outlet.swallowed(reason)
      this.lost(track, other, { reason, detail, at, from, wholeUntil: leaves ? at : heard })
    } else if (this.#begun) {
      this.#doubted = doubtful && this.gap === null
      const { since } = this.misled(track, reason, from) ?? { since: this.emittedAt }
      this.openGap(reason, detail, at, since)
    }
  }

  #gapClosed(track: T, at: Micros | null, healed: boolean, from: Micros | null): void {
    if (track.whole) return
    const first = this.other(track) === null || this.#doubted
    track.whole = true
    track.wholeSince = at
    this.becameWhole(track, first)
    if (first) this.#begun = true
    if (this.endsWithEvent) return
    if (first) {
      this.active = track
      this.closeGap(this.heals(track, healed, from), at)
    }
    this.reconsider(at)
  }

  /** An event that waited bears an earlier time than what was emitted before it. */
  #reached(at: Micros | null): void {
    if (at !== null && (this.emittedAt === null || at > this.emittedAt)) this.emittedAt = at
  }

  #gapEvent(
    facts: Pick<GapEvent, 'state' | 'reason' | 'from' | 'to' | 'healed' | 'detail'>,
    receiveTime: Micros | null,
  ): GapEvent {
    const { instrument, channel } = this.subscription
    const { venue, symbol } = instrument
    const { detail, state, reason, from, to, healed } = facts
    const labels = {
      venue,
      symbol,
      instrument: instrument.instrument,
      channel,
      n: 0,
      exchangeTime: null,
      receiveTime,
    }
    return { type: 'gap', ...labels, reason, state, from, to, healed, after: null, before: null, detail }
  }
}

function withoutSequence(event: { readonly type: string; sequence?: string | null }): void {
  if (typeof event.sequence === 'string') event.sequence = null
}

/** Whether an event is of the past: what a venue tells to one who has just subscribed. */
export function isHistory(event: StreamEvent): boolean {
  return (event.type === 'trade' || event.type === 'candle') && event.historical
}

/** Whether a time of the venue is further on than two connections ever are apart. */
function isFarAhead(time: Micros | null, of: Micros | null): boolean {
  return time !== null && of !== null && time - of >= OVERLAP_MICROS
}
