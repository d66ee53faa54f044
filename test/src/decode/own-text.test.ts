import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { TradeIds } from '../../../connectors/bitmex/trade-ids.js'
import { OrderBook } from '../../../src/book/order-book.js'
import { OrderLedger } from '../../../src/book/order-ledger.js'
import { readLossless } from '../../../src/decode/lossless.js'
import { RecentIds } from '../../../src/session/memory.js'

setFlagsFromString('--expose-gc')
const collect: () => void = runInNewContext('gc')

const FRAMES = 300
const FRAME_BYTES = 100_000

/** Texts of 32 digits, each read from a frame of its own. */
function* texts(): Generator<string> {
  for (let count = 0; count < FRAMES; count++) {
    const text = String(10n ** 31n + BigInt(count))
    const frame = Buffer.from(`["${text}","${'x'.repeat(FRAME_BYTES)}"]`).toString('latin1')
    const read = readLossless(frame)
    if (Array.isArray(read) && typeof read[0] === 'string') yield read[0]
  }
}

const ids = new RecentIds(FRAMES)
const matches = new TradeIds()
const book = new OrderBook()
const ledger = new OrderLedger()

test.each<[string, (text: string) => void]>([
  ['the id of a trade', (text) => void ids.add(text)],
  [
    'the match id and the facts of a trade of BitMEX',
    (text) =>
      void matches.of([{ symbol: 'XBTUSD', trdMatchID: text, price: text, size: text, timestamp: text }]),
  ],
  ['a level of a book', (text) => void book.set('bids', text, text)],
  [
    'the amount of a level that was changed',
    (text) => {
      const price = text.slice(-3)
      book.set('asks', price, '1')
      book.set('asks', price, text)
    },
  ],
  ['an order of a book', (text) => void ledger.set('bids', [text, text, text])],
])('%s that is remembered does not keep its frame in memory', (_what, remember) => {
  collect()
  const before = process.memoryUsage().heapUsed
  for (const text of texts()) remember(text)
  collect()
  expect(process.memoryUsage().heapUsed - before).toBeLessThan((FRAMES * FRAME_BYTES) / 10)
})

test('what is kept is the same text', () => {
  expect([...ids]).toEqual([...texts()])
  expect(book.top(FRAMES).bids.toReversed()).toEqual([...texts()].map((text) => [text, text]))
})
