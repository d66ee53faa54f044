import fc from 'fast-check'
import * as z from 'zod'
import { decimal, marketEvent, micros } from '../../schemas/event-schemas.js'
import type {
  BlockEvent,
  BookSnapshotEvent,
  BookUpdateEvent,
  GapEvent,
  Level,
  LiquidationEvent,
  MarketEvent,
  MarketEventType,
  TradeEvent,
  TransactionEvent,
} from '../../schemas/events.js'

/** 2024-05-01T00:00:00Z, where the made-up recordings of these tests begin. */
export const START = 1_714_521_600_000_000

const stream = { venue: 'testex', symbol: 'BTC/USD', instrument: 'tBTCUSD' }

export function trade(fields: Partial<TradeEvent> = {}): TradeEvent {
  return {
    type: 'trade',
    ...stream,
    channel: 'trade',
    n: 1,
    exchangeTime: START,
    receiveTime: START,
    sequence: null,
    id: '1',
    price: '60000.5',
    amount: '0.25',
    amountUnit: 'base',
    side: 'buy',
    liquidation: false,
    historical: false,
    ...fields,
  }
}

export function liquidation(fields: Partial<LiquidationEvent> = {}): LiquidationEvent {
  return {
    type: 'liquidation',
    ...stream,
    channel: 'liquidation',
    n: 1,
    exchangeTime: START,
    receiveTime: START,
    id: '1',
    price: '60000.5',
    amount: '0.25',
    amountUnit: 'base',
    side: 'sell',
    ...fields,
  }
}

export function block(fields: Partial<BlockEvent> = {}): BlockEvent {
  return {
    type: 'block',
    ...stream,
    channel: 'block',
    n: 1,
    exchangeTime: START,
    receiveTime: START,
    hash: '1',
    height: 840_000,
    size: null,
    transactions: null,
    value: null,
    ...fields,
  }
}

export function transaction(fields: Partial<TransactionEvent> = {}): TransactionEvent {
  return {
    type: 'transaction',
    ...stream,
    channel: 'transaction',
    n: 1,
    exchangeTime: START,
    receiveTime: START,
    hash: '1',
    inputs: [],
    outputs: [],
    fee: null,
    size: null,
    height: null,
    ...fields,
  }
}

export function snapshot(
  bids: Level[],
  asks: Level[],
  fields: Partial<BookSnapshotEvent> = {},
): BookSnapshotEvent {
  return {
    type: 'book_snapshot',
    ...stream,
    channel: 'book',
    n: 1,
    exchangeTime: null,
    receiveTime: START,
    sequence: null,
    bids,
    asks,
    amountUnit: 'base',
    depth: null,
    ...fields,
  }
}

export function update(bids: Level[], asks: Level[], fields: Partial<BookUpdateEvent> = {}): BookUpdateEvent {
  return {
    type: 'book_update',
    ...stream,
    channel: 'book',
    n: 1,
    exchangeTime: null,
    receiveTime: START,
    sequence: null,
    bids,
    asks,
    ...fields,
  }
}

export function gap(state: GapEvent['state'], fields: Partial<GapEvent> = {}): GapEvent {
  return {
    type: 'gap',
    ...stream,
    channel: 'book',
    n: 1,
    exchangeTime: null,
    receiveTime: START,
    reason: 'disconnected',
    state,
    from: null,
    to: null,
    healed: state === 'closed',
    after: null,
    before: null,
    detail: null,
    ...fields,
  }
}

const arbitraryDecimal = fc
  .tuple(fc.boolean(), fc.bigInt({ min: 0n, max: 10n ** 30n }), fc.nat({ max: 25 }))
  .map(([negative, digits, places]) => {
    const padded = digits.toString().padStart(places + 1, '0')
    const whole = padded.slice(0, padded.length - places)
    const fraction = padded.slice(padded.length - places).replace(/0+$/, '')
    const absolute = fraction === '' ? whole : `${whole}.${fraction}`
    return negative && absolute !== '0' ? `-${absolute}` : absolute
  })

/** What a venue may put into a string, half surrogate pairs, NUL and quotes included. */
const arbitraryText = fc.oneof(
  fc.string({ maxLength: 12 }),
  fc.string({ unit: 'binary', maxLength: 6 }),
  fc.constantFrom('', '\ud800', 'x\udc00y', '\u0000', '"\\', "'; DROP TABLE events; --", '\u2028'),
)

function arbitraryOf(schema: z.core.$ZodType): fc.Arbitrary<unknown> {
  if (schema === decimal) return arbitraryDecimal
  if (schema === micros) return fc.maxSafeInteger()
  if (schema instanceof z.ZodNullable) return fc.option(arbitraryOf(schema.unwrap()), { nil: null })
  if (schema instanceof z.ZodLiteral) return fc.constantFrom(...schema.values)
  if (schema instanceof z.ZodEnum) return fc.constantFrom(...schema.options)
  if (schema instanceof z.ZodUnion) return fc.oneof(...schema.options.map(arbitraryOf))
  if (schema instanceof z.ZodBoolean) return fc.boolean()
  if (schema instanceof z.ZodNumber) return fc.maxSafeInteger()
  if (schema instanceof z.ZodString) return arbitraryText
  if (schema instanceof z.ZodArray) return fc.array(arbitraryOf(schema.element), { maxLength: 4 })
  if (schema instanceof z.ZodTuple) return fc.tuple(...schema.def.items.map(arbitraryOf))
  if (schema instanceof z.ZodObject) {
    return fc.record(
      Object.fromEntries(Object.entries(schema.shape).map(([name, field]) => [name, arbitraryOf(field)])),
      { noNullPrototype: true },
    )
  }
  throw new Error(`no arbitrary for ${schema._zod.def.type}: teach arbitraryOf the kind of schema`)
}

/** Every type of event with every value that its schema lets through, read off the schema itself. */
export const arbitraryEvents: ReadonlyMap<MarketEventType, fc.Arbitrary<MarketEvent>> = new Map(
  marketEvent.options.map((option) => [
    option.shape.type.value,
    // The one place that turns generated values into events: the schema says that they are.
    arbitraryOf(option).map((value) => marketEvent.parse(value)),
  ]),
)
