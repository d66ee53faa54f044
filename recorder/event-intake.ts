import type { GapReason, MarketEvent, Micros } from '../schemas/events.js'
import type { Cursor } from '../src/stream/emissions.js'
import { encodeBody } from './event-codec.js'
import { RunContinuation } from './run-continuation.js'
import type { RunStream, RunStreamName } from './run-streams.js'
import { isSnapshot, type Landmark, StreamContinuity } from './stream-continuity.js'
import type { TapeStream } from './stream-table.js'
import type { TapeKeeper } from './tape-keeper.js'
import type { NewRow } from './tape-writer.js'
import { WaitingRows } from './waiting-rows.js'
import type { WriteFailures } from './write-failures.js'

/**
 * Turns events into the rows that wait to be written, frame by frame: joined to what earlier runs recorded, and with a gap of
 * each stream that lost something, because the tape could not be written or because it goes on in another file.
 */
export class EventIntake {
  readonly waiting = new WaitingRows()
  readonly #tape: TapeKeeper
  readonly #failures: WriteFailures
  readonly #batchEvents: number
  readonly #continuity = new StreamContinuity()
  readonly #continuation: RunContinuation
  readonly #gapsOpened = new Map<GapReason, number>()
  #frameVenue = ''
  #frameTime: Micros | null = null
  /** Whether the newest frame is kept; a frame is kept or lost as a whole. */
  #frameKept = true
  /** Whether anything was taken since {@link grewSince} was asked. */
  #grown = false
  #lastEmitted: Micros | null = null
  #epoch: string | null = null
  /** Whether an event of any stream was taken. */
  #hasData = false

  constructor(tape: TapeKeeper, failures: WriteFailures, batchEvents: number) {
    this.#tape = tape
    this.#failures = failures
    this.#batchEvents = batchEvents
    this.#continuation = new RunContinuation(tape.writer.earlierRuns())
  }

  /** Events that are left out, because an earlier run has them. */
  get repeated(): number {
    return this.#continuation.repeated
  }

  get hasData(): boolean {
    return this.#hasData
  }

