import type { Micros } from '../../schemas/events.js'
import { Agenda } from '../../src/simulator/agenda.js'
import { SeededRandom } from '../../src/simulator/random.js'
import { wireNumber } from './book-rows.js'
import { DerivativeStatus } from './derivative-status.js'
import { SimulatedInstrument } from './instrument.js'
import { LISTINGS } from './listing.js'

/** Hears of liquidations, as JSON of a list of rows. */
export interface LiquidationReader {
  liquidated(rows: string): void
}

/** The trading floor of the simulated venue: its instruments, and what happens to them in time. */
export class SimulatedFloor {
  readonly instruments: ReadonlyMap<string, SimulatedInstrument>
  readonly statuses: ReadonlyMap<string, DerivativeStatus>
  readonly liquidationReaders = new Set<LiquidationReader>()
  readonly random: SeededRandom
  readonly #agenda = new Agenda()
  #now: Micros = 0
  readonly #stepMicros: number
  /** The only instrument that moves, and until when. */
  #alone: { readonly id: string; readonly until: Micros } | null = null
  #begun = false
  /** The id of the last position that was closed by force: seconds on the clock when the simulation began, and on. */
  #lastPosition = 0
  readonly #liquidations: string[] = []

  constructor(seed: number, stepsPerSecond: number, extremeAmounts: boolean) {
    this.random = new SeededRandom(seed)
    this.#stepMicros = Math.round(1_000_000 / stepsPerSecond)
    this.instruments = new Map(
      LISTINGS.map((listing, number) => [
        listing.id,
        new SimulatedInstrument(
          { ...listing, shape: { ...listing.shape, extremeAmounts } },
          number,
          this.random.fork(),
        ),
      ]),
    )
    const statuses = new Map<string, DerivativeStatus>()
    for (const instrument of this.instruments.values()) {
      const spot = this.instruments.get(instrument.listing.spot ?? '')
      if (spot === undefined) continue
      statuses.set(instrument.id, new DerivativeStatus(instrument, spot, this.random.fork()))
    }
    this.statuses = statuses
  }

  /** Lets time pass. The first call says when the simulation begins. */
  advance(at: Micros): void {
    if (!this.#begun) this.#begin(at)
    this.#agenda.runUntil(at)
    this.#now = Math.max(this.#now, at)
  }

  /** The moment that the simulation has reached. */
  get now(): Micros {
    return this.#now
  }

  /** Runs once, so long after now. */
  later(delayMicros: number, run: () => void): void {
    this.#agenda.add(this.#now + delayMicros, (at) => {
      this.#now = at
      run()
    })
  }

  /** The last liquidations, newest first. */
  liquidations(): readonly string[] {
    return this.#liquidations.toReversed()
  }

  /** For a while, one instrument moves and the others stand still. */
  silenceAllBut(id: string, until: Micros): void {
    this.#alone = { id, until }
  }

  #begin(at: Micros): void {
    this.#begun = true
    this.#now = at
    this.#lastPosition = Math.floor(at / 1_000_000)
    for (const instrument of this.instruments.values()) instrument.begin(at)
    this.#every(this.#stepMicros, () => this.#step())
    this.#every(2_000_000, () => {
      for (const instrument of this.instruments.values()) instrument.refreshSlow()
    })
    this.later(this.random.integer(2_000_000, 8_000_000), () => this.#liquidate())
  }

  #step(): void {
    if (this.#alone !== null && this.#now >= this.#alone.until) this.#alone = null
    for (const instrument of this.instruments.values()) {
      if (this.#alone === null || this.#alone.id === instrument.id) instrument.step(this.#now)
    }
  }

  /** A position is closed by force: told when it is triggered, and again when the market has taken it. */
  #liquidate(): void {
    this.later(this.random.integer(4_000_000, 20_000_000), () => this.#liquidate())
    const instrument = this.random.pick(
      [...this.instruments.values()].filter(({ funding, listing }) => !funding && listing.paper !== true),
    )
    const position = ++this.#lastPosition
    const size = wireNumber(String(this.random.integer(1, 5_000) / 1_000))
    const amount = this.random.chance(0.5) ? size : `-${size}`
    const price = instrument.middle().toFixed()
    this.#tell(instrument.id, position, amount, price, 0)
    this.later(this.random.integer(50_000, 400_000), () => {
      this.#tell(instrument.id, position, amount, price, 1)
    })
  }

  #tell(symbol: string, position: number, amount: string, price: string, match: 0 | 1): void {
    const acquired = match === 1 ? wireNumber(price) : 'null'
    const row = `["pos",${position},${Math.floor(this.#now / 1000)},null,"${symbol}",${amount},${wireNumber(price)},null,${match},1,null,${acquired}]`
    this.#liquidations.push(row)
    if (this.#liquidations.length > 100) this.#liquidations.shift()
    for (const reader of this.liquidationReaders) reader.liquidated(`[${row}]`)
  }

  #every(stepMicros: number, run: () => void): void {
    this.later(stepMicros, () => {
      this.#every(stepMicros, run)
      run()
    })
  }
}
