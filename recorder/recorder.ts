/// <reference lib="esnext.disposable" preserve="true" />
import { basename } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type * as z from 'zod'
import type { GapReason, MarketEvent, Micros } from '../schemas/events.js'
import { TapeError } from '../src/errors.js'
import type { Timer } from '../src/platform.js'
import { encodeBody } from './event-codec.js'
import type { RecorderClock, recorderOptions } from './recorder-options.js'
import { RunContinuation } from './run-continuation.js'
import type { RunStream, RunStreamName } from './run-streams.js'
import { tapeError } from './sqlite.js'
import { isSnapshot, type Landmark, StreamContinuity } from './stream-continuity.js'
import type { TapeStream } from './stream-table.js'
import { fileAt, namesBeside } from './tape-place.js'
import type { TapeSource } from './tape-sources.js'
import type { NewRow, TapeWriter } from './tape-writer.js'
import { type Failure, failureTrouble, type TroubleKind } from './trouble.js'
import { WaitingRows } from './waiting-rows.js'

/** How long a failed transaction waits before the next try. */
const RETRY_MS = 1_000
/** How often a failure is repeated to the user, in tries. */
const TRIES_A_REPORT = 60_000 / RETRY_MS
/** How often the recorder looks whether its files are still there. */
const WATCH_MS = 1_000
/** How long `close` waits for another program's lock: so many tries of so long. */
const CLOSE_TRIES = 20
const CLOSE_TRY_MS = 250

/** Opens a tape to be written. `continues` names the file that it takes over from. */
export type OpenTapeWriter = (path: string, opened: Micros, continues: string | null) => TapeWriter

/**
 * - `recording`: what is recorded is written in time.
 * - `failing`: transactions fail at the moment; what is recorded is kept and tried again.
 * - `losing`: as `failing`, and the buffer is full, so that what is recorded is lost until all that waits is written.
 */
export type RecorderState = 'recording' | 'failing' | 'losing' | 'closed'

/** Why a tape was given up. */
interface Homeless {
  readonly what: string
  /** The moment from which the next tape has everything. */
  readonly boundary: Micros
  readonly noticed: Micros
  /** Another program wrote over the file: nothing more is written to it. */
  readonly overwritten: boolean
}

/** What a recorder counts. */
export interface RecorderStats {
  readonly state: RecorderState
  /** The file that is recorded to. */
  readonly path: string
  /** Events on that tape, those of former recordings included. */
  readonly written: number
  /** Events that wait for their transaction, and the bytes of their bodies. */
  readonly waiting: number
  readonly waitingBytes: number
  /** Events that were lost since this recorder was opened. */
  readonly lost: number
  /** Those of them for which the tape has no gap: it could not be written when the recorder was closed. */
  readonly lostWithoutGap: number
  /** Since when transactions fail; null where they do not. */
  readonly failingSince: Micros | null
  /** Gaps of the recorder's own, of which the feed knows nothing. */
  readonly gaps: RecorderGaps
}

/**
 * Gaps that a recorder opened itself: events that could not be written (`not_written`), a book that goes on in another file
 * (`joined_late`), the pause since the run before (`not_recording`).
 */
export interface RecorderGaps {
  /** Since this recorder was opened, by reason; a reason that never occurred is absent. */
  readonly opened: Readonly<Partial<Record<GapReason, number>>>
  /** Those that are open. */
  readonly open: number
}

/**
 * Writes events to a tape, in the order in which they are given.
 *
 * Events are gathered and written in transactions that never divide a frame: what one frame brought (recognised by its
 * venue and receive time, or given together to `recordAll`) is on the tape as a whole or not at all.
 *
 * While the tape cannot be written, events wait in a buffer. What finds no room there is lost: counted, reported through
 * `onTrouble`, and stated on the tape as a `gap` of each stream concerned as soon as it can be written.
 */
