import Database from 'better-sqlite3'
import { expect, it } from 'vitest'
import { openTape, type Verification, verifyTape } from '../../recorder/index.js'
import type { MarketEvent } from '../../schemas/events.js'
import { gap, START, snapshot, trade, update } from './sample-events.js'
import { temporaryPaths } from './temporary.js'

const path = temporaryPaths()

const SECOND = 1_000_000

const at = (seconds: number) => ({ receiveTime: START + seconds * SECOND })

/** Trades as a feed numbers them, one a second. */
const trades = (count: number, { id = 1, n = 1, second = 0 } = {}) =>
  Array.from({ length: count }, (_, k) =>
    trade({
      n: n + k,
      id: String(id + k),
      exchangeTime: START + (second + k) * SECOND,
      ...at(second + k),
    }),
  )

async function recorded(...runs: MarketEvent[][]): Promise<string> {
  const file = path()
  for (const events of runs) {
    await using recorder = openTape(file, { mode: 'write' })
    for (const event of events) recorder.record(event)
    await recorder.close()
  }
  return file
}

function edit(file: string, sql: string): void {
  const db = new Database(file)
  db.exec(sql)
  db.close()
}

function verified(file: string): Verification {
  using tape = openTape(file)
  return verifyTape(tape)
}

const found = ({ findings }: Verification) =>
  findings.filter(({ severity }) => severity === 'error').map(({ code, event, what }) => [code, event, what])

it('a trade that was removed is missed, though the rows after it were numbered anew', async () => {
  const file = await recorded(trades(9))
  edit(
    file,
    `DELETE FROM events WHERE id IN (4, 5);
     UPDATE events SET id = id - 2 WHERE id > 5;
     UPDATE segments SET last_event = 7`,
  )
  const verification = verified(file)
  expect(verification.verdict).toBe('not whole')
  expect(found(verification)).toEqual([
    ['number_missing', 4, 'numbers 4 to 5 of the stream are missing, and no gap says so'],
  ])
  expect(verification.streams).toMatchObject([{ channel: 'trade', events: 7, missing: 3 * SECOND }])
})

it('a change of a book that was removed is missed where the venue numbers nothing', async () => {
  const changes = [2, 3, 4, 5].map((n) => update([['10', String(n)]], [], { n, sequence: null, ...at(n) }))
  const file = await recorded([snapshot([['10', '1']], [['11', '1']], { n: 1, ...at(1) }), ...changes])
  expect(verified(file).verdict).toBe('whole')
  edit(
    file,
    'DELETE FROM events WHERE id = 3; UPDATE events SET id = id - 1 WHERE id > 3; UPDATE segments SET last_event = 4',
  )
  const verification = verified(file)
  expect(found(verification)).toEqual([
    ['number_missing', 3, 'number 3 of the stream is missing, and no gap says so'],
  ])
  expect(verification.streams).toMatchObject([{ channel: 'book', missing: 2 * SECOND }])
})

it('the rows of another tape, put into a run, do not make one whole recording of two', async () => {
  const file = await recorded(trades(5))
  const other = await recorded(trades(5, { id: 100, second: 60 }))
  edit(
    file,
    `ATTACH '${other}' AS other;
     INSERT INTO events SELECT id + 5, stream, type, exchange_time, receive_time, body, n, offset, emitted FROM other.events;
     INSERT INTO segments SELECT first_event + 5, last_event + 5, receive_from, receive_to, exchange_from, exchange_to, streams
     FROM other.segments`,
  )
  const verification = verified(file)
  expect(verification.verdict).toBe('not whole')
  expect(found(verification)).toEqual([
    [
      'number_back',
      6,
      'number 1 of the stream comes after 5: it is of another feed, and no gap says what is missing between',
    ],
  ])
  expect(verification.streams).toMatchObject([{ missing: 56 * SECOND }])
})

it('numbers that a gap stands for are not missed a second time', async () => {
  const lost = gap('open', { channel: 'trade', reason: 'overflow', n: null, from: START, ...at(10) })
  const verification = verified(
    await recorded([
      ...trades(2),
      lost,
      { ...lost, state: 'closed', to: START + 10 * SECOND },
      ...trades(2, { id: 10, n: 10, second: 10 }),
    ]),
  )
  expect(found(verification).map(([code]) => code)).toEqual(['gap_unhealed'])
})

it('a trade that the recorder left out, because an earlier run has it, is not missing', async () => {
  const first = trades(3)
  const again = first.slice(2).map((event) => ({ ...event, n: 2, historical: true, ...at(21) }))
  const verification = verified(
    await recorded(first, [
      ...trades(1, { id: 10, second: 20 }),
      ...again,
      ...trades(2, { id: 11, n: 3, second: 22 }),
    ]),
  )
  expect(verification.events).toBe(6)
  expect(found(verification).map(([code]) => code)).not.toContain('number_missing')
})

it('a recording may begin in the middle of what its feed emits', async () => {
  expect(verified(await recorded(trades(4, { n: 500 }))).verdict).toBe('whole')
})
