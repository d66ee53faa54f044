import { copyFileSync } from 'node:fs'
import Database from 'better-sqlite3'
import { describe, expect, it } from 'vitest'
import { openTape, type Recorder, type RunStream, type Tape, verifyTape } from '../../recorder/index.js'
import type { MarketEvent } from '../../schemas/events.js'
import { block, gap, liquidation, START, snapshot, trade, transaction, update } from './sample-events.js'
import { temporaryPaths } from './temporary.js'
import { VirtualClock } from './virtual-clock.js'

const path = temporaryPaths()
const SECOND = 1_000_000

/** Seconds after the start of the first run. */
function at(seconds: number): number {
  return START + seconds * SECOND
}

function asked(fields: Partial<RunStream> = {}): RunStream {
  return {
    venue: 'testex',
    symbol: 'BTC/USD',
    channel: 'trade',
    instrument: 'tBTCUSD',
    askedAt: START,
    confirmedAt: at(1),
    refused: null,
    endedAt: null,
    ...fields,
  }
}

/** A tape that grows by runs; time is whatever they say. */
class Runs {
  readonly file = path()

  /** A run from one second to another. @returns what it put on the tape */
  async run(
    from: number,
    to: number,
    act: (recorder: Recorder, clock: VirtualClock) => void,
    end: 'closed' | 'crashed' = 'closed',
  ): Promise<MarketEvent[]> {
    const clock = new VirtualClock()
    clock.pass(from * 1000)
    const recorder = openTape(this.file, { mode: 'write', clock })
    const before = recorder.written
    act(recorder, clock)
    clock.pass(to * 1000 - (clock.now() - START) / 1000)
    if (end === 'closed') await recorder.close()
    else {
      await recorder.flush()
      await recorder.close()
      uncloseLastRun(this.file)
    }
    using tape = openTape(this.file)
    return [...tape.replay({ fromEvent: before + 1 })]
  }
}

/** As a crash leaves the last run. */
function uncloseLastRun(file: string): void {
  const db = new Database(file)
  db.exec('UPDATE runs SET closed = NULL WHERE id = (SELECT max(id) FROM runs)')
  db.close()
}

function notClosed(tape: Tape) {
  return verifyTape(tape).findings.filter(({ code }) => code === 'run_not_closed')
}

const pause = (state: 'open' | 'closed', fields: Record<string, unknown> = {}) => ({
  type: 'gap',
  reason: 'not_recording',
  state,
  ...fields,
})

