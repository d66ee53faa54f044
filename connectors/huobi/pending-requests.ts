import type { Stream } from '../../src/session/index.js'

/** A request that waits for its answer. */
export interface Pending {
  readonly action: 'sub' | 'unsub' | 'req'
  readonly topic: string
  /** Those that leave with an unsubscribe. */
  readonly leaving: readonly Stream[]
}

/** Far more than any connection has open: what a hostile venue leaves unanswered is forgotten, oldest first. */
const MAX_PENDING = 5_000

/** The requests of one connection by the id that the venue echoes. */
export class PendingRequests {
  readonly #pending = new Map<string, Pending>()
  #lastId = 0

  /** @returns the id to send. */
  add(action: Pending['action'], topic: string, leaving: readonly Stream[] = []): string {
    const id = String(++this.#lastId)
    this.keep(id, { action, topic, leaving })
    return id
  }

  /** A request that somebody else numbered. */
  keep(id: string, pending: Pending): void {
    this.#pending.set(id, pending)
    if (this.#pending.size <= MAX_PENDING) return
    for (const oldest of this.#pending.keys()) {
      this.#pending.delete(oldest)
      break
    }
  }

  /** The request of an answer, which is over with it. */
  answered(id: string | null): Pending | undefined {
    if (id === null) return undefined
    const pending = this.#pending.get(id)
    this.#pending.delete(id)
    return pending
  }
}
