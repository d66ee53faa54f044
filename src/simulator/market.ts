import type { Level, Micros, Side } from '../../schemas/events.js'
import { type BookSide, OrderBook } from '../book/order-book.js'
import { DayFigures } from './day-figures.js'
import type { SeededRandom } from './random.js'

/** What an instrument of the simulated market is like. */
export interface MarketShape {
  /** Decimals of the price, and the smallest step in units of the last decimal. */
  readonly priceDecimals: number
  readonly tick?: number
  readonly amountDecimals: number
  /** Where the price starts, as a decimal; rounded down to a multiple of the tick. */
  readonly price: string
  /** Levels a side that the market keeps. @default 120 */
  readonly levels?: number
  /**
   * What a level typically holds, in the instrument's own unit of amounts: levels hold from a tenth of it to ten times as
   * much, trades take from a hundredth. @default '10'
   */
  readonly amount?: string
  /**
   * Amounts occur that no market has, for tests of exactness: one of `amountDigits` digits in a hundred, a single unit of the
   * last decimal in thirty. @default false
   */
  readonly extremeAmounts?: boolean
  /** Digits of the longest extreme amounts. Fewer where the venue itself keeps binary floats, as Bitfinex does. @default 20 */
  readonly amountDigits?: number
}

/** A trade of a simulated market. */
export interface MarketTrade {
  /**
   * Counts up in each market, from the milliseconds on the clock at its first step: a simulator that starts again gives
   * none of the numbers of its last run, as a venue gives no id twice.
   */
  readonly number: number
  readonly time: Micros
  readonly side: Side
  readonly price: string
  readonly amount: string
}

/** One change of one level. `previous` is null where the level is new, `amount` is null where it went. */
export interface LevelMove {
  readonly side: BookSide
  readonly price: string
  readonly previous: string | null
  readonly amount: string | null
}

/** What a step of a simulated market brought. */
export interface MarketStep {
  readonly moves: readonly LevelMove[]
  readonly trades: readonly MarketTrade[]
}

/** The figures of 24 hours, as decimals. */
export interface MarketDay {
  /** The price 24 hours ago. */
  readonly open: string
  readonly high: string
  readonly low: string
  readonly last: string
  readonly volume: string
  /** The sum of amount times price. */
  readonly turnover: string
  readonly trades: number
}

const NOTHING: MarketStep = { moves: [], trades: [] }

/** Some minutes of a busy market: what a venue's history over REST reaches back to. */
const TRADES_KEPT = 5_000

/** How far from where it began the price may wander before the market leans against it, in levels. */
const ROAM = 50

/** Typical amounts that a market traded on the day before it began. */
const AMOUNTS_A_DAY = 200_000n

const USUAL_AMOUNT = '10'

/** Prices whose text is remembered. */
const PRICES_KEPT = 10_000

/**
 * A market that lives by a seed: a true book that never crosses, and trades that eat from it. All numbers are integers in
 * units of the last decimal, so that the truth is exact.
 *
 * However long it lives, a side keeps from `levels` to a fifth more (fewer only where prices would fall to zero), the
 * price stays around where it began, and the last five thousand trades are kept.
 */
export class SimulatedMarket {
  /** The true book. */
  readonly book = new OrderBook()
  /** The last trades, oldest first: five thousand at most. */
  readonly trades: MarketTrade[] = []
  /** The market stands still: what was told of it can catch up with what is true. */
  frozen = false
  readonly #shape: Required<MarketShape>
  readonly #random: SeededRandom
  /** Where the price began, in ticks. Every price is so many ticks away from it, which fits a number. */
  readonly #home: bigint
  /** Prices are above this many ticks from home. */
  readonly #floor: number
  /** How many ticks away the price is pulled back with all force. */
  readonly #roam: number
  readonly #prices = new Map<number, string>()
  /** The typical amount, in units. */
  readonly #typical: bigint
  readonly #day: DayFigures
  #lastNumber = 0
  #now: Micros = 0

