import type { Micros } from '../../schemas/events.js'
import {
  decimal,
  type MarketShape,
  type MarketTrade,
  SimulatedMarket,
  units,
} from '../../src/simulator/market.js'
import type { SeededRandom } from '../../src/simulator/random.js'
import type { SimulatorOptions } from '../../src/simulator/venue-simulator.js'
import { changedLevels, PublishedWindow } from '../kit/book-window.js'
import { type Candle, Candles } from '../kit/candles.js'
import { moreListings } from '../kit/more-listings.js'
import { periods } from '../kit/periods.js'
import type { Listed } from '../kit/simulated-exchange.js'
import { legacyDelta } from './legacy-rows.js'
import { type Body, type Push, WIRE_DECIMALS, wire, wireLevel, wireTime } from './wire.js'

/**
 * Two markets whose ids begin alike (clients have mixed them up), one that begins with a digit and can be delisted, one of
 * more levels than the deepest window shows, and one whose neighbouring prices are the same double.
 */
const SHAPES: Readonly<Record<string, MarketShape>> = {
  'BTC-USD': { priceDecimals: 3, amountDecimals: 8, price: '38000', amount: '0.05', levels: 520 },
  'BTC-USDT': {
    priceDecimals: 8,
    amountDecimals: 8,
    price: '38010.5',
    amount: '0.05',
    tick: 1000,
    levels: 60,
  },
  'ETH-BTC': { priceDecimals: 8, amountDecimals: 8, price: '0.07', amount: '0.7', levels: 120 },
  '1INCH-BTC': { priceDecimals: 8, amountDecimals: 8, price: '0.00005', amount: '200', levels: 40 },
  'BTC-COP': { priceDecimals: 8, amountDecimals: 8, price: '271828182.84590452', amount: '0.02' },
}

export const DELISTED = '1INCH-BTC'

/** A REST answer with the number that it stands for. */
export interface Numbered {
  readonly sequence: number
  readonly body: unknown
}

const DEPTHS = [500, 25, 1]
const LENGTHS = { MINUTE_1: '1m', MINUTE_5: '5m', HOUR_1: '1h', DAY_1: '1d' } as const
/** Candles that REST remembers. */
const CANDLES_KEPT = 60
const ONE = 10n ** BigInt(WIRE_DECIMALS)

/** A window of the book, and the number of the last message of its changes. */
interface NumberedWindow {
  readonly window: PublishedWindow
  sequence: number
  /** Messages since it was last published, which nobody followed. */
  skipped: number
}

/** The candles of one length. */
interface NumberedCandles {
  readonly candles: Candles
  sequence: number
}

/** One market of the simulated venue: its truth, and everything that the hubs and REST publish of it. */
export class BittrexMarket implements Listed {
  readonly id: string
  readonly quiet: boolean
  readonly precision: number
  readonly market: SimulatedMarket
  listed = true
  readonly #read: (at?: Micros) => Micros
  readonly #random: SeededRandom
  readonly #windows = new Map<number, NumberedWindow>()
  readonly #candles: ReadonlyMap<string, NumberedCandles>
  #tradeSequence: number
  /** Of the old hub, which numbers all changes of a market together. */
  #nonce: number
  #ticker: Body
  #summarised = 0

  constructor(
    id: string,
    shape: MarketShape,
    quiet: boolean,
    clock: (at?: Micros) => Micros,
    random: SeededRandom,
  ) {
    this.id = id
    this.quiet = quiet
    this.precision = shape.priceDecimals
    this.market = new SimulatedMarket(shape, random.fork())
    this.#read = clock
    this.#random = random.fork()
    this.#tradeSequence = this.#someNumber()
    this.#candles = new Map(
      Object.entries(LENGTHS).map(([name, length]) => [
        name,
        { candles: new Candles(periods(length), CANDLES_KEPT), sequence: this.#someNumber() },
      ]),
    )
    this.#nonce = this.#tradeSequence
    this.#ticker = this.ticker()
  }

  get nonce(): number {
    return this.#nonce
  }

