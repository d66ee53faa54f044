/** `asked`: acked or to be, its first message is on its way. `live`: served. `mute`: acked, and by a fault nothing more. */
export type SubscriptionState = 'asked' | 'live' | 'mute'

/** What one client is subscribed to, by the topic as the venue names it. */
export class Subscriptions {
  readonly #topics = new Map<string, SubscriptionState>()

  get size(): number {
    return this.#topics.size
  }

  /** Whether the client may not subscribe it again. */
  has(topic: string): boolean {
    return this.#topics.has(topic)
  }

  set(topic: string, state: SubscriptionState): void {
    this.#topics.set(topic, state)
  }

  /** @returns false where it was none. */
  delete(topic: string): boolean {
    return this.#topics.delete(topic)
  }

  clear(): void {
    this.#topics.clear()
  }

  /** Whether what happens is sent. */
  live(topic: string): boolean {
    return this.#topics.get(topic) === 'live'
  }

  [Symbol.iterator](): IterableIterator<[string, SubscriptionState]> {
    return this.#topics.entries()
  }
}
