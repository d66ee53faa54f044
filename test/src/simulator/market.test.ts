import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { OrderBook } from '../../../src/book/order-book.js'
import { compareDecimals } from '../../../src/decode/decimal.js'
import { decimal, type MarketShape, SimulatedMarket, units } from '../../../src/simulator/market.js'
import { SeededRandom } from '../../../src/simulator/random.js'

const shapes: fc.Arbitrary<MarketShape> = fc
  .record({
    priceDecimals: fc.integer({ min: 0, max: 8 }),
    amountDecimals: fc.integer({ min: 0, max: 10 }),
    tick: fc.constantFrom(1, 5, 25),
    levels: fc.constantFrom(6, 25, 120),
    steps: fc.integer({ min: 1, max: 1_000_000 }),
  })
  .map(({ priceDecimals, amountDecimals, tick, levels, steps }) => ({
    priceDecimals,
    amountDecimals,
    tick,
    levels,
    price: decimal(BigInt(steps * tick), priceDecimals),
  }))
const seeds = fc.integer({ min: 0, max: 2 ** 40 })

describe('a simulated market', () => {
  it('tells every change of its book, never crosses it, and trades at its best prices', () => {
    fc.assert(
      fc.property(shapes, seeds, (shape, seed) => {
        const market = new SimulatedMarket(shape, new SeededRandom(seed))
        const told = new OrderBook()
        const start = market.book.top(1000)
        told.snapshot(start.bids, start.asks)
        for (let now = 0; now < 200; now++) {
          const { moves, trades } = market.step(now)
          for (const { side, price, previous, amount } of moves) {
            expect(told.amountAt(side, price)).toBe(previous)
            expect(amount).not.toBe('0')
            told.set(side, price, amount ?? '0')
          }
          if (now % 20 === 0) expect(told.top(1000)).toEqual(market.book.top(1000))
          expect(market.book.crossed).toBe(false)
          for (const trade of trades) {
            const side = trade.side === 'buy' ? 'asks' : 'bids'
            const eaten = moves.find(
              (move) =>
                move.side === side &&
                move.price === trade.price &&
                move.previous !== null &&
                units(move.previous, shape.amountDecimals) -
                  (move.amount === null ? 0n : units(move.amount, shape.amountDecimals)) ===
                  units(trade.amount, shape.amountDecimals),
            )
            expect(eaten).toBeDefined()
            expect(compareDecimals(trade.amount, '0')).toBeGreaterThan(0)
          }
        }
      }),
      { numRuns: 40 },
    )
  })

  it('lives the same life for the same seed, and another for another', () => {
    const life = (seed: number) => {
      const market = new SimulatedMarket(
        { priceDecimals: 1, amountDecimals: 4, price: '500' },
        new SeededRandom(seed),
      )
      return JSON.stringify(Array.from({ length: 300 }, (_, now) => market.step(now)))
    }
    fc.assert(
      fc.property(seeds, (seed) => {
        expect(life(seed)).toBe(life(seed))
        expect(life(seed)).not.toBe(life(seed + 1))
      }),
      { numRuns: 10 },
    )
  })

  it('stays within its size and around its price however long it lives', () => {
    for (const shape of [
      { priceDecimals: 2, amountDecimals: 8, price: '42000' },
      { priceDecimals: 8, amountDecimals: 0, price: '0.0000003' },
      { priceDecimals: 1, tick: 5, amountDecimals: 0, price: '100', levels: 25 },
    ]) {
      const { levels = 120 } = shape
      const market = new SimulatedMarket(shape, new SeededRandom(11))
      const home = Number(shape.price)
      let numbers = 0
      let most = 0
      let fewest = levels
      for (let now = 0; now < 60_000; now++) {
        numbers += market.step(now).trades.length
        most = Math.max(most, market.book.count('bids'), market.book.count('asks'))
        fewest = Math.min(fewest, market.book.count('asks'))
        if (now % 1000 !== 0) continue
        const { bid, ask } = market.book.best()
        expect(Number(bid?.[0])).toBeGreaterThan(home * 0.3)
        expect(Number(ask?.[0])).toBeLessThan(home * 2)
      }
      expect(most).toBeLessThanOrEqual(levels * 1.2)
      expect(fewest).toBe(levels)
      expect(market.trades).toHaveLength(5_000)
      expect(market.trades.at(-1)?.number).toBe(numbers)
    }
  })

  it('brings amounts of twenty digits and of a single unit where it is asked for them', () => {
    const market = new SimulatedMarket(
      { priceDecimals: 2, amountDecimals: 8, price: '100', extremeAmounts: true },
      new SeededRandom(3),
    )
    const amounts = Array.from({ length: 3000 }, (_, now) => market.step(now)).flatMap(({ moves }) =>
      moves.flatMap(({ amount }) => (amount === null ? [] : [amount])),
    )
    expect(amounts.some((amount) => /^[1-9]{12}\.[1-9]{8}$/.test(amount))).toBe(true)
    expect(amounts).toContain('0.00000001')
  })

  it('holds a tenth to ten times of the typical amount at each level, and trades a hundredth or more', () => {
    const market = new SimulatedMarket(
      { priceDecimals: 2, amountDecimals: 8, price: '42000', amount: '0.05' },
      new SeededRandom(4),
    )
    for (let now = 0; now < 5_000; now++) market.step(now)
    const { bids, asks } = market.book.top(1000)
    for (const [, amount] of [...bids, ...asks]) {
      expect(Number(amount)).toBeGreaterThanOrEqual(0.005)
      expect(Number(amount)).toBeLessThanOrEqual(0.5)
    }
    for (const { amount } of market.trades) {
      expect(Number(amount)).toBeGreaterThanOrEqual(0.0005)
      expect(Number(amount)).toBeLessThanOrEqual(0.5)
    }
  })

  it('knows what it traded in the last 24 hours, the usual hours before it began included', () => {
    const hour = 3_600_000_000
    const market = new SimulatedMarket(
      { priceDecimals: 0, amountDecimals: 2, price: '100', amount: '12' },
      new SeededRandom(4),
    )
    const usual = { open: '100', high: '100', low: '100', last: '100', trades: 199_992 }
    expect(market.day).toEqual({ ...usual, volume: '2400000', turnover: '240000000' })
    const during = (from: number) => {
      const before = market.trades.length
      for (let step = 0; step < 40; step++) market.step(from * hour + step)
      return market.trades.slice(before).reduce((sum, { amount }) => sum + units(amount, 2), 0n)
    }
    const [first, second] = [during(500), during(510)]
    expect(first).toBeGreaterThan(0n)
    expect(units(market.day.volume, 2)).toBe(first + second + units('1400000', 2))
    const third = during(526)
    expect(units(market.day.volume, 2)).toBe(second + third)
    const counted = market.trades.filter(({ time }) => time >= 510 * hour)
    const prices = counted.map(({ price }) => Number(price))
    expect(market.day).toMatchObject({
      open: String(prices[0]),
      high: String(Math.max(...prices)),
      low: String(Math.min(...prices)),
      last: String(prices.at(-1)),
      trades: counted.length,
    })
  })

  it('refuses a price that its decimals cannot hold or that is below a tick', () => {
    const random = new SeededRandom(1)
    expect(() => new SimulatedMarket({ priceDecimals: 1, amountDecimals: 0, price: '1.25' }, random)).toThrow(
      '1.25 has more than 1 decimals',
    )
    expect(
      () => new SimulatedMarket({ priceDecimals: 0, tick: 10, amountDecimals: 0, price: '9' }, random),
    ).toThrow('the price 9 is below one tick')
  })
})

describe('units and decimal', () => {
  it('are each other’s inverse', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }),
        fc.integer({ min: 0, max: 20 }),
        (value, places) => {
          expect(units(decimal(value, places), places)).toBe(value)
        },
      ),
    )
  })
})

describe('seeded chance', () => {
  it('spreads evenly, and a fork draws from a source of its own', () => {
    const random = new SeededRandom(5)
    const counts = [0, 0, 0, 0]
    for (let draw = 0; draw < 4000; draw++) {
      const drawn = random.integer(0, 3)
      counts[drawn] = (counts[drawn] ?? 0) + 1
    }
    for (const count of counts) expect(count).toBeGreaterThan(850)

    const one = new SeededRandom(9)
    const other = new SeededRandom(9)
    const fork = one.fork()
    other.fork()
    for (let draw = 0; draw < 50; draw++) fork.next()
    expect(one.next()).toBe(other.next())
  })

  it('says that there is nothing to pick from', () => {
    expect(() => new SeededRandom(1).pick([])).toThrow('nothing to pick from')
  })
})
