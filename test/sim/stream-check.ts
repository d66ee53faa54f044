import { Decimal } from 'decimal.js'
import type { GapEvent, Level, MarketEvent, Micros, StreamEvent, TradeEvent } from '../../schemas/events.js'
import type { BookSide } from '../../src/book/order-book.js'
import { compareDecimals } from '../../src/decode/index.js'
import type { MarketTrade } from '../../src/simulator/index.js'
import type { Delays } from './delays.js'
import type { TrueMarket } from './true-market.js'

/** A hole that the stream disclosed, in true time. */
export interface Hole {
  from: Micros
  to: Micros
  /** What was missing came after all: it excuses nothing. */
  healed: boolean
  readonly reason: GapEvent['reason']
}

/** What a stream must know of its venue to be judged. */
export interface VenueView {
  readonly delays: Delays
  /** How long a book may be wrong at this moment; 0 where no fault struck whose proof comes late. Milliseconds. */
  lateProofMs(): number
  /** With two, what waited for its order is told late: it bears the time of its telling, and a gap after it that of its coming. */
  readonly lines: number
  trueTime(client: Micros): Micros
  /** Sides of a match that the amounts of trades count. */
  readonly sidesCounted: 1 | 2
  /** The venue tells the trades of one moment from the last to the first. */
  readonly newestFirst: boolean
  now(): Micros
  wrong(what: string, of: string): void
  /** A trade came again under another id. */
  renamed(of: string, what: string): void
  /** A trade came after a later one. */
  outOfOrder(of: string, what: string): void
}

/** Holds every amount that a market trades. */
const Exact = Decimal.clone({ precision: 60 })

/** Reasons that are found out late: such a gap begins before what was emitted last. */
const LOOKS_BACK = new Set<GapEvent['reason']>(['overflow', 'checksum', 'crossed'])
/** How often a whole book is compared with the truth; single rows are at once. */
const COMPARE_EVERY: Micros = 400_000
/** Levels a side that must be there, where the truth kept them unchanged. */
const MUST_HOLD = 5

/** A connection that succeeds another keeps its news back no longer than this. */
const HANDOVER: Micros = 15_000_000

/** Everything that is demanded of one stream, event by event, in the order in which the reader gets them. */
export class StreamCheck {
  readonly name: string
  readonly channel: string
  readonly truth: TrueMarket
  readonly holes: Hole[] = []
  /** True time of the first event; null before it. */
  begunAt: Micros | null = null
  depth: number | null = null
  /** A fault struck that nothing can show: the book is not judged before a snapshot that comes after this. */
  blindUntil: Micros = Number.NEGATIVE_INFINITY
  readonly #view: VenueView
  readonly #sides: Record<BookSide, Map<string, string>> = { bids: new Map(), asks: new Map() }
  readonly #ids = new Set<string>()
  #gap: GapEvent | null = null
  #hole: Hole | null = null
  #live = false
  #blind = false
  #lastTime: Micros = Number.NEGATIVE_INFINITY
  #wrongSince: Micros | null = null
  #comparedAt: Micros = Number.NEGATIVE_INFINITY
  #lastTrade: MarketTrade | null = null

  constructor(name: string, channel: string, truth: TrueMarket, view: VenueView) {
    this.name = name
    this.channel = channel
    this.truth = truth
    this.#view = view
  }

  /** The book is held to be right; for other streams: something came and no gap is open. */
  get live(): boolean {
    if (this.#gap !== null) return false
    return this.#isBook ? this.#live : this.begunAt !== null
  }

  /** The book cannot be judged: what nobody can see happened since its snapshot. */
  get blind(): boolean {
    return this.#blind
  }

  get openGap(): GapEvent | null {
    return this.#gap
  }

  get #isBook(): boolean {
    return this.channel.startsWith('book')
  }

  /** What happened cannot be seen by any client. */
  blinded(until: Micros): void {
    this.#blind = true
    this.blindUntil = Math.max(this.blindUntil, until)
  }

  event(event: StreamEvent): void {
    const { receiveTime } = event
    if (receiveTime === null) return this.#wrong('an event without a receive time')
    const at = this.#view.trueTime(receiveTime)
    this.begunAt ??= at
    if (receiveTime < this.#lastTime) {
      this.#wrong(`${event.type} received at ${receiveTime}, after one of ${this.#lastTime}`)
    }
    if (event.type === 'gap') this.#gapEvent(event, at)
    else if (this.#gap !== null && event.type !== 'checksum' && !isBackfill(event)) {
      this.#wrong(`${event.type} while a gap (${this.#gap.reason}) is open`)
    }
    this.#lastTime = receiveTime
    if (event.type === 'book_snapshot') this.#snapshot(event.bids, event.asks, event.depth, at)
    else if (event.type === 'book_update') this.#update(event.bids, event.asks, at)
    else if (event.type === 'trade') this.#trade(event)
  }

