import type { Micros } from '../schemas/events.js'
import type { TapeError } from '../src/errors.js'
import type { RecorderClock } from './recorder-options.js'
import { type Failure, failureTrouble, type RecorderTrouble, type TroubleKind } from './trouble.js'

/** How long a failed transaction waits before the next try. */
export const RETRY_MS = 1_000
/** How often a failure is repeated to the user, in tries. */
const TRIES_A_REPORT = 60_000 / RETRY_MS

/** What a report says of the recorder. */
interface Situation {
  readonly path: string
  readonly waiting: number
}

/** Whether the tape can be written, what was lost while it could not, and the reports of both to the user. */
export class WriteFailures {
  readonly #clock: Pick<RecorderClock, 'now'>
  readonly #onTrouble: ((trouble: RecorderTrouble) => void) | undefined
  #failure: Failure | null = null
  #losing = false
  /** Why events were lost last. */
  #why = ''
  #lost = 0
  #deleted = 0
  /** Whether everything that was taken was kept, also what is no data. */
  #whole = true
  #lostWithoutGap = 0
  #triesSinceReport = 0

  constructor(clock: Pick<RecorderClock, 'now'>, onTrouble?: (trouble: RecorderTrouble) => void) {
    this.#clock = clock
    this.#onTrouble = onTrouble
  }

  get state(): 'recording' | 'failing' | 'losing' {
    if (this.#failure === null) return 'recording'
    return this.#losing ? 'losing' : 'failing'
  }

  /** Since when transactions fail; null where they do not. */
  get since(): Micros | null {
    return this.#failure?.since ?? null
  }

  get why(): string {
    return this.#why
  }

  /** Data of streams, as in every count of events. */
  get lost(): number {
    return this.#lost
  }

  /** Those of them that were on a tape that was deleted. */
  get deleted(): number {
    return this.#deleted
  }

  /** Whether nothing was lost, be it data or not. */
  get whole(): boolean {
    return this.#whole
  }

  get lostWithoutGap(): number {
    return this.#lostWithoutGap
  }

  /** A transaction failed. */
  failed(error: TapeError, situation: Situation): void {
    if (this.#failure !== null) {
      this.#failure.error = error
      return
    }
    this.#failure = { since: this.#clock.now(), error, lost: 0 }
    this.#report('failing', situation)
  }

  /** The buffer is full: what comes is lost from here on. */
  beginLosing(situation: Situation): void {
    this.#losing = true
    this.#why = this.#failure?.error.message ?? ''
    this.#report('losing', situation)
  }

  /** An event found no room. */
  lose(datum: boolean): void {
    this.#whole = false
    if (!datum) return
    this.#lost++
    if (this.#failure !== null) this.#failure.lost++
  }

  /** The tape was deleted, and that many data were on it. */
  loseTape(data: number): void {
    this.#whole = false
    this.#lost += data
    this.#deleted += data
  }

  /** A transaction succeeded. */
  recovered(situation: Situation): void {
    if (this.#failure === null) return
    this.#report('recovered', situation)
    this.#failure = null
    this.#losing = false
  }

  /** A retry is over: a failure that lasts is repeated once a minute. */
  tried(situation: Situation): void {
    const { state } = this
    if (state !== 'recording' && ++this.#triesSinceReport >= TRIES_A_REPORT) this.#report(state, situation)
  }

  /**
   * The recorder ends. What waits still is lost, and the tape has a gap neither for that nor for what was lost before.
   * @param waiting data of streams
   */
  end(waiting: number): void {
    this.#lost += waiting
    this.#lostWithoutGap = waiting + (this.#failure?.lost ?? 0)
  }

  #report(kind: Exclude<TroubleKind, 'moved'>, { path, waiting }: Situation): void {
    this.#triesSinceReport = 0
    if (this.#failure === null) return
    this.#onTrouble?.(failureTrouble(kind, this.#failure, path, waiting, this.#clock.now()))
  }
}
