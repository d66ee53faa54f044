import { describe, expect, it } from 'vitest'
import {
  inspectTape,
  openTape,
  type Recorder,
  type RunStream,
  type Verification,
  verifyTape,
} from '../../recorder/index.js'
import type { MarketEvent } from '../../schemas/events.js'
import { gap, START, snapshot, trade, update } from './sample-events.js'
import { temporaryPaths } from './temporary.js'
import { VirtualClock } from './virtual-clock.js'

const path = temporaryPaths()

const SECOND = 1_000_000

const moment = (seconds: number) => START + seconds * SECOND
const at = (seconds: number) => ({ receiveTime: moment(seconds) })

const book = snapshot([['10', '1']], [['11', '1']])

/** What a run asks for, asked at `asked` and confirmed at `confirmed` seconds. */
function stream(channel: string, fields: Partial<RunStream> = {}, confirmed: number | null = 1): RunStream {
  return {
    venue: 'testex',
    symbol: 'BTC/USD',
    channel,
    instrument: 'tBTCUSD',
    askedAt: START,
    confirmedAt: confirmed === null ? null : moment(confirmed),
    refused: null,
    endedAt: null,
    ...fields,
  }
}

interface Run {
  readonly streams?: readonly RunStream[]
  readonly events?: readonly MarketEvent[]
  /** When the recorder is opened and closed, in seconds; or it has the tape while that is judged. */
  readonly from?: number
  readonly to: number | 'still recorded'
}

/** Records runs as they happen: the recorder is opened before the first event and closed at the end of the run. */
async function live(...runs: readonly Run[]): Promise<Verification> {
  const file = path()
  const clock = new VirtualClock()
  for (const { streams = [], events = [], from = 0, to } of runs) {
    clock.pass(Math.max(0, (moment(from) - clock.now()) / 1000))
    const recorder: Recorder = openTape(file, { mode: 'write', clock })
    recorder.recordStreams(streams)
    for (const event of events) recorder.record(event)
    await recorder.flush()
    if (to === 'still recorded') {
      const verification = judged(file)
      await recorder.close()
      return verification
    }
    clock.pass(Math.max(0, (moment(to) - clock.now()) / 1000))
    await recorder.close()
  }
  return judged(file)
}

/** What verify says; inspect shows the same of each stream. */
function judged(file: string): Verification {
  using tape = openTape(file)
  const verification = verifyTape(tape)
  expect(inspectTape(tape).streams).toEqual(verification.streams)
  return verification
}

function errors({ findings }: Verification): [string | null, string, string][] {
  return findings
    .filter(({ severity }) => severity === 'error')
    .map(({ channel, code, what }) => [channel, code, what])
}

it('what a feed had before the recorder was opened is not of the run, and is neither covered nor missing', async () => {
  const { verdict, streams, findings } = await live({
    streams: [stream('trade'), stream('book'), stream('ticker')],
    events: [
      snapshot([['10', '1']], [['11', '1']], at(3_601)),
      trade({ ...at(3_602), exchangeTime: moment(3_602) }),
    ],
    from: 3_600,
    to: 3_610,
  })
  expect(findings).toEqual([])
  expect(verdict).toBe('whole')
  expect(streams.map(({ channel, from, share }) => [channel, from, share])).toEqual([
    ['book', moment(3_601), 1],
    ['ticker', moment(3_600), 1],
    ['trade', moment(3_600), 1],
  ])
})

