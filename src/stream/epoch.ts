import type { Clock } from '../platform.js'

/** A name that no feed ever had, and that sorts by the time at which it was given: `mab3x9f1k2-9f86d081884c`. */
export function newEpoch(clock: Clock): string {
  const chance = Math.floor(clock.random() * 2 ** 48)
  return `${clock.now().toString(36)}-${chance.toString(16).padStart(12, '0')}`
}
