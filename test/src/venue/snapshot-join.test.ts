import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { type Holding, type Numbered, SnapshotJoin } from '../../../src/venue/snapshot-join.js'
import type { OrderRule } from '../../../src/venue/spec.js'

const order = (step: OrderRule['step']): OrderRule => ({ by: 'seq', scope: 'stream', across: 'same', step })
const HOLDING: Holding<Numbered> = { rows: () => 1, own: (message) => message }
const joinOf = (step: OrderRule['step']) => new SnapshotJoin<Numbered>(order(step), HOLDING)

const next = (sequence: number): Numbered => ({ sequence: BigInt(sequence) })
const since = (previous: number, sequence: number): Numbered => ({
  previous: BigInt(previous),
  sequence: BigInt(sequence),
})
const range = (first: number, last: number): Numbered => ({ first: BigInt(first), sequence: BigInt(last) })

function waiting(...sequences: number[]): SnapshotJoin<Numbered> {
  const join = joinOf('next')
  for (const sequence of sequences) expect(join.offer(next(sequence))).toBe('held')
  return join
}

/** The numbers of the messages that follow a snapshot, or why it was not joined. */
function joined(join: SnapshotJoin<Numbered>, snapshot: number): number[] | string {
  const outcome = join.join(BigInt(snapshot))
  return outcome.kind === 'joined' ? numbers(outcome.following) : outcome.kind
}

const numbers = (messages: readonly Numbered[]) => messages.map(({ sequence }) => Number(sequence))

describe('messages that count by one', () => {
  it('are dropped where the snapshot has them and follow it where it has not', () => {
    const join = waiting(10, 11, 12)
    expect(joined(join, 11)).toEqual([12])
    expect(join.position).toBe(12n)
    expect(join.offer(next(13))).toBe('apply')
  })

  it('join a snapshot that stands just before the first of them, or ahead of the last', () => {
    expect(joined(waiting(10, 11), 9)).toEqual([10, 11])
    const ahead = waiting(10, 11)
    expect(joined(ahead, 13)).toEqual([])
    expect([12, 13, 14].map((sequence) => ahead.offer(next(sequence)))).toEqual([
      'covered',
      'repeat',
      'apply',
    ])
  })

  it('refuse a snapshot that leaves a hole, and go on waiting', () => {
    const join = waiting(10, 11)
    expect(joined(join, 8)).toBe('older')
    expect(join.waiting).toBe(true)
    expect(join.offer(next(12))).toBe('held')
    expect(joined(join, 12)).toEqual([])
  })

  it('may come after the snapshot, and the first shows whether that left a hole', () => {
    const whole = joinOf('next')
    expect(joined(whole, 9)).toEqual([])
    expect([8, 9, 10].map((sequence) => whole.offer(next(sequence)))).toEqual(['covered', 'repeat', 'apply'])
    const hole = joinOf('next')
    hole.join(9n)
    expect(hole.offer(next(11))).toBe('break')
    expect(hole.breach).toBe('expected seq 10, got 11')
    expect(joined(hole, 10)).toEqual([11])
  })

  it('are nothing where they repeat, and break where they skip, go back or begin again', () => {
    for (const [sequence, verdict] of [
      [13, 'break'],
      [10, 'back'],
      [1, 'back'],
    ] as const) {
      const join = waiting(11)
      join.join(10n)
      expect(join.offer(next(11))).toBe('repeat')
      expect(join.offer(next(sequence))).toBe(verdict)
      expect(join.waiting).toBe(true)
    }
  })

  it('that began again are not joined to a snapshot of before', () => {
    const join = waiting(5_000)
    join.join(4_999n)
    expect(join.offer(next(1))).toBe('back')
    expect(joined(join, 5_000)).toBe('foreign')
    expect(join.offer(next(2))).toBe('held')
    expect(joined(join, 1)).toEqual([2])
  })

  it('that came late do not take the stream back to a snapshot of before', () => {
    for (const [late, ...snapshots] of [
      [7, 6, 7, 8, 9],
      [9, 8, 9],
    ] as const) {
      const join = waiting(9)
      join.join(9n)
      expect([join.offer(next(10)), join.offer(next(late))]).toEqual(['apply', 'back'])
      for (const snapshot of snapshots) expect(joined(join, snapshot)).toBe('older')
      expect(joined(join, 10)).toEqual([])
      expect(join.offer(next(11))).toBe('apply')
    }
  })

  it('that follow one another under lower numbers show that the numbers began again', () => {
    const join = waiting(50)
    join.join(49n)
    expect([join.offer(next(1)), join.offer(next(2))]).toEqual(['back', 'held'])
    expect(joined(join, 30)).toBe('older')
    expect(joined(join, 1)).toEqual([2])
    expect(join.offer(next(3))).toBe('apply')
    // From then on they count from there.
    join.restart()
    expect(joined(join, 3)).toEqual([])
  })

  it('that a break while waiting makes useless are handed out', () => {
    const join = waiting(5, 6)
    const useless: number[] = []
    expect(join.offer(next(9), (held) => void useless.push(...numbers(held)))).toBe('break')
    expect(useless).toEqual([5, 6])
    expect(joined(join, 8)).toEqual([9])
  })

  it('are held up to a bound: then only a newer snapshot fits', () => {
    const join = joinOf('next')
    for (let sequence = 1; sequence <= 6_000; sequence++) join.offer(next(sequence))
    expect(join.waited).toBe(6_000)
    expect(joined(join, 500)).toBe('older')
    expect(joined(join, 1_000)).toHaveLength(5_000)
  })

  it('need a snapshot as new as the last of them after a restart', () => {
    const join = waiting(10)
    join.join(10n)
    join.offer(next(11))
    join.restart()
    expect(joined(join, 10)).toBe('older')
    expect(joined(join, 11)).toEqual([])
    expect(join.offer(next(12))).toBe('apply')
  })

  it('take a snapshot that comes in its place, and are offered again after it', () => {
    const join = waiting(5, 6, 7)
    const newer = join.place(5n)
    expect(newer.map((message) => join.offer(message))).toEqual(['apply', 'apply'])
    const holed = waiting(7)
    expect(holed.place(5n).map((message) => holed.offer(message))).toEqual(['break'])
  })

  it('go on without a snapshot where none is to be had', () => {
    const join = waiting(5, 6)
    expect(numbers(join.follow())).toEqual([5, 6])
    expect([join.offer(next(7)), join.offer(next(9))]).toEqual(['apply', 'break'])
    const fresh = joinOf('next')
    fresh.follow()
    expect([fresh.offer(next(3)), fresh.offer(next(4))]).toEqual(['apply', 'apply'])
  })
})

