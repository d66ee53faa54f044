import { describe, expect, test } from 'vitest'
import { bitfinex, bitflyer, bitmex, bitstamp, blockchain, cex, huobi } from '../../../connectors/index.js'
import { SIMULATED_CREDENTIALS } from '../../../simulators/cex/simulator.js'
import { serveSimulator, simulate } from '../../../simulators/index.js'
import { type Feed, openFeed } from '../../../src/index.js'
import { ccxtTrade, openCcxt, watchCcxt } from './ccxt-client.js'
import { expectSame, factsKey, levels, readFeed, Seen, shown, until } from './seen.js'

/**
 * ccxt at the simulators: the calls over REST, and its streams. Blockchain.com's, CEX.IO's and Bitstamp's streams have their tickers
 * where ccxt has them; of bitFlyer ccxt has REST alone.
 */
interface Setup {
  readonly exchange: string
  readonly of: 'today' | '2023'
  readonly venue: string
  /** ccxt's symbol. */
  readonly symbol: string
  /** The venue's id of the market. */
  readonly market: string
  readonly feed: (url: string) => Feed
  readonly keys: 'id' | 'facts'
  readonly books: 'each' | 'last'
  /** What the exchange is opened with beside its addresses. */
  readonly options?: object
  /** What `fetchOrderBook` is asked with. */
  readonly fetch?: object
  /** What one unit of an amount is in trades of ccxt. @default 1 */
  readonly unit?: number
}

const setups: readonly Setup[] = [
  {
    exchange: 'bitfinex',
    of: 'today',
    venue: 'bitfinex',
    symbol: 'BTC/USD',
    market: 'tBTCUSD',
    feed: (url) => openFeed([bitfinex({ url, symbols: ['BTC/USD'], channels: ['trade', 'book'] })]),
    keys: 'id',
    books: 'each',
    // By itself ccxt asks for single orders.
    fetch: { precision: 'P0' },
  },
  {
    exchange: 'htx',
    of: 'today',
    venue: 'huobi',
    symbol: 'BTC/USDT',
    market: 'btcusdt',
    feed: (url) => openFeed([huobi({ url, symbols: ['BTC/USDT'], channels: ['trade', 'book'] })]),
    // ccxt takes the deprecated id of spot, which no event of tapewire has.
    keys: 'facts',
    books: 'each',
  },
  {
    exchange: 'htx',
    of: 'today',
    venue: 'huobi',
    symbol: 'BTC/USDT:USDT',
    market: 'BTC-USDT',
    feed: (url) => openFeed([huobi({ url, symbols: ['BTC-USDT'], channels: ['trade', 'book'] })]),
    keys: 'id',
    books: 'each',
  },
  {
    exchange: 'cex',
    of: 'today',
    venue: 'cex',
    symbol: 'BTC/USD',
    market: 'BTC-USD',
    feed: (url) =>
      openFeed([
        cex({
          api: 'classic',
          ...SIMULATED_CREDENTIALS,
          url: `${url}/ws`,
          symbols: ['BTC/USD'],
          channels: ['trade', 'book'],
        }),
      ]),
    keys: 'id',
    books: 'each',
    options: { apiKey: SIMULATED_CREDENTIALS.key, secret: SIMULATED_CREDENTIALS.secret },
    // ccxt leaves the amounts of trades in the smallest unit of the coin.
    unit: 1e8,
  },
  {
    exchange: 'bitstamp',
    of: 'today',
    venue: 'bitstamp',
    symbol: 'BTC/USD',
    market: 'btcusd',
    feed: (url) => openFeed([bitstamp({ url, symbols: ['BTC/USD'], channels: ['trade', 'book'] })]),
    keys: 'id',
    books: 'each',
    // ccxt asks for the image after six changes, which a busy market has in less time than REST lags.
    options: { options: { watchOrderBook: { snapshotDelay: 20 } } },
  },
  {
    exchange: 'blockchaincom',
    of: 'today',
    venue: 'blockchain',
    symbol: 'BTC/USD',
    market: 'BTC-USD',
    feed: (url) => openFeed([blockchain({ url, symbols: ['BTC/USD'], channels: ['trade', 'book'] })]),
    keys: 'id',
    books: 'each',
  },
  {
    exchange: 'bitmex',
    of: '2023',
    venue: 'bitmex',
    symbol: 'BTC/USD:BTC',
    market: 'XBTUSD',
    feed: (url) => openFeed([bitmex({ url, symbols: ['XBTUSD'], channels: ['trade', 'book'] })]),
    keys: 'id',
    books: 'each',
  },
]

