import Database from 'better-sqlite3'
import { describe, expect, it } from 'vitest'
import {
  type FindingCode,
  openTape,
  type Verification,
  type VerifyOptions,
  verifyTape,
} from '../../recorder/index.js'
import type { ChecksumEvent, MarketEvent } from '../../schemas/events.js'
import { block, gap, liquidation, START, snapshot, trade, transaction, update } from './sample-events.js'
import { temporaryPaths } from './temporary.js'

const path = temporaryPaths()

const SECOND = 1_000_000

async function recorded(...runs: MarketEvent[][]): Promise<string> {
  const file = path()
  for (const events of runs) {
    await using recorder = openTape(file, { mode: 'write' })
    for (const event of events) recorder.record(event)
    await recorder.close()
  }
  return file
}

function verified(file: string, options?: VerifyOptions): Verification {
  using tape = openTape(file)
  return verifyTape(tape, options)
}

async function verify(...events: MarketEvent[]): Promise<Verification> {
  return verified(await recorded(events))
}

/** Changes the file behind the recorder's back, then verifies it. */
async function tamperedWith(events: MarketEvent[], sql: string): Promise<Verification> {
  const file = await recorded(events)
  const db = new Database(file)
  db.pragma('foreign_keys = OFF')
  db.exec(sql)
  db.close()
  return verified(file)
}

function codes({ findings }: Verification): [string, FindingCode, number | null][] {
  return findings.map(({ severity, code, event }) => [severity, code, event])
}

const at = (seconds: number) => ({ receiveTime: START + seconds * SECOND })

const checksum = (ok: boolean, expected: string, actual: string, seconds = 0): ChecksumEvent => ({
  type: 'checksum',
  venue: 'testex',
  symbol: 'BTC/USD',
  instrument: 'tBTCUSD',
  channel: 'book',
  n: 1,
  exchangeTime: null,
  ...at(seconds),
  sequence: null,
  ok,
  expected,
  actual,
})

const book = snapshot([['10', '1']], [['11', '1']])

const trades = (count: number, from = 0) =>
  Array.from({ length: count }, (_, n) => trade({ id: `${from + n}`, ...at(n) }))

