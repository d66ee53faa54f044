import type { Micros } from '../schemas/events.js'
import type { TapeError } from '../src/errors.js'
import { isoTime } from './stream-continuity.js'
import type { TapeMove } from './tape-keeper.js'

/**
 * - `failing`: the tape cannot be written; events are kept, and nothing is lost yet.
 * - `losing`: the buffer is full, and what comes is lost.
 * - `recovered`: everything that waited is on the tape; where events were lost, so are the gaps that say it.
 * - `moved`: the tape was deleted, renamed, replaced or written over; the recording goes on in another file.
 */
export type TroubleKind = 'failing' | 'losing' | 'recovered' | 'moved'

/** What a recorder says of itself while it cannot do all of its work. */
export interface RecorderTrouble {
  readonly kind: TroubleKind
  /** One sentence for a person. */
  readonly message: string
  /** Why the tape cannot be written, or could not until now; where it was moved: why it may be incomplete, else null. */
  readonly error: TapeError | null
  /** When writing began to fail; when it was noticed that the tape was moved. */
  readonly since: Micros
  /** Events that wait to be written. */
  readonly waiting: number
  /** Events lost since then. */
  readonly lost: number
  /** The tape that is recorded to from now on. */
  readonly path: string
}

/** A stretch of time in which the tape could not be written. */
export interface Failure {
  readonly since: Micros
  error: TapeError
  lost: number
}

export function failureTrouble(
  kind: Exclude<TroubleKind, 'moved'>,
  { since, error, lost }: Failure,
  path: string,
  waiting: number,
  now: Micros,
): RecorderTrouble {
  return {
    kind,
    message: sentence(kind, { since, error, lost }, path, waiting, now),
    error,
    since,
    waiting,
    lost,
    path,
  }
}

/** @param path the file that is recorded to now */
export function moveTrouble(
  { former, what, noticed, error }: TapeMove,
  path: string,
  waiting: number,
): RecorderTrouble {
  const unfinished =
    error === null
      ? 'is in the former file, if that was renamed; if it was deleted, it is gone'
      : `may be incomplete (${error.message})`
  return {
    kind: 'moved',
    message: `${former} ${what}: the recording goes on in ${path}. What was recorded before ${unfinished}`,
    error,
    since: noticed,
    waiting,
    lost: 0,
    path,
  }
}

function sentence(
  kind: Exclude<TroubleKind, 'moved'>,
  { since, error, lost }: Failure,
  path: string,
  waiting: number,
  now: Micros,
): string {
  const from = isoTime(since)
  if (kind === 'recovered') {
    const what = lost === 0 ? 'nothing was lost' : `${count(lost)} lost, and the tape has gaps for them`
    return `${path} can be written again after ${Math.ceil((now - since) / 1_000_000)} s; ${what}`
  }
  if (kind === 'failing') return `${error.message} (since ${from}; ${count(waiting)} waiting, none lost)`
  return `${error.message} (since ${from}; ${count(lost)} lost so far, ${waiting.toLocaleString('en')} waiting)`
}

function count(events: number): string {
  return events === 1 ? '1 event' : `${events.toLocaleString('en')} events`
}
