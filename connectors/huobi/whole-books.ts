import type * as z from 'zod'
import type { Micros } from '../../schemas/events.js'
import { huobiDepth, type huobiDepthReply, huobiRefresh } from '../../schemas/huobi.js'
import { checker } from '../../src/decode/index.js'
import type { Stream, Streams } from '../../src/session/index.js'
import { Rising } from '../../src/venue/rising.js'
import { levels, wholeBook } from './levels.js'
import type { Topic } from './topics.js'

const checkDepth = checker(huobiDepth)
const checkRefresh = checker(huobiRefresh)

/**
 * `depth.stepN` and `mbp.refresh.N`: every frame is the whole book, and a snapshot. The exception is `"update":true`, which Tardis
 * put on `depth.step0` until 2020: the difference from the book before, in place of the book.
 */
export class WholeBooks {
  readonly #streams: Streams
  readonly #rising = new Rising()

  constructor(streams: Streams) {
    this.#streams = streams
  }

  /** On spot `version` gives the order; on derivatives it is a clock in seconds and `mrid` gives it. */
  depth(topic: Topic, stream: Stream, value: unknown, text: string, at: Micros | null): void {
    const { tick, ts, update } = checkDepth(value, text)
    if (update === true) this.#difference(stream, tick, tick.ts ?? ts, at)
    else this.#snapshot(topic, stream, tick, tick.ts ?? ts, 'tick', at)
  }

  depthReply(topic: Topic, stream: Stream, reply: z.output<typeof huobiDepthReply>, at: Micros | null): void {
    if (reply.data) this.#snapshot(topic, stream, reply.data, reply.data.ts ?? reply.ts, 'data', at)
  }

  refresh(topic: Topic, stream: Stream, value: unknown, text: string, at: Micros | null): void {
    const { tick, ts } = checkRefresh(value, text)
    if (!this.#rising.takes(stream, tick.seqNum, ts * 1000)) return
    const fields = { depth: topic.depth, exchangeTime: ts * 1000, sequence: tick.seqNum }
    this.#streams.snapshot(stream, { ...wholeBook(tick, ['tick']), ...fields }, at)
  }

  forget(stream: Stream): void {
    this.#rising.forget(stream)
  }

  #difference(
    stream: Stream,
    tick: z.output<typeof huobiDepth>['tick'],
    time: number,
    at: Micros | null,
  ): void {
    const sequence = sequenceOf(stream, tick)
    if (!this.#rising.takes(stream, sequence, time * 1000)) return
    const bids = levels(tick.bids, ['tick', 'bids'])
    const asks = levels(tick.asks, ['tick', 'asks'])
    if (bids.length + asks.length === 0) return
    this.#streams.update(stream, { bids, asks, exchangeTime: time * 1000, sequence }, at)
  }

  #snapshot(
    topic: Topic,
    stream: Stream,
    tick: z.output<typeof huobiDepth>['tick'],
    time: number,
    path: string,
    at: Micros | null,
  ): void {
    const sequence = sequenceOf(stream, tick)
    if (!this.#rising.takes(stream, sequence, time * 1000)) return
    const fields = { depth: topic.depth, exchangeTime: time * 1000, sequence }
    this.#streams.snapshot(stream, { ...wholeBook(tick, [path]), ...fields }, at)
  }
}

function sequenceOf({ instrument }: Stream, tick: z.output<typeof huobiDepth>['tick']): string | null {
  return (instrument.market === 'spot' ? tick.version : tick.mrid) ?? null
}