  /**
   * Moves the market on by one step.
   *
   * @param followed whether anybody has a topic: what a book's window changes by is worked out for nobody else.
   */
  step(at: Micros, followed: (topic: string) => boolean): Push[] {
    const { moves, trades } = this.market.step(at)
    const pushes: Push[] = []
    if (moves.length > 0) {
      for (const [depth, window] of this.#windows) this.#changes(depth, window, followed, pushes)
      this.#nonce++
      if (followed(`uE ${this.id}`)) {
        pushes.push({
          topic: `uE ${this.id}`,
          method: 'uE',
          body: legacyDelta(this, moves, trades, this.#read),
        })
      }
    }
    if (trades.length > 0) {
      const deltas = trades.map((trade) => this.#tradeRow(trade))
      const body = { deltas, sequence: ++this.#tradeSequence, marketSymbol: this.id }
      pushes.push({ topic: `trade_${this.id}`, method: 'trade', body })
    }
    for (const [interval, candles] of this.#candles) this.#count(interval, candles, trades, pushes)
    const ticker = this.ticker()
    if (JSON.stringify(ticker) !== JSON.stringify(this.#ticker)) {
      this.#ticker = ticker
      pushes.push({ topic: `ticker_${this.id}`, method: 'ticker', body: ticker })
    }
    return pushes
  }

  /** The summary, where trades changed it since it was last asked for. */
  changedSummary(): Body | null {
    const last = this.market.trades.at(-1)?.number ?? 0
    if (last === this.#summarised) return null
    this.#summarised = last
    return this.summary()
  }

  /** The server restarted: its numbers begin again. */
  restart(): void {
    for (const window of this.#windows.values()) window.sequence = 0
    for (const candles of this.#candles.values()) candles.sequence = 0
    this.#tradeSequence = 0
    this.#nonce = 0
  }

  ticker(): Body {
    const { bid, ask } = this.market.book.best()
    return {
      symbol: this.id,
      lastTradeRate: wire(this.market.trades.at(-1)?.price ?? '0'),
      bidRate: wire(bid?.[0] ?? '0'),
      askRate: wire(ask?.[0] ?? '0'),
    }
  }

  summary(): Body {
    const { open, high, low, last, volume, turnover } = this.market.day
    return {
      symbol: this.id,
      high: wire(high),
      low: wire(low),
      volume: wire(volume),
      quoteVolume: wire(turnover),
      percentChange: percent(open, last),
      updatedAt: wireTime(this.#read()),
    }
  }

  /** What REST says of the book, as it stands: pushes of it may still be on their way. Null for a depth there is not. */
  book(depth: number): Numbered | null {
    const numbered = this.#window(depth)
    if (numbered === null) return null
    catchUp(numbered)
    const { bids, asks } = this.market.book.top(depth)
    return { sequence: numbered.sequence, body: { bid: bids.map(wireLevel), ask: asks.map(wireLevel) } }
  }

  /** The last hundred trades, newest first. */
  trades(): Numbered {
    const rows = this.market.trades.slice(-100).reverse()
    return { sequence: this.#tradeSequence, body: rows.map((trade) => this.#tradeRow(trade)) }
  }

  /** Null for an interval there is not. */
  candles(interval: string): Numbered | null {
    const found = this.#candles.get(interval)
    return found === undefined ? null : { sequence: found.sequence, body: found.candles.bars.map(candleRow) }
  }

  /** Whether there is such a topic of this market; a book is kept from the first time that it is asked for. */
  has(topic: string): boolean {
    const [kind, id, detail = ''] = topic.split('_')
    if (id !== this.id) return topic === `market_summary_${this.id}`
    if (kind === 'orderbook') return this.#window(Number(detail)) !== null
    if (kind === 'candle') return this.#candles.has(topic.slice(`candle_${id}_`.length))
    return detail === '' && (kind === 'trade' || kind === 'ticker')
  }

  #window(depth: number): NumberedWindow | null {
    if (!DEPTHS.includes(depth)) return null
    let numbered = this.#windows.get(depth)
    if (numbered === undefined) {
      const window = new PublishedWindow(this.market.book, depth)
      numbered = { window, sequence: this.#someNumber(), skipped: 0 }
      this.#windows.set(depth, numbered)
    }
    return numbered
  }

  /** A level that leaves the window is said to be gone, one that enters it is sent whole. */
  #changes(
    depth: number,
    numbered: NumberedWindow,
    followed: (topic: string) => boolean,
    pushes: Push[],
  ): void {
    const topic = `orderbook_${this.id}_${depth}`
    // Nobody follows: the message has its number and is not made.
    if (!followed(topic) || numbered.skipped > 0) numbered.skipped++
    if (!followed(topic)) return
    if (numbered.skipped > 0) return catchUp(numbered)
    const before = numbered.window.publish()
    const { bids, asks } = changedLevels(before, numbered.window.shown)
    if (bids.length + asks.length === 0) return
    const [bidDeltas, askDeltas] = [bids.map(wireLevel), asks.map(wireLevel)]
    const body = { marketSymbol: this.id, depth, sequence: ++numbered.sequence, bidDeltas, askDeltas }
    pushes.push({ topic, method: 'orderBook', body })
  }

  /** A candle is pushed when it begins, empty or not, and with every trade. */
  #count(interval: string, numbered: NumberedCandles, trades: readonly MarketTrade[], pushes: Push[]): void {
    const topic = `candle_${this.id}_${interval}`
    const push = (candle: Candle) => {
      numbered.sequence++
      const { sequence } = numbered
      const body = {
        sequence,
        marketSymbol: this.id,
        interval,
        delta: candleRow(candle),
        candleType: 'TRADE',
      }
      pushes.push({ topic, method: 'candle', body })
    }
    const { candles } = numbered
    const now = this.#read()
    const before = candles.last
    candles.roll(now, this.market.day.open)
    if (candles.last !== undefined && candles.last !== before) push(candles.last)
    for (const { price, amount } of trades) {
      const size = units(amount, WIRE_DECIMALS)
      push(candles.add(now, price, [size, (size * units(price, WIRE_DECIMALS)) / ONE]))
    }
  }

  /** The id of a trade is a uuid whose last group is its number in the market. */
  #tradeRow({ number, time, side, price, amount }: MarketTrade) {
    return {
      id: `b177e0de-0000-4000-8000-${number.toString(16).padStart(12, '0')}`,
      executedAt: wireTime(this.#read(time)),
      quantity: wire(amount),
      rate: wire(price),
      takerSide: side.toUpperCase(),
    }
  }

  #someNumber(): number {
    return this.#random.integer(1_000, 5_000_000)
  }
}

/** Goes on from the book as it is, after what nobody followed. */
function catchUp(numbered: NumberedWindow): void {
  if (numbered.skipped === 0) return
  numbered.sequence += numbered.skipped
  numbered.skipped = 0
  numbered.window.publish()
}

function candleRow({ start, open, high, low, close, sums }: Candle) {
  const [volume = 0n, quoteVolume = 0n] = sums
  return {
    startsAt: wireTime(start),
    open: wire(open),
    high: wire(high),
    low: wire(low),
    close: wire(close),
    volume: wire(decimal(volume, WIRE_DECIMALS)),
    quoteVolume: wire(decimal(quoteVolume, WIRE_DECIMALS)),
  }
}

/** In percent with two decimals, as text. */
function percent(from: string, to: string): string {
  const before = units(from, WIRE_DECIMALS)
  return before === 0n ? '0' : decimal(((units(to, WIRE_DECIMALS) - before) * 10_000n) / before, 2)
}

export function bittrexMarkets(
  { extremeAmounts = false, instruments = 0 }: SimulatorOptions,
  clock: (at?: Micros) => Micros,
  random: SeededRandom,
): BittrexMarket[] {
  const own = Object.entries(SHAPES).map(
    ([id, shape]) => new BittrexMarket(id, { ...shape, extremeAmounts }, false, clock, random.fork()),
  )
  const more = moreListings(instruments - own.length, WIRE_DECIMALS).map(
    ({ base, shape }) => new BittrexMarket(`${base}-USD`, shape, true, clock, random.fork()),
  )
  return [...own, ...more]
}
