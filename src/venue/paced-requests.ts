import type { Micros } from '../../schemas/events.js'
import type { Alarms } from '../session/alarms.js'

const ALARM = 'paced requests'

/** Requests on the socket of one connection, sent at the pace that the venue takes. */
export class PacedRequests {
  readonly #alarms: Alarms
  readonly #paceMs: number
  readonly #waiting = new Map<string, (at: Micros) => void>()
  #lastSent: Micros | null = null

  /** @param paceMs between two requests */
  constructor(alarms: Alarms, paceMs: number) {
    this.#alarms = alarms
    this.#paceMs = paceMs
  }

  /** Sends as soon as the pace allows. A key that waits already is not queued twice. */
  add(key: string, at: Micros | null, send: (at: Micros) => void): void {
    if (at === null) return
    if (!this.#waiting.has(key)) this.#waiting.set(key, send)
    this.#pump(at)
  }

  drop(key: string): void {
    this.#waiting.delete(key)
  }

  #pump(at: Micros): void {
    const next = this.#waiting.entries().next()
    if (next.done === true) return
    const waitMs = this.#lastSent === null ? 0 : this.#paceMs - this.#alarms.elapsedMs(this.#lastSent, at)
    if (waitMs > 0) {
      if (!this.#alarms.has(ALARM)) this.#alarms.set(ALARM, at, waitMs, (now) => this.#pump(now))
      return
    }
    const [key, send] = next.value
    this.#waiting.delete(key)
    this.#lastSent = at
    send(at)
    this.#pump(at)
  }
}
