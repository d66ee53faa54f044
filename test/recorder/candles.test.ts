import { Decimal } from 'decimal.js'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { candlesOf, openTape, type TapeCandle } from '../../recorder/index.js'
import type { MarketEvent, TradeEvent } from '../../schemas/events.js'
import { gap, trade } from './sample-events.js'
import { temporaryPaths } from './temporary.js'

const path = temporaryPaths()
const MINUTE = 60_000_000
/** The begin of a minute, and of a day: 2024-05-01. */
const BEGIN = 1_714_521_600_000_000
const btc = { venue: 'testex', symbol: 'BTC/USD' }

async function candles(
  runs: readonly (readonly MarketEvent[])[],
  request: { readonly interval: string; readonly from?: number; readonly to?: number },
): Promise<TapeCandle[]> {
  const file = path()
  for (const events of runs) {
    await using recorder = openTape(file, { mode: 'write' })
    for (const event of events) recorder.record(event)
    await recorder.close()
  }
  using tape = openTape(file)
  return candlesOf(tape, { ...btc, ...request })
}

let ids = 0
function at(time: number, price: string, amount = '1', more: Partial<TradeEvent> = {}): MarketEvent {
  return trade({ id: `${1000 + ids++}`, exchangeTime: time, receiveTime: time, price, amount, ...more })
}