  get gapsOpened(): Readonly<Partial<Record<GapReason, number>>> {
    return Object.fromEntries(this.#gapsOpened)
  }

  get gapsOpen(): number {
    return this.#continuity.open + this.#continuation.open
  }

  /** Books that are not whole on the tape until their next snapshot. */
  get booksWanted(): readonly RunStreamName[] {
    return [...this.#continuity.booksWanted()].map(({ venue, symbol, channel }) => ({
      venue,
      symbol: symbol ?? '',
      channel: channel ?? '',
    }))
  }

  /** Whether gaps may have to be settled later, though no event comes. */
  get pending(): boolean {
    return this.#continuation.pending
  }

  /** Whether anything was taken since this was asked last, so that a frame may still be coming in. */
  grewSince(): boolean {
    const grown = this.#grown
    this.#grown = false
    return grown
  }

  /** @param at the moment of its emission; null where that is not known */
  continuesFrame({ venue }: MarketEvent, at: Micros | null): boolean {
    return at !== null && at === this.#frameTime && venue === this.#frameVenue
  }

  /**
   * No event that comes belongs to the newest frame: what follows from that frame as a whole is taken.
   * @param settleAt the moment at which gaps that nothing but time closes are settled; null where they are not
   */
  endFrame(settleAt: Micros | null): void {
    this.#takeFrame(this.#continuation.frameEnded())
    if (settleAt !== null) this.#takeFrame(this.#continuation.settle(settleAt))
    this.waiting.beginFrame(this.#batchEvents)
    this.#frameTime = null
  }

  /**
   * Gaps that nothing but time closes.
   * @param now null at the end of the run
   */
  settle(now: Micros | null): void {
    this.#takeFrame(this.#continuation.frameEnded())
    this.#takeFrame(this.#continuation.settle(now))
  }

  /** @param at the moment of emission; null for a frame that only the caller can distinguish from the next */
  beginFrame(venue: string, at: Micros | null): void {
    this.waiting.beginFrame(this.#batchEvents)
    this.#frameKept = this.#failures.state !== 'losing'
    this.#frameVenue = venue
    this.#frameTime = at
  }

  /** Takes an event of the newest frame, with what it takes to join it to what earlier runs recorded. */
  take(event: MarketEvent, cursor: Cursor | null): void {
    const place = cursor !== null && this.#follows(cursor) ? cursor : null
    const instead = this.#continuation.pass(event)
    if (instead === null) {
      this.#keepOrLose(event, place)
      return
    }
    for (const one of instead) {
      if (one !== event) this.#countGap(one)
      this.#keepOrLose(one, one === event ? place : null)
    }
  }

  /** The run says how its streams stand. */
  stated(streams: readonly RunStream[]): void {
    this.#takeFrame(this.#continuation.stated(streams))
  }

  /** The run ends: the ends of gaps of streams that are whole again, though nothing came of them since. */
  end(): void {
    for (const [stream, gap] of this.#continuity.end()) this.#add(gap, stream, null)
  }

  /** What waits, as the tape that is recorded to now numbers its streams, with the gaps that follow from its beginning here. */
  moved(from: Micros, former: string): void {
    const { writer } = this.#tape
    const rows = this.waiting.rows
    const marks = new Map<NewRow, Landmark>()
    for (const row of rows) {
      const { landmark, stream, receiveTime } = row
      if (landmark === null) continue
      marks.set(row, { stream, receiveTime, gap: landmark === 'snapshot' ? null : landmark })
    }
    const rename = (stream: TapeStream) => writer.streamLike(stream)
    const why = `recorded to ${former} before`
    const { first, before, begun } = this.#continuity.moved([...marks.values()], from, why, rename)
    this.#countGaps('joined_late', begun)
    this.waiting.clear()
    this.#lastEmitted = null
    for (const gap of first) this.#add(gap, writer.streamOf(gap), null)
    for (const row of rows) {
      const mark = marks.get(row)
      const gap = mark === undefined ? undefined : before.get(mark)
      if (gap !== undefined) this.#add(gap, writer.streamOf(gap), null)
      this.waiting.add({ ...row, stream: rename(row.stream) })
      this.#lastEmitted = latest(this.#lastEmitted, row.emitted ?? row.receiveTime)
    }
    this.waiting.beginFrame(this.#batchEvents)
  }

  /** What follows from several frames, as one of its own. */
  #takeFrame(events: readonly MarketEvent[]): void {
    if (events.length === 0) return
    this.beginFrame('', null)
    for (const event of events) {
      this.#countGap(event)
      this.#keepOrLose(event, null)
    }
  }

  #keepOrLose(event: MarketEvent, cursor: Cursor | null): void {
    const stream = this.#tape.writer.streamOf(event)
    if (!this.#frameKept) {
      this.#lose(event, stream)
      return
    }
    const { before, keep } = this.#continuity.join(event, stream)
    for (const gap of before) this.#add(gap, stream, null)
    if (keep) this.#add(event, stream, cursor)
    if (stream.channel !== null) this.#hasData = true
    this.#grown = true
  }

  #lose(event: MarketEvent, stream: TapeStream): void {
    for (const gap of this.#continuity.lost(event, stream, this.#failures.why)) {
      this.waiting.beginFrame(this.#batchEvents)
      this.#countGap(gap)
      this.#add(gap, this.#tape.writer.streamOf(gap), null)
    }
    this.#failures.lose(this.#tape.writer.isDatum(event))
  }

  /** @param cursor its place in the feed; null for what is the recorder's own */
  #add(event: MarketEvent, stream: TapeStream, cursor: Cursor | null): void {
    const body = encodeBody(event)
    const gap = event.type === 'gap' ? event : null
    this.waiting.add({
      stream,
      type: this.#tape.writer.typeId(event.type),
      exchangeTime: 'exchangeTime' in event ? event.exchangeTime : null,
      receiveTime: event.receiveTime,
      n: 'n' in event ? event.n : null,
      offset: cursor?.offset ?? null,
      emitted: this.#emitted(event.receiveTime, cursor),
      body,
      bytes: Buffer.byteLength(body),
      datum: this.#tape.writer.isDatum(event),
      landmark: isSnapshot(event) ? 'snapshot' : gap,
    })
  }

  /** A run is of one feed, which the tape names: the places of another would mean something else. */
  #follows({ epoch }: Cursor): boolean {
    if (this.#epoch === null) {
      this.#epoch = epoch
      this.#tape.writer.setEpoch(epoch)
    }
    return epoch === this.#epoch
  }

  /** The moment of emission, which never goes back; null where that is the receive time. */
  #emitted(receiveTime: Micros | null, cursor: Cursor | null): Micros | null {
    const at = latest(cursor?.emitted ?? null, receiveTime)
    this.#lastEmitted = latest(this.#lastEmitted, at)
    return this.#lastEmitted === receiveTime ? null : this.#lastEmitted
  }

  /** Counts a gap of the recorder's own, where the event opens one. */
  #countGap(event: MarketEvent): void {
    if (event.type === 'gap' && event.state === 'open') this.#countGaps(event.reason, 1)
  }

  #countGaps(reason: GapReason, count: number): void {
    if (count > 0) this.#gapsOpened.set(reason, (this.#gapsOpened.get(reason) ?? 0) + count)
  }
}

function latest(a: Micros | null, b: Micros | null): Micros | null {
  return a === null || b === null ? (a ?? b) : Math.max(a, b)
}
