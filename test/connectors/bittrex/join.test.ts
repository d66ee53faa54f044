import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CandleRun } from '../../../connectors/bittrex/candle-run.js'
import { Join, type Numbered } from '../../../connectors/bittrex/join.js'

const TEXT = { rows: (delta: string) => delta.length, own: (delta: string) => delta }

/** Messages that are sums: the state at number n is the sum of the first n deltas. */
function held(sequences: readonly number[]): Numbered<string>[] {
  return sequences.map((sequence) => ({ sequence, delta: `d${sequence}` }))
}

function waiting(...sequences: number[]): Join<string> {
  const join = new Join<string>(TEXT)
  for (const sequence of sequences) expect(join.offer(sequence, `d${sequence}`)).toBe('held')
  return join
}

describe('joining a snapshot to numbered messages', () => {
  it('drops what the snapshot has and gives what follows it', () => {
    const join = waiting(10, 11, 12)
    expect(join.join(11)).toEqual(held([12]))
    expect(join.offer(13, 'd13')).toBe('apply')
  })

  it('takes a snapshot that stands just before the first message, or ahead of the last', () => {
    expect(waiting(10, 11).join(9)).toEqual(held([10, 11]))
    const ahead = waiting(10, 11)
    expect(ahead.join(13)).toEqual([])
    expect([12, 13, 14].map((sequence) => ahead.offer(sequence, 'd'))).toEqual([
      'covered',
      'covered',
      'apply',
    ])
  })

  it('refuses a snapshot that leaves a hole, and goes on waiting', () => {
    const join = waiting(10, 11)
    expect(join.join(8)).toBeNull()
    expect(join.waiting).toBe(true)
    expect(join.offer(12, 'd12')).toBe('held')
    expect(join.join(12)).toEqual([])
  })

  it('joins before any message, and sees at the first whether that left a hole', () => {
    const whole = new Join<string>(TEXT)
    expect(whole.join(9)).toEqual([])
    expect(whole.offer(8, 'd8')).toBe('covered')
    expect(whole.offer(9, 'd9')).toBe('covered')
    expect(whole.offer(10, 'd10')).toBe('apply')

    const hole = new Join<string>(TEXT)
    hole.join(9)
    expect(hole.offer(11, 'd11')).toBe('break')
    expect(hole.breach).toBe('number 11 came after 9')
    expect(hole.join(10)).toEqual(held([11]))
  })

  it('ignores a repeat, and breaks where numbers skip, go back or begin again', () => {
    for (const next of [13, 10, 1]) {
      const join = waiting(11)
      join.join(11)
      expect(join.offer(11, 'd11')).toBe('repeat')
      expect(join.offer(next, 'd')).toBe('break')
      expect(join.waiting).toBe(true)
    }
  })

  it('does not join numbers that began again to a snapshot of before', () => {
    const join = waiting(5_000)
    join.join(5_000)
    expect(join.offer(1, 'd1')).toBe('break')
    expect(join.join(5_000)).toBeNull()
    expect(join.offer(2, 'd2')).toBe('held')
    expect(join.join(1)).toEqual(held([2]))
  })

  it('hands out what a break while waiting makes useless', () => {
    const join = waiting(5, 6)
    const dropped: Numbered<string>[] = []
    expect(join.offer(9, 'd9', (lost) => void dropped.push(...lost))).toBe('break')
    expect(dropped).toEqual(held([5, 6]))
    expect(join.join(8)).toEqual(held([9]))
  })

  it('holds so many messages and no more: then only a newer snapshot fits', () => {
    const join = new Join<string>(TEXT)
    for (let sequence = 1; sequence <= 6_000; sequence++) join.offer(sequence, '')
    expect(join.join(500)).toBeNull()
    expect(join.join(1_000)).toHaveLength(5_000)
  })

  it('needs a snapshot as new as the last message after a restart', () => {
    const join = waiting(10)
    join.join(10)
    join.offer(11, 'd11')
    join.restart()
    expect(join.join(10)).toBeNull()
    expect(join.join(11)).toEqual([])
    expect(join.offer(12, 'd12')).toBe('apply')
  })

  it('never shows a state that is not the true one, whatever is lost, repeated or late', () => {
    const step = fc.record({
      delta: fc.integer({ min: -9, max: 9 }),
      fate: fc.constantFrom('sent', 'sent', 'sent', 'sent', 'lost', 'twice'),
      /** A snapshot that is so many messages old comes after this message; null for none. */
      snapshot: fc.option(fc.nat({ max: 6 }), { freq: 4 }),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const truth = [0]
        const join = new Join<number>({ rows: () => 1, own: (delta) => delta })
        let state = 0
        const check = (sequence: number) => expect(state).toBe(truth[sequence])
        for (const [index, { delta, fate, snapshot }] of steps.entries()) {
          const sequence = index + 1
          truth.push((truth[index] ?? 0) + delta)
          for (let times = fate === 'lost' ? 0 : fate === 'twice' ? 2 : 1; times > 0; times--) {
            if (join.offer(sequence, delta) !== 'apply') continue
            state += delta
            check(sequence)
          }
          if (snapshot === null || !join.waiting) continue
          const at = Math.max(0, sequence - snapshot)
          const following = join.join(at)
          if (following === null) continue
          state = truth[at] ?? 0
          for (const message of following) {
            state += message.delta
            check(message.sequence)
          }
        }
      }),
      { numRuns: 300 },
    )
  })
})

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
