import type { Level } from '../../schemas/events.js'
import { compareDecimals, positiveDecimal, unsignedDecimal } from '../../src/decode/index.js'
import { DecodeError } from '../../src/errors.js'

type Rows = readonly (readonly [string, string])[] | null | undefined

/**
 * The rows of one side as canonical levels, in the venue's order. A missing side is an empty one.
 *
 * @throws {DecodeError} `not_decimal`, `schema_mismatch`, with the path of the number.
 */
export function levels(rows: Rows, path: readonly string[]): Level[] {
  if (rows === null || rows === undefined) return []
  const out: Level[] = []
  let column = 0
  try {
    for (const row of rows) {
      column = 0
      const price = positiveDecimal(row[0])
      column = 1
      out.push([price, unsignedDecimal(row[1])])
    }
  } catch (error) {
    throw error instanceof DecodeError ? error.within('', [...path, out.length, column]) : error
  }
  return out
}

/** The sides of a whole book: best first, nothing empty. The venue was never seen to send them otherwise. */
export function wholeBook(
  book: { readonly bids?: Rows; readonly asks?: Rows },
  path: readonly string[],
): { bids: Level[]; asks: Level[] } {
  return {
    bids: bestFirst(levels(book.bids, [...path, 'bids']), -1),
    asks: bestFirst(levels(book.asks, [...path, 'asks']), 1),
  }
}

function bestFirst(side: Level[], direction: 1 | -1): Level[] {
  let before: string | null = null
  for (const [price, amount] of side) {
    if (amount === '0' || (before !== null && compareDecimals(price, before) * direction <= 0)) {
      return [...new Map(side.filter(([, held]) => held !== '0'))].sort(
        (a, b) => compareDecimals(a[0], b[0]) * direction,
      )
    }
    before = price
  }
  return side
}
