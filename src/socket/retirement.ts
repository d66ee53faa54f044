/** A connection is replaced this much before the age at which the server cuts it: a tenth, and at most so long. */
const BEFORE_THE_AGE_LIMIT_MS = 600_000

/**
 * At which age a connection is replaced that the server cuts at `maxAgeMs`. Jittered, so that connections that were opened together
 * are not replaced together.
 *
 * @param random in [0, 1).
 */
export function retirementMs(maxAgeMs: number, random: number): number {
  return maxAgeMs - Math.min(maxAgeMs / 10, BEFORE_THE_AGE_LIMIT_MS) * (0.5 + random / 2)
}
