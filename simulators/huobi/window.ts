import type { Level } from '../../schemas/events.js'
import { compareDecimals } from '../../src/decode/decimal.js'
import { decimal, units } from '../../src/simulator/market.js'

/** More than any simulated amount has. */
const AMOUNT_DECIMALS = 12

/** The best levels of a book at one moment. */
export interface Window {
  readonly bids: readonly Level[]
  readonly asks: readonly Level[]
}

/** What changed from one window to the next; a level that left it is sent with size 0. */
export function difference(before: Window, after: Window): { bids: Level[]; asks: Level[] } {
  return { bids: sideChanges(before.bids, after.bids, -1), asks: sideChanges(before.asks, after.asks, 1) }
}

function sideChanges(before: readonly Level[], after: readonly Level[], direction: 1 | -1): Level[] {
  const held = new Map(before)
  const changes: Level[] = []
  for (const [price, amount] of after) {
    if (held.get(price) !== amount) changes.push([price, amount])
    held.delete(price)
  }
  for (const price of held.keys()) changes.push([price, '0'])
  return changes.sort((a, b) => compareDecimals(a[0], b[0]) * direction)
}

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
