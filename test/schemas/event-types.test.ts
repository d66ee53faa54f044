import { expect, test } from 'vitest'
import type * as z from 'zod'
import { marketEvent } from '../../schemas/event-schemas.js'
import type { EventOf, MarketEvent, MarketEventType } from '../../schemas/events.js'

/** True only where both are the same type; checked by the compiler. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false

type Parsed = z.output<typeof marketEvent>

/** For each type of event: whether its schema gives exactly the documented interface. */
type Agreement = { [T in MarketEventType]: Same<Extract<Parsed, { type: T }>, EventOf<T>> }

test('the schema of every event gives exactly its documented interface', () => {
  const agreement: Agreement = {
    trade: true,
    book_snapshot: true,
    book_update: true,
    order_snapshot: true,
    order_update: true,
    quote: true,
    ticker: true,
    candle: true,
    derivative: true,
    liquidation: true,
    instrument: true,
    transaction: true,
    block: true,
    gap: true,
    checksum: true,
    connection: true,
    malformed: true,
  }
  const all: Same<Parsed['type'], MarketEvent['type']> = true
  expect(all).toBe(true)
  expect(Object.keys(agreement)).toEqual(marketEvent.options.map((option) => option.shape.type.value))
})
