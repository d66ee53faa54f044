import { compareDecimals } from '../../src/decode/decimal.js'
import { decimal, units } from '../../src/simulator/market.js'
import type { InstrumentFacts, PushedTrade } from './facts.js'

/** Decimals that sums are kept in: more than any price times any amount has. */
const SCALE = 37

/** What a candle or a day of trades adds up to, as the venue counts: derivatives count both sides. */
export class Tally {
  open = '0'
  high = '0'
  low = '0'
  close = '0'
  count = 0
  #coins = 0n
  #money = 0n
  #contracts = 0n

  /** @param price what a period without trades starts from. */
  constructor(price = '0') {
    this.open = price
    this.high = price
    this.low = price
    this.close = price
  }

  add(trade: PushedTrade, facts: InstrumentFacts): void {
    const { price } = trade
    if (this.count === 0 && this.open === '0') {
      this.open = price
      this.high = price
      this.low = price
    }
    if (compareDecimals(price, this.high) > 0) this.high = price
    if (compareDecimals(price, this.low) < 0) this.low = price
    this.close = price
    this.count++
    if (facts.contractSize === null) {
      const { priceDecimals, amountDecimals } = facts.shape
      this.#coins += units(trade.amount, SCALE)
      this.#money +=
        units(price, priceDecimals) *
        units(trade.amount, amountDecimals) *
        10n ** BigInt(SCALE - priceDecimals - amountDecimals)
      return
    }
    this.#contracts += units(trade.amount, 0)
    this.#coins += units(trade.quantity ?? '0', SCALE)
    this.#money += units(trade.turnover ?? '0', SCALE)
  }

  get coins(): string {
    return decimal(this.#coins, SCALE)
  }

  get money(): string {
    return decimal(this.#money, SCALE)
  }

  get contracts(): string {
    return String(this.#contracts)
  }
}