export class Recorder {
  readonly #named: string
  readonly #open: OpenTapeWriter
  readonly #clock: RecorderClock
  readonly #options: z.output<typeof recorderOptions>
  readonly #waiting = new WaitingRows()
  readonly #continuity = new StreamContinuity()
  readonly #continuation: RunContinuation
  #writer: TapeWriter
  /** The tape was given up, and no new one could be begun yet. */
  #homeless: Homeless | null = null
  #state: RecorderState = 'recording'
  #failure: Failure | null = null
  /** Why events were lost last. */
  #why = ''
  #lost = 0
  #lostWithoutGap = 0
  readonly #gapsOpened = new Map<GapReason, number>()
  #triesSinceReport = 0
  #lastTry: Micros = 0
  #closing: Promise<void> | null = null
  #ending = false
  #frameVenue = ''
  #frameTime: Micros | null = null
  /** Whether the newest frame is kept; a frame is kept or lost as a whole. */
  #frameKept = true
  /** Whether anything was recorded since the last turn of the timer. */
  #grown = false
  /** Whether gaps that may be settled are looked for before the next frame. */
  #settleNow = false
  /** Whether an event of any stream was recorded. */
  #hasData = false
  #timer: Timer | null = null
  #watch: Timer

  /** @internal Use `openTape(path, { mode: 'write' })`. */
  constructor(
    open: OpenTapeWriter,
    writer: TapeWriter,
    clock: RecorderClock,
    options: z.output<typeof recorderOptions>,
  ) {
    this.#named = writer.path
    this.#open = open
    this.#writer = writer
    this.#continuation = new RunContinuation(writer.earlierRuns())
    this.#clock = clock
    this.#options = options
    this.#watch = this.#watchAfter()
  }

  /** The file that is recorded to: another one than at first where that was moved or deleted. */
  get path(): string {
    return this.#writer.path
  }

  get state(): RecorderState {
    return this.#state
  }

  /** Events on the tape, those of former recordings included. */
  get written(): number {
    return this.#writer.lastEvent
  }

  /** Events that wait for their transaction. */
  get waiting(): number {
    return this.#waiting.length
  }

  /** Trades that were not written, because an earlier run has them on the tape. */
  get repeated(): number {
    return this.#continuation.repeated
  }

  get stats(): RecorderStats {
    return {
      state: this.#state,
      path: this.path,
      written: this.written,
      waiting: this.waiting,
      waitingBytes: this.#waiting.bytes,
      lost: this.#lost,
      lostWithoutGap: this.#lostWithoutGap,
      failingSince: this.#failure?.since ?? null,
      gaps: {
        opened: Object.fromEntries(this.#gapsOpened),
        open: this.#continuity.open + this.#continuation.open,
      },
    }
  }

  /**
   * Books that are not whole on the tape until their next snapshot, because events of them were lost or because the recording
   * went on in another file. Empty while the tape cannot be written. `record` asks the feed for these snapshots.
   */
  get booksWanted(): readonly RunStreamName[] {
    if (this.#state !== 'recording') return []
    return [...this.#continuity.booksWanted()].map(({ venue, symbol, channel }) => ({
      venue,
      symbol: symbol ?? '',
      channel: channel ?? '',
    }))
  }

  /**
   * Takes one event. Cheap; every `batchEvents` it also writes. Never fails because the tape cannot be written.
   * @throws {TapeError} `tape_closed`.
   */
  record(event: MarketEvent): void {
    const { venue, receiveTime } = event
    if (receiveTime === null || receiveTime !== this.#frameTime || venue !== this.#frameVenue) {
      this.#beginFrame()
      this.#frameTime = receiveTime
      this.#frameVenue = venue
    }
    this.#pass(event)
  }

  /**
   * Takes events that belong together, such as those of one frame of a log that has no clock: all or none of them will be
   * on the tape.
   * @throws {TapeError} as `record`, before any of them was taken.
   */
  recordAll(events: readonly MarketEvent[]): void {
    if (events.length === 0) return
    this.#beginFrame()
    this.#frameTime = null
    for (const event of events) this.#pass(event)
  }