describe('a run', () => {
  it('whose streams were confirmed soon and lived to its end is whole, each with its five figures', async () => {
    const verification = await live({
      streams: [stream('book'), stream('trade', {}, 2), stream('liquidation', {}, 3)],
      events: [{ ...book, ...at(2) }, trade(at(4)), update([['10', '2']], [], at(5))],
      to: 25,
    })
    expect(verification).toMatchObject({
      verdict: 'whole',
      findings: [],
      runs: [
        {
          run: 1,
          opened: START,
          closed: moment(25),
          judgedTo: moment(25),
          judgedToIs: 'closed',
          asked: true,
        },
      ],
    })
    const covered = { share: 1, missing: 0, to: moment(25), gaps: [] }
    expect(verification.runs[0]?.streams).toMatchObject([
      { ...covered, channel: 'book', askedAt: START, confirmedAt: moment(1), from: moment(2), events: 2 },
      { ...covered, channel: 'liquidation', from: moment(3), events: 0 },
      { ...covered, channel: 'trade', from: moment(2), events: 1 },
    ])
  })

  it('whose venue was cut off for good is judged up to its end', async () => {
    const verification = await live({
      streams: [stream('book', {}, 0), stream('trade', {}, 0)],
      events: [
        book,
        trade(at(4)),
        update([], [], at(5)),
        gap('open', { ...at(5.5), from: moment(5) }),
        gap('open', { ...at(5.5), from: moment(4), channel: 'trade' }),
      ],
      to: 25,
    })
    expect(verification.verdict).toBe('not whole')
    expect(errors(verification)).toEqual([
      ['book', 'gap_open', 'a gap (disconnected) is open at the end of the run: 20.0 s are missing'],
      ['trade', 'gap_open', 'a gap (disconnected) is open at the end of the run: 21.0 s are missing'],
    ])
    expect(verification.streams).toMatchObject([
      {
        from: START,
        to: moment(5),
        share: 0.2,
        missing: 20 * SECOND,
        gaps: [{ open: 1, lasted: 20 * SECOND }],
      },
      { from: START, to: moment(4), share: 0.16, missing: 21 * SECOND },
    ])
  })

  it('that is still recorded is judged up to its last event, and that is said', async () => {
    const verification = await live({
      streams: [stream('book', {}, 0), stream('trade', {}, 0)],
      events: [book, gap('open', { ...at(5), from: moment(4) }), trade(at(14))],
      to: 'still recorded',
    })
    expect(verification).toMatchObject({
      verdict: 'not whole',
      runs: [{ closed: null, judgedTo: moment(14), judgedToIs: 'last_event' }],
      streams: [
        { channel: 'book', missing: 10 * SECOND },
        { channel: 'trade', share: 1 },
      ],
    })
    expect(verification.findings.map(({ code }) => code)).toEqual(['gap_open', 'run_not_closed'])
  })

  it('without data is empty, and names what was asked for and never came', async () => {
    const verification = await live({
      streams: [
        stream('book', {}, null),
        stream('trade', { refused: 'no such pair', instrument: null }, null),
      ],
      to: 25,
    })
    expect(verification).toMatchObject({ verdict: 'empty', whole: false, events: 0 })
    expect(errors(verification)).toEqual([
      ['book', 'never_came', 'asked for, and it never came, 25.0 s'],
      ['trade', 'never_came', 'asked for, and the venue does not give it: no such pair, 25.0 s'],
    ])
    expect(verification.streams).toMatchObject([
      { share: 0, missing: 25 * SECOND, from: null, to: null },
      { share: 0, missing: 25 * SECOND },
    ])
  })

  it('with connection events alone is empty', async () => {
    const connecting: MarketEvent = {
      type: 'connection',
      venue: 'testex',
      ...at(1),
      connection: 'public#0',
      state: 'connecting',
      attempt: 1,
      endpoint: 'wss://venue',
      reason: null,
    }
    const verification = await live({ events: [connecting, { ...connecting, state: 'open' }], to: 5 })
    expect(verification.verdict).toBe('empty')
    expect(errors(verification)).toEqual([[null, 'no_data', 'there is no data on the tape']])
  })
})

