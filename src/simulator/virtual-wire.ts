import type { Micros } from '../../schemas/events.js'
import type { RawFrame, SimulatedAnswer, VenueSimulator } from './venue-simulator.js'
import type { VirtualTime } from './virtual-time.js'

/** What both ends of a connection in the virtual network need of the world around them. */
export interface VirtualWire {
  readonly time: VirtualTime
  readonly simulator: VenueSimulator
  readonly maxBufferedBytes: number
  /** Of the next packet. Microseconds. */
  latency(): number
  /** The client's clock, which may have been stepped. */
  clientNow(): Micros
  /** Sets the client's clock ahead, or back. */
  stepClock(ms: number): void
}

/** What travels from the client to the host. */
export type ToServer =
  | { readonly kind: 'syn' }
  | { readonly kind: 'upgrade' }
  | { readonly kind: 'message'; readonly data: string | Uint8Array }
  | { readonly kind: 'ping' }
  | { readonly kind: 'close'; readonly code: number; readonly reason: string }
  /** The client's end of the TCP connection is closed. */
  | { readonly kind: 'gone' }

/** What travels from the host to the client. */
export type ToClient =
  | { readonly kind: 'syn-ack' }
  | { readonly kind: 'opened'; readonly protocol: string }
  | { readonly kind: 'refused'; readonly answer: SimulatedAnswer }
  | { readonly kind: 'message'; readonly data: string | Uint8Array; readonly bytes: number }
  | { readonly kind: 'raw'; readonly frames: readonly RawFrame[] }
  | { readonly kind: 'ping' | 'pong' }
  | { readonly kind: 'close'; readonly code: number | null; readonly reason: string }
  /** The host's end of the TCP connection is closed; `error` where it was by force. */
  | { readonly kind: 'cut'; readonly error: Error | null }

/** An error as the operating system words it. */
export function systemError(code: string, message: string): Error {
  return Object.assign(new Error(`${message} ${code}`), { code })
}
