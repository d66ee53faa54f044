import type { Micros } from '../../schemas/events.js'

const HOUR: Micros = 3_600_000_000

/** Funding is at 04, 12 and 20 o'clock. */
export function nextFunding(at: Micros): Micros {
  return (Math.floor((at - 4 * HOUR) / (8 * HOUR)) + 1) * 8 * HOUR + 4 * HOUR
}
