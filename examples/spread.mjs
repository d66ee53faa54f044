// @ts-check
/**
 * The spread of a market, whenever its best prices change: for five seconds from the simulator, which this program starts
 * itself, or from the exchange until ctrl-c.
 *
 *   node examples/spread.mjs
 *   node examples/spread.mjs --live
 */
import { Decimal } from 'decimal.js'
import { openFeed } from 'tapewire'
import { bitfinex } from 'tapewire/connectors/bitfinex'
import { serveSimulator, simulate } from 'tapewire/simulators'

const live = process.argv.includes('--live')
const simulator = live ? null : await serveSimulator((url) => simulate('bitfinex', { url }))

const feed = openFeed([
  bitfinex({ symbols: ['BTC/USD'], channels: ['book'], ...(simulator && { url: simulator.url }) }),
])
process.once('SIGINT', () => void feed.close())
// `| head` reads a few lines and goes.
process.stdout.once('error', () => process.exit())
if (!live) setTimeout(() => void feed.close(), 5_000)

let shown = ''
for await (const event of feed) {
  if (event.type === 'gap') {
    console.warn(`gap in ${event.symbol} ${event.channel}: ${event.reason} (${event.state})`)
  }
  const book = feed.book('bitfinex', 'BTC/USD')
  if (book?.state !== 'live') continue
  const { bid, ask } = book.best()
  if (bid === null || ask === null) continue
  const line = `${bid[0]} / ${ask[0]}  spread ${new Decimal(ask[0]).minus(bid[0]).toFixed()}`
  if (line !== shown) console.log(line)
  shown = line
}
await simulator?.close()
