import { copyFileSync, existsSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { afterAll, describe, expect, test, vi } from 'vitest'
import { openTape } from '../../recorder/index.js'
import { Desk } from './command.js'

// Each run of the command is a process of its own; a loaded machine starts one in seconds.
vi.setConfig({ testTimeout: 180_000 })

const desk = new Desk()
afterAll(() => desk.clear())

const fixtures = fileURLToPath(new URL('../fixtures/', import.meta.url))
const fixture = (name: string) => `${fixtures}framelog/${name}`
const hand = `${fixtures}captures/bitfinex/bitfinex-hand.jsonl`
const at = (name: string) => join(desk.folder, name)

function eventsOn(name: string): number {
  using tape = openTape(at(name))
  return [...tape.replay()].length
}

test('ingest states the streams that the log shows on the tape', async () => {
  await desk.run('ingest', hand, '--db', 'streams.db')
  using tape = openTape(at('streams.db'))
  const [run] = tape.runs()
  const came = tape
    .streams()
    .flatMap(({ channel, symbol }) => (channel === null ? [] : `${symbol} ${channel}`))
  const stated = run?.streams.map(({ channel, symbol }) => `${symbol} ${channel}`) ?? []
  expect(stated.length).toBeGreaterThan(1)
  expect(stated).toEqual(expect.arrayContaining(came.filter((name) => !name.endsWith(' instrument'))))
  for (const { askedAt, confirmedAt } of run?.streams ?? []) expect(askedAt).toBe(confirmedAt)
})

describe('ingest says in one line what it made of a log', () => {
  test('that everything was used', async () => {
    const { code, stdout, stderr } = await desk.run(
      'ingest',
      fixture('bitfinex-account.jsonl'),
      '--db',
      'all.db',
    )
    expect({ code, stdout }).toEqual({ code: 0, stdout: '' })
    expect(stderr).toBe('3 events of bitfinex-account.jsonl on all.db; everything was used\n')
    expect(await desk.run('verify', 'all.db')).toMatchObject({ code: 0 })
  })

  test('that most could not be used, and fails', async () => {
    const { code, stderr } = await desk.run('ingest', fixture('bitfinex-amid.jsonl'), '--db', 'none.db')
    expect(stderr).toBe(
      '0 events of bitfinex-amid.jsonl on none.db; 3 of 3 frames with data could not be used: ' +
        '3 of channels whose subscription is not in the log\n',
    )
    expect(code).toBe(1)
    expect(await desk.run('verify', 'none.db')).toMatchObject({ code: 1 })
  })

  test('that some could not be used, with the streams', async () => {
    const { code, stderr } = await desk.run('ingest', fixture('bitmex-amid.jsonl'), '--db', 'some.db')
    expect(stderr).toContain(
      '2 of 5 frames with data could not be used: 2 changes of a book before its first snapshot ' +
        '(BTC/USD:BTC book 1, BTC/USD:BTC instrument 1)\n',
    )
    expect(code).toBe(0)
    expect(await desk.run('verify', 'some.db')).toMatchObject({ code: 1 })
  })

  test('that nearly all is malformed where another venue was named, and what to do', async () => {
    const log = fixture('blockchain-amid.jsonl')
    const { code, stderr } = await desk.run('ingest', log, '--db', 'wrong.db', '--venue', 'bitfinex')
    expect(stderr).toMatch(/^nearly all of it is malformed: is it a recording of bitfinex\? .*--venue/)
    expect(stderr).toContain('4 of 4 frames with data could not be used: 4 malformed')
    expect(code).toBe(1)
  })

  test.each([...['bitfinex-account', 'bitfinex-amid', 'bitmex-amid', 'blockchain-amid']])(
    '%s: as many events as verify counts on the tape, and none twice',
    async (name) => {
      const ingested = await desk.run('ingest', fixture(`${name}.jsonl`), '--db', `${name}.db`, '--json')
      const verified = await desk.run('verify', `${name}.db`, '--json')
      const { events } = JSON.parse(ingested.stdout)
      expect(events).toBe(JSON.parse(verified.stdout).events)
      expect(ingested.stderr).toMatch(new RegExp(`^${events} events? of ${name}`, 'm'))
      // Trades that the tape has already are not written again.
      const again = await desk.run(
        'ingest',
        fixture(`${name}.jsonl`),
        '--db',
        `${name}.db`,
        '--json',
        '--force',
      )
      const both = await desk.run('verify', `${name}.db`, '--json')
      expect(JSON.parse(again.stdout).events + events).toBe(JSON.parse(both.stdout).events)
    },
  )

  test('as JSON', async () => {
    const { code, stdout } = await desk.run(
      'ingest',
      fixture('huobi-high-frequency-amid.jsonl'),
      '--db',
      'j.db',
      '--json',
    )
    expect(code).toBe(1)
    expect(JSON.parse(stdout)).toMatchObject({
      tape: 'j.db',
      finished: true,
      venues: ['huobi'],
      events: 0,
      framesUsed: 0,
      framesUnused: 2,
      unused: [
        { cause: 'before_snapshot', frames: 2, venue: 'huobi', symbol: 'ETH/USDT:USDT', channel: 'book' },
      ],
    })
  })

  test('a log whose venue cannot be told leaves no tape', async () => {
    const { code, stderr } = await desk.run('ingest', fixture('tardis-bitfinex-named.txt'), '--db', 'no.db')
    expect(code).toBe(2)
    expect(stderr).toMatch(/name the venue \(--venue\)/)
    expect(existsSync(at('no.db'))).toBe(false)
  })
})

describe('a log that is cut short or damaged is named, fails the command, and leaves a tape that is not whole', () => {
  const whole = gzipSync(readFileSync(hand))
  const broken = Buffer.from(whole)
  broken.fill(0xff, Math.floor(whole.length / 2))
  test.each([
    ['cut-short', 'truncated', whole.subarray(0, Math.floor(whole.length / 2))],
    ['broken', 'damaged', broken],
  ])('%s', async (name, warning, bytes) => {
    writeFileSync(at(`${name}.gz`), bytes)
    writeFileSync(at(`${name}-beside.jsonl`), readFileSync(fixture('bitfinex-account.jsonl')))
    const { code, stdout, stderr } = await desk.run(
      ...['ingest', `${name}.gz`, `${name}-beside.jsonl`, '--db', `${name}.db`, '--json'],
    )
    expect(code).toBe(1)
    expect(JSON.parse(stdout)).toMatchObject({
      damaged: true,
      warnings: [
        { code: warning, file: `${name}.gz`, line: expect.any(Number), message: expect.any(String) },
      ],
    })
    expect(stderr).toContain('the log is damaged, and what could not be read is missing')
    expect(stderr).not.toContain('everything was used')
    const verified = await desk.run('verify', `${name}.db`, '--json')
    expect(verified.code).toBe(1)
    expect(verified.stdout).toContain('log_incomplete')
    using tape = openTape(at(`${name}.db`))
    expect(tape.query('SELECT name, complete FROM sources ORDER BY name')).toEqual([
      { name: `${name}-beside.jsonl`, complete: 1 },
      { name: `${name}.gz`, complete: 0 },
    ])
  })
})

test('an interrupted ingest says that the rest was not read', async () => {
  const lines = readFileSync(hand, 'utf8')
  writeFileSync(at('long.jsonl'), lines.repeat(Math.ceil(40_000_000 / lines.length)))
  const command = desk.start('ingest', 'long.jsonl', '--db', 'interrupted.db')
  await desk.holds('interrupted.db', 'trade')
  command.signal('SIGINT')
  const { code, stderr } = await command.outcome()
  expect(code).toBe(130)
  expect(stderr).toContain('interrupted: the rest of the log was not read')
  expect(stderr).not.toContain('everything was used')
  using tape = openTape(at('interrupted.db'))
  expect(tape.sources()).toMatchObject([{ name: 'long.jsonl', complete: false }])
})

describe('a log that the tape has already', () => {
  test('is refused by any name and packing, and the tape stays as it is', async () => {
    expect(await desk.run('ingest', hand, '--db', 'twice.db')).toMatchObject({ code: 0 })
    const before = eventsOn('twice.db')
    writeFileSync(at('other-name.gz'), gzipSync(readFileSync(hand)))
    for (const again of [hand, 'other-name.gz']) {
      const { code, stderr } = await desk.run('ingest', again, '--db', 'twice.db')
      expect(code).toBe(2)
      expect(stderr).toMatch(
        /is on the tape already, ingested as bitfinex-hand\.jsonl in run 1; --force writes it all the same\n$/,
      )
      expect(stderr.trimEnd().split('\n')).toHaveLength(1)
    }
    expect(eventsOn('twice.db')).toBe(before)
    using tape = openTape(at('twice.db'))
    expect(tape.runs()).toHaveLength(1)
    expect(tape.sources()).toMatchObject([{ run: 1, name: 'bitfinex-hand.jsonl', complete: true }])
  })

  test('is refused where only a part of it is given, or it grew since', async () => {
    const lines = readFileSync(hand, 'utf8').trimEnd().split('\n')
    writeFileSync(at('half.jsonl'), `${lines.slice(0, lines.length / 2).join('\n')}\n`)
    writeFileSync(at('whole.jsonl'), `${lines.join('\n')}\n`)
    expect(await desk.run('ingest', 'half.jsonl', '--db', 'grown.db')).toMatchObject({ code: 0 })
    const grown = await desk.run('ingest', 'whole.jsonl', '--db', 'grown.db')
    expect(grown).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('a part of whole.jsonl is on the tape'),
    })
    expect(await desk.run('ingest', 'whole.jsonl', '--db', 'cut.db')).toMatchObject({ code: 0 })
    expect(await desk.run('ingest', 'half.jsonl', '--db', 'cut.db')).toMatchObject({ code: 2 })
  })

  test('is written all the same with --force', async () => {
    expect(await desk.run('ingest', hand, '--db', 'forced.db')).toMatchObject({ code: 0 })
    expect(await desk.run('ingest', hand, '--db', 'forced.db', '--force')).toMatchObject({ code: 0 })
    using tape = openTape(at('forced.db'))
    expect(tape.sources().map(({ run }) => run)).toEqual([1, 2])
  })

  test('is refused where it is given twice at once, as a copy or by a link', async () => {
    copyFileSync(hand, at('one.jsonl'))
    copyFileSync(hand, at('copy.jsonl'))
    symlinkSync(at('one.jsonl'), at('link.jsonl'))
    const copied = await desk.run('ingest', 'one.jsonl', 'copy.jsonl', '--db', 'both.db')
    expect(copied).toMatchObject({ code: 2 })
    expect(copied.stderr).toContain('one.jsonl and copy.jsonl are the same log: give one of them')
    const linked = await desk.run('ingest', 'one.jsonl', 'link.jsonl', '--db', 'both.db')
    expect(linked).toMatchObject({ code: 2, stderr: expect.stringContaining('link.jsonl is named twice') })
    expect(existsSync(at('both.db'))).toBe(false)
  })

  test('is another where it is the next part of a rotated recording, or of another day', async () => {
    const first = readFileSync(hand, 'utf8').trimEnd().split('\n')
    const cut = Math.floor(first.length / 2)
    const open = JSON.parse(first.find((line) => line.includes('"dir":"open"')) ?? '')
    const repeated = JSON.stringify({ ...open, continues: 'raw.jsonl' })
    writeFileSync(at('raw.jsonl'), `${first.slice(0, cut).join('\n')}\n`)
    writeFileSync(at('raw.2.jsonl'), `${[repeated, ...first.slice(cut)].join('\n')}\n`)
    expect(await desk.run('ingest', 'raw.jsonl', '--db', 'parts.db')).toMatchObject({ code: 0 })
    const second = await desk.run('ingest', 'raw.2.jsonl', '--db', 'parts.db')
    expect(second.stderr).not.toContain('already')
    expect(second.code).not.toBe(2)
    expect(await desk.run('ingest', 'raw.jsonl', 'raw.2.jsonl', '--db', 'joined.db')).toMatchObject({
      code: 0,
    })
  })
})
