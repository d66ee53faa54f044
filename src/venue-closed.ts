import type { VenueStatus } from './connector.js'
import { VenueError } from './errors.js'

/** What a venue without an endpoint answers, code `venue_closed`: it no longer exists, and no URL was given. */
export function venueClosed(venue: string, status: VenueStatus): VenueError {
  const since = status.state === 'closed' ? ` since ${status.since}` : ''
  return new VenueError(
    'venue_closed',
    `${venue} is closed${since}: replay a recording, run its simulator, or give the url of a gateway that still speaks its protocol`,
    { context: { venue } },
  )
}
