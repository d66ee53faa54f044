import type { Micros, StreamEvent } from '../schemas/events.js'
import type { FindingCode } from './findings.js'

/** What the numbers of a stream show to be missing, and between which moments of emission. */
export interface MissingNumbers {
  readonly code: Extract<FindingCode, 'number_missing' | 'number_back'>
  readonly what: string
  readonly from: Micros | null
  readonly to: Micros | null
}

/**
 * Follows the numbers of one stream in one run. A feed emits 1, 2, 3 …, so a number that is left out is an event that was emitted
 * and is not on the tape, and one that goes back belongs to another feed. Gaps of the recorder or of a reader have no number and
 * disclose what is missing beside them.
 */
export class EventNumbers {
  readonly #mayLeaveOut: boolean
  #last: { readonly n: number; readonly at: Micros | null; readonly gap: boolean } | null = null
  /** A gap without a number came since the last number. */
  #disclosed = false
  /** The recorder leaves out the end of a feed's gap of which it has no beginning. */
  #endMayBeLost = false

  /** @param mayLeaveOut whether the recorder leaves out events of the stream that an earlier run has */
  constructor(mayLeaveOut: boolean) {
    this.#mayLeaveOut = mayLeaveOut
  }

  /**
   * @param at when it was emitted
   * @param inGap whether a gap is open on the stream before the event or after it
   * @returns null where nothing is missing, or a gap says so
   */
  pass({ n, type, channel }: StreamEvent, at: Micros | null, inGap: boolean): MissingNumbers | null {
    // The events of a subscription to all markets are one stream, and several on a tape.
    if (channel.endsWith(':all')) return null
    if (n === null) {
      this.#disclosed = true
      this.#endMayBeLost = true
      return null
    }
    const last = this.#last
    const gap = type === 'gap'
    const disclosed = this.#disclosed || inGap || gap || last?.gap === true
    this.#last = { n, at, gap }
    this.#disclosed = false
    if (last === null || disclosed || n === last.n || n === last.n + 1) return null
    const between = { from: last.at, to: at }
    if (n < last.n) {
      const what = `number ${n} of the stream comes after ${last.n}: it is of another feed, and no gap says what is missing between`
      return { code: 'number_back', what, ...between }
    }
    if (this.#mayLeaveOut) return null
    if (this.#endMayBeLost && n === last.n + 2) {
      this.#endMayBeLost = false
      return null
    }
    const which =
      n === last.n + 2
        ? `number ${n - 1} of the stream is`
        : `numbers ${last.n + 1} to ${n - 1} of the stream are`
    return { code: 'number_missing', what: `${which} missing, and no gap says so`, ...between }
  }
}
