import type { Sink } from '../../src/connector.js'

/** The longest wait of the vendor's own advice on reconnecting. */
const EXHAUSTED_MS = 60_000

/**
 * The greeting says how many connections the venue will still take (`limit.remaining`: 40 an hour in 2021, 300 in 2026).
 * With none left, asking for another connection at once would only be refused, so the session's own reconnects wait.
 */
export class DialAllowance {
  #exhausted = false

  /** @param remaining null where the greeting does not say, as from 30 March 2026 */
  learn(remaining: number | null): void {
    this.#exhausted = remaining !== null && remaining <= 0
  }

  /** The sink with reconnects held to the allowance. */
  over(sink: Sink): Sink {
    return {
      emit: (event) => sink.emit(event),
      send: (frame) => sink.send(frame),
      request: (request) => sink.request(request),
      wake: (at) => sink.wake(at),
      ready: () => sink.ready(),
      resubscribe: (subscription) => sink.resubscribe(subscription),
      reconnect: (reason, options = {}) =>
        sink.reconnect(
          reason,
          this.#exhausted ? { ...options, afterMs: Math.max(options.afterMs ?? 0, EXHAUSTED_MS) } : options,
        ),
    }
  }
}
