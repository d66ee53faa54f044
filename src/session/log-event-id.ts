import type { StreamEvent } from '../../schemas/events.js'

/**
 * What names an event of a log (trades, liquidations, blocks, transactions) within its stream, the same on every connection and
 * in every run; null where the venue gives it no name, and for every other event.
 */
export function logEventId(event: StreamEvent): string | null {
  switch (event.type) {
    case 'trade':
    case 'liquidation':
      return event.id
    case 'block':
      return event.hash
    case 'transaction':
      // That a block holds it now is news.
      return `${event.hash} ${event.height}`
    default:
      return null
  }
}
