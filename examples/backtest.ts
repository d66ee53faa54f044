/**
 * What a taker would have paid at one moment of a tape, and the volume that traded up to it.
 *
 *   node examples/backtest.ts tape.db bitfinex BTC/USD 2026-01-01T12:00:00Z
 */
import { Decimal } from 'decimal.js'
import { openTape } from 'tapewire/recorder'

const [path = 'tape.db', venue = 'bitfinex', symbol = 'BTC/USD', time = new Date().toISOString()] =
  process.argv.slice(2)
const moment = Date.parse(time) * 1000

const tape = openTape(path)
const book = tape.bookAt({ venue, symbol }, moment)?.book ?? null
console.log(book === null ? 'no book yet' : `${book.state}: ask ${book.best().ask?.join(' × ') ?? 'none'}`)

let volume = new Decimal(0)
for (const event of tape.replay({ to: moment, types: ['trade'], venues: [venue], symbols: [symbol] })) {
  if (event.type === 'trade' && !event.historical) volume = volume.plus(event.amount)
}
console.log(`volume so far: ${volume.toFixed()}`)
tape.close()
