/**
 * The spread of a market, whenever its best prices change.
 *
 *   node examples/spread.ts            on Node 22.18 or later, which runs TypeScript as it is
 */
import { Decimal } from 'decimal.js'
import { openFeed } from 'tapewire'
import { bitfinex } from 'tapewire/connectors'

const feed = openFeed([bitfinex({ symbols: ['BTC/USD'], channels: ['book'] })])
process.once('SIGINT', () => void feed.close())

let shown = ''
for await (const event of feed) {
  if (event.type === 'gap')
    console.warn(`hole in ${event.symbol} ${event.channel}: ${event.reason} (${event.state})`)
  const book = feed.book('bitfinex', 'BTC/USD')
  if (book?.state !== 'live') continue
  const { bid, ask } = book.best()
  if (bid === null || ask === null) continue
  const line = `${bid[0]} / ${ask[0]}  spread ${new Decimal(ask[0]).minus(bid[0]).toFixed()}`
  if (line !== shown) console.log(line)
  shown = line
}
