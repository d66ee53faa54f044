import { createRequire } from 'node:module'
import { describe, expect, test } from 'vitest'
import { bitfinex, bitflyer, bitmex, bitstamp, blockchain, huobi } from '../../../connectors/index.js'
import { serveSimulator, simulate } from '../../../simulators/index.js'
import { type Feed, openFeed } from '../../../src/index.js'
import { expectSame, readFeed, Seen, type SeenLevel, until } from './seen.js'

/**
 * tardis-dev's real-time stream at the simulators: `streamNormalized`, by the addresses that its feeds have as properties. It has
 * no feed of CEX.IO and Bittrex. Its feed of bitFlyer takes any answer to a subscribe for an error, and gets none.
 */
interface Level {
  readonly price: number
  readonly amount: number
}

type Message =
  | { readonly type: 'disconnect' }
  | {
      readonly type: 'trade'
      readonly id: string
      readonly timestamp: Date
      readonly side: string
      readonly price: number
      readonly amount: number
    }
  | {
      readonly type: 'book_change'
      readonly isSnapshot: boolean
      readonly bids: readonly Level[]
      readonly asks: readonly Level[]
    }
  | { readonly type: 'derivative_ticker' | 'liquidation' }

type RealTimeFeed = new (...args: unknown[]) => { wssURL: string; httpURL?: string }

interface TardisBook {
  update(change: Message): void
  bids(): Iterable<Level>
  asks(): Iterable<Level>
}

interface Tardis {
  readonly OrderBook: new () => TardisBook
  readonly normalizeTrades: unknown
  readonly normalizeBookChanges: unknown
  readonly normalizeDerivativeTickers: unknown
  readonly normalizeLiquidations: unknown
  getRealTimeFeedFactory(exchange: string): RealTimeFeed
  setRealTimeFeedFactory(exchange: string, feed: RealTimeFeed): void
  streamNormalized(
    options: {
      readonly exchange: string
      readonly symbols: readonly string[]
      readonly withDisconnectMessages: boolean
      readonly onError: (error: unknown) => void
    },
    ...normalizers: unknown[]
  ): AsyncGenerator<Message>
}

const tardis: Tardis = createRequire(import.meta.url)('tardis-dev')

interface Setup {
  readonly exchange: string
  readonly symbol: string
  readonly path: string
  readonly restPath?: string
  readonly venue: string
  readonly market: string
  readonly feed: (url: string) => Feed
  readonly books: 'each' | 'last'
  /** Whether there are derivative tickers and liquidations. */
  readonly derivative?: true
}

const setups: readonly Setup[] = [
  {
    exchange: 'bitfinex',
    symbol: 'BTCUSD',
    path: '/ws/2',
    venue: 'bitfinex',
    market: 'tBTCUSD',
    feed: (url) => openFeed([bitfinex({ url, symbols: ['BTC/USD'], channels: ['trade', 'book'] })]),
    books: 'each',
  },
  {
    exchange: 'bitmex',
    symbol: 'XBTUSD',
    path: '/realtime',
    venue: 'bitmex',
    market: 'XBTUSD',
    feed: (url) => openFeed([bitmex({ url, symbols: ['XBTUSD'], channels: ['trade', 'book'] })]),
    books: 'each',
    derivative: true,
  },
  {
    exchange: 'huobi',
    symbol: 'BTCUSDT',
    path: '/ws',
    restPath: '/v1',
    venue: 'huobi',
    market: 'btcusdt',
    feed: (url) => openFeed([huobi({ url, symbols: ['BTC/USDT'], channels: ['trade', 'book:400'] })]),
    books: 'each',
  },
  {
    exchange: 'huobi-dm-swap',
    symbol: 'BTC-USD',
    path: '/swap-ws',
    restPath: '/swap-api/v1',
    venue: 'huobi',
    market: 'BTC-USD',
    feed: (url) => openFeed([huobi({ url, symbols: ['BTC-USD'], channels: ['trade', 'book'] })]),
    books: 'each',
    derivative: true,
  },
  {
    exchange: 'huobi-dm-linear-swap',
    symbol: 'BTC-USDT',
    path: '/linear-swap-ws',
    restPath: '/linear-swap-api/v1',
    venue: 'huobi',
    market: 'BTC-USDT',
    feed: (url) => openFeed([huobi({ url, symbols: ['BTC-USDT'], channels: ['trade', 'book'] })]),
    books: 'each',
    derivative: true,
  },
  {
    exchange: 'bitstamp',
    symbol: 'BTCUSD',
    path: '/',
    restPath: '/api/v2',
    venue: 'bitstamp',
    market: 'btcusd',
    feed: (url) => openFeed([bitstamp({ url, symbols: ['BTC/USD'], channels: ['trade', 'book'] })]),
    books: 'each',
  },
  {
    exchange: 'bitflyer',
    symbol: 'BTC_JPY',
    path: '/json-rpc',
    venue: 'bitflyer',
    market: 'BTC_JPY',
    feed: (url) => openFeed([bitflyer({ url, symbols: ['BTC/JPY'], channels: ['trade', 'book'] })]),
    books: 'each',
  },
  {
    exchange: 'blockchain-com',
    symbol: 'BTC-USD',
    path: '/mercury-gateway/v1/ws',
    venue: 'blockchain',
    market: 'BTC-USD',
    feed: (url) => openFeed([blockchain({ url, symbols: ['BTC/USD'], channels: ['trade', 'book'] })]),
    books: 'each',
  },
]

