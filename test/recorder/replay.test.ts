import Database from 'better-sqlite3'
import { beforeAll, describe, expect, it } from 'vitest'
import { openTape, type Tape, type TapeQuery } from '../../recorder/index.js'
import type { MarketEvent } from '../../schemas/events.js'
import { gap, START, snapshot, trade, update } from './sample-events.js'
import { temporaryPaths } from './temporary.js'

const path = temporaryPaths()

const connection = (receiveTime: number): MarketEvent => ({
  type: 'connection',
  venue: 'testex',
  receiveTime,
  connection: 'public#0',
  state: 'open',
  attempt: 1,
  endpoint: 'ws://127.0.0.1',
  reason: null,
})

/** Two venues, several channels, 10,000 events: more than one segment of the tape. */
const events: MarketEvent[] = Array.from({ length: 2_000 }, (_, at) => {
  const receiveTime = START + at * 1_000
  return [
    trade({ id: `${at}`, receiveTime, exchangeTime: receiveTime - 50 }),
    update([['1', `${at + 1}`]], [], { receiveTime }),
    trade({ venue: 'other', symbol: 'ETH/USD', instrument: 'ETH-USD', id: `${at}`, receiveTime }),
    update([], [['9', `${at + 1}`]], { channel: 'book:P1', receiveTime }),
    connection(receiveTime),
  ]
}).flat()

let file = ''
let tape: Tape

beforeAll(async () => {
  file = path()
  const recorder = openTape(file, { mode: 'write' })
  for (const event of events) recorder.record(event)
  await recorder.close()
  tape = openTape(file)
  return () => tape.close()
})

describe('a query', () => {
  const at = (event: MarketEvent) => event.receiveTime ?? 0
  const has = (event: MarketEvent, field: 'symbol' | 'instrument' | 'channel', value: string) =>
    'channel' in event && event[field] === value

  const cases: [TapeQuery, (event: MarketEvent, id: number) => boolean][] = [
    [{}, () => true],
    [{ from: START + 700_000 }, (event) => at(event) >= START + 700_000],
    [{ to: START + 700_000 }, (event) => at(event) < START + 700_000],
    [
      { from: START + 900_000, to: START + 901_000 },
      (event) => at(event) >= START + 900_000 && at(event) < START + 901_000,
    ],
    [{ from: START + 10 ** 12 }, () => false],
    [{ types: ['trade'] }, ({ type }) => type === 'trade'],
    [{ types: ['connection', 'trade'] }, ({ type }) => type === 'trade' || type === 'connection'],
    [{ types: ['candle'] }, () => false],
    [{ types: [] }, () => false],
    [{ venues: ['other'] }, ({ venue }) => venue === 'other'],
    [{ venues: ['testex'], types: ['connection'] }, ({ type }) => type === 'connection'],
    [{ symbols: ['ETH/USD'] }, (event) => has(event, 'symbol', 'ETH/USD')],
    [{ symbols: ['tBTCUSD'] }, (event) => has(event, 'instrument', 'tBTCUSD')],
    [{ channels: ['book:P1'] }, (event) => has(event, 'channel', 'book:P1')],
    [{ venues: ['other'], channels: ['book'] }, () => false],
    [{ fromEvent: 5_000, toEvent: 5_010 }, (_, id) => id >= 5_000 && id < 5_010],
    [
      { symbols: ['BTC/USD'], channels: ['trade', 'book'], from: START + 1_990_000, types: ['trade'] },
      (event) => event.type === 'trade' && event.symbol === 'BTC/USD' && at(event) >= START + 1_990_000,
    ],
  ]

  it.each(cases)('%j gives exactly its events, in order', (query, wanted) => {
    expect([...tape.replay(query)]).toEqual(events.filter((event, index) => wanted(event, index + 1)))
  })

  it.each([
    [{ venues: ['bitmex'] }, /nothing of bitmex is on the tape; it holds other, testex/],
    [{ symbols: ['XRP/USD'] }, /nothing of XRP\/USD/],
    [{ channels: ['quote'] }, /nothing of quote is on the tape; it holds book, book:P1, trade/],
  ])('%j, of which nothing was recorded, says what there is', (query, message) => {
    expect(() => [...tape.replay(query)]).toThrow(message)
  })

  it.each([
    [{ types: ['trades'] }, /types/],
    [{ from: 1.5 }, /from.*1\.5/],
    [{ symbol: 'BTC/USD' }, /no option symbol/],
  ])('%j is refused by name', (query, message) => {
    expect(() => [...tape.replay(query as TapeQuery)]).toThrow(message)
  })
})

it('events carry their number where it is asked for', () => {
  const [first] = tape.entries({ channels: ['book:P1'] })
  expect(first).toEqual({ id: 4, event: events[3], offset: null, emitted: events[3]?.receiveTime })
})

