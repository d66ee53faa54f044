import { Decimal } from 'decimal.js'
import { units } from '../../src/simulator/market.js'
import { printed } from './frames.js'
import type { HuobiInstrument, PushedTrade } from './instruments.js'

/** Decimals that sums are kept in: more than any price times any amount has. */
export const SCALE = 37

/** The figures of 24 hours. */
export function dayFigures({ facts, market, counter }: HuobiInstrument, ms: number): string {
  const number = (value: string) => printed(facts, value)
  const { low, high, open, last, volume, turnover: money, trades } = market.day
  const prices = `"low":${number(low)},"high":${number(high)},"open":${number(open)},"close":${number(last)}`
  const count = `"count":${trades}`
  if (facts.contractSize === null) {
    return `${prices},"vol":${number(money)},"amount":${number(volume)},${count}`
  }
  // Derivatives count both sides.
  const contracts = new Decimal(volume).times(2)
  const size = new Decimal(facts.contractSize)
  const linear = facts.family === 'linear'
  const coins = linear ? contracts.times(size) : contracts.times(size).div(last)
  const turnover = linear ? `,"trade_turnover":${size.times(money).times(2).toFixed()}` : ''
  const ids = `"id":${Math.floor(ms / 60_000) * 60},"mrid":${counter}`
  return `${ids},${prices},"amount":${coins.toFixed()},"vol":${contracts.toFixed()}${turnover},${count}`
}

/** `"bid":…,"bidSize":…,"ask":…,"askSize":…` */
export function bestOf({ facts, market }: HuobiInstrument): string {
  const { bid, ask } = market.book.best()
  const sizes = `"bidSize":${printed(facts, bid?.[1] ?? '0')},"askSize":${printed(facts, ask?.[1] ?? '0')}`
  return `"bid":${printed(facts, bid?.[0] ?? '0')},"ask":${printed(facts, ask?.[0] ?? '0')},${sizes}`
}

/** The last decimal of a rate that wanders around one in ten thousand. */
export function rateAt(instrument: HuobiInstrument, ms: number): string {
  const wander = Math.floor(ms / 5_000 + Number(instrument.counter % 97n)) % 9_000
  return `0.0000${String(10_000 + wander)}`
}

/** Mark and index stand at the best bid and ask, so that a test can tell one from the other; the rest are rates. */
export function indexValue(topic: string, instrument: HuobiInstrument, ms: number): string {
  const { bid, ask } = instrument.market.book.best()
  if (topic.includes('.mark_price.')) return bid?.[0] ?? '0'
  if (topic.includes('.index.')) return ask?.[0] ?? '0'
  return rateAt(instrument, ms)
}

/** What a trade adds to the sums of a candle, in units of {@link SCALE}: coins, money, contracts. */
export function tradeSums(trade: PushedTrade, { facts }: HuobiInstrument): [bigint, bigint, bigint] {
  const { price, amount } = trade
  if (facts.contractSize !== null) {
    return [units(trade.quantity ?? '0', SCALE), units(trade.turnover ?? '0', SCALE), units(amount, SCALE)]
  }
  const { priceDecimals, amountDecimals } = facts.shape
  const money = units(price, priceDecimals) * units(amount, amountDecimals)
  return [units(amount, SCALE), money * 10n ** BigInt(SCALE - priceDecimals - amountDecimals), 0n]
}
