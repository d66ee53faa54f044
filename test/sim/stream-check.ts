import { Decimal } from 'decimal.js'
import type {
  ChecksumEvent,
  GapEvent,
  Level,
  MarketEvent,
  Micros,
  StreamEvent,
  TradeEvent,
} from '../../schemas/events.js'
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
  /** When the venue left symbols untold. */
  readonly mutes: Delays
  /** How long a book may be wrong at this moment; 0 where no fault struck whose proof comes late. Milliseconds. */
  lateProofMs(): number
  /** Nothing of a book can be judged once a message was lost unseen. */
  readonly levelsByName: boolean
  /** How old a snapshot may be. */
  readonly snapshotAgeMs: number
  /** With two, what waited for its order is told late: it bears the time of its telling, and a gap after it that of its coming. */
  readonly lines: number
  /** Since when the markets move. */
  movingSince(): Micros
  trueTime(client: Micros): Micros
  /** Sides of a match that the amounts of trades count. */
  readonly sidesCounted: 1 | 2
  /** What the times of trades in the venue's history are cut to. */
  readonly historyGrain: Micros
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
const COMPARE_EVERY: Micros = 500_000
/** Levels a side that must be there, where the truth kept them unchanged. */
const MUST_HOLD = 20
/** Of a book that shows only so many levels, that part: what is deeper may have come into it just now. */
const WINDOW_SHARE = 4

/** A fault that waits for the message it fits finds one within this, on a connection that lives. */
export const ARMED: Micros = 10_000_000
/** A connection that succeeds another keeps its news back no longer than this. */
const HANDOVER: Micros = 15_000_000

/** A fault that no client can see, as far as books lose something by it. */
export interface Blindness {
  /** What was lost by then is missing until a snapshot that comes after it. */
  readonly until: Micros
  /** What moves after this is told. */
  readonly toldAfter: Micros
  /** Best levels a side that the venue proves all the same. */
  readonly levels: number
}

/** Everything that is demanded of one stream, event by event, in the order in which the reader gets them. */
export class StreamCheck {
  readonly name: string
  readonly channel: string
  readonly truth: TrueMarket
  readonly holes: Hole[] = []
  /** True time of the first event; null before it. */
  begunAt: Micros | null = null
  depth: number | null = null
  /** A fault struck that nothing can show: what is lost by then may be missing until a snapshot that comes after this. */
  blindUntil: Micros = Number.NEGATIVE_INFINITY
  readonly #view: VenueView
  readonly #sides: Record<BookSide, Map<string, string>> = { bids: new Map(), asks: new Map() }
  readonly #ids = new Set<string>()
  #gap: GapEvent | null = null
  #hole: Hole | null = null
  #live = false
  #liveSince: Micros = Number.POSITIVE_INFINITY
  /** Best levels a side that are judged one and all. */
  #sight = Number.POSITIVE_INFINITY
  #toldAfter: Micros = Number.NEGATIVE_INFINITY
  /** The moment of the market that the emitted book has reached, at least: no level may be older than that. */
  #reached: Micros = Number.NEGATIVE_INFINITY
  #lastTime: Micros = Number.NEGATIVE_INFINITY
  #n = 0
  /** Numbers were left out since the open gap began. */
  #missed = false
  #wrongSince: Micros | null = null
  /** The number of the event with which that showed, at the earliest the one after its snapshot: a proof is good, whatever it says. */
  #wrongWith = 0
  /** The number of the last snapshot. */
  #snapshotN = 0
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

  /** The book cannot be judged as a whole: what nobody can see happened since its snapshot. */
  get blind(): boolean {
    return this.#sight === 0
  }

  /** Levels a side that are judged. */
  get judgedDepth(): number {
    return Math.min(this.depth ?? Number.MAX_SAFE_INTEGER, this.#sight)
  }

  get openGap(): GapEvent | null {
    return this.#gap
  }

  get #isBook(): boolean {
    return this.channel.startsWith('book')
  }

  /** What happened cannot be seen by any client. */
  blinded({ until, toldAfter, levels }: Blindness): void {
    this.#sight = Math.min(this.#sight, levels)
    this.blindUntil = Math.max(this.blindUntil, until)
    this.#toldAfter = Math.max(this.#toldAfter, toldAfter)
  }

  event(event: StreamEvent): void {
    const { receiveTime } = event
    if (receiveTime === null) return this.#wrong('an event without a receive time')
    const at = this.#view.trueTime(receiveTime)
    this.begunAt ??= at
    this.#number(event)
    if (event.type === 'gap') this.#gapEvent(event, at)
    else if (this.#gap !== null && event.type !== 'checksum' && !isBackfill(event)) {
      this.#wrong(`${event.type} while a gap (${this.#gap.reason}) is open`)
    }
    this.#lastTime = Math.max(this.#lastTime, receiveTime)
    if (event.type === 'book_snapshot') this.#snapshot(event.bids, event.asks, event.depth, at)
    else if (event.type === 'book_update') this.#update(event.bids, event.asks, at)
    else if (event.type === 'trade') this.#trade(event)
    else if (event.type === 'checksum') this.#checksum(event)
  }

