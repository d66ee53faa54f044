import type { Micros } from '../../schemas/events.js'

/** The earlier of two moments; one that is not known may be any. */
export function earlier(a: Micros | null, b: Micros | null): Micros | null {
  return a === null || b === null ? null : Math.min(a, b)
}
