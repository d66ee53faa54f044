import { describe, expect, it } from 'vitest'
import { CandleRun } from '../../../connectors/bittrex/candle-run.js'

describe('candles that carry numbers', () => {
  const fields = (close: string) => ({
    interval: '1m',
    openTime: 0,
    open: '1',
    high: '1',
    low: '1',
    close,
  })
  const closes = (run: CandleRun, ...messages: readonly (readonly [number, string])[]) =>
    messages.map(([sequence, close]) => {
      const { candles, broken } = run.take(sequence, fields(close))
      return [candles.map((candle) => candle.close), broken] as const
    })

  it('drop a stranger whose number does not belong, and say that one came', () => {
    expect(closes(new CandleRun(), [5, '1'], [900, '666'], [6, '2'])).toEqual([
      [['1'], false],
      [[], true],
      [['2'], false],
    ])
  })

  it('go on with new numbers once the next message bears them out, losing nothing', () => {
    expect(closes(new CandleRun(), [5, '1'], [1, '2'], [2, '3'], [3, '4'])).toEqual([
      [['1'], false],
      [[], true],
      [['2', '3'], false],
      [['4'], false],
    ])
  })

  it('ignore repeats, of the run and of the stranger', () => {
    expect(closes(new CandleRun(), [5, '1'], [5, '1'], [9, '2'], [9, '2'], [20, '3'], [21, '4'])).toEqual([
      [['1'], false],
      [[], false],
      [[], true],
      [[], false],
      [[], true],
      [['3', '4'], false],
    ])
  })
})
