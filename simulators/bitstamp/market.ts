import type { Micros } from '../../schemas/events.js'
import type { BookSide } from '../../src/book/order-book.js'
import {
  type LevelMove,
  type MarketShape,
  type MarketTrade,
  SimulatedMarket,
} from '../../src/simulator/market.js'
import type { SeededRandom } from '../../src/simulator/random.js'
import type { SimulatorOptions } from '../../src/simulator/venue-simulator.js'
import { moreListings } from '../kit/more-listings.js'
import type { Listed } from '../kit/simulated-exchange.js'

/** One is a perpetual, whose trades have ids that no double holds; one can be delisted. */
const SHAPES: Readonly<Record<string, MarketShape>> = {
  btcusd: { priceDecimals: 2, amountDecimals: 8, price: '65000', amount: '0.03' },
  ethusd: { priceDecimals: 2, amountDecimals: 8, price: '3200', amount: '0.6' },
  etheur: { priceDecimals: 2, amountDecimals: 8, price: '2900', amount: '0.6' },
  ethbtc: { priceDecimals: 8, amountDecimals: 8, price: '0.04920000', amount: '0.6' },
  'btcusd-perp': { priceDecimals: 0, amountDecimals: 8, price: '65010', amount: '0.03' },
  bateur: { priceDecimals: 5, amountDecimals: 8, price: '1.16102', amount: '900', levels: 60 },
}

export const DELISTED = 'bateur'

/** REST is this far behind the socket. */
const LAG: Micros = 1_000_000
const TRADES_KEPT = 5_000
const PERPETUAL_IDS = 2_001_939_623_936_000_000n
export const DEPTH = 100

/** A row of a book: its price, its amount as it is printed, and the order that stands for it. */
export type Row = readonly [price: string, amount: string, order: string]

/** Rows of both sides at a moment. */
export interface Book {
  readonly at: Micros
  readonly bids: readonly Row[]
  readonly asks: readonly Row[]
}

/** What happened to one order. */
export interface OrderEvent {
  readonly event: 'order_created' | 'order_changed' | 'order_deleted'
  readonly side: BookSide
  readonly row: Row
}

export interface PublishedTrade extends MarketTrade {
  readonly id: string
}

interface Held {
  readonly amount: string
  readonly order: string
}

type Sides = Record<BookSide, Map<string, Held>>

