import type { WireRow } from '../kit/exact-json.js'
import type { Action, Dialect } from './dialect.js'

/** What the venue publishes of an instrument at one moment: one frame. Rows are written in the dialect of each client. */
export interface Publication {
  readonly table: string
  readonly action: Exclude<Action, 'partial'>
  readonly rows: (dialect: Dialect) => readonly WireRow[]
}

/** A frame of rows that the dialects write alike but for their nulls and late columns. */
export function publication(
  table: string,
  action: Publication['action'],
  rows: readonly WireRow[],
): Publication {
  return { table, action, rows: (dialect) => rows.map((row) => dialect.row(table, row)) }
}
