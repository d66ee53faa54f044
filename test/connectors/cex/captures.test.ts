import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { cex } from '../../../connectors/cex/index.js'
import type { MarketEvent } from '../../../schemas/events.js'
import { Books } from '../../../src/book/books.js'
import { canonicalDecimal } from '../../../src/decode/decimal.js'
import { playRecording, readRecord } from '../../../src/framelog/index.js'
import { harness } from '../../support/harness.js'

const folder = fileURLToPath(new URL('../../../../shared/captures/cexio/', import.meta.url))
const present = existsSync(folder)
if (!present) console.warn('skipped: ../shared/captures is absent, so no recorded frame of CEX.IO is read')

const lines = (name: string): string[] =>
  present
    ? gunzipSync(readFileSync(`${folder}${name}`))
        .toString('utf8')
        .trim()
        .split('\n')
    : []

async function play(records: readonly string[]): Promise<MarketEvent[]> {
  const events: MarketEvent[] = []
  await playRecording([records.map(readRecord)], {
    connectors: [cex()],
    onEvent: (event) => void events.push(event),
  })
  return events
}

describe.skipIf(!present)('the recorded book of BTC:EUR', () => {
  const recorded = lines('cexio-20200622.part1.jsonl.gz')

  test('is read by a connector of the other exchange, for its URL tells', async () => {
    const events = await play(recorded)
    expect(events.filter(({ type }) => type === 'malformed' || type === 'gap')).toEqual([])
    expect(events.filter(({ type }) => type === 'book_update')).toHaveLength(14)
    expect(events.find(({ type }) => type === 'book_snapshot')).toMatchObject({
      symbol: 'BTC/EUR',
      instrument: 'BTC:EUR',
      sequence: '346224380',
      exchangeTime: 1_592_818_373_000_000,
      bids: [
        ['8391.9', '0.8'],
        ['8391.8', '1'],
        ['8390.3', '0.1'],
      ],
    })
  })

  test('is suspect from a missing id on, and shows the last levels that were sure', async () => {
    const whole = new Books()
    for (const event of await play(recorded)) whole.apply(event)
    const update = (id: number) =>
      JSON.stringify({
        t: null,
        dir: 'in',
        conn: 0,
        data: `{"e":"md_update","data":{"id":${id},"pair":"BTC:EUR","time":1592818381500,"bids":[[8500.0,1.0]],"asks":[]}}`,
      })
    const events = await play([...recorded, update(346224396), update(346224397)])
    const gaps = events.filter(({ type }) => type === 'gap')
    expect(gaps).toMatchObject([{ reason: 'sequence', state: 'open', channel: 'book' }])
    const books = new Books()
    for (const event of events) books.apply(event)
    const book = books.get('cex', 'BTC/EUR')?.book
    expect(book?.state).toBe('suspect')
    expect(book?.top(5)).toEqual(whole.get('cex', 'BTC/EUR')?.book.top(5))
  })
})

interface Message {
  readonly source: string
  readonly kind: string
  readonly data: string
  readonly expect?: {
    readonly best_bid?: string
    readonly best_ask?: string
    readonly trades?: readonly Record<string, string | number>[]
  }
}

describe.skipIf(!present)('recorded single messages', () => {
  const messages = lines('messages.jsonl.gz').map((line): Message => JSON.parse(line))
  const sources = [...new Set(messages.map(({ source }) => source))]

  test.each(sources)('of %s are understood and say what they should', (source) => {
    const { session, events, of } = harness(cex(), {
      adopt: true,
      endpoint: { name: 'classic', url: 'wss://ws.cex.io/ws', rest: null },
    })
    session.opened({ url: 'wss://ws.cex.io/ws', negotiated: null, attempt: 1 }, 1)
    session.sent('{"e":"subscribe","rooms":["tickers","pair-BTC-USD"]}', 1)
    const books = new Books()
    for (const message of messages.filter((candidate) => candidate.source === source)) {
      const before = of('trade').length
      const from = events.length
      if (message.kind.startsWith('rest:')) {
        const url = 'https://cex.io/api/currency_limits'
        expect(
          cex().catalogue.read({ id: '', url, status: 200, headers: {}, body: message.data }),
        ).toContainEqual(expect.objectContaining({ symbol: 'GHS/BTC', instrument: 'GHS:BTC' }))
        continue
      }
      session.frame(message.data, 2)
      for (const event of events.slice(from)) books.apply(event)
      const { best_bid, best_ask, trades } = message.expect ?? {}
      const best = books.get('cex', 'BTC/EUR')?.book.best()
      if (best_bid !== undefined) expect(best?.bid?.[0]).toBe(canonicalDecimal(best_bid))
      if (best_ask !== undefined) expect(best?.ask?.[0]).toBe(canonicalDecimal(best_ask))
      if (trades === undefined) continue
      expect(of('trade').slice(before)).toMatchObject(
        trades.map(({ id, side, ts_ms, price, raw_amount }) => ({
          id,
          side,
          price,
          exchangeTime: Number(ts_ms) * 1000,
          amount: canonicalDecimal(`${raw_amount}e-8`),
          symbol: 'BTC/USD',
        })),
      )
    }
    expect(of('malformed')).toEqual([])
  })
})