  /** @throws {RangeError} where the price is below one tick or has more than its decimals. */
  constructor(shape: MarketShape, random: SeededRandom) {
    this.#shape = {
      tick: 1,
      levels: 120,
      amount: USUAL_AMOUNT,
      amountDigits: 20,
      extremeAmounts: false,
      ...shape,
    }
    this.#random = random
    this.#typical = units(this.#shape.amount, shape.amountDecimals)
    this.#home = units(shape.price, shape.priceDecimals) / BigInt(this.#shape.tick)
    if (this.#home <= 0n) throw new RangeError(`the price ${shape.price} is below one tick`)
    const hourly = (this.#typical * AMOUNTS_A_DAY) / 24n
    const price = this.#home * BigInt(this.#shape.tick)
    this.#day = new DayFigures({
      price,
      volume: hourly,
      turnover: hourly * price,
      trades: Number(AMOUNTS_A_DAY / 24n),
    })
    this.#floor = -Number(this.#home)
    const half = this.#home / 2n
    const reach = BigInt(this.#shape.levels * ROAM)
    this.#roam = Number(half < reach ? half + 1n : reach)
    const bids: Level[] = []
    const asks: Level[] = []
    for (let step = 1; step <= this.#shape.levels; step++) {
      if (-step > this.#floor) bids.push([this.#price(-step), this.#amount()])
      asks.push([this.#price(step), this.#amount()])
    }
    this.book.snapshot(bids, asks)
  }

  /** The figures of the 24 hours before the last step. The hours before the market began count as usual ones. */
  get day(): MarketDay {
    const { priceDecimals, amountDecimals } = this.#shape
    const { open, high, low, volume, turnover, trades } = this.#day.totals(this.#now)
    const opened = decimal(open, priceDecimals)
    return {
      open: opened,
      high: decimal(high, priceDecimals),
      low: decimal(low, priceDecimals),
      last: this.trades.at(-1)?.price ?? opened,
      volume: decimal(volume, amountDecimals),
      turnover: decimal(turnover, amountDecimals + priceDecimals),
      trades,
    }
  }

  /** Moves the market on by a few changes. Every change of the book is in `moves`, in order. */
  step(now: Micros): MarketStep {
    this.#now = now
    if (this.#lastNumber === 0) this.#lastNumber = Math.floor(now / 1000)
    if (this.frozen) return NOTHING
    const moves: LevelMove[] = []
    const trades: MarketTrade[] = []
    const changes = this.#random.integer(1, 4)
    for (let change = 0; change < changes; change++) {
      if (this.#random.chance(0.15)) this.#trade(now, moves, trades)
      else this.#change(moves)
    }
    this.#trim('bids', moves)
    this.#trim('asks', moves)
    return { moves, trades }
  }

  /** Sets or removes one level, most often near the spread, never beyond it. */
  #change(moves: LevelMove[]): void {
    const side: BookSide = this.#random.chance(0.5) ? 'bids' : 'asks'
    const { bid, ask } = this.book.best()
    const other = side === 'bids' ? ask : bid
    const near = other === null ? 0 : this.#away(other[0])
    const distance = 1 + Math.floor(this.#random.next() ** 3 * this.#shape.levels)
    const away = side === 'bids' ? near - distance : near + distance
    if (away <= this.#floor) return
    const price = this.#price(away)
    const held = this.book.amountAt(side, price)
    const remove = held !== null && this.book.count(side) > 5 && this.#random.chance(0.45)
    this.#set(side, price, held, remove ? null : this.#amount(), moves)
  }

  /** Keeps the number of levels where it belongs, at the far end of the side. */
  #trim(side: BookSide, moves: LevelMove[]): void {
    const { levels } = this.#shape
    while (this.book.count(side) > levels * 1.2) {
      const worst = this.book.worst(side)
      if (worst !== null) this.#set(side, worst[0], worst[1], null, moves)
    }
    while (this.book.count(side) < levels) {
      const worst = this.book.worst(side)
      const from = worst === null ? 0 : this.#away(worst[0])
      const away = side === 'bids' ? from - 1 : from + 1
      if (away <= this.#floor) return
      this.#set(side, this.#price(away), null, this.#amount(), moves)
    }
  }

  #trade(now: Micros, moves: LevelMove[], trades: MarketTrade[]): void {
    const { bid, ask } = this.book.best()
    if (bid === null || ask === null) return
    const side: Side = this.#random.chance(this.#demand(bid[0])) ? 'buy' : 'sell'
    const eaten: BookSide = side === 'buy' ? 'asks' : 'bids'
    const [price, held] = side === 'buy' ? ask : bid
    const available = units(held, this.#shape.amountDecimals)
    const taken = this.#taken(available, this.book.count(eaten) > 5)
    const left = available - taken
    this.#set(eaten, price, held, left === 0n ? null : decimal(left, this.#shape.amountDecimals), moves)
    const trade: MarketTrade = {
      number: ++this.#lastNumber,
      time: now,
      side,
      price,
      amount: decimal(taken, this.#shape.amountDecimals),
    }
    const paid = units(price, this.#shape.priceDecimals)
    this.#day.add(now, paid, taken, taken * paid)
    trades.push(trade)
    this.trades.push(trade)
    if (this.trades.length > TRADES_KEPT) this.trades.shift()
  }

  /** The chance that the next taker buys: even at home, and the further away the price is the more it pulls back. */
  #demand(bid: string): number {
    const lean = Math.trunc((-this.#away(bid) * 1000) / this.#roam) / 1000
    return 0.5 + 0.45 * Math.max(-1, Math.min(1, lean))
  }

  #set(
    side: BookSide,
    price: string,
    previous: string | null,
    amount: string | null,
    moves: LevelMove[],
  ): void {
    if (previous === amount) return
    this.book.set(side, price, amount ?? '0')
    moves.push({ side, price, previous, amount })
  }

  /** The price so many ticks away from home. */
  #price(away: number): string {
    let price = this.#prices.get(away)
    if (price === undefined) {
      price = decimal((this.#home + BigInt(away)) * BigInt(this.#shape.tick), this.#shape.priceDecimals)
      if (this.#prices.size === PRICES_KEPT) this.#prices.clear()
      this.#prices.set(away, price)
    }
    return price
  }

  /** How many ticks a price is away from home. */
  #away(price: string): number {
    return Number(units(price, this.#shape.priceDecimals) / BigInt(this.#shape.tick) - this.#home)
  }

  /** What a taker takes of the best level: all of it, or a part that leaves no crumbs. */
  #taken(available: bigint, mayEmpty: boolean): bigint {
    if (mayEmpty && this.#random.chance(0.4)) return available
    const part = (available * BigInt(this.#random.integer(10, 90))) / 100n
    const crumbs = available - part < this.#typical / 10n
    if (mayEmpty && crumbs) return available
    return part === 0n ? available : part
  }

  #amount(): string {
    const roll = this.#random.next()
    const { amountDecimals, amountDigits, extremeAmounts } = this.#shape
    if (extremeAmounts && roll < 0.03) return decimal(1, amountDecimals)
    if (extremeAmounts && roll < 0.04) {
      const digits = Array.from({ length: amountDigits }, () => this.#random.integer(1, 9)).join('')
      return decimal(BigInt(digits), amountDecimals)
    }
    // Mostly a tenth of what is typical or more, one in four up to ten times as much.
    const share = BigInt(this.#random.integer(100_000, 1_000_000)) * (roll < 0.25 ? 10n : 1n)
    const amount = (this.#typical * share) / 1_000_000n
    return decimal(amount === 0n ? 1n : amount, amountDecimals)
  }
}

/**
 * A decimal as an integer in units of its last decimal place.
 *
 * @throws {RangeError} where it has more decimals than that.
 */
export function units(text: string, decimals: number): bigint {
  const point = text.indexOf('.')
  if (point === -1) return BigInt(text + '0'.repeat(decimals))
  const fraction = text.slice(point + 1)
  if (fraction.length > decimals && /[^0]/.test(fraction.slice(decimals))) {
    throw new RangeError(`${text} has more than ${decimals} decimals`)
  }
  return BigInt(text.slice(0, point) + fraction.slice(0, decimals).padEnd(decimals, '0'))
}

/** The canonical decimal of an integer in units of its last decimal place. A number must be a safe integer. */
export function decimal(value: bigint | number, decimals: number): string {
  const text = value.toString()
  const negative = text.charCodeAt(0) === 45
  const digits = (negative ? text.slice(1) : text).padStart(decimals + 1, '0')
  const point = digits.length - decimals
  let end = digits.length
  while (end > point && digits.charCodeAt(end - 1) === 48) end--
  const absolute =
    end === point ? digits.slice(0, point) : `${digits.slice(0, point)}.${digits.slice(point, end)}`
  return negative ? `-${absolute}` : absolute
}
