import type { GapEvent, GapReason, MarketEvent, Micros, Position, StreamEvent } from '../schemas/events.js'
import { isDatum } from './datum.js'
import type { TapeStream } from './stream-table.js'
import { positionOf } from './tape-position.js'

/** A gap that the recorder itself opened on the tape, because events of the stream are not on it. */
interface Hole {
  readonly reason: GapReason
  /** What waited for its telling bears an earlier time than what is on the tape before it: where that is lost, the gap begins with it. */
  from: Micros | null
  /** The last event that is on the tape. */
  readonly after: Position | null
  /** Why the events are missing, for a person. */
  readonly why: string
  lost: number
  firstLost: Micros | null
  lastLost: Micros | null
}

/** What the recorder has put on the tape of one stream, as far as its gaps go. */
interface StreamState {
  lastReceived: Micros | null
  /** The last event on the tape that is no gap. */
  last: Position | null
  /** Whether it carries a book, which is whole only after a snapshot. */
  book: boolean
  /** The feed's own gap, where it is open on the tape. */
  feedGap: GapEvent | null
  hole: Hole | null
  /** The feed opened a gap while events were lost, so the tape has its end alone. */
  feedGapLost: boolean
}

/** What comes of an event that the recorder is about to take. */
export interface Joined {
  /** Gap events that go on the tape before it. */
  readonly before: readonly GapEvent[]
  /** False for the end of a gap whose beginning is not on the tape: the recorder's own gap has its place. */
  readonly keep: boolean
}

const unchanged: Joined = { before: [], keep: true }

/**
 * Keeps the tape true where the recorder could not write: each stream that lost events gets a gap, opened where the first of
 * them would stand. The gap of a book stays open until its next snapshot; any other stream's ends with its next event.
 *
 * Bounded by the number of streams.
 */
export class StreamContinuity {
  readonly #states = new Map<TapeStream, StreamState>()
  /** The newest receive time of all events that were taken. */
  #lastReceived: Micros | null = null

