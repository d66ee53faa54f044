import type { MarketEvent } from '../schemas/events.js'

/**
 * Whether an event is data of a stream, which is what every count of events counts: gaps, checksums, malformed frames and what
 * connections say are not.
 */
export function isDatum(event: MarketEvent): boolean {
  return 'channel' in event && isData(event.type, event.channel)
}

/** The same of an event of a stream, by its type. */
export function isData(type: string, channel: string): boolean {
  // What a venue lists of an instrument comes with every stream of it.
  if (type === 'instrument') return channel === 'instrument'
  return type !== 'gap' && type !== 'checksum'
}
