import type { Level } from '../../schemas/events.js'
import { decimal, units } from '../../src/simulator/market.js'
import type { Window } from '../kit/book-window.js'

/** More than any simulated amount has. */
const AMOUNT_DECIMALS = 12

/** The book with its prices rounded to a multiple: bids down, asks up. */
export function merged(window: Window, multiple: bigint, decimals: number, levels: number): Window {
  if (multiple === 1n) return { bids: window.bids.slice(0, levels), asks: window.asks.slice(0, levels) }
  return {
    bids: mergeSide(window.bids, multiple, decimals, 0n).slice(0, levels),
    asks: mergeSide(window.asks, multiple, decimals, multiple - 1n).slice(0, levels),
  }
}

function mergeSide(side: readonly Level[], multiple: bigint, decimals: number, up: bigint): Level[] {
  const sums = new Map<string, bigint>()
  for (const [price, amount] of side) {
    const steps = (units(price, decimals) + up) / multiple
    if (steps === 0n) continue
    const rounded = decimal(steps * multiple, decimals)
    sums.set(rounded, (sums.get(rounded) ?? 0n) + units(amount, AMOUNT_DECIMALS))
  }
  return [...sums].map(([price, sum]) => [price, decimal(sum, AMOUNT_DECIMALS)])
}