describe('messages that name their predecessor', () => {
  it('join by equality: a snapshot from the middle of one is refused', () => {
    const join = joinOf('prev')
    join.offer(since(10, 20))
    expect(joined(join, 15)).toBe('astride')
    expect(joined(join, 10)).toEqual([20])
    const middle = joinOf('prev')
    middle.offer(since(10, 20))
    middle.offer(since(20, 30))
    expect(joined(middle, 25)).toBe('astride')
  })

  it('refuse a snapshot older than the first of them', () => {
    const join = joinOf('prev')
    join.offer(since(83_052_651, 83_052_660))
    expect(joined(join, 83_052_648)).toBe('older')
    expect(join.offer(since(83_052_660, 83_052_661))).toBe('held')
    expect(joined(join, 83_052_660)).toEqual([83_052_661])
  })

  it('decide about a snapshot that came before them', () => {
    const join = joinOf('prev')
    expect(joined(join, 50)).toEqual([])
    expect(join.offer(since(40, 45))).toBe('covered')
    expect(join.offer(since(45, 50))).toBe('repeat')
    expect(join.offer(since(50, 60))).toBe('apply')
    expect(join.offer(since(4, 5))).toBe('back')
    const other = joinOf('prev')
    other.join(50n)
    expect(other.offer(since(45, 55))).toBe('break')
    expect(other.breach).toBe('expected seq 50, got 45')
    expect(joined(other, 45)).toEqual([55])
  })

  it('are not joined to a snapshot of before where one of them counts anew', () => {
    const join = joinOf('prev')
    join.offer(since(126_230_406_136, 126_230_406_180))
    expect(joined(join, 126_230_406_136)).toEqual([126_230_406_180])
    expect(join.offer(since(0, 1))).toBe('back')
    expect(joined(join, 126_230_405_835)).toBe('older')
    expect(join.offer(since(126_230_406_242, 126_230_406_278))).toBe('break')
    expect(joined(join, 126_230_406_242)).toEqual([126_230_406_278])
  })

  it('are numbers of any length', () => {
    const long = joinOf('prev')
    long.offer({ previous: 99_999_999_999_999_999_999_999n, sequence: 100_000_000_000_000_000_000_000n })
    expect(long.join(99_999_999_999_999_999_999_999n).kind).toBe('joined')
  })

  it('forget what lies before a hole, and one that is sent twice', () => {
    const join = joinOf('prev')
    expect([since(1, 2), since(5, 6), since(5, 6)].map((message) => join.offer(message))).toEqual([
      'held',
      'break',
      'repeat',
    ])
    expect(joined(join, 1)).toBe('older')
    expect(joined(join, 5)).toEqual([6])
  })
})

