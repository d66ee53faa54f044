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
  /** Data of streams lost since then; where the tape was deleted: those that were on it. */
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
  { former, what, noticed, error, lost }: TapeMove,
  path: string,
  waiting: number,
): RecorderTrouble {
  return {
    kind: 'moved',
    message: `${former} ${what}: the recording goes on in ${path}. ${formerText(lost, error)}`,
    error,
    since: noticed,
    waiting,
    lost: lost ?? 0,
    path,
  }
}

function formerText(lost: number | null, error: TapeError | null): string {
  if (lost !== null) return `What was recorded before is gone: ${count(lost)} lost`
  return error === null
    ? 'What was recorded before is in the former file, if that was renamed; if it was deleted, it is gone'
    : `What was recorded before may be incomplete (${error.message})`
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