  /**
   * States which streams the run asks for and how they stand, so that the tape can say what is missing from it. A stream that
   * was stated before is updated. On the tape with the next transaction, within about `batchMs`.
   *
   * @param withdrawn streams that were stated under a name that turned out to mean another. @default []
   * @throws {TapeError} `tape_closed`.
   */
  recordStreams(streams: readonly RunStream[], withdrawn: readonly RunStreamName[] = []): void {
    this.#assertOpen()
    if (streams.length === 0 && withdrawn.length === 0) return
    for (const name of withdrawn) this.#writer.withdrawStream(name)
    for (const stream of streams) this.#writer.stateStream(stream)
    this.#addFrame(this.#continuation.stated(streams))
    this.#armFirst()
  }

  /**
   * Notes which frame logs the run is made from, so that they are known again. At once, before anything of them is recorded.
   * @throws {TapeError} `tape_full`, `tape_busy`, `tape_unwritable`, `tape_closed`.
   */
  recordSources(sources: readonly Omit<TapeSource, 'run' | 'complete'>[]): void {
    this.#noting(() => this.#writer.addSources(sources))
  }

  /**
   * Writes everything that waits, and notes that all of the logs that the run is made from is on the tape, where that is so.
   * @param except digests of logs that could not be read to their end, which are not complete. @default []
   * @throws {TapeError} as `flush`.
   */
  async completeSources(except: readonly string[] = []): Promise<void> {
    await this.flush()
    if (this.#lost === 0) this.#noting(() => this.#writer.completeSources(except))
  }

  /**
   * Writes everything that waits.
   * @throws {TapeError} `tape_full`, `tape_busy`, `tape_unwritable`, `tape_damaged`, `tape_closed`; the events are kept.
   */
  async flush(): Promise<void> {
    this.#assertOpen()
    const error = this.#write(this.#waiting.length)
    if (error !== null) throw error
  }

  /**
   * Writes everything that waits, marks the recording as closed and closes the tape, for good. Waits up to five seconds for a
   * lock of another program.
   *
   * @throws {TapeError} as `flush`, where not everything could be written: the message says how many events were lost
   * (`context.lost`), and the recording is not marked as closed.
   */
  close(): Promise<void> {
    this.#closing ??= this.#end()
    return this.#closing
  }

  /**
   * Ends a recording whose start failed: as `close`, but a tape that this recorder made and that holds no event of any stream is
   * removed. Does nothing where the recorder is closed already.
   * @throws {TapeError} as `close`.
   */
  async abandon(): Promise<void> {
    if (this.#closing !== null) return
    if (this.#writer.made && !this.#hasData) this.#closing = this.#remove()
    await this.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  // ── Taking events ───────────────────────────────────────────────────────────────────────────────────────────────

  /** Between two frames: the moment at which a batch may be written, and at which a full buffer begins to lose. */
  #beginFrame(): void {
    this.#assertOpen()
    this.#addFrame(this.#continuation.frameEnded())
    if (this.#settleNow) this.#addFrame(this.#continuation.settle(this.#clock.now()))
    this.#settleNow = false
    this.#waiting.beginFrame(this.#options.batchEvents)
    if (this.#waiting.length >= this.#options.batchEvents && this.#state === 'recording') {
      this.#write(this.#waiting.length)
    }
    if (this.#full && (this.#state === 'recording' || this.#retryIsDue)) this.#write(this.#waiting.length)
    if (this.#full && this.#state === 'failing') this.#beginLosing()
    this.#frameKept = this.#state !== 'losing'
  }

  get #full(): boolean {
    const { bufferEvents, bufferBytes } = this.#options
    return this.#waiting.length >= bufferEvents || this.#waiting.bytes >= bufferBytes
  }

  get #retryIsDue(): boolean {
    return this.#clock.now() - this.#lastTry >= RETRY_MS * 1000
  }

  /** Puts on the tape what it takes to join the event to what earlier runs recorded. */
  #pass(event: MarketEvent): void {
    const instead = this.#continuation.pass(event)
    if (instead === null) {
      this.#take(event)
      return
    }
    for (const one of instead) {
      if (one !== event) this.#countGap(one)
      this.#take(one)
    }
  }

  /** Counts a gap of the recorder's own, where the event opens one. */
  #countGap(event: MarketEvent): void {
    if (event.type === 'gap' && event.state === 'open') this.#countGaps(event.reason, 1)
  }

  #countGaps(reason: GapReason, count: number): void {
    if (count > 0) this.#gapsOpened.set(reason, (this.#gapsOpened.get(reason) ?? 0) + count)
  }

  /** What follows from several frames, as one of its own. */
  #addFrame(events: readonly MarketEvent[]): void {
    if (events.length === 0) return
    this.#waiting.beginFrame(this.#options.batchEvents)
    this.#frameKept = this.#state !== 'losing'
    for (const event of events) {
      this.#countGap(event)
      this.#take(event)
    }
    this.#frameTime = null
  }

