import type { Family } from '../../connectors/huobi/symbols.js'
import type { Micros, Side } from '../../schemas/events.js'
import { decimal, type MarketShape, SimulatedMarket, units } from '../../src/simulator/market.js'
import type { SeededRandom } from '../../src/simulator/random.js'
import type { SimulatorOptions } from '../../src/simulator/venue-simulator.js'
import { moreListings } from '../kit/more-listings.js'
import type { Listed, SimulatedExchange } from '../kit/simulated-exchange.js'

/** What a simulated instrument is. */
export interface InstrumentFacts {
  readonly id: string
  readonly family: Family
  readonly base: string
  readonly quote: string
  readonly shape: MarketShape
  /** Coins a contract (linear) or money a contract (inverse); null on spot. */
  readonly contractSize: string | null
  /** Milliseconds; null where nothing is delivered. */
  readonly delivery: number | null
  /** What the id is also called: `BTC_CQ`. */
  readonly alias: string | null
  /** Acked (or refused, on spot) and silent. */
  readonly suspended: boolean
  /** One of those that were added on demand. @default false */
  readonly quiet?: boolean
}

/** One trade as the venue counts it: coins on spot, contracts of both sides elsewhere. */
export interface PushedTrade {
  readonly id: string
  /** Spot only. */
  readonly tradeId: string | null
  readonly price: string
  readonly amount: string
  /** Coins and money that changed hands, both sides; null on spot. */
  readonly quantity: string | null
  readonly turnover: string | null
  readonly side: Side
}

/** One push of `trade.detail`. */
export interface TradePush {
  readonly id: string
  readonly at: Micros
  readonly trades: readonly PushedTrade[]
}

export type HuobiExchange = SimulatedExchange<HuobiInstrument>

/** 27 December 2030, a Friday, 08:00 UTC: when dated contracts are delivered. */
const DELIVERY = Date.UTC(2030, 11, 27, 8)

const whole = (price: string, priceDecimals: number, amount: string): MarketShape => ({
  price,
  priceDecimals,
  amountDecimals: 0,
  amount,
})

const OWN: readonly InstrumentFacts[] = [
  spot('btc', 'usdt', { price: '58911.07', priceDecimals: 2, amountDecimals: 6, amount: '0.04' }),
  spot('eth', 'usdt', { price: '2461.35', priceDecimals: 2, amountDecimals: 4, amount: '0.8' }),
  spot('doge', 'eth', { price: '0.00011522', priceDecimals: 8, amountDecimals: 2, amount: '2000' }),
  spot(
    'ton',
    'usdt',
    { price: '5.1', priceDecimals: 4, amountDecimals: 2, amount: '100' },
    { suspended: true },
  ),
  contract('BTC-USDT', 'linear', whole('58911.1', 1, '30'), '0.001'),
  contract('ETH-USDT', 'linear', whole('2461.35', 2, '80'), '0.01'),
  contract('BTC-USDT-301227', 'linear', whole('60120.5', 1, '30'), '0.001', { delivery: DELIVERY }),
  contract('ANT-USDT', 'linear', whole('5.2734', 4, '100'), '1', { suspended: true }),
  contract('BTC-USD', 'swap', whole('58899.9', 1, '20'), '100'),
  contract('ETH-USD', 'swap', whole('2461.11', 3, '200'), '10'),
  contract('BTC301227', 'futures', whole('60050.12', 2, '20'), '100', {
    delivery: DELIVERY,
    alias: 'BTC_CQ',
  }),
]

function spot(
  base: string,
  quote: string,
  shape: MarketShape,
  more: Partial<InstrumentFacts> = {},
): InstrumentFacts {
  const facts = { family: 'spot', contractSize: null, delivery: null, alias: null, suspended: false } as const
  return { id: `${base}${quote}`, base, quote, shape, ...facts, ...more }
}

function contract(
  id: string,
  family: Family,
  shape: MarketShape,
  contractSize: string,
  more: Partial<InstrumentFacts> = {},
): InstrumentFacts {
  const base = /^[A-Z]+/.exec(id)?.[0] ?? id
  const quote = family === 'linear' ? 'USDT' : 'USD'
  const facts = { delivery: null, alias: null, suspended: false }
  return { id, family, base, quote, shape, contractSize, ...facts, ...more }
}

/** Where the numbers of spot begin: 2020, which gives them the twelve digits that they have at the venue. */
const OPENED = Date.UTC(2020, 0, 1)

/** What a `req` for recent trades reaches back to. */
const MAX_PUSHES = 300

/** A market with the numbers that the venue puts on it: one counter for trades, books and quotes. */
export class HuobiInstrument implements Listed {
  readonly id: string
  readonly quiet: boolean
  readonly facts: InstrumentFacts
  readonly market: SimulatedMarket
  listed: boolean
  /** The last pushes of trades, oldest first. */
  readonly pushes: TradePush[] = []
  /** seqNum, version, seqId on spot; mrid on derivatives. Goes on from the clock, so that no start gives a number twice. */
  counter = 0n
  readonly #random: SeededRandom
  /** From the number of a trade to its id. */
  #idOffset = 0

  constructor(facts: InstrumentFacts, random: SeededRandom) {
    this.id = facts.id
    this.quiet = facts.quiet ?? false
    this.facts = facts
    this.listed = !facts.suspended
    this.#random = random
    this.market = new SimulatedMarket(facts.shape, random.fork())
  }

  get status(): 'open' | 'suspended' | 'delisted' {
    if (this.facts.suspended) return 'suspended'
    return this.listed ? 'open' : 'delisted'
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

  /** @returns the push of the trades that happened; null where there were none. */
  step(at: Micros): TradePush | null {
    const { moves, trades } = this.market.step(at)
    const spotPair = this.facts.family === 'spot'
    if (moves.length > 0) this.counter += BigInt(this.#random.integer(1, spotPair ? 81 : 3))
    if (trades.length === 0) return null
    const id = String(this.counter)
    const pushed = trades.map(({ number, price, amount, side }, index) =>
      this.#pushed(id, index, number, price, amount, side),
    )
    // Spot lists the newest first.
    const push = { id, at, trades: spotPair ? pushed.reverse() : pushed }
    this.pushes.push(push)
    if (this.pushes.length > MAX_PUSHES) this.pushes.shift()
    return push
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

export function huobiInstruments(
  { extremeAmounts = false, instruments = 0 }: SimulatorOptions,
  random: SeededRandom,
): HuobiInstrument[] {
  const more = moreListings(instruments - OWN.length, 2).map(({ base, shape }) =>
    spot(base.toLowerCase(), 'usdt', shape, { quiet: true }),
  )
  return [...OWN, ...more].map(
    (facts) => new HuobiInstrument({ ...facts, shape: { ...facts.shape, extremeAmounts } }, random.fork()),
  )
}

/** By id or alias; contracts in any case. What trades no more is found as well. */
export function findInstrument({ instruments }: HuobiExchange, id: string): HuobiInstrument | undefined {
  const upper = id.toUpperCase()
  const exact = instruments.get(id) ?? instruments.get(upper)
  if (exact !== undefined && (exact.facts.family !== 'spot' || exact.id === id)) return exact
  return [...instruments.values()].find(({ facts }) => facts.alias === upper)
}

/** Those of one family, the suspended and delisted included. */
export function ofFamily({ instruments }: HuobiExchange, family: Family | null): HuobiInstrument[] {
  return [...instruments.values()].filter(({ facts }) => facts.family === family)
}
