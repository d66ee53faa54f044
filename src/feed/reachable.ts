import type { Connector } from '../connector.js'
import { VenueError } from '../errors.js'

/** @throws {VenueError} `venue_closed`, where the venue no longer exists and no URL was given. */
export function assertReachable({ venue, status, endpoints }: Connector): void {
  if (endpoints.length > 0) return
  const since = status.state === 'closed' ? ` since ${status.since}` : ''
  throw new VenueError(
    'venue_closed',
    `${venue} is closed${since}: replay a recording, run its simulator, or give the url of a gateway that still speaks its protocol`,
    { context: { venue } },
  )
}