describe('candles of a tape', () => {
  it('cannot be made of trades that have no times, and say so', async () => {
    const timeless = trade({ exchangeTime: null, receiveTime: null })
    await expect(candles([[timeless]], { interval: '1m' })).rejects.toMatchObject({
      code: 'no_clock',
      message: 'the trades of testex BTC/USD have no times: candles cannot be made of them',
    })
  })

  it('hold the exact first, highest, lowest and last price and the exact sum of amounts', async () => {
    const [first, second] = await candles(
      [
        [
          at(BEGIN, '0.1', '0.1'),
          at(BEGIN + 1, '100000000000000000000000.00000001', '0.2'),
          at(BEGIN + MINUTE - 1, '0.2', '100000000000000000000000'),
          at(BEGIN + MINUTE, '7'),
        ],
      ],
      { interval: '1m' },
    )
    expect(first).toEqual({
      openTime: BEGIN,
      open: '0.1',
      high: '100000000000000000000000.00000001',
      low: '0.1',
      close: '0.2',
      volume: '100000000000000000000000.3',
      volumeUnit: 'base',
      trades: 3,
      missing: [],
      covered: true,
    })
    expect(second).toMatchObject({
      openTime: BEGIN + MINUTE,
      open: '7',
      trades: 1,
      missing: ['not_recording'],
    })
  })

  it('have one for each interval, without prices where nothing was traded', async () => {
    const made = await candles([[at(BEGIN, '1'), at(BEGIN + 3 * MINUTE, '2')]], { interval: '1m' })
    expect(made.map(({ open, trades, volume }) => [open, trades, volume])).toEqual([
      ['1', 1, '1'],
      [null, 0, '0'],
      [null, 0, '0'],
      ['2', 1, '1'],
    ])
  })

  it('put history where it belongs, in the order of ids within a moment', async () => {
    const [candle] = await candles(
      [
        [
          at(BEGIN + 30, '5', '1', { id: '30' }),
          at(BEGIN + 10, '3', '1', { id: '12' }),
          at(BEGIN + 10, '2', '1', { id: '9' }),
          at(BEGIN + 30, '4', '1', { id: '29' }),
        ],
      ],
      { interval: '1m' },
    )
    expect(candle).toMatchObject({ open: '2', close: '5', high: '5', low: '2', trades: 4 })
  })

  it('say where trades may be missing: gaps, pauses between runs, and both ends', async () => {
    const made = await candles(
      [
        [
          at(BEGIN + 30_000_000, '1'),
          at(BEGIN + 2.5 * MINUTE, '2'),
          gap('open', { channel: 'trade', from: BEGIN + 2.5 * MINUTE, receiveTime: BEGIN + 3.1 * MINUTE }),
          gap('closed', {
            channel: 'trade',
            from: BEGIN + 2.5 * MINUTE,
            to: BEGIN + 3.2 * MINUTE,
            receiveTime: BEGIN + 3.2 * MINUTE,
            healed: false,
          }),
          at(BEGIN + 4.5 * MINUTE, '3'),
          gap('open', { channel: 'trade', from: BEGIN + 4.5 * MINUTE, receiveTime: BEGIN + 5.1 * MINUTE }),
          gap('closed', {
            channel: 'trade',
            from: BEGIN + 4.5 * MINUTE,
            to: BEGIN + 5.2 * MINUTE,
            receiveTime: BEGIN + 5.2 * MINUTE,
            healed: true,
          }),
          at(BEGIN + 6 * MINUTE, '3'),
        ],
        [at(BEGIN + 8 * MINUTE, '4'), at(BEGIN + 9 * MINUTE, '4')],
      ],
      { interval: '1m' },
    )
    const missing = made.map((candle) => candle.missing)
    expect(missing).toEqual([
      ['joined_late'],
      [],
      ['disconnected'],
      ['disconnected'],
      [],
      [],
      ['not_recording'],
      ['not_recording'],
      [],
      ['not_recording'],
    ])
  })

  it('take only what lies between two moments', async () => {
    const events = [0, 1, 2, 3].map((minute) => at(BEGIN + minute * MINUTE, `${minute + 1}`))
    const made = await candles([events], { interval: '1m', from: BEGIN + MINUTE, to: BEGIN + 3 * MINUTE })
    expect(made.map(({ open }) => open)).toEqual(['2', '3'])
  })

  it('begin weeks on Mondays', async () => {
    const [candle] = await candles([[at(BEGIN, '1')]], { interval: '1w' })
    expect(new Date((candle?.openTime ?? 0) / 1000).toISOString()).toBe('2024-04-29T00:00:00.000Z')
  })

  it('agree with the trades for any trades', async () => {
    const trades = fc.array(
      fc.record({
        after: fc.integer({ min: 0, max: 5 * MINUTE }),
        cents: fc.integer({ min: 1, max: 10 ** 6 }),
      }),
      { minLength: 1, maxLength: 40 },
    )
    await fc.assert(
      fc.asyncProperty(trades, async (drawn) => {
        const events = drawn.map(({ after, cents }) =>
          at(BEGIN + after, new Decimal(cents).div(100).toFixed(), '0.1'),
        )
        const made = await candles([events], { interval: '1m' })
        for (const candle of made) {
          const within = drawn.filter(
            ({ after }) => Math.floor(after / MINUTE) * MINUTE + BEGIN === candle.openTime,
          )
          const cents = within.map((each) => each.cents)
          expect(candle.trades).toBe(within.length)
          expect(candle.volume).toBe(new Decimal(within.length).div(10).toFixed())
          if (within.length === 0) continue
          expect(candle.high).toBe(new Decimal(Math.max(...cents)).div(100).toFixed())
          expect(candle.low).toBe(new Decimal(Math.min(...cents)).div(100).toFixed())
        }
      }),
      { numRuns: 20 },
    )
  })

  it.each(['', '1', 'm', '0m', '1M', '1.5h', '10000d'])('refuse %j as a length', async (interval) => {
    await expect(candles([[at(BEGIN, '1')]], { interval })).rejects.toMatchObject({ code: 'bad_interval' })
  })

  it('refuse to be a million', async () => {
    const events = [at(BEGIN, '1'), at(BEGIN + 2_000_000 * 1_000_000, '1')]
    await expect(candles([events], { interval: '1s' })).rejects.toMatchObject({ code: 'too_many_candles' })
  })

  it('say what is on the tape where no trades of the instrument are', async () => {
    await expect(candles([[gap('open')]], { interval: '1m' })).rejects.toMatchObject({ code: 'not_on_tape' })
  })
})
