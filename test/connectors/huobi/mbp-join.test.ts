import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type MbpDelta, MbpJoin } from '../../../connectors/huobi/mbp-join.js'
import type { Level } from '../../../schemas/events.js'
import { OrderBook } from '../../../src/book/order-book.js'

function delta(previous: number, sequence: number, bids: Level[] = []): MbpDelta {
  return { previous: String(previous), sequence: String(sequence), bids, asks: [], exchangeTime: 0 }
}

/** The numbers of the deltas that a join gave. */
function joined(join: MbpJoin, snapshot: number): string[] | string {
  const outcome = join.answer(String(snapshot))
  return outcome.kind === 'joined' ? outcome.deltas.map(({ sequence }) => sequence) : outcome.kind
}

describe('joining a snapshot to the deltas', () => {
  it('drops what the snapshot holds and applies what follows it', () => {
    const join = new MbpJoin()
    for (const [previous, sequence] of [
      [10, 13],
      [13, 20],
      [20, 21],
    ] as const) {
      expect(join.delta(delta(previous, sequence))).toBe('kept')
    }
    expect(joined(join, 13)).toEqual(['20', '21'])
    expect([join.state, join.last]).toEqual(['chained', '21'])
    expect(join.delta(delta(21, 30))).toBe('applies')
  })

  it('refuses a snapshot that is older than the first delta kept', () => {
    const join = new MbpJoin()
    join.delta(delta(83_052_651, 83_052_660))
    expect(joined(join, 83_052_648)).toBe('older')
    expect(join.delta(delta(83_052_660, 83_052_661))).toBe('kept')
    expect(joined(join, 83_052_660)).toEqual(['83052661'])
  })

  it('refuses a snapshot from the middle of a delta: equality is the proof', () => {
    const join = new MbpJoin()
    join.delta(delta(10, 20))
    expect(joined(join, 15)).toBe('astride')
    expect(joined(join, 10)).toEqual(['20'])
  })

  it('refuses a snapshot from before a delta that it should have known, in the middle of the buffer', () => {
    const join = new MbpJoin()
    join.delta(delta(10, 20))
    join.delta(delta(20, 30))
    expect(joined(join, 25)).toBe('astride')
  })

  it('lets a snapshot stand alone, and the next delta decide', () => {
    const join = new MbpJoin()
    expect(joined(join, 50)).toEqual([])
    expect(join.delta(delta(40, 45))).toBe('stale')
    expect(join.delta(delta(45, 50))).toBe('stale')
    expect(join.delta(delta(50, 60))).toBe('applies')
    const other = new MbpJoin()
    other.answer('50')
    expect(other.delta(delta(45, 55))).toBe('broken')
    expect(joined(other, 45)).toEqual(['55'])
  })

  it('compares numbers of any length as numbers', () => {
    const join = new MbpJoin()
    join.delta(delta(9, 10))
    expect(joined(join, 9)).toEqual(['10'])
    const long = new MbpJoin()
    long.delta({ ...delta(0, 0), previous: '99999999999999999999999', sequence: '100000000000000000000000' })
    expect(long.answer('99999999999999999999999').kind).toBe('joined')
  })

  it('tells a hole, keeps the delta behind it, and takes a repeated one as nothing', () => {
    const join = new MbpJoin()
    join.answer('10')
    expect(join.delta(delta(10, 11))).toBe('applies')
    expect(join.delta(delta(10, 11))).toBe('stale')
    expect(join.delta(delta(12, 13))).toBe('broken')
    expect(join.state).toBe('buffering')
    expect(joined(join, 12)).toEqual(['13'])
  })

  it('takes no old number for stale once the chain is proved', () => {
    const join = new MbpJoin()
    join.answer('10')
    join.delta(delta(10, 11))
    expect(join.delta(delta(4, 5))).toBe('broken')
  })

  it('forgets what lies before a hole in the buffer, and a delta that is sent twice', () => {
    const join = new MbpJoin()
    join.delta(delta(1, 2))
    join.delta(delta(5, 6))
    join.delta(delta(5, 6))
    expect(joined(join, 1)).toBe('older')
    expect(joined(join, 5)).toEqual(['6'])
  })

  it('keeps no more than a thousand deltas, the newest', () => {
    const join = new MbpJoin()
    for (let number = 1; number <= 2_500; number++) join.delta(delta(number - 1, number))
    expect(joined(join, 1_499)).toBe('older')
    const rest = joined(join, 1_500)
    expect(rest).toHaveLength(1_000)
  })

  it('needs no second snapshot while the chain stands', () => {
    const join = new MbpJoin()
    join.answer('10')
    expect(joined(join, 10)).toBe('needless')
  })
})

/** One change of a true market: a price and its new amount. */
const change = fc.tuple(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 0, max: 3 }))

describe('for any market and any lag of the answers', () => {
  it('the joined book is the true book', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(change, fc.integer({ min: 1, max: 81 })), { minLength: 2, maxLength: 60 }),
        fc.nat(),
        fc.array(fc.tuple(fc.nat(), fc.nat()), { minLength: 1, maxLength: 6 }),
        fc.option(fc.nat(), { nil: undefined }),
        (changes, from, answers, lost) => {
          // The states of the true market, by number.
          const truth = new OrderBook()
          truth.snapshot([], [])
          let number = 1000
          const states = [{ number, bids: truth.top(100).bids, delta: delta(0, 0) }]
          for (const [[price, amount], step] of changes) {
            truth.update([[String(price), String(amount)]], [])
            const next = number + step
            states.push({
              number: next,
              bids: truth.top(100).bids,
              delta: delta(number, next, [[String(price), String(amount)]]),
            })
            number = next
          }
          const first = 1 + (from % (states.length - 1))
          const dropped = lost === undefined ? -1 : lost % states.length
          const join = new MbpJoin()
          const book = new OrderBook()
          const due = answers.map(([when, which]) => ({
            when: when % states.length,
            which: which % states.length,
          }))
          for (let index = first; index < states.length; index++) {
            const state = states[index]
            if (state === undefined || index === dropped) continue
            if (join.delta(state.delta) === 'applies') book.update(state.delta.bids, [])
            for (const { when, which } of due) {
              const snapshot = states[which]
              if (when !== index || snapshot === undefined) continue
              const outcome = join.answer(String(snapshot.number))
              if (outcome.kind !== 'joined') continue
              book.snapshot(snapshot.bids, [])
              for (const kept of outcome.deltas) book.update(kept.bids, [])
            }
            // A book that says it is chained is the true one, as of its own number.
            if (join.state === 'chained') {
              const now = states.find((candidate) => String(candidate.number) === join.last)
              expect(book.top(100).bids).toEqual(now?.bids)
            }
          }
        },
      ),
      { numRuns: 500 },
    )
  })
})
