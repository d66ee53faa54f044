import type { Channel, UnusedCause, UnusedReport } from '../connector.js'

/** Frames of a recording that could not be used, for one cause. */
export interface Unused {
  readonly cause: UnusedCause
  readonly frames: number
  /** Null where the frames do not say. */
  readonly venue: string | null
  readonly symbol: string | null
  readonly channel: Channel | null
}

/** Streams that are counted by themselves; those of a recording with more are counted by cause and venue alone. */
const MOST_STREAMS = 10_000

type Count = { -readonly [Field in keyof Unused]: Unused[Field] }

/** Counts what could not be used. */
export class UnusedFrames {
  readonly #counts = new Map<string, Count>()
  readonly #byCause = new Map<UnusedCause, number>()

  add(venue: string | null, { cause, frames, stream }: UnusedReport): void {
    this.#byCause.set(cause, this.count(cause) + frames)
    this.#countOf(venue, cause, stream).frames += frames
  }

  count(cause: UnusedCause): number {
    return this.#byCause.get(cause) ?? 0
  }

  /** The most first. */
  list(): Unused[] {
    return [...this.#counts.values()].map((count) => ({ ...count })).sort((a, b) => b.frames - a.frames)
  }

  #countOf(venue: string | null, cause: UnusedCause, stream: UnusedReport['stream']): Count {
    const key = JSON.stringify([cause, venue, stream?.channel, stream?.instrument])
    const held = this.#counts.get(key)
    if (held !== undefined) return held
    if (stream !== undefined && this.#counts.size >= MOST_STREAMS) {
      return this.#countOf(venue, cause, undefined)
    }
    const { symbol = null, channel = null } = stream ?? {}
    const count: Count = { cause, frames: 0, venue, symbol, channel }
    this.#counts.set(key, count)
    return count
  }
}
