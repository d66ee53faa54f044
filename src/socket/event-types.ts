import type { Micros } from '../../schemas/events.js'
import type { Loss } from './loss.js'

/** What a socket emits, by the name of the event. Times are microseconds since the epoch. */
export interface SocketEvents<Message = string | Uint8Array> {
  /** The server took the handshake; comes before `connect`. */
  handshake: HandshakeEvent
  /** The connection may be used. With a protocol: its own handshake is over and its subscriptions are sent. */
  connect: ConnectEvent
  message: SocketMessage<Message>
  /** A connection that had emitted `connect` is over. Not after `close()`. */
  disconnect: DisconnectEvent
  /**
   * What went wrong: an attempt or a connection that failed, a frame that the protocol does not allow, a message that expired. The
   * socket goes on, but for the code `gave_up`.
   */
  error: Error
  /** The next attempt has to wait. */
  waiting: WaitingEvent
  /** The heartbeat sent something, or was answered. */
  heartbeat: HeartbeatEvent
  /** A key of `watchdog.keys` was silent for too long. */
  silent: SilentEvent
}

/** The server's answer to the handshake. */
export interface HandshakeEvent {
  /** Counts the connections and attempts of this socket, from 1. */
  readonly connection: number
  /** Since the last stable connection, from 1. */
  readonly attempt: number
  readonly at: Micros
  /** Without user, password and query. */
  readonly url: string
  readonly status: number
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  /** The subprotocol that the server chose; empty where there is none. */
  readonly protocol: string
  /** What was agreed on, such as `permessage-deflate`. */
  readonly extensions: string
}

/** A connection may be used. */
export interface ConnectEvent {
  readonly connection: number
  readonly attempt: number
  readonly at: Micros
  /** The connection that it takes over from, which is still open; null where there is none. */
  readonly replaces: number | null
}

/** A message, with the time at which its frame came. */
export interface SocketMessage<Message> {
  readonly data: Message
  readonly at: Micros
  /** The connection that brought it. */
  readonly connection: number
}

/** A connection is over, and why. */
export interface DisconnectEvent extends Loss {
  readonly connection: number
  readonly at: Micros
  /** Another connection has taken over. */
  readonly replaced: boolean
}

/** A wait before the next attempt. */
export interface WaitingEvent {
  /** `backoff`: after a loss. `budget`: the host is dialled no more often. */
  readonly for: 'backoff' | 'budget'
  readonly delayMs: number
  /** The number that the next attempt will have. */
  readonly attempt: number
  /** A phrase for a person. */
  readonly reason: string
}

/** What the heartbeat did. */
export interface HeartbeatEvent {
  readonly connection: number
  readonly kind: 'sent' | 'answered'
  /** From the sending to the answer; null where it was sent. Milliseconds. */
  readonly afterMs: number | null
}

/** A key is silent. */
export interface SilentEvent {
  readonly connection: number
  readonly key: string
  readonly silentAfterMs: number
}

/** The names of the events. */
export const EVENTS = [
  'handshake',
  'connect',
  'message',
  'disconnect',
  'error',
  'waiting',
  'heartbeat',
  'silent',
] satisfies readonly (keyof SocketEvents)[]