describe('a whole tape', () => {
  it('with nothing odd on it has no findings', async () => {
    const verification = await verify(
      book,
      update([['10', '2']], [], { ...at(1), sequence: '1' }),
      trade(at(1)),
      checksum(true, '5', '5', 2),
      update([['10', '0']], [], { ...at(3), sequence: '2' }),
    )
    expect(verification).toMatchObject({
      verdict: 'whole',
      whole: true,
      events: 4,
      rows: 5,
      gaps: { opened: 0, healed: 0 },
      counts: { error: 0, warning: 0, note: 0 },
      findings: [],
      streams: [
        { channel: 'book', events: 3, share: 1, missing: 0 },
        { channel: 'trade', events: 1, share: 1, missing: 0 },
      ],
    })
  })

  it('may have gaps of a log that were backfilled: nothing is missing', async () => {
    const open = gap('open', { channel: 'trade', from: at(0).receiveTime, ...at(2) })
    const verification = await verify(
      trade(),
      open,
      trade({ id: '2', historical: true, ...at(3) }),
      { ...open, state: 'closed', to: at(3).receiveTime, healed: true, ...at(3) },
      trade({ id: '3', ...at(4) }),
    )
    expect(verification.whole).toBe(true)
    expect(verification.gaps).toEqual({ opened: 1, healed: 1 })
    expect(codes(verification)).toEqual([['note', 'gap_healed', 4]])
    expect(verification.streams).toMatchObject([
      { share: 1, missing: 0, gaps: [{ reason: 'disconnected', count: 1, healed: 1, lasted: 3 * SECOND }] },
    ])
  })

  it('may end with its connection', async () => {
    const verification = await verify(
      book,
      gap('open', { ...at(1), detail: 'closed with 1000' }),
      trade(at(3)),
      gap('open', { ...at(3), channel: 'trade' }),
    )
    expect(verification.whole).toBe(true)
    expect(codes(verification)).toEqual([
      ['note', 'stream_ended', 2],
      ['note', 'stream_ended', 4],
    ])
  })

  it('without a clock may end with its connection too', async () => {
    const clockless = { receiveTime: null }
    expect((await verify({ ...book, ...clockless }, gap('open', clockless))).whole).toBe(true)
    expect((await verify({ ...book, ...clockless }, gap('open', clockless), trade(clockless))).whole).toBe(
      false,
    )
  })

  it('may hold several recordings of different streams, each beginning afresh', async () => {
    const file = await recorded([book], [trade({ id: 'a', ...at(2) })])
    const verification = verified(file)
    expect(verification.whole).toBe(true)
    expect(codes(verification)).toEqual([['note', 'new_run', 2]])
  })

  it('is not whole where two runs have data of one stream from the same time', async () => {
    const changes = (...seconds: number[]) => seconds.map((second) => update([['10', '2']], [], at(second)))
    const overlaps = async (first: MarketEvent[], second: MarketEvent[]) => {
      const verification = verified(await recorded(first, second))
      const [found] = verification.findings.filter(({ code }) => code === 'runs_overlap')
      expect(found === undefined || verification.verdict === 'not whole').toBe(true)
      return found === undefined ? null : [found.severity, found.event, found.what]
    }
    const later = (seconds: number) => ({ ...book, ...at(seconds) })
    const whole = [book, ...changes(1, 2, 3, 4, 5)]
    const twice = (seconds: string) =>
      `run 1 and run 2 both have data of the same ${seconds} s: what happened then is on the tape twice`
    expect(await overlaps(whole, whole)).toEqual(['error', 7, twice('5.0')])
    expect(await overlaps(whole, [later(4), ...changes(6, 9)])).toEqual(['error', 7, twice('1.0')])
    expect(await overlaps([book, ...changes(1, 5, 9)], [later(4), ...changes(6)])).toEqual([
      'error',
      5,
      twice('2.0'),
    ])
    // One ends where the other begins; and one fills a hole of the other.
    expect(await overlaps(whole, [later(5), ...changes(6)])).toBeNull()
    expect(await overlaps([book, ...changes(1, 9)], [later(4), ...changes(6)])).toBeNull()
    expect(await overlaps(whole, [trade(at(3)), trade({ id: 'b', ...at(4) })])).toBeNull()
  })

  it('may still be recorded to', async () => {
    const file = path()
    await using recorder = openTape(file, { mode: 'write' })
    recorder.record(book)
    await recorder.flush()
    const verification = verified(file)
    expect([verification.whole, codes(verification)]).toEqual([true, [['note', 'run_not_closed', 1]]])
    await recorder.close()
  })
})

describe('a gap', () => {
  it('that never closed is found, with what is known of it', async () => {
    const { whole, findings } = await verify(
      book,
      gap('open', { ...at(1), reason: 'sequence', detail: 'expected 5, got 7' }),
      ...trades(3),
    )
    expect(whole).toBe(false)
    expect(findings).toEqual([
      {
        severity: 'error',
        code: 'gap_open',
        venue: 'testex',
        symbol: 'BTC/USD',
        channel: 'book',
        event: 2,
        at: START + SECOND,
        what: 'a gap (sequence: expected 5, got 7) is open at the end of the run: 2.0 s are missing',
      },
    ])
  })

  it('of a connection that was lost long before the end is no orderly end', async () => {
    const verification = await verify(book, gap('open', at(1)), trade(at(60)))
    expect(codes(verification)).toEqual([['error', 'gap_open', 2]])
  })

  it('that closed without what was missed is found', async () => {
    const open = gap('open', { channel: 'trade', ...at(1) })
    const closed = gap('closed', { channel: 'trade', ...at(2), healed: false })
    const verification = await verify(trade(), open, closed, trade({ id: '2', ...at(2) }))
    expect(codes(verification)).toEqual([['error', 'gap_unhealed', 3]])
  })

  it('that opens twice, closes unopened, or is passed over by a snapshot is odd', async () => {
    const open = gap('open', at(1))
    const closed = gap('closed', at(1))
    const again = { ...book, ...at(1) }
    const odd = ['warning', 'gap_unpaired', 3]
    expect(codes(await verify(book, open, open, closed, again))).toContainEqual(odd)
    expect(codes(await verify(book, closed, again))).toContainEqual(['warning', 'gap_unpaired', 2])
    expect(codes(await verify(book, open, again))).toEqual([['error', 'gap_uncovered', 3], odd])
  })
})