describe.each(setups)('ccxt $exchange $symbol', (setup) => {
  test('watches the trades, books and prices that tapewire emits, and fetches the same book', async () => {
    const { venue, symbol, keys, books, market, options = {}, fetch = {}, unit = 1 } = setup
    await using server = await serveSimulator((url) => simulate(venue, { seed: 4, url }))
    const feed = setup.feed(server.url)
    const ours = readFeed(feed, keys === 'id' ? {} : { naming: factsOf })
    await until('a book of tapewire', () => ours.seen.states.length > 0)
    const exchange = await openCcxt(setup.exchange, { of: setup.of, url: server.url, options })
    expect(Object.keys(await exchange.loadMarkets())).toContain(symbol)
    const fetched = async () => {
      const book = await exchange.fetchOrderBook(symbol, undefined, fetch)
      return shown(levels(book.bids), levels(book.asks))
    }
    const theirs = new Seen()
    const watch = watchCcxt(exchange, symbol, { seen: theirs, keys, unit })
    // As long as the market moves: a ticker says nothing of one that stands still.
    const prices = () => new Set([...ours.seen.trades.values()].map(({ price }) => price))
    await until('a ticker of a trade', () => {
      return exchange.has['watchTicker'] !== true || watch.lasts.some((last) => prices().has(last))
    })
    await expectSame({ server, market, ours: ours.seen, theirs, errors: watch.errors, books })
    await expect.poll(fetched, { timeout: 60_000 }).toBe(ours.seen.states.at(-1))
    expect(watch.errors).toEqual([])
    expect(ours.troubles).toEqual([])
    await watch.close()
    await feed.close()
    await ours.done
  })
})

test('ccxt bitflyer fetches the trades that tapewire emits', async () => {
  await using server = await serveSimulator((url) => simulate('bitflyer', { seed: 4, url }))
  const feed = openFeed([bitflyer({ url: server.url, symbols: ['BTC/JPY'], channels: ['trade', 'book'] })])
  const ours = readFeed(feed)
  const exchange = await openCcxt('bitflyer', { of: 'today', url: server.url, options: {} })
  expect(Object.keys(await exchange.loadMarkets())).toContain('BTC/JPY')
  await until('trades', () => ours.seen.trades.size >= 15)
  const market = server.simulator.markets.get('BTC_JPY')
  if (market === undefined) throw new Error('the simulator has no BTC_JPY')
  market.frozen = true
  const begin = Math.min(...[...ours.seen.trades.values()].map(({ time }) => time))
  const fetched = new Seen()
  for (const trade of await exchange.fetchTrades('BTC/JPY')) fetched.trade(ccxtTrade(trade, 'id'))
  await until('the same trades', () => ours.seen.after(begin).length === fetched.after(begin).length)
  expect(fetched.after(begin)).toEqual(ours.seen.after(begin))
  expect(ours.troubles).toEqual([])
  await exchange.close()
  await feed.close()
  await ours.done
})

function factsOf(trade: { exchangeTime: number | null; side: string | null; price: string; amount: string }) {
  return factsKey({
    time: Math.floor((trade.exchangeTime ?? 0) / 1000),
    side: trade.side ?? '',
    price: Number(trade.price),
    amount: Number(trade.amount),
  })
}
