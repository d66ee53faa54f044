import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LevelTable } from '../../../connectors/bitmex/level-table.js'
import type { Level } from '../../../schemas/events.js'
import { OrderBook } from '../../../src/book/order-book.js'

type Row = {
  symbol: string
  id: string
  side: 'Buy' | 'Sell'
  size: string
  price: string
  pool?: string | undefined
}

const row = fc.record({
  id: fc.integer({ min: 1, max: 12 }).map(String),
  side: fc.constantFrom('Buy' as const, 'Sell' as const),
  size: fc.bigInt({ min: 1n, max: 10n ** 22n }).map(String),
  price: fc.constantFrom('1', '1.5', '2', '100', '100.25'),
  pool: fc.option(fc.constantFrom('', 'Primary', 'Secondary'), { nil: undefined }),
})

const frame = fc.record({
  action: fc.constantFrom('insert' as const, 'update' as const, 'delete' as const),
  rows: fc.array(row, { minLength: 1, maxLength: 6 }),
})

function sums(rows: Iterable<Row>, side: 'Buy' | 'Sell'): Level[] {
  const levels = new Map<string, bigint>()
  for (const each of rows) {
    if (each.side === side) levels.set(each.price, (levels.get(each.price) ?? 0n) + BigInt(each.size))
  }
  const sorted = [...levels].sort(([a], [b]) => (Number(a) - Number(b)) * (side === 'Buy' ? -1 : 1))
  return sorted.map(([price, size]) => [price, String(size)])
}

/** A venue that never contradicts itself: rows by id, side and pool, and only what fits them is told. */
class Venue {
  readonly rows = new Map<string, Row>()

  tell(action: 'insert' | 'update' | 'delete', wanted: readonly Omit<Row, 'symbol'>[]): Row[] {
    const told: Row[] = []
    for (const each of wanted) {
      const named = { symbol: 'XBTUSD', ...each }
      const key = `${each.id} ${each.side} ${each.pool}`
      const there = this.rows.has(key)
      if (action === 'insert' ? there : !there) continue
      if (action === 'delete') this.rows.delete(key)
      else this.rows.set(key, named)
      told.push(named)
    }
    return told
  }
}

describe('the levels of a table', () => {
  it.each([
    ['where no row has a pool', false],
    ['with two pools', true],
  ])('are the exact sums of its rows, %s', (_what, pooled) => {
    fc.assert(
      fc.property(fc.array(row, { maxLength: 8 }), fc.array(frame, { maxLength: 20 }), (image, frames) => {
        const venue = new Venue()
        const known = (rows: readonly Omit<Row, 'symbol'>[]) =>
          rows.map(({ pool, ...rest }) =>
            pooled ? { ...rest, pool: pool === 'Primary' ? pool : 'Secondary' } : rest,
          )
        const table = new LevelTable()
        const book = new OrderBook()
        const { bids, asks } = table.image(venue.tell('insert', known(image)))
        expect({ bids, asks }).toEqual({
          bids: sums(venue.rows.values(), 'Buy'),
          asks: sums(venue.rows.values(), 'Sell'),
        })
        book.snapshot(bids, asks)
        for (const { action, rows } of frames) {
          const told = venue.tell(action, known(rows))
          const change = table[action](told, book)
          expect(change.contradiction).toBeNull()
          expect(book.update(change.bids, change.asks)).toBe(0)
          expect(book.top(100)).toEqual({
            bids: sums(venue.rows.values(), 'Buy'),
            asks: sums(venue.rows.values(), 'Sell'),
          })
        }
      }),
    )
  })
})
