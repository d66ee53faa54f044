import type { MarketEvent } from '../schemas/events.js'

/** A number that is on the tape and that its field cannot have, or hardly can. */
export interface WrongNumber {
  /** `error`: no market has it. `warning`: few markets do (a price of zero, a negative price of a spread or an index). */
  readonly severity: 'error' | 'warning'
  readonly what: string
}

type Row = readonly [severity: WrongNumber['severity'], field: string, number: string | null]

/** The first number of an event that makes no sense; null where all of them do. What is certainly wrong goes before what may be right. */
export function wrongNumber(event: MarketEvent): WrongNumber | null {
  let doubtful: WrongNumber | null = null
  for (const [severity, field, number] of wrongRows(event)) {
    const found = { severity, what: `${field} is ${number}` }
    if (severity === 'error') return found
    doubtful ??= found
  }
  return doubtful
}

function* wrongRows(event: MarketEvent): Generator<Row> {
  switch (event.type) {
    case 'trade':
    case 'liquidation':
      if (isNegative(event.amount)) yield ['error', 'the amount', event.amount]
      if (isDoubtfulPrice(event.price)) yield ['warning', 'the price', event.price]
      return
    case 'quote':
      for (const amount of [event.bidAmount, event.askAmount])
        if (isNegative(amount)) yield ['error', 'an amount', amount]
      for (const price of [event.bidPrice, event.askPrice])
        if (isDoubtfulPrice(price)) yield ['warning', 'a price', price]
      return
    case 'candle':
      if (isNegative(event.volume)) yield ['error', 'the volume', event.volume]
      for (const price of [event.open, event.high, event.low, event.close])
        if (isDoubtfulPrice(price)) yield ['warning', 'a price', price]
      return
    case 'book_snapshot':
    case 'book_update':
      for (const side of [event.bids, event.asks])
        for (const [price, amount] of side) yield* wrongLevel(price, amount)
      return
    case 'order_snapshot':
    case 'order_update':
      for (const side of [event.bids, event.asks])
        for (const [, price, amount] of side) yield* wrongLevel(price, amount)
      return
    default:
      return
  }
}

/** What removes a level or an order may say anything of its price. */
function* wrongLevel(price: string, amount: string): Generator<Row> {
  if (isNegative(amount)) yield ['error', 'an amount', amount]
  if (amount !== '0' && isDoubtfulPrice(price)) yield ['warning', 'a price', price]
}

function isNegative(number: string | null): boolean {
  return number !== null && number.charCodeAt(0) === 45
}

function isDoubtfulPrice(price: string | null): boolean {
  return price === '0' || isNegative(price)
}
