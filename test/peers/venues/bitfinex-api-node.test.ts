import { createRequire } from 'node:module'
import { expect, test } from 'vitest'
import { bitfinex } from '../../../connectors/index.js'
import { serveSimulator, simulate } from '../../../simulators/index.js'
import { openFeed } from '../../../src/index.js'
import { expectSame, readFeed, Seen, type SeenLevel, until } from './seen.js'

/** Bitfinex's own client. 9.1.0 needs a package that is not published; 7.0.0 is the last that can be installed. */
type Row = readonly [price: number, count: number, amount: number]

interface WSv2 {
  on(event: 'error', listener: (error: unknown) => void): void
  open(): Promise<void>
  subscribeTrades(symbol: string): Promise<boolean>
  subscribeOrderBook(symbol: string, precision: string, length: string): Promise<boolean>
  onTrades(filter: object, listener: (rows: readonly unknown[]) => void): void
  onOrderBook(filter: object, listener: () => void): void
  getOB(symbol: string): { readonly bids: readonly Row[]; readonly asks: readonly Row[] }
  close(): Promise<void>
}

const { WSv2: Client }: { WSv2: new (options: object) => WSv2 } = createRequire(import.meta.url)(
  'bitfinex-api-node',
)

test("Bitfinex's own client streams the trades and books that tapewire emits", async () => {
  await using server = await serveSimulator((url) => simulate('bitfinex', { seed: 4, url }))
  const feed = openFeed([bitfinex({ url: server.url, symbols: ['BTC/USD'], channels: ['trade', 'book'] })])
  const ours = readFeed(feed)
  await until('a book of tapewire', () => ours.seen.states.length > 0)
  // It verifies the numbers of frames by itself.
  const client = new Client({ url: `${server.url}/ws/2`, manageOrderBooks: true, seqAudit: true })
  const errors: unknown[] = []
  client.on('error', (error) => void errors.push(error))
  const theirs = new Seen()
  client.onTrades({ symbol: 'tBTCUSD' }, (rows) => {
    const trades = (Array.isArray(rows[0]) ? rows : [rows]) as readonly (readonly number[])[]
    for (const [id = 0, time = 0, amount = 0, price = 0] of trades) {
      theirs.trade({ key: `${id}`, time, side: amount > 0 ? 'buy' : 'sell', price, amount: Math.abs(amount) })
    }
  })
  client.onOrderBook({ symbol: 'tBTCUSD', prec: 'P0', len: '25' }, () => {
    const { bids, asks } = client.getOB('tBTCUSD')
    const levels = (rows: readonly Row[]) =>
      rows.map(([price, , amount]): SeenLevel => [price, Math.abs(amount)])
    theirs.book(levels(bids), levels(asks))
  })
  await client.open()
  await client.subscribeTrades('tBTCUSD')
  await client.subscribeOrderBook('tBTCUSD', 'P0', '25')
  await expectSame({ server, market: 'tBTCUSD', ours: ours.seen, theirs, errors, books: 'each' })
  expect(ours.troubles).toEqual([])
  await client.close()
  await feed.close()
  await ours.done
})
