// @ts-check
/**
 * What a taker would have paid at one moment of a tape, and the volume that traded up to it. Without a tape it records five
 * seconds of the simulator first.
 *
 *   node examples/backtest.mjs
 *   node examples/backtest.mjs tape.db bitfinex BTC/USD 2026-01-01T12:00:00Z
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Decimal } from 'decimal.js'
import { openFeed } from 'tapewire'
import { bitfinex } from 'tapewire/connectors/bitfinex'
import { openTape } from 'tapewire/recorder'
import { serveSimulator, simulate } from 'tapewire/simulators'

const [path, venue = 'bitfinex', symbol = 'BTC/USD', time = new Date().toISOString()] = process.argv.slice(2)
if (path === undefined) {
  const folder = mkdtempSync(join(tmpdir(), 'tapewire-example-'))
  const tape = join(folder, 'tape.db')
  await record(tape)
  report(tape, Date.now() * 1000)
  rmSync(folder, { recursive: true })
} else {
  report(path, Date.parse(time) * 1000)
}

/** @param {string} path */
async function record(path) {
  const simulator = await serveSimulator((url) => simulate('bitfinex', { url }))
  const feed = openFeed([bitfinex({ url: simulator.url, symbols: [symbol] })])
  const recorder = openTape(path, { mode: 'write' })
  setTimeout(() => void feed.close(), 5_000)
  for await (const event of feed) recorder.record(event)
  await recorder.close()
  await simulator.close()
}

/**
 * @param {string} path
 * @param {number} moment microseconds since the epoch
 */
function report(path, moment) {
  const tape = openTape(path)
  const book = tape.bookAt({ venue, symbol }, moment)?.book ?? null
  console.log(book === null ? 'no book yet' : `${book.state}: ask ${book.best().ask?.join(' × ') ?? 'none'}`)

  let volume = new Decimal(0)
  for (const trade of tape.replay({ to: moment, types: ['trade'], venues: [venue], symbols: [symbol] })) {
    if (!trade.historical) volume = volume.plus(trade.amount)
  }
  console.log(`volume so far: ${volume.toFixed()}`)
  tape.close()
}
