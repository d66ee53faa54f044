import type { MarketEvent } from '../../schemas/events.js'

/** Names the stream of an event. Connection events and malformed frames of one venue count as one stream. */
export function streamOf(event: MarketEvent): string {
  return 'channel' in event ? `${event.venue} ${event.channel} ${event.instrument}` : event.venue
}
