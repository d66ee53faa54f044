import type { GapEvent, MarketEvent, Micros, Position, StreamEvent } from '../schemas/events.js'
import { logEventId } from '../src/session/log-event-id.js'
import { natureOf, type StreamNature } from '../src/session/stream.js'
import type { EarlierStream } from './earlier-runs.js'
import type { RunStream } from './run-streams.js'
import { StreamTable } from './stream-table.js'
import { positionOf } from './tape-position.js'

/** The venue's history may come this long after it granted a log; then the log is whole from the grant on without it. */
const HISTORY_WITHIN_MICROS = 15_000_000

/** A venue may give the time of one trade in whole seconds here and to the microsecond there. */
const SAME_MOMENT_MICROS = 1_000_000

/**
 * - `absent`: on the tape from earlier runs, and this run has not said or brought anything of it yet.
 * - `paused`: the gap of the pause is open. `history`: and the venue's history is coming in.
 * - `whole`: nothing is open.
 */
type State = 'absent' | 'paused' | 'history' | 'whole'

interface ContinuedStream {
  readonly earlier: EarlierStream
  readonly nature: StreamNature
  state: State
  /** Since when data is lacking. */
  from: Micros | null
  /** When the venue granted it in this run; null while that is not known. */
  confirmedAt: Micros | null
  /** Receive time of the newest history. */
  historyAt: Micros | null
  /** History came that holds a trade of an earlier run. */
  overlaps: boolean
  /** Whether the feed emitted a gap of its own inside the pause. */
  hole: 'none' | 'open' | 'over'
}

/**
 * Joins a run to the earlier runs on its tape. The pause between is a gap on each stream that both have: open before anything
 * else of the stream, closed when the stream is whole again. Events of logs that are on the tape already are left out.
 *
 * The gap of a book is healed by the snapshot that follows it, and that of a ticker or candle by the next one, as the feed's own
 * gaps are. The gap of a log is healed where the venue's history, which reaches without a hole to the present, holds a trade
 * that an earlier run recorded.
 */
export class RunContinuation {
  readonly #table = new StreamTable()
  readonly #streams = new Map<number, ContinuedStream>()
  /** Those whose history is coming in. */
  readonly #inHistory = new Set<ContinuedStream>()
  #repeated = 0

