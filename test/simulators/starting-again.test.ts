import { expect, test } from 'vitest'
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
import { openTape, record, verifyTape } from '../../recorder/index.js'
import type { MarketEvent } from '../../schemas/events.js'
import { simulate } from '../../simulators/index.js'
import { openFeed } from '../../src/feed/feed.js'
import { serveSimulator } from '../../src/simulator/index.js'
import { temporaryPaths } from '../recorder/temporary.js'

const path = temporaryPaths()
const GENEROUS_MS = 120_000

/** What a venue names once: a trade, an order, a transaction, a block. */
function namesIn(event: MarketEvent): string[] {
  switch (event.type) {
    case 'trade':
      return [`trade ${event.id}`]
    case 'transaction':
    case 'block':
      return [`${event.type} ${event.hash}`]
    case 'liquidation':
      return event.id === null ? [] : [`liquidation ${event.id}`]
    case 'order_snapshot':
      return event.bids.map(([id]) => `order ${id}`)
    default:
      return []
  }
}

const chain = (url: string) => blockchain({ url, symbols: ['BTC'], channels: ['transaction', 'block'] })

test.each([
  ['bitfinex', (url) => bitfinex({ url, symbols: ['BTC/USD'], channels: ['trade', 'order', 'liquidation'] })],
  ['bitmex', (url) => bitmex({ url, symbols: ['BTC/USD:BTC'], channels: ['trade', 'liquidation'] })],
  ['huobi', (url) => huobi({ url, symbols: ['BTC/USDT', 'BTC/USDT:USDT'], channels: ['trade'] })],
  ['cex', (url) => cex({ url, symbols: ['BTC/USD'], channels: ['trade'] })],
  ['bittrex', (url) => bittrex({ url, symbols: ['BTC/USD'], channels: ['trade'] })],
  ['blockchain', (url) => blockchain({ url, symbols: ['BTC/USD'], channels: ['trade'] })],
  ['bitstamp', (url) => bitstamp({ url, symbols: ['BTC/USD', 'BTC/USD:USD'], channels: ['trade', 'order'] })],
  ['blockchain', chain],
  ['bitflyer', (url) => bitflyer({ url, symbols: ['BTC/JPY'], channels: ['trade'] })],
] as const satisfies [string, (url: string) => ReturnType<typeof bitfinex>][])(
  'a simulator of %s that starts again gives no id of its last run, so that one tape takes both',
  async (venue, connectorAt) => {
    const file = path()
    const runs: Set<string>[] = []
    for (const names of [new Set<string>(), new Set<string>()]) {
      runs.push(names)
      await using server = await serveSimulator((url) =>
        simulate(venue, { seed: 3, stepsPerSecond: 100, url }),
      )
      const feed = openFeed([connectorAt(server.url)])
      let live = 0
      await record(feed, openTape(file, { mode: 'write' }), {
        onEvent: (event) => {
          for (const name of namesIn(event)) names.add(name)
          if (event.type === 'transaction' || (event.type === 'trade' && !event.historical)) live++
          if (live === 15) void feed.close()
        },
      })
    }
    const [first = new Set(), second = new Set()] = runs
    expect(first.size).toBeGreaterThanOrEqual(15)
    expect([...second].filter((name) => first.has(name))).toEqual([])
    using tape = openTape(file)
    expect(verifyTape(tape).findings.map(({ code }) => code)).not.toContain('repeated_id')
  },
  GENEROUS_MS,
)