  /** The numbers leave out only what the reader was too slow for, and a gap of its own names the numbers between which that lies. */
  #number(event: StreamEvent): void {
    const { n, type } = event
    if (type === 'gap' && n === null) {
      const { state, after, before } = event
      if (state === 'open' && (after?.n ?? 0) !== this.#n)
        this.#wrong(`a gap of the reader is after ${after?.n}, and ${this.#n} was read`)
      if (state === 'closed') {
        if (before === null || before.n <= this.#n)
          this.#wrong(`a gap of the reader is before ${before?.n}, and ${this.#n} was read`)
        this.#n = (before?.n ?? 1) - 1
        this.#missed = false
      }
      return
    }
    // Of what fills a gap a part may be missed: the gap ends as the reader's own then.
    if (this.#gap !== null && isBackfill(event) && n !== null && n > this.#n) this.#missed ||= n > this.#n + 1
    else if (n !== this.#n + 1 || this.#missed) this.#wrong(`${type} has number ${n}, after ${this.#n}`)
    this.#n = n ?? this.#n
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
      if (proved && gap.n !== null && this.#wrongSince !== null && (gap.after?.n ?? 0) >= this.#wrongWith) {
        this.#wrong(`a gap (${gap.reason}) is after ${gap.after?.n}, and ${this.#wrongWith} was wrong`)
      }
      this.#gap = gap
      this.#live = false
      this.#wrongSince = null
      const since = from === null ? Number.NEGATIVE_INFINITY : this.#view.trueTime(from)
      // What came after the last event known to be good is taken back.
      this.#reached = Math.min(this.#reached, since)
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
    const changed = { bids: this.#changed('bids', bids), asks: this.#changed('asks', asks) }
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
    this.#liveSince = at
    this.#snapshotN = this.#n
    this.#wrongSince = null
    this.#stepsOn(changed, at)
    // With two lines a snapshot may be the book that the other one has kept since.
    if (at > this.blindUntil && this.#view.lines === 1) this.#sight = Number.POSITIVE_INFINITY
    this.#compare(at)
  }

  /** A row that the emitted book has already is no step back: the venue may be about to change it in the same moment of the market. */
  #changed(side: BookSide, rows: readonly Level[]): readonly Level[] {
    return this.#live ? rows.filter(([price, amount]) => this.#sides[side].get(price) !== amount) : rows
  }

  #update(bids: readonly Level[], asks: readonly Level[], at: Micros): void {
    if (!this.#live) return this.#wrong('a book_update without a snapshot before it')
    this.#set('bids', bids, at)
    this.#set('asks', asks, at)
    this.#stepsOn({ bids, asks }, at)
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
    if (suspicious !== null && !this.blind) this.#mistaken(suspicious, at)
  }

  /**
   * A book never steps back: a level that is emitted was true at some moment since the one that the book had reached. Of several
   * spells in which a level had the amount the earliest is meant.
   */
  #stepsOn(rows: Readonly<Record<BookSide, readonly Level[]>>, at: Micros): void {
    let reached = this.#reached
    let older: string | null = null
    const earliest = this.#earliest(at)
    for (const side of ['bids', 'asks'] as const) {
      for (const [price, amount] of rows[side]) {
        // A level that is gone may only have left the window of the venue.
        if (amount === '0') continue
        const since = this.truth.since(side, price, amount, Math.max(earliest, this.#reached), at)
        if (since !== null) reached = Math.max(reached, since)
        else if (this.truth.was(side, price, amount, earliest, at))
          older = `${side} ${price} ${amount} is of the past`
      }
    }
    this.#reached = reached
    if (older !== null && !this.blind) this.#mistaken(older, at)
  }

  #checksum({ ok, expected, actual }: ChecksumEvent): void {
    if (ok !== (expected === actual))
      this.#wrong(`a checksum is said to be ${ok ? 'right' : 'wrong'}: ${expected}, ${actual}`)
    if (!ok && this.#gap === null) this.#wrong('a checksum does not fit, and no gap is open')
  }

  /** Every level was true a moment ago, and what has long been true is there. */
  #compare(at: Micros): void {
    this.#comparedAt = at
    const mistake = this.#mistake(at)
    if (mistake === null) this.#wrongSince = null
    else this.#mistaken(mistake, at)
  }

  #mistake(at: Micros): string | null {
    const { now } = this.#view
    const from = this.#earliest(at)
    // What moves after the loss is told, and contradicts what was lost.
    const movedSince = this.blind ? this.#toldAfter : Number.NEGATIVE_INFINITY
    const window = Math.ceil((this.depth ?? Number.MAX_SAFE_INTEGER) / WINDOW_SHARE)
    const levels = Math.min(window, this.blind ? Number.MAX_SAFE_INTEGER : MUST_HOLD)
    for (const side of ['bids', 'asks'] as const) {
      for (const [price, amount] of this.#best(side, this.#sight)) {
        if (!this.truth.was(side, price, amount, from, at)) {
          return `${side} ${price} has had ${amount} for longer than the market had`
        }
      }
      // The truth is known as it is now: what the reader gets late is not compared with it.
      if (now() - at > 50_000) continue
      for (const { price, amount } of this.truth.steady(side, levels, from, movedSince)) {
        const held = this.#sides[side].get(price)
        // BitMEX may have two rows at a price: one whose end was lost is added to the next.
        if (this.blind && held !== undefined) continue
        if (held !== amount) return `${side} ${price} is ${held ?? 'missing'}, and has long been ${amount}`
      }
    }
    return null
  }

  #wasTrue(side: BookSide, price: string, amount: string, at: Micros): boolean {
    return this.truth.was(side, price, amount, this.#earliest(at), at)
  }

  /** Since when what is held may have been true. A snapshot may be old, and what happened since is joined to it at once. */
  #earliest(at: Micros): Micros {
    const { delays, snapshotAgeMs } = this.#view
    return delays.earliest(at) - (at === this.#liveSince ? snapshotAgeMs * 1000 : 0)
  }

  /** The best levels that are held, best first; all of them as they come. */
  #best(side: BookSide, levels: number): Iterable<Level> {
    const held = this.#sides[side]
    if (levels >= held.size) return held
    const better = side === 'bids' ? -1 : 1
    return [...held].sort(([a], [b]) => compareDecimals(a, b) * better).slice(0, levels)
  }

  #mistaken(what: string, at: Micros): void {
    if (this.blind && this.#view.levelsByName) return
    // What waited for its snapshot came before it, and nobody had a book then.
    if (this.#wrongSince === null) {
      this.#wrongSince = Math.max(at, this.#liveSince)
      this.#wrongWith = Math.max(this.#n, this.#snapshotN + 1)
    }
    const allowed = this.#view.lateProofMs() * 1000
    // A market at rest tells nothing that could prove it.
    const since = Math.max(this.#wrongSince, this.#view.movingSince())
    if (allowed > 0 && at <= this.#view.delays.latest(since) + allowed) return
    this.#wrong(`a live book is wrong: ${what}`)
  }

  /** With the market at rest and everything delivered: null where the book is the true one. */
  difference(): string | null {
    const depth = this.judgedDepth
    const top = this.truth.market.book.top(depth)
    for (const side of ['bids', 'asks'] as const) {
      const held = this.#sides[side]
      for (const [price, amount] of top[side]) {
        if (held.get(price) !== amount) {
          return `${side} ${price}: the feed has ${held.get(price) ?? 'nothing'}, the market ${amount}`
        }
      }
      const known = new Set(top[side].map(([price]) => price))
      for (const [price, amount] of this.#best(side, depth)) {
        if (!known.has(price)) return `${side} ${price}: the feed has ${amount}, the market nothing`
      }
    }
    return null
  }

  /** As {@link difference}, with the market at rest since a moment: null as well where that is too short a time to tell. */
  differenceAtRest(since: Micros): string | null {
    const { delays, lateProofMs, now } = this.#view
    const early = delays.earliest(now() - lateProofMs() * 1000) < since
    const judged = this.#isBook && this.live && !this.blind && this.#liveSince < since - ARMED
    return judged && !early ? this.difference() : null
  }

  /** How long nothing has come of a book that says live, while its market moved; null where that is as it should be. */
  silentFor(): Micros | null {
    if (!this.#isBook || !this.live || this.blind) return null
    const { delays, mutes, movingSince, trueTime, now } = this.#view
    const since = Math.max(movingSince(), trueTime(this.#lastTime))
    // What is held up is on its way.
    return delays.latest(since) > now() ? null : now() - mutes.latest(since)
  }

  // ── Trades ──────────────────────────────────────────────────────────────────────────────────────────────────────

  #trade(trade: TradeEvent): void {
    const { id } = trade
    const amount = new Exact(trade.amount).div(this.#view.sidesCounted).toFixed()
    if (this.#ids.has(id)) this.#wrong(`trade ${id} is emitted twice`)
    this.#ids.add(id)
    const { newestFirst, historyGrain } = this.#view
    const grain = trade.historical ? historyGrain : 0
    const found = this.truth.find({ ...trade, amount }, newestFirst, grain)
    if (found === null) return this.#wrong(`trade ${id} of ${trade.amount} at ${trade.price} never happened`)
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