  constructor(earlier: readonly EarlierStream[]) {
    for (const one of earlier) {
      const { stream } = one
      this.#table.add(stream)
      this.#streams.set(stream.id, {
        earlier: one,
        nature: natureOf(stream),
        state: 'absent',
        from: null,
        confirmedAt: null,
        historyAt: null,
        overlaps: false,
        hole: 'none',
      })
    }
  }

  /** Events that were left out, because an earlier run has them. */
  get repeated(): number {
    return this.#repeated
  }

  /** Pauses that are open on the tape. */
  get open(): number {
    let open = 0
    for (const { state } of this.#streams.values()) if (state === 'paused' || state === 'history') open++
    return open
  }

  /** Whether {@link frameEnded} or {@link settle} has something to do, now or later. */
  get pending(): boolean {
    if (this.#inHistory.size > 0) return true
    for (const stream of this.#streams.values()) if (awaitsHistory(stream)) return true
    return false
  }

  /** @returns what goes on the tape in place of the event; null where that is the event itself */
  pass(event: MarketEvent): readonly MarketEvent[] | null {
    if (!('channel' in event)) return null
    const known = this.#table.of(event)
    const stream = known === undefined ? undefined : this.#streams.get(known.id)
    if (stream === undefined) return null
    if (stream.state === 'whole') return this.#isRepeated(stream, event) ? [] : null
    // What a venue lists of an instrument is said once a run, whether anybody asked for changes of it or not.
    if (stream.state === 'absent' && event.type === 'instrument') {
      stream.state = 'whole'
      return null
    }
    // A writer that records the pause itself knows better: one that copies a tape.
    if (stream.state === 'absent' && event.type === 'gap' && event.reason === 'not_recording') {
      stream.state = 'whole'
      return null
    }
    const events: MarketEvent[] = []
    if (stream.state === 'absent') events.push(...this.#open(stream, event.receiveTime))
    if (stream.state !== 'absent') events.push(...this.#join(stream, event))
    else {
      stream.state = 'whole'
      if (!this.#isRepeated(stream, event)) events.push(event)
    }
    return events
  }

  /** What one frame brought is complete. @returns the ends of gaps that its history closes */
  frameEnded(): GapEvent[] {
    if (this.#inHistory.size === 0) return []
    const ends = [...this.#inHistory].map((stream) => this.#close(stream, stream.overlaps, stream.historyAt))
    this.#inHistory.clear()
    return ends
  }

  /** The run says how its streams stand. @returns the gaps that this opens */
  stated(streams: readonly RunStream[]): GapEvent[] {
    const opened: GapEvent[] = []
    for (const { venue, symbol, channel, askedAt, confirmedAt, refused, endedAt } of streams) {
      for (const stream of this.#streams.values()) {
        const { earlier } = stream
        if (earlier.stream.channel !== channel || earlier.stream.symbol !== symbol) continue
        if (earlier.stream.venue !== venue) continue
        if (stream.state === 'absent' && refused === null && endedAt === null) {
          opened.push(...this.#open(stream, askedAt))
        }
        stream.confirmedAt = confirmedAt
      }
    }
    return opened
  }

  /**
   * @param now null at the end of the run
   * @returns the ends of gaps of logs that the venue granted and that stayed silent, without history
   */
  settle(now: Micros | null): GapEvent[] {
    const ends: GapEvent[] = []
    for (const stream of this.#streams.values()) {
      if (!awaitsHistory(stream)) continue
      const { confirmedAt } = stream
      if (now === null || (confirmedAt !== null && now - confirmedAt >= HISTORY_WITHIN_MICROS)) {
        ends.push(this.#close(stream, false, confirmedAt))
      }
    }
    return ends
  }

  /** A trade of the same id that happened at another time is another trade: an id that the venue gave twice. */
  #isRepeated({ earlier }: ContinuedStream, event: StreamEvent): boolean {
    const id = logEventId(event)
    const time = id === null ? undefined : earlier.ids.get(id)
    if (time === undefined) return false
    if (
      event.type === 'trade' &&
      time !== null &&
      event.exchangeTime !== null &&
      Math.abs(time - event.exchangeTime) > SAME_MOMENT_MICROS
    )
      return false
    this.#repeated++
    return true
  }

  /** The first of a stream in this run. A recording of an earlier time follows no pause. */
  #open(stream: ContinuedStream, at: Micros | null): GapEvent[] {
    const { until, began } = stream.earlier
    if (at !== null && began !== null && at < began) return []
    stream.state = 'paused'
    stream.from = at === null || until === null ? null : Math.min(until, at)
    return [gapOf(stream, { state: 'open', at, to: null, healed: false, before: null, detail: null })]
  }

  #join(stream: ContinuedStream, event: StreamEvent): MarketEvent[] {
    switch (event.type) {
      case 'gap':
        // One gap at a time: the stream has one, which lasts until the feed's own is over too.
        if (event.state === 'open' && stream.state === 'history') {
          return [this.#close(stream, stream.overlaps, stream.historyAt), event]
        }
        stream.hole = event.state === 'open' ? 'open' : 'over'
        if (stream.hole === 'open') return []
        return [
          this.#close(
            stream,
            stream.nature === 'log' ? stream.overlaps : event.healed,
            event.receiveTime,
            event.before,
          ),
        ]
      case 'trade':
        return this.#joinTrade(stream, event)
      case 'book_update':
      case 'order_update':
      case 'checksum':
        return [event]
      default:
        return [
          this.#close(stream, stream.nature !== 'log', event.receiveTime, event),
          ...(this.#isRepeated(stream, event) ? [] : [event]),
        ]
    }
  }

  #joinTrade(stream: ContinuedStream, event: Extract<StreamEvent, { type: 'trade' }>): MarketEvent[] {
    const repeated = this.#isRepeated(stream, event)
    const rest = repeated ? [] : [event]
    if (!event.historical) return [this.#close(stream, stream.overlaps, event.receiveTime, event), ...rest]
    stream.overlaps ||= repeated
    // History that fills a hole of the feed's own comes in pieces; the feed says when it is over.
    if (stream.hole !== 'open') {
      stream.state = 'history'
      stream.historyAt = event.receiveTime
      this.#inHistory.add(stream)
    }
    return rest
  }

  /** @param next the event of this run that follows, or where it stands; null where none follows at once */
  #close(
    stream: ContinuedStream,
    healed: boolean,
    at: Micros | null,
    next: StreamEvent | Position | null = null,
  ): GapEvent {
    this.#inHistory.delete(stream)
    stream.state = 'whole'
    const granted = stream.nature === 'log' && stream.hole === 'none' ? stream.confirmedAt : null
    const to = granted === null || at === null ? at : Math.min(granted, at)
    const detail =
      stream.nature === 'log' && healed ? 'history reaches back to a trade of an earlier run' : null
    const before = next !== null && 'type' in next ? positionOf(next) : next
    return gapOf(stream, { state: 'closed', at, to, healed, before, detail })
  }
}

/** A log that was granted and has brought nothing yet. */
function awaitsHistory({ state, nature, confirmedAt, hole }: ContinuedStream): boolean {
  return state === 'paused' && nature === 'log' && confirmedAt !== null && hole === 'none'
}

function gapOf(
  { earlier: { stream, after }, from }: ContinuedStream,
  gap: Pick<GapEvent, 'state' | 'to' | 'healed' | 'before' | 'detail'> & { readonly at: Micros | null },
): GapEvent {
  const { state, to, healed, before, detail, at } = gap
  return {
    type: 'gap',
    venue: stream.venue,
    symbol: stream.symbol ?? '',
    instrument: stream.instrument ?? '',
    channel: stream.channel ?? '',
    n: null,
    exchangeTime: null,
    receiveTime: at,
    reason: 'not_recording',
    state,
    from,
    to,
    healed,
    after,
    before,
    detail,
  }
}
