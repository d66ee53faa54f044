import type { Micros } from '../../schemas/events.js'
import type { Fault } from '../../src/simulator/index.js'

/** What a frame needs at most from the market to the feed when nothing holds it up: latency, batching, a late step. */
const USUAL: Micros = 1_500_000
/** What was held up goes through a line of finite width afterwards. */
const AFTERWARDS: Micros = 1_000_000

/** A narrow line is empty after this, or when its connection is over. */
const LONGEST_DRIP_MS = 120_000

interface Span {
  readonly from: Micros
  to: Micros
}

/** A line that was narrow, and the connections of the venue that may still have something on theirs. */
interface Drip extends Span {
  readonly on: Set<string>
}

/** When the way from the venue was held up without anything being lost, so that the feed could know no better. */
export class Delays {
  readonly #spans: Span[] = []
  /** Those of narrow lines that may not be empty yet. */
  #drips: Drip[] = []
  /** The connections to the venue so far. */
  readonly #connections = new Set<string>()

  add(from: Micros, lengthMs: number): void {
    this.#spans.push({ from, to: from + lengthMs * 1000 + AFTERWARDS })
  }

  /** Notes what a strike holds up. */
  struck(fault: Fault, at: Micros): void {
    switch (fault.fault) {
      case 'delay':
        return this.add(at, fault.delayMs)
      case 'stall':
        return this.add(at, fault.durationMs)
      // What a narrow line has taken on goes through it at its pace, also where the connection ends before the line widens.
      case 'slow-drip': {
        const to = at + ((fault.durationMs ?? 0) + LONGEST_DRIP_MS) * 1000
        const drip = { from: at, to, on: new Set(this.#connections) }
        this.#spans.push(drip)
        this.#drips.push(drip)
        return
      }
      case 'slow-handshake':
      case 'http-slow':
        return this.add(at, fault.delayMs)
      // A frame that waits to be overtaken goes after two seconds.
      case 'reorder':
        return this.add(at, 2_000)
    }
  }

  /**
   * The feed dialled a connection anew at a moment: nothing comes through its old line any more. Who rested reads of it late,
   * when the new line may be narrow already.
   */
  reconnected(connection: string, at: Micros): void {
    this.#connections.add(connection)
    for (const drip of this.#drips) {
      if (drip.from >= at) continue
      drip.on.delete(connection)
      if (drip.on.size === 0) drip.to = Math.min(drip.to, at + AFTERWARDS)
    }
    this.#drips = this.#drips.filter(({ on }) => on.size > 0)
  }

  /** A span that is not over yet. @returns how to end it */
  begin(from: Micros): (to: Micros) => void {
    const span = { from, to: Number.POSITIVE_INFINITY }
    this.#spans.push(span)
    return (to) => {
      span.to = to + AFTERWARDS
    }
  }

  /** Of what was true at a moment, the latest that the feed may learn of it. */
  latest(trueAt: Micros): Micros {
    let latest = trueAt + USUAL
    for (let grown = true; grown; ) {
      grown = false
      for (const { from, to } of this.#spans) {
        if (from > latest || to < trueAt || latest >= to + USUAL) continue
        latest = to + USUAL
        grown = true
      }
    }
    return latest
  }

  /** Of what the feed holds at a moment, the earliest that it may have been true. */
  earliest(heldAt: Micros): Micros {
    let earliest = heldAt - USUAL
    for (let grown = true; grown; ) {
      grown = false
      for (const { from, to } of this.#spans) {
        if (to < earliest || from > heldAt || from - USUAL >= earliest) continue
        earliest = from - USUAL
        grown = true
      }
    }
    return earliest
  }
}
