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
import { type BookSides, bookImage, sidesOf } from '../session/book-image.js'
import {
  ArbitratedStream,
  type LegView,
  type Loss,
  type Misled,
  OVERLAP_MICROS,
} from './arbitrated-stream.js'
import { earlier } from './earlier.js'
import type { Leg } from './leg.js'

type Snapshot = BookSnapshotEvent | OrderSnapshotEvent
type BookEvent = Snapshot | BookUpdateEvent | OrderUpdateEvent

interface BookView extends LegView {
  /** The last event, without its levels. */
  last: Pick<BookEvent, 'exchangeTime' | 'receiveTime' | 'sequence'> | null
  /** Receive time of the last change of its book that the user has from it. */
  toldAt: Micros | null
  /** Whether the user's book holds what it told, and nothing has proven since that another leg has the same. */
  inBook: boolean
  /** Since when its numbers are above the user's, and never follow on them. */
  aheadSince: Micros | null
  /** What the last event changed: two legs that say the same are likely, and only likely, to be level. */
  change: string | null
}

/** Of a leg that was heard within this the book is that of now; one that was not may be dead, and its book that of then. */
const HEARD_OF_LATE: Micros = 1_000_000
/** How long a connection that delivers what is older than what was emitted is waited for: no network holds it up for longer. */
const HELD_UP: Micros = 30_000_000
/** Changes remembered, to tell a leg that is behind from one that is ahead. */
const CHANGES_KEPT = 4_096

/**
 * A book: one leg is followed at a time, and another takes over only where its book is proven to be the one that the user
 * has (an equal number of the venue, or equal in every level), or else by a fresh snapshot of the other's book.
 *
 * A leg that takes over after the followed one broke may be behind it. What it then tells is old, and is dropped until its
 * book is level with the user's; as soon as it says something new instead, or is not level in good time, its book is told
 * whole.
 */
export class ArbitratedBook extends ArbitratedStream<BookView> {
  protected readonly healing = true
  /** Changes that were passed on, each with the place at which it was last. */
  readonly #recent = new Map<string, number>()
  #places = 0
  /** The number of the last message that was passed on. */
  #sequence: string | null = null
  /** The book as the user has it, while the followed leg is behind it, and when that began. */
  #ahead: { readonly sides: BookSides; readonly since: Micros | null } | null = null

  /** The venue's time of the last event that was emitted. */
  #emittedTime: Micros | null = null
  /** Since when a connection that is to end a gap delivers what is older than what was emitted. */
  #olderSince: Micros | null = null

  /** The followed leg's book is to be told whole with its next change. */
  #owed = false

