import { NETWORK } from './network-defaults.js'

/**
 * Answers pings. Each gets its pong while the network takes them; of a flood that it does not take, only the last is answered (RFC 6455
 * §5.5.3 allows that), so that what waits has a bound and no honest burst ends a connection. `ws` by itself cuts at 60.
 */
export class Pongs {
  readonly #send: (payload: Uint8Array, sent: () => void) => void
  #pending = 0
  #last: Uint8Array | null = null

  /** @param send must call `sent` once the network has taken the pong, or will not any more. */
  constructor(send: (payload: Uint8Array, sent: () => void) => void) {
    this.#send = send
  }

  ping(payload: Uint8Array): void {
    if (this.#pending >= NETWORK.maxPendingPongs) {
      // A copy: the payload is part of all that came with it.
      this.#last = Uint8Array.from(payload)
      return
    }
    this.#pending++
    this.#send(payload, () => {
      this.#pending--
      const last = this.#last
      this.#last = null
      if (last !== null) this.ping(last)
    })
  }
}
