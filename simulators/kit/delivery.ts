import type { PendingFaults } from './pending-faults.js'

/** The faults that lose a message, send it twice, or let the next of its stream overtake it. */
interface Names {
  readonly lost: string
  readonly repeated: string
  readonly overtaken: string
}

const TRADES: Names = { lost: 'trade-lost', repeated: 'trade-duplicate', overtaken: 'trade-order' }
const NUMBERED: Names = {
  lost: 'sequence-skipped',
  repeated: 'sequence-repeated',
  overtaken: 'sequence-backwards',
}

/** Which messages are sent, how often and in which order: each once and in turn, but for faults. */
export class Delivery<T> {
  readonly #faults: PendingFaults
  readonly #names: Names
  /** Messages that the next of their stream overtakes. */
  readonly #held = new Map<string, T>()

  private constructor(faults: PendingFaults, names: Names) {
    this.#faults = faults
    this.#names = names
  }

  static ofTrades<T>(faults: PendingFaults): Delivery<T> {
    return new Delivery<T>(faults, TRADES)
  }

  static ofNumbered<T>(faults: PendingFaults): Delivery<T> {
    return new Delivery<T>(faults, NUMBERED)
  }

  /** What is sent in place of a message of a stream. */
  pass(stream: string, message: T): T[] {
    const { lost, repeated, overtaken } = this.#names
    if (this.#faults.take(lost)) return []
    const held = this.#held.get(stream)
    if (held === undefined && this.#faults.take(overtaken)) {
      this.#held.set(stream, message)
      return []
    }
    const sent = this.#faults.take(repeated) ? [message, message] : [message]
    if (held === undefined) return sent
    this.#held.delete(stream)
    return [...sent, held]
  }
}
