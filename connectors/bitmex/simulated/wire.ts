/** A JSON number as its exact digits: amounts of twenty digits go over the wire whole. */
export class Digits {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

export type Wire = string | number | boolean | null | Digits | readonly Wire[] | WireRow

/** A row or message, under names that need no escape. A column that is undefined is left out. */
export interface WireRow {
  readonly [column: string]: Wire | undefined
}

/** The JSON text of a value. */
export function encode(value: Wire): string {
  if (value instanceof Digits) return value.text
  if (Array.isArray(value)) return `[${value.map(encode).join(',')}]`
  if (value === null || typeof value !== 'object') return JSON.stringify(value)
  let columns = ''
  for (const [column, held] of Object.entries(value)) {
    if (held !== undefined) columns += `${columns === '' ? '' : ','}"${column}":${encode(held)}`
  }
  return `{${columns}}`
}
