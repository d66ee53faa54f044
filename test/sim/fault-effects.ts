import type { Micros } from '../../schemas/events.js'
import type { Fault } from '../../src/simulator/index.js'

/** A frame that waits to be overtaken goes after this. */
const OVERTAKEN: Micros = 2_000_000
/** Faults of a venue that last. */
const LASTING = new Map<string, Micros>([
  ['silent-but-one', 30_000_000],
  ['heartbeat-missing', 60_000_000],
  ['clock-off', 60_000_000],
])

/** Faults of books that the venues which can prove them at all prove with the market at rest as well. */
const PROVED_AT_REST: readonly string[] = ['venue book-crossed', 'venue update-lost', 'venue checksum-wrong']

/** Faults that the venues show late, by a checksum or by a book that stays crossed. */
const LATE = new Set([
  'venue book-crossed',
  'venue update-lost',
  'venue checksum-wrong',
  // BitMEX sends a wrong update and, right after it, the image that puts it right.
  'venue update-before-snapshot',
  // An image without rows is what BitMEX sends of a market without orders: that it was none shows with the next update.
  'venue empty-partial',
  // At CEX.IO the ack is the snapshot: it comes as an older true book, and what happened since is joined to it.
  'venue ack-late',
  // Huobi sends a book without a side, as its protocol allows, and tells the side with the next frame.
  'venue book-one-sided',
  'venue book-null-sides',
  // Bitstamp's book over REST has levels that are gone, and that cross it.
  'venue image-phantom',
])

/** How long a fault strikes. */
export function lengthOf(fault: Fault): Micros {
  if (fault.fault === 'venue') return LASTING.get(fault.name) ?? 0
  if (fault.fault === 'reorder') return OVERTAKEN
  if ('durationMs' in fault) return (fault.durationMs ?? 0) * 1000
  return 'delayMs' in fault ? fault.delayMs * 1000 : 0
}

export function isProvedAtRest(name: string): boolean {
  return PROVED_AT_REST.includes(name)
}

export function isShownLate(name: string): boolean {
  return LATE.has(name)
}
