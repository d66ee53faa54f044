import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openTape } from '../../recorder/index.js'
import { marketEvent } from '../../schemas/event-schemas.js'
import type { MarketEvent } from '../../schemas/events.js'
import { gap, snapshot, trade, update } from '../recorder/sample-events.js'
import { Desk } from './command.js'

const desk = new Desk()
afterAll(() => desk.clear())

/** 2024-05-01T00:00:00Z */
const BEGIN = 1_714_521_600_000_000
const MINUTE = 60_000_000
const MONTH = 26 * 24 * 60 * MINUTE

const ether = { symbol: 'ETH/USD', instrument: 'tETHUSD' }

async function write(name: string, events: readonly MarketEvent[]): Promise<void> {
  await using recorder = openTape(join(desk.folder, name), { mode: 'write' })
  for (const event of events) recorder.record(event)
}

beforeAll(async () => {
  await write('tape.db', [
    snapshot(
      [
        ['10', '1'],
        ['9', '2'],
        ['8', '3'],
      ],
      [['11', '1']],
      { receiveTime: BEGIN },
    ),
    trade({ id: '1', price: '10', amount: '0.5', exchangeTime: BEGIN + 1, receiveTime: BEGIN + 1 }),
    update([['10', '7']], [], { receiveTime: BEGIN + MINUTE }),
    trade({ ...ether, id: '1', price: '3', exchangeTime: BEGIN + MINUTE, receiveTime: BEGIN + MINUTE }),
    gap('open', { channel: 'trade', from: BEGIN + MINUTE, receiveTime: BEGIN + 1.5 * MINUTE }),
    trade({ id: '2', price: '11', exchangeTime: BEGIN + 2 * MINUTE, receiveTime: BEGIN + 2 * MINUTE }),
  ])
  await write('hole.db', [trade({ receiveTime: BEGIN }), trade({ id: '2', receiveTime: BEGIN + MONTH })])
})

async function replayed(...args: string[]): Promise<MarketEvent[]> {
  const { code, stdout, stderr } = await desk.run('replay', 'tape.db', ...args)
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  const lines = stdout.split('\n').filter((line) => line !== '')
  return lines.map((line) => marketEvent.parse(JSON.parse(line)))
}

describe('replay', () => {
  test.concurrent.each([
    [['--symbols', 'btc/usd'], 5],
    [['--symbols', 'ETH*'], 1],
    [['--symbols', 'tETHUSD,BTC/USD'], 6],
    [['--symbol', '*/USD', '--type', 'trade'], 3],
    [['--channels', 'book'], 2],
    [['--channel', 'b??k,trade'], 6],
    [['--venues', 'test*', '--types', 'gap'], 1],
    [['--from', '2024-05-01T00:01:00Z', '--to', String(BEGIN + 2 * MINUTE)], 3],
  ])('%j is %i events', async (args, count) => {
    expect(await replayed(...args)).toHaveLength(count)
  })

  test('says what is on the tape where a filter names nothing of it', async () => {
    expect(await desk.run('replay', 'tape.db', '--symbols', 'XRP*')).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringMatching(/--symbols XRP\*.* BTC\/USD, ETH\/USD/),
    })
  })

  test('waits over a hole of 26 days, and a signal ends the wait', async () => {
    const replaying = desk.start('replay', 'hole.db', '--speed', '1x')
    await replaying.prints(/"id":"1"/)
    replaying.signal('SIGTERM')
    const { code, stdout } = await replaying.outcome()
    expect({ code, lines: stdout.trim().split('\n').length }).toEqual({ code: 143, lines: 1 })
  })
})

describe('book', () => {
  test('is the book at a moment, in any case of the symbol', async () => {
    const at = String(BEGIN + MINUTE)
    const { code, stdout } = await desk.run(
      'book',
      'tape.db',
      'testex:btc-usd',
      '--at',
      at,
      '--depth',
      '2',
      '--json',
    )
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toEqual({
      venue: 'testex',
      symbol: 'BTC/USD',
      instrument: 'tBTCUSD',
      channel: 'book',
      at: BEGIN + MINUTE,
      event: 3,
      state: 'live',
      bids: [
        ['10', '7'],
        ['9', '2'],
      ],
      asks: [['11', '1']],
    })
  })

  test('is drawn for a person, who is told that the tape ends before the moment', async () => {
    const { code, stdout } = await desk.run('book', 'tape.db', 'testex:BTC/USD', '--at', '2024-06-01')
    expect(code).toBe(0)
    expect(stdout).toMatch(/testex BTC\/USD book at 2024-06-01T00:00:00\.000Z, after event 3: live/)
    expect(stdout).toMatch(/7 +10 +11 +1\n/)
    expect(stdout).toContain('the tape ends before that, at 2024-05-01T00:02:00.000Z')
  })

  test('without a moment is that at the end of the tape', async () => {
    const { code, stdout } = await desk.run('book', 'tape.db', 'testex:BTC/USD', '--depth', '1')
    expect(code).toBe(0)
    expect(stdout).toMatch(/testex BTC\/USD book at 2024-05-01T00:02:00\.000Z, after event 3: live/)
    expect(stdout).toMatch(/7 +10 +11 +1\n/)
    expect(stdout).not.toContain('ends before')
    const json = await desk.run('book', 'tape.db', 'testex:BTC/USD', '--depth', '1', '--json')
    expect(JSON.parse(json.stdout)).toMatchObject({ at: BEGIN + 2 * MINUTE, event: 3, bids: [['10', '7']] })
  })

  test.concurrent.each([
    [['--at', '2024-04-30'], 1, /no book at 2024-04-30.* had not begun/],
    [['--at', '1714521600000'], 2, /--at 1714521600000 .* milliseconds: write 1714521600000000/],
    [['--at', '2024-05-02', '--depth', '0'], 2, /--depth 0 is no whole number/],
    [['--exchange-time'], 2, /--exchange-time says by which clock --at is meant: add --at/],
  ] as const)('%j is exit code %i and a sentence', async (args, code, sentence) => {
    expect(await desk.run('book', 'tape.db', 'testex:BTC/USD', ...args)).toMatchObject({
      code,
      stdout: '',
      stderr: expect.stringMatching(sentence),
    })
  })

  test('names the markets of the tape where it has not the one', async () => {
    expect(await desk.run('book', 'tape.db', 'testex:DOGE', '--at', '2024-05-02')).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(
        /nothing of testex:DOGE is on the tape, which holds BTC\/USD or ETH\/USD/,
      ),
    })
  })
})

