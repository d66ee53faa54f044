import * as z from 'zod'
import type { Micros } from '../schemas/events.js'
import { TapeError } from '../src/errors.js'
import type { Cell } from './sqlite.js'

/**
 * A stretch of consecutive events and what a reader must know to pass it over: the times and the streams in it.
 *
 * One row of this costs the recorder nothing, where an index over times and streams was measured to double the cost of
 * every event (docs/decisions/0002-one-event-table.md).
 */
export interface Segment {
  readonly firstEvent: number
  readonly lastEvent: number
  readonly streams: readonly number[]
}

/** A segment is full at this many events … */
const MAX_EVENTS = 4096
/** … or at this many bytes of bodies, because a reader holds one segment in memory. */
const MAX_BYTES = 4 << 20

const streamsSchema = z.array(z.int())

/** @throws {TapeError} `tape_damaged`. */
export function readSegment([firstEvent, lastEvent, streams]: readonly [number, number, string]): Segment {
  try {
    return { firstEvent, lastEvent, streams: streamsSchema.parse(JSON.parse(streams)) }
  } catch (cause) {
    throw new TapeError('tape_damaged', `the segment of the tape at event ${firstEvent} is unreadable`, {
      cause,
      context: { event: firstEvent },
    })
  }
}

interface Range {
  from: Micros | null
  to: Micros | null
}

interface Contents {
  lastEvent: number
  bytes: number
  readonly receive: Range
  readonly exchange: Range
  readonly streams: Set<number>
}

/** The segment that a recorder is filling. */
export class SegmentInProgress {
  readonly firstEvent: number
  readonly #contents: Contents

  constructor(firstEvent: number, contents?: Contents) {
    this.firstEvent = firstEvent
    this.#contents = contents ?? {
      lastEvent: firstEvent - 1,
      bytes: 0,
      receive: { from: null, to: null },
      exchange: { from: null, to: null },
      streams: new Set(),
    }
  }

  /** As it is now: what is added to the copy can be thrown away when its transaction fails. */
  copy(): SegmentInProgress {
    const { receive, exchange, streams } = this.#contents
    return new SegmentInProgress(this.firstEvent, {
      ...this.#contents,
      receive: { ...receive },
      exchange: { ...exchange },
      streams: new Set(streams),
    })
  }

  get lastEvent(): number {
    return this.#contents.lastEvent
  }

  get full(): boolean {
    return this.lastEvent - this.firstEvent + 1 >= MAX_EVENTS || this.#contents.bytes >= MAX_BYTES
  }

  /** @param emitted null where that is the receive time */
  add(
    stream: number,
    exchangeTime: Micros | null,
    receiveTime: Micros | null,
    emitted: Micros | null,
    bytes: number,
  ): void {
    const contents = this.#contents
    contents.lastEvent++
    contents.bytes += bytes
    contents.streams.add(stream)
    if (exchangeTime !== null) widen(contents.exchange, exchangeTime)
    if (receiveTime !== null) widen(contents.receive, receiveTime)
    if (emitted !== null) widen(contents.receive, emitted)
  }

  /** The cells of its row, in the order of the table. */
  cells(): Cell[] {
    const { lastEvent, receive, exchange, streams } = this.#contents
    return [
      this.firstEvent,
      lastEvent,
      receive.from,
      receive.to,
      exchange.from,
      exchange.to,
      JSON.stringify([...streams]),
    ]
  }
}

function widen(range: Range, time: Micros): void {
  if (range.from === null || time < range.from) range.from = time
  if (range.to === null || time > range.to) range.to = time
}
