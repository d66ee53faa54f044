import type { Micros } from '../../schemas/events.js'

/**
 * Sees every frame of a socket as it comes and goes, beneath the protocol; a `FrameLogWriter` is one. Text arrives with the
 * credentials that are known already taken out. Bytes that are sent are not shown: a frame log has no form for them.
 */
export interface SocketTap {
  /** `connection` counts the connections of the socket from 1. */
  open(connection: number, url: string, at: Micros): void
  received(connection: number, data: string | Uint8Array, at: Micros): void
  sent(connection: number, frame: string, at: Micros): void
  closed(connection: number, at: Micros): void
}
