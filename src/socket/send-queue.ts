import type { Micros } from '../../schemas/events.js'

/** What is held back while there is no connection, and for how long. */
export interface HoldBounds {
  /** @default 1_000 */
  readonly maxMessages: number
  /** Bytes, as far as a message has a size; the length of its JSON where it is neither text nor bytes. @default 1_048_576 */
  readonly maxBytes: number
  /** A message that is older is dropped, and an `error` event says so. Milliseconds. @default 30_000 */
  readonly expireMs: number
}

interface Held<T> {
  readonly item: T
  readonly bytes: number
  /** On the monotonic clock. */
  readonly expiresAt: Micros
}

/** Messages that wait for a connection, oldest first. */
export class SendQueue<T> {
  readonly #bounds: HoldBounds
  #held: Held<T>[] = []
  #bytes = 0

  constructor(bounds: HoldBounds) {
    this.#bounds = bounds
  }

  get size(): number {
    return this.#held.length
  }

  /** @returns false where there is no room. */
  hold(item: T, bytes: number, now: Micros, expireMs = this.#bounds.expireMs): boolean {
    const { maxMessages, maxBytes } = this.#bounds
    if (this.#held.length >= maxMessages || this.#bytes + bytes > maxBytes) return false
    this.#held.push({ item, bytes, expiresAt: now + expireMs * 1000 })
    this.#bytes += bytes
    return true
  }

  /** The oldest. */
  get first(): T | undefined {
    return this.#held[0]?.item
  }

  /** Removes one message. @returns whether it was held. */
  remove(item: T): boolean {
    const at = this.#held.findIndex((held) => held.item === item)
    if (at === -1) return false
    this.#bytes -= this.#held[at]?.bytes ?? 0
    this.#held.splice(at, 1)
    return true
  }

  /** Removes what is too old, and all of it where no time is given. */
  expired(now?: Micros): T[] {
    const isOld = ({ expiresAt }: Held<T>) => now === undefined || expiresAt <= now
    const old = this.#held.filter(isOld)
    if (old.length === 0) return []
    this.#held = this.#held.filter((held) => !isOld(held))
    this.#bytes = this.#held.reduce((sum, { bytes }) => sum + bytes, 0)
    return old.map(({ item }) => item)
  }

  /** When the next message expires, on the monotonic clock; null where none is held. */
  get nextExpiry(): Micros | null {
    return this.#held.length === 0 ? null : Math.min(...this.#held.map(({ expiresAt }) => expiresAt))
  }
}
