import { crc32 } from 'node:zlib'
import { Decimal } from 'decimal.js'
import type { Level, MarketEvent, TradeEvent } from '../../schemas/events.js'

// 60 digits hold every sum here exactly; the longest number in the captures has 41.
const Exact = Decimal.clone({ precision: 100, toExpNeg: -100, toExpPos: 100 })

class Trades {
  count = 0
  buys = 0
  sells = 0
  first: TradeEvent | null = null
  last: TradeEvent | null = null
  #sum = new Exact(0)

  add(trade: TradeEvent): void {
    this.count++
    if (trade.side === 'buy') this.buys++
    if (trade.side === 'sell') this.sells++
    this.first ??= trade
    this.last = trade
    this.#sum = this.#sum.plus(trade.amount)
  }

  get sum(): string {
    return this.#sum.toFixed()
  }
}

/** A book as a reader of the events would keep it: two maps, sorted when asked. */
class Book {
  snapshots = 0
  updates = 0
  rows = 0
  readonly bids = new Map<string, string>()
  readonly asks = new Map<string, string>()

  replace(bids: readonly Level[], asks: readonly Level[]): void {
    this.snapshots++
    this.bids.clear()
    this.asks.clear()
    set(this.bids, bids)
    set(this.asks, asks)
  }

  change(bids: readonly Level[], asks: readonly Level[]): void {
    this.updates++
    this.rows += bids.length + asks.length
    set(this.bids, bids)
    set(this.asks, asks)
  }

  best(side: 'bids' | 'asks', levels: number): Level[] {
    const direction = side === 'bids' ? -1 : 1
    const sorted = [...this[side]].sort(([a], [b]) => new Exact(a).comparedTo(b) * direction)
    return sorted.slice(0, levels)
  }

  /** Bitfinex: signed CRC-32 of the 25 best levels a side, numbers as JavaScript prints them, asks negative. */
  checksum(): number {
    const bids = this.best('bids', 25)
    const asks = this.best('asks', 25)
    const parts: string[] = []
    for (let at = 0; at < 25; at++) {
      const [bid, ask] = [bids[at], asks[at]]
      if (bid !== undefined) parts.push(...bid.map((text) => String(Number(text))))
      if (ask !== undefined) parts.push(String(Number(ask[0])), String(-Number(ask[1])))
    }
    return crc32(parts.join(':')) | 0
  }
}

/** What the events of one instrument add up to. */
export class Tally {
  readonly live = new Trades()
  readonly historical = new Trades()
  readonly books = new Map<string, Book>()
  tickers = 0
  quotes = 0

  /** The book of the plain channel where there is one. */
  get book(): Book | undefined {
    return this.books.get('book') ?? [...this.books.values()][0]
  }

  bookOf(channel: string): Book {
    let book = this.books.get(channel)
    if (book === undefined) {
      book = new Book()
      this.books.set(channel, book)
    }
    return book
  }
}

/** What the events of a capture add up to, kept apart from all code of the toolkit. */
export class CaptureTally {
  readonly instruments = new Map<string, Tally>()
  readonly malformed: MarketEvent[] = []
  readonly gaps: MarketEvent[] = []
  checksums = { verified: 0, failed: 0 }

  add(event: MarketEvent): void {
    switch (event.type) {
      case 'trade':
        this.#of(event)[event.historical ? 'historical' : 'live'].add(event)
        return
      case 'book_snapshot':
        this.#of(event).bookOf(event.channel).replace(event.bids, event.asks)
        return
      case 'book_update':
        this.#of(event).bookOf(event.channel).change(event.bids, event.asks)
        return
      case 'ticker':
        this.#of(event).tickers++
        return
      case 'quote':
        this.#of(event).quotes++
        return
      case 'checksum':
        this.checksums[event.ok ? 'verified' : 'failed']++
        return
      case 'malformed':
        this.malformed.push(event)
        return
      case 'gap':
        this.gaps.push(event)
        return
    }
  }

  #of({ instrument }: { readonly instrument: string }): Tally {
    let tally = this.instruments.get(instrument)
    if (tally === undefined) {
      tally = new Tally()
      this.instruments.set(instrument, tally)
    }
    return tally
  }
}

function set(levels: Map<string, string>, rows: readonly Level[]): void {
  for (const [price, amount] of rows) {
    if (amount === '0') levels.delete(price)
    else levels.set(price, amount)
  }
}
