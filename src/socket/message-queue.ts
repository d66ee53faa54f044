import { TapewireError } from '../errors.js'

/** How many messages may wait for one reader, and what happens when more come. */
export interface QueueBounds {
  /** Messages. @default 10_000 */
  readonly limit: number
  /** Bytes of the frames that brought them. @default 67_108_864 */
  readonly maxBytes: number
  /**
   * `pause`: the socket stops reading until half is read, so that the network holds the sender back. `drop-oldest`: the oldest are
   * dropped and counted. `error`: the iteration fails with `queue_overflow`. @default 'pause'
   */
  readonly policy: 'pause' | 'drop-oldest' | 'error'
}

/** Whom a queue tells of its state. */
export interface QueueEvents {
  full(): void
  drained(): void
  dropped(): void
}

interface Waiting<T> {
  resolve(result: IteratorResult<T, undefined>): void
  reject(error: Error): void
}

/** The bounded queue between a socket and one reader. */
export class MessageQueue<T> {
  readonly #events: QueueEvents
  #bounds: QueueBounds
  #items: { readonly item: T; readonly bytes: number }[] = []
  #head = 0
  #bytes = 0
  #full = false
  #ended = false
  #failure: Error | null = null
  #waiting: Waiting<T>[] = []

  constructor(bounds: QueueBounds, events: QueueEvents) {
    this.#bounds = bounds
    this.#events = events
  }

  /** From now on this policy holds. */
  set policy(policy: QueueBounds['policy']) {
    this.#bounds = { ...this.#bounds, policy }
    if (this.#isOver) this.#overflow()
  }

  push(item: T, bytes: number): void {
    if (this.#ended) return
    const waiting = this.#waiting.shift()
    if (waiting !== undefined) {
      waiting.resolve({ value: item, done: false })
      return
    }
    this.#items.push({ item, bytes })
    this.#bytes += bytes
    if (this.#isOver) this.#overflow()
  }

  /** The next item; after {@link end}, when all is read, `done` or the failure. */
  next(): Promise<IteratorResult<T, undefined>> {
    const first = this.#items[this.#head]
    if (first !== undefined) {
      this.#forget(first.bytes)
      if (this.#full && this.#isHalfEmpty) {
        this.#full = false
        this.#events.drained()
      }
      return Promise.resolve({ value: first.item, done: false })
    }
    const failure = this.#failure
    if (failure !== null) {
      this.#failure = null
      return Promise.reject(failure)
    }
    if (this.#ended) return Promise.resolve({ value: undefined, done: true })
    return new Promise((resolve, reject) => void this.#waiting.push({ resolve, reject }))
  }

  /** No more items: the reader gets what is left, then `done`, or once the failure. */
  end(failure: Error | null = null): void {
    if (this.#ended) return
    this.#ended = true
    this.#failure = failure
    const [first, ...others] = this.#waiting.splice(0)
    if (first !== undefined && failure !== null) {
      this.#failure = null
      first.reject(failure)
    } else first?.resolve({ value: undefined, done: true })
    for (const { resolve } of others) resolve({ value: undefined, done: true })
  }

  /** Forgets what waits: nobody will read it. */
  clear(): void {
    this.#items = []
    this.#head = 0
    this.#bytes = 0
    if (!this.#full) return
    this.#full = false
    this.#events.drained()
  }

  get #size(): number {
    return this.#items.length - this.#head
  }

  get #isOver(): boolean {
    return this.#size > this.#bounds.limit || (this.#bytes > this.#bounds.maxBytes && this.#size > 1)
  }

  get #isHalfEmpty(): boolean {
    return this.#size <= this.#bounds.limit / 2 && this.#bytes <= this.#bounds.maxBytes / 2
  }

  #overflow(): void {
    const { policy, limit, maxBytes } = this.#bounds
    if (policy === 'pause') {
      if (this.#full) return
      this.#full = true
      this.#events.full()
    } else if (policy === 'drop-oldest') {
      while (this.#isOver) {
        this.#forget(this.#items[this.#head]?.bytes ?? 0)
        this.#events.dropped()
      }
    } else {
      this.clear()
      this.end(
        new TapewireError(
          'queue_overflow',
          `more than ${limit} messages or ${maxBytes} bytes wait unread: read faster, raise queue.limit, or choose queue.policy 'drop-oldest'`,
        ),
      )
    }
  }

  #forget(bytes: number): void {
    this.#head++
    this.#bytes -= bytes
    const { length } = this.#items
    if (this.#head !== length && (this.#head <= 1024 || this.#head * 2 <= length)) return
    this.#items = this.#items.slice(this.#head)
    this.#head = 0
  }
}
