import type { Connector } from '../connector.js'
import { venueClosed } from '../venue-closed.js'

/** @throws {VenueError} `venue_closed`, where the venue no longer exists and no URL was given. */
export function assertReachable({ venue, status, endpoints }: Connector): void {
  if (endpoints.length === 0) throw venueClosed(venue, status)
}
