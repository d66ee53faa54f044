import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Court, INSTRUMENT, Line } from './court.js'
import { oracle } from './oracle.js'

const SLOW = 'the reader was too slow'

describe('a book that a reader asks to have again', () => {
  test('is a gap that ends although the line that goes on alone has none', () => {
    const court = new Court('trade')
    const [a, b] = [court.leg('a'), court.leg('b')]
    a.whole()
    b.whole()
    a.trade(1)
    court.arbiter.overflowed(INSTRUMENT.instrument, 'trade', court.now, court.now, SLOW)
    court.arbiter.leave(b, 'disconnected', 'over', court.now)
    court.arbiter.dissolve(a, court.now)
    expect(a.memory.peek(INSTRUMENT.instrument, 'trade')?.gap?.reason).toBe('overflow')
  })

  test('of the book of a line that told it alone before is made good by its book as it is', () => {
    const court = new Court('book')
    const a = new Line(court, 'a')
    a.quietly(() => a.snapshot('1'))
    const record = a.memory.record(INSTRUMENT.instrument, 'book')
    record.seen = true
    record.lastData = court.now
    court.arbiter.adopt(a)
    a.update('2')
    court.arbiter.overflowed(INSTRUMENT.instrument, 'book', court.now, court.now, SLOW)
    a.update('3')
    expect(court.words).toEqual(['+2', 'gap overflow', 'whole true', 'book 2', '+3'])
  })

  test('of the book of a line that has been silent since is made good when that speaks', () => {
    const court = new Court('book')
    const [a, b] = court.pair(true, (line) => line.snapshot('1'))
    b.update('2')
    a.update('2')
    b.gap()
    court.now += 1_000_000
    court.arbiter.overflowed(INSTRUMENT.instrument, 'book', court.now, court.now, SLOW)
    expect(court.words).toEqual(['book 1', '+2', 'gap overflow'])
    a.update('3')
    expect(court.words.slice(3)).toEqual(['whole true', 'book 3'])
  })

  test('of a book that a line has only begun with, which may not have come by its socket, waits for what does', () => {
    const court = new Court('book')
    const a = court.leg('a')
    a.whole(true)
    a.snapshot('1')
    a.update('2')
    a.gap()
    court.now += 3_000_000
    a.whole(true)
    // In the same moment, as of a session.
    court.now -= 1_000
    a.snapshot('3')
    court.arbiter.overflowed(INSTRUMENT.instrument, 'book', court.now, court.now, SLOW)
    expect(court.words.slice(2)).toEqual(['gap disconnected', 'whole true', 'book 3', 'gap overflow'])
    a.update('4')
    expect(court.words.slice(6)).toEqual(['whole true', 'book 4'])
  })
})

/** The first of two lines of trades still brings the past, three seconds after the second began. */
function heldUp(): [Court, Line, Line] {
  const court = new Court('trade')
  const [a, b] = [court.leg('a'), court.leg('b')]
  a.whole()
  a.trade(1)
  b.whole()
  court.now += 2_000_000
  b.trade(8)
  court.now += 1_000_000
  a.trade(2)
  return [court, a, b]
}

