import { NetworkError, TapewireError } from '../errors.js'
import type { DialClose } from '../platform.js'
import { shown } from '../shown.js'

/** Why a connection, or the attempt at one, is over. */
export interface Loss {
  /**
   * `refused`: the handshake was answered with another status than 101. `failed`: no connection came about. `closed`: the
   * venue sent a close frame. `cut`: the connection ended without being closed. `invalid`: the venue broke the protocol (an oversize
   * frame, bad UTF-8). `silent`: the watchdog. `unanswered`: a ping was. `asked`: `reconnect()` was called,
   * or the host asked every socket to stay away.
   */
  readonly cause: 'refused' | 'failed' | 'closed' | 'cut' | 'invalid' | 'silent' | 'unanswered' | 'asked'
  /** The venue announced it: it counts as no failure. */
  readonly planned: boolean
  /** Whether the connection had been open. */
  readonly opened: boolean
  /** Which attempt since the last stable connection it was, from 1. */
  readonly attempt: number
  readonly code: number | null
  /** A phrase for a person; never empty, never a secret. */
  readonly reason: string
  /** The HTTP status of a refused handshake. */
  readonly status: number | null
  /** What the venue (Retry-After) or the caller asked to wait at least. Milliseconds. */
  readonly holdMs: number | null
  readonly error: Error | null
}

/** What a close frame without a code is told as (RFC 6455 §7.1.5). */
const NO_CODE = 1005

type Circumstances = Pick<Loss, 'opened' | 'attempt'>

/** Of an end that the venue said nothing of. */
export const NOTHING_KNOWN = { code: null, status: null, holdMs: null, error: null }

/** Reads why a dialled socket ended. */
export function lossOfClose(close: DialClose, about: Circumstances): Loss {
  const { code, error, refused } = close
  const rest = { ...about, planned: false, code, error, status: refused?.status ?? null }
  if (refused !== null) {
    const reason = error?.message ?? `the handshake was refused with status ${refused.status}`
    return { ...rest, cause: 'refused', reason, holdMs: refused.retryAfterMs }
  }
  if (!about.opened) {
    return { ...rest, cause: 'failed', reason: error?.message ?? 'no connection came about', holdMs: null }
  }
  if (code === null) {
    return { ...rest, cause: 'cut', reason: error?.message ?? 'the connection was cut', holdMs: null }
  }
  if (error !== null) return { ...rest, cause: 'invalid', reason: error.message, holdMs: null }
  const said = code === NO_CODE ? 'closed without a code' : `closed with ${code} ${close.reason}`.trim()
  return { ...rest, cause: 'closed', reason: shown(said), holdMs: null }
}

/** Reads why no target could be had. An error may name its own hold in `context.retryAfterMs`. */
export function lossOfError(error: unknown, about: Circumstances): Loss {
  const known = error instanceof Error ? error : new TapewireError('internal', String(error))
  const asked = known instanceof TapewireError ? known.context['retryAfterMs'] : null
  return {
    ...about,
    cause: 'failed',
    planned: false,
    code: null,
    reason: shown(known.message),
    status: known instanceof TapewireError ? (known.context.status ?? null) : null,
    holdMs: typeof asked === 'number' ? asked : null,
    error: known,
  }
}

/** There was no target to connect to in time. */
export function lateTarget(withinMs: number, about: Circumstances): Loss {
  const error = new NetworkError('connect_timeout', `there was no target to connect to within ${withinMs} ms`)
  return lossOfError(error, about)
}

/** Another connection was told to stay away while this one learned where to dial: it begins anew when that is over. */
export function heldMeanwhile(host: string, about: Circumstances): Loss {
  const reason = `${host} asked to be left alone for a while`
  return { ...about, ...NOTHING_KNOWN, cause: 'asked', planned: true, reason }
}
