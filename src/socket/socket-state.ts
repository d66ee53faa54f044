import { TapewireError } from '../errors.js'

/**
 * `idle`: made and not started. `connecting`: an attempt is under way. `open`. `waiting`: for the backoff, a hold or the
 * budget, before the next attempt. `closing`: `close()` was called and the last socket has not gone yet. `closed`: for good.
 */
export type SocketState = 'idle' | 'connecting' | 'open' | 'waiting' | 'closing' | 'closed'

const NEXT: Readonly<Record<SocketState, readonly SocketState[]>> = {
  idle: ['waiting', 'connecting', 'closed'],
  connecting: ['open', 'waiting', 'closing', 'closed'],
  open: ['waiting', 'closing', 'closed'],
  waiting: ['connecting', 'closing', 'closed'],
  closing: ['closed'],
  closed: [],
}

/** The state of a resilient socket, which moves only along the arrows above. */
export class SocketStateMachine {
  readonly #strict: boolean
  #state: SocketState = 'idle'
  #illegal = 0

  /** @param strict throws at an illegal step, in place of counting it. */
  constructor(strict: boolean) {
    this.#strict = strict
  }

  get state(): SocketState {
    return this.#state
  }

  /** Illegal steps so far: anything but 0 is a defect of tapewire. */
  get illegal(): number {
    return this.#illegal
  }

  /** @throws {TapewireError} `illegal_state`, when strict. */
  go(next: SocketState): void {
    if (!NEXT[this.#state].includes(next)) {
      this.#illegal++
      if (this.#strict) {
        throw new TapewireError('illegal_state', `a socket cannot go from ${this.#state} to ${next}`)
      }
    }
    this.#state = next
  }
}
