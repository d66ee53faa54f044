import type { Micros } from '../../schemas/events.js'
import type { HttpResponse } from '../connector.js'

const KEPT = 256
const KEPT_CHARACTERS = 16 * 1024 * 1024
/** A book fetched over HTTP before the socket was opened joins the deltas only where it is this young. */
const GOOD_FOR_MICROS = 60_000_000

/** The last REST answers of a venue, for the sessions that open after them. */
export class EarlyAnswers {
  readonly #byUrl = new Map<string, { readonly response: HttpResponse; readonly t: Micros | null }>()
  #characters = 0

  keep(response: HttpResponse, t: Micros | null): void {
    this.#drop(response.url)
    this.#byUrl.set(response.url, { response, t })
    this.#characters += response.body.length
    for (const oldest of this.#byUrl.keys()) {
      if (this.#byUrl.size <= KEPT && this.#characters <= KEPT_CHARACTERS) return
      this.#drop(oldest)
    }
  }

  /** Those that a session opened at `t` may still use, in the order in which they came. */
  recent(t: Micros | null): HttpResponse[] {
    const found: HttpResponse[] = []
    for (const [url, answer] of this.#byUrl) {
      if (t !== null && answer.t !== null && t - answer.t > GOOD_FOR_MICROS) this.#drop(url)
      else found.push(answer.response)
    }
    return found
  }

  #drop(url: string): void {
    this.#characters -= this.#byUrl.get(url)?.response.body.length ?? 0
    this.#byUrl.delete(url)
  }
}
