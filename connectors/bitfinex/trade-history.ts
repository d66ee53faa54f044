import { tradePage } from '../../schemas/bitfinex.js'
import { decoder } from '../../src/decode/index.js'
import type { RestTradeHistory } from '../../src/session/index.js'
import { tradeFields } from './readers.js'

/** The venue gives 10 000; half of that fits into an answer by far, and is more trades than most markets see in an hour. */
const PAGE = 5_000

const decodePage = decoder(tradePage)

/** `trades/{symbol}/hist` of REST v2. Its CDN keeps answers for about five seconds, but no two pages have one URL. */
export function bitfinexTradeHistory(rest: string | null): RestTradeHistory {
  return {
    pageSize: PAGE,
    newestFirst: true,
    url({ instrument }, { exchangeTime }) {
      const start = Math.floor(exchangeTime / 1000)
      return `${rest}/v2/trades/${instrument.instrument}/hist?start=${start}&sort=1&limit=${PAGE}`
    },
    instrument: (url) => /\/v2\/trades\/([tf][\w:]+)\/hist(?:\?|$)/.exec(url)?.[1] ?? null,
    read: ({ body }, stream) => decodePage(body).map((row) => tradeFields(stream, row, null)),
    // The venue blocks an address for a minute.
    throttledMs: 60_000,
    throttled: /ERR_RATE_LIMIT/,
  }
}