describe('a stream that was asked for', () => {
  const others = { streams: [stream('trade', {}, 0)], events: [trade()] }

  it('and never came makes a tape not whole, whatever else is on it', async () => {
    const verification = await live({ ...others, streams: [...others.streams, stream('book')], to: 25 })
    expect(verification.verdict).toBe('not whole')
    expect(errors(verification)).toEqual([
      ['book', 'never_came', 'asked for, and the venue confirmed it and never sent a snapshot, 25.0 s'],
    ])
  })

  it('may take 30 s to begin; what goes beyond is missing', async () => {
    const late = (seconds: number) =>
      live({ ...others, streams: [...others.streams, stream('ticker', {}, seconds)], to: 100 })
    expect(await late(30)).toMatchObject({ verdict: 'whole', streams: [{ from: moment(30), share: 1 }, {}] })
    const verification = await late(44)
    expect(errors(verification)).toEqual([
      ['ticker', 'late_start', 'began 44.0 s after it was asked for; 14.0 s of it count as missing'],
    ])
    expect(verification.streams[0]).toMatchObject({ from: moment(44), missing: 14 * SECOND, share: 0.8 })
  })

  it('and given up during the run is judged up to then', async () => {
    const verification = await live({
      ...others,
      streams: [...others.streams, stream('ticker', { endedAt: moment(50) }, 10)],
      to: 100,
    })
    expect(verification).toMatchObject({
      verdict: 'whole',
      streams: [{ channel: 'ticker', from: moment(10), to: moment(50), share: 1 }, {}],
    })
  })

  it('and refused after it had begun ended with its last datum', async () => {
    const verification = await live({
      streams: [stream('trade', { refused: 'delisted' }, 0)],
      events: [trade(at(5))],
      to: 25,
    })
    expect(errors(verification)).toEqual([
      ['trade', 'stream_refused', 'the venue gave it and then refused it: delisted'],
    ])
    expect(verification.streams).toMatchObject([{ to: moment(5), missing: 20 * SECOND }])
  })

  it('may lose its connection before its first datum', async () => {
    const verification = await live({
      streams: [stream('book', {}, 1)],
      events: [gap('open', at(2)), gap('closed', { ...at(9), to: moment(9) }), { ...book, ...at(9) }],
      to: 25,
    })
    expect(verification).toMatchObject({ verdict: 'whole', streams: [{ from: moment(9), share: 1 }] })
    expect(verification.findings).toMatchObject([{ severity: 'note', code: 'gap_at_start' }])
  })
})

describe('a gap that closed', () => {
  it('of a book is missing, though a snapshot follows: what happened in it is not on the tape', async () => {
    const verification = await live({
      streams: [stream('book', {}, 0)],
      events: [
        book,
        gap('open', { ...at(12), from: moment(10) }),
        gap('closed', { ...at(15), from: moment(10), to: moment(15) }),
        { ...book, ...at(15) },
      ],
      to: 25,
    })
    expect(verification).toMatchObject({
      verdict: 'not whole',
      streams: [
        {
          share: 0.8,
          missing: 5 * SECOND,
          to: moment(25),
          gaps: [{ reason: 'disconnected', count: 1, open: 0, healed: 0, lasted: 5 * SECOND }],
        },
      ],
    })
    expect(errors(verification)).toEqual([
      [
        'book',
        'gap_uncovered',
        'a gap (disconnected) of 5.0 s ended with the state of then; what happened in it is not on the tape',
      ],
    ])
  })

  it('counts once where it shares time with another', async () => {
    const reason = 'not_written'
    const verification = await live({
      streams: [stream('trade', {}, 0)],
      events: [
        trade(),
        gap('open', { channel: 'trade', ...at(5), from: moment(4) }),
        gap('open', { channel: 'trade', ...at(9), from: moment(6), reason }),
        gap('closed', { channel: 'trade', ...at(9), from: moment(6), to: moment(9), reason, healed: false }),
        gap('closed', { channel: 'trade', ...at(8), from: moment(4), to: moment(8), healed: false }),
      ],
      to: 25,
    })
    expect(verification.streams).toMatchObject([
      { missing: 5 * SECOND, share: 0.8, gaps: [{ lasted: 4 * SECOND }, { reason, lasted: 3 * SECOND }] },
    ])
  })
})

it('a gap that was never said to be closed ends with the next snapshot of its book', async () => {
  const verification = await live({
    streams: [stream('book', {}, 0)],
    events: [book, gap('open', { ...at(5), from: moment(4) }), { ...book, ...at(8) }, update([], [], at(9))],
    to: 24,
  })
  expect(verification.streams).toMatchObject([{ missing: 4 * SECOND, gaps: [{ count: 1, open: 0 }] }])
})

