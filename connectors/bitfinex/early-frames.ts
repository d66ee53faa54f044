import type { DataFrame } from './frames.js'

/** The frames of all such channels together: some books' snapshots and a few seconds of a busy market. */
const LIMIT = 2_000
/** And their text together: one frame may be as long as the venue likes. */
const LIMIT_CHARACTERS = 8 * 1024 * 1024

/** What came on a channel before its ack. */
export interface EarlyChannel {
  readonly frames: DataFrame[]
  /** Frames that found no room. */
  lost: number
}

/**
 * Frames of channels whose ack has not come: legal at this venue, whose acks can be seconds late and out of order. Kept in
 * order for the moment of the ack, up to a bound.
 */
export class EarlyFrames {
  readonly #channels = new Map<number, EarlyChannel>()
  #held = 0
  #characters = 0

  /** @returns whether the frame is the first of its channel. */
  add(chanId: number, frame: DataFrame): boolean {
    const channel = this.#channels.get(chanId)
    if (channel === undefined && this.#channels.size >= LIMIT) return false
    const early = channel ?? { frames: [], lost: 0 }
    if (channel === undefined) this.#channels.set(chanId, early)
    const { length } = frame.text
    if (this.#held < LIMIT && this.#characters + length <= LIMIT_CHARACTERS) {
      early.frames.push(frame)
      this.#held++
      this.#characters += length
    } else {
      early.lost++
    }
    return channel === undefined
  }

  /** What came on the channel, which is forgotten. */
  take(chanId: number): EarlyChannel | null {
    const early = this.#channels.get(chanId)
    if (early === undefined) return null
    this.#channels.delete(chanId)
    this.#held -= early.frames.length
    for (const { text } of early.frames) this.#characters -= text.length
    return early
  }

  /** Channels of which something came. */
  ids(): number[] {
    return [...this.#channels.keys()]
  }
}
