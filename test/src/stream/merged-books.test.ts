import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Micros } from '../../../schemas/events.js'
import { oracle } from '../feed/oracle.js'
import { MergeScript, type ScriptedConnection } from './merge-script.js'

describe('a book of two connections', () => {
  test('goes on without a snapshot where the other is level', () => {
    const script = new MergeScript('book')
    const [a, b] = [script.connect('a'), script.connect('b')]
    for (const connection of [a, b]) {
      connection.whole(true)
      connection.snapshot('1')
      connection.update('2')
    }
    a.gap()
    b.update('3')
    expect(script.words).toEqual(['book 1', '+2', '+3'])
  })

  test('is emitted as a snapshot where the other is ahead', () => {
    const script = new MergeScript('book')
    const [a, b] = script.pair(true, (connection) => connection.snapshot('1'))
    b.update('2')
    b.update('3')
    a.gap()
    b.update('4')
    expect(script.words).toEqual(['book 1', 'book 3', '+4'])
  })

  test('waits for one that is behind, and never goes back', () => {
    const script = new MergeScript('book')
    const [a, b] = script.pair(true, (connection) => connection.snapshot('1'))
    for (const amount of ['2', '3', '4']) a.update(amount)
    b.update('2')
    a.gap()
    for (const amount of ['3', '4', '5']) b.update(amount)
    expect(script.words).toEqual(['book 1', '+2', '+3', '+4', '+5'])
  })

  test('that was caught being wrong is disclosed, and replaced by the other’s', () => {
    const script = new MergeScript('book')
    const [a, b] = [script.connect('a'), script.connect('b')]
    for (const connection of [a, b]) {
      connection.whole(true)
      connection.snapshot('1')
      connection.update('2')
    }
    a.gap('checksum', null)
    expect(script.words).toEqual(['book 1', '+2', 'gap checksum', 'whole true', 'book 2'])
  })

  test('with the venue’s own numbers is emitted from whichever connection is first', () => {
    const script = new MergeScript('book', 'stream')
    const [a, b] = script.pair(true, (connection) => connection.snapshot('1', '9'))
    b.update('2', '10')
    a.update('2', '10')
    a.update('3', '11')
    b.update('3', '11')
    expect(script.words).toEqual(['book 1', '+2', '+3'])
    a.gap()
    b.update('4', '12')
    expect(script.words).toEqual(['book 1', '+2', '+3', '+4'])
  })

  test('with the venue’s own numbers is emitted as a snapshot of the first that is ahead', () => {
    const script = new MergeScript('book', 'stream')
    const [a, b] = [script.connect('a'), script.connect('b')]
    a.whole()
    a.snapshot('1', '9')
    b.whole()
    b.snapshot('3', '11')
    a.update('2', '10')
    a.update('3', '11')
    a.update('4', '12')
    expect(script.words).toEqual(['book 1', 'book 3', '+4'])
  })

  test('with the venue’s own numbers is not continued with a batch that begins before it', () => {
    const script = new MergeScript('book', 'stream')
    const [a, b] = script.pair(true, (connection) => connection.snapshot('1', '9'))
    a.update('2', '11')
    a.gap()
    b.update('3', '13')
    expect(script.words).toEqual(['book 1', '+2', 'book 3'])
  })

  test('with numbers that the venue has begun anew does not wait for the old ones', () => {
    const script = new MergeScript('book', 'stream')
    const [a, b] = script.pair(true, (connection) => connection.snapshot('1', '900'))
    a.exchangeTime = 1
    a.update('2', '901')
    b.gap('sequence')
    b.exchangeTime = 2
    b.whole(true)
    b.snapshot('3', '4')
    a.gap()
    b.update('4', '5')
    expect(script.words).toEqual(['book 1', '+2', 'book 4'])
  })

  test('with lower numbers and no times is a gap after two seconds, and the other’s after thirty', () => {
    const script = new MergeScript('book', 'stream')
    const [a, b] = script.pair(true, (connection) => connection.snapshot('1', '900'))
    a.update('2', '901')
    b.gap('sequence')
    b.whole(true)
    b.snapshot('3', '4')
    a.gap()
    b.update('4', '5')
    script.now += 2_000_000
    b.update('5', '6')
    expect(script.words).toEqual(['book 1', '+2', 'gap stale'])
    b.update('6', '7')
    script.now += 30_000_000
    b.update('7', '8')
    expect(script.words.slice(2)).toEqual(['gap stale', 'whole true', 'book 7'])
  })

  test.each(['connection', 'stream'] as const)(
    'numbered by %s, of a connection that lags for longer than two seconds is a gap, and never steps back',
    (scope) => {
      const script = new MergeScript('book', scope)
      const number = (of: number) => (scope === 'stream' ? String(of) : null)
      const [a, b] = script.pair(true, (connection) => connection.snapshot('1', number(1)))
      for (let at = 2; at <= 9; at++) a.update(String(at), number(at))
      b.update('2', number(2))
      a.gap()
      for (let at = 3; at <= 11; at++) {
        script.now += 700_000
        b.update(String(at), number(at))
      }
      expect(script.words.slice(9)).toEqual(['gap stale', 'whole true', 'book 9', '+10', '+11'])
      oracle(script.emitted)
    },
  )

  test('of a connection that is behind and says a thing twice is not taken back to the first time', () => {
    const script = new MergeScript('book')
    const [a, b] = script.pair(true, (connection) => connection.snapshot('1'))
    for (const amount of ['2', '3', '4']) a.update(amount)
    a.deeper('7')
    a.update('4')
    for (const amount of ['2', '3']) b.update(amount)
    a.gap()
    b.update('4')
    b.deeper('7')
    b.update('4')
    b.update('5')
    expect(script.words).toEqual(['book 1', '+2', '+3', '+4', '+7', '+4', '+5'])
  })

  test('of an active connection that was silent as the other was lost is emitted as a snapshot with its next message', () => {
    const script = new MergeScript('book')
    const [a, b] = script.pair(true, (connection) => connection.snapshot('1'))
    b.update('2')
    script.now += 1_000_000
    b.update('3')
    script.now += 1_100_000
    b.gap()
    a.update('2')
    expect(script.words).toEqual(['book 1', '+2'])
    b.whole(true)
    b.snapshot('3')
    for (const amount of ['4', '5']) {
      script.now += 1_200_000
      b.deeper(amount)
    }
    script.merge.leave(b, 'disconnected', 'over', script.now)
    a.update('3')
    oracle(script.emitted)
  })

  test('that one connection made wrong is disclosed, although the other goes on with it', () => {
    const script = new MergeScript('book', 'stream')
    const [a, b] = script.pair(true, (connection) => connection.snapshot('1', '1'))
    a.update('666', '2')
    b.update('2', '2')
    b.update('3', '3')
    expect(script.words).toEqual(['book 1', '+666', '+3'])
    a.gap('crossed', null)
    expect(script.words.slice(3)).toEqual(['gap crossed', 'whole true', 'book 3'])
  })

  test('that a connection finds to have delivered wrong, however that is called, is replaced by the other’s', () => {
    const script = new MergeScript('book', 'stream')
    const [a, b] = script.pair(true, (connection) => connection.snapshot('1', '1'))
    const proved = script.now
    a.deeper('666', '2')
    a.gap('sequence', proved)
    expect(script.words).toEqual(['book 1', '+666', 'gap sequence', 'whole true', 'book 1'])
    expect(script.emitted[2]).toMatchObject({ from: proved })
    a.whole(true)
    a.snapshot('2', '2')
    b.update('3', '3')
    a.update('3', '3')
    expect(script.words.slice(5)).toEqual(['book 2', '+3'])
    oracle(script.emitted)
  })

  test('that was emitted wrong from the connection that was first is disclosed from then on by the one that finds it out', () => {
    const script = new MergeScript('book')
    const [a, b] = script.pair(true, (connection) => connection.snapshot('1'))
    a.update('666')
    b.deeper('1')
    const good = script.now
    b.update('666')
    a.gap()
    b.gap('crossed', good)
    const emitted = script.emitted.find(({ type }) => type === 'gap')
    expect(emitted).toMatchObject({ reason: 'crossed', state: 'open', from: good - 2_000_000 })
    oracle(script.emitted)
  })

  test('that one connection made wrong in the moment in which it was good last is disclosed as well', () => {
    const script = new MergeScript('book', 'stream')
    const [a, b] = script.pair(true, (connection) => connection.snapshot('1', '1'))
    a.deeper('1', '2')
    script.now -= 1_000
    a.deeper('666', '3')
    const good = script.now
    for (const number of ['2', '3']) b.deeper('1', number)
    b.update('2', '4')
    a.gap('crossed', good)
    expect(script.words).toEqual(['book 1', '+1', '+666', '+2', 'gap crossed', 'whole true', 'book 2,1'])
    oracle(script.emitted)
  })

  test('that one connection made wrong and did not live to find out is emitted again', () => {
    const script = new MergeScript('book', 'stream')
    const [a, b] = script.pair(true, (connection) => connection.snapshot('1', '1'))
    a.deeper('666', '2')
    b.update('2', '2')
    b.update('3', '3')
    expect(script.words).toEqual(['book 1', '+666', '+3'])
    a.gap()
    expect(script.words.slice(3)).toEqual(['book 3'])
    oracle(script.emitted)
  })

  test('of a connection that has long been silent is not emitted as if it were of now', () => {
    const script = new MergeScript('book', 'stream')
    const [a, b] = script.pair(true, (connection) => connection.snapshot('1', '1'))
    a.update('2', '2')
    b.update('2', '2')
    b.update('3', '3')
    script.now += 9_000_000
    a.gap()
    expect(script.words).toEqual(['book 1', '+2', '+3'])
    b.update('4', '4')
    b.update('5', '5')
    expect(script.words).toEqual(['book 1', '+2', '+3', 'book 4', '+5'])
  })

  test('of a connection that lags and falls silent is a gap after two seconds, without an event', () => {
    const script = new MergeScript('book')
    const [a, b] = script.pair(true, (connection) => connection.snapshot('1'))
    for (const amount of ['2', '3', '4']) a.update(amount)
    b.update('2')
    a.gap()
    const { deadline } = script
    expect(deadline).toBe(script.now + 2_000_000)
    expect(script.stream.book?.state).toBe('live')
    script.now = deadline ?? 0
    script.merge.settle(script.now)
    expect(script.words.slice(4)).toEqual(['gap stale'])
    expect(script.stream.book?.state).toBe('suspect')
    for (const amount of ['3', '4', '5']) b.update(amount)
    expect(script.words.slice(5)).toEqual(['whole true', 'book 4', '+5'])
    expect(script.stream.book?.top(1).bids).toEqual([['1', '5']])
    oracle(script.emitted)
  })

  test('of a connection that was held up ends no gap while it is older than what was emitted', () => {
    const script = new MergeScript('book')
    const [a, b] = script.pair(true, (connection) => {
      connection.exchangeTime = 1
      connection.snapshot('1')
    })
    for (const [time, amount] of [
      [2, '2'],
      [3, '3'],
    ] as const) {
      script.now += 3_000_000
      a.exchangeTime = time
      a.update(amount)
    }
    a.gap()
    expect(script.words.at(-1)).toBe('gap disconnected')
    b.exchangeTime = 2
    b.snapshot('2')
    expect(script.words.at(-1)).toBe('gap disconnected')
    b.exchangeTime = 3
    b.snapshot('3')
    expect(script.words.slice(-2)).toEqual(['whole true', 'book 3'])
  })

  test('of a connection that was held up ends no gap with what an image of the other had, without numbers or times', () => {
    const script = new MergeScript('book')
    const [a, b] = script.pair(true, (connection) => connection.snapshot('1'))
    // What the standby delivers before it takes over is emitted with its image alone.
    b.update('2')
    b.update('3')
    script.now += 2_000_000
    for (const amount of ['4', '5']) b.update(amount)
    expect(script.words).toEqual(['book 1', 'book 4', '+5'])
    b.gap()
    for (const amount of ['2', '3', '4']) a.update(amount)
    expect(script.words.slice(3)).toEqual(['gap disconnected'])
    a.update('5')
    a.update('6')
    expect(script.words.slice(3)).toEqual(['gap disconnected', 'whole true', 'book 5', '+6'])
    oracle(script.emitted)
  })

  test('is not taken from a connection that was held up and delivers what an image of the other had', () => {
    const script = new MergeScript('book')
    const [a, b] = script.pair(true, (connection) => connection.snapshot('1'))
    b.update('2')
    b.update('3')
    script.now += 2_000_000
    b.update('4')
    a.update('2')
    script.now += 2_000_000
    a.update('3')
    expect(script.words).toEqual(['book 1', 'book 4'])
    a.update('4')
    a.update('5')
    script.now += 2_000_000
    a.update('6')
    expect(script.words).toEqual(['book 1', 'book 4', 'book 6'])
  })

  test('of a connection that was held up is waited for where it has what an image of the other had', () => {
    const script = new MergeScript('book')
    const [a, b] = script.pair(true, (connection) => connection.snapshot('1'))
    b.update('2')
    b.update('3')
    script.now += 2_000_000
    b.update('4')
    a.update('2')
    b.gap()
    for (const amount of ['3', '4', '5']) a.update(amount)
    expect(script.words).toEqual(['book 1', 'book 4', '+5'])
  })

  test('does not go back to a snapshot of a connection that is behind', () => {
    const script = new MergeScript('book')
    const [a, b] = script.pair(true, (connection) => connection.snapshot('1'))
    a.update('2')
    a.snapshot('3')
    a.update('4')
    b.update('2')
    a.gap()
    b.snapshot('3')
    b.update('4')
    b.update('5')
    expect(script.words).toEqual(['book 1', '+2', 'book 3', '+4', '+5'])
  })

  test.each([60, 1_000, 4_000])('waits for a connection that is %d changes behind', (behind) => {
    const script = new MergeScript('book')
    const [a, b] = script.pair(true, (connection) => connection.snapshot('1'))
    const amounts = Array.from({ length: behind }, (_, index) => String(index + 2))
    for (const amount of amounts) a.update(amount)
    const [first = '', ...rest] = amounts
    b.update(first)
    // In one moment, as what was held up comes.
    const { now } = script
    a.gap()
    for (const amount of rest) {
      script.now = now
      b.update(amount)
    }
    b.update('0.5')
    expect(script.words).toEqual(['book 1', ...amounts.map((amount) => `+${amount}`), '+0.5'])
  })

  test('that comes whole with every message does not go back by the venue’s time', () => {
    const script = new MergeScript('book')
    const [a, b] = [script.connect('a'), script.connect('b')]
    const deliver = (connection: ScriptedConnection, time: Micros) => {
      connection.exchangeTime = time
      connection.snapshot(String(time))
    }
    for (const connection of [a, b]) {
      connection.whole(true)
      deliver(connection, 1)
    }
    for (const time of [2, 3, 4]) deliver(a, time)
    deliver(b, 2)
    a.gap()
    for (const time of [3, 4, 5]) deliver(b, time)
    expect(script.words).toEqual(['book 1', 'book 2', 'book 3', 'book 4', 'book 5'])
  })

  test.each<[string, 'stream' | 'connection', (n: number) => readonly [Micros | null, string | null]]>([
    ['number', 'stream', (n) => [null, String(n)]],
    ['time', 'connection', (n) => [n, null]],
    ['change', 'connection', () => [null, null]],
  ])(
    'of which a gap is open is not replaced by an older one that a connection begins with, by %s',
    (_, scope, placeOf) => {
      const script = new MergeScript('book', scope)
      const [a, b] = [script.connect('a'), script.connect('b')]
      const deliver = (connection: ScriptedConnection, n: number) => {
        const [time, sequence] = placeOf(n)
        connection.exchangeTime = time
        if (n === 1) connection.snapshot('1', sequence)
        else connection.update(String(n), sequence)
      }
      a.whole(true)
      for (const n of [1, 2, 3]) deliver(a, n)
      a.gap()
      b.whole(true)
      for (const n of [1, 2]) deliver(b, n)
      expect(script.words).toEqual(['book 1', '+2', '+3', 'gap disconnected'])
      expect(script.stream.book?.amountAt('bids', '1')).toBe('3')
      for (const n of [3, 4]) deliver(b, n)
      expect(script.words.slice(4)).toEqual(['whole true', 'book 3', '+4'])
      expect(script.emitted[4]).toMatchObject({ to: script.emitted[5]?.receiveTime })
    },
  )

  test('that a connection finds to have delivered wrong is not replaced by one that was not heard of late', () => {
    const script = new MergeScript('book', 'stream')
    const [a, b] = script.pair(true, (connection) => connection.snapshot('1', '1'))
    const proved = script.now
    script.now += 1_500_000
    a.deeper('666', '2')
    a.gap('sequence', proved)
    expect(script.words).toEqual(['book 1', '+666', 'gap sequence'])
    b.update('3', '3')
    expect(script.words.slice(3)).toEqual(['whole true', 'book 3'])
  })

  test('that a connection finds to have delivered wrong, and has anew, ends the gap although the other is silent', () => {
    const script = new MergeScript('book', 'stream')
    const [a] = script.pair(true, (connection) => connection.snapshot('1', '1'))
    const proved = script.now
    script.now += 1_500_000
    a.deeper('666', '2')
    a.gap('checksum', proved)
    a.whole(true)
    a.snapshot('2', '2')
    a.update('3', '3')
    expect(script.words).toEqual(['book 1', '+666', 'gap checksum', 'whole true', 'book 2', '+3'])
  })

  test('whose image an answer brought is not the newer one for the time of the answer', () => {
    const script = new MergeScript('book', 'stream')
    const [a, b] = [script.connect('a'), script.connect('b')]
    a.whole(true)
    a.exchangeTime = 10
    a.snapshot('1', '1')
    a.update('2', '2')
    b.whole(true)
    b.exchangeTime = 20
    b.snapshot('1', '1')
    a.gap()
    expect(script.words).toEqual(['book 1', '+2'])
    b.exchangeTime = 10
    b.update('2', '2')
    b.update('3', '3')
    expect(script.words).toEqual(['book 1', '+2', '+3'])
  })

  test('begins its gap no sooner than the last that was emitted, though a change that waited came before that', () => {
    const script = new MergeScript('book')
    const a = script.connect('a')
    a.whole(true)
    a.snapshot('1')
    const answered = script.now
    script.now -= 500_000
    a.update('2')
    script.now = answered
    a.gap()
    expect(script.emitted.at(-1)).toMatchObject({ state: 'open', from: answered })
  })

  test('of a connection whose times stay older ends a gap after thirty seconds', () => {
    const script = new MergeScript('book')
    const [a, b] = script.pair(true, (connection) => {
      connection.exchangeTime = 10
      connection.snapshot('1')
    })
    a.exchangeTime = 20
    for (const amount of ['1.5', '2']) {
      script.now += 3_000_000
      a.update(amount)
    }
    a.gap()
    for (const amount of ['3', '4']) {
      script.now += 30_000_000
      b.exchangeTime = 15
      b.snapshot(amount)
    }
    expect(script.words.slice(-3)).toEqual(['gap disconnected', 'whole true', 'book 4'])
  })

  test('of a connection that delivered a later hour and is silent now is taken from the other', () => {
    const script = new MergeScript('book')
    const [a, b] = [script.connect('a'), script.connect('b')]
    a.exchangeTime = 1
    b.exchangeTime = 3_600_000_000
    for (const connection of [b, a]) {
      connection.whole(true)
      connection.snapshot('1')
    }
    b.update('2')
    a.update('2')
    a.update('3')
    script.now += 2_000_000
    a.update('4')
    a.update('5')
    expect(script.words).toEqual(['book 1', '+2', 'book 4', '+5'])
  })

  test('of a connection that is held up and still drips is taken from the other', () => {
    const script = new MergeScript('book')
    const [a, b] = [script.connect('a'), script.connect('b')]
    for (const connection of [a, b]) {
      connection.exchangeTime = 1_000_000
      connection.whole(true)
      connection.snapshot('1')
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
    expect(script.words).toEqual(['book 1', 'book 4', '+5'])
  })

  test('with the venue’s own numbers is taken from the other where it never catches up', () => {
    const script = new MergeScript('book', 'stream')
    const [a, b] = [script.connect('a'), script.connect('b')]
    a.whole(true)
    a.snapshot('1', '1')
    b.whole(true)
    b.snapshot('5', '1')
    for (let number = 2; number < 9; number++) {
      a.update(String(number), String(number))
      script.now += 400_000
      b.update(String(number + 90), String(number * 100))
    }
    const far = script.words.findIndex((word) => word.startsWith('book 9'))
    expect(far).toBeGreaterThan(3)
    expect(script.words.slice(far + 1).every((word) => word.startsWith('+9'))).toBe(true)
  })

  test('of a connection that falls silent is taken from the other after two seconds', () => {
    const script = new MergeScript('book')
    const [a, b] = script.pair(true, (connection) => connection.snapshot('1'))
    b.update('2')
    script.now += 1_900_000
    b.update('3')
    expect(script.words).toEqual(['book 1'])
    script.now += 200_000
    b.update('4')
    b.update('5')
    expect(script.words).toEqual(['book 1', 'book 4', '+5'])
    a.gap()
    expect(script.words).toEqual(['book 1', 'book 4', '+5'])
  })

  test('that both lost is a gap, healed by the first snapshot', () => {
    const script = new MergeScript('book')
    const [a, b] = script.pair(true, (connection) => connection.snapshot('1'))
    a.gap()
    b.gap()
    b.whole(true)
    b.snapshot('7')
    a.whole(true)
    a.snapshot('7')
    a.update('8')
    b.update('8')
    expect(script.words).toEqual(['book 1', 'gap disconnected', 'whole true', 'book 7', '+8'])
    oracle(script.emitted)
  })
})

describe.each(['connection', 'stream'] as const)('a book numbered within its %s', (scope) => {
  test('never goes back and ends true, whatever the two connections do', () => {
    const turn = fc.record({
      which: fc.nat(1),
      act: fc.oneof({ weight: 12, arbitrary: fc.constant('read') }, fc.constant('reset')),
      steps: fc.integer({ min: 1, max: 4 }),
    })
    fc.assert(
      fc.property(fc.array(turn, { minLength: 5, maxLength: 80 }), (turns) => {
        const script = new MergeScript('book', scope)
        const connections = [script.connect('a'), script.connect('b')]
        let truth = 1
        const at = [0, 0]
        const number = (state: number) => (scope === 'stream' ? String(state) : null)
        const connect = (index: number) => {
          connections[index]?.whole(true)
          connections[index]?.snapshot(String(truth), number(truth))
          at[index] = truth
        }
        const read = (index: number) => {
          const next = (at[index] ?? 0) + 1
          truth = Math.max(truth, next)
          at[index] = next
          connections[index]?.update(String(next), number(next))
        }
        connect(0)
        connect(1)
        for (const { which, act, steps } of turns) {
          if (act === 'reset') {
            connections[which]?.gap()
            connect(which)
          } else for (let step = 0; step < steps; step++) read(which)
        }
        for (const index of [0, 1]) while ((at[index] ?? 0) < truth) read(index)
        oracle(script.emitted)
        const states = script.emitted.flatMap((event) =>
          'bids' in event ? [Number(event.bids[0]?.[1])] : [],
        )
        expect(states).toEqual(states.toSorted((a, b) => a - b))
        expect(states.at(-1)).toBe(truth)
        expect(script.words.filter((word) => word.startsWith('gap'))).toEqual([])
      }),
    )
  })
})
