/**
 * Calls a state machine, and does what it said when its method has returned, in order: it is never called from within its own call,
 * whatever a listener does.
 */
export class DeferredCalls {
  #said: (() => void)[] = []
  #busy = false

  /** Said by the machine: done later. */
  later(act: () => void): void {
    this.#said.push(act)
  }

  /** Calls the machine. Within what is done for an earlier call, what it says waits for its turn. */
  run<T>(call: () => T): T {
    const result = call()
    if (this.#busy) return result
    this.#busy = true
    try {
      for (let said = this.#said; said.length > 0; said = this.#said) {
        this.#said = []
        for (const act of said) act()
      }
    } finally {
      this.#busy = false
    }
    return result
  }
}
