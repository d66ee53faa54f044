/// <reference lib="esnext.disposable" preserve="true" />
import * as z from 'zod'
import type { MarketEvent } from '../schemas/events.js'
import { TapeError } from '../src/errors.js'
import type { Clock, Timer } from '../src/platform.js'
import { encodeBody } from './event-codec.js'
import { RunContinuation } from './run-continuation.js'
import type { RunStream, RunStreamName } from './run-streams.js'
import { tapeError } from './sqlite.js'
import { identityOf } from './stream-table.js'
import type { TapeSource } from './tape-sources.js'
import type { NewRow, TapeWriter } from './tape-writer.js'

/** Options of a tape that is opened to be recorded to. */
export interface RecorderOptions {
  /** Events that are written in one transaction. A crash loses at most the last of them. @default 1_000 */
  readonly batchEvents?: number
  /** Events wait no longer than about twice this for their transaction. @default 250 */
  readonly batchMs?: number
  /**
   * Events that may wait while the tape cannot be written (the disk is full, another program holds a lock). Beyond it
   * `record` throws. @default 100_000
   */
  readonly bufferEvents?: number
  /** As `bufferEvents`, in characters of their bodies. @default 67_108_864 */
  readonly bufferCharacters?: number
  /** The tape does not grow beyond this: writing then fails as on a full disk. @default no limit */
  readonly maxBytes?: number
  /** Told once when writing begins to fail; the recorder keeps trying. `flush` and `close` reject besides. */
  readonly onError?: (error: TapeError) => void
  /** Time in place of the machine's own. */
  readonly clock?: RecorderClock
}

/** What a recorder needs of a {@link Clock}. */
export type RecorderClock = Pick<Clock, 'now' | 'after'>

export const recorderOptions = z.strictObject({
  batchEvents: z.int().min(1).default(1_000),
  batchMs: z.number().positive().default(250),
  bufferEvents: z.int().min(1).default(100_000),
  bufferCharacters: z
    .int()
    .min(1)
    .default(64 << 20),
  maxBytes: z.int().min(65_536).optional(),
  onError: z.custom<(error: TapeError) => void>((value) => typeof value === 'function').optional(),
  clock: z.custom<RecorderClock>((value) => typeof value === 'object').optional(),
})

/** How long a failed transaction waits before the next try. */
const RETRY_MS = 1_000
/** How long `close` waits for another program's lock. */
const CLOSE_TIMEOUT_MS = 5_000

/** `failing`: transactions fail at the moment; what is recorded is kept and tried again. */
export type RecorderState = 'recording' | 'failing' | 'closed'

/**
 * Writes events to a tape, in the order in which they are given.
 *
 * Events are gathered and written in transactions that never divide a frame: what one frame brought (recognised by its
 * venue and receive time, or given together to `recordAll`) is on the tape as a whole or not at all.
 */
export class Recorder {
  readonly path: string
  readonly #writer: TapeWriter
  readonly #clock: RecorderClock
  readonly #options: z.output<typeof recorderOptions>
  readonly #continuation: RunContinuation
  #state: RecorderState = 'recording'
  /** The rows that wait for their transaction. */
  #rows: NewRow[] = []
  /** The characters of their bodies. */
  #characters = 0
  /** How many of the waiting rows come before the newest frame. */
  #beforeFrame = 0
  #frameVenue = ''
  #frameTime: number | null = null
  /** Whether anything was recorded since the last turn of the timer. */
  #grown = false
  /** Whether gaps that may be settled are looked for before the next frame. */
  #settleNow = false
  #timer: Timer | null = null

  /** @internal Use `openTape(path, { mode: 'write' })`. */
  constructor(writer: TapeWriter, clock: RecorderClock, options: z.output<typeof recorderOptions>) {
    this.path = writer.path
    this.#writer = writer
    this.#continuation = new RunContinuation(writer.earlierRuns())
    this.#clock = clock
    this.#options = options
  }

  /** `failing`: transactions fail at the moment; what is recorded is kept and tried again. */
  get state(): RecorderState {
    return this.#state
  }

  /** Events on the tape, those of former recordings included. */
  get written(): number {
    return this.#writer.lastEvent
  }

  /** Events that wait for their transaction. */
  get waiting(): number {
    return this.#rows.length
  }

  /** Trades that were not written, because an earlier run has them on the tape. */
  get repeated(): number {
    return this.#continuation.repeated
  }

  /**
   * Takes one event. Cheap; every `batchEvents` it also writes.
   * @throws {TapeError} `tape_closed`; the reason of the failure where the buffer is full because writing fails.
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
    if (this.#state === 'closed') throw this.#closedError()
    if (streams.length === 0 && withdrawn.length === 0) return
    for (const name of withdrawn) this.#writer.withdrawStream(name)
    for (const stream of streams) this.#writer.stateStream(stream)
    this.#addFrame(this.#continuation.stated(streams))
    if (this.#timer === null) this.#arm(this.#options.batchMs)
  }

  /**
   * Notes which frame logs the run is made from, so that they are known again. At once, before anything of them is recorded.
   * @throws {TapeError} `tape_full`, `tape_busy`, `tape_unwritable`, `tape_closed`.
   */
  recordSources(sources: readonly Omit<TapeSource, 'run' | 'complete'>[]): void {
    this.#noting(() => this.#writer.addSources(sources))
  }

