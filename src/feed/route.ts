import type { Endpoint } from '../connector.js'
import type { Platform } from '../platform.js'

/** One of the ways to a venue: a lane has a connection on each. */
export interface Route {
  readonly platform: Platform
  readonly endpoint: Endpoint
}
