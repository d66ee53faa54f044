import type { Micros } from '../../schemas/events.js'
import type { HttpResponse } from '../connector.js'

/**
 * Sees every raw frame of a feed as it comes and goes, so that it can be written down. Frames that carry the user's
 * credentials arrive here redacted.
 */
export interface FrameTap {
  /** `connection` counts the connections of the feed from 0. */
  open(connection: number, url: string, at: Micros, venue: string): void
  received(connection: number, data: string | Uint8Array, at: Micros): void
  sent(connection: number, frame: string, at: Micros): void
  rest(response: HttpResponse, at: Micros): void
  closed(connection: number, at: Micros): void
}
