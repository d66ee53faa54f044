import type {
  BookSnapshotEvent,
  BookUpdateEvent,
  GapReason,
  Level,
  Micros,
  Order,
  OrderSnapshotEvent,
  OrderUpdateEvent,
  StreamEvent,
} from '../../schemas/events.js'
import { OrderBook, type ReadonlyBook } from '../book/order-book.js'
import type { Subscription } from '../connector.js'
import { type BookSides, bookImage, sidesOf } from '../session/book-image.js'
import type { StreamRecord } from '../session/memory.js'
import { type BookMessage, BookPlace } from './book-place.js'
import {
  type MergeConnection,
  type MergedOutlet,
  MergedStream,
  newTrack,
  OVERLAP_MICROS,
  type Track,
  type TrackLoss,
} from './merged-stream.js'
import { CHANGES_KEPT } from './recent-changes.js'

type Snapshot = BookSnapshotEvent | OrderSnapshotEvent
type BookEvent = Snapshot | BookUpdateEvent | OrderUpdateEvent

interface BookTrack extends Track {
  last: BookMessage | null
  /** Whether the last was emitted from it. */
  lastEmitted: boolean
  /** Changes before the last that it delivered and that were not emitted, oldest first: an image of its book has them. */
  readonly unemitted: number[]
  /** Receive time of the last change that was emitted from it. */
  emittedAt: Micros | null
  /** Whether the emitted book holds what it delivered, and nothing has proven since that another track has the same. */
  inBook: boolean
  /** Since when its numbers are above the emitted one and do not follow on it. */
  aheadSince: Micros | null
}

/** The emitted book while no connection is known to have it. */
interface KeptBook {
  readonly sides: BookSides
  readonly book: OrderBook
  readonly since: Micros | null
}

/** A connection silent for longer than this may be dead, and its book stale. */
const SILENT: Micros = 1_000_000
/** How long an older book is waited for in a gap: no network holds a connection up for longer. */
const HELD_UP: Micros = 30_000_000

/**
 * A book. The emitted one is that of the active track, or:
 *
 * | state | the active track | leaves it |
 * | --- | --- | --- |
 * | lagging | is behind the emitted book: folds, and emits nothing | equal: silently. News: by its image. After two seconds: a gap `stale` while it is older, else its image |
 * | owed | has not delivered anything of late: its image comes with its next message | that message |
 * | gap | no track is whole, or the active one is older still | the first image or whole track that is not older, within thirty seconds |
 *
 * A standby becomes active where its book is proven to be the emitted one (the same number, or the same last change, and equal in every
 * level), or else by its image, a snapshot. Where the venue's numbers are the same everywhere, the change that follows the emitted number
 * is taken from whichever track has it first.
 */
export class MergedBook extends MergedStream<BookTrack> {
  protected readonly healing = true
  protected override readonly endsWithEvent = true
  readonly #place: BookPlace
  #kept: KeptBook | null = null
  #state: 'emitting' | 'lagging' | 'owed' = 'emitting'
  /** Since when a track that is to end a gap delivers what is older than the emitted book. */
  #olderSince: Micros | null = null

  constructor(subscription: Subscription, outlet: MergedOutlet, numbered: boolean) {
    super(subscription, outlet, numbered)
    this.#place = new BookPlace(numbered)
  }

  override get book(): ReadonlyBook | null {
    if (this.#kept === null) return super.book
    if (this.gap !== null) this.#kept.book.distrust()
    return this.#kept.book
  }

  override get behind(): boolean {
    return this.#waits || (this.gap !== null && this.#olderSince !== null)
  }

  get #waits(): boolean {
    return this.#state !== 'emitting'
  }

  override ledBy(connection: MergeConnection): boolean {
    return super.ledBy(connection) && !this.#waits
  }

  override adopt(connection: MergeConnection): void {
    super.adopt(connection)
    const { active } = this
    if (active === null) return
    const sequence = this.recordOf(active)?.sequence ?? null
    active.last = { exchangeTime: null, receiveTime: active.lastAt, sequence, change: null, whole: true }
    active.emittedAt = active.lastAt
    active.inBook = true
    this.#place.reach(active.last)
  }

  override begins(connection: MergeConnection, event: StreamEvent): boolean {
    const track = this.tracks.get(connection)
    return isSnapshot(event) && track !== undefined && isFresh(track)
  }