describe('a book', () => {
  it('that changes before its first snapshot is found', async () => {
    expect(codes(await verify(update([['1', '1']], [])))).toEqual([['error', 'update_before_snapshot', 1]])
  })

  it.each(['joined_late', 'not_written'] as const)(
    'that changes while a gap is open (%s) is the gap, however often it changes',
    async (reason) => {
      const open = gap('open', { ...at(1), reason })
      const changes = [2, 3, 4].map((n) => update([['1', '1']], [], at(n)))
      const first = codes(await verify(open, ...changes))
      expect(first.filter(([, code]) => code !== 'gap_open')).toEqual([])
      expect(first).toHaveLength(1)
      const later = codes(await verify(book, open, ...changes))
      expect(later.map(([, code]) => code)).toEqual(['gap_open'])
    },
  )

  it('that changes in a new recording before a snapshot of its own is in the gap of the pause', async () => {
    const file = await recorded([book], [update([['10', '2']], [], at(9))])
    expect(codes(verified(file))).toEqual([
      ['error', 'gap_open', 2],
      ['note', 'new_run', 2],
    ])
  })

  it('that changes after a gap without a snapshot is found', async () => {
    const verification = await verify(
      book,
      gap('open', at(1)),
      gap('closed', at(2)),
      update([['10', '2']], [], at(2)),
    )
    expect(codes(verification)).toContainEqual(['error', 'update_after_gap', 4])
  })

  it('whose snapshot is out of order is found', async () => {
    const bad = [
      snapshot(
        [
          ['1', '1'],
          ['2', '1'],
        ],
        [],
      ),
      snapshot(
        [],
        [
          ['2', '1'],
          ['1', '1'],
        ],
      ),
      snapshot(
        [
          ['1', '1'],
          ['1', '2'],
        ],
        [],
      ),
      snapshot([['1', '0']], []),
      snapshot(
        [
          ['9', '1'],
          ['10', '1'],
        ],
        [],
      ),
    ]
    for (const event of bad) {
      expect(codes(await verify(event))).toEqual([['error', 'unsorted_snapshot', 1]])
    }
    expect(
      codes(
        await verify(
          snapshot(
            [
              ['10', '1'],
              ['9', '1'],
            ],
            [
              ['11', '1'],
              ['100', '1'],
            ],
          ),
        ),
      ),
    ).toEqual([])
  })

  it('of single orders may have several at a price, but each once', async () => {
    const orders = (bids: [string, string, string][]): MarketEvent => ({
      ...book,
      type: 'order_snapshot',
      channel: 'order',
      bids,
      asks: [],
    })
    expect(
      (
        await verify(
          orders([
            ['a', '10', '1'],
            ['b', '10', '1'],
            ['c', '9', '1'],
          ]),
        )
      ).findings,
    ).toEqual([])
    expect(
      codes(
        await verify(
          orders([
            ['a', '10', '1'],
            ['a', '9', '1'],
          ]),
        ),
      ),
    ).toEqual([['error', 'unsorted_snapshot', 1]])
  })

  it('from which absent levels are removed is odd: once a stream, with their number', async () => {
    const { whole, findings } = await verify(
      book,
      update(
        [
          ['1', '0'],
          ['2', '0'],
        ],
        [],
        at(1),
      ),
      update([['3', '0']], [], at(2)),
    )
    expect(whole).toBe(true)
    expect(findings).toMatchObject([
      {
        severity: 'warning',
        code: 'absent_removals',
        event: 2,
        what: '3 removal(s) of what was not in the book',
      },
    ])
  })

  it('that is crossed for long without a gap is found, once', async () => {
    const crossed = [
      book,
      update([['11', '1']], [], at(1)),
      update([['5', '1']], [], at(10)),
      update([['6', '1']], [], at(12)),
      update([['7', '1']], [], at(20)),
    ]
    expect(codes(await verify(...crossed))).toEqual([['error', 'crossed_book', 4]])
    const file = await recorded(crossed)
    expect(verified(file, { crossedForMs: null }).findings).toEqual([])
    expect(codes(verified(file, { crossedForMs: 1_000 }))).toEqual([['error', 'crossed_book', 3]])
  })

  it('with a negative amount is found, and with a price of zero or below as a warning, once for a stream', async () => {
    const found = await verify(
      snapshot([['1', '1']], [['9', '1']], at(0)),
      update([['1', '-2']], [], at(1)),
      update([['1', '-3']], [], at(2)),
      trade({ ...at(3), id: 'a', price: '0' }),
      trade({ ...at(4), id: 'b', price: '-1', amount: '0' }),
    )
    const wrong = found.findings.filter(({ code }) => code === 'wrong_number')
    expect(wrong.map(({ severity, channel, event, what }) => [severity, channel, event, what])).toEqual([
      ['error', 'book', 2, 'an amount is -2; 2 events of the stream have such numbers'],
      ['warning', 'trade', 4, 'the price is 0; 2 events of the stream have such numbers'],
    ])
    expect(found.verdict).toBe('not whole')
  })

  it('that is crossed for a moment, or during a gap, is not', async () => {
    const healed = update([['11', '0']], [], at(2))
    expect(
      (await verify(book, update([['11', '1']], [], at(1)), healed, update([], [], at(30)))).findings,
    ).toEqual([])
    const { findings } = await verify(
      book,
      update([['11', '1']], [], at(1)),
      gap('open', { ...at(2), reason: 'crossed' }),
      gap('closed', { ...at(30), reason: 'crossed' }),
      { ...book, ...at(30) },
    )
    expect(findings.map(({ code }) => code)).toEqual(['gap_uncovered'])
  })

  it('whose sequence goes back is found, unless a snapshot or a gap lies between', async () => {
    const numbered = (sequence: string | null, seconds: number) =>
      update([['10', '2']], [], { ...at(seconds), sequence })
    expect(
      codes(
        await verify(book, numbered('100', 1), numbered('100', 2), numbered('99', 3), numbered('101', 4)),
      ),
    ).toEqual([['error', 'sequence_back', 4]])
    expect(codes(await verify(book, numbered('9', 1), numbered('10', 2)))).toEqual([])
    expect(codes(await verify(book, numbered('100', 1), { ...book, ...at(2) }, numbered('1', 3)))).toEqual([])
    expect(codes(await verify(book, numbered('x2', 1), numbered(null, 2), numbered('x1', 3)))).toEqual([])
  })

  it('that is handed over to a new connection may count anew, once', async () => {
    const numbered = (sequence: string, seconds: number) =>
      update([['10', '2']], [], { ...at(seconds), sequence })
    const opened = {
      type: 'connection',
      venue: book.venue,
      receiveTime: at(1).receiveTime,
      connection: 'public#1',
      state: 'open',
      attempt: 1,
      endpoint: 'wss://venue',
      reason: null,
    } as const
    const handedOver = [
      book,
      numbered('100', 1),
      opened,
      numbered('101', 2),
      numbered('7', 3),
      numbered('8', 4),
    ]
    expect(codes(await verify(...handedOver))).toEqual([])
    expect(codes(await verify(...handedOver, numbered('3', 5)))).toEqual([['error', 'sequence_back', 7]])
  })

  it('whose checksum failed without a gap is found, and one that is said to be what it is not', async () => {
    expect(codes(await verify(book, checksum(false, '1', '2', 1)))).toEqual([
      ['error', 'checksum_undisclosed', 2],
    ])
    expect(codes(await verify(book, checksum(true, '1', '2', 1)))).toEqual([
      ['error', 'checksum_undisclosed', 2],
    ])
    expect(codes(await verify(book, checksum(false, '2', '2', 1)))).toEqual([
      ['error', 'checksum_undisclosed', 2],
    ])
  })
})

