import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import type { TradeEvent } from '../../../schemas/events.js'
import type { SimulatorServer } from '../../../simulators/index.js'
import type { Channel, Feed } from '../../../src/index.js'

/** Levels a side that are compared. Some clients show no more than 25, whose last ones the venue sends late. */
const LEVELS = 10
/** Trades and states of the book that both have to have before the market stops. */
const ENOUGH = 15
const LONGEST_MS = 90_000

/** A trade as every client knows it. */
export interface SeenTrade {
  /** What tells it from others. */
  readonly key: string
  /** Milliseconds. */
  readonly time: number
  readonly side: string
  readonly price: number
  readonly amount: number
}

export type SeenLevel = readonly [price: number, amount: number]

/** What one client has seen of a market. */
export class Seen {
  readonly trades = new Map<string, SeenTrade>()
  /** The books that it showed, one after the other, as text. */
  readonly states: string[] = []

  trade(trade: SeenTrade): void {
    this.trades.set(trade.key, trade)
  }

  /** @param bids best first, as are the asks */
  book(bids: readonly SeenLevel[], asks: readonly SeenLevel[]): void {
    if (bids.length < LEVELS || asks.length < LEVELS) return
    const state = shown(bids, asks)
    if (state !== this.states.at(-1)) this.states.push(state)
  }

  /** Those after a moment, by time. */
  after(time: number): SeenTrade[] {
    const later = [...this.trades.values()].filter((trade) => trade.time > time)
    return later.sort((a, b) => a.time - b.time || (a.key < b.key ? -1 : 1))
  }

  get newest(): number {
    return Math.max(...[...this.trades.values()].map(({ time }) => time))
  }
}

/** The best levels of a book as text, to be compared. */
export function shown(bids: readonly SeenLevel[], asks: readonly SeenLevel[]): string {
  const best = (side: readonly SeenLevel[]) => side.slice(0, LEVELS).map(([price, amount]) => [price, amount])
  return JSON.stringify({ bids: best(bids), asks: best(asks) })
}

/** What tapewire's feed says of the same market, read as it comes. */
export function readFeed(feed: Feed, { naming = byId }: { naming?: (trade: TradeEvent) => string } = {}) {
  const seen = new Seen()
  const troubles: unknown[] = []
  const reader = feed.reader()
  const done = (async () => {
    for await (const event of reader) {
      if (event.type === 'trade') {
        seen.trade({
          key: naming(event),
          time: Math.floor((event.exchangeTime ?? 0) / 1000),
          side: event.side ?? '',
          price: Number(event.price),
          amount: Number(event.amount),
        })
      } else if (event.type === 'book_update' || event.type === 'book_snapshot') {
        const { bids, asks } =
          reader.book(event.venue, event.symbol, event.channel as Channel)?.top(LEVELS) ?? {}
        seen.book(levels(bids ?? []), levels(asks ?? []))
      } else if (event.type === 'gap' || event.type === 'malformed') troubles.push(event)
      else if (event.type === 'checksum' && !event.ok) troubles.push(event)
    }
  })()
  return { seen, troubles, done }
}

const byId = ({ id }: TradeEvent): string => id

/** Where a client has no id of a trade that tapewire has, its facts tell it. */
export function factsKey(trade: Omit<SeenTrade, 'key'>): string {
  return [trade.time, trade.side, trade.price, trade.amount].join(' ')
}

export function levels(side: readonly (readonly (string | number)[])[]): SeenLevel[] {
  return side.map(([price, amount]) => [Number(price), Number(amount)])
}

/** Waits for what the other side brings at its own pace. */
export async function until(what: string, so: () => boolean): Promise<void> {
  const deadline = Date.now() + LONGEST_MS
  while (!so()) {
    if (Date.now() > deadline) throw new Error(`never came: ${what}`)
    await sleep(20)
  }
}

export interface Comparison {
  readonly server: SimulatorServer
  /** The venue's id of the market. */
  readonly market: string
  readonly ours: Seen
  readonly theirs: Seen
  readonly errors: readonly unknown[]
  /**
   * Whether each book that the client showed is one that tapewire showed, in the same order, or only the last one: where the two
   * get the market from channels with a pace of their own.
   */
  readonly books: 'each' | 'last'
}

/** Stops the market once both have seen enough of it: then both have seen the same. */
export async function expectSame({ server, market, ours, theirs, errors, books }: Comparison): Promise<void> {
  const failed = () => errors.length > 0
  const both = (so: (seen: Seen) => boolean) => () => failed() || [ours, theirs].every(so)
  await until(
    'a first trade and book',
    both(({ trades, states }) => trades.size > 0 && states.length > 0),
  )
  // What came before may be in the history of one and not of the other.
  const begin = Math.max(ours.newest, theirs.newest)
  await until(
    'enough trades and books',
    both((seen) => seen.after(begin).length >= ENOUGH && seen.states.length >= ENOUGH),
  )
  expect(errors).toEqual([])
  const stopped = server.simulator.markets.get(market)
  if (stopped === undefined) throw new Error(`the simulator has no ${market}`)
  stopped.frozen = true
  const { bids, asks } = stopped.book.top(LEVELS)
  const truth = shown(levels(bids), levels(asks))
  const same = () =>
    ours.states.at(-1) === truth &&
    theirs.states.at(-1) === truth &&
    JSON.stringify(theirs.after(begin)) === JSON.stringify(ours.after(begin))
  await until('the same trades and the same book', () => failed() || same()).catch(() => {
    expect(theirs.after(begin)).toEqual(ours.after(begin))
    expect([ours.states.at(-1), theirs.states.at(-1)]).toEqual([truth, truth])
  })
  expect(errors).toEqual([])
  if (books === 'each') expect(strangers(theirs.states, ours.states)).toEqual([])
}

/** The states, from the first that both have, that are not among the others' in the same order. */
function strangers(states: readonly string[], others: readonly string[]): string[] {
  const first = states.findIndex((state) => others.includes(state))
  const from = states.slice(first)
  expect(from.length).toBeGreaterThanOrEqual(ENOUGH / 3)
  let at = 0
  return from.filter((state) => {
    const found = others.indexOf(state, at)
    if (found === -1) return true
    at = found
    return false
  })
}
