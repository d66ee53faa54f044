import type { StreamEvent } from '../../schemas/events.js'
import { ownText } from '../decode/own-text.js'
import { logEventId } from '../session/log-event-id.js'

/**
 * What an event is called at the venue, the same on every connection and for every collector: only by it can events of two
 * feeds be compared. Null where the venue gives it no name.
 *
 * @param numbered whether the venue's `sequence` is the stream's own, the same on every connection
 */
export function keyOf(event: StreamEvent, numbered: boolean): string | null {
  if (event.type === 'candle') return event.closed ? `${event.openTime} closed` : String(event.openTime)
  const name = logEventId(event) ?? (numbered && 'sequence' in event ? event.sequence : null)
  return name === null ? null : ownText(name)
}