describe('a stream', () => {
  it('in which a trade comes twice is found', async () => {
    const { findings } = await verify(...trades(3), trade({ id: '1', ...at(5) }))
    expect(findings).toMatchObject([
      {
        severity: 'error',
        code: 'repeated_id',
        event: 4,
        what: 'trade 1 was recorded before, as event 2',
      },
    ])
  })

  it.each([
    ['liquidation', liquidation()],
    ['block', block()],
    ['transaction', transaction()],
  ])('in which a %s comes twice is found', async (type, event) => {
    const { findings } = await verify(event, { ...event, ...at(5) })
    expect(findings).toContainEqual(
      expect.objectContaining({
        severity: 'error',
        code: 'repeated_id',
        event: 2,
        venue: 'testex',
        channel: type,
      }),
    )
    expect(findings.find(({ code }) => code === 'repeated_id')?.what).toMatch(
      new RegExp(`^${type} 1.* was recorded before, as event 1$`),
    )
  })

  it('whose numbers have a hole lacks events, unless a gap says so', async () => {
    const hole = await verify(trade({ id: '1', n: 1 }), trade({ id: '2', n: 4, ...at(1) }))
    expect(codes(hole)).toEqual([['error', 'number_missing', 2]])
    expect(hole.findings[0]?.what).toContain('numbers 2 to 3')
    const gaps = { channel: 'trade', ...at(1) }
    const disclosed = await verify(
      trade({ id: '1', n: 1 }),
      gap('open', { ...gaps, n: 2 }),
      gap('closed', { ...gaps, n: 7 }),
      trade({ id: '2', n: 8, ...at(2) }),
    )
    expect(codes(disclosed).map(([, code]) => code)).not.toContain('number_missing')
  })

  it('whose numbers go back is not in order', async () => {
    const verification = await verify(trade({ id: '1', n: 2 }), trade({ id: '2', n: 1, ...at(1) }))
    expect(codes(verification)).toEqual([['error', 'number_back', 2]])
  })

  it('may have the trade ids of another', async () => {
    const verification = await verify(trade(), trade({ instrument: 'tETHUSD' }), trade({ venue: 'other' }))
    expect(verification.findings).toEqual([])
  })

  it('whose receive times go back is whole: what waited was received before what it waited for', async () => {
    const verification = await verify(book, trade(at(5)), update([], [], at(3)), trade({ id: '2', ...at(4) }))
    expect(verification.findings).toEqual([])
  })

  it('of malformed frames is counted by what did not fit', async () => {
    const malformed = (path: string): MarketEvent => ({
      type: 'malformed',
      venue: 'testex',
      ...at(0),
      connection: 'public#0',
      reason: 'schema_mismatch',
      path,
      head: '{}',
    })
    const { verdict, findings } = await verify(trade(), malformed('a.b'), malformed('c'), malformed('a.b'))
    expect(verdict).toBe('not whole')
    expect(findings.map(({ severity, event, what }) => [severity, event, what])).toEqual([
      ['error', 2, '2 frame(s) did not fit, and what was in them is missing: schema_mismatch at a.b'],
      ['error', 3, '1 frame(s) did not fit, and what was in them is missing: schema_mismatch at c'],
    ])
  })
})

