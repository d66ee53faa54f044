import type {
  GapEvent,
  MarketEvent,
  Micros,
  Position,
  StreamEvent,
  TradeEvent,
} from '../../schemas/events.js'
import type { Channel } from '../connector.js'
import { logEventId } from '../session/log-event-id.js'
import { isLog, natureOf, splitChannel } from '../session/stream.js'
import type { EmittedStream } from '../stream/emitted-stream.js'

/** A trade that the reader got as it happened, by both clocks. */
interface ReadTrade {
  readonly receiveTime: Micros
  readonly exchangeTime: Micros
}

/** What names a stream. */
export interface StreamName {
  readonly venue: string
  readonly channel: string
  /** The venue's own id. */
  readonly instrument: string
}

/** What one reader knows of one stream: its gap, which may be its own, and what it missed. */
export class ReaderStream {
  readonly stream: EmittedStream
  readonly name: StreamName
  readonly #isBook: boolean
  /** What is missed of it comes back with nothing: trades and the like, and candles, each of which is closed once. */
  readonly #isLog: boolean
  /** The gap as it was told to this reader, while it is open. */
  #gap: GapEvent | null = null
  /** Since when something is missing in it. */
  #from: Micros | null = null
  /** When the latest of what was missed in it came. What waited for the end of a gap bears an earlier time than its history. */
  #missedUntil: Micros | null = null
  /** Events were missed in the gap: whatever heals it for others heals it not. */
  #lost = false
  /** An image contains the events up to this number. */
  #imageTo = 0
  /** Changes of a book mean nothing before its next image or snapshot. */
  #needsBook = false
  #last: Position | null = null
  /** The last trade that was read as it happened: by it history is put in time. */
  #trade: ReadTrade | null = null
  /** The last gap that was healed, read or missed. */
  #healed: GapEvent | null = null

  constructor(stream: EmittedStream, { venue, channel, instrument }: StreamName) {
    const { kind } = splitChannel(channel as Channel)
    this.stream = stream
    this.name = { venue, channel, instrument }
    this.#isBook = natureOf({ channel }) === 'book'
    this.#isLog = isLog(kind) || kind === 'candle'
  }

  /** Whether it goes on with an image of the stream, as soon as there can be one. */
  get wantsImage(): boolean {
    return this.#needsBook || (this.#lost && !this.#isLog)
  }

  /** The reader begins amid the stream. */
  join(into: MarketEvent[]): void {
    this.#needsBook = this.#isBook
    const { openGap, newest } = this.stream
    if (openGap !== null) {
      this.#begin(openGap, openGap.from)
      into.push(openGap)
    } else if (newest !== null) this.image(newest, into)
  }

