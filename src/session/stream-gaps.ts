import type { GapReason, Micros, Position } from '../../schemas/events.js'
import type { SessionInit, Sink } from '../connector.js'
import { isLog, type Stream } from './stream.js'
import type { StreamEvents } from './stream-events.js'
import { StreamGap } from './stream-gap.js'

/** What is known of the event that follows the end of a gap. */
export type NextEvent = Pick<Position, 'key' | 'exchangeTime' | 'receiveTime'>

/** The holes of streams: opened, closed, and asked to be filled. A stream has at most one at a time. */
export class StreamGaps {
  readonly #init: SessionInit
  readonly #sink: Sink
  readonly #events: StreamEvents

  constructor(init: SessionInit, sink: Sink, events: StreamEvents) {
    this.#init = init
    this.#sink = sink
    this.#events = events
  }

  /** @param from the last moment at which the stream was good. @default its last datum */
  open(
    stream: Stream,
    reason: GapReason,
    detail: string | null,
    at: Micros | null,
    from: Micros | null = stream.record.lastData,
  ): void {
    const { record } = stream
    if (record.gap !== null) {
      if (reason !== 'overflow') record.gap.again()
      return
    }
    record.distrust()
    record.gap = new StreamGap(reason, from)
    this.#events.gap(
      stream,
      { reason, state: 'open', from, to: null, healed: false, before: null, detail },
      at,
    )
  }

  /** @param next null where nothing follows at once */
  close(stream: Stream, healed: boolean, at: Micros | null, next: NextEvent | null = null): void {
    const { gap } = stream.record
    if (gap === null) return
    stream.record.gap = null
    stream.record.lastData = at
    const { reason, from } = gap
    const whole = healed && !(gap.lost && isLog(stream.kind))
    const before = next === null ? null : { epoch: null, n: 0, ...next }
    const end = { reason, state: 'closed', from, to: at, healed: whole, before, detail: null } as const
    this.#events.gap(stream, end, at)
  }

  /** A gap, and the stream asked for again. */
  resync(
    stream: Stream,
    reason: GapReason,
    detail: string | null,
    at: Micros | null,
    from: Micros | null = stream.record.lastData,
  ): void {
    this.open(stream, reason, detail, at, from)
    this.resubscribe(stream)
  }

  resubscribe(stream: Stream): void {
    if (this.#init.adopt) return
    this.#sink.resubscribe({ instrument: stream.instrument, channel: stream.channel })
  }
}
