import { predictedRate } from '../../connectors/bitfinex/exact.js'
import type { Micros } from '../../schemas/events.js'
import { decimal } from '../../src/simulator/market.js'
import type { SeededRandom } from '../../src/simulator/random.js'
import { wireNumber } from './book-rows.js'
import type { BitfinexInstrument } from './instrument.js'

/** A new row each three seconds, as the venue samples the premium. */
const SAMPLE_MS = 3_000
/** Settlements are at 00, 08 and 16 UTC. */
const PERIOD_MS = 8 * 3_600_000

const DEAD_BAND = '0.0005'
const CAP = '0.0025'

/** What is published of a perpetual besides its trades: mark, open interest and funding. */
export class DerivativeStatus {
  readonly #instrument: BitfinexInstrument
  readonly #spot: BitfinexInstrument
  readonly #random: SeededRandom
  readonly #cap: string | null
  #sampled = 0
  #settlement = 0
  #samples = 0
  #row = ''
  /** In units of 1e-8. */
  #premium: bigint
  #interest: bigint
  #insurance: bigint
  #rate = '0'

  constructor(instrument: BitfinexInstrument, spot: BitfinexInstrument, random: SeededRandom) {
    this.#instrument = instrument
    this.#spot = spot
    this.#random = random
    this.#cap = instrument.listing.capped === false ? null : CAP
    this.#premium = BigInt(random.integer(-200_000, 200_000))
    this.#interest = BigInt(random.integer(500_000_000, 2_000_000_000)) * 500n
    this.#insurance = BigInt(random.integer(500_000_000, 2_000_000_000)) * 3_000_000n
  }

  /** The row as it stands. The same until the next sample. */
  row(now: Micros): string {
    const ms = Math.floor(now / 1000 / SAMPLE_MS) * SAMPLE_MS
    if (ms !== this.#sampled) this.#sample(ms)
    return this.#row
  }

  #sample(ms: number): void {
    this.#sampled = ms
    const settlement = (Math.floor(ms / PERIOD_MS) + 1) * PERIOD_MS
    if (settlement !== this.#settlement) {
      this.#rate = predictedRate(decimal(this.#premium, 8), DEAD_BAND, this.#cap)
      this.#settlement = settlement
      this.#samples = Math.floor((PERIOD_MS - (settlement - ms)) / SAMPLE_MS)
    }
    this.#samples++
    this.#premium += BigInt(this.#random.integer(-2_000, 2_000))
    this.#interest += BigInt(this.#random.integer(-50_000_000, 50_000_000))
    this.#insurance += BigInt(this.#random.integer(0, 1_000_000))
    const spot = this.#spot.middle().toFixed()
    const row: (string | number | null)[] = [
      ms,
      null,
      this.#instrument.middle().toFixed(),
      spot,
      null,
      decimal(this.#insurance, 8),
      null,
      settlement,
      decimal(this.#premium, 8),
      this.#samples,
      null,
      this.#rate,
      null,
      null,
      spot,
      null,
      null,
      decimal(this.#interest, 8),
      null,
      null,
      null,
      DEAD_BAND,
      this.#cap,
    ]
    const printed = row.map((value) => (typeof value === 'string' ? wireNumber(value) : String(value)))
    this.#row = `[${printed.join(',')}]`
  }
}