/** One market: its book as the channels show it, every 120 ms, and as REST does, a second later. One order stands for each level. */
export class BitstampMarket implements Listed {
  readonly id: string
  readonly market: SimulatedMarket
  readonly quiet: boolean
  readonly shape: MarketShape
  readonly trades: PublishedTrade[] = []
  listed = true
  readonly #now: Sides = { bids: new Map(), asks: new Map() }
  readonly #rest: Sides = { bids: new Map(), asks: new Map() }
  /** Levels that moved since the last publication. */
  readonly #moved = new Map<string, { readonly side: BookSide; readonly price: string }>()
  /** What was published and REST does not show yet. */
  readonly #coming: {
    readonly at: Micros
    readonly rows: readonly [BookSide, string, Held | undefined][]
  }[] = []
  readonly #shown: Sides = { bids: new Map(), asks: new Map() }
  #nextOrder = () => ''
  /** The publication that REST has come to. */
  #restAt: Micros = 0

  constructor(id: string, shape: MarketShape, quiet: boolean, random: SeededRandom) {
    this.id = id
    this.shape = shape
    this.quiet = quiet
    this.market = new SimulatedMarket(shape, random)
  }

  /** @param nextOrder gives the ids of orders, which rise over all markets. */
  begin(nextOrder: () => string): void {
    this.#nextOrder = nextOrder
    const book = this.market.book.top(1_000)
    for (const side of ['bids', 'asks'] as const) {
      for (const [price, amount] of book[side]) {
        const held = this.#order(amount)
        for (const sides of [this.#now, this.#shown, this.#rest]) sides[side].set(price, held)
      }
    }
  }

  get perpetual(): boolean {
    return this.id.endsWith('-perp')
  }

  moved({ side, price, amount }: LevelMove): OrderEvent {
    const held = this.#now[side].get(price)
    this.#moved.set(`${side} ${price}`, { side, price })
    if (amount === null) {
      this.#now[side].delete(price)
      return { event: 'order_deleted', side, row: [price, '0', held?.order ?? ''] }
    }
    const standing = held === undefined ? this.#order(amount) : { ...held, amount }
    this.#now[side].set(price, standing)
    return {
      event: held === undefined ? 'order_created' : 'order_changed',
      side,
      row: [price, amount, standing.order],
    }
  }

  traded(trade: MarketTrade, number: bigint): PublishedTrade {
    const published = { ...trade, id: String(this.perpetual ? PERPETUAL_IDS + number : number) }
    this.trades.push(published)
    if (this.trades.length > TRADES_KEPT) this.trades.shift()
    return published
  }

  /** @returns the levels that changed since the last time, amount 0 where one went; null where none did. */
  publish(at: Micros): Book | null {
    const rows: [BookSide, string, Held | undefined][] = []
    for (const { side, price } of this.#moved.values()) {
      const [is, was] = [this.#now[side].get(price), this.#shown[side].get(price)]
      if (is?.amount === was?.amount && is?.order === was?.order) continue
      if (is === undefined) this.#shown[side].delete(price)
      else this.#shown[side].set(price, is)
      rows.push([side, price, is])
    }
    this.#moved.clear()
    this.#coming.push({ at, rows })
    this.#settle(at)
    if (rows.length === 0) return null
    const of = (wanted: BookSide): Row[] =>
      rows.flatMap(([side, price, held]) =>
        side === wanted ? [[price, held?.amount ?? '0', held?.order ?? ''] as const] : [],
      )
    return { at, bids: of('bids'), asks: of('asks') }
  }

  /** The best rows as they were last published. */
  best(at: Micros): Book {
    return {
      at,
      bids: sorted(this.#shown, 'bids').slice(0, DEPTH),
      asks: sorted(this.#shown, 'asks').slice(0, DEPTH),
    }
  }

  /** The whole book as REST has it. */
  image(at: Micros): Book {
    this.#settle(at)
    return {
      at: this.#restAt || at - LAG,
      bids: sorted(this.#rest, 'bids'),
      asks: sorted(this.#rest, 'asks'),
    }
  }

  /** Trades that REST shows, newest first. */
  history(at: Micros): readonly PublishedTrade[] {
    return this.trades.filter(({ time }) => time <= at - LAG).toReversed()
  }

  #settle(at: Micros): void {
    for (let next = this.#coming[0]; next !== undefined && next.at <= at - LAG; next = this.#coming[0]) {
      this.#coming.shift()
      this.#restAt = next.at
      for (const [side, price, held] of next.rows) {
        if (held === undefined) this.#rest[side].delete(price)
        else this.#rest[side].set(price, held)
      }
    }
  }

  #order(amount: string): Held {
    return { amount, order: this.#nextOrder() }
  }
}

function sorted(sides: Sides, side: BookSide): Row[] {
  const better = side === 'bids' ? -1 : 1
  return [...sides[side]]
    .map(([price, { amount, order }]): Row => [price, amount, order])
    .sort(([a], [b]) => better * (Number(a) - Number(b)))
}

export function bitstampMarkets(
  { extremeAmounts = false, instruments = 0 }: SimulatorOptions,
  random: SeededRandom,
): BitstampMarket[] {
  const own = Object.entries(SHAPES).map(
    ([id, shape]) => new BitstampMarket(id, { ...shape, extremeAmounts }, false, random.fork()),
  )
  const more = moreListings(instruments - own.length, 8).map(
    ({ base, shape }) => new BitstampMarket(`${base.toLowerCase()}usd`, shape, true, random.fork()),
  )
  return [...own, ...more]
}

/** A decimal as the venue prints it: so many decimals, whatever they are. */
export function padded(decimal: string, decimals: number): string {
  const [whole = '', fraction = ''] = decimal.split('.')
  return decimals === 0 ? whole : `${whole}.${fraction.padEnd(decimals, '0')}`
}