describe('the pause between two runs', () => {
  const run = (from: number, to: number, ...channels: string[]): Run => ({
    streams: channels.map((channel) => stream(channel, { askedAt: moment(from) }, from)),
    events: [trade({ ...at(from), id: String(from) })],
    from,
    to,
  })

  it('is missing from each stream that both had', async () => {
    const verification = await live(run(0, 20, 'trade'), run(40, 60, 'trade', 'ticker'))
    expect(errors(verification)).toEqual([
      ['trade', 'gap_unhealed', 'a gap (not_recording) of 20.0 s ended without what was missed'],
    ])
    expect(verification).toMatchObject({
      verdict: 'not whole',
      runs: [
        { streams: [{ paused: 0, share: 1 }] },
        { streams: [{ paused: 0 }, { paused: 20 * SECOND, share: 1 }] },
      ],
      streams: [
        { channel: 'ticker', runs: 1, share: 1, paused: 0 },
        { channel: 'trade', runs: 2, share: 2 / 3, paused: 20 * SECOND, gaps: [{ reason: 'not_recording' }] },
      ],
    })
  })

  it('is not, where history proves that nothing was missed', async () => {
    const { streams = [], ...second } = run(40, 60, 'trade')
    const verification = await live(run(0, 20, 'trade'), {
      ...second,
      streams,
      events: [
        trade({ id: 'h', historical: true, ...at(41) }),
        trade({ id: '0', historical: true, ...at(41), exchangeTime: moment(0) }),
      ],
    })
    expect(verification).toMatchObject({ verdict: 'whole', streams: [{ share: 1, paused: 0, missing: 0 }] })
  })

  it('ends where the stream is whole again, and is counted once', async () => {
    const second = { ...run(40, 60, 'trade'), streams: [stream('trade', { askedAt: moment(40) }, 42)] }
    const verification = await live(run(0, 20, 'trade'), {
      ...second,
      events: [trade({ id: '1', ...at(42) })],
    })
    expect(errors(verification)).toEqual([
      ['trade', 'gap_unhealed', 'a gap (not_recording) of 22.0 s ended without what was missed'],
    ])
    expect(verification.streams).toMatchObject([{ paused: 20 * SECOND, missing: 0, share: 38 / 58 }])
  })
})

describe('a malformed frame', () => {
  const malformed = (head: string, venue = 'testex'): MarketEvent => ({
    type: 'malformed',
    venue,
    ...at(2),
    connection: 'public#0',
    reason: 'schema_mismatch',
    path: '0',
    head,
  })
  const doubts = async (head: string) => {
    const verification = await live({
      events: [
        trade(at(1)),
        trade({ instrument: 'tETHUSD', symbol: 'ETH/USD', ...at(1) }),
        trade({ venue: 'other', ...at(1) }),
        malformed(head),
      ],
      to: 3,
    })
    expect(verification.verdict).toBe('not whole')
    return verification.streams.map(({ venue, instrument, inDoubt }) => [venue, instrument, inDoubt])
  }

  it('puts the streams of the instrument in doubt that it names', async () => {
    expect(await doubts('{"symbol":"tETHUSD","price":nonsense}')).toEqual([
      ['other', 'tBTCUSD', 0],
      ['testex', 'tBTCUSD', 0],
      ['testex', 'tETHUSD', 1],
    ])
  })

  it('puts every stream of its venue in doubt where it names none, or is longer than what is kept of it', async () => {
    const all = [
      ['other', 'tBTCUSD', 0],
      ['testex', 'tBTCUSD', 1],
      ['testex', 'tETHUSD', 1],
    ]
    expect(await doubts('[17,"te",[]]')).toEqual(all)
    expect(await doubts(`{"symbol":"tETHUSD","rows":"${'x'.repeat(200)}`.slice(0, 200))).toEqual(all)
  })
})

it('a log says nothing of what was asked for; its streams are judged from what came to its last record', async () => {
  const file = path()
  await using recorder = openTape(file, { mode: 'write' })
  for (const event of [trade(), trade({ id: '2', ...at(9) })]) recorder.record(event)
  await recorder.close()
  using tape = openTape(file)
  expect(verifyTape(tape)).toMatchObject({
    verdict: 'whole',
    runs: [
      { asked: false, judgedTo: moment(9), judgedToIs: 'last_event', streams: [{ from: START, share: 1 }] },
    ],
  })
})
