import type { PendingFaults } from '../kit/pending-faults.js'
import { longId, spoiltPrice } from '../kit/spoilt-values.js'

/** A trade as it is sent: twice, as executed and as updated. */
export interface SentTrade {
  readonly executed: string
  readonly updated: string
}

/** A trade, unless a fault spoils its first row. */
export function spoiltTrade(row: string, faults: PendingFaults): SentTrade {
  const [id = '', ms = '', amount = '', price = '', ...more] = row.slice(1, -1).split(',')
  const as = (...fields: string[]) => `[${[...fields, ...more].join()}]`
  if (faults.take('id-long')) {
    const long = as(longId(id), ms, amount, price)
    return { executed: long, updated: long }
  }
  if (faults.take('field-missing')) return { executed: `[${id},${ms},${amount}]`, updated: row }
  return { executed: as(id, ms, amount, spoiltPrice(faults, price)), updated: row }
}
