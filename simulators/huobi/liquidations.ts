import type { Micros } from '../../schemas/events.js'
import type { SimulatedInstrument } from './instruments.js'
import type { Scene } from './scene.js'

/** A liquidation somewhere in each family about this often. */
const EVERY_MICROS = 3_000_000
const FAMILIES = ['futures', 'swap', 'linear'] as const

/** The positions that the venue closes by force. */
export class Liquidations {
  readonly #scene: Scene
  #due: Micros | null = null

  constructor(scene: Scene) {
    this.#scene = scene
  }

  /** @param told with the row of each one, as it stands in a push */
  advance(at: Micros, told: (instrument: SimulatedInstrument, row: string) => void): void {
    this.#due ??= at + EVERY_MICROS
    if (at < this.#due) return
    this.#due += EVERY_MICROS
    for (const family of FAMILIES) {
      const alive = this.#scene.instruments.filter(
        ({ facts, status, mutedUntil }) => facts.family === family && status === 'open' && at >= mutedUntil,
      )
      if (alive.length === 0) continue
      const instrument = this.#scene.random.pick(alive)
      told(instrument, this.#row(instrument, at))
    }
  }

  #row({ facts, market }: SimulatedInstrument, at: Micros): string {
    const { random } = this.#scene
    const direction = random.chance(0.5) ? 'buy' : 'sell'
    const { bid, ask } = market.book.best()
    const price = (direction === 'buy' ? ask : bid)?.[0] ?? '0'
    const volume = random.integer(1, 5_000) * 2
    const kind = `"contract_type":"${facts.delivery === null ? 'swap' : 'quarter'}"`
    return (
      `{"symbol":"${facts.base}","contract_code":"${facts.id}","direction":"${direction}","offset":"close",` +
      `"volume":${volume},"price":${price},"created_at":${this.#scene.ms(at)},${kind}}`
    )
  }
}