describe('the pause between two runs', () => {
  it('is a gap on a log, from the last event on, closed by the first one and not healed', async () => {
    const runs = new Runs()
    await runs.run(0, 10, (recorder) => recorder.record(trade({ id: '1', receiveTime: at(2) })))
    const second = await runs.run(60, 70, (recorder) => {
      recorder.record(trade({ id: '2', receiveTime: at(61) }))
      recorder.record(trade({ id: '3', receiveTime: at(62) }))
    })
    expect(second).toMatchObject([
      pause('open', { channel: 'trade', from: at(2), to: null, receiveTime: at(61), healed: false }),
      pause('closed', { channel: 'trade', from: at(2), to: at(61), receiveTime: at(61), healed: false }),
      { type: 'trade', id: '2' },
      { type: 'trade', id: '3' },
    ])
  })

  it('begins at the clean end of a run that says it kept the stream, and at the moment of a grant ends', async () => {
    const runs = new Runs()
    await runs.run(0, 10, (recorder) => {
      recorder.recordStreams([asked()])
      recorder.record(trade({ id: '1', receiveTime: at(2) }))
    })
    const second = await runs.run(60, 70, (recorder) => {
      recorder.recordStreams([asked({ askedAt: at(60), confirmedAt: null })])
      recorder.recordStreams([asked({ askedAt: at(60), confirmedAt: at(61) })])
      recorder.record(trade({ id: '2', receiveTime: at(65) }))
    })
    expect(second).toMatchObject([
      pause('open', { from: at(10), receiveTime: at(60) }),
      pause('closed', { from: at(10), to: at(61), receiveTime: at(65), healed: false }),
      { type: 'trade', id: '2' },
    ])
  })

  it('begins at the last event where the run crashed, and where the stream was given up', async () => {
    const crashed = new Runs()
    await crashed.run(
      0,
      10,
      (recorder) => {
        recorder.recordStreams([asked()])
        recorder.record(trade({ id: '1', receiveTime: at(2) }))
      },
      'crashed',
    )
    const next = (recorder: Recorder) => recorder.record(trade({ id: '2', receiveTime: at(61) }))
    expect(await crashed.run(60, 70, next)).toMatchObject([pause('open', { from: at(2) }), {}, {}])

    const ended = new Runs()
    await ended.run(0, 10, (recorder) => {
      recorder.record(trade({ id: '1', receiveTime: at(2) }))
      recorder.recordStreams([asked({ endedAt: at(5) })])
    })
    expect(await ended.run(60, 70, next)).toMatchObject([pause('open', { from: at(5) }), {}, {}])
  })

  it('begins at the last record of a run that was made from a log, however much later it was ingested', async () => {
    const runs = new Runs()
    const log = (seconds: number) => (recorder: Recorder) => {
      recorder.recordStreams([asked({ askedAt: at(seconds), confirmedAt: at(seconds) })])
      recorder.record(trade({ id: `${seconds}`, receiveTime: at(seconds) }))
      recorder.record(trade({ id: `${seconds} last`, receiveTime: at(seconds + 2) }))
    }
    await runs.run(50_000, 50_010, log(0))
    expect(await runs.run(50_020, 50_030, log(32_400))).toMatchObject([
      pause('open', { from: at(2) }),
      pause('closed', { from: at(2), to: at(32_400), healed: false }),
      { type: 'trade' },
      { type: 'trade' },
    ])
    const live = await runs.run(50_040, 50_050, (recorder) => {
      recorder.recordStreams([asked({ askedAt: at(50_040), confirmedAt: at(50_041) })])
      recorder.record(trade({ id: 'live', receiveTime: at(50_042) }))
    })
    expect(live[0]).toMatchObject(pause('open', { from: at(32_402) }))
    using tape = openTape(runs.file)
    const { verdict, runs: judged } = verifyTape(tape)
    expect(verdict).toBe('not whole')
    expect(judged.map(({ streams }) => streams[0]?.paused)).toEqual([
      0,
      32_398 * SECOND,
      (50_040 - 32_402) * SECOND,
    ])
  })

  it('begins where the gap began that was open when the run ended', async () => {
    const runs = new Runs()
    await runs.run(0, 10, (recorder) => {
      recorder.recordStreams([asked()])
      recorder.record(trade({ id: '1', receiveTime: at(2) }))
      recorder.record(gap('open', { channel: 'trade', from: at(2), receiveTime: at(4) }))
    })
    expect(
      await runs.run(60, 70, (recorder) => recorder.record(trade({ id: '2', receiveTime: at(61) }))),
    ).toMatchObject([pause('open', { from: at(2) }), {}, {}])
  })

  it('is closed on a book by its first snapshot, and a book in the pause is suspect', async () => {
    const runs = new Runs()
    await runs.run(0, 10, (recorder) => {
      recorder.record(snapshot([['10', '1']], [['11', '1']], { receiveTime: at(1) }))
      recorder.record(update([['10', '2']], [], { receiveTime: at(2) }))
    })
    const second = await runs.run(60, 70, (recorder) => {
      recorder.recordStreams([asked({ channel: 'book', askedAt: at(60), confirmedAt: null })])
      recorder.record(snapshot([['20', '1']], [['21', '1']], { receiveTime: at(62) }))
      recorder.record(update([['20', '2']], [], { receiveTime: at(63) }))
    })
    expect(second).toMatchObject([
      pause('open', { channel: 'book', from: at(2), receiveTime: at(60) }),
      pause('closed', { channel: 'book', from: at(2), to: at(62), receiveTime: at(62), healed: true }),
      { type: 'book_snapshot' },
      { type: 'book_update' },
    ])
    using tape = openTape(runs.file)
    const book = { venue: 'testex', symbol: 'BTC/USD' }
    expect(tape.bookAt(book, at(5))?.book.state).toBe('live')
    expect(tape.bookAt(book, at(61))?.book.state).toBe('suspect')
    expect(tape.bookAt(book, at(62))?.book.state).toBe('live')
    expect(
      tape.query("SELECT state, from_time, to_time FROM gaps WHERE reason = 'not_recording'"),
    ).toHaveLength(2)
    expect(verifyTape(tape).findings.map(({ code }) => code)).not.toContain('gap_unpaired')
  })

  it('stays open on a stream that was asked for and never came', async () => {
    const runs = new Runs()
    await runs.run(0, 10, (recorder) => recorder.record(trade({ id: '1', receiveTime: at(2) })))
    const second = await runs.run(60, 70, (recorder) =>
      recorder.recordStreams([asked({ askedAt: at(60), confirmedAt: null })]),
    )
    expect(second).toMatchObject([pause('open', { from: at(2), receiveTime: at(60) })])
    using tape = openTape(runs.file)
    expect(verifyTape(tape).whole).toBe(false)
    // And the next run's pause begins where this one did.
    const third = await runs.run(120, 130, (recorder) =>
      recorder.record(trade({ id: '9', receiveTime: at(121) })),
    )
    expect(third).toMatchObject([pause('open', { from: at(2) }), pause('closed', { to: at(121) }), {}])
  })

  it('ends with the grant on a log in which nothing happens, when history has had its time', async () => {
    const runs = new Runs()
    const statement = asked({ askedAt: at(60), confirmedAt: at(61) })
    await runs.run(0, 10, (recorder) => recorder.record(trade({ id: '1', receiveTime: at(2) })))
    const second = await runs.run(60, 90, (recorder, clock) => {
      recorder.recordStreams([statement])
      clock.pass(20_000)
    })
    expect(second).toMatchObject([pause('open'), pause('closed', { to: at(61), healed: false })])
    const third = await runs.run(120, 125, (recorder) =>
      recorder.recordStreams([asked({ askedAt: at(120), confirmedAt: at(121) })]),
    )
    expect(third).toMatchObject([pause('open'), pause('closed', { to: at(121), healed: false })])
  })

  it('and a hole of the feed inside it are one gap', async () => {
    const runs = new Runs()
    await runs.run(0, 10, (recorder) => recorder.record(trade({ id: '1', receiveTime: at(2) })))
    const second = await runs.run(60, 80, (recorder) => {
      recorder.recordStreams([asked({ askedAt: at(60), confirmedAt: at(61) })])
      recorder.record(gap('open', { channel: 'trade', receiveTime: at(62) }))
      recorder.record(gap('closed', { channel: 'trade', receiveTime: at(70), to: at(70), healed: false }))
      recorder.record(trade({ id: '2', receiveTime: at(71) }))
      recorder.record(gap('open', { channel: 'trade', receiveTime: at(75), from: at(71) }))
    })
    expect(second).toMatchObject([
      pause('open'),
      pause('closed', { to: at(70), healed: false }),
      { type: 'trade', id: '2' },
      { type: 'gap', reason: 'disconnected', state: 'open', from: at(71) },
    ])
  })

  it('is none on a stream that only one run has, nor before a recording of an earlier time', async () => {
    const runs = new Runs()
    await runs.run(100, 110, (recorder) => recorder.record(trade({ id: '1', receiveTime: at(101) })))
    const second = await runs.run(200, 210, (recorder) => {
      recorder.record(trade({ id: '1', instrument: 'tETHUSD', symbol: 'ETH/USD', receiveTime: at(201) }))
      recorder.record(trade({ id: '0', receiveTime: at(3), exchangeTime: at(3) }))
    })
    expect(second).toMatchObject([
      { type: 'trade', symbol: 'ETH/USD' },
      { type: 'trade', id: '0' },
    ])
  })

  it('is of unknown place between recordings without a clock', async () => {
    const runs = new Runs()
    const bare = (id: string) => trade({ id, receiveTime: null, exchangeTime: null })
    await runs.run(0, 1, (recorder) => recorder.recordAll([bare('1')]))
    const second = await runs.run(2, 3, (recorder) => recorder.recordAll([bare('2')]))
    expect(second).toMatchObject([
      pause('open', { from: null, receiveTime: null }),
      pause('closed', { from: null, to: null, healed: false }),
      { type: 'trade', id: '2' },
    ])
  })
})

