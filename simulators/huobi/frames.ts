import type { Level } from '../../schemas/events.js'
import { javaNumber } from '../../src/simulator/java-number.js'
import type { InstrumentFacts, PushedTrade } from './instruments.js'

/** A number as the family prints it: spot as Java prints a double, derivatives plain. */
export function printed(facts: InstrumentFacts, value: string): string {
  return facts.family === 'spot' ? javaNumber(value) : value
}

/** `[[58911.07,1.98E-4],[58911.0,0.0]]` */
export function printedLevels(facts: InstrumentFacts, levels: readonly Level[]): string {
  const rows = levels.map(([price, amount]) => `[${printed(facts, price)},${printed(facts, amount)}]`)
  return `[${rows.join(',')}]`
}

/** What is printed differently from the truth in one row: the faults of a trade. */
export interface TradeQuirks {
  readonly price?: string
  readonly id?: string
  readonly extra?: string
  readonly direction?: string
}

/** A row of `trade.detail`. */
export function printedTrade(
  facts: InstrumentFacts,
  trade: PushedTrade,
  ms: number,
  quirks: TradeQuirks = {},
): string {
  const price = quirks.price === '' ? '' : `"price":${quirks.price ?? printed(facts, trade.price)},`
  const amount = printed(facts, trade.amount)
  const direction = `"direction":"${quirks.direction ?? trade.side}"${quirks.extra ?? ''}`
  if (trade.tradeId !== null) {
    const tradeId = quirks.id ?? trade.tradeId
    return `{"id":${trade.id},"ts":${ms},"tradeId":${tradeId},"amount":${amount},${price}${direction}}`
  }
  const turnover = trade.turnover === null ? '' : `"trade_turnover":${trade.turnover},`
  const id = quirks.id ?? trade.id
  return `{"amount":${amount},"quantity":${trade.quantity},${turnover}"ts":${ms},"id":${id},${price}${direction}}`
}
