import { executionsPage } from '../../schemas/bitflyer.js'
import { decoder, type RestTradeHistory } from '../../src/venue/index.js'
import { tradeFields } from './rows.js'

/** The most that the venue gives. */
const PAGE = 500

const readPage = decoder(executionsPage)

/** `getexecutions`, newest first: more than a page cannot be joined to what was known. */
export function bitflyerTradeHistory(rest: string | null): RestTradeHistory {
  return {
    pageSize: PAGE,
    url({ instrument }, { id }) {
      // `after` leaves out the id that it names, which proves that the answer joins.
      const query = `product_code=${instrument.instrument}&count=${PAGE}&after=${BigInt(id) - 1n}`
      return `${rest}/v1/getexecutions?${query}`
    },
    instrument: (url) => /\/v1\/(?:get)?executions\?(?:.*&)?product_code=(\w+)/.exec(url)?.[1] ?? null,
    read: ({ body }) => readPage(body).toReversed().map(tradeFields),
    // 500 requests in five minutes.
    throttledMs: 300_000,
  }
}
