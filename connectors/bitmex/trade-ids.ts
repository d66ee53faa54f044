import type { TradeRow } from '../../schemas/bitmex.js'
import { canonicalDecimal } from '../../src/decode/decimal.js'
import { identifier } from '../../src/decode/identifier.js'
import { ownText } from '../../src/decode/own-text.js'
import type { StreamRecord } from '../../src/session/memory.js'

/** Match ids remembered: those whose rows may still follow. */
const KEPT = 2000

/**
 * Ids for the rows of one `trade` table. `trdMatchID` alone is not promised to be unique a row: one match may cover several
 * fills, and every index row has the same id of zeros.
 *
 * The first row of a match id keeps it as it is. A further row that differs in price, size or time is
 * `<match id>/<price>/<size>/<time>`; of rows that are alike in one frame the second is `...#2`. A row that comes again in a
 * later frame gets the id it had, so that it is known as a repetition.
 */
export class TradeIds {
  readonly #first = new Map<string, string>()

  /** The ids of a frame's rows, in their order. @throws {DecodeError} */
  of(rows: readonly TradeRow[]): string[] {
    const inFrame = new Map<string, number>()
    return rows.map((row) => {
      const time = identifier(row.timestamp ?? '', ['timestamp'])
      const facts = `${canonicalDecimal(row.price)}/${canonicalDecimal(row.size)}/${time}`
      const match = identifier(row.trdMatchID ?? '', ['trdMatchID'])
      const id = this.#isFirst(match, facts) ? match : `${match}/${facts}`
      const count = (inFrame.get(id) ?? 0) + 1
      inFrame.set(id, count)
      return count === 1 ? id : `${id}#${count}`
    })
  }

  #isFirst(match: string, facts: string): boolean {
    if (match === '') return false
    const first = this.#first.get(match)
    if (first !== undefined) return first === facts
    this.#first.set(ownText(match), ownText(facts))
    if (this.#first.size > KEPT) {
      for (const oldest of this.#first.keys()) {
        this.#first.delete(oldest)
        break
      }
    }
    return true
  }
}

const known = new WeakMap<StreamRecord, TradeIds>()

/** The ids of one stream, over all its connections: a row that history brings again has the id that it had live. */
export function tradeIdsOf(record: StreamRecord): TradeIds {
  let ids = known.get(record)
  if (ids === undefined) {
    ids = new TradeIds()
    known.set(record, ids)
  }
  return ids
}
