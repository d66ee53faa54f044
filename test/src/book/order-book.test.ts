import { Decimal } from 'decimal.js'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Level, Order } from '../../../schemas/events.js'
import { OrderBook } from '../../../src/book/order-book.js'
import { OrderLedger } from '../../../src/book/order-ledger.js'

const price = fc
  .tuple(fc.integer({ min: 1, max: 400 }), fc.integer({ min: 0, max: 3 }))
  .map(([n, scale]) => new Decimal(n).div(10 ** scale).toFixed())
const amount = fc.oneof(
  { weight: 3, arbitrary: fc.integer({ min: 1, max: 99 }).map(String) },
  { weight: 2, arbitrary: fc.constant('0') },
)
const side = fc.constantFrom('bids' as const, 'asks' as const)

/** The plainest book there is: a map, sorted whenever it is asked. */
class Model {
  readonly bids = new Map<string, string>()
  readonly asks = new Map<string, string>()
  top(which: 'bids' | 'asks', n: number): Level[] {
    const sign = which === 'bids' ? -1 : 1
    return [...this[which]].sort(([a], [b]) => new Decimal(a).comparedTo(b) * sign).slice(0, n)
  }
}

describe('the order book', () => {
  test('is a sorted map, whatever is done to it', () => {
    const step = fc.record({ side, price, amount })
    fc.assert(
      fc.property(
        fc.array(fc.tuple(price, fc.constant('5'))),
        fc.array(step, { maxLength: 120 }),
        (levels, steps) => {
          const book = new OrderBook()
          const model = new Model()
          book.snapshot(levels, [])
          for (const [at, held] of levels) model.bids.set(at, held)
          for (const change of steps) {
            const held = model[change.side].has(change.price)
            const said = book.set(change.side, change.price, change.amount)
            if (change.amount === '0') {
              expect(said).toBe(held ? 'removed' : 'absent')
              model[change.side].delete(change.price)
            } else {
              expect(said).toBe(held ? 'changed' : 'inserted')
              model[change.side].set(change.price, change.amount)
            }
          }
          expect(book.top(1000)).toEqual({ bids: model.top('bids', 1000), asks: model.top('asks', 1000) })
          expect(book.top(3)).toEqual({ bids: model.top('bids', 3), asks: model.top('asks', 3) })
          expect(book.best()).toEqual({
            bid: model.top('bids', 1)[0] ?? null,
            ask: model.top('asks', 1)[0] ?? null,
          })
          expect([book.count('bids'), book.count('asks')]).toEqual([model.bids.size, model.asks.size])
          const { bid, ask } = book.best()
          expect(book.crossed).toBe(bid !== null && ask !== null && new Decimal(bid[0]).gte(ask[0]))
        },
      ),
      { numRuns: 500 },
    )
  })

  test('tells prices apart that a float cannot', () => {
    const book = new OrderBook()
    book.snapshot(
      [
        ['0.1', '1'],
        ['0.10000000000000000000000001', '2'],
      ],
      [],
    )
    expect(book.best().bid).toEqual(['0.10000000000000000000000001', '2'])
    expect(book.count('bids')).toBe(2)
  })

  test('counts removals of levels that were not there', () => {
    const book = new OrderBook()
    book.snapshot([['1', '1']], [['2', '1']])
    expect(
      book.update(
        [
          ['1', '0'],
          ['0.5', '0'],
        ],
        [['3', '0']],
      ),
    ).toBe(2)
  })
})

describe('the order ledger', () => {
  test('its levels are the exact sums of its orders', () => {
    const step = fc.record({
      side,
      id: fc.integer({ min: 1, max: 30 }).map(String),
      price,
      amount: fc.oneof(fc.constantFrom('0', '0.00000001', '12345678901234567890'), amount),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 150 }), (steps) => {
        const ledger = new OrderLedger()
        const orders = { bids: new Map<string, Order>(), asks: new Map<string, Order>() }
        for (const change of steps) {
          const order: Order = [change.id, change.price, change.amount]
          ledger.set(change.side, order)
          if (change.amount === '0') orders[change.side].delete(change.id)
          else orders[change.side].set(change.id, order)
        }
        for (const which of ['bids', 'asks'] as const) {
          const sums = new Map<string, Decimal>()
          const Exact = Decimal.clone({ precision: 100 })
          for (const [, at, size] of orders[which].values())
            sums.set(at, new Exact(size).plus(sums.get(at) ?? 0))
          const sign = which === 'bids' ? -1 : 1
          const expected = [...sums]
            .map(([at, sum]) => [at, sum.toFixed()])
            .sort(([a], [b]) => new Decimal(a as string).comparedTo(b as string) * sign)
          expect(ledger.levels(which)).toEqual(expected)
          expect(ledger.count(which)).toBe(orders[which].size)
        }
      }),
      { numRuns: 300 },
    )
  })

  test('lists orders by price, then by id as a number', () => {
    const ledger = new OrderLedger()
    ledger.snapshot(
      [
        ['10', '5', '1'],
        ['9', '5', '2'],
        ['1', '6', '1'],
      ],
      [],
    )
    expect(ledger.top('bids', 3)).toEqual([
      ['1', '6', '1'],
      ['9', '5', '2'],
      ['10', '5', '1'],
    ])
  })
})