  #take(event: MarketEvent): void {
    const stream = this.#writer.streamOf(event)
    if (!this.#frameKept) {
      this.#lose(event, stream)
      return
    }
    const { before, keep } = this.#continuity.join(event, stream)
    for (const gap of before) this.#add(gap, stream)
    if (keep) this.#add(event, stream)
    if (stream.channel !== null) this.#hasData = true
    this.#grown = true
    this.#armFirst()
  }

  #lose(event: MarketEvent, stream: TapeStream): void {
    for (const gap of this.#continuity.lost(event, stream, this.#why)) {
      this.#waiting.beginFrame(this.#options.batchEvents)
      this.#countGap(gap)
      this.#add(gap, this.#writer.streamOf(gap))
    }
    this.#lost++
    if (this.#failure !== null) this.#failure.lost++
  }

  #add(event: MarketEvent, stream: TapeStream): void {
    const body = encodeBody(event)
    const gap = event.type === 'gap' ? event : null
    this.#waiting.add({
      stream,
      type: this.#writer.typeId(event.type),
      exchangeTime: 'exchangeTime' in event ? event.exchangeTime : null,
      receiveTime: event.receiveTime,
      body,
      bytes: Buffer.byteLength(body),
      landmark: isSnapshot(event) ? 'snapshot' : gap,
    })
  }

  // ── Writing ─────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Writes the first `rows` of those that wait. @returns the failure; null where it went well. */
  #write(rows: number): TapeError | null {
    this.#lastTry = this.#clock.now()
    try {
      this.#keepTape()
      let left = Math.min(rows, this.#waiting.length)
      if (left === 0 && this.#writer.waitingStreams > 0) this.#writer.write([], 0)
      while (left > 0) {
        const batch = this.#waiting.batch(left)
        this.#writer.write(this.#waiting.rows, batch)
        this.#waiting.dropFirst(batch)
        left = Math.min(left - batch, this.#waiting.length)
      }
    } catch (cause) {
      const error = tapeError(cause, this.path, 'cannot write to')
      if (!(error instanceof TapeError)) throw error
      this.#failed(error)
      return error
    }
    this.#recovered()
    return null
  }

  #noting(run: () => void): void {
    this.#assertOpen()
    try {
      run()
    } catch (error) {
      throw tapeError(error, this.path, 'cannot write to')
    }
  }

  #failed(error: TapeError): void {
    if (this.#failure !== null) {
      this.#failure.error = error
      return
    }
    this.#failure = { since: this.#clock.now(), error, lost: 0 }
    this.#state = 'failing'
    this.#report('failing')
    this.#armFirst()
  }

  #beginLosing(): void {
    this.#state = 'losing'
    this.#why = this.#failure?.error.message ?? ''
    this.#report('losing')
  }

  #recovered(): void {
    if (this.#failure === null) return
    this.#state = 'recording'
    this.#report('recovered')
    this.#failure = null
  }

  #report(kind: Exclude<TroubleKind, 'moved'>): void {
    this.#triesSinceReport = 0
    if (this.#failure === null) return
    const trouble = failureTrouble(kind, this.#failure, this.path, this.waiting, this.#clock.now())
    this.#options.onTrouble?.(trouble)
  }

  #armFirst(): void {
    if (this.#timer === null && !this.#ending)
      this.#arm(this.#state === 'recording' ? this.#options.batchMs : RETRY_MS)
  }

  #arm(delayMs: number): void {
    this.#timer = this.#clock.after(delayMs, () => {
      this.#timer = null
      this.#settleNow = this.#grown
      if (!this.#grown) this.#settle(this.#clock.now())
      // A frame whose events may still be coming is held back for one turn.
      this.#write(this.#grown ? this.#waiting.beforeFrame : this.#waiting.length)
      this.#grown = false
      if (this.#state === 'failing' || this.#state === 'losing') {
        if (++this.#triesSinceReport >= TRIES_A_REPORT) this.#report(this.#state)
      }
      const unwritten = this.#waiting.length > 0 || this.#writer.waitingStreams > 0
      if (unwritten || this.#failure !== null || this.#continuation.pending) this.#armFirst()
    })
  }

  /** @param now null at the end of the run */
  #settle(now: Micros | null): void {
    this.#addFrame(this.#continuation.frameEnded())
    this.#addFrame(this.#continuation.settle(now))
  }

  // ── Keeping the file ────────────────────────────────────────────────────────────────────────────────────────────

  #watchAfter(): Timer {
    return this.#clock.after(
      WATCH_MS,
      () => {
        this.#watch = this.#watchAfter()
        // While writing fails, each try looks by itself.
        if (this.#failure === null) this.#write(0)
      },
      'background',
    )
  }

  /** Makes sure that what is written now goes into a file that can be found. */
  #keepTape(): void {
    const fault = this.#homeless === null ? this.#writer.fault() : null
    if (fault === 'log_removed') this.#writer.reconnect()
    else if (fault === 'lock_removed') this.#keepLock()
    else if (fault === 'moved') this.#leave('was deleted, renamed or replaced while it was recorded to')
    else if (fault === 'overwritten')
      this.#leave('was cut short or written over by another program while it was recorded to', true)
    if (this.#homeless !== null) this.#moveOn(this.#homeless)
  }

  #keepLock(): void {
    try {
      this.#writer.lockAgain()
    } catch (error) {
      if (!(error instanceof TapeError && error.code === 'tape_locked')) throw error
      this.#leave('was taken by another recorder, after its lock file had been removed')
    }
  }

  /** Gives the file up as it is. Its run stays open until another file has taken over. */
  #leave(what: string, overwritten = false): void {
    const now = this.#clock.now()
    const first = this.#waiting.rows[0]?.receiveTime ?? now
    const boundary = first >= this.#writer.opened && first <= now ? first : now
    this.#homeless = { what, boundary, noticed: now, overwritten }
  }

  /** Goes on in a new file beside the tape. */
  #moveOn({ what, boundary, noticed, overwritten }: Homeless): void {
    const former = this.#writer
    const writer = this.#beginBeside(boundary)
    this.#homeless = null
    this.#writer = writer
    const error = overwritten ? this.#giveUp(former) : this.#finish(former, boundary)
    for (const stream of former.statedStreams) writer.stateStream(stream)
    this.#renumber(writer, boundary, former.path)
    const unfinished =
      error === null
        ? 'is in the former file, if that was renamed; if it was deleted, it is gone'
        : `may be incomplete (${error.message})`
    this.#options.onTrouble?.({
      kind: 'moved',
      message: `${former.path} ${what}: the recording goes on in ${writer.path}. What was recorded before ${unfinished}`,
      error,
      since: noticed,
      waiting: this.waiting,
      lost: 0,
      path: writer.path,
    })
  }

  /** Leaves a file that another program wrote over, without a mark that its run is whole. */
  #giveUp(former: TapeWriter): TapeError {
    former.closeUnfinished()
    return new TapeError(
      'tape_damaged',
      `${former.path} was cut short or written over; tapewire verify says what is left of it`,
      { context: { path: former.path } },
    )
  }

  /** Ends the run of a file that another one has taken over from. @returns what kept it from its proper end. */
  #finish(former: TapeWriter, boundary: Micros): TapeError | null {
    try {
      former.leave(boundary)
      return null
    } catch (cause) {
      const error = tapeError(cause, former.path, 'cannot finish')
      if (error instanceof TapeError) return error
      throw error
    }
  }

  #beginBeside(opened: Micros): TapeWriter {
    for (const name of namesBeside(this.#named)) {
      if (name === this.path || fileAt(name) !== null || fileAt(`${name}-wal`) !== null) continue
      const writer = this.#open(name, opened, basename(this.#writer.path))
      if (writer.made) return writer
      writer.closeUnfinished()
    }
    throw new Error('unreachable: there are names without end')
  }

  /** What waits, as the new tape numbers its streams, with the gaps that follow from its beginning here. */
  #renumber(writer: TapeWriter, from: Micros, former: string): void {
    const waiting = this.#waiting.rows
    const marks = new Map<NewRow, Landmark>()
    for (const row of waiting) {
      const { landmark, stream, receiveTime } = row
      if (landmark === null) continue
      marks.set(row, { stream, receiveTime, gap: landmark === 'snapshot' ? null : landmark })
    }
    const rename = (stream: TapeStream) => writer.streamLike(stream)
    const why = `recorded to ${former} before`
    const { first, before, begun } = this.#continuity.moved([...marks.values()], from, why, rename)
    this.#countGaps('joined_late', begun)
    this.#waiting.clear()
    for (const gap of first) this.#add(gap, writer.streamOf(gap))
    for (const row of waiting) {
      const mark = marks.get(row)
      const gap = mark === undefined ? undefined : before.get(mark)
      if (gap !== undefined) this.#add(gap, writer.streamOf(gap))
      this.#waiting.add({ ...row, stream: rename(row.stream) })
    }
    this.#waiting.beginFrame(this.#options.batchEvents)
  }

  // ── The end ─────────────────────────────────────────────────────────────────────────────────────────────────────

  async #end(): Promise<void> {
    this.#stop()
    this.#settle(null)
    const error = await this.#writeAll()
    const lost = this.#waiting.length + (this.#failure?.lost ?? 0)
    this.#lost += this.#waiting.length
    this.#state = 'closed'
    this.#waiting.clear()
    if (error === null) {
      try {
        if (this.#writer.begun || this.path === this.#named) this.#writer.close()
        else this.#writer.remove()
        return
      } catch (cause) {
        throw tapeError(cause, this.path, 'everything is recorded, but cannot merge the write-ahead log into')
      }
    }
    this.#lostWithoutGap = lost
    let what = lost === 1 ? '1 event was lost' : `${lost} events were lost`
    try {
      this.#writer.closeUnfinished()
    } catch (cause) {
      what += `; the end of what was written before may be in ${basename(this.path)}-wal only: ${String(cause)}`
    }
    throw new TapeError(error.code, `${error.message} (${what})`, {
      cause: error,
      context: { ...error.context, lost },
    })
  }

  /** Everything that waits, then the mark that the run is closed. @returns what kept it from that. */
  async #writeAll(): Promise<TapeError | null> {
    for (let tries = 1; ; tries++) {
      const error = this.#writeToTheEnd()
      if (error === null || error.code !== 'tape_busy' || tries === CLOSE_TRIES) return error
      // The lock may be this process' own: what holds it must have its turn to let it go.
      await nextTurn()
    }
  }

  #writeToTheEnd(): TapeError | null {
    this.#writer.waitForLocks(CLOSE_TRY_MS)
    const failure = this.#write(this.#waiting.length)
    if (failure !== null) return failure
    for (const [stream, gap] of this.#continuity.end()) this.#add(gap, stream)
    const late = this.#write(this.#waiting.length)
    if (late !== null) return late
    try {
      this.#writer.closeRun(this.#clock.now())
      return null
    } catch (cause) {
      const error = tapeError(
        cause,
        this.path,
        'everything is recorded, but cannot note the end of the recording in',
      )
      if (error instanceof TapeError) return error
      throw error
    }
  }

  #stop(): void {
    this.#ending = true
    this.#timer?.cancel()
    this.#timer = null
    this.#watch.cancel()
    this.#frameTime = null
  }

  async #remove(): Promise<void> {
    this.#stop()
    this.#state = 'closed'
    this.#waiting.clear()
    this.#writer.remove()
  }

  #assertOpen(): void {
    if (!this.#ending) return
    throw new TapeError(
      'tape_closed',
      `the recorder of ${this.path} is closed: open the tape again to go on`,
      { context: { path: this.path } },
    )
  }
}
