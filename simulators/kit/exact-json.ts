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
  if (value === null || typeof value !== 'object') return JSON.stringify(value)
  if (isList(value)) return `[${value.map(encode).join(',')}]`
  let columns = ''
  for (const column in value) {
    const held = value[column]
    if (held !== undefined) columns += `${columns === '' ? '' : ','}"${column}":${encode(held)}`
  }
  return `{${columns}}`
}

function isList(value: readonly Wire[] | WireRow): value is readonly Wire[] {
  return Array.isArray(value)
}