  /** Whether the user's book is that of the followed leg. */
  get #shown(): boolean {
    return this.#ahead === null && !this.#owed
  }

  override ledBy(leg: Leg): boolean {
    return super.ledBy(leg) && this.#shown
  }

  override adopt(leg: Leg): void {
    super.adopt(leg)
    const { active } = this
    if (active === null) return
    this.#sequence = this.record(active)?.sequence ?? null
    active.last = { exchangeTime: null, receiveTime: active.lastAt, sequence: this.#sequence }
    active.toldAt = active.lastAt
    active.inBook = true
  }

  override begins(leg: Leg, event: StreamEvent): boolean {
    const view = this.views.get(leg)
    return isSnapshot(event) && view !== undefined && this.#fresh(view)
  }

  force(leg: Leg, at: Micros | null): void {
    const view = this.views.get(leg)
    if (view?.state !== 'whole' || (this.active === view && this.#shown)) return
    const sides = this.active === null ? null : this.#sides(this.active)
    if (this.#shown && this.active?.state === 'whole' && sides !== null && this.#behind(view)) {
      this.active = view
      this.#ahead = { sides, since: at }
    } else this.#retell(view, at)
  }

  protected viewOf(leg: Leg): BookView {
    const base = { leg, state: 'waiting' as const, wholeSince: null, lastAt: null, silentSince: null }
    return {
      ...base,
      last: null,
      change: null,
      aheadSince: null,
      toldAt: null,
      inBook: false,
    }
  }

  protected datum(view: BookView, event: StreamEvent): void {
    if (event.type === 'checksum') {
      if (this.active === view && this.#shown && (view.state === 'whole' || this.gap !== null)) {
        this.pass(event, false)
      }
      return
    }
    if (!isBook(event)) return
    const before = view.last?.sequence ?? null
    const { exchangeTime, receiveTime, sequence } = event
    view.last = { exchangeTime, receiveTime, sequence }
    view.change = JSON.stringify([event.bids, event.asks])
    if ((this.gap !== null || this.#owed) && !this.#fresh(view) && this.#awaited(view, event)) return
    const { active } = this
    const newer = this.numbered && isNewer(event.sequence, this.#sequence)
    if (active === view) {
      const ahead = this.farAhead(view, event)
      // It was silent as the user's book became doubtful: that it speaks shows that its own is as good as ever.
      const speaks = (this.gap !== null || this.#owed) && view.state === 'whole' && !isSnapshot(event)
      if (speaks) this.#retell(view, event.receiveTime)
      else if (ahead === null) this.#followed(view, event, before)
      else this.#retell(ahead, event.receiveTime)
    } else if (active === null || active.state !== 'whole') {
      if (isSnapshot(event)) this.#tell(view, event)
      else if (view.state === 'whole') this.#retell(view, event.receiveTime)
    } else if (newer && (isSnapshot(event) || this.#continues(before))) this.#tell(view, event)
    else {
      const news = this.numbered ? newer : !this.#recent.has(view.change)
      view.aheadSince = newer ? (view.aheadSince ?? event.receiveTime) : null
      const ahead = this.isLate(view.aheadSince, event.receiveTime)
      const silent = news && this.outpaces(view, event.receiveTime) && this.farAhead(view, event) !== active
      if (silent || (news && ahead)) this.#retell(view, event.receiveTime)
    }
    this.reconsider(event.receiveTime)
  }

  protected becameWhole(): void {}

  /** The next that it tells is a snapshot. */
  protected forget(): void {}

  protected heals(_view: BookView, healed: boolean): boolean {
    return healed
  }

  protected lost(view: BookView, other: BookView, { reason, detail, at, from }: Loss): void {
    const { inBook } = view
    view.inBook = false
    const wrong = this.misled(view, reason, from)
    if (wrong !== null) {
      this.openGap(reason, detail, at, wrong.since)
      this.#retell(other, at)
      return
    }
    if (this.active !== view) {
      // The last that was told is of the other, and what this one told before it came first.
      if (inBook && !this.#isLevel(view, other, null)) this.#takeOver(other, at)
      return
    }
    const held = this.#shown ? this.#sides(view) : null
    if (held !== null && this.#isLevel(view, other, held)) this.#prove(other)
    else if (held !== null && this.#behind(other)) {
      this.active = other
      this.#ahead = { sides: held, since: at }
    } else this.#takeOver(other, at)
  }

  /** Whichever leg is followed, numbered changes come from either. What fails a proof may have lacked something as well. */
  protected override misled(view: BookView, reason: GapReason, from: Micros | null): Misled | null {
    const disproved = reason === 'checksum' || reason === 'crossed'
    // Two frames may come in one moment, one that was good and one that was not.
    const good = disproved && from !== null ? from - 1 : from
    if (!(disproved && this.active === view) && !hasToldSince(view, good)) return null
    // What came after that on this leg may have been told by another before it, which was as far ahead as two legs ever are.
    const least = from === null ? null : from - OVERLAP_MICROS
    const others = [...this.views.values()].some((other) => other !== view && hasToldSince(other, least))
    return { since: earlier(others ? least : from, this.emittedAt) }
  }

  protected settled(wanted: BookView, at: Micros): void {
    const { active } = this
    if (active !== null && this.#shown && this.#isLevel(active, wanted, this.#sides(active)))
      this.#prove(wanted)
    else if (!this.#behind(wanted)) this.#retell(wanted, at)
  }

  protected reconsider(at: Micros | null): void {
    const { active, wanted } = this
    if (wanted === null || wanted === active || wanted.state !== 'whole' || !this.#shown) return
    if (active === null || active.state !== 'whole') this.#retell(wanted, at)
    else if (this.#isLevel(active, wanted, null)) this.#prove(wanted)
  }

  protected restore(at: Micros): void {
    if (this.active?.state === 'whole') this.#takeOver(this.active, at)
  }

  #followed(view: BookView, event: BookEvent, before: string | null): void {
    const { change } = view
    const at = event.receiveTime
    if (this.#ahead === null || isSnapshot(event)) this.#tell(view, event)
    else if (this.numbered && event.sequence !== null && isNewer(event.sequence, this.#sequence)) {
      // A batch that begins before the user's book may lack a level that changed and changed back within it.
      if (this.#continues(before)) this.#tell(view, event)
      else this.#retell(view, at)
    } else if (
      this.numbered
        ? event.sequence === this.#sequence
        : change !== null && this.#recent.get(change) === this.#places
    ) {
      if (sameSides(this.#ahead.sides, this.#sides(view))) {
        this.#ahead = null
        this.#prove(view)
      } else if (this.numbered) this.#retell(view, at)
    } else if (!this.numbered && !this.#recent.has(view.change ?? '') && !this.#lags(view))
      this.#retell(view, at)
    // Numbers that the venue has begun anew, or a change that came twice: nothing will ever be level.
    if (this.#ahead !== null && this.isLate(this.#ahead.since, at)) this.#waited(view, event)
  }

  /** The followed connection is not level in good time: while it lags its book is of the past, and a gap says that it is waited for. */
  #waited(view: BookView, event: BookEvent): void {
    this.#ahead = null
    if (this.#lags(view)) {
      this.openGap(
        'stale',
        `${view.leg.name} delivers what is older than what was emitted`,
        event.receiveTime,
      )
    } else this.#retell(view, event.receiveTime)
  }

  /** Whether a leg whose last message had this number stands exactly where the user does. */
  #continues(sequence: string | null): boolean {
    return this.numbered && sequence !== null && sequence === this.#sequence
  }

  #behind(view: BookView): boolean {
    if (this.#lags(view)) return true
    const { change } = view
    return !this.numbered && change !== null && this.#recent.has(change)
  }

  /** Whether two legs have the same book. @param held the first one's, where it is known already */
  #isLevel(a: BookView, b: BookView, held: BookSides | null): boolean {
    // A snapshot of a quiet market is compared although the other leg has said nothing since.
    const likely =
      this.numbered && a.last?.sequence != null && b.last?.sequence != null
        ? a.last.sequence === b.last.sequence
        : a.change === b.change || a.change === null || held !== null || this.#fresh(b)
    return likely && sameSides(held ?? this.#sides(a), this.#sides(b))
  }

  /** The leg's book is the user's, level for level: it is followed. */
  #prove(view: BookView): void {
    this.active = view
    for (const each of this.views.values()) each.inBook = each === view
  }

  /** The leg's book is told whole, at once where the leg was heard of late; else as soon as it speaks. */
  #takeOver(view: BookView, at: Micros | null): void {
    if (!this.isLate(this.heardUntil(view), at, HEARD_OF_LATE)) return this.#retell(view, at)
    this.active = view
    this.#ahead = null
    this.#owed = true
  }

  /** Whether a connection's book is waited for, as older than what was emitted: for so long as a connection may be held up. */
  #awaited(view: BookView, { receiveTime }: BookEvent): boolean {
    if (!this.#lags(view)) return false
    this.#olderSince ??= receiveTime
    return !this.isLate(this.#olderSince, receiveTime, HELD_UP)
  }

  /** Whether a connection's last change shows that its book is older than the emitted one. A later time shows that the venue began its numbers anew. */
  #lags({ last, change }: BookView): boolean {
    if (last === null) return false
    const { sequence, exchangeTime } = last
    const later = isLater(exchangeTime, this.#emittedTime)
    if (this.numbered && sequence !== null && this.#sequence !== null)
      return !later && isNewer(this.#sequence, sequence)
    const place = change === null ? undefined : this.#recent.get(change)
    return (place !== undefined && place < this.#places) || isLater(this.#emittedTime, exchangeTime)
  }

  /** Whether the leg has told nothing but its snapshot. */
  #fresh(view: BookView): boolean {
    return view.lastAt === view.wholeSince
  }

  #remember(change: string): void {
    this.#recent.delete(change)
    this.#recent.set(change, ++this.#places)
    const [oldest] = this.#recent.keys()
    if (this.#recent.size > CHANGES_KEPT && oldest !== undefined) this.#recent.delete(oldest)
  }

  /** The leg's book as a snapshot of its own: that may come at any time, and everything after it follows from it. */
  #retell(view: BookView, at: Micros | null): void {
    const { instrument, channel } = this.subscription
    const record = this.record(view)
    if (record === undefined) return
    const snapshot = bookImage(record, instrument, channel, {
      n: 0,
      exchangeTime: view.last?.exchangeTime ?? null,
      receiveTime: at ?? view.lastAt,
      sequence: view.last?.sequence ?? null,
    })
    if (snapshot !== null) this.#tell(view, snapshot)
  }

  #tell(view: BookView, event: BookEvent): void {
    if (isSnapshot(event)) this.#prove(view)
    this.active = view
    view.inBook = true
    view.toldAt = view.last?.receiveTime ?? event.receiveTime
    view.aheadSince = null
    this.#ahead = null
    this.#owed = false
    this.#sequence = event.sequence
    this.#emittedTime = event.exchangeTime ?? this.#emittedTime
    this.#olderSince = null
    this.#remember(view.change ?? '')
    this.pass(event, isSnapshot(event))
  }

  #sides(view: BookView): BookSides | null {
    const record = this.record(view)
    return record === undefined ? null : sidesOf(record, this.subscription.channel)
  }
}

function hasToldSince({ toldAt }: BookView, since: Micros | null): boolean {
  return toldAt !== null && (since === null || toldAt > since)
}

function isBook(event: StreamEvent): event is BookEvent {
  return isSnapshot(event) || event.type === 'book_update' || event.type === 'order_update'
}

function isSnapshot(event: StreamEvent): event is Snapshot {
  return event.type === 'book_snapshot' || event.type === 'order_snapshot'
}

function isLater(a: Micros | null, b: Micros | null): boolean {
  return a !== null && b !== null && a > b
}

/** Numbers of twenty digits do not fit a JS number. */
function isNewer(a: string | null, b: string | null): boolean {
  if (a === null || b === null) return a !== null
  if (a.length !== b.length) return a.length > b.length
  return a > b
}

function sameSides(a: BookSides | null, b: BookSides | null): boolean {
  if (a === null || b === null) return false
  return sameRows(a.bids, b.bids) && sameRows(a.asks, b.asks)
}

function sameRows(a: readonly (Level | Order)[], b: readonly (Level | Order)[]): boolean {
  return a.length === b.length && a.every((row, at) => row.every((cell, column) => cell === b[at]?.[column]))
}
