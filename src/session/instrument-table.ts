import type { Instrument, InstrumentTable } from '../connector.js'

/** Far more than any venue lists: what is listed beyond it is passed over. */
const MOST_INSTRUMENTS = 200_000

/** The instruments of one venue, found by the venue's own id and by unified symbol. */
export class Instruments implements InstrumentTable {
  readonly #byId = new Map<string, Instrument>()
  readonly #bySymbol = new Map<string, Instrument>()

  /** The first instrument of a symbol keeps it: a venue may list a market under two ids. */
  add(instrument: Instrument): void {
    const known = this.#byId.get(instrument.instrument)
    if (known === undefined && this.#byId.size >= MOST_INSTRUMENTS) return
    this.#byId.set(instrument.instrument, instrument)
    const holder = this.#bySymbol.get(instrument.symbol)
    if (holder === undefined || holder === known) this.#bySymbol.set(instrument.symbol, instrument)
  }

  get(instrument: string): Instrument | undefined {
    return this.#byId.get(instrument)
  }

  find(symbol: string): Instrument | undefined {
    return this.#bySymbol.get(symbol) ?? this.#byId.get(symbol)
  }

  get size(): number {
    return this.#byId.size
  }

  values(): IterableIterator<Instrument> {
    return this.#byId.values()
  }
}
