import type { Micros, Side } from '../../schemas/events.js'
import { canonicalDecimal } from '../../src/decode/decimal.js'
import { isoMicros } from '../../src/decode/time.js'

/** A column as the venue sends it: null until January 2023, left out since. */
export type Column = string | null | undefined

export function isMissing<T>(value: T | null | undefined): value is null | undefined {
  return value === null || value === undefined
}

/** @throws {DecodeError} `not_decimal` */
export function decimalOf(column: Column): string | null {
  return isMissing(column) ? null : canonicalDecimal(column)
}

/** @throws {DecodeError} `not_time` */
export function timeOf(column: Column): Micros | null {
  return isMissing(column) ? null : isoMicros(column)
}

export function sideOf(column: Column): Side | null {
  return column === 'Buy' ? 'buy' : column === 'Sell' ? 'sell' : null
}
