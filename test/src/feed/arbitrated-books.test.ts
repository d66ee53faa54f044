import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Court } from './court.js'
import { oracle } from './oracle.js'

describe('a book of two lines', () => {
  test('goes on without a snapshot where the other is level', () => {
    const court = new Court('book')
    const [a, b] = [court.leg('a'), court.leg('b')]
    for (const line of [a, b]) {
      line.whole(true)
      line.snapshot('1')
      line.update('2')
    }
    a.gap()
    b.update('3')
    expect(court.words).toEqual(['book 1', '+2', '+3'])
  })

  test('is told whole where the other is ahead', () => {
    const court = new Court('book')
    const [a, b] = court.pair(true, (line) => line.snapshot('1'))
    b.update('2')
    b.update('3')
    a.gap()
    b.update('4')
    expect(court.words).toEqual(['book 1', 'book 3', '+4'])
  })

  test('waits for one that is behind, and never goes back', () => {
    const court = new Court('book')
    const [a, b] = court.pair(true, (line) => line.snapshot('1'))
    for (const amount of ['2', '3', '4']) a.update(amount)
    b.update('2')
    a.gap()
    for (const amount of ['3', '4', '5']) b.update(amount)
    expect(court.words).toEqual(['book 1', '+2', '+3', '+4', '+5'])
  })

  test('that was caught being wrong is disclosed, and replaced by the other’s', () => {
    const court = new Court('book')
    const [a, b] = [court.leg('a'), court.leg('b')]
    for (const line of [a, b]) {
      line.whole(true)
      line.snapshot('1')
      line.update('2')
    }
    a.gap('checksum', null)
    expect(court.words).toEqual(['book 1', '+2', 'gap checksum', 'whole true', 'book 2'])
  })

  test('with the venue’s own numbers is told by whichever line is first', () => {
    const court = new Court('book', 'stream')
    const [a, b] = court.pair(true, (line) => line.snapshot('1', '9'))
    b.update('2', '10')
    a.update('2', '10')
    a.update('3', '11')
    b.update('3', '11')
    expect(court.words).toEqual(['book 1', '+2', '+3'])
    a.gap()
    b.update('4', '12')
    expect(court.words).toEqual(['book 1', '+2', '+3', '+4'])
  })

  test('with the venue’s own numbers is told whole by the first that is ahead', () => {
    const court = new Court('book', 'stream')
    const [a, b] = [court.leg('a'), court.leg('b')]
    a.whole()
    a.snapshot('1', '9')
    b.whole()
    b.snapshot('3', '11')
    a.update('2', '10')
    a.update('3', '11')
    a.update('4', '12')
    expect(court.words).toEqual(['book 1', 'book 3', '+4'])
  })

  test('with the venue’s own numbers is not mended with a batch that begins before it', () => {
    const court = new Court('book', 'stream')
    const [a, b] = court.pair(true, (line) => line.snapshot('1', '9'))
    a.update('2', '11')
    a.gap()
    b.update('3', '13')
    expect(court.words).toEqual(['book 1', '+2', 'book 3'])
  })

  test('with numbers that the venue has begun anew does not wait for the old ones', () => {
    const court = new Court('book', 'stream')
    const [a, b] = court.pair(true, (line) => line.snapshot('1', '900'))
    a.exchangeTime = 1
    a.update('2', '901')
    b.gap('sequence')
    b.exchangeTime = 2
    b.whole(true)
    b.snapshot('3', '4')
    a.gap()
    b.update('4', '5')
    expect(court.words).toEqual(['book 1', '+2', 'book 3', '+4'])
  })

  test('with lower numbers and no times is a gap after two seconds, and the other’s after thirty', () => {
    const court = new Court('book', 'stream')
    const [a, b] = court.pair(true, (line) => line.snapshot('1', '900'))
    a.update('2', '901')
    b.gap('sequence')
    b.whole(true)
    b.snapshot('3', '4')
    a.gap()
    b.update('4', '5')
    court.now += 2_000_000
    b.update('5', '6')
    expect(court.words).toEqual(['book 1', '+2', 'gap stale'])
    b.update('6', '7')
    court.now += 30_000_000
    b.update('7', '8')
    expect(court.words.slice(2)).toEqual(['gap stale', 'whole true', 'book 7'])
  })

  test.each(['connection', 'stream'] as const)(
    'numbered by %s, of a connection that lags for longer than two seconds is a gap, and never steps back',
    (scope) => {
      const court = new Court('book', scope)
      const number = (of: number) => (scope === 'stream' ? String(of) : null)
      const [a, b] = court.pair(true, (line) => line.snapshot('1', number(1)))
      for (let at = 2; at <= 9; at++) a.update(String(at), number(at))
      b.update('2', number(2))
      a.gap()
      for (let at = 3; at <= 11; at++) {
        court.now += 700_000
        b.update(String(at), number(at))
      }
      expect(court.words.slice(9)).toEqual(['gap stale', 'whole true', 'book 9', '+10', '+11'])
      oracle(court.told)
    },
  )

  test('of a line that is behind and says a thing twice is not taken back to the first time', () => {
    const court = new Court('book')
    const [a, b] = court.pair(true, (line) => line.snapshot('1'))
    for (const amount of ['2', '3', '4']) a.update(amount)
    a.deeper('7')
    a.update('4')
    for (const amount of ['2', '3']) b.update(amount)
    a.gap()
    b.update('4')
    b.deeper('7')
    b.update('4')
    b.update('5')
    expect(court.words).toEqual(['book 1', '+2', '+3', '+4', '+7', '+4', '+5'])
  })

  test('of a followed line that was silent as the other was lost is told whole when it speaks', () => {
    const court = new Court('book')
    const [a, b] = court.pair(true, (line) => line.snapshot('1'))
    b.update('2')
    court.now += 1_000_000
    b.update('3')
    court.now += 1_100_000
    b.gap()
    a.update('2')
    expect(court.words).toEqual(['book 1', '+2'])
    b.whole(true)
    b.snapshot('3')
    for (const amount of ['4', '5']) {
      court.now += 1_200_000
      b.deeper(amount)
    }
    court.arbiter.leave(b, 'disconnected', 'over', court.now)
    a.update('3')
    oracle(court.told)
  })

  test('that one line made wrong is disclosed, although the other goes on with it', () => {
    const court = new Court('book', 'stream')
    const [a, b] = court.pair(true, (line) => line.snapshot('1', '1'))
    a.update('666', '2')
    b.update('2', '2')
    b.update('3', '3')
    expect(court.words).toEqual(['book 1', '+666', '+3'])
    a.gap('crossed', null)
    expect(court.words.slice(3)).toEqual(['gap crossed', 'whole true', 'book 3'])
  })

  test('that a line finds to have told wrong, however it is called, is replaced by the other’s', () => {
    const court = new Court('book', 'stream')
    const [a, b] = court.pair(true, (line) => line.snapshot('1', '1'))
    const proved = court.now
    a.deeper('666', '2')
    a.gap('sequence', proved)
    expect(court.words).toEqual(['book 1', '+666', 'gap sequence', 'whole true', 'book 1'])
    expect(court.told[2]).toMatchObject({ from: proved })
    a.whole(true)
    a.snapshot('2', '2')
    b.update('3', '3')
    a.update('3', '3')
    expect(court.words.slice(5)).toEqual(['book 2', '+3'])
    oracle(court.told)
  })

  test('that was told wrong by the line that was first is disclosed from then on by the one that finds it out', () => {
    const court = new Court('book')
    const [a, b] = court.pair(true, (line) => line.snapshot('1'))
    a.update('666')
    b.deeper('1')
    const good = court.now
    b.update('666')
    a.gap()
    b.gap('crossed', good)
    const told = court.told.find(({ type }) => type === 'gap')
    expect(told).toMatchObject({ reason: 'crossed', state: 'open', from: good - 2_000_000 })
    oracle(court.told)
  })

  test('that one line made wrong in the moment in which it was good last is disclosed as well', () => {
    const court = new Court('book', 'stream')
    const [a, b] = court.pair(true, (line) => line.snapshot('1', '1'))
    a.deeper('1', '2')
    court.now -= 1_000
    a.deeper('666', '3')
    const good = court.now
    for (const number of ['2', '3']) b.deeper('1', number)
    b.update('2', '4')
    a.gap('crossed', good)
    expect(court.words).toEqual(['book 1', '+1', '+666', '+2', 'gap crossed', 'whole true', 'book 2,1'])
    oracle(court.told)
  })

  test('that one line made wrong and did not live to find out is told anew', () => {
    const court = new Court('book', 'stream')
    const [a, b] = court.pair(true, (line) => line.snapshot('1', '1'))
    a.deeper('666', '2')
    b.update('2', '2')
    b.update('3', '3')
    expect(court.words).toEqual(['book 1', '+666', '+3'])
    a.gap()
    expect(court.words.slice(3)).toEqual(['book 3'])
    oracle(court.told)
  })

  test('of a line that has long been silent is not told as if it were of now', () => {
    const court = new Court('book', 'stream')
    const [a, b] = court.pair(true, (line) => line.snapshot('1', '1'))
    a.update('2', '2')
    b.update('2', '2')
    b.update('3', '3')
    court.now += 9_000_000
    a.gap()
    expect(court.words).toEqual(['book 1', '+2', '+3'])
    b.update('4', '4')
    b.update('5', '5')
    expect(court.words).toEqual(['book 1', '+2', '+3', 'book 4', '+5'])
  })

  test('of a connection that was held up ends no gap while it is older than what was emitted', () => {
    const court = new Court('book')
    const [a, b] = court.pair(true, (line) => {
      line.exchangeTime = 1
      line.snapshot('1')
    })
    for (const [time, amount] of [
      [2, '2'],
      [3, '3'],
    ] as const) {
      court.now += 3_000_000
      a.exchangeTime = time
      a.update(amount)
    }
    a.gap()
    expect(court.words.at(-1)).toBe('gap disconnected')
    b.exchangeTime = 2
    b.snapshot('2')
    expect(court.words.at(-1)).toBe('gap disconnected')
    b.exchangeTime = 3
    b.snapshot('3')
    expect(court.words.slice(-2)).toEqual(['whole true', 'book 3'])
  })

  test('of a connection whose times stay older ends a gap after thirty seconds', () => {
    const court = new Court('book')
    const [a, b] = court.pair(true, (line) => {
      line.exchangeTime = 10
      line.snapshot('1')
    })
    a.exchangeTime = 20
    for (const amount of ['1.5', '2']) {
      court.now += 3_000_000
      a.update(amount)
    }
    a.gap()
    for (const amount of ['3', '4']) {
      court.now += 30_000_000
      b.exchangeTime = 15
      b.snapshot(amount)
    }
    expect(court.words.slice(-3)).toEqual(['gap disconnected', 'whole true', 'book 4'])
  })

  test('of a line that told of a later hour and is silent now is taken from the other', () => {
    const court = new Court('book')
    const [a, b] = [court.leg('a'), court.leg('b')]
    a.exchangeTime = 1
    b.exchangeTime = 3_600_000_000
    for (const line of [b, a]) {
      line.whole(true)
      line.snapshot('1')
    }
    b.update('2')
    a.update('2')
    a.update('3')
    court.now += 2_000_000
    a.update('4')
    a.update('5')
    expect(court.words).toEqual(['book 1', '+2', 'book 4', '+5'])
  })

  test('of a line that is held up and still drips is taken from the other', () => {
    const court = new Court('book')
    const [a, b] = [court.leg('a'), court.leg('b')]
    for (const line of [a, b]) {
      line.exchangeTime = 1_000_000
      line.whole(true)
      line.snapshot('1')
    }
    for (const [amount, at] of [
      ['2', 2_000_000],
      ['3', 3_000_000],
      ['4', 4_000_000],
    ] as const) {
      b.exchangeTime = at
      b.update(amount)
    }
    a.exchangeTime = 2_000_000
    a.update('2')
    b.exchangeTime = 4_500_000
    b.update('5')
    expect(court.words).toEqual(['book 1', 'book 4', '+5'])
  })

  test('with the venue’s own numbers is taken from the other where it never catches up', () => {
    const court = new Court('book', 'stream')
    const [a, b] = [court.leg('a'), court.leg('b')]
    a.whole(true)
    a.snapshot('1', '1')
    b.whole(true)
    b.snapshot('5', '1')
    for (let number = 2; number < 9; number++) {
      a.update(String(number), String(number))
      court.now += 400_000
      b.update(String(number + 90), String(number * 100))
    }
    const far = court.words.findIndex((word) => word.startsWith('book 9'))
    expect(far).toBeGreaterThan(3)
    expect(court.words.slice(far + 1).every((word) => word.startsWith('+9'))).toBe(true)
  })

  test('of a line that falls silent is taken from the other after two seconds', () => {
    const court = new Court('book')
    const [a, b] = court.pair(true, (line) => line.snapshot('1'))
    b.update('2')
    court.now += 1_900_000
    b.update('3')
    expect(court.words).toEqual(['book 1'])
    court.now += 200_000
    b.update('4')
    b.update('5')
    expect(court.words).toEqual(['book 1', 'book 4', '+5'])
    a.gap()
    expect(court.words).toEqual(['book 1', 'book 4', '+5'])
  })

  test('that both lost is a gap, healed by the first snapshot', () => {
    const court = new Court('book')
    const [a, b] = court.pair(true, (line) => line.snapshot('1'))
    a.gap()
    b.gap()
    b.whole(true)
    b.snapshot('7')
    a.whole(true)
    a.snapshot('7')
    a.update('8')
    b.update('8')
    expect(court.words).toEqual(['book 1', 'gap disconnected', 'whole true', 'book 7', '+8'])
    oracle(court.told)
  })
})