describe('a recording that has begun', () => {
  it('is on the tape at once, so that a run before it that crashed is seen to have crashed', async () => {
    const runs = new Runs()
    await runs.run(0, 10, (recorder) => recorder.record(trade({ receiveTime: at(1) })), 'crashed')
    await using idle = openTape(runs.file, { mode: 'write', clock: new VirtualClock() })
    {
      using tape = openTape(runs.file)
      expect(tape.runs()).toMatchObject([
        { id: 1, closed: null },
        { id: 2, firstEvent: 2, closed: null },
      ])
      expect(notClosed(tape)).toMatchObject([
        { severity: 'error', event: 1, what: expect.stringMatching(/did not end this run/) },
        { severity: 'note', event: 2, what: expect.stringMatching(/is being recorded at this moment/) },
      ])
    }
    await idle.close()
    using tape = openTape(runs.file)
    expect(tape.runs()).toMatchObject([{ id: 1, closed: null }])
    expect(notClosed(tape)).toMatchObject([{ severity: 'error', event: 1 }])
  })

  it('and crashes before anything came is a run that was not ended', async () => {
    const runs = new Runs()
    await runs.run(0, 10, (recorder) => recorder.record(trade({ receiveTime: at(1) })))
    const crashed = path()
    await using killed = openTape(runs.file, { mode: 'write', clock: new VirtualClock() })
    // What a kill leaves.
    for (const part of ['', '-wal']) copyFileSync(runs.file + part, crashed + part)
    await using next = openTape(crashed, { mode: 'write', clock: new VirtualClock() })
    next.record(trade({ id: '2', exchangeTime: at(61), receiveTime: at(61) }))
    await next.close()
    await killed.close()
    using tape = openTape(crashed)
    expect(tape.runs().map(({ firstEvent, closed }) => [firstEvent, closed !== null])).toEqual([
      [1, true],
      [2, false],
      [2, true],
    ])
    expect(notClosed(tape)).toMatchObject([{ severity: 'error', event: 2 }])
    expect([...tape.replay({ types: ['trade'] })].map(({ id }) => id)).toEqual(['1', '2'])
  })
})

