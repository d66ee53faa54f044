import type { SimulatedExchange } from '../kit/simulated-exchange.js'
import { wireNumber } from './book-rows.js'
import type { BitfinexInstrument } from './instrument.js'

const KEPT = 100

/** Is given liquidations, as JSON of a list of rows. */
export interface LiquidationReader {
  liquidated(rows: string): void
}

/** Positions that are closed by force: published when it is triggered, and again when the market has taken them. */
export class Liquidations {
  readonly readers = new Set<LiquidationReader>()
  readonly #exchange: SimulatedExchange<BitfinexInstrument>
  readonly #rows: string[] = []
  /** The id of the last position: seconds on the clock when the simulation began, and on. */
  #lastPosition = 0

  constructor(exchange: SimulatedExchange<BitfinexInstrument>) {
    this.#exchange = exchange
  }

  begin(): void {
    const { timers, random, now } = this.#exchange
    this.#lastPosition = Math.floor(now / 1_000_000)
    timers.after(random.integer(2_000_000, 8_000_000), () => this.#liquidate())
  }

  /** The last, newest first. */
  recent(): readonly string[] {
    return this.#rows.toReversed()
  }

  #liquidate(): void {
    const { timers, random, instruments } = this.#exchange
    timers.after(random.integer(4_000_000, 20_000_000), () => this.#liquidate())
    const instrument = random.pick(
      [...instruments.values()].filter(({ funding, listing }) => !funding && listing.paper !== true),
    )
    const position = ++this.#lastPosition
    const size = wireNumber(String(random.integer(1, 5_000) / 1_000))
    const amount = random.chance(0.5) ? size : `-${size}`
    const price = wireNumber(instrument.middle().toFixed())
    this.#publish(instrument.id, position, amount, price, false)
    timers.after(random.integer(50_000, 400_000), () => {
      this.#publish(instrument.id, position, amount, price, true)
    })
  }

  #publish(symbol: string, position: number, amount: string, price: string, taken: boolean): void {
    const time = Math.floor(this.#exchange.now / 1000)
    const [match, acquired] = taken ? [1, price] : [0, null]
    const row = `["pos",${position},${time},null,"${symbol}",${amount},${price},null,${match},1,null,${acquired}]`
    this.#rows.push(row)
    if (this.#rows.length > KEPT) this.#rows.shift()
    for (const reader of this.readers) reader.liquidated(`[${row}]`)
  }
}
