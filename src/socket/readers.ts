import { MessageQueue, type QueueBounds } from './message-queue.js'

/** Whom readers tell. */
export interface ReaderEvents {
  /** A reader is behind and asks for a pause, or no reader does any more. */
  behind(isBehind: boolean): void
  dropped(): void
}

/**
 * The readers of one socket, each with its own bounded queue.
 *
 * What comes before anybody reads waits for the first reader, and the oldest is dropped beyond the bounds: a socket that nobody
 * reads must not stop reading, for it would not notice its own end.
 */
export class Readers<T> {
  readonly #bounds: QueueBounds
  readonly #events: ReaderEvents
  readonly #queues = new Set<MessageQueue<T>>()
  readonly #full = new Set<object>()
  #backlog: MessageQueue<T> | null
  #ended = false
  #failure: Error | null = null

  constructor(bounds: QueueBounds, events: ReaderEvents) {
    this.#bounds = bounds
    this.#events = events
    this.#backlog = this.#queue('drop-oldest')
  }

  push(item: T, bytes: number): void {
    this.#backlog?.push(item, bytes)
    for (const queue of this.#queues) queue.push(item, bytes)
  }

  /** A listener reads: nothing needs to wait for another reader. */
  listened(): void {
    this.#backlog = null
  }

  /** A new reader. The first gets what came before it. */
  iterate(): AsyncIterator<T, undefined> {
    const queue = this.#backlog ?? this.#queue(this.#bounds.policy)
    queue.policy = this.#bounds.policy
    this.#backlog = null
    this.#queues.add(queue)
    if (this.#ended) queue.end(this.#failure)
    return {
      next: () => queue.next(),
      return: () => {
        queue.end()
        queue.clear()
        this.#queues.delete(queue)
        return Promise.resolve({ value: undefined, done: true })
      },
    }
  }

  /** No more comes: each reader gets what waits for it, then the end or the failure. */
  end(failure: Error | null): void {
    if (this.#ended) return
    this.#ended = true
    this.#failure = failure
    this.#backlog?.end(failure)
    for (const queue of this.#queues) queue.end(failure)
  }

  #queue(policy: QueueBounds['policy']): MessageQueue<T> {
    const queue: MessageQueue<T> = new MessageQueue<T>(
      { ...this.#bounds, policy },
      {
        full: () => this.#behind(queue, true),
        drained: () => this.#behind(queue, false),
        dropped: () => this.#events.dropped(),
      },
    )
    return queue
  }

  #behind(queue: object, isBehind: boolean): void {
    const before = this.#full.size > 0
    if (isBehind) this.#full.add(queue)
    else this.#full.delete(queue)
    const after = this.#full.size > 0
    if (before !== after) this.#events.behind(after)
  }
}
