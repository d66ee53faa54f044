import type { CandleFields } from '../../src/session/index.js'

/** What one candle message led to. */
export interface CandleStep {
  /** Candles to tell, in order. */
  readonly candles: readonly CandleFields[]
  /** Whether a number came that was not the next. */
  readonly broken: boolean
}

/**
 * The numbered messages of one candle stream. Users saw candles of another stream arrive under this one's name with numbers
 * of their own (bittrex.github.io issue 259), so a number out of the run is not believed until the next message shows whose
 * run goes on: ours, and the stranger is dropped; or the stranger's, and the run had a hole.
 */
export class CandleRun {
  #last: number | null = null
  #stranger: { readonly sequence: number; readonly fields: CandleFields } | null = null

  /** The number of the last message that was believed; null before any. */
  get last(): number | null {
    return this.#last
  }

  take(sequence: number, fields: CandleFields): CandleStep {
    const stranger = this.#stranger
    if (sequence === this.#last || sequence === stranger?.sequence) return { candles: [], broken: false }
    if (this.#last === null || sequence === this.#last + 1) return this.#go(sequence, [fields])
    if (stranger !== null && sequence === stranger.sequence + 1) {
      return this.#go(sequence, [stranger.fields, fields])
    }
    this.#stranger = { sequence, fields }
    return { candles: [], broken: true }
  }

  #go(sequence: number, candles: readonly CandleFields[]): CandleStep {
    this.#last = sequence
    this.#stranger = null
    return { candles, broken: false }
  }
}