  override settle(at: Micros): Micros | null {
    const { active } = this
    if (active !== null && this.#isOverdue(at) && !this.#isDisclosed(active, at)) this.#takeOver(active, at)
    return super.settle(at)
  }

  force(connection: MergeConnection, at: Micros | null): void {
    const track = this.tracks.get(connection)
    if (!track?.whole || (this.active === track && !this.#waits)) return
    if (!this.#waits && this.active?.whole && this.#lags(track)) this.#waitFor(track, this.active, at)
    else this.#emitWhole(track, at)
  }

  protected newTrack(connection: MergeConnection): BookTrack {
    return {
      ...newTrack(connection),
      last: null,
      lastEmitted: false,
      unemitted: [],
      emittedAt: null,
      inBook: false,
      aheadSince: null,
    }
  }

  protected datum(track: BookTrack, event: StreamEvent): void {
    if (event.type === 'checksum') {
      if (this.active !== track || this.#waits || (!track.whole && this.gap === null)) return
      if (event.ok && this.gap === null) this.#place.prove()
      this.emit(event, false)
      return
    }
    if (!isBook(event)) return
    const at = event.receiveTime
    const before = track.last
    const message = this.#place.message(event)
    if (!track.lastEmitted) this.#note(track)
    track.last = message
    track.lastEmitted = false
    const { active } = this
    if (this.gap !== null || this.#state === 'owed') {
      if (!this.#isAwaited(track, at)) this.#emitNow(track, event)
    } else if (active === track) {
      const ahead = this.farAhead(track, event)
      if (ahead !== null) this.#emitImage(ahead, at)
      else if (this.#state === 'lagging') this.#catchUp(track, event, message, before)
      else this.#emitFrom(track, event)
    } else if (active === null || !active.whole) this.#emitNow(track, event)
    else this.#standby(track, event, message, before)
    this.reconsider(at)
  }

  protected lost(track: BookTrack, other: BookTrack, { reason, detail, at, from }: TrackLoss): void {
    const { inBook } = track
    track.inBook = false
    const wrong = this.misled(track, reason, from)
    if (wrong !== null) {
      this.openGap(reason, detail, at, wrong.since)
      this.#takeOver(other, at)
    } else if (this.active !== track) {
      // The last that was emitted is of the other, and what this one delivered before it came first.
      if (inBook && !this.#areLevel(track, other, null)) this.#takeOver(other, at)
    } else {
      const held = this.#waits ? null : this.#sides(track)
      if (held !== null && this.#areLevel(track, other, held)) this.#proven(other)
      else if (held !== null && this.#lags(other)) this.#waitFor(other, track, at)
      else this.#takeOver(other, at)
    }
  }

  /** Numbered changes are emitted from any track. What fails a proof may have lacked something as well. */
  protected override misled(
    track: BookTrack,
    reason: GapReason,
    from: Micros | null,
  ): { since: Micros | null } | null {
    const disproved = reason === 'checksum' || reason === 'crossed'
    // Two frames may come in one moment, one that was good and one that was not.
    const good = disproved && from !== null ? from - 1 : from
    if (!(disproved && this.active === track) && !hasEmittedSince(track, good)) return null
    // What came after that on this track may have been emitted from another before, as far ahead as two connections ever are.
    this.#place.takeBack()
    const least = from === null ? null : from - OVERLAP_MICROS
    const others = [...this.tracks.values()].some((other) => other !== track && hasEmittedSince(other, least))
    return { since: earlier(others ? least : from, this.emittedAt) }
  }

  protected settled(preferred: BookTrack, at: Micros): void {
    const { active } = this
    if (active !== null && !this.#waits && this.#areLevel(active, preferred, this.#sides(active)))
      this.#proven(preferred)
    else if (!this.#lags(preferred)) this.#emitImage(preferred, at)
  }

  protected reconsider(at: Micros | null): void {
    const { active, preferred } = this
    if (preferred === null || preferred === active || !preferred.whole || this.#waits) return
    if (active === null || !active.whole) this.#emitImage(preferred, at)
    else if (this.#areLevel(active, preferred, null)) this.#proven(preferred)
  }

  protected override restore(at: Micros): void {
    if (this.active?.whole) this.#takeOver(this.active, at)
  }

  /** The track's book, whole: its snapshot, or an image of it where it delivers a change. */
  #emitNow(track: BookTrack, event: BookEvent): void {
    if (isSnapshot(event)) this.#emitFrom(track, event)
    else this.#emitImage(track, event.receiveTime)
  }

  // ── The active track and the standby ────────────────────────────────────────────────────────────────────────────

  /** A message of an active track that lags. */
  #catchUp(track: BookTrack, event: BookEvent, message: BookMessage, before: BookMessage | null): void {
    const { receiveTime: at } = event
    if (this.#place.isBegunAnew(message)) this.#emitImage(track, at)
    else if (this.#place.isNews(message) && !this.#place.isPast(message)) {
      // A batch that begins before the emitted book may lack a level that changed and changed back within it.
      if (isSnapshot(event) || this.#place.isContinuedFrom(before)) this.#emitFrom(track, event)
      else this.#emitImage(track, at)
    } else if (this.#place.isAt(message)) {
      if (this.#kept !== null && sameSides(this.#kept.sides, this.#sides(track))) this.#proven(track)
      else if (this.numbered) this.#emitImage(track, at)
    }
    // Numbers that the venue has begun anew, or a change that came twice: nothing will ever be level.
    if (this.#isOverdue(at) && !this.#isDisclosed(track, at)) this.#emitImage(track, at)
  }

  /** A message of a standby while the active track is whole. */
  #standby(track: BookTrack, event: BookEvent, message: BookMessage, before: BookMessage | null): void {
    const { receiveTime: at } = event
    const news = this.#place.isNews(message)
    if (this.numbered && news && (isSnapshot(event) || this.#place.isContinuedFrom(before))) {
      this.#emitFrom(track, event)
      return
    }
    track.aheadSince = this.numbered && news ? (track.aheadSince ?? at) : null
    if (!news) return
    const silent = this.outpaces(track, at) && this.farAhead(track, event) !== this.active
    if (silent || this.isLate(track.aheadSince, at)) this.#emitWhole(track, at)
  }

  /** The track becomes active, and emits nothing until it has reached the emitted book, which is that of another. */
  #waitFor(track: BookTrack, emitted: BookTrack, at: Micros | null): void {
    const record = this.recordOf(emitted)
    const sides = record === undefined ? null : this.#sides(emitted)
    if (record === undefined || sides === null) {
      this.#takeOver(track, at)
      return
    }
    this.active = track
    this.#state = 'lagging'
    this.#kept = { sides, book: copyOf(record), since: at }
    if (at !== null) this.outlet.due(this, at + OVERLAP_MICROS)
  }

  /** Whether the active track has not reached the emitted book in good time. */
  #isOverdue(at: Micros | null): boolean {
    return this.#state === 'lagging' && this.isLate(this.#kept?.since ?? null, at)
  }

  /** While an overdue track is older than the emitted book, a gap says that it is waited for. @returns whether it is */
  #isDisclosed(track: BookTrack, at: Micros | null): boolean {
    this.#state = 'emitting'
    if (track.last === null || !this.#place.isPast(track.last)) return false
    this.openGap('stale', `${track.connection.name} delivers what is older than what was emitted`, at)
    return true
  }

  /** Whether a track's book is waited for, as older than the emitted one: for so long as a connection may be held up. */
  #isAwaited({ last }: BookTrack, at: Micros | null): boolean {
    if (last === null || !this.#place.isPast(last)) return false
    this.#olderSince ??= at
    return !this.isLate(this.#olderSince, at, HELD_UP)
  }

  /** The track's book is emitted whole, at once where its connection delivered something of late, else with its next message. */
  #takeOver(track: BookTrack, at: Micros | null): void {
    if (!this.isLate(this.outlet.heardUntil(track.connection), at, SILENT)) {
      this.#emitImage(track, at)
      return
    }
    this.active = track
    this.#state = 'owed'
  }

  /** A further message comes. Where the venue's numbers do not show what the emitted book has, only its changes do. */
  #note({ last, unemitted }: BookTrack): void {
    if (last === null || last.change === null || this.#place.isKnown(last)) return
    unemitted.push(last.change)
    if (unemitted.length >= 2 * CHANGES_KEPT) unemitted.splice(0, CHANGES_KEPT)
  }

  /** The emitted book is the track's, and has all that it delivered. */
  #include({ unemitted }: BookTrack): void {
    if (unemitted.length > 0) this.#place.include(unemitted.splice(0))
  }

  /** The track's book is the emitted one, level for level. */
  #proven(track: BookTrack): void {
    this.#include(track)
    this.active = track
    this.#state = 'emitting'
    this.#kept = null
    for (const each of this.tracks.values()) each.inBook = each === track
  }

  /** The track's book as a snapshot, unless it is older than the emitted one: everything after it follows from it. */
  #emitImage(track: BookTrack, at: Micros | null): void {
    if (!this.#isAwaited(track, at)) this.#emitWhole(track, at)
  }

  #emitWhole(track: BookTrack, at: Micros | null): void {
    const { instrument, channel } = this.subscription
    const record = this.recordOf(track)
    if (record === undefined) return
    const { exchangeTime = null, sequence = null } = track.last ?? {}
    const place = { n: 0, exchangeTime, receiveTime: at ?? track.lastAt, sequence }
    const snapshot = bookImage(record, instrument, channel, place)
    if (snapshot !== null) this.#emitFrom(track, snapshot)
  }

  #emitFrom(track: BookTrack, event: BookEvent): void {
    if (isSnapshot(event)) this.#proven(track)
    this.active = track
    this.#state = 'emitting'
    this.#kept = null
    track.inBook = true
    track.lastEmitted = true
    track.emittedAt = track.last?.receiveTime ?? event.receiveTime
    track.aheadSince = null
    this.#olderSince = null
    this.#include(track)
    if (track.last !== null) this.#place.reach(track.last)
    if (isSnapshot(event)) this.#place.prove()
    this.emit(event, isSnapshot(event))
  }

  /** Whether the track may be behind the emitted book. */
  #lags({ last }: BookTrack): boolean {
    return last !== null && (this.#place.isPast(last) || this.#place.isKnown(last))
  }

  /** Whether two tracks have the same book. @param held the first one's, where it is known already */
  #areLevel(a: BookTrack, b: BookTrack, held: BookSides | null): boolean {
    const [x, y] = [a.last, b.last]
    // An image of a quiet market is compared although the other track has delivered nothing since.
    const likely =
      this.numbered && x?.sequence != null && y?.sequence != null
        ? x.sequence === y.sequence
        : x?.change === y?.change || x === null || x.change === null || held !== null || isFresh(b)
    return likely && sameSides(held ?? this.#sides(a), this.#sides(b))
  }

  #sides(track: BookTrack): BookSides | null {
    const record = this.recordOf(track)
    return record === undefined ? null : sidesOf(record, this.subscription.channel)
  }
}

/** Whether a track has delivered nothing but its first image. */
function isFresh(track: BookTrack): boolean {
  return track.lastAt === track.wholeSince
}

function hasEmittedSince({ emittedAt }: BookTrack, since: Micros | null): boolean {
  return emittedAt !== null && (since === null || emittedAt > since)
}

function isBook(event: StreamEvent): event is BookEvent {
  return isSnapshot(event) || event.type === 'book_update' || event.type === 'order_update'
}

function isSnapshot(event: StreamEvent): event is Snapshot {
  return event.type === 'book_snapshot' || event.type === 'order_snapshot'
}

function copyOf({ book }: StreamRecord): OrderBook {
  const copy = new OrderBook()
  const { bids, asks } = book.top(Number.POSITIVE_INFINITY)
  copy.snapshot(bids, asks)
  copy.lastUpdate = book.lastUpdate
  return copy
}

function sameSides(a: BookSides | null, b: BookSides | null): boolean {
  return a !== null && b !== null && sameRows(a.bids, b.bids) && sameRows(a.asks, b.asks)
}

function sameRows(a: readonly (Level | Order)[], b: readonly (Level | Order)[]): boolean {
  return a.length === b.length && a.every((row, at) => row.every((cell, column) => cell === b[at]?.[column]))
}

/** The earlier of two moments; one that is not known may be any. */
function earlier(a: Micros | null, b: Micros | null): Micros | null {
  return a === null || b === null ? null : Math.min(a, b)
}