/** Its feed of an exchange with the addresses of a simulator. */
function point({ exchange, path, restPath }: Setup, url: string): void {
  const Original = tardis.getRealTimeFeedFactory(exchange)
  tardis.setRealTimeFeedFactory(
    exchange,
    class extends Original {
      constructor(...args: unknown[]) {
        super(...args)
        this.wssURL = `${url}${path}`
        if (restPath !== undefined) this.httpURL = `${url.replace('ws:', 'http:')}${restPath}`
      }
    },
  )
}

/** What its stream says, read until it is stopped. */
function readTardis({ exchange, symbol, derivative }: Setup) {
  const seen = new Seen()
  const errors: unknown[] = []
  const kinds = new Set<string>()
  const book = new tardis.OrderBook()
  const pairs = (levels: Iterable<Level>) =>
    [...levels].map(({ price, amount }): SeenLevel => [price, amount])
  const more = derivative ? [tardis.normalizeDerivativeTickers, tardis.normalizeLiquidations] : []
  const messages = tardis.streamNormalized(
    {
      exchange,
      symbols: [symbol],
      withDisconnectMessages: true,
      onError: (error) => void errors.push(error),
    },
    tardis.normalizeTrades,
    tardis.normalizeBookChanges,
    ...more,
  )
  let stopped = false
  const done = (async () => {
    for await (const message of messages) {
      if (stopped) break
      kinds.add(message.type)
      if (message.type === 'disconnect') errors.push(message)
      else if (message.type === 'trade') {
        const { id: key, timestamp, side, price, amount } = message
        seen.trade({ key, time: timestamp.valueOf(), side, price, amount })
      } else if (message.type === 'book_change') {
        book.update(message)
        seen.book(pairs(book.bids()), pairs(book.asks()))
      }
    }
  })()
  return {
    seen,
    errors,
    kinds,
    /** It ends with the next message, so the market has to move. */
    stop() {
      stopped = true
      return done
    },
  }
}

describe.each(setups)('tardis-dev $exchange $symbol', (setup) => {
  test('streams the trades and books that tapewire emits', async () => {
    const { venue, market, books } = setup
    await using server = await serveSimulator((url) => simulate(venue, { seed: 4, url }))
    const feed = setup.feed(server.url)
    const ours = readFeed(feed)
    await until('a book of tapewire', () => ours.seen.states.length > 0)
    point(setup, server.url)
    const theirs = readTardis(setup)
    await expectSame({ server, market, ours: ours.seen, theirs: theirs.seen, errors: theirs.errors, books })
    if (setup.derivative) {
      await until('what it has of a derivative', () =>
        ['derivative_ticker', 'liquidation'].every((kind) => theirs.kinds.has(kind)),
      )
    }
    expect(theirs.errors).toEqual([])
    expect(ours.troubles).toEqual([])
    const traded = server.simulator.markets.get(market)
    if (traded !== undefined) traded.frozen = false
    await theirs.stop()
    await feed.close()
    await ours.done
  })
})