  /** An event that cannot be kept. @returns the gap events that say so, where the stream had no gap for it yet. */
  lost(event: MarketEvent, stream: TapeStream, why: string): GapEvent[] {
    if ('channel' in event) {
      const state = this.#state(stream)
      if (isBook(event)) state.book = true
      const opened = state.hole === null ? this.#open(state, stream, event.receiveTime, why) : []
      if (event.type === 'gap') state.feedGapLost = event.state === 'open'
      const { hole } = state
      if (hole !== null) {
        if (isDatum(event)) hole.lost++
        losing(hole, event.receiveTime)
      }
      return opened
    }
    if (event.type !== 'malformed') return []
    // The frame may have carried data of any of the venue's streams.
    const opened: GapEvent[] = []
    for (const [other, state] of this.#states) {
      if (other.venue === event.venue && state.hole === null) {
        opened.push(...this.#open(state, other, event.receiveTime, why))
      }
    }
    return opened
  }

  /** An event that is about to be taken. */
  join(event: MarketEvent, stream: TapeStream): Joined {
    if (!('channel' in event)) return unchanged
    const state = this.#state(stream)
    const joined =
      state.hole === null && event.type !== 'gap' ? unchanged : this.#joinGap(event, state, state.hole)
    if (isBook(event)) state.book = true
    if (event.type !== 'gap') state.last = positionOf(event)
    if (event.receiveTime !== null) {
      state.lastReceived = event.receiveTime
      if (this.#lastReceived === null || event.receiveTime > this.#lastReceived) {
        this.#lastReceived = event.receiveTime
      }
    }
    return joined
  }

  /** Nothing more comes. @returns the ends of the gaps of streams that are whole again, though no event of them came since. */
  end(): [TapeStream, GapEvent][] {
    const ends: [TapeStream, GapEvent][] = []
    for (const [stream, state] of this.#states) {
      const { hole } = state
      if (hole === null || state.book || state.feedGapLost) continue
      const at =
        this.#lastReceived === null ? hole.lastLost : Math.max(this.#lastReceived, hole.lastLost ?? 0)
      ends.push([stream, closing(hole, streamFields(stream), at)])
      state.hole = null
    }
    return ends
  }

  /** The books that are not whole on the tape because of the recorder, until their next snapshot. */
  *booksWanted(): Generator<TapeStream> {
    for (const [stream, { book, hole }] of this.#states) if (book && hole !== null) yield stream
  }

  /** Gaps of the recorder's own that are open on the tape. */
  get open(): number {
    let open = 0
    for (const { hole } of this.#states.values()) if (hole !== null) open++
    return open
  }

  /**
   * The recording goes on in another file, which lacks what was before: what is open on the former tape is opened there too, and
   * a book without a snapshot there has a gap until the first one.
   *
   * @param waiting the gap events and snapshots that will be the first on the new tape
   * @param rename the stream as the new tape numbers it
   * @returns the gap events that come before all else, those that come before single ones of `waiting`, and how many of the
   * gaps were open on no tape before
   */
  moved(
    waiting: readonly Landmark[],
    from: Micros,
    why: string,
    rename: (stream: TapeStream) => TapeStream,
  ): { readonly first: GapEvent[]; readonly before: Map<Landmark, GapEvent>; readonly begun: number } {
    let begun = 0
    const first: GapEvent[] = []
    const before = new Map<Landmark, GapEvent>()
    const states = [...this.#states]
    this.#states.clear()
    for (const [stream, state] of states) {
      this.#states.set(rename(stream), state)
      const next = waiting.find((mark) => mark.stream === stream)
      const fields = streamFields(stream)
      const endsOpenGap = next !== undefined && next.gap?.state === 'closed'
      const open = endsOpenGap ? next.gap : next === undefined ? (state.feedGap ?? state.hole) : null
      if (open !== null) {
        first.push({ ...opening(open.reason, fields, open.from, open.after, from), detail: why })
        continue
      }
      if (!state.book) continue
      begun++
      const hole = newHole('joined_late', null, null, why)
      first.push({ ...opening(hole.reason, fields, null, null, from), detail: why })
      if (next === undefined) state.hole = hole
      else before.set(next, closing(hole, fields, next.receiveTime))
    }
    return { first, before, begun }
  }

  #state(stream: TapeStream): StreamState {
    let state = this.#states.get(stream)
    if (state === undefined) {
      state = { lastReceived: null, last: null, book: false, feedGap: null, hole: null, feedGapLost: false }
      this.#states.set(stream, state)
    }
    return state
  }

  #open(state: StreamState, stream: TapeStream, at: Micros | null, why: string): GapEvent[] {
    const fields = streamFields(stream)
    const { feedGap } = state
    state.feedGap = null
    if (feedGap !== null) state.feedGapLost = true
    const { lastReceived, last } = state
    const from = lastReceived === null || at === null ? lastReceived : Math.min(lastReceived, at)
    state.hole = newHole('not_written', from, last, why)
    const opened = { ...opening('not_written', fields, from, last, at), detail: why }
    if (feedGap === null) return [opened]
    return [{ ...feedGap, receiveTime: at, state: 'closed', to: at, healed: false }, opened]
  }

  #joinGap(event: StreamEvent, state: StreamState, hole: Hole | null): Joined {
    if (event.type === 'gap' && event.state === 'open') {
      state.feedGap = event
      state.feedGapLost = false
      return hole === null ? unchanged : this.#close(event, state, hole)
    }
    if (event.type === 'gap') {
      const lost = state.feedGapLost
      state.feedGap = null
      state.feedGapLost = false
      if (hole === null) return lost ? { before: [], keep: false } : unchanged
      return state.book ? { before: [], keep: false } : { ...this.#close(event, state, hole), keep: false }
    }
    if (hole === null) return unchanged
    const whole = state.book ? isSnapshot(event) : !state.feedGapLost
    return whole ? this.#close(event, state, hole) : unchanged
  }

  #close(event: StreamEvent, state: StreamState, hole: Hole): Joined {
    state.hole = null
    return {
      before: [
        closing(hole, event, event.receiveTime, event.type === 'gap' ? event.before : positionOf(event)),
      ],
      keep: true,
    }
  }
}

/** A row that matters to the gaps of its stream: a gap event or a book snapshot. */
export interface Landmark {
  readonly stream: TapeStream
  readonly receiveTime: Micros | null
  /** Null for a snapshot. */
  readonly gap: GapEvent | null
}

function newHole(reason: GapReason, from: Micros | null, after: Position | null, why: string): Hole {
  return { reason, from, after, why, lost: 0, firstLost: null, lastLost: null }
}

/** An event of this receive time is missing in a hole. */
function losing(hole: Hole, at: Micros | null): void {
  if (at === null) return
  hole.firstLost = Math.min(hole.firstLost ?? at, at)
  hole.lastLost = Math.max(hole.lastLost ?? at, at)
  if (hole.from !== null) hole.from = Math.min(hole.from, at)
}

type StreamFields = Pick<GapEvent, 'venue' | 'symbol' | 'instrument' | 'channel'>

/** Of a stream that can have gaps: one with a symbol, an instrument and a channel. */
function streamFields({ venue, symbol, instrument, channel }: TapeStream): StreamFields {
  return { venue, symbol: symbol ?? '', instrument: instrument ?? '', channel: channel ?? '' }
}

function opening(
  reason: GapReason,
  stream: StreamFields,
  from: Micros | null,
  after: Position | null,
  at: Micros | null,
): GapEvent {
  const { venue, symbol, instrument, channel } = stream
  return {
    type: 'gap',
    venue,
    symbol,
    instrument,
    channel,
    n: null,
    exchangeTime: null,
    receiveTime: at,
    reason,
    state: 'open',
    from,
    to: null,
    healed: false,
    after,
    before: null,
    detail: null,
  }
}

function closing(
  hole: Hole,
  stream: StreamFields,
  at: Micros | null,
  before: Position | null = null,
): GapEvent {
  const { reason, from, after, lost, firstLost, lastLost, why } = hole
  const when =
    firstLost === null || lastLost === null
      ? ''
      : `, received from ${isoTime(firstLost)} to ${isoTime(lastLost)}`
  const detail = lost === 0 ? why : `${why}: ${lost} events lost${when}`
  const to = at === null ? at : Math.max(at, lastLost ?? at)
  return { ...opening(reason, stream, from, after, to), state: 'closed', to, before, detail }
}

export function isoTime(at: Micros): string {
  return new Date(Math.floor(at / 1000)).toISOString()
}

export function isSnapshot(event: MarketEvent): boolean {
  return event.type === 'book_snapshot' || event.type === 'order_snapshot'
}

function isBook(event: MarketEvent): boolean {
  return isSnapshot(event) || event.type === 'book_update' || event.type === 'order_update'
}