  /**
   * Writes everything that waits, and notes that all of the logs that the run is made from is on the tape.
   * @throws {TapeError} as `flush`.
   */
  async completeSources(): Promise<void> {
    await this.flush()
    this.#noting(() => this.#writer.completeSources())
  }

  /**
   * Writes everything that waits.
   * @throws {TapeError} `tape_full`, `tape_busy`, `tape_unwritable`, `tape_damaged`, `tape_closed`; the events are kept.
   */
  async flush(): Promise<void> {
    if (this.#state === 'closed') throw this.#closedError()
    const failure = this.#write(this.#rows.length)
    if (failure !== null) throw failure
  }

  /**
   * Writes everything that waits and closes the tape, for good.
   * @throws {TapeError} as `flush`; the message then says how many events were lost.
   */
  async close(): Promise<void> {
    if (this.#state === 'closed') return
    this.#writer.waitForLocks(CLOSE_TIMEOUT_MS)
    this.#addFrame(this.#continuation.frameEnded())
    this.#addFrame(this.#continuation.settle(null))
    const failure = this.#write(this.#rows.length)
    const lost = this.#rows.length
    this.#timer?.cancel()
    this.#timer = null
    this.#state = 'closed'
    this.#frameTime = null
    this.#drop(lost)
    try {
      this.#writer.close(this.#clock.now())
    } catch (error) {
      if (failure === null) throw tapeError(error, this.path, 'cannot note the end of the recording in')
    }
    if (failure === null) return
    throw new TapeError(failure.code, `${failure.message} (${lost} events were lost)`, {
      cause: failure,
      context: { ...failure.context, lost },
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  // ── Inside ──────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Between two frames: the moment at which a batch may be written, and at which a full buffer refuses. */
  #beginFrame(): void {
    if (this.#state === 'closed') throw this.#closedError()
    this.#addFrame(this.#continuation.frameEnded())
    if (this.#settleNow) this.#addFrame(this.#continuation.settle(this.#clock.now()))
    this.#settleNow = false
    const { batchEvents, bufferEvents, bufferCharacters } = this.#options
    if (this.#rows.length >= batchEvents && this.#state === 'recording') this.#write(this.#rows.length)
    if (this.#rows.length >= bufferEvents || this.#characters >= bufferCharacters) {
      const failure = this.#write(this.#rows.length)
      if (failure !== null) throw failure
    }
    this.#beforeFrame = this.#rows.length
  }

  /** Puts on the tape what it takes to join the event to what earlier runs recorded. */
  #pass(event: MarketEvent): void {
    const instead = this.#continuation.pass(event)
    if (instead === null) this.#add(event)
    else for (const one of instead) this.#add(one)
  }

  /** What follows from several frames, as one of its own. */
  #addFrame(events: readonly MarketEvent[]): void {
    if (events.length === 0) return
    this.#beforeFrame = this.#rows.length
    for (const event of events) this.#add(event)
    this.#frameTime = null
  }

  #add(event: MarketEvent): void {
    const body = encodeBody(event)
    this.#rows.push({
      stream: this.#writer.streamId(event) ?? this.#writer.addStream(identityOf(event)),
      type: this.#writer.typeId(event.type),
      exchangeTime: 'exchangeTime' in event ? event.exchangeTime : null,
      receiveTime: event.receiveTime,
      body,
    })
    this.#characters += body.length
    this.#grown = true
    if (this.#timer === null) this.#arm(this.#options.batchMs)
  }

  /** Writes the first `rows` of those that wait. @returns the failure; null where it went well. */
  #write(rows: number): TapeError | null {
    if (rows === 0 && this.#writer.waitingStreams === 0) return null
    try {
      this.#writer.write(this.#rows, rows)
    } catch (error) {
      const failure = tapeError(error, this.path, 'cannot write to')
      if (!(failure instanceof TapeError)) throw failure
      if (this.#state === 'recording') {
        this.#state = 'failing'
        this.#options.onError?.(failure)
      }
      return failure
    }
    this.#state = 'recording'
    this.#drop(rows)
    return null
  }

  #noting(run: () => void): void {
    if (this.#state === 'closed') throw this.#closedError()
    try {
      run()
    } catch (error) {
      throw tapeError(error, this.path, 'cannot write to')
    }
  }

  #drop(rows: number): void {
    this.#rows = rows === this.#rows.length ? [] : this.#rows.slice(rows)
    this.#beforeFrame = Math.max(0, this.#beforeFrame - rows)
    this.#characters = this.#rows.reduce((sum, { body }) => sum + body.length, 0)
  }

  #arm(delayMs: number): void {
    this.#timer = this.#clock.after(delayMs, () => {
      this.#timer = null
      this.#settleNow = this.#grown
      if (!this.#grown) {
        this.#addFrame(this.#continuation.frameEnded())
        this.#addFrame(this.#continuation.settle(this.#clock.now()))
      }
      // A frame whose events may still be coming is held back for one turn.
      this.#write(this.#grown ? this.#beforeFrame : this.#rows.length)
      this.#grown = false
      if (this.#rows.length > 0 || this.#writer.waitingStreams > 0 || this.#continuation.pending)
        this.#arm(this.#state === 'failing' ? RETRY_MS : this.#options.batchMs)
    })
  }

  #closedError(): TapeError {
    return new TapeError(
      'tape_closed',
      `the recorder of ${this.path} is closed: open the tape again to go on`,
      {
        context: { path: this.path },
      },
    )
  }
}
