import type { ChannelLine } from './channel-line.js'

/** A trade as it is told twice. */
export interface ToldTrade {
  readonly executed: string
  readonly updated: string
}

/** Commits the faults that are about trades. */
export class FaultyTrades {
  readonly #line: ChannelLine
  #held: ToldTrade | null = null

  constructor(line: ChannelLine) {
    this.#line = line
  }

  /** What is told of a trade, in order: mostly itself. */
  told(row: string): ToldTrade[] {
    const line = this.#line
    if (line.takes('trade-lost')) return []
    const told = this.#altered(row)
    if (this.#held !== null) {
      const held = this.#held
      this.#held = null
      return [told, held]
    }
    if (line.takes('trade-order')) {
      this.#held = told
      return []
    }
    return line.takes('trade-duplicate') ? [told, told] : [told]
  }

  #altered(row: string): ToldTrade {
    const line = this.#line
    const [id = '', ms = '', amount = '', price = '', ...more] = row.slice(1, -1).split(',')
    const as = (...fields: string[]) => `[${[...fields, ...more].join(',')}]`
    if (line.takes('id-long')) {
      const long = as(id.padEnd(21, '7'), ms, amount, price)
      return { executed: long, updated: long }
    }
    if (line.takes('price-null')) return { executed: as(id, ms, amount, 'null'), updated: row }
    if (line.takes('price-nan')) return { executed: as(id, ms, amount, 'NaN'), updated: row }
    if (line.takes('price-exponent')) return { executed: as(id, ms, amount, exponent(price)), updated: row }
    if (line.takes('field-missing')) return { executed: `[${id},${ms},${amount}]`, updated: row }
    return { executed: row, updated: row }
  }
}

/** The same number with an exponent: `43125` as `4.3125e4`. */
function exponent(price: string): string {
  if (price.includes('e')) return price
  const [whole = '', fraction = ''] = price.split('.')
  const digits = `${whole}${fraction}`.replace(/^0+/, '')
  const power = whole === '0' ? -(fraction.length - digits.length) - 1 : whole.length - 1
  return `${digits.slice(0, 1)}.${digits.slice(1) || '0'}e${power}`
}
