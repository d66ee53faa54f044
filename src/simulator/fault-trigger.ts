import type { Micros } from '../../schemas/events.js'
import type { When } from './fault-plan.js'
import type { SeededRandom } from './random.js'

/** Whom a fault may strike: one connection, or an attempt at one, or a request. */
export interface FaultTarget {
  readonly path: string
  /** Counts from 0 in the order of opening; null before there is a connection. */
  readonly connection: number | null
  readonly openedAt: Micros | null
}

const NOBODY: readonly never[] = []

/** Decides when one fault of a plan strikes. */
export class FaultTrigger {
  readonly #when: When
  readonly #random: SeededRandom
  readonly #path: RegExp | null
  readonly #match: RegExp | null
  readonly #times: number
  #strikes = 0
  /** The next moment of a fault with a pace. */
  #due: number
  /** On each connection: occasions seen, and whether an `afterMs` struck. Goes with the connection. */
  readonly #seen = new WeakMap<FaultTarget, { occasions: number; struck: boolean }>()
  #attempts = 0

  constructor(when: When, random: SeededRandom) {
    this.#when = when
    this.#random = random
    this.#path = when.path === undefined ? null : new RegExp(when.path)
    this.#match = when.match === undefined ? null : new RegExp(when.match)
    this.#times = when.times ?? (when.atMs === undefined ? Number.POSITIVE_INFINITY : 1)
    this.#due = when.fromMs ?? when.everyMs ?? 0
  }

  /** Whether it strikes on this one occasion. `elapsed`: milliseconds since the simulation began. */
  onOccasion(target: FaultTarget, elapsed: number, at: Micros, text?: string): boolean {
    if (!this.#fits(target) || !this.#open(elapsed)) return false
    if (this.#match !== null && (text === undefined || !this.#match.test(text))) return false
    return this.#strike(this.#occasion(target, elapsed, at))
  }

  #occasion(target: FaultTarget, elapsed: number, at: Micros): boolean {
    const { atMs, afterMs, everyMs, chance, nth } = this.#when
    if (atMs !== undefined) return elapsed >= atMs
    if (afterMs !== undefined) return this.#ofAge(target, afterMs, at)
    if (everyMs !== undefined) return this.#paced(elapsed, everyMs)
    if (chance !== undefined) return this.#random.chance(chance)
    if (nth !== undefined) return this.#count(target) === nth
    return true
  }

  /**
   * Whom it strikes at this moment, of all that could be struck. `sinceMs` is the time since it was asked last, over which
   * a chance builds up.
   */
  onMoment<T extends FaultTarget>(
    targets: Iterable<T>,
    elapsed: number,
    sinceMs: number,
    at: Micros,
  ): readonly T[] {
    if (!this.#open(elapsed)) return NOBODY
    const { atMs, afterMs, everyMs, chance = 0 } = this.#when
    if (atMs !== undefined && elapsed < atMs) return NOBODY
    if (everyMs !== undefined && !this.#paced(elapsed, everyMs)) return NOBODY
    // It is asked at every step of the simulation and nearly always strikes nobody: an array is made only for those it does.
    let struck: T[] | null = null
    const together = atMs !== undefined || everyMs !== undefined
    for (const target of targets) {
      if (!this.#fits(target)) continue
      const strikes =
        together ||
        this.#strike(
          afterMs !== undefined
            ? this.#ofAge(target, afterMs, at)
            : this.#random.chance(1 - (1 - chance) ** (sinceMs / 1000)),
        )
      if (!strikes) continue
      if (struck === null) struck = [target]
      else struck.push(target)
    }
    if (struck === null || (together && !this.#strike(true))) return NOBODY
    return struck
  }

  #open(elapsed: number): boolean {
    const { fromMs = 0, untilMs } = this.#when
    return this.#strikes < this.#times && elapsed >= fromMs && (untilMs === undefined || elapsed < untilMs)
  }

  #strike(strikes: boolean): boolean {
    if (!strikes || this.#strikes >= this.#times) return false
    this.#strikes++
    return true
  }

  #fits(target: FaultTarget): boolean {
    const { connection } = this.#when
    if (connection !== undefined) {
      const wanted = typeof connection === 'number' ? [connection] : connection
      if (target.connection === null || !wanted.includes(target.connection)) return false
    }
    return this.#path === null || this.#path.test(target.path)
  }

  #paced(elapsed: number, everyMs: number): boolean {
    if (elapsed < this.#due) return false
    this.#due += (Math.floor((elapsed - this.#due) / everyMs) + 1) * everyMs
    return true
  }

  #ofAge(target: FaultTarget, afterMs: number, at: Micros): boolean {
    const memory = this.#memory(target)
    if (memory.struck || target.openedAt === null || at - target.openedAt < afterMs * 1000) return false
    memory.struck = true
    return true
  }

  #count(target: FaultTarget): number {
    return target.connection === null ? ++this.#attempts : ++this.#memory(target).occasions
  }

  #memory(target: FaultTarget): { occasions: number; struck: boolean } {
    const held = this.#seen.get(target)
    if (held !== undefined) return held
    const fresh = { occasions: 0, struck: false }
    this.#seen.set(target, fresh)
    return fresh
  }
}
