/**
 * The requests of one connection that wait for an answer, by the id that the venue echoes. What a venue leaves unanswered is forgotten,
 * oldest first.
 */
export class OpenRequests<Request> {
  readonly #open = new Map<string, Request>()
  readonly #most: number
  #count = 0

  /** @param most far more than any connection has open. @default 2_000 */
  constructor(most = 2_000) {
    this.#most = most
  }

  /** The number of the next request, for its id. */
  next(): number {
    return ++this.#count
  }

  /** A request that was sent, or one of a recorded client. */
  keep(id: string, request: Request): void {
    this.#open.set(id, request)
    if (this.#open.size <= this.#most) return
    for (const oldest of this.#open.keys()) {
      this.#open.delete(oldest)
      break
    }
  }

  /** The request that an answer is for, which is then no longer open. */
  take(id: string | null | undefined): Request | null {
    if (id === null || id === undefined) return null
    const request = this.#open.get(id) ?? null
    this.#open.delete(id)
    return request
  }
}
