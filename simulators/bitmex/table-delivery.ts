import { Delivery } from '../kit/delivery.js'
import { Digits, type Wire, type WireRow } from '../kit/exact-json.js'
import type { PendingFaults } from '../kit/pending-faults.js'
import { longId, withExponent } from '../kit/spoilt-values.js'

/** A message of a table. */
export interface TableMessage {
  readonly table: string
  readonly action: string
  readonly data: readonly WireRow[]
}

/** What is sent in place of the messages of tables: themselves, but for faults. */
export class TableDelivery {
  readonly #faults: PendingFaults
  readonly #trades: Delivery<TableMessage>

  constructor(faults: PendingFaults) {
    this.#faults = faults
    this.#trades = Delivery.ofTrades(faults)
  }

  pass(message: TableMessage): readonly TableMessage[] {
    const book = message.table.startsWith('orderBookL2')
    const trade = message.table === 'trade'
    if (book && this.#faults.take('update-lost')) return []
    const sent = this.#spoil(message, book, trade)
    return trade ? this.#trades.pass(message.table, sent) : [sent]
  }

  #spoil(message: TableMessage, book: boolean, trade: boolean): TableMessage {
    const faults = this.#faults
    const price = message.data[0]?.['price']
    if ((book || trade) && message.action === 'insert' && price instanceof Digits) {
      if (faults.take('price-null')) return changed(message, { price: null })
      if (faults.take('price-nan')) return changed(message, { price: new Digits('NaN') })
      if (faults.take('price-exponent')) {
        return changed(message, { price: new Digits(withExponent(price.text)) })
      }
    }
    if (trade && faults.take('id-long')) return changed(message, { trdMatchID: longId(decimalId(message)) })
    if ((book || trade) && faults.take('field-missing')) {
      return changed(message, book ? { id: undefined } : { price: undefined })
    }
    return faults.take('field-new') ? changed(message, { novelty: 'never seen before' }) : message
  }
}

/** The message with its first row changed. */
function changed(message: TableMessage, columns: Readonly<Record<string, Wire | undefined>>): TableMessage {
  const [first, ...rest] = message.data
  return { ...message, data: [{ ...first, ...columns }, ...rest] }
}

/** The last group of the id of a trade, which is another one for each. */
function decimalId({ data }: TableMessage): string {
  const [id] = /[0-9a-f]+$/.exec(String(data[0]?.['trdMatchID'])) ?? ['0']
  return BigInt(`0x${id}`).toString()
}