describe('a file that was tampered with', () => {
  it.each<[string, string, [string, FindingCode, number | null][]]>([
    [
      'an event that does not fit its schema',
      `UPDATE events SET body = replace(body, '"60000.5"', '60000.5') WHERE id = 2`,
      [['error', 'unreadable_event', 2]],
    ],
    [
      'an event that is no JSON',
      "UPDATE events SET body = '[' WHERE id = 2",
      [['error', 'unreadable_event', 2]],
    ],
    [
      'an event with a field too few',
      "UPDATE events SET body = '[null]' WHERE id = 2",
      [['error', 'unreadable_event', 2]],
    ],
    [
      'an event of an unknown type',
      'UPDATE events SET type = 99 WHERE id = 2',
      [['error', 'unreadable_event', 2]],
    ],
    [
      'an event that was emitted before the one that it follows',
      'UPDATE events SET emitted = receive_time - 60000000 WHERE id = 3',
      [['error', 'emitted_back', 3]],
    ],
    ['a missing event', 'DELETE FROM events WHERE id = 2', [['error', 'missing_events', 2]]],
    ['missing events at the end', 'DELETE FROM events WHERE id > 3', [['error', 'missing_events', 4]]],
    ['a missing beginning', 'DELETE FROM events WHERE id < 3', [['error', 'missing_events', 1]]],
    [
      'a trade that was copied',
      `INSERT INTO events SELECT 6, stream, type, exchange_time, receive_time + 9000000, body, n, offset, emitted FROM events WHERE id = 2;
       UPDATE segments SET last_event = 6, receive_to = receive_to + 9000000`,
      [
        ['error', 'bad_segment', 1],
        ['error', 'repeated_id', 6],
      ],
    ],
    [
      'events that no segment knows',
      `INSERT INTO events SELECT 9, stream, type, exchange_time, receive_time, replace(body, '"0"', '"9"'), n, offset, emitted
       FROM events WHERE id = 1`,
      [['error', 'bad_segment', 5]],
    ],
    ['a segment that hides a stream', "UPDATE segments SET streams = '[]'", [['error', 'bad_segment', 1]]],
    [
      'a segment that tells wrong times',
      'UPDATE segments SET receive_from = receive_from + 1',
      [['error', 'bad_segment', 1]],
    ],
  ])('%s', async (_, sql, expected) => {
    const verification = await tamperedWith(trades(5), sql)
    const found = codes(verification)
    for (const finding of expected) expect(found).toContainEqual(finding)
    expect(verification.whole).toBe(false)
  })

  it('a segment that is no JSON ends the reading, and that is said', async () => {
    const { whole, findings } = await tamperedWith(trades(5), "UPDATE segments SET streams = 'x'")
    expect(whole).toBe(false)
    expect(findings.map(({ code }) => code)).toContain('storage')
  })

  it('a page that was overwritten', async () => {
    const file = await recorded(trades(3_000))
    const { openSync, writeSync, closeSync } = await import('node:fs')
    const handle = openSync(file, 'r+')
    writeSync(handle, Buffer.alloc(4096, 0xaa), 0, 4096, 4096 * 30)
    closeSync(handle)
    const { whole, findings } = verified(file)
    expect(whole).toBe(false)
    expect(findings[0]).toMatchObject({ severity: 'error', code: 'storage' })
  })
})

describe('what is reported', () => {
  it('is bounded, and counted beyond the bound', async () => {
    const verification = verified(
      await recorded(Array.from({ length: 30 }, (_, n) => update([], [], at(n)))),
      { limit: 10 },
    )
    expect(verification.findings).toHaveLength(10)
    expect(verification.counts).toEqual({ error: 30, warning: 0, note: 0 })
  })

  it('progress comes now and then, and at the end', async () => {
    const seen: [number, number][] = []
    verified(await recorded(trades(25_000)), { onProgress: (done, events) => seen.push([done, events]) })
    expect(seen).toEqual([
      [10_000, 25_000],
      [20_000, 25_000],
      [25_000, 25_000],
    ])
  })

  it('an option that there is not is refused by name', async () => {
    using tape = openTape(await recorded([book]))
    expect(() => verifyTape(tape, { limit: 0 })).toThrow(/limit/)
  })
})
