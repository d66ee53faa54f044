import type { Micros } from '../../schemas/events.js'
import { VENUE_FAULTS, type VenueFault } from '../../src/simulator/venue-faults.js'

const SECOND = 1_000_000

/** Faults that last, in microseconds; every other is committed once. */
const LASTING: Readonly<Record<string, Micros>> = {
  'silent-but-one': 30 * SECOND,
  'heartbeat-missing': 60 * SECOND,
  'clock-off': 60 * SECOND,
  maintenance: 10 * SECOND,
  'hub-dead': 60 * SECOND,
}

/** What a client's subscribe can meet instead of the usual answer, in the order in which they are tried. */
export const SUBSCRIBE_FAULTS = [
  'ack-missing',
  'ack-error',
  'limit-error',
  'ack-late',
  'ack-then-silence',
] as const satisfies readonly VenueFault[]

/**
 * The faults that a protocol can commit: the common vocabulary but for what it has no words for, and the venue's own.
 *
 * @see VENUE_FAULTS for what each means.
 */
export function protocolFaults(
  without: readonly VenueFault[],
  own: readonly string[] = [],
): readonly string[] {
  const excluded = new Set<string>(without)
  return [...Object.keys(VENUE_FAULTS).filter((name) => !excluded.has(name)), ...own]
}

/** Faults that are to be committed with the next message that they fit, and faults that last. */
export class PendingFaults {
  readonly #known: ReadonlySet<string>
  /** The venue's, which are asked second. Null where these are the venue's. */
  readonly #venue: PendingFaults | null
  /** How often each is still to be committed. */
  readonly #pending = new Map<string, number>()
  readonly #until = new Map<string, Micros>()

  constructor(known: Iterable<string>, venue: PendingFaults | null = null) {
    this.#known = new Set(known)
    this.#venue = venue
  }

  /** Those of one connection of the venue that these are of. */
  ofConnection(): PendingFaults {
    return new PendingFaults(this.#known, this)
  }

  /** @returns false where the protocol has no such fault. */
  add(name: string, at: Micros): boolean {
    if (!this.#known.has(name)) return false
    const lasting = LASTING[name]
    if (lasting === undefined) this.#pending.set(name, (this.#pending.get(name) ?? 0) + 1)
    else this.#until.set(name, at + lasting)
    return true
  }

  /** Whether a fault waits to be committed. */
  has(name: string): boolean {
    return this.#pending.has(name) || this.#venue?.has(name) === true
  }

  /** Whether a fault is to be committed now. It is then done with. */
  take(name: string): boolean {
    const count = this.#pending.get(name)
    if (count === undefined) return this.#venue?.take(name) ?? false
    if (count === 1) this.#pending.delete(name)
    else this.#pending.set(name, count - 1)
    return true
  }

  /** The first of these that is to be committed now; null where none is. */
  takeFirst<N extends string>(names: readonly N[]): N | null {
    return names.find((name) => this.take(name)) ?? null
  }

  /** When a fault that lasts is over; 0 where it never began. */
  until(name: string): Micros {
    return Math.max(this.#until.get(name) ?? 0, this.#venue?.until(name) ?? 0)
  }

  /** Whether a fault that lasts does so at this moment. */
  active(name: string, at: Micros): boolean {
    return at < this.until(name)
  }
}
