import type { Micros } from '../../schemas/events.js'
import type { SeededRandom } from '../../src/simulator/random.js'
import { Digits, type WireRow } from '../kit/exact-json.js'
import { type Publication, publication } from './publication.js'

/** How long a liquidation takes. */
const WORKED_MICROS = 3_000_000

/** The chance of one in a second without. */
const CHANCE = 0.05

/** The `liquidation` table of one instrument: an order is placed, shrinks, and is done. */
export class Liquidations {
  readonly #symbol: string
  readonly #random: SeededRandom
  #order: WireRow | null = null
  #placedAt: Micros = 0
  #shrunk = false

  constructor(symbol: string, random: SeededRandom) {
    this.#symbol = symbol
    this.#random = random
  }

  /** The orders that are being worked. */
  get rows(): readonly WireRow[] {
    return this.#order === null ? [] : [this.#order]
  }

  /** Called once a second. */
  pass(at: Micros, id: string, price: string): Publication[] {
    if (this.#order === null) return this.#random.chance(CHANCE) ? this.#place(at, id, price) : []
    const { orderID, symbol } = this.#order
    if (at - this.#placedAt >= WORKED_MICROS) {
      this.#order = null
      return [publication('liquidation', 'delete', [{ orderID, symbol }])]
    }
    if (this.#shrunk) return []
    this.#shrunk = true
    return [publication('liquidation', 'update', [{ orderID, symbol, leavesQty: 1 }])]
  }

  #place(at: Micros, orderID: string, price: string): Publication[] {
    this.#order = {
      orderID,
      symbol: this.#symbol,
      side: this.#random.pick(['Buy', 'Sell'] as const),
      price: new Digits(price),
      leavesQty: this.#random.integer(2, 500_000),
    }
    this.#placedAt = at
    this.#shrunk = false
    return [publication('liquidation', 'insert', [this.#order])]
  }
}
