import type { GapReason, Micros } from '../../schemas/events.js'
import type { TradeFields } from './fields.js'

/**
 * The gap that is open on a stream: one for the user, however many holes there were before it closed. It outlives the
 * connection, and so does what is known of the time after the hole: trades that wait for what was missed before them.
 */
export class StreamGap {
  readonly reason: GapReason
  /** Receive time of the last datum before the gap; null where there was none. */
  from: Micros | null
  /** Something in it cannot be had again, whatever history brings: the reader lost it, or history begins after it. */
  lost: boolean
  /** How many holes of the stream it stands for. */
  holes = 1
  /** Trades from between two holes: told only where history does not bring them. */
  readonly earlier = new Map<string, TradeFields>()
  /** Trades from after the last hole that came as history, oldest first. */
  readonly history = new Map<string, TradeFields>()
  /** Trades from after the last hole, as they came. */
  readonly live = new Map<string, TradeFields>()

  constructor(reason: GapReason, from: Micros | null) {
    this.reason = reason
    this.from = from
    this.lost = reason === 'overflow'
  }

  /** One more hole: what waits now lies between two of them. */
  again(): void {
    this.holes++
    for (const waiting of [this.history, this.live]) {
      for (const [id, trade] of waiting) this.earlier.set(id, trade)
      waiting.clear()
    }
  }

  /** The gap as the user was told of it, without what waits for its end. */
  told(): StreamGap {
    const told = new StreamGap(this.reason, this.from)
    told.lost = this.lost
    return told
  }

  /** Trades that wait. */
  get waiting(): number {
    return this.earlier.size + this.history.size + this.live.size
  }
}
