import type { Micros } from '../../schemas/events.js'
import { SeededRandom } from '../../src/simulator/random.js'
import type { SimulatorOptions } from '../../src/simulator/venue-simulator.js'
import { FaultDesk } from './faults.js'
import { INSTRUMENTS, SimulatedInstrument } from './instruments.js'

/** What all sockets of the simulated venue share. */
export class Scene {
  readonly random: SeededRandom
  readonly instruments: readonly SimulatedInstrument[]
  readonly faults = new FaultDesk()
  /** The venue's clock is an hour off from the one to the other. */
  #clockOff = { from: 0, until: 0 }
  noHeartbeatUntil: Micros = 0
  maintenanceUntil: Micros = 0
  readonly #stepMicros: number
  #stepped: Micros | null = null

  constructor(options: SimulatorOptions) {
    this.random = new SeededRandom(options.seed ?? 1)
    const { extremeAmounts = false } = options
    this.instruments = INSTRUMENTS.map(
      (facts) =>
        new SimulatedInstrument({ ...facts, shape: { ...facts.shape, extremeAmounts } }, this.random.fork()),
    )
    this.#stepMicros = 1_000_000 / (options.stepsPerSecond ?? 20)
  }

  /** The venue's clock, in milliseconds. */
  ms(at: Micros): number {
    const { from, until } = this.#clockOff
    return Math.floor(at / 1000) + (at >= from && at < until ? 3_600_000 : 0)
  }

  /** Puts the clock off for a while from now on. */
  putClockOff(at: Micros, micros: number): void {
    const { from, until } = this.#clockOff
    this.#clockOff = { from: at < until ? from : at, until: at + micros }
  }

  /** Begins with the first client or the first moment, whichever comes first. */
  begin(at: Micros): void {
    if (this.#stepped !== null) return
    this.#stepped = at
    for (const instrument of this.instruments) instrument.begin(at)
  }

  /** Moves the markets on, and tells each step of an instrument that is alive. */
  advance(at: Micros, told: (instrument: SimulatedInstrument, at: Micros) => void): void {
    this.begin(at)
    let stepped = this.#stepped ?? at
    while (stepped + this.#stepMicros <= at) {
      stepped += this.#stepMicros
      const now = Math.round(stepped)
      for (const instrument of this.instruments) {
        if (instrument.status === 'open' && now >= instrument.mutedUntil) told(instrument, now)
      }
    }
    this.#stepped = stepped
  }

  /** By id or alias; contracts in any case. */
  find(id: string): SimulatedInstrument | undefined {
    const upper = id.toUpperCase()
    return this.instruments.find(({ facts }) =>
      facts.family === 'spot' ? facts.id === id : facts.id === upper || facts.alias === upper,
    )
  }

  uuid(): string {
    const hex = Array.from({ length: 32 }, () => this.random.integer(0, 15).toString(16)).join('')
    return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
  }
}
