import type { Micros, TradeEvent } from '../../schemas/events.js'
import type { BookSide } from '../../src/book/order-book.js'
import type { MarketTrade, SimulatedMarket } from '../../src/simulator/index.js'

/** How long it is remembered what a level was. */
const REMEMBERED: Micros = 180_000_000
/** Trades of the venue are sent with at least a hundredth of a second of their time. */
const TIME_GRAIN: Micros = 20_000
const HOUR: Micros = 3_600_000_000

/** What became true of one level: its amount, or null where it went. */
interface Spell {
  readonly since: Micros
  readonly amount: string | null
}

/** One true trade, and what the feed made of it. */
export interface TrueTrade extends MarketTrade {
  emitted: boolean
}

/**
 * The truth of one market, taken from the simulated market itself as it moves, before any protocol or fault has touched it:
 * every trade, and what each level was at each moment of the last minutes.
 */
export class TrueMarket {
  readonly market: SimulatedMarket
  readonly trades: TrueTrade[] = []
  readonly #spells: Record<BookSide, Map<string, Spell[]>> = { bids: new Map(), asks: new Map() }
  readonly #tradesByFacts = new Map<string, TrueTrade[]>()

  /** Listens to a market from now on. */
  constructor(market: SimulatedMarket) {
    this.market = market
    const step = market.step.bind(market)
    market.step = (now) => {
      const moved = step(now)
      for (const { side, price, previous, amount } of moved.moves)
        this.#moved(side, price, previous, amount, now)
      for (const trade of moved.trades) this.#traded({ ...trade, emitted: false })
      return moved
    }
  }

  /** Whether a level had this amount at some moment of a span; null asks whether it was absent. */
  was(side: BookSide, price: string, amount: string | null, from: Micros, to: Micros): boolean {
    return this.since(side, price, amount, from, to) !== null
  }

  /** When a level took the amount that it had at some moment of a span, the first time of several; null where it never had it. */
  since(side: BookSide, price: string, amount: string | null, from: Micros, to: Micros): Micros | null {
    const spells = this.#spells[side].get(price)
    if (spells === undefined) {
      return this.market.book.amountAt(side, price) === amount ? Number.NEGATIVE_INFINITY : null
    }
    let first: Micros | null = null
    let until = Number.POSITIVE_INFINITY
    for (let index = spells.length - 1; index >= 0; index--) {
      const spell = spells[index]
      if (spell === undefined) continue
      const { since } = spell
      // What a level was within one step of the market, and only within it, some venues tell as well.
      if (until <= from && since < from) break
      if (since <= to && spell.amount === amount) first = since
      until = since
    }
    return first
  }

  /**
   * The levels that stood unchanged through a span, best first.
   *
   * @param movedSince only those that became what they are after this. @default all
   */
  steady(
    side: BookSide,
    levels: number,
    from: Micros,
    movedSince: Micros = Number.NEGATIVE_INFINITY,
  ): { price: string; amount: string }[] {
    const found: { price: string; amount: string }[] = []
    for (const [price, amount] of this.market.book.top(levels)[side]) {
      const since = this.#spells[side].get(price)?.at(-1)?.since ?? Number.NEGATIVE_INFINITY
      if (since < from && since >= movedSince) found.push({ price, amount })
    }
    return found
  }

  /**
   * The true trade that an event speaks of, by price, amount and time (the venue's clock may be an hour off): where there is a
   * choice one of the same side, of those one that was not emitted yet, of those the nearest in time, and of those of one moment
   * the last where the venue sends the newest first. Null where no such trade ever was.
   *
   * @param grain what the time is cut to. @default two hundredths of a second
   */
  find(
    { price, amount, side, exchangeTime }: Pick<TradeEvent, 'price' | 'amount' | 'side' | 'exchangeTime'>,
    newestFirst: boolean,
    grain: Micros = 0,
  ): TrueTrade | null {
    const alike = this.#tradesByFacts.get(`${price} ${amount}`) ?? []
    // Trades of a single unit are alike often enough for two to lie an hour apart: the clock is off last of all.
    for (const off of [0, HOUR]) {
      const distance = ({ time }: TrueTrade) =>
        exchangeTime === null ? 0 : Math.abs(exchangeTime - off - time)
      const near = alike.filter((trade) => distance(trade) <= grain + TIME_GRAIN)
      // A history may begin with the second of two that differ in nothing but the side.
      const ofSide = near.filter((trade) => trade.side === side)
      const fitting = ofSide.length > 0 ? ofSide : near
      const missing = fitting.filter(({ emitted }) => !emitted)
      const nearest = nearestOf(missing.length > 0 ? missing : fitting, distance)
      if (nearest === undefined) continue
      const ofOneMoment = missing.filter(({ time }) => time === nearest.time)
      return (newestFirst ? ofOneMoment.at(-1) : undefined) ?? nearest
    }
    return null
  }

  #moved(side: BookSide, price: string, previous: string | null, amount: string | null, now: Micros): void {
    let spells = this.#spells[side].get(price)
    if (spells === undefined) {
      spells = [{ since: Number.NEGATIVE_INFINITY, amount: previous }]
      this.#spells[side].set(price, spells)
    }
    spells.push({ since: now, amount })
    // The first one stays true until the second begins.
    while ((spells[1]?.since ?? now) < now - REMEMBERED) spells.shift()
  }

  #traded(trade: TrueTrade): void {
    this.trades.push(trade)
    const facts = `${trade.price} ${trade.amount}`
    const alike = this.#tradesByFacts.get(facts)
    if (alike === undefined) this.#tradesByFacts.set(facts, [trade])
    else alike.push(trade)
  }
}

/** The first of the trades that are nearest. */
function nearestOf(
  trades: readonly TrueTrade[],
  distance: (trade: TrueTrade) => number,
): TrueTrade | undefined {
  return trades.toSorted((a, b) => distance(a) - distance(b))[0]
}
