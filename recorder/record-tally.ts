import type { GapReason, MarketEvent, MarketEventType, Micros } from '../schemas/events.js'
import type { FeedStream } from '../src/feed/asked-streams.js'
import { isDatum } from './datum.js'
import { beginsStream } from './stream-beginning.js'

/** What a recording brought. */
export interface RecordSummary {
  /** Data of all streams that were asked for, as `verify` counts them: no gaps, no checksums, nothing that connections say. */
  readonly events: number
  /** Everything that came, by type; a type that never came is absent. */
  readonly types: Readonly<Partial<Record<MarketEventType, number>>>
  /** Gaps that were opened, by the feed or by the recorder itself, by reason; a reason that never occurred is absent. */
  readonly gaps: Readonly<Partial<Record<GapReason, number>>>
  /** Frames that did not fit the venue's schema. */
  readonly malformed: number
  /** Receive time of the first and of the last datum; null where none came. */
  readonly first: Micros | null
  readonly last: Micros | null
  /** Every stream that was asked for. */
  readonly streams: readonly RecordedStream[]
}

/** A stream that was asked for, and what came of it. */
export interface RecordedStream extends FeedStream {
  /** Data of it that was recorded: no gaps, no checksums. 0 where it never came. */
  readonly events: number
  /** Whether it began, as `verify` judges it: a datum came, and of a book a snapshot. */
  readonly began: boolean
}

type Level<T> = Map<string, T>

interface Counter {
  data: number
  began: boolean
}

/** Counts what is recorded. Bounded by the streams that came. */
export class RecordTally {
  readonly #types = new Map<MarketEventType, number>()
  readonly #gaps = new Map<GapReason, number>()
  #first: Micros | null = null
  #last: Micros | null = null
  /** Data by venue, channel and symbol. */
  readonly #streams: Level<Level<Level<Counter>>> = new Map()

  add(event: MarketEvent): void {
    this.#types.set(event.type, (this.#types.get(event.type) ?? 0) + 1)
    if (event.type === 'gap') {
      if (event.state === 'open') this.#gaps.set(event.reason, (this.#gaps.get(event.reason) ?? 0) + 1)
      return
    }
    if (!('channel' in event) || !isDatum(event)) return
    const counter = this.#stream(event.venue, event.channel, event.symbol)
    counter.data++
    counter.began ||= beginsStream(event.channel, event.type)
    // What a venue lists of an instrument is no datum of a market.
    if (event.type === 'instrument') return
    this.#first ??= event.receiveTime
    this.#last = event.receiveTime
  }

  /** @param recorders gaps that the recorder opened itself */
  summary(streams: readonly FeedStream[], recorders: RecordSummary['gaps']): RecordSummary {
    const gaps = new Map(this.#gaps)
    for (const [reason, count] of Object.entries(recorders) as [GapReason, number][]) {
      gaps.set(reason, (gaps.get(reason) ?? 0) + count)
    }
    const recorded = streams.map((stream) => {
      const counter = this.#streams.get(stream.venue)?.get(stream.channel)?.get(stream.symbol)
      return { ...stream, events: counter?.data ?? 0, began: counter?.began ?? false }
    })
    return {
      events: recorded.reduce((sum, { events }) => sum + events, 0),
      types: Object.fromEntries(this.#types),
      gaps: Object.fromEntries(gaps),
      malformed: this.#types.get('malformed') ?? 0,
      first: this.#first,
      last: this.#last,
      streams: recorded,
    }
  }

  #stream(venue: string, channel: string, symbol: string): Counter {
    let channels = this.#streams.get(venue)
    if (channels === undefined) {
      channels = new Map()
      this.#streams.set(venue, channels)
    }
    let symbols = channels.get(channel)
    if (symbols === undefined) {
      symbols = new Map()
      channels.set(channel, symbols)
    }
    let counter = symbols.get(symbol)
    if (counter === undefined) {
      counter = { data: 0, began: false }
      symbols.set(symbol, counter)
    }
    return counter
  }
}