describe.each(['connection', 'stream'] as const)('a book numbered within its %s', (scope) => {
  test('never goes back and ends true, whatever the two lines do', () => {
    const turn = fc.record({
      leg: fc.nat(1),
      act: fc.oneof({ weight: 12, arbitrary: fc.constant('read') }, fc.constant('reset')),
      steps: fc.integer({ min: 1, max: 4 }),
    })
    fc.assert(
      fc.property(fc.array(turn, { minLength: 5, maxLength: 80 }), (turns) => {
        const court = new Court('book', scope)
        const legs = [court.leg('a'), court.leg('b')]
        let truth = 1
        const at = [0, 0]
        const number = (state: number) => (scope === 'stream' ? String(state) : null)
        const connect = (index: number) => {
          legs[index]?.whole(true)
          legs[index]?.snapshot(String(truth), number(truth))
          at[index] = truth
        }
        const read = (index: number) => {
          const next = (at[index] ?? 0) + 1
          truth = Math.max(truth, next)
          at[index] = next
          legs[index]?.update(String(next), number(next))
        }
        connect(0)
        connect(1)
        for (const { leg, act, steps } of turns) {
          if (act === 'reset') {
            legs[leg]?.gap()
            connect(leg)
          } else for (let step = 0; step < steps; step++) read(leg)
        }
        for (const index of [0, 1]) while ((at[index] ?? 0) < truth) read(index)
        oracle(court.told)
        const states = court.told.flatMap((event) => ('bids' in event ? [Number(event.bids[0]?.[1])] : []))
        expect(states).toEqual(states.toSorted((a, b) => a - b))
        expect(states.at(-1)).toBe(truth)
        expect(court.words.filter((word) => word.startsWith('gap'))).toEqual([])
      }),
    )
  })
})