describe('trades of two lines', () => {
  test('are told once, by whichever is first', () => {
    const court = new Court('trade')
    const [a, b] = [court.leg('a'), court.leg('b')]
    a.whole()
    a.trade(1)
    b.whole()
    b.trade(1)
    b.trade(2)
    a.trade(2)
    a.trade(3)
    b.trade(3)
    expect(court.words).toEqual(['1', '2', '3'])
  })

  test('of one that has just come wait until the other has told what was before them', () => {
    const court = new Court('trade')
    const [a, b] = [court.leg('a'), court.leg('b')]
    a.whole()
    a.trade(1)
    b.whole()
    b.trade(4)
    b.trade(5)
    expect(court.words).toEqual(['1'])
    a.trade(2)
    a.trade(3)
    expect(court.words).toEqual(['1', '2', '3'])
    a.trade(4)
    expect(court.words).toEqual(['1', '2', '3', '4', '5'])
    b.trade(6)
    expect(court.words.at(-1)).toBe('6')
  })

  test('go on with the other’s history where one dies before it told all', () => {
    const court = new Court('trade')
    const [a, b] = [court.leg('a'), court.leg('b')]
    a.whole()
    a.trade(1)
    for (const id of [1, 2, 3]) b.trade(id, true)
    b.whole()
    a.gap()
    expect(court.words).toEqual(['1', '(2)', '(3)'])
    b.trade(4)
    expect(court.words).toEqual(['1', '(2)', '(3)', '4'])
    expect(court.swallowed).toEqual(['disconnected'])
  })

  test('are a gap where nothing proves that the other saw all', () => {
    const court = new Court('trade')
    const [a, b] = [court.leg('a'), court.leg('b')]
    a.whole()
    a.trade(1)
    b.whole()
    a.gap()
    expect(court.words).toEqual(['1', 'gap disconnected', 'whole false'])
    b.trade(5)
    expect(court.words.at(-1)).toBe('5')
  })

  test('are a gap where both are holed, healed by a history that reaches back', () => {
    const court = new Court('trade')
    const [a, b] = [court.leg('a'), court.leg('b')]
    a.whole()
    b.whole()
    a.trade(1)
    b.trade(1)
    a.gap()
    b.gap('sequence')
    expect(court.words).toEqual(['1', 'gap sequence'])
    for (const id of [1, 2, 3]) a.trade(id, true)
    a.whole()
    expect(court.words).toEqual(['1', 'gap sequence', '(2)', '(3)', 'whole true'])
  })

  test('that come late by a line that was held up are told as the past that they are', () => {
    const court = new Court('trade')
    const [a, b] = court.pair()
    for (const line of [a, b]) line.trade(1)
    a.gap()
    a.whole()
    court.now += 3_000_000
    a.trade(5)
    court.now += 2_000_000
    a.trade(6)
    expect(court.words).toEqual(['1', 'gap stale', 'whole false', '5', '6'])
    for (const id of [2, 3, 4, 5]) b.trade(id)
    expect(court.words.slice(5)).toEqual(['(2)', '(3)', '(4)'])
    oracle(court.told)
  })

  test('of a line that is far behind do not come before those of one that goes on', () => {
    const court = new Court('trade')
    const [a, b] = court.pair()
    a.trade(1)
    b.gap()
    b.whole()
    a.trade(9)
    b.trade(3)
    court.now += 2_000_000
    a.trade(10)
    b.trade(4)
    b.trade(10)
    b.trade(11)
    expect(court.words).toEqual(['1', '9', '10', '(3)', '(4)', '11'])
  })

  test('are a gap where one that was held up still brings the past, and the other began after it', () => {
    const [court, , b] = heldUp()
    court.now += 1_000_000
    b.trade(9)
    expect(court.words).toEqual(['1', '2', 'gap stale', 'whole false', '8', '9'])
  })

  test('are a gap as well where the one that was held up is lost before that shows', () => {
    const [court, a] = heldUp()
    a.gap()
    expect(court.words).toEqual(['1', '2', 'gap disconnected', 'whole false', '8'])
  })

  test('are a gap where one is lost and the other has long been silent, until it speaks', () => {
    const court = new Court('trade')
    const [a, b] = court.pair()
    for (const line of [a, b]) line.trade(1)
    a.trade(2)
    court.now += 3_000_000
    a.trade(3)
    a.gap()
    expect(court.words).toEqual(['1', '2', '3', 'gap disconnected'])
    for (const id of [2, 3, 4]) b.trade(id)
    expect(court.words.slice(4)).toEqual(['whole true', '4'])
  })

  test('are healed by the history of the one, although the other, long silent, is not known to be dead', () => {
    const court = new Court('trade')
    const [a, b] = court.pair()
    for (const line of [a, b]) line.trade(1)
    a.trade(2)
    court.now += 3_000_000
    a.trade(3)
    a.gap()
    for (const id of [3, 4]) a.trade(id, true)
    a.whole(true)
    a.trade(5)
    expect(court.words).toEqual(['1', '2', '3', 'gap disconnected', '(4)', 'whole true', '5'])
  })

  test('that one line told before the other began are told as the past that they are', () => {
    const court = new Court('trade')
    const [a, b] = [court.leg('a'), court.leg('b')]
    a.whole()
    a.trade(2)
    b.whole()
    b.trade(3_600_000_000)
    for (const id of [1, 2, 3]) b.trade(id)
    expect(court.words).toEqual(['2', '(3600000000)', '(1)', '3'])
  })

  test('of a history that comes among news are told, whatever the other line passes on of the news', () => {
    const court = new Court('trade')
    const [a, b] = court.pair()
    for (const line of [a, b]) line.trade(1)
    b.gap()
    b.trade(1, true)
    b.whole(true)
    a.trade(2)
    b.trade(3)
    b.trade(4, true)
    b.trade(5)
    a.trade(3)
    court.now += 2_000_000
    b.trade(6)
    for (const id of [4, 5, 6, 7]) a.trade(id)
    expect(court.words).toEqual(['1', '2', '3', '(4)', '5', '6', '7'])
  })

  test('are a gap where the other is lost unseen, although it told of a later hour', () => {
    const court = new Court('trade')
    const [a, b] = court.pair()
    b.gap()
    a.trade(3_600_000_000)
    court.now += 5_000_000
    b.whole()
    b.trade(7)
    court.now += 2_000_000
    b.trade(8)
    court.now += 30_000_000
    b.trade(9)
    expect(court.words.slice(1)).toEqual(['gap stale', '(7)', '(8)', 'whole false', '9'])
  })

  test('of a gap that one line told of long ago heal no later one', () => {
    const court = new Court('trade')
    const a = court.leg('a')
    a.whole()
    a.trade(1)
    a.gap()
    a.trade(1, true)
    a.trade(2, true)
    a.whole(true)
    a.gap()
    a.trade(90, true)
    a.whole()
    expect(court.words).toEqual([
      '1',
      'gap disconnected',
      '(2)',
      'whole true',
      'gap disconnected',
      '(90)',
      'whole false',
    ])
  })

  test('go on elsewhere with their gap, and none twice', () => {
    const [court, taker] = [new Court('trade'), new Court('trade')]
    const subscription = { instrument: INSTRUMENT, channel: 'trade' } as const
    const [a, b] = [court.leg('a'), taker.leg('b')]
    a.whole()
    a.trade(1)
    const record = court.arbiter.release(subscription, court.now)
    expect(court.words).toEqual(['1', 'gap disconnected'])
    if (record === null) throw new Error('no such stream')
    taker.arbiter.inherit(subscription, record)
    b.trade(1, true)
    b.trade(2, true)
    b.whole()
    expect(taker.words).toEqual(['(2)', 'whole true'])
  })

  test('come through whatever the two lines do (any interleaving, with resets that history heals)', () => {
    const turn = fc.record({
      leg: fc.nat(1),
      act: fc.oneof({ weight: 12, arbitrary: fc.constant('read') }, fc.constant('reset')),
      steps: fc.integer({ min: 1, max: 4 }),
    })
    fc.assert(
      fc.property(fc.array(turn, { minLength: 5, maxLength: 80 }), (turns) => {
        const court = new Court('trade')
        const legs = [court.leg('a'), court.leg('b')]
        let truth = 1
        const at = [0, 0]
        const connect = (index: number) => {
          // The venue's history goes back to the beginning; the line may be behind what the other has read.
          for (let id = 1; id <= truth; id++) legs[index]?.trade(id, true)
          legs[index]?.whole(true)
          at[index] = truth
        }
        connect(0)
        connect(1)
        for (const { leg, act, steps } of turns) {
          if (act === 'reset') {
            legs[leg]?.gap()
            connect(leg)
            continue
          }
          for (let step = 0; step < steps; step++) {
            const next = (at[leg] ?? 0) + 1
            truth = Math.max(truth, next)
            at[leg] = next
            legs[leg]?.trade(next)
          }
        }
        for (const index of [0, 1]) {
          for (let next = (at[index] ?? 0) + 1; next <= truth; next++) legs[index]?.trade(next)
        }
        oracle(court.told)
        const ids = court.told.filter((event) => event.type === 'trade').map(({ id }) => Number(id))
        expect(ids).toEqual(Array.from({ length: truth }, (_, index) => index + 1))
        expect(court.words.filter((word) => word.startsWith('gap'))).toEqual([])
      }),
    )
  })
})

describe('liquidations of two lines', () => {
  test('that are alike in everything are each told once', () => {
    const court = new Court('liquidation')
    const [a, b] = court.pair()
    for (const line of [a, b]) for (let times = 0; times < 2; times++) line.liquidation('1')
    b.liquidation('2')
    a.liquidation('2')
    expect(court.words).toEqual(['l1', 'l1', 'l2'])
  })
})

describe('the ids of what was emitted', () => {
  test('are remembered until twenty thousand others came', () => {
    const court = new Court('trade')
    const [a, b] = court.pair()
    for (let id = 1; id <= 20_001; id++) a.trade(id)
    expect(court.words.filter((word) => /^\d+$/.test(word))).toHaveLength(20_001)
    const { length } = court.told
    b.trade(2)
    b.trade(20_001)
    expect(court.told).toHaveLength(length)
    b.trade(1)
    expect(court.told).toHaveLength(length + 1)
  })
})
