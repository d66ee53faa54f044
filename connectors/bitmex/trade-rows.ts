import { type TradeRow, tradeList } from '../../schemas/bitmex.js'
import { canonicalDecimal, positiveDecimal, unsignedDecimal } from '../../src/decode/decimal.js'
import { decoder } from '../../src/decode/decoder.js'
import type { TradeFields } from '../../src/session/fields.js'
import type { RestTradeHistory } from '../../src/session/rest-backfill.js'
import type { Stream } from '../../src/session/stream.js'
import { sideOf, timeOf } from './columns.js'
import { tradeIdsOf } from './trade-ids.js'

/** The most that the venue gives in one answer. */
const PAGE = 1_000

const decodeList = decoder(tradeList)

/** Rows of one frame or answer, in their order. */
export function tradesOf(stream: Stream, rows: readonly TradeRow[]): TradeFields[] {
  const ids = tradeIdsOf(stream.record).of(rows)
  // An index may be negative: that of a premium often is.
  const readPrice = stream.instrument.market === 'index' ? canonicalDecimal : positiveDecimal
  return rows.map((row, index) => ({
    id: ids[index] ?? '',
    price: readPrice(row.price),
    amount: unsignedDecimal(row.size),
    side: sideOf(row.side),
    exchangeTime: timeOf(row.timestamp),
  }))
}

/** `/trade` of REST. Who has no key may ask thirty times a minute; `retry-after` says how long one who asked more must wait. */
export function bitmexTradeHistory(rest: string | null): RestTradeHistory {
  return {
    pageSize: PAGE,
    url({ instrument }, { exchangeTime }) {
      const symbol = encodeURIComponent(instrument.instrument)
      const from = new Date(Math.floor(exchangeTime / 1000)).toISOString()
      return `${rest}/api/v1/trade?symbol=${symbol}&startTime=${from}&count=${PAGE}`
    },
    instrument(url) {
      const query = /\/api\/v1\/trade\?(.*)$/.exec(url)?.[1]
      return query === undefined ? null : new URLSearchParams(query).get('symbol')
    },
    read: ({ body }, stream) => tradesOf(stream, decodeList(body)),
    throttledMs: 60_000,
  }
}
