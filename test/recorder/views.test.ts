import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import Database from 'better-sqlite3'
import { beforeAll, describe, expect, it } from 'vitest'
import { openTape } from '../../recorder/index.js'
import { marketEvent } from '../../schemas/event-schemas.js'
import type { MarketEvent } from '../../schemas/events.js'
import { arbitraryEvents, gap, START, snapshot, trade, update } from './sample-events.js'
import { temporaryPaths } from './temporary.js'

const path = temporaryPaths()

const events: MarketEvent[] = [
  snapshot(
    [
      ['10', '1'],
      ['9.5', '0.00000001'],
    ],
    [['11', '3']],
    { sequence: '7' },
  ),
  update([['10', '0']], [['11', '100000000000000000000.5']], { receiveTime: START + 1 }),
  trade({
    id: '310628134',
    price: '0.0000000000000000000001',
    amount: '123456789012345678901234567890',
    exchangeTime: 1_542_045_968_922_000,
    receiveTime: 1_542_045_968_922_007,
  }),
  trade({ id: 'old', exchangeTime: -1, receiveTime: null, side: null }),
  gap('closed', { from: START, to: START + 5, detail: 'expected 1, got 2', reason: 'sequence' }),
  {
    ...snapshot([], []),
    type: 'order_snapshot',
    channel: 'order',
    bids: [
      ['a', '10', '1'],
      ['b', '10', '2'],
    ],
    asks: [],
  },
  {
    type: 'connection',
    venue: 'testex',
    receiveTime: START,
    connection: 'public#0',
    state: 'open',
    attempt: 1,
    endpoint: 'wss://example.test/ws',
    reason: null,
  },
]

let file = ''

beforeAll(async () => {
  file = path()
  const recorder = openTape(file, { mode: 'write' })
  for (const event of events) recorder.record(event)
  await recorder.close()
})

function rows(sql: string): unknown[] {
  const db = new Database(file, { readonly: true })
  try {
    return db.prepare(sql).all()
  } finally {
    db.close()
  }
}

describe('a person at the SQLite shell', () => {
  it('reads trades with exact decimals and ISO times in microseconds', () => {
    expect(rows('SELECT * FROM trades')).toEqual([
      {
        event: 3,
        venue: 'testex',
        symbol: 'BTC/USD',
        instrument: 'tBTCUSD',
        channel: 'trade',
        n: 1,
        exchange_time: '2018-11-12T18:06:08.922000Z',
        receive_time: '2018-11-12T18:06:08.922007Z',
        sequence: null,
        id: '310628134',
        price: '0.0000000000000000000001',
        amount: '123456789012345678901234567890',
        amount_unit: 'base',
        side: 'buy',
        liquidation: 0,
        historical: 0,
      },
      expect.objectContaining({ event: 4, exchange_time: '1969-12-31T23:59:59.999999Z', receive_time: null }),
    ])
    expect(rows('SELECT DISTINCT typeof(price) AS price, typeof(amount) AS amount FROM trades')).toEqual([
      { price: 'text', amount: 'text' },
    ])
  })

  it('reads books one level a row', () => {
    expect(
      rows(
        'SELECT event, snapshot, side, position, price, amount FROM book_levels ORDER BY event, side, position',
      ),
    ).toEqual([
      { event: 1, snapshot: 1, side: 'ask', position: 0, price: '11', amount: '3' },
      { event: 1, snapshot: 1, side: 'bid', position: 0, price: '10', amount: '1' },
      { event: 1, snapshot: 1, side: 'bid', position: 1, price: '9.5', amount: '0.00000001' },
      { event: 2, snapshot: 0, side: 'ask', position: 0, price: '11', amount: '100000000000000000000.5' },
      { event: 2, snapshot: 0, side: 'bid', position: 0, price: '10', amount: '0' },
    ])
    expect(rows('SELECT order_id, price, amount FROM book_orders')).toEqual([
      { order_id: 'a', price: '10', amount: '1' },
      { order_id: 'b', price: '10', amount: '2' },
    ])
  })

  it('reads gaps, with their bounds as times', () => {
    expect(rows('SELECT channel, reason, state, from_time, to_time, healed, detail FROM gaps')).toEqual([
      {
        channel: 'book',
        reason: 'sequence',
        state: 'closed',
        from_time: '2024-05-01T00:00:00.000000Z',
        to_time: '2024-05-01T00:00:00.000005Z',
        healed: 1,
        detail: 'expected 1, got 2',
      },
    ])
  })

  it('reads connections and recordings', () => {
    expect(rows('SELECT venue, connection, state FROM connections')).toEqual([
      { venue: 'testex', connection: 'public#0', state: 'open' },
    ])
    expect(rows('SELECT first_event, last_event FROM recordings')).toEqual([
      { first_event: 1, last_event: 7 },
    ])
  })

  it('has a view of every type of event, with every field of it', () => {
    const camel = (column: string) => column.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase())
    const db = new Database(file, { readonly: true })
    const views = db
      .prepare("SELECT name FROM sqlite_schema WHERE type = 'view' ORDER BY name")
      .pluck()
      .all()
      .map((name) => ({
        name: String(name),
        columns: db
          .prepare(`SELECT * FROM ${String(name)}`)
          .columns()
          .map((column) => camel(column.name)),
      }))
    db.close()
    for (const option of marketEvent.options) {
      const fields = Object.keys(option.shape)
        .filter((field) => field !== 'type')
        .map((field) =>
          option.shape.type.value === 'gap' && /^(?:from|to)$/.test(field) ? `${field}Time` : field,
        )
      expect(views.map(({ columns }) => columns)).toContainEqual(['event', ...fields])
    }
    expect(views).toHaveLength(arbitraryEvents.size + 4)
  })

  it('finds every example of the documentation working', () => {
    const page = readFileSync(new URL('../../docs/tape.md', import.meta.url), 'utf8')
    const examples = [...page.matchAll(/```sql\n(.*?)```/gs)].flatMap(([, block = '']) =>
      block.split(';').map((statement) => statement.trim()),
    )
    const queries = examples.filter((statement) => /^(?:--[^\n]*\n)*\s*(?:SELECT|WITH)\b/.test(statement))
    expect(queries.length).toBeGreaterThanOrEqual(6)
    for (const query of queries) expect(() => rows(query), query).not.toThrow()
  })
})

describe.skipIf(!hasShell())('the sqlite3 program itself', () => {
  it('prints the same', () => {
    const printed = execFileSync('sqlite3', [file, 'SELECT receive_time, price FROM trades LIMIT 1'])
    expect(printed.toString()).toBe('2018-11-12T18:06:08.922007Z|0.0000000000000000000001\n')
  })
})

function hasShell(): boolean {
  try {
    execFileSync('sqlite3', ['--version'], { stdio: 'ignore' })
    return true
  } catch {
    console.log('no sqlite3 program on this machine: its test is skipped')
    return false
  }
}
