import { nextTick } from 'node:process'
import { setImmediate } from 'node:timers'
import type { Micros } from '../../schemas/events.js'
import { Agenda, type Appointment } from './agenda.js'

/** More events than this at one instant are a loop, not a simulation. */
const MOST_AT_ONCE = 1_000_000
/** Once in so many times the process gets to its real sockets and timers, which a simulation would else keep waiting. */
const BREATHES_EVERY = 1_000

/**
 * Time that passes only when it is told to: events happen in order of their time, and in the order in which they were
 * planned where that is equal. After every event that ran the client's code, all promises that can settle have settled
 * before the next event happens, so that code with `await` in it is as deterministic as code without.
 */
export class VirtualTime {
  readonly #agenda = new Agenda()
  #now: Micros
  #ranClient = false
  #running = false
  #settled = 0

  constructor(start: Micros) {
    this.#now = start
  }

  get now(): Micros {
    return this.#now
  }

  /** Things that are still to happen. */
  get pending(): number {
    return this.#agenda.size
  }

  plan(delayMicros: number, run: () => void): Appointment {
    return this.#agenda.add(this.#now + Math.max(0, Math.ceil(delayMicros)), run)
  }

  /** Code of the client runs in this event: what it leaves pending in promises is settled before the next. */
  enterClient(): void {
    this.#ranClient = true
  }

  /**
   * Lets everything happen that is to happen until then, and stands at that moment.
   *
   * @throws what the client's code throws out of a timer or an event; an error where time is already passing.
   */
  async runUntil(at: Micros): Promise<void> {
    if (this.#running) throw new Error('virtual time is already passing: await the call before')
    this.#running = true
    try {
      await this.settle()
      let atOnce = 0
      for (let next = this.#agenda.next; next !== null && next <= at; next = this.#agenda.next) {
        if (next > this.#now) atOnce = 0
        else if (++atOnce > MOST_AT_ONCE) throw new Error(`virtual time stands still at ${this.#now}`)
        this.#now = Math.max(this.#now, next)
        this.#ranClient = false
        this.#agenda.take()?.run(this.#now)
        if (this.#ranClient) await this.settle()
      }
      this.#now = Math.max(this.#now, at)
    } finally {
      this.#running = false
    }
  }

  /** Lets every promise settle that can settle without time passing. */
  settle(): Promise<void> {
    // Both come after all microtasks, however long their chain; neither is a timer, and no real time decides anything. A tick
    // needs no turn of the event loop, of which a simulation would take thousands a second.
    const breathes = this.#settled++ % BREATHES_EVERY === 0
    return new Promise((resolve) => void (breathes ? setImmediate(resolve) : nextTick(resolve)))
  }
}
