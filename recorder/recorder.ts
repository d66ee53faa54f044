/// <reference lib="esnext.disposable" preserve="true" />
import { basename } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type * as z from 'zod'
import type { MarketEvent, Micros } from '../schemas/events.js'
import { TapeError } from '../src/errors.js'
import type { Timer } from '../src/platform.js'
import type { Cursor } from '../src/stream/emissions.js'
import { EventIntake } from './event-intake.js'
import type { RecorderClock, recorderOptions } from './recorder-options.js'
import type { RecorderState, RecorderStats } from './recorder-stats.js'
import type { RunStream, RunStreamName } from './run-streams.js'
import { tapeError } from './sqlite.js'
import { type OpenTapeWriter, TapeKeeper } from './tape-keeper.js'
import type { TapeSource } from './tape-sources.js'
import type { TapeWriter } from './tape-writer.js'
import { moveTrouble } from './trouble.js'
import { RETRY_MS, WriteFailures } from './write-failures.js'

/** How often the recorder looks whether its files are still there. */
const WATCH_MS = 1_000
/** How long `close` waits for another program's lock: so many tries of so long. */
const CLOSE_TRIES = 20
const CLOSE_TRY_MS = 250

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
  readonly #tape: TapeKeeper
  readonly #failures: WriteFailures
  readonly #intake: EventIntake
  readonly #clock: RecorderClock
  readonly #options: z.output<typeof recorderOptions>
  #lastTry: Micros = 0
  #closing: Promise<void> | null = null
  #ending = false
  #closed = false
  /** Whether gaps that may be settled are looked for before the next frame. */
  #settleNow = false
  #timer: Timer | null = null
  #watch: Timer

  /** @internal Use `openTape(path, { mode: 'write' })`. */
  constructor(
    open: OpenTapeWriter,
    writer: TapeWriter,
    clock: RecorderClock,
    options: z.output<typeof recorderOptions>,
  ) {
    this.#tape = new TapeKeeper(open, writer)
    this.#failures = new WriteFailures(clock, options.onTrouble)
    this.#intake = new EventIntake(this.#tape, this.#failures, options.batchEvents)
    this.#clock = clock
    this.#options = options
    this.#watch = this.#watchAfter()
  }

  /** The file that is recorded to: another one than at first where that was moved or deleted. */
  get path(): string {
    return this.#tape.writer.path
  }

  get state(): RecorderState {
    return this.#closed ? 'closed' : this.#failures.state
  }

  /** Events on the tape, those of former recordings included. */
  get written(): number {
    return this.#tape.writer.lastEvent
  }

  /** Events that wait for their transaction. */
  get waiting(): number {
    return this.#intake.waiting.length
  }

  /** Trades, liquidations, blocks and transactions that were not written, because an earlier run has them on the tape. */
  get repeated(): number {
    return this.#intake.repeated
  }

  get stats(): RecorderStats {
    const { lost, lostWithoutGap, deleted, since } = this.#failures
    return {
      state: this.state,
      path: this.path,
      written: this.written,
      waiting: this.waiting,
      waitingBytes: this.#intake.waiting.bytes,
      lost,
      lostWithoutGap,
      deleted,
      failingSince: since,
      gaps: { opened: this.#intake.gapsOpened, open: this.#intake.gapsOpen },
    }
  }

  /**
   * Books that are not whole on the tape until their next snapshot, because events of them were lost or because the recording
   * went on in another file. Empty while the tape cannot be written. `record` asks the feed for these snapshots.
   */
  get booksWanted(): readonly RunStreamName[] {
    return this.state === 'recording' ? this.#intake.booksWanted : []
  }

  /**
   * Takes one event. Cheap; every `batchEvents` it also writes. Never fails because the tape cannot be written.
   *
   * @param cursor its place in the feed, as the feed's iterator has it. @default the tape does not know
   * @throws {TapeError} `tape_closed`.
   */
  record(event: MarketEvent, cursor: Cursor | null = null): void {
    const at = cursor === null ? event.receiveTime : cursor.emitted
    if (!this.#intake.continuesFrame(event, at)) this.#beginFrame(event.venue, at)
    this.#intake.take(event, cursor)
    this.#armFirst()
  }

  /**
   * Takes events that belong together, such as those of one frame of a log that has no clock: all or none of them will be
   * on the tape.
   *
   * @param cursors the place of each in its feed. @default the tape does not know
   * @throws {TapeError} as `record`, before any of them was taken.
   */
  recordAll(events: readonly MarketEvent[], cursors: readonly Cursor[] = []): void {
    if (events.length === 0) return
    this.#beginFrame('', null)
    for (const [at, event] of events.entries()) this.#intake.take(event, cursors[at] ?? null)
    this.#armFirst()
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
    for (const name of withdrawn) this.#tape.writer.withdrawStream(name)
    for (const stream of streams) this.#tape.writer.stateStream(stream)
    this.#intake.stated(streams)
    this.#armFirst()
  }

  /**
   * Notes which frame logs the run is made from, so that they are known again. At once, before anything of them is recorded.
   * @throws {TapeError} `tape_full`, `tape_busy`, `tape_unwritable`, `tape_closed`.
   */
  recordSources(sources: readonly Omit<TapeSource, 'run' | 'complete'>[]): void {
    this.#noting(() => this.#tape.writer.addSources(sources))
  }

  /**
   * Writes everything that waits, and notes that all of the logs that the run is made from is on the tape, where that is so.
   * @param except digests of logs that could not be read to their end, which are not complete. @default []
   * @throws {TapeError} as `flush`.
   */
  async completeSources(except: readonly string[] = []): Promise<void> {
    await this.flush()
    if (this.#failures.whole) this.#noting(() => this.#tape.writer.completeSources(except))
  }

  /**
   * Writes everything that waits.
   * @throws {TapeError} `tape_full`, `tape_busy`, `tape_unwritable`, `tape_damaged`, `tape_closed`; the events are kept.
   */
  async flush(): Promise<void> {
    this.#assertOpen()
    const error = this.#write(this.waiting)
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
    if (this.#tape.writer.made && !this.#intake.hasData) this.#closing = this.#remove()
    await this.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  // ── Between two frames ──────────────────────────────────────────────────────────────────────────────────────────

  /** The moment at which a batch may be written, and at which a full buffer begins to lose. */
  #beginFrame(venue: string, receiveTime: Micros | null): void {
    this.#assertOpen()
    this.#intake.endFrame(this.#settleNow ? this.#clock.now() : null)
    this.#settleNow = false
    if (this.waiting >= this.#options.batchEvents && this.state === 'recording') this.#write(this.waiting)
    if (this.#full && (this.state === 'recording' || this.#retryIsDue)) this.#write(this.waiting)
    if (this.#full && this.state === 'failing') this.#failures.beginLosing(this)
    this.#intake.beginFrame(venue, receiveTime)
  }

  get #full(): boolean {
    const { bufferEvents, bufferBytes } = this.#options
    return this.waiting >= bufferEvents || this.#intake.waiting.bytes >= bufferBytes
  }

  get #retryIsDue(): boolean {
    return this.#clock.now() - this.#lastTry >= RETRY_MS * 1000
  }

  // ── Writing ─────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Writes the first `rows` of those that wait. @returns the failure; null where it went well. */
  #write(rows: number): TapeError | null {
    this.#lastTry = this.#clock.now()
    const { waiting } = this.#intake
    try {
      this.#keepTape()
      const { writer } = this.#tape
      let left = Math.min(rows, waiting.length)
      if (left === 0 && (writer.waitingStreams > 0 || !writer.begun)) writer.write([], 0)
      while (left > 0) {
        const batch = waiting.batch(left)
        writer.write(waiting.rows, batch)
        waiting.dropFirst(batch)
        left = Math.min(left - batch, waiting.length)
      }
    } catch (cause) {
      const error = tapeError(cause, this.path, 'cannot write to')
      if (!(error instanceof TapeError)) throw error
      this.#failures.failed(error, this)
      this.#armFirst()
      return error
    }
    this.#failures.recovered(this)
    return null
  }

  #keepTape(): void {
    const move = this.#tape.keep(this.#intake.waiting.rows[0]?.receiveTime ?? null, this.#clock.now())
    if (move === null) return
    this.#intake.moved(move.boundary, move.former)
    this.#failures.loseTape(move.lost ?? 0)
    this.#options.onTrouble?.(moveTrouble(move, this.path, this.waiting))
  }

  #noting(run: () => void): void {
    this.#assertOpen()
    try {
      run()
    } catch (error) {
      throw tapeError(error, this.path, 'cannot write to')
    }
  }

  #armFirst(): void {
    if (this.#timer === null && !this.#ending)
      this.#arm(this.state === 'recording' ? this.#options.batchMs : RETRY_MS)
  }

  #arm(delayMs: number): void {
    this.#timer = this.#clock.after(delayMs, () => {
      this.#timer = null
      this.#settleNow = this.#intake.grewSince()
      if (!this.#settleNow) this.#intake.settle(this.#clock.now())
      // A frame whose events may still be coming is held back for one turn.
      const mayGrow = this.#settleNow || this.#intake.grewSince()
      this.#write(mayGrow ? this.#intake.waiting.beforeFrame : this.waiting)
      this.#failures.tried(this)
      const unwritten = this.waiting > 0 || this.#tape.writer.waitingStreams > 0
      if (unwritten || this.state !== 'recording' || this.#intake.pending) this.#armFirst()
    })
  }

  #watchAfter(): Timer {
    return this.#clock.after(
      WATCH_MS,
      () => {
        this.#watch = this.#watchAfter()
        // While writing fails, each try looks by itself.
        if (this.state === 'recording') this.#write(0)
      },
      'background',
    )
  }

  // ── The end ─────────────────────────────────────────────────────────────────────────────────────────────────────

  async #end(): Promise<void> {
    this.#stop()
    this.#intake.settle(null)
    const error = await this.#writeAll()
    this.#failures.end(this.#intake.waiting.data)
    this.#closed = true
    this.#intake.waiting.clear()
    const { writer } = this.#tape
    const lostWithTape = writer.deleted ? writer.data : 0
    if (writer.deleted) this.#failures.loseTape(lostWithTape)
    if (error === null) {
      try {
        if (writer.hasContent || this.path === this.#tape.named) writer.close()
        else writer.remove()
        return
      } catch (cause) {
        throw tapeError(cause, this.path, 'everything is recorded, but cannot merge the write-ahead log into')
      }
    }
    const lost = this.#failures.lostWithoutGap + lostWithTape
    let what = lost === 1 ? '1 event was lost' : `${lost} events were lost`
    try {
      writer.closeUnfinished()
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
    this.#tape.writer.waitForLocks(CLOSE_TRY_MS)
    const failure = this.#write(this.waiting)
    if (failure !== null) return failure
    this.#intake.end()
    const late = this.#write(this.waiting)
    if (late !== null) return late
    try {
      this.#tape.writer.closeRun(this.#clock.now())
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
    this.#intake.endFrame(null)
  }

  async #remove(): Promise<void> {
    this.#stop()
    this.#closed = true
    this.#intake.waiting.clear()
    this.#tape.writer.remove()
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
