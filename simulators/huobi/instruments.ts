import type { Family } from '../../connectors/huobi/symbols.js'
import type { Micros, Side } from '../../schemas/events.js'
import { decimal, type MarketShape, SimulatedMarket, units } from '../../src/simulator/market.js'
import type { SeededRandom } from '../../src/simulator/random.js'
import type { InstrumentFacts, PushedTrade } from './facts.js'
import { Tally } from './tally.js'

/** 27 December 2030, a Friday, 08:00 UTC: when dated contracts are delivered. */
const DELIVERY = Date.UTC(2030, 11, 27, 8)

export const INSTRUMENTS: readonly InstrumentFacts[] = [
  spot('btc', 'usdt', { price: '58911.07', priceDecimals: 2, amountDecimals: 6, amount: '0.04' }),
  spot('eth', 'usdt', { price: '2461.35', priceDecimals: 2, amountDecimals: 4, amount: '0.8' }),
  spot('doge', 'eth', { price: '0.00011522', priceDecimals: 8, amountDecimals: 2, amount: '2000' }),
  {
    ...spot('ton', 'usdt', { price: '5.1', priceDecimals: 4, amountDecimals: 2, amount: '100' }),
    suspended: true,
  },
  contract(
    'BTC-USDT',
    'linear',
    { price: '58911.1', priceDecimals: 1, amountDecimals: 0, amount: '30' },
    '0.001',
  ),
  contract(
    'ETH-USDT',
    'linear',
    { price: '2461.35', priceDecimals: 2, amountDecimals: 0, amount: '80' },
    '0.01',
  ),
  {
    ...contract(
      'BTC-USDT-301227',
      'linear',
      { price: '60120.5', priceDecimals: 1, amountDecimals: 0, amount: '30' },
      '0.001',
    ),
    delivery: DELIVERY,
  },
  {
    ...contract(
      'ANT-USDT',
      'linear',
      { price: '5.2734', priceDecimals: 4, amountDecimals: 0, amount: '100' },
      '1',
    ),
    suspended: true,
  },
  contract('BTC-USD', 'swap', { price: '58899.9', priceDecimals: 1, amountDecimals: 0, amount: '20' }, '100'),
  contract('ETH-USD', 'swap', { price: '2461.11', priceDecimals: 3, amountDecimals: 0, amount: '200' }, '10'),
  {
    ...contract(
      'BTC301227',
      'futures',
      { price: '60050.12', priceDecimals: 2, amountDecimals: 0, amount: '20' },
      '100',
    ),
    delivery: DELIVERY,
    alias: 'BTC_CQ',
  },
]

function spot(base: string, quote: string, shape: MarketShape): InstrumentFacts {
  const id = `${base}${quote}`
  return {
    id,
    family: 'spot',
    base,
    quote,
    shape,
    contractSize: null,
    delivery: null,
    alias: null,
    suspended: false,
  }
}

function contract(id: string, family: Family, shape: MarketShape, contractSize: string): InstrumentFacts {
  const base = /^[A-Z]+/.exec(id)?.[0] ?? id
  const quote = family === 'linear' ? 'USDT' : 'USD'
  return { id, family, base, quote, shape, contractSize, delivery: null, alias: null, suspended: false }
}

/** One push of `trade.detail`. */
export interface TradePush {
  readonly id: string
  readonly at: Micros
  readonly trades: readonly PushedTrade[]
}

/** Where the numbers of spot begin: 2020, which gives them the twelve digits that they have at the venue. */
const OPENED = Date.UTC(2020, 0, 1)

/** What a `req` for recent trades reaches back to. */
const MAX_PUSHES = 300

/** A market with the numbers that the venue puts on it: one counter for trades, books and quotes. */
export class SimulatedInstrument {
  readonly facts: InstrumentFacts
  readonly market: SimulatedMarket
  readonly day = new Tally()
  status: 'open' | 'suspended' | 'delisted'
  /** No news until then, and no movement. */
  mutedUntil: Micros = 0
  /** The last pushes of trades, oldest first. */
  readonly pushes: TradePush[] = []
  /** seqNum, version, seqId on spot; mrid on derivatives. Goes on from the clock, so that no start gives a number twice. */
  counter = 0n
  readonly #random: SeededRandom
  /** From the number of a trade to its id. */
  #idOffset = 0

  constructor(facts: InstrumentFacts, random: SeededRandom) {
    this.facts = facts
    this.#random = random
    this.market = new SimulatedMarket(facts.shape, random.fork())
    this.status = facts.suspended ? 'suspended' : 'open'
  }

  /** Trades before anybody came: the last of them is what a subscription begins with. */
  begin(at: Micros): void {
    const ageMs = this.#random.integer(1_000, 100_000)
    const sinceOpening = Math.floor(at / 1000) - OPENED
    this.counter = this.facts.family === 'spot' ? BigInt(sinceOpening) : BigInt(Math.floor(at / 10))
    // The first trade lies further back at one seed than at another; the ids begin now.
    this.#idOffset = ageMs - OPENED
    while (this.pushes.length === 0 && !this.market.frozen) this.step(at - ageMs * 1000)
  }

  get lastPush(): TradePush | null {
    return this.pushes.at(-1) ?? null
  }

  /** @returns the push of the trades that happened, and whether the book changed. */
  step(at: Micros): { push: TradePush | null; changed: boolean } {
    const { moves, trades } = this.market.step(at)
    const changed = moves.length > 0
    if (changed) this.counter += BigInt(this.#random.integer(1, this.facts.family === 'spot' ? 81 : 3))
    if (trades.length === 0) return { push: null, changed }
    const id = String(this.counter)
    const pushed = trades.map(({ number, price, amount, side }, index) =>
      this.#pushed(id, index, number, price, amount, side),
    )
    for (const trade of pushed) this.day.add(trade, this.facts)
    // Spot lists the newest first.
    const push = { id, at, trades: this.facts.family === 'spot' ? pushed.reverse() : pushed }
    this.pushes.push(push)
    if (this.pushes.length > MAX_PUSHES) this.pushes.shift()
    return { push, changed }
  }

  #pushed(
    push: string,
    index: number,
    number: number,
    price: string,
    amount: string,
    side: Side,
  ): PushedTrade {
    const { contractSize, family, shape } = this.facts
    if (contractSize === null) {
      const tail = Array.from({ length: 15 }, () => this.#random.integer(0, 9)).join('')
      const tradeId = String(this.#idOffset + number)
      return { id: `${push}${tail}`, tradeId, price, amount, quantity: null, turnover: null, side }
    }
    const both = 2n * units(amount, 0)
    const size = units(contractSize, 18)
    const money = units(price, shape.priceDecimals)
    const linear = family === 'linear'
    return {
      id: String(BigInt(push) * 10_000n + BigInt(index)),
      tradeId: null,
      price,
      amount: String(both),
      quantity: linear
        ? decimal(both * size, 18)
        : decimal((both * size * 10n ** BigInt(19 + shape.priceDecimals)) / money, 37),
      turnover: linear ? decimal(both * size * money, 18 + shape.priceDecimals) : null,
      side,
    }
  }
}
