import type { Micros } from '../../schemas/events.js'

import { type NetworkError, UsageError } from '../errors.js'
import { didYouMean } from '../nearest.js'
import type { Upgrade } from '../platform.js'
import type { Beat } from './heartbeat.js'
import type { Loss } from './loss.js'
import type { SocketState } from './socket-state.js'

/** What a resilient socket tells. All are optional; one that throws is reported as uncaught, and the socket goes on. */
export interface SocketHandlers {
  /** An attempt begins. @param attempt since the last stable connection, from 1. */
  connecting?(attempt: number): void
  /** The handshake was answered with 101; comes right before `open`. */
  upgrade?(upgrade: Upgrade, at: Micros): void
  open?(opening: Opening): void
  /** @param at receive time, taken in the socket's own callback before anything else. */
  message?(data: string | Uint8Array, at: Micros): void
  /** A ping or pong frame of the protocol; pings are answered already. */
  control?(kind: 'ping' | 'pong', at: Micros): void
  /** The heartbeat sent a ping, or got the answer to it. */
  beat?(beat: Beat): void
  /** What went wrong, where a connection or an attempt ended with an error; comes right before its `close`. */
  error?(error: Error): void
  /** A connection, or the attempt at one, is over. Not after `close()` of the socket itself. */
  close?(loss: Loss, at: Micros): void
  /** The next attempt has to wait. */
  waiting?(wait: Wait): void
  /** The socket has given up (code `gave_up`, with the last error as its cause) and is closed for good. */
  failed?(error: NetworkError): void
}

/** What a handshake brought. */
export interface Opening {
  readonly attempt: number
  readonly at: Micros
  /** Without user, password and query. */
  readonly url: string
  readonly upgrade: Upgrade
}

/** A wait before the next connect. */
export interface Wait {
  readonly for: 'backoff' | 'budget'
  /** Until the next attempt; for the budget as far as it can be foretold. */
  readonly delayMs: number
  /** The number that the next attempt will have. */
  readonly attempt: number
  /** A phrase for a person. */
  readonly reason: string
}

/** Counters since the start, and what is now. */
export interface SocketStats {
  readonly state: SocketState
  readonly attempts: number
  readonly opened: number
  readonly frames: number
  readonly refusedSends: number
  readonly lost: Readonly<Partial<Record<Loss['cause'], number>>>
  /** Anything but 0 is a defect of tapewire. */
  readonly illegalTransitions: number
}

const HANDLERS = [
  'connecting',
  'upgrade',
  'open',
  'message',
  'control',
  'beat',
  'error',
  'close',
  'waiting',
  'failed',
] satisfies readonly (keyof SocketHandlers)[]

/**
 * Checks handlers at the door: one of a wrong name would never be called.
 *
 * @throws {UsageError} `bad_option`.
 */
export function socketHandlers(handlers: SocketHandlers): SocketHandlers {
  const given: unknown = handlers
  if (typeof given !== 'object' || given === null) throw badHandler('on', 'must be an object of functions')
  for (const [name, handler] of Object.entries(given)) {
    if (!HANDLERS.some((known) => known === name)) {
      throw badHandler(
        `on.${name}`,
        `is no handler${didYouMean(name, HANDLERS) || `; there are ${HANDLERS.join(', ')}`}`,
      )
    }
    if (handler !== undefined && typeof handler !== 'function') {
      throw badHandler(`on.${name}`, 'must be a function')
    }
  }
  return handlers
}

function badHandler(field: string, what: string): UsageError {
  return new UsageError('bad_option', `socket: option ${field} ${what}`, { context: { field } })
}
