import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { bitfinex, bitmex, huobi } from '../../../connectors/index.js'
import type { TradeEvent } from '../../../schemas/events.js'
import { serveSimulator, simulate } from '../../../simulators/index.js'
import { type Feed, openFeed } from '../../../src/index.js'
import { BitmexRealtime, type CcxwsMarket, type CcxwsTrade, ccxws, PeerBook } from './peer-client.js'

const LEVELS = 20
/** Trades that both are to have seen. */
const TRADES = 15

/** Waits for what both sides have to bring at their own pace. */
async function until(what: string, so: () => boolean): Promise<void> {
  const deadline = Date.now() + 60_000
  while (!so()) {
    if (Date.now() > deadline) throw new Error(`never came: ${what}`)
    await sleep(20)
  }
}

function numeric(book: { bids: readonly (readonly string[])[]; asks: readonly (readonly string[])[] }) {
  const side = (levels: readonly (readonly string[])[]) => levels.map((level) => level.map(Number))
  return { bids: side(book.bids), asks: side(book.asks) }
}

/** Trades of tapewire's feed, as they come. */
function tradesOf(feed: Feed): TradeEvent[] {
  const trades: TradeEvent[] = []
  feed.on('trade', (trade) => void trades.push(trade))
  return trades
}

/** What ccxws calls a trade in tapewire's words. */
interface Naming {
  readonly theirs: (trade: CcxwsTrade) => string
  readonly ours: (trade: TradeEvent) => string
}

const byId: Naming = {
  theirs: ({ tradeId }) => tradeId,
  // ccxws takes the dashes out.
  ours: ({ id }) => id.replaceAll('-', ''),
}

/** On Huobi ccxws takes the deprecated id, which no event of tapewire has: time, price and amount tell the trade. */
const byFacts: Naming = {
  theirs: ({ unix, price, amount }) => `${unix} ${Number(price)} ${Number(amount)}`,
  ours: ({ exchangeTime, price, amount }) =>
    `${Math.floor((exchangeTime ?? 0) / 1000)} ${Number(price)} ${Number(amount)}`,
}

/** The trades that both have. */
function sharedTrades(theirs: readonly CcxwsTrade[], ours: readonly TradeEvent[], naming: Naming) {
  const known = new Map(ours.map((trade) => [naming.ours(trade), trade]))
  return theirs.flatMap((their) => {
    const own = known.get(naming.theirs(their))
    return own === undefined ? [] : [{ their, own }]
  })
}

interface Setup {
  readonly client: string
  readonly path: string
  readonly market: CcxwsMarket
  readonly feed: (url: string) => Feed
  readonly symbol: string
  readonly channel: 'book' | 'book:step0'
  readonly books: 'updates' | 'snapshots'
  readonly naming: Naming
}

const setups: readonly Setup[] = [
  {
    client: 'Bitfinex',
    path: '/ws/2',
    market: { id: 'BTCUSD', base: 'BTC', quote: 'USD' },
    feed: (url) => openFeed([bitfinex({ url, symbols: ['BTC/USD'], channels: ['trade', 'book'] })]),
    symbol: 'BTC/USD',
    channel: 'book',
    books: 'updates',
    naming: byId,
  },
  {
    client: 'Bitmex',
    path: '/realtime',
    market: { id: 'XBTUSD', base: 'BTC', quote: 'USD' },
    feed: (url) => openFeed([bitmex({ url, symbols: ['XBTUSD'], channels: ['trade', 'book'] })]),
    symbol: 'XBTUSD',
    channel: 'book',
    books: 'updates',
    naming: byId,
  },
  {
    client: 'Huobi',
    path: '/ws',
    market: { id: 'btcusdt', base: 'BTC', quote: 'USDT' },
    feed: (url) => openFeed([huobi({ url, symbols: ['BTC/USDT'], channels: ['trade', 'book:step0'] })]),
    symbol: 'BTC/USDT',
    channel: 'book:step0',
    books: 'snapshots',
    naming: byFacts,
  },
]

describe.each(setups)('ccxws $client is served by the simulator', (setup) => {
  test('has the trades that tapewire has, and the same book', async () => {
    const venue = setup.client.toLowerCase()
    await using server = await serveSimulator((url) => simulate(venue, { seed: 4, url }))
    const feed = setup.feed(server.url)
    const ours = tradesOf(feed)
    const Client = ccxws[`${setup.client}Client`]
    if (Client === undefined) throw new Error(`ccxws has no client ${setup.client}`)
    const client = new Client({ wssPath: `${server.url}${setup.path}` })
    const theirs: CcxwsTrade[] = []
    const errors: unknown[] = []
    const book = new PeerBook()
    client.on('error', (error) => void errors.push(error))
    client.on('trade', (trade) => void theirs.push(trade))
    client.on('l2snapshot', (snapshot) => book.replace(snapshot))
    client.on('l2update', (update) => book.apply(update))
    client.subscribeTrades(setup.market)
    if (setup.books === 'updates') client.subscribeLevel2Updates(setup.market)
    else client.subscribeLevel2Snapshots(setup.market)
    const shared = () => sharedTrades(theirs, ours, setup.naming)
    await until('trades that both have', () => shared().length >= TRADES)
    for (const market of server.simulator.markets.values()) market.frozen = true
    const own = () =>
      numeric(feed.book(venue, setup.symbol, setup.channel)?.top(LEVELS) ?? { bids: [], asks: [] })
    const same = () =>
      own().bids.length === LEVELS && JSON.stringify(book.top(LEVELS)) === JSON.stringify(own())
    await until('the same book', same).catch(() => expect(book.top(LEVELS)).toEqual(own()))
    for (const { their, own: trade } of shared()) {
      const { side, price, amount } = trade
      expect([their.side, Number(their.price), Number(their.amount)]).toEqual([
        side,
        Number(price),
        Number(amount),
      ])
    }
    expect(errors).toEqual([])
    client.close()
    await feed.close()
  })
})

test("BitMEX's own client is served by the simulator: the rows of its tables are the true book", async () => {
  await using server = await serveSimulator((url) => simulate('bitmex', { seed: 4, url }))
  const http = server.url.replace('ws:', 'http:')
  const client = new BitmexRealtime({ endpoint: `${server.url}/realtime`, httpEndpoint: `${http}/api/v1` })
  const errors: unknown[] = []
  client.on('error', (error) => void errors.push(error))
  let rows: readonly Readonly<Record<string, unknown>>[] = []
  let trades = 0
  client.addStream('XBTUSD', 'orderBookL2', (data) => {
    rows = data
  })
  client.addStream('XBTUSD', 'trade', (data) => {
    trades = data.length
  })
  await until('trades', () => trades > TRADES)
  const market = server.simulator.markets.get('XBTUSD')
  if (market === undefined) throw new Error('the simulator has no XBTUSD')
  market.frozen = true
  const held = (side: string) =>
    rows
      .filter((row) => row['side'] === side)
      .map((row) => [Number(row['price']), Number(row['size'])])
      .sort(([a = 0], [b = 0]) => b - a)
  const { bids, asks } = numeric(market.book.top(10_000))
  const whole = () => JSON.stringify([held('Buy'), held('Sell').reverse()])
  await until('the whole book', () => whole() === JSON.stringify([bids, asks]))
  expect(errors).toEqual([])
  let ended = false
  client.on('end', () => {
    ended = true
  })
  client.socket.instance.close(1000)
  await until('its end', () => ended)
})