  /**
   * Takes the next event of the stream.
   *
   * @param into gets what comes before it, such as the end of the reader's own gap
   * @returns the event as this reader gets it; null where it gets none
   */
  take(event: StreamEvent, into: MarketEvent[]): MarketEvent | null {
    if (event.n !== null && event.n <= this.#imageTo) return null
    if (event.type === 'gap') {
      const gap = event.state === 'open' ? this.#opened(event) : this.#closed(event)
      this.#reached(event)
      return gap
    }
    const historical = isHistorical(event)
    if (this.#needsBook) {
      if (event.type !== 'book_snapshot' && event.type !== 'order_snapshot') return null
      this.#needsBook = false
    }
    // Only history comes while a gap is open: what ended this one was missed.
    if (this.#gap !== null && !historical && event.type !== 'checksum') {
      into.push(this.#end(event, logEventId(event)))
    }
    this.#reached(event)
    const { exchangeTime, receiveTime } = event
    if (event.type === 'trade' && !historical && receiveTime !== null && exchangeTime !== null)
      this.#trade = { receiveTime, exchangeTime }
    return event
  }

  /** The reader fell behind this event: it will not read it. @returns the gap that it has by that; null where it has one */
  miss(event: StreamEvent): GapEvent | null {
    if (event.n !== null && event.n <= this.#imageTo) return null
    this.#lost = true
    if (this.#isBook) this.#needsBook = true
    const since = this.#missedSince(event)
    if (this.#gap !== null) {
      this.#missedUntil = later(this.#missedUntil, event.receiveTime)
      if (this.#from !== null && (since === null || since < this.#from)) this.#from = since
      return null
    }
    const last = this.#last
    const from = last === null ? null : earlier(last.receiveTime, since)
    const gap: GapEvent = {
      type: 'gap',
      venue: event.venue,
      symbol: event.symbol,
      instrument: event.instrument,
      channel: event.channel,
      n: null,
      exchangeTime: null,
      receiveTime: later(last?.receiveTime ?? null, event.receiveTime),
      reason: 'overflow',
      state: 'open',
      from,
      to: null,
      healed: false,
      after: last,
      before: null,
      detail: 'the reader was too slow',
    }
    this.#begin(gap, from)
    this.#lost = true
    this.#missedUntil = event.receiveTime
    return gap
  }

  /** The stream as it is now, in place of what was missed. */
  image(image: StreamEvent, into: MarketEvent[]): void {
    if (this.#gap !== null) into.push(this.#end(image, null))
    this.#needsBook = false
    this.#lost = false
    this.#imageTo = image.n ?? this.#imageTo
    this.#reached(image)
    into.push(image)
  }

  #reached(event: StreamEvent): void {
    const { n, exchangeTime, receiveTime } = event
    if (n !== null) this.#last = { epoch: null, n, key: logEventId(event), exchangeTime, receiveTime }
  }

  #begin(gap: GapEvent, from: Micros | null): void {
    this.#gap = gap
    this.#from = from
    this.#missedUntil = null
    this.#lost = false
  }

  #opened(gap: GapEvent): GapEvent | null {
    // Its own goes on.
    if (this.#gap !== null) return null
    this.#begin(gap, gap.from)
    return gap
  }

  #closed(end: GapEvent): GapEvent | null {
    const gap = this.#gap
    if (end.healed) this.#healed = end
    if (gap === null) return null
    const { reason, after } = gap
    const whole = gap.n !== null && !this.#lost
    const from = earlier(this.#from, end.from)
    const healed = end.healed && !this.#isLog
    const at = later(end.receiveTime, this.#missedUntil)
    this.#gap = null
    this.#lost = false
    return whole ? end : { ...end, n: null, receiveTime: at, reason, after, from, to: at, healed }
  }

  /** The end of a gap of which the stream itself says nothing more. */
  #end(next: StreamEvent, key: string | null): GapEvent {
    const gap = this.#gap as GapEvent
    const { n, exchangeTime, receiveTime } = next
    const at = later(later(gap.receiveTime, this.#missedUntil), receiveTime)
    this.#gap = null
    this.#lost = false
    return {
      ...gap,
      n: null,
      receiveTime: at,
      state: 'closed',
      from: this.#from,
      to: at,
      healed: !this.#isLog,
      before: n === null ? null : { epoch: null, n, key, exchangeTime, receiveTime },
      detail: null,
    }
  }

  /**
   * Since when the reader lacks something, where it misses this event. History is of a time before it came: where the machine's
   * clock is not the venue's, what follows on what was read was missed from then on, or came as much before that as the venue says.
   */
  #missedSince(event: StreamEvent): Micros | null {
    const { receiveTime } = event
    if (event.type === 'gap') {
      if (event.state === 'closed' && event.healed) this.#healed = event
      // What was missed in the hole, and what made it good, is missed by this reader.
      return event.from
    }
    if (event.type !== 'trade') return receiveTime
    const waited = this.#healed !== null && this.#healed.to === receiveTime ? this.#healed.from : receiveTime
    if (!event.historical) return earlier(waited, receiveTime)
    return this.#happened(event)
  }

  #happened({ exchangeTime, receiveTime }: TradeEvent): Micros | null {
    if (exchangeTime === null) return receiveTime
    const known = [exchangeTime]
    if (receiveTime !== null) known.push(receiveTime)
    if (this.#trade !== null)
      known.push(this.#trade.receiveTime + Math.min(0, exchangeTime - this.#trade.exchangeTime))
    return Math.min(...known)
  }
}

function isHistorical(event: StreamEvent): boolean {
  return 'historical' in event && event.historical
}

/** The earlier of two moments; one that is not known may be any. */
function earlier(a: Micros | null, b: Micros | null): Micros | null {
  return a === null || b === null ? null : Math.min(a, b)
}

function later(a: Micros | null, b: Micros | null): Micros | null {
  return a === null || b === null ? (a ?? b) : Math.max(a, b)
}
