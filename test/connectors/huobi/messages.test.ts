import { existsSync, readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { huobi } from '../../../connectors/huobi/connector.js'
import { harness } from '../../support/harness.js'
import { packed, T } from './frames.js'

const folder = new URL('../../../../shared/captures/huobi/', import.meta.url)
const absent = !existsSync(folder)
if (absent) console.log(`SKIPPED: no single messages at ${folder.pathname}`)

interface Message {
  source: string
  kind: string
  data: string
  expect?: { [figure: string]: unknown }
}

const messages = absent
  ? []
  : ['messages-gocryptotrader', 'messages-jkorf-spot'].flatMap((file) =>
      gunzipSync(readFileSync(new URL(`${file}.jsonl.gz`, folder)))
        .toString('utf8')
        .split('\n')
        .filter((line) => line !== '')
        .map((line): [string, Message] => {
          const message = JSON.parse(line) as Message
          return [`${file} ${message.kind}`, message]
        }),
    )

/** What each kind of message is here, with figures read off the message by eye. */
const EXPECTED: { [kind: string]: object } = {
  'trade.detail': { type: 'trade', instrument: 'btcusdt', channel: 'trade', historical: false },
  Trades: {
    type: 'trade',
    id: '102523573486',
    price: '52648.62',
    amount: '0.006754',
    side: 'buy',
    exchangeTime: 1_630_994_963_173_000,
  },
  kline: {
    type: 'candle',
    openTime: 1_489_464_480_000_000,
    open: '7962.62',
    close: '8014.56',
    low: '5110.14',
    high: '14962.77',
    volume: '1821.49',
    trades: 4,
  },
  Klines: {
    type: 'candle',
    channel: 'candle:1d',
    open: '0.074849',
    close: '0.074848',
    volume: '2.4448',
    trades: 3,
  },
  Concurrent: { type: 'candle', openTime: 1_630_981_680_000_000, open: null },
  'depth.step0': {
    type: 'book_snapshot',
    sequence: '136998124622',
    bids: [
      ['52690.69', '0.36281'],
      ['52690.68', '0.2'],
    ],
    exchangeTime: 1_630_983_549_500_000,
  },
  OrderBook: {
    type: 'book_snapshot',
    asks: [
      ['52690.7', '0.372591'],
      ['52691.26', '0.13'],
    ],
    depth: 150,
  },
  OrderBookMbp: { type: 'book_snapshot', channel: 'book:refresh20', sequence: '100020142010', depth: 20 },
  detail: {
    type: 'ticker',
    last: '52379.99',
    volume: '13991.028076056185',
    quoteVolume: '727676440.200527',
    volumeUnit: 'base',
  },
  Symbols: { type: 'ticker', high: '52924.14', low: '51000', open: '51823.62' },
  Ticker: {
    type: 'ticker',
    channel: 'ticker:ticker',
    bidPrice: '52732.88',
    askPrice: '52732.89',
    last: '52735.63',
  },
  Tickers: {
    type: 'ticker',
    channel: 'ticker:tickers',
    instrument: 'sylousdt',
    low: '0.000829',
    volume: '603364873.8732',
  },
  BookTicker: {
    type: 'quote',
    sequence: '137005210233',
    bidPrice: '52665.01',
    bidAmount: '0.178567',
    askAmount: '1.502181',
  },
}

describe.skipIf(absent)('a single message of other projects', () => {
  it('is there', () => {
    expect(messages).toHaveLength(27)
  })

  it.each(messages)('%s is what it says', (_name, message) => {
    const run = harness(huobi(), { adopt: true })
    run.session.frame(packed(message.data), T)
    expect(run.of('malformed')).toEqual([])
    // No message of this venue states figures of its own; one that does is a message that this test does not know.
    expect(message.expect).toBeUndefined()
    if (message.kind.endsWith(':reply') || message.kind === 'OrderBookChange') {
      expect(run.events.filter(({ type }) => type !== 'instrument')).toEqual([])
      return
    }
    expect(EXPECTED[message.kind]).toBeDefined()
    expect(run.events).toMatchObject([EXPECTED[message.kind]])
  })

  it('a delta alone is kept, and is joined when its snapshot comes', () => {
    const [, delta] = messages.find(([name]) => name.endsWith('OrderBookChange')) ?? []
    const run = harness(huobi(), { adopt: true })
    run.session.frame(packed(delta?.data), T)
    const data = { seqNum: 100_020_146_794, bids: [[618.37, 71.594]], asks: [] }
    run.session.frame(packed({ id: 'a', status: 'ok', ts: 1, rep: 'market.ethusdt.mbp.5', data }), T)
    expect(run.of('book_update')).toMatchObject([
      { channel: 'book:5', asks: [['645.14', '26.75597395914065']] },
    ])
  })
})
