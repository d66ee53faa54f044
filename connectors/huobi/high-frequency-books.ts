import type { Micros } from '../../schemas/events.js'
import { huobiHighFrequency } from '../../schemas/huobi.js'
import { checker } from '../../src/decode/index.js'
import type { Stream, Streams } from '../../src/session/index.js'
import { levels, wholeBook } from './levels.js'
import type { Topic } from './topics.js'

const check = checker(huobiHighFrequency)

/**
 * The incremental books of the derivatives: a snapshot, then updates whose `version` rises by one. The chain belongs to one
 * subscription, so a hole is healed by subscribing again.
 *
 * A stream without a version here is `awaiting`: no snapshot has come since it was asked for. With one it is `chained`.
 */
export class HighFrequencyBooks {
  readonly #streams: Streams
  readonly #versions = new Map<Stream, bigint>()

  constructor(streams: Streams) {
    this.#streams = streams
  }

  push(topic: Topic, stream: Stream, value: unknown, text: string, at: Micros | null): void {
    const { tick } = check(value, text)
    const version = BigInt(tick.version)
    const fields = { exchangeTime: tick.ts * 1000, sequence: tick.version }
    if (tick.event === 'snapshot') {
      const book = wholeBook(tick, ['tick'])
      this.#versions.set(stream, version)
      this.#streams.snapshot(stream, { ...book, ...fields, depth: topic.depth }, at)
      return
    }
    const last = this.#versions.get(stream)
    if (last === undefined) {
      this.#streams.unplaced(stream, at)
      return
    }
    if (version === last) return
    if (version !== last + 1n) {
      this.#versions.delete(stream)
      this.#streams.resync(stream, 'sequence', `expected version ${last + 1n}, got ${version}`, at)
      return
    }
    const bids = levels(tick.bids, ['tick', 'bids'])
    const asks = levels(tick.asks, ['tick', 'asks'])
    this.#versions.set(stream, version)
    // One or two in a hundred change nothing and only carry the version on.
    if (bids.length + asks.length > 0) this.#streams.update(stream, { bids, asks, ...fields }, at)
  }

  /** Asked for (again), or over: the next snapshot begins a chain of its own. */
  forget(stream: Stream): void {
    this.#versions.delete(stream)
  }
}
