import type { Micros } from '../../schemas/events.js'

const EVERY_MS = 50
/** A shorter one is nothing that the oracle does not allow anyway. */
const LATE_MS = 250

/**
 * Tells when this process was kept from running, as a busy machine keeps it: what a venue then says late, or the feed hears
 * late, is no fault of either. Told before anything that came meanwhile is looked at.
 *
 * @returns how to end it
 */
export function watchLoop(now: () => Micros, held: (from: Micros, lengthMs: number) => void): () => void {
  let due = now() + EVERY_MS * 1000
  const timer = setInterval(() => {
    const at = now()
    const lateMs = (at - due) / 1000
    if (lateMs > LATE_MS) held(due, lateMs)
    due = at + EVERY_MS * 1000
  }, EVERY_MS)
  return () => clearInterval(timer)
}
