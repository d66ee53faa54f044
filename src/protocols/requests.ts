import type { Micros } from '../../schemas/events.js'
import { UsageError } from '../errors.js'
import type { Deadlines } from './deadlines.js'

/** Requests of one connection that may wait for their answer at once, where an option does not say otherwise. */
const MAX_REQUESTS = 10_000

/** The requests of one connection that wait for an answer, each with what it is about. Ids are compared as text. */
export class Requests<Subject> {
  readonly #open = new Map<string, Subject>()
  readonly #deadlines: Deadlines
  readonly #most: number

  constructor(deadlines: Deadlines, most = MAX_REQUESTS) {
    this.#deadlines = deadlines
    this.#most = most
  }

  get size(): number {
    return this.#open.size
  }

  get full(): boolean {
    return this.#open.size >= this.#most
  }

  /** @throws {UsageError} `too_many_requests`; to be asked before anything is sent. */
  checkRoom(more = 1): void {
    if (this.#open.size + more <= this.#most) return
    throw new UsageError(
      'too_many_requests',
      `${this.#open.size} requests wait for their answer, and more than ${this.#most} may not; wait for some of them`,
      { retryable: true },
    )
  }

  /** @param late called, once the request is forgotten, where nothing came within the time. */
  add(id: string, subject: Subject, at: Micros, withinMs: number, late: (subject: Subject) => void): void {
    this.#open.set(id, subject)
    if (withinMs === Number.POSITIVE_INFINITY) return
    this.#deadlines.set(`request ${id}`, at, withinMs, () => {
      if (this.#open.delete(id)) late(subject)
    })
  }

  get(id: string): Subject | undefined {
    return this.#open.get(id)
  }

  /** The subject of a request, which waits no longer. */
  take(id: string): Subject | undefined {
    const subject = this.#open.get(id)
    if (this.#open.delete(id)) this.#deadlines.clear(`request ${id}`)
    return subject
  }

  /** All that wait, oldest first; none waits after it. */
  takeAll(): readonly Subject[] {
    const subjects = [...this.#open.values()]
    for (const id of this.#open.keys()) this.#deadlines.clear(`request ${id}`)
    this.#open.clear()
    return subjects
  }
}
