/**
 * A venue that tapewire does not know, written with `tapewire/venue`, against its own exchange: trades, a book that is proved by its
 * numbers, and a change that is lost on the way.
 *
 *   npx tsc -p examples/venue && node examples/venue/out/main.js
 */
import { openFeed } from 'tapewire'
import { openExchange } from './exchange.js'
import { harbor } from './harbor.js'

const exchange = await openExchange()
const feed = openFeed([harbor({ url: exchange.url, symbols: ['BTC/USD'] })])

let trades = 0
for await (const event of feed) {
  if (event.type === 'trade' && ++trades === 10) exchange.loseNext()
  if (event.type === 'gap') console.log(`gap ${event.state}: ${event.reason} ${event.detail ?? ''}`.trim())
  if (event.type === 'trade' && trades === 40) {
    // The market rests, and what is on its way arrives.
    exchange.rest()
    setTimeout(() => void finish(), 500)
  }
}
await exchange.close()

async function finish(): Promise<void> {
  const book = feed.book('harbor', 'BTC/USD')
  const same = (side: 'bids' | 'asks') =>
    book?.count(side) === exchange.book[side].size &&
    [...exchange.book[side]].every(([price, amount]) => book.amountAt(side, price) === amount)
  console.log(`the book is ${same('bids') && same('asks') ? 'the true one' : 'wrong'}`)
  await feed.close()
}
