/** How long to wait between connects that fail. */
export interface Backoff {
  /** The longest wait after the first failure. @default 1_000 */
  readonly baseMs?: number
  /** The longest wait of all. @default 60_000 */
  readonly capMs?: number
  /** How much longer the wait may be after each further failure. @default 2 */
  readonly factor?: number
}

/**
 * Exponential backoff with full jitter: anything between nothing and the bound, evenly. Spread over the whole range, the
 * clients that one outage cut off do not come back in waves.
 *
 * @param failures in a row, counted from 1.
 * @param random in [0, 1).
 */
export function backoffMs(backoff: Required<Backoff>, failures: number, random: number): number {
  return random * Math.min(backoff.capMs, backoff.baseMs * backoff.factor ** (failures - 1))
}
