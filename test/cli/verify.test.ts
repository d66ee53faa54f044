import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import stringWidth from 'string-width'
import { afterAll, describe, expect, test } from 'vitest'
import { type Inspection, openTape, type Tape, type Verification } from '../../recorder/index.js'
import { Desk } from './command.js'

const desk = new Desk()
afterAll(() => desk.clear())

interface Verified {
  readonly code: number | null
  readonly verification: Verification
}

async function verify(tape: string): Promise<Verified> {
  const { code, stdout } = await desk.run('verify', tape, '--json')
  return { code, verification: JSON.parse(stdout) as Verification }
}

/** When the newest event of a type came. */
function newest(tape: Tape, type: 'trade' | 'book_update'): number {
  let newestTime = 0
  for (const { receiveTime } of tape.replay({ types: [type] })) newestTime = receiveTime ?? newestTime
  return newestTime
}

/** What a person sees at this width; no line may be wider. */
async function shown(command: string, tape: string, columns: number): Promise<string> {
  const before = process.env['COLUMNS']
  process.env['COLUMNS'] = String(columns)
  try {
    const { stdout } = await desk.run(command, tape)
    expect(stdout.split('\n').filter((line) => stringWidth(line) > columns)).toEqual([])
    return stdout
  } finally {
    if (before === undefined) delete process.env['COLUMNS']
    else process.env['COLUMNS'] = before
  }
}

describe('a recording of a simulated venue', () => {
  test('whose venue is killed is not whole: what is missing, and for how long', async () => {
    const simulator = desk.start('simulate', 'bitfinex', '--port', '0')
    const [url = ''] = await simulator.prints(/ws:\/\/\S+(?=\s)/)
    const recording = desk.start(
      ...['record', 'bitfinex:BTC/USD', '--db', 'cut.db', '--url', url, '--status-every', '1s'],
    )
    for (const type of ['trade', 'book_update'] as const) await desk.holds('cut.db', type)
    simulator.signal('SIGKILL')
    // A status comes each second: more than a second is missing.
    await recording.prints(/(?:0 of 1 connections up[\s\S]*){4}/, 'stderr')
    recording.signal('SIGINT')
    expect(await recording.outcome()).toMatchObject({ code: 130 })

    const { code, verification } = await verify('cut.db')
    expect([code, verification.verdict]).toEqual([1, 'not whole'])
    expect(verification.runs).toMatchObject([{ judgedToIs: 'closed', streams: [{}, {}] }])
    for (const { share, missing, to, gaps } of verification.runs[0]?.streams ?? []) {
      expect(gaps).toMatchObject([{ reason: 'disconnected', open: 1 }])
      expect(missing).toBeGreaterThan(1_000_000)
      expect(share).toBeGreaterThan(0)
      expect(share).toBeLessThan(1)
      expect(to).toBeLessThan(verification.runs[0]?.judgedTo ?? 0)
    }
    const { stdout } = await desk.run('inspect', 'cut.db', '--json')
    expect((JSON.parse(stdout) as Inspection).streams).toEqual(verification.streams)
    for (const columns of [60, 80, 120]) {
      expect(await shown('verify', 'cut.db', columns)).toMatch(
        /^not whole: cut\.db, [\s\S]*missing:\s[\d.]+\ss\sof\sbitfinex/m,
      )
      expect(await shown('inspect', 'cut.db', columns)).toMatch(
        /^bitfinex( BTC\/USD)?( book)? +\d+\.\d\d % .*1 disconnected/m,
      )
    }
  })

  test('in two runs with a pause between them is not whole; each run is', async () => {
    const url = await desk.simulate('bitfinex')
    const recordSome = async () => {
      const recording = desk.start(
        ...[
          'record',
          'bitfinex:BTC/USD',
          '--db',
          'two.db',
          '--url',
          url,
          '--json',
          '--status-every',
          '300ms',
        ],
      )
      // Data of each stream: one whose latest came before the run has none.
      await recording.prints(/"up":1.*"sinceDataMs":\d/, 'stderr')
      await desk.until('two.db', (tape) =>
        (['trade', 'book_update'] as const).every(
          (type) => newest(tape, type) >= (tape.runs().at(-1)?.opened ?? 0),
        ),
      )
      recording.signal('SIGINT')
      expect(await recording.outcome()).toMatchObject({ code: 130 })
    }
    await recordSome()
    expect((await verify('two.db')).verification).toMatchObject({ verdict: 'whole' })
    await recordSome()
    const { code, verification } = await verify('two.db')
    expect([code, verification.verdict, verification.runs.length]).toEqual([1, 'not whole', 2])
    const book = verification.streams.find(({ channel }) => channel === 'book')
    expect(book?.gaps).toMatchObject([{ reason: 'not_recording' }])
    expect(book?.share).toBeLessThan(1)
    expect(await shown('verify', 'two.db', 60)).toMatch(/^run 2: /m)
  })
})

test('a recording that reached nobody is empty, and says what never came', async () => {
  const recorder = openTape(join(desk.folder, 'nobody.db'), { mode: 'write' })
  const asked = { venue: 'bitfinex', symbol: 'BTC/USD', instrument: null, askedAt: Date.now() * 1000 }
  recorder.recordStreams([{ ...asked, channel: 'trade', confirmedAt: null, refused: null, endedAt: null }])
  await recorder.close()
  const { code, verification } = await verify('nobody.db')
  expect([code, verification.verdict]).toEqual([1, 'empty'])
  expect(await shown('verify', 'nobody.db', 60)).toMatch(/^empty: nobody\.db, /m)
})

test('a log of which nearly every frame is malformed is not whole, or empty', async () => {
  const frame = (at: number, data: string) => JSON.stringify({ t: at, dir: 'in', conn: 0, data })
  const start = 1_700_000_000_000_000
  writeFileSync(
    join(desk.folder, 'wrong.jsonl'),
    [
      JSON.stringify({ t: start, dir: 'open', conn: 0, url: 'wss://api-pub.bitfinex.com/ws/2' }),
      ...Array.from({ length: 50 }, (_, n) =>
        frame(start + n, `{"seqnum":${n},"event":"updated","channel":"l2"}`),
      ),
    ].join('\n'),
  )
  await desk.run('ingest', 'wrong.jsonl', '--db', 'wrong.db')
  const { code, verification } = await verify('wrong.db')
  expect(code).toBe(1)
  expect(verification).toMatchObject({ verdict: 'empty', whole: false })
  expect(verification.findings).toContainEqual(expect.objectContaining({ code: 'malformed_frames' }))
})