it('a reader may stop at any event and read something else meanwhile', () => {
  const slow = tape.replay()
  const first = slow.next().value
  const quick = [...tape.replay({ types: ['trade'], to: START + 1 })]
  expect([first, quick.length, slow.next().value]).toEqual([events[0], 2, events[1]])
})

it('works with for await, as the live feed does', async () => {
  let count = 0
  for await (const _ of tape.replay({ types: ['trade'] })) count++
  expect(count).toBe(4_000)
})

it('a replay holds what was on the tape when it began, while a recorder goes on writing', async () => {
  const growing = path()
  await using recorder = openTape(growing, { mode: 'write', batchEvents: 10 })
  const write = (count: number) => {
    for (let n = 0; n < count; n++) recorder.record(trade({ id: `${n}`, instrument: `t${recorder.written}` }))
  }
  for (let n = 0; n < 6_000; n++) recorder.record(trade({ id: `${n}`, receiveTime: START + n }))
  await recorder.flush()
  using reader = openTape(growing)
  const replay = reader.replay()
  replay.next()
  write(5_000)
  await recorder.flush()
  expect([...replay]).toHaveLength(5_999)
  expect([...reader.replay()]).toHaveLength(11_000)
  await recorder.close()
})

it('a reader that pauses for long does not keep the write-ahead log from being tidied up', async () => {
  const growing = path()
  await using recorder = openTape(growing, { mode: 'write' })
  for (let n = 0; n < 10_000; n++) recorder.record(trade({ id: `${n}`, receiveTime: START + n }))
  await recorder.flush()
  using reader = openTape(growing)
  const replay = reader.replay()
  replay.next()
  recorder.record(trade())
  await recorder.flush()
  const db = new Database(growing)
  expect(db.pragma('wal_checkpoint(TRUNCATE)')).toEqual([{ busy: 0, log: 0, checkpointed: 0 }])
  db.close()
  expect([...replay]).toHaveLength(9_999)
  await recorder.close()
})

it('a tape without a clock is asked by exchange time', async () => {
  const log = path()
  await using recorder = openTape(log, { mode: 'write' })
  recorder.record(snapshot([], [], { receiveTime: null }))
  for (let n = 0; n < 5; n++) {
    recorder.record(trade({ id: `${n}`, receiveTime: null, exchangeTime: START + n }))
  }
  recorder.record(gap('open', { receiveTime: null }))
  await recorder.close()
  using reader = openTape(log)
  const ids = [...reader.replay({ from: START + 1, to: START + 4 })].map((event) =>
    event.type === 'trade' ? event.id : event.type,
  )
  expect(ids).toEqual(['1', '2', '3'])
})

describe('damage', () => {
  it('is never replayed as if it were an event', async () => {
    const damaged = path()
    await using recorder = openTape(damaged, { mode: 'write' })
    for (let n = 0; n < 3; n++) recorder.record(trade({ id: `${n}`, receiveTime: START + n }))
    await recorder.close()
    const db = new Database(damaged)
    db.exec("UPDATE events SET body = replace(body, '60000.5', '6e4') WHERE id = 2")
    db.close()
    using reader = openTape(damaged)
    expect(() => [...reader.replay()]).toThrow(
      /event 2 of the tape cannot be read \(price: must be a decimal/,
    )
    const faults: string[] = []
    const good = [...reader.entries({}, (id, fault) => faults.push(`${id} ${fault}`))].map(({ id }) => id)
    expect([good, faults]).toEqual([[1, 3], ['2 price: must be a decimal as canonical text']])
  })
})

describe('SQL of your own', () => {
  it('is answered with rows', () => {
    const sql = 'SELECT venue, count(*) AS trades FROM trades WHERE id = ? GROUP BY venue ORDER BY venue'
    expect(tape.query(sql, '7')).toEqual([
      { venue: 'other', trades: 1 },
      { venue: 'testex', trades: 1 },
    ])
  })

  it.each([
    'SELEC 1',
    'SELECT * FROM nothing',
    'SELECT ?',
    'DELETE FROM events',
    "INSERT INTO meta VALUES ('a', 'b') RETURNING key",
  ])('%s is refused, and changes nothing', (sql) => {
    expect(() => tape.query(sql)).toThrow(/SQLite does not take the query/)
    expect(tape.query('SELECT count(*) AS events FROM events')).toEqual([{ events: 10_000 }])
  })
})

describe('a closed tape', () => {
  it('says so, also in the middle of a replay', () => {
    const closed = openTape(file)
    const replay = closed.replay()
    replay.next()
    closed.close()
    expect(() => [...closed.replay()]).toThrow(/is closed: open it again/)
    expect(() => [...replay]).toThrow(/is closed: open it again/)
    expect(() => closed.streams()).toThrow(/is closed/)
  })
})
