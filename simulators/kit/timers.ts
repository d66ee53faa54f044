import type { Micros } from '../../schemas/events.js'
import { Agenda, type Appointment } from '../../src/simulator/agenda.js'

/** What recurs is made up for this long at most: a machine that slept for a night is not behind by a night. */
export const CATCH_UP: Micros = 60_000_000

/** The time of a simulated venue, and what is to happen in it. Everything happens at the very moment that it is due. */
export class Timers {
  readonly #agenda = new Agenda()
  #now: Micros = 0
  /** How far time passes in the call at hand. */
  #until: Micros = 0

  get now(): Micros {
    return this.#now
  }

  /** Runs once, so many microseconds from now. */
  after(micros: number, run: () => void): Appointment {
    return this.#at(this.#now + micros, run)
  }

  /** Runs again and again, for the first time in a period from now. */
  every(micros: number, run: () => void): void {
    const again = (due: Micros) =>
      void this.#at(due, () => {
        again(Math.max(due + micros, this.#until - CATCH_UP))
        run()
      })
    again(this.#now + micros)
  }

  /** Lets everything happen that is due until then. */
  runUntil(at: Micros): void {
    this.#until = Math.max(this.#until, at)
    this.#agenda.runUntil(at)
    this.#now = Math.max(this.#now, at)
  }

  /** Time stands at this moment, and what is due in it has not happened yet. */
  stand(at: Micros): void {
    this.#now = Math.max(this.#now, at)
  }

  #at(due: Micros, run: () => void): Appointment {
    return this.#agenda.add(due, (at) => {
      this.#now = Math.max(this.#now, at)
      run()
    })
  }
}
