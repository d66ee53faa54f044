import { describe, expect, test } from 'vitest'
import {
  bitfinex,
  bitflyer,
  bitmex,
  bitstamp,
  bittrex,
  blockchain,
  cex,
  huobi,
} from '../../connectors/index.js'
import type { Connector } from '../../src/connector.js'
import { harness } from '../support/harness.js'

const NOW = 1_787_612_480_000_000

interface Row {
  readonly connector: Connector
  /** Frames before it, of which nothing is malformed. */
  readonly before?: readonly string[]
  /** The URL that the frame is an answer of. */
  readonly answers?: string
  readonly frame: (price: string, amount: string) => string
  readonly event: string
  /** Of an event that is fine. */
  readonly good?: readonly [price: string, amount: string]
  readonly bad?: readonly (readonly [price: string, amount: string])[]
}

const url = 'ws://127.0.0.1:1'
const BAD = [
  ['-5', '1'],
  ['0', '1'],
  ['5', '-1'],
] as const

const ROWS: Readonly<Record<string, Row>> = {
  'a trade of Bitstamp': {
    connector: bitstamp({ url }),
    frame: (price, amount) =>
      `{"event":"trade","channel":"live_trades_btcusd","data":{"id":1,"amount_str":"${amount}","price_str":"${price}","type":0,"microtimestamp":"${NOW}"}}`,
    event: 'trade',
    bad: [...BAD, ['5', '0']],
  },
  'a book of Bitstamp': {
    connector: bitstamp({ url }),
    frame: (price, amount) =>
      `{"event":"data","channel":"order_book_btcusd","data":{"microtimestamp":"${NOW}","bids":[["${price}","${amount}"]],"asks":[]}}`,
    event: 'book_snapshot',
  },
  'orders of Bitstamp': {
    connector: bitstamp({ url }),
    frame: (price, amount) =>
      `{"event":"data","channel":"detail_order_book_btcusd","data":{"microtimestamp":"${NOW}","bids":[["${price}","${amount}","7"]],"asks":[]}}`,
    event: 'order_snapshot',
  },
  'a trade of bitFlyer': {
    connector: bitflyer({ url }),
    frame: (price, amount) =>
      `{"jsonrpc":"2.0","method":"channelMessage","params":{"channel":"lightning_executions_XRP_JPY","message":[{"id":1,"side":"SELL","price":${price},"size":${amount},"exec_date":"2021-04-05T17:29:03.0519246Z"}]}}`,
    event: 'trade',
    bad: [...BAD, ['5', '0']],
  },
  'a book of bitFlyer, in which a price of 0 is no level': {
    connector: bitflyer({ url }),
    frame: (price, amount) =>
      `{"jsonrpc":"2.0","method":"channelMessage","params":{"channel":"lightning_board_snapshot_XRP_JPY","message":{"mid_price":5,"bids":[{"price":${price},"size":${amount}}],"asks":[]}}}`,
    event: 'book_snapshot',
    bad: [
      ['-5', '1'],
      ['5', '-1'],
    ],
  },
  'a trade of Bitfinex, whose sign is the side': {
    connector: bitfinex({ url }),
    before: [
      '{"event":"subscribed","channel":"trades","chanId":7,"symbol":"tBTCUSD","pair":"BTCUSD"}',
      '[7,[]]',
    ],
    frame: (price, amount) => `[7,"te",[1,1626000000000,${amount},${price}]]`,
    event: 'trade',
    good: ['5', '-1'],
    bad: [
      ['-5', '1'],
      ['0', '1'],
    ],
  },
  'a trade of BitMEX': {
    connector: bitmex({ url }),
    frame: (price, amount) =>
      `{"table":"trade","action":"insert","data":[{"timestamp":"2026-09-15T00:00:00.000Z","symbol":"XBTUSD","side":"Buy","size":${amount},"price":${price},"tickDirection":"PlusTick","trdMatchID":"00000000-006d-1000-0000-0004d1d0d0a1"}]}`,
    event: 'trade',
  },
  'a trade of an index of BitMEX, which may be negative': {
    connector: bitmex({ url }),
    frame: (price, amount) =>
      `{"table":"trade","action":"insert","data":[{"timestamp":"2026-09-15T00:00:00.000Z","symbol":".XBTUSDPI","side":"Buy","size":${amount},"price":${price},"tickDirection":"PlusTick","trdMatchID":"00000000-0000-0000-0000-000000000000"}]}`,
    event: 'trade',
    good: ['-0.0005', '0'],
    bad: [['5', '-1']],
  },
  'a trade of Huobi': {
    connector: huobi({ url }),
    frame: (price, amount) =>
      `{"ch":"market.btcusdt.trade.detail","ts":1626000000000,"tick":{"id":1,"ts":1626000000000,"data":[{"id":1,"ts":1626000000000,"tradeId":1,"amount":${amount},"price":${price},"direction":"buy"}]}}`,
    event: 'trade',
  },
  'a book of Huobi': {
    connector: huobi({ url }),
    frame: (price, amount) =>
      `{"ch":"market.btcusdt.mbp.refresh.20","ts":1626000000000,"tick":{"seqNum":1,"bids":[[${price},${amount}]],"asks":[]}}`,
    event: 'book_snapshot',
  },
  'a trade of Blockchain.com': {
    connector: blockchain({ url }),
    before: ['{"seqnum":0,"event":"subscribed","channel":"trades","symbol":"BTC-USD"}'],
    frame: (price, amount) =>
      `{"seqnum":1,"event":"updated","channel":"trades","symbol":"BTC-USD","timestamp":"2021-06-14T11:38:26.123456Z","side":"buy","qty":${amount},"price":${price},"trade_id":"1"}`,
    event: 'trade',
  },
  'a book of Blockchain.com': {
    connector: blockchain({ url }),
    before: ['{"seqnum":0,"event":"subscribed","channel":"l2","symbol":"BTC-USD"}'],
    frame: (price, amount) =>
      `{"seqnum":1,"event":"snapshot","channel":"l2","symbol":"BTC-USD","bids":[{"num":1,"px":${price},"qty":${amount}}],"asks":[]}`,
    event: 'book_snapshot',
  },
  'a book of CEX.IO': {
    connector: cex({ url }),
    frame: (price, amount) =>
      `{"e":"order_book_subscribe","ok":"ok","oid":"1","data":{"timestamp":1626000000000,"bids":[[${price},${amount}]],"asks":[],"pair":"BTC-USD","seqId":7}}`,
    event: 'book_snapshot',
  },
  'a trade of Bittrex': {
    connector: bittrex({ url }),
    answers: 'https://api.bittrex.com/v3/markets/BTC-USD/trades',
    frame: (price, amount) =>
      `[{"id":"a","executedAt":"2021-06-14T11:38:26.12Z","quantity":"${amount}","rate":"${price}","takerSide":"BUY"}]`,
    event: 'trade',
  },
}

describe.each(Object.entries(ROWS))(
  '%s',
  (_what, { connector, before = [], answers, frame, event, good = ['5', '1'], bad = BAD }) => {
    function read(price: string, amount: string) {
      const run = harness(connector, { adopt: true })
      for (const text of before) run.session.frame(text, NOW)
      const body = frame(price, amount)
      if (answers === undefined) run.session.frame(body, NOW)
      else run.session.response({ id: '', url: answers, status: 200, headers: { sequence: '7' }, body }, NOW)
      return run
    }

    test('is an event', () => {
      const run = read(...good)
      expect(run.of('malformed')).toEqual([])
      expect(run.of(event as 'trade')).toHaveLength(1)
    })

    test.each(bad)('with the price %s and the amount %s is malformed', (price, amount) => {
      const run = read(price, amount)
      expect(run.of(event as 'trade')).toEqual([])
      expect(run.of('malformed')).toMatchObject([{ reason: 'schema_mismatch' }])
    })
  },
)