  // ── Gaps ────────────────────────────────────────────────────────────────────────────────────────────────────────

  #gapEvent(gap: GapEvent, at: Micros): void {
    const { receiveTime, from, to } = gap
    if (gap.state === 'open') {
      if (this.#gap !== null) this.#wrong('a gap opens in a gap')
      if (to !== null) this.#wrong('an open gap has an end')
      if (from !== null && receiveTime !== null && from > receiveTime)
        this.#wrong('a gap begins in the future')
      const looksBack = LOOKS_BACK.has(gap.reason) || (this.#isBook && gap.reason === 'sequence')
      // What one connection kept back until it took over from another bears the time of its telling, and a gap that of its coming.
      const within = this.#view.lines > 1 ? Number.POSITIVE_INFINITY : HANDOVER
      const keptBack = !this.#isBook && from !== null && from >= this.#lastTime - within
      if (from !== null && !looksBack && !keptBack && from < this.#lastTime) {
        this.#wrong(`a gap begins at ${from}, before the last event of its stream (${this.#lastTime})`)
      }
      const proved = gap.reason === 'checksum' || gap.reason === 'crossed'
      if (
        proved &&
        from !== null &&
        this.#wrongSince !== null &&
        this.#view.trueTime(from) > this.#wrongSince
      ) {
        this.#wrong(`a gap (${gap.reason}) begins after the book went wrong`)
      }
      this.#gap = gap
      this.#live = false
      this.#wrongSince = null
      const since = from === null ? Number.NEGATIVE_INFINITY : this.#view.trueTime(from)
      this.#hole = { from: since, to: Number.POSITIVE_INFINITY, healed: false, reason: gap.reason }
      this.holes.push(this.#hole)
      return
    }
    const opened = this.#gap
    if (opened === null) return this.#wrong('a gap closes that was not open')
    // Where the reader's backlog from before the hole was dropped as well, its end says that it began earlier.
    const wider = opened.from !== null && (from === null || from < opened.from)
    if (opened.reason !== gap.reason || (opened.from !== from && !wider)) {
      this.#wrong('a gap closes that is another one')
    }
    if (wider && this.#hole !== null) {
      this.#hole.from = from === null ? Number.NEGATIVE_INFINITY : this.#view.trueTime(from)
    }
    if (to === null || (from !== null && to < from) || to !== receiveTime) {
      this.#wrong(`a gap closes with the end ${to}, at ${receiveTime}`)
    }
    this.#gap = null
    if (this.#hole !== null) {
      this.#hole.to = at
      this.#hole.healed = gap.healed
    }
  }

  // ── Books ───────────────────────────────────────────────────────────────────────────────────────────────────────

  #snapshot(bids: readonly Level[], asks: readonly Level[], depth: number | null, at: Micros): void {
    this.depth = depth
    this.#sides.bids = new Map(bids)
    this.#sides.asks = new Map(asks)
    for (const [better, side] of [
      [1, bids],
      [-1, asks],
    ] as const) {
      if (
        side.some(
          ([price], index) =>
            index > 0 && compareDecimals(side[index - 1]?.[0] ?? price, price) * better <= 0,
        )
      ) {
        this.#wrong('a snapshot whose best price is not first')
      }
    }
    this.#live = true
    this.#wrongSince = null
    // With two lines a snapshot may be the book that the other one has kept since.
    if (at > this.blindUntil && this.#view.lines === 1) this.#blind = false
    this.#compare(at)
  }

  #update(bids: readonly Level[], asks: readonly Level[], at: Micros): void {
    if (!this.#live) return this.#wrong('a book_update without a snapshot before it')
    this.#set('bids', bids, at)
    this.#set('asks', asks, at)
    if (at - this.#comparedAt >= COMPARE_EVERY) this.#compare(at)
  }

  #set(side: BookSide, rows: readonly Level[], at: Micros): void {
    const levels = this.#sides[side]
    let suspicious: string | null = null
    for (const [price, amount] of rows) {
      if (amount === '0') levels.delete(price)
      else {
        levels.set(price, amount)
        if (!this.#wasTrue(side, price, amount, at)) suspicious = `${side} ${price} ${amount} was never true`
      }
    }
    if (suspicious !== null) this.#mistaken(suspicious, at)
  }

  /** Every level was true a moment ago, and what has long been true is there. */
  #compare(at: Micros): void {
    this.#comparedAt = at
    const mistake = this.#mistake(at)
    if (mistake === null) this.#wrongSince = null
    else this.#mistaken(mistake, at)
  }

  #mistake(at: Micros): string | null {
    const { delays, now } = this.#view
    const from = delays.earliest(at)
    for (const side of ['bids', 'asks'] as const) {
      for (const [price, amount] of this.#sides[side]) {
        if (!this.truth.was(side, price, amount, from, at)) {
          return `${side} ${price} has had ${amount} for longer than the market had`
        }
      }
      // The truth is known as it is now: what the reader gets late is not compared with it.
      if (now() - at > 50_000) continue
      for (const { price, amount } of this.truth.steady(side, MUST_HOLD, from)) {
        const held = this.#sides[side].get(price)
        if (held !== amount) return `${side} ${price} is ${held ?? 'missing'}, and has long been ${amount}`
      }
    }
    return null
  }

  #wasTrue(side: BookSide, price: string, amount: string, at: Micros): boolean {
    return this.truth.was(side, price, amount, this.#view.delays.earliest(at), at)
  }

  #mistaken(what: string, at: Micros): void {
    if (this.#blind) return
    this.#wrongSince ??= at
    const allowed = this.#view.lateProofMs() * 1000
    if (allowed > 0 && at <= this.#view.delays.latest(this.#wrongSince) + allowed) return
    this.#wrong(`a live book is wrong: ${what}`)
  }

  /** With the market at rest and everything delivered: null where the book is the true one. */
  difference(): string | null {
    const { book } = this.truth.market
    const top = book.top(this.depth ?? Number.MAX_SAFE_INTEGER)
    for (const side of ['bids', 'asks'] as const) {
      const held = this.#sides[side]
      for (const [price, amount] of top[side]) {
        if (held.get(price) !== amount) {
          return `${side} ${price}: the feed has ${held.get(price) ?? 'nothing'}, the market ${amount}`
        }
      }
      if (held.size > top[side].length) {
        const known = new Set(top[side].map(([price]) => price))
        const extra = [...held.keys()].find((price) => !known.has(price))
        return `${side} ${extra}: the feed has ${held.get(extra ?? '')}, the market nothing`
      }
    }
    return null
  }

  // ── Trades ──────────────────────────────────────────────────────────────────────────────────────────────────────

  #trade(trade: TradeEvent): void {
    const { id, price } = trade
    const amount = new Exact(trade.amount).div(this.#view.sidesCounted).toFixed()
    if (this.#ids.has(id)) this.#wrong(`trade ${id} is emitted twice`)
    this.#ids.add(id)
    const found = this.truth.find(price, amount, trade.exchangeTime, this.#view.newestFirst)
    if (found === null) return this.#wrong(`trade ${id} of ${trade.amount} at ${price} never happened`)
    const again = found.emitted
    if (again) this.#view.renamed(this.name, `trade ${found.number} is emitted twice, at last as ${id}`)
    if (trade.side !== null && trade.side !== found.side)
      this.#wrong(`trade ${id} has the side ${trade.side}`)
    found.emitted = true
    // One that comes again under another id, from the other line or as history, has had its place.
    if (trade.historical || again) return
    const last = this.#lastTrade
    if (last !== null && this.#comesBefore(found, last)) {
      this.#view.outOfOrder(this.name, `trade ${found.number} comes after ${last.number}`)
    } else this.#lastTrade = found
  }

  /** In the order of the venue. */
  #comesBefore(trade: MarketTrade, other: MarketTrade): boolean {
    const earlier = trade.number < other.number
    if (trade.number === other.number) return false
    return this.#view.newestFirst && trade.time === other.time ? !earlier : earlier
  }

  #wrong(what: string): void {
    this.#view.wrong(what, this.name)
  }
}

/** What fills a gap comes before its end. */
function isBackfill(event: StreamEvent): boolean {
  return event.type === 'trade' && event.historical
}

/** The stream of an event; null for events of a connection. */
export function streamOf(event: MarketEvent): string | null {
  return 'channel' in event ? `${event.venue} ${event.channel} ${event.instrument}` : null
}