describe('a trade', () => {
  const old = (id: string, seconds: number) =>
    trade({ id, historical: true, exchangeTime: at(seconds), receiveTime: at(61) })

  it('that an earlier run recorded is not written again, and history that holds one heals the pause', async () => {
    const runs = new Runs()
    await runs.run(0, 10, (recorder) => {
      for (const [id, seconds] of [
        ['1', 1],
        ['2', 2],
      ] as const) {
        recorder.record(trade({ id, exchangeTime: at(seconds), receiveTime: at(seconds) }))
      }
    })
    let repeated = 0
    const second = await runs.run(60, 70, (recorder) => {
      // Newest first, as venues send it.
      for (const [id, seconds] of [
        ['4', 40],
        ['3', 30],
        ['2', 2],
        ['1', 1],
      ] as const) {
        recorder.record(old(id, seconds))
      }
      recorder.record(trade({ id: '5', exchangeTime: at(62), receiveTime: at(62) }))
      repeated = recorder.repeated
    })
    expect(repeated).toBe(2)
    expect(second).toMatchObject([
      pause('open', { from: at(2) }),
      { type: 'trade', id: '4', historical: true },
      { type: 'trade', id: '3', historical: true },
      pause('closed', { healed: true, to: at(61) }),
      { type: 'trade', id: '5', historical: false },
    ])
    using tape = openTape(runs.file)
    expect(verifyTape(tape).findings.map(({ code }) => code)).toEqual(['new_run', 'gap_healed'])
  })

  it('of history that does not reach back leaves the pause unhealed', async () => {
    const runs = new Runs()
    await runs.run(0, 10, (recorder) => recorder.record(trade({ id: '1', receiveTime: at(1) })))
    const second = await runs.run(60, 70, (recorder) => {
      recorder.record(old('8', 58))
      recorder.record(old('7', 57))
    })
    expect(second).toMatchObject([
      pause('open'),
      { type: 'trade', id: '8' },
      { type: 'trade', id: '7' },
      pause('closed', { healed: false, to: at(61) }),
    ])
  })

  it('that history repeats much later in the run is left out as well', async () => {
    const runs = new Runs()
    await runs.run(0, 10, (recorder) => recorder.record(trade({ id: '1', receiveTime: at(1) })))
    const second = await runs.run(60, 500, (recorder) => {
      recorder.record(trade({ id: '2', receiveTime: at(61) }))
      recorder.record({ ...old('1', 0), receiveTime: at(400) })
    })
    expect(second.filter(({ type }) => type === 'trade')).toMatchObject([{ id: '2' }])
  })

  it('of the same id that happened at another time is another trade', async () => {
    const runs = new Runs()
    await runs.run(0, 10, (recorder) => recorder.record(trade({ id: '1', receiveTime: at(1) })))
    const second = await runs.run(60, 70, (recorder) => {
      recorder.record(trade({ id: '1', exchangeTime: at(61), receiveTime: at(61) }))
    })
    expect(second.filter(({ type }) => type === 'trade')).toHaveLength(1)
    using tape = openTape(runs.file)
    expect(verifyTape(tape).findings.map(({ code }) => code)).toContain('repeated_id')
  })

  it.each([
    ['liquidation', liquidation({ receiveTime: at(1) }), liquidation({ id: '2' })],
    ['block', block({ receiveTime: at(1) }), block({ hash: '2' })],
    ['transaction', transaction({ receiveTime: at(1) }), transaction({ hash: '2' })],
  ])('is on the tape once across runs, and so is a %s', async (_type, event, next) => {
    const runs = new Runs()
    await runs.run(0, 10, (recorder) => recorder.record(event))
    let repeated = 0
    const second = await runs.run(60, 70, (recorder) => {
      recorder.record({ ...event, exchangeTime: at(60), receiveTime: at(61) })
      recorder.record({ ...next, receiveTime: at(62) })
      recorder.record({ ...event, receiveTime: at(63) })
      repeated = recorder.repeated
    })
    expect(repeated).toBe(2)
    expect(second).toEqual([
      expect.objectContaining(pause('open', { from: at(1) })),
      expect.objectContaining(pause('closed', { healed: false, to: at(61) })),
      { ...next, receiveTime: at(62) },
    ])
    using tape = openTape(runs.file)
    expect(verifyTape(tape).findings.map(({ code }) => code)).not.toContain('repeated_id')
  })

  it('is left out by its id: what has none, and a transaction that a block holds now, is written', async () => {
    const runs = new Runs()
    await runs.run(0, 10, (recorder) => {
      recorder.record(liquidation({ id: null, receiveTime: at(1) }))
      recorder.record(transaction({ receiveTime: at(1) }))
    })
    const second = await runs.run(60, 70, (recorder) => {
      recorder.record(liquidation({ id: null, receiveTime: at(61) }))
      recorder.record(transaction({ height: 840_000, receiveTime: at(61) }))
      expect(recorder.repeated).toBe(0)
    })
    expect(second.filter(({ type }) => type !== 'gap').map(({ type }) => type)).toEqual([
      'liquidation',
      'transaction',
    ])
    using tape = openTape(runs.file)
    expect(verifyTape(tape).findings.map(({ code }) => code)).not.toContain('repeated_id')
  })

  it('is found behind a hundred thousand other events', async () => {
    const runs = new Runs()
    await runs.run(0, 500, (recorder) => {
      recorder.record(trade({ id: 'quiet', receiveTime: at(1) }))
      for (let n = 0; n < 100_000; n++) {
        recorder.record(update([['10', String(n + 1)]], [], { receiveTime: at(2) + n * 1000 }))
      }
    })
    const second = await runs.run(600, 610, (recorder) => {
      recorder.record(trade({ id: 'quiet', historical: true, receiveTime: at(601) }))
      recorder.record(trade({ id: 'new', receiveTime: at(602), exchangeTime: at(602) }))
    })
    expect(second).toMatchObject([
      pause('open', { from: at(1) }),
      pause('closed', { healed: true }),
      { id: 'new' },
    ])
  })
})