describe('a part of a tape', () => {
  const replay = ['replay', 'tape.db']
  const candles = ['candles', 'tape.db', 'testex:BTC/USD', '1m']
  const holds =
    /it holds 2024-05-01T00:00:00\.000Z to 2024-05-01T00:02:00\.000Z: testex BTC\/USD book, testex BTC\/USD trade, testex ETH\/USD trade\n$/

  test.concurrent.each([
    [...replay, '--from', '2024-05-02', '--to', '2024-05-01'],
    [...replay, '--from', '2024-05-01', '--to', '2024-05-01'],
    [...candles, '--from', '2024-05-02', '--to', '2024-05-01'],
    [...candles, '--from', '2024-05-01', '--to', '2024-05-01', '--json'],
  ])('whose --from is not before its --to is refused in a sentence: %s %s %s %s %s %s', async (...args) => {
    expect(await desk.run(...args)).toEqual({
      code: 2,
      stdout: '',
      stderr: expect.stringMatching(
        /^tapewire: --from 2024-05-0\dT\S+ is not before --to 2024-05-01T\S+, so that nothing lies between: give .*\n$/,
      ),
    })
  })

  test.concurrent.each([
    [...replay, '--from', '2024-06-01'],
    [...replay, '--to', '2024-04-01'],
    [...replay, '--types', 'block'],
    [...candles, '--from', '2024-06-01'],
    [...candles, '--to', '2024-04-01', '--csv'],
    ['book', 'tape.db', 'testex:BTC/USD', '--at', '2024-04-30'],
  ])(
    'that has nothing is exit code 1, and a sentence says what the tape holds: %s %s %s %s',
    async (...args) => {
      expect(await desk.run(...args)).toEqual({ code: 1, stdout: '', stderr: expect.stringMatching(holds) })
    },
  )
})

describe('candles', () => {
  test('are a candle a line, and say where trades may be missing', async () => {
    const { stdout } = await desk.run('candles', 'tape.db', 'testex:BTC/USD', '1m', '--json')
    const candles = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(candles).toEqual([
      {
        openTime: BEGIN,
        open: '10',
        high: '10',
        low: '10',
        close: '10',
        volume: '0.5',
        volumeUnit: 'base',
        trades: 1,
        missing: [],
        covered: true,
      },
      expect.objectContaining({ open: null, trades: 0, missing: ['disconnected'] }),
      expect.objectContaining({ open: '11', trades: 1, missing: expect.arrayContaining(['not_recording']) }),
    ])
  })

  test('leave out what a venue sent of the time before the recording, and say so', async () => {
    await using recorder = openTape(join(desk.folder, 'past.db'), { mode: 'write' })
    const MINUTE = 60_000_000
    for (const minute of [-30, -20, 0, 1]) {
      const exchangeTime = BEGIN + minute * MINUTE
      const receiveTime = Math.max(BEGIN, exchangeTime)
      recorder.record(trade({ id: `${minute}`, exchangeTime, receiveTime, historical: minute < 0 }))
    }
    await recorder.close()
    const candles = ['candles', 'past.db', 'testex:BTC/USD', '1m', '--json']
    const cut = await desk.run(...candles)
    expect(cut.stdout.trim().split('\n')).toHaveLength(2)
    expect(cut.stderr).toContain(
      '30 intervals were left out, which the recording does not cover; --all prints them',
    )
    for (const rest of [['--all'], ['--from', '2024-04-30']]) {
      const whole = await desk.run(...candles, ...rest)
      expect(whole.stdout.trim().split('\n').length).toBeGreaterThanOrEqual(32)
      expect(whole.stderr).not.toContain('left out')
    }
  })

  test('are comma-separated values with a head', async () => {
    const { stdout } = await desk.run('candles', 'tape.db', 'testex:BTC/USD', '1m', '--csv')
    const [head, first] = stdout.split('\n')
    expect(head).toBe('open_time,open,high,low,close,volume,volume_unit,trades,missing')
    expect(first).toBe('2024-05-01T00:00:00.000Z,10,10,10,10,0.5,base,1,')
  })

  test('are a table for a person', async () => {
    const { stdout } = await desk.run('candles', 'tape.db', 'testex:BTC/USD', '1m')
    expect(stdout).toMatch(/^2024-05-01 00:00 +10 +10 +10 +10 +0\.5/m)
  })

  test('of a length that is none are refused', async () => {
    expect(await desk.run('candles', 'tape.db', 'testex:BTC/USD', '1x')).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/"1x" is no length of a candle: write 1s, 1m/),
    })
  })
})
