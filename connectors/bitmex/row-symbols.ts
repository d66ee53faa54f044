import type { LosslessValue } from '../../src/decode/lossless.js'

/** The rows of each symbol, in the order of the frame. */
export function grouped<Row extends { readonly symbol: string }>(data: readonly Row[]): Map<string, Row[]> {
  const groups = new Map<string, Row[]>()
  for (const row of data) {
    const rows = groups.get(row.symbol)
    if (rows === undefined) groups.set(row.symbol, [row])
    else rows.push(row)
  }
  return groups
}

/** The symbols that a frame which does not fit its schema still names. */
export function symbolsIn(message: { readonly [key: string]: LosslessValue }): string[] {
  const { data } = message
  if (!Array.isArray(data)) return []
  const symbols = new Set<string>()
  for (const row of data) {
    if (row === null || typeof row !== 'object' || Array.isArray(row)) return []
    const { symbol } = row
    if (typeof symbol !== 'string') return []
    symbols.add(symbol)
  }
  return [...symbols]
}