describe('messages whose numbers only rise', () => {
  test.each([
    ['before the first of them is older: what lies between is not known', 9, 'older'],
    ['among them is joined', 10, [12]],
    ['ahead of them is joined', 20, []],
  ] as const)('a snapshot %s', (_where, snapshot, outcome) => {
    const join = joinOf('rising')
    for (const sequence of [10, 12]) expect(join.offer(next(sequence))).toBe('held')
    expect(joined(join, snapshot)).toEqual(outcome)
  })
})

describe('messages that are ranges of numbers', () => {
  it('begin one after the last where the venue counts so', () => {
    const join = joinOf('range')
    for (const message of [range(5, 9), range(10, 10), range(11, 20)])
      expect(join.offer(message)).toBe('held')
    expect(joined(join, 4)).toEqual([9, 10, 20])
    expect([join.offer(range(21, 22)), join.offer(range(24, 25))]).toEqual(['apply', 'break'])
    const astride = joinOf('range')
    astride.offer(range(5, 9))
    astride.offer(range(10, 14))
    expect(joined(astride, 12)).toBe('astride')
  })

  it('begin with the last where the venue counts so', () => {
    const join = joinOf('overlap')
    join.offer(range(5, 9))
    expect(join.offer(range(9, 12))).toBe('held')
    expect(joined(join, 5)).toEqual([9, 12])
    expect([join.offer(range(12, 13)), join.offer(range(14, 15))]).toEqual(['apply', 'break'])
  })
})

describe.each(['next', 'prev', 'range'] as const)(
  'for any losses, repeats and snapshots, with step %s',
  (step) => {
    it('the joined state is the true one of its number', () => {
      const change = fc.record({
        delta: fc.integer({ min: -9, max: 9 }),
        /** How far the number goes on; by one where it counts by one. */
        stride: fc.integer({ min: 1, max: 5 }),
        fate: fc.constantFrom('sent', 'sent', 'sent', 'sent', 'lost', 'twice'),
        /** A snapshot that is so many changes old comes after this one; null for none. */
        snapshot: fc.option(fc.nat({ max: 6 }), { freq: 4 }),
      })
      fc.assert(
        fc.property(fc.array(change, { maxLength: 60 }), (changes) => {
          const truth = new Map([[0n, 0]])
          const join = new SnapshotJoin<Numbered & { readonly delta: number }>(order(step), {
            rows: () => 1,
            own: (message) => message,
          })
          const placed = [0n]
          let state = 0
          let number = 0n
          for (const { delta, stride, fate, snapshot } of changes) {
            const previous = number
            number += step === 'next' ? 1n : BigInt(stride)
            truth.set(number, (truth.get(previous) ?? 0) + delta)
            placed.push(number)
            const message = { sequence: number, first: previous + 1n, previous, delta }
            for (let times = fate === 'lost' ? 0 : fate === 'twice' ? 2 : 1; times > 0; times--) {
              if (join.offer(message) !== 'apply') continue
              state += delta
              expect(state).toBe(truth.get(number))
            }
            if (snapshot === null || !join.waiting) continue
            const at = placed[Math.max(0, placed.length - 1 - snapshot)] ?? 0n
            const outcome = join.join(at)
            if (outcome.kind !== 'joined') continue
            state = truth.get(at) ?? 0
            for (const held of outcome.following) {
              state += held.delta
              expect(state).toBe(truth.get(held.sequence))
            }
          }
        }),
        { numRuns: 300 },
      )
    })
  },
)
