import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { oracle } from '../feed/oracle.js'
import { INSTRUMENT, MergeScript, ScriptedConnection } from './merge-script.js'

const SLOW = 'the reader was too slow'

describe('a book that a reader asks to have again', () => {
  test('is a gap that ends although the connection that goes on alone has none', () => {
    const script = new MergeScript('trade')
    const [a, b] = [script.connect('a'), script.connect('b')]
    a.whole()
    b.whole()
    a.trade(1)
    script.stream.overflowed(script.now, script.now, SLOW)
    script.merge.leave(b, 'disconnected', 'over', script.now)
    script.merge.dissolve(a, script.now)
    expect(a.memory.peek(INSTRUMENT.instrument, 'trade')?.gap?.reason).toBe('overflow')
  })

  test('of the book of a connection that carried it alone before is ended by its book as it is', () => {
    const script = new MergeScript('book')
    const a = new ScriptedConnection(script, 'a')
    a.quietly(() => a.snapshot('1'))
    const record = a.memory.record(INSTRUMENT.instrument, 'book')
    record.seen = true
    record.lastData = script.now
    script.merge.adopt(a)
    a.update('2')
    script.stream.overflowed(script.now, script.now, SLOW)
    a.update('3')
    expect(script.words).toEqual(['+2', 'gap overflow', 'whole true', 'book 2', '+3'])
  })

  test('of the book of a connection that has been silent since is ended by its next message', () => {
    const script = new MergeScript('book')
    const [a, b] = script.pair(true, (connection) => connection.snapshot('1'))
    b.update('2')
    a.update('2')
    b.gap()
    script.now += 1_000_000
    script.stream.overflowed(script.now, script.now, SLOW)
    expect(script.words).toEqual(['book 1', '+2', 'gap overflow'])
    a.update('3')
    expect(script.words.slice(3)).toEqual(['whole true', 'book 3'])
  })

  test('of a book that a connection has only begun with, which may not have come by its socket, waits for what does', () => {
    const script = new MergeScript('book')
    const a = script.connect('a')
    a.whole(true)
    a.snapshot('1')
    a.update('2')
    a.gap()
    script.now += 3_000_000
    a.whole(true)
    // In the same moment, as of a session.
    script.now -= 1_000
    a.snapshot('3')
    script.stream.overflowed(script.now, script.now, SLOW)
    expect(script.words.slice(2)).toEqual(['gap disconnected', 'whole true', 'book 3', 'gap overflow'])
    a.update('4')
    expect(script.words.slice(6)).toEqual(['whole true', 'book 4'])
  })
})

/** The first of two connections of trades still delivers the past, three seconds after the second began. */
function heldUp(): [MergeScript, ScriptedConnection, ScriptedConnection] {
  const script = new MergeScript('trade')
  const [a, b] = [script.connect('a'), script.connect('b')]
  a.whole()
  a.trade(1)
  b.whole()
  script.now += 2_000_000
  b.trade(8)
  script.now += 1_000_000
  a.trade(2)
  return [script, a, b]
}

describe('trades of two connections', () => {
  test('are emitted once, from whichever is first', () => {
    const script = new MergeScript('trade')
    const [a, b] = [script.connect('a'), script.connect('b')]
    a.whole()
    a.trade(1)
    b.whole()
    b.trade(1)
    b.trade(2)
    a.trade(2)
    a.trade(3)
    b.trade(3)
    expect(script.words).toEqual(['1', '2', '3'])
  })

  test('of one that has just come wait until the other has delivered what was before them', () => {
    const script = new MergeScript('trade')
    const [a, b] = [script.connect('a'), script.connect('b')]
    a.whole()
    a.trade(1)
    b.whole()
    b.trade(4)
    b.trade(5)
    expect(script.words).toEqual(['1'])
    a.trade(2)
    a.trade(3)
    expect(script.words).toEqual(['1', '2', '3'])
    a.trade(4)
    expect(script.words).toEqual(['1', '2', '3', '4', '5'])
    b.trade(6)
    expect(script.words.at(-1)).toBe('6')
  })

  test('go on with the other’s history where one dies before it delivered all', () => {
    const script = new MergeScript('trade')
    const [a, b] = [script.connect('a'), script.connect('b')]
    a.whole()
    a.trade(1)
    for (const id of [1, 2, 3]) b.trade(id, true)
    b.whole()
    a.gap()
    expect(script.words).toEqual(['1', '(2)', '(3)'])
    b.trade(4)
    expect(script.words).toEqual(['1', '(2)', '(3)', '4'])
    expect(script.swallowed).toEqual(['disconnected'])
  })

  test('are a gap where nothing proves that the other saw all', () => {
    const script = new MergeScript('trade')
    const [a, b] = [script.connect('a'), script.connect('b')]
    a.whole()
    a.trade(1)
    b.whole()
    a.gap()
    expect(script.words).toEqual(['1', 'gap disconnected', 'whole false'])
    b.trade(5)
    expect(script.words.at(-1)).toBe('5')
  })

  test('are a gap where both are holed, healed by a history that reaches back', () => {
    const script = new MergeScript('trade')
    const [a, b] = [script.connect('a'), script.connect('b')]
    a.whole()
    b.whole()
    a.trade(1)
    b.trade(1)
    a.gap()
    b.gap('sequence')
    expect(script.words).toEqual(['1', 'gap sequence'])
    for (const id of [1, 2, 3]) a.trade(id, true)
    a.whole()
    expect(script.words).toEqual(['1', 'gap sequence', '(2)', '(3)', 'whole true'])
  })

  test('that one delivered and its gap swallowed are no news where the other emitted them, however long ago', () => {
    const script = new MergeScript('trade')
    const [a, b] = [script.connect('a'), script.connect('b')]
    a.whole()
    a.trade(1)
    b.whole()
    b.trade(2)
    b.gap()
    b.whole(true)
    a.trade(2)
    for (let id = 3; id <= 20_010; id++) for (const each of [a, b]) each.trade(id)
    b.gap()
    a.gap()
    b.trade(20_010, true)
    b.whole(true, script.now)
    expect(script.words.slice(-2)).toEqual(['gap disconnected', 'whole true'])
  })

  test('that come late by a connection that was held up are emitted as the past that they are', () => {
    const script = new MergeScript('trade')
    const [a, b] = script.pair()
    for (const connection of [a, b]) connection.trade(1)
    a.gap()
    a.whole()
    script.now += 3_000_000
    a.trade(5)
    script.now += 2_000_000
    a.trade(6)
    expect(script.words).toEqual(['1', 'gap stale', 'whole false', '5', '6'])
    for (const id of [2, 3, 4, 5]) b.trade(id)
    expect(script.words.slice(5)).toEqual(['(2)', '(3)', '(4)'])
    oracle(script.emitted)
  })

  test('of a connection that is far behind do not come before those of one that goes on', () => {
    const script = new MergeScript('trade')
    const [a, b] = script.pair()
    a.trade(1)
    b.gap()
    b.whole()
    a.trade(9)
    b.trade(3)
    script.now += 2_000_000
    a.trade(10)
    b.trade(4)
    b.trade(10)
    b.trade(11)
    expect(script.words).toEqual(['1', '9', '10', '(3)', '(4)', '11'])
  })

  test('are a gap where one that was held up still brings the past, and the other began after it', () => {
    const [script, , b] = heldUp()
    script.now += 1_000_000
    b.trade(9)
    expect(script.words).toEqual(['1', '2', 'gap stale', 'whole false', '8', '9'])
  })

  test('are a gap as well where the one that was held up is lost before that shows', () => {
    const [script, a] = heldUp()
    a.gap()
    expect(script.words).toEqual(['1', '2', 'gap disconnected', 'whole false', '8'])
  })

  test('are a gap where one is lost and the other has long been silent, until it speaks', () => {
    const script = new MergeScript('trade')
    const [a, b] = script.pair()
    for (const connection of [a, b]) connection.trade(1)
    a.trade(2)
    script.now += 3_000_000
    a.trade(3)
    a.gap()
    expect(script.words).toEqual(['1', '2', '3', 'gap disconnected'])
    for (const id of [2, 3, 4]) b.trade(id)
    expect(script.words.slice(4)).toEqual(['whole true', '4'])
  })

  test('of a history that is longer than what a standby keeps are emitted as history, each once, and do not pile up', () => {
    const script = new MergeScript('trade')
    const [a, b] = [script.connect('a'), script.connect('b')]
    a.whole()
    a.trade(1)
    b.whole()
    for (let id = 100; id < 10_200; id++) b.trade(id, true)
    const waiting = 10_200 - 100 - script.words.filter((word) => /^\(\d+\)$/.test(word)).length
    expect(waiting).toBeLessThanOrEqual(10_000)
    script.merge.leave(a, 'disconnected', 'over', script.now)
    const ids = script.words.filter((word) => /^\(?\d+\)?$/.test(word)).map((word) => word.replace(/\D/g, ''))
    expect(ids).toEqual(['1', ...Array.from({ length: 10_100 }, (_, at) => String(100 + at))])
  })

  test('are healed by the history of the one, although the other, long silent, is not known to be dead', () => {
    const script = new MergeScript('trade')
    const [a, b] = script.pair()
    for (const connection of [a, b]) connection.trade(1)
    a.trade(2)
    script.now += 3_000_000
    a.trade(3)
    a.gap()
    for (const id of [3, 4]) a.trade(id, true)
    a.whole(true)
    a.trade(5)
    expect(script.words).toEqual(['1', '2', '3', 'gap disconnected', '(4)', 'whole true', '5'])
  })

  test('that one connection delivered before the other began are emitted as the past that they are', () => {
    const script = new MergeScript('trade')
    const [a, b] = [script.connect('a'), script.connect('b')]
    a.whole()
    a.trade(2)
    b.whole()
    b.trade(3_600_000_000)
    for (const id of [1, 2, 3]) b.trade(id)
    expect(script.words).toEqual(['2', '(3600000000)', '(1)', '3'])
  })

  test('of a history that comes among news are emitted, whatever the other connection delivers of the news', () => {
    const script = new MergeScript('trade')
    const [a, b] = script.pair()
    for (const connection of [a, b]) connection.trade(1)
    b.gap()
    b.trade(1, true)
    b.whole(true)
    a.trade(2)
    b.trade(3)
    b.trade(4, true)
    b.trade(5)
    a.trade(3)
    script.now += 2_000_000
    b.trade(6)
    for (const id of [4, 5, 6, 7]) a.trade(id)
    expect(script.words).toEqual(['1', '2', '3', '(4)', '5', '6', '7'])
  })

  test('are a gap where the other is lost unseen, although it delivered a later hour', () => {
    const script = new MergeScript('trade')
    const [a, b] = script.pair()
    b.gap()
    a.trade(3_600_000_000)
    script.now += 5_000_000
    b.whole()
    b.trade(7)
    script.now += 2_000_000
    b.trade(8)
    script.now += 30_000_000
    b.trade(9)
    expect(script.words.slice(1)).toEqual(['gap stale', '(7)', '(8)', 'whole false', '9'])
  })

  test('that waited as their connection had a gap are emitted, for it does not deliver them again', () => {
    const script = new MergeScript('trade')
    const [a, b] = [script.connect('a'), script.connect('b')]
    a.whole()
    a.trade(1)
    b.whole()
    b.trade(3)
    b.gap('sequence')
    b.trade(1, true)
    b.trade(2, true)
    b.whole(true)
    script.now += 2_000_000
    b.trade(4)
    expect(script.words).toEqual(['1', '3', '(2)', '4'])
  })

  test('that waited are emitted before what their connection fetches once the other is lost', () => {
    const script = new MergeScript('trade')
    const [a, b] = [script.connect('a'), script.connect('b')]
    a.whole()
    a.trade(1)
    b.whole()
    b.trade(2)
    const lost = script.now
    b.gap()
    a.gap()
    b.trade(3, true)
    b.whole(true, lost)
    b.trade(4)
    expect(script.words).toEqual(['1', 'gap disconnected', '(2)', '(3)', 'whole true', '4'])
  })

  test('of a gap that one connection had long ago heal no later one', () => {
    const script = new MergeScript('trade')
    const a = script.connect('a')
    a.whole()
    a.trade(1)
    a.gap()
    a.trade(1, true)
    a.trade(2, true)
    a.whole(true)
    a.gap()
    a.trade(90, true)
    a.whole()
    expect(script.words).toEqual([
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
    const [script, taker] = [new MergeScript('trade'), new MergeScript('trade')]
    const [a, b] = [script.connect('a'), taker.connect('b')]
    a.whole()
    a.trade(1)
    const record = script.stream.release(script.now)
    expect(script.words).toEqual(['1', 'gap disconnected'])
    taker.stream.inherit(record)
    b.trade(1, true)
    b.trade(2, true)
    b.whole()
    expect(taker.words).toEqual(['(2)', 'whole true'])
  })

  test('come through whatever the two connections do (any interleaving, with resets that history heals)', () => {
    const turn = fc.record({
      which: fc.nat(1),
      act: fc.oneof({ weight: 12, arbitrary: fc.constant('read') }, fc.constant('reset')),
      steps: fc.integer({ min: 1, max: 4 }),
    })
    fc.assert(
      fc.property(fc.array(turn, { minLength: 5, maxLength: 80 }), (turns) => {
        const script = new MergeScript('trade')
        const connections = [script.connect('a'), script.connect('b')]
        let truth = 1
        const at = [0, 0]
        const connect = (index: number) => {
          // The venue's history goes back to the beginning; the connection may be behind what the other has read.
          for (let id = 1; id <= truth; id++) connections[index]?.trade(id, true)
          connections[index]?.whole(true)
          at[index] = truth
        }
        connect(0)
        connect(1)
        for (const { which, act, steps } of turns) {
          if (act === 'reset') {
            connections[which]?.gap()
            connect(which)
            continue
          }
          for (let step = 0; step < steps; step++) {
            const next = (at[which] ?? 0) + 1
            truth = Math.max(truth, next)
            at[which] = next
            connections[which]?.trade(next)
          }
        }
        for (const index of [0, 1]) {
          for (let next = (at[index] ?? 0) + 1; next <= truth; next++) connections[index]?.trade(next)
        }
        oracle(script.emitted)
        const ids = script.emitted.filter((event) => event.type === 'trade').map(({ id }) => Number(id))
        expect(ids).toEqual(Array.from({ length: truth }, (_, index) => index + 1))
        expect(script.words.filter((word) => word.startsWith('gap'))).toEqual([])
      }),
    )
  })
})

describe('liquidations of two connections', () => {
  test('that are alike in everything are each emitted once', () => {
    const script = new MergeScript('liquidation')
    const [a, b] = script.pair()
    for (const connection of [a, b]) for (let times = 0; times < 2; times++) connection.liquidation('1')
    b.liquidation('2')
    a.liquidation('2')
    expect(script.words).toEqual(['l1', 'l1', 'l2'])
  })
})

describe('the ids of what was emitted', () => {
  test('are remembered until twenty thousand others came', () => {
    const script = new MergeScript('trade')
    const [a, b] = script.pair()
    for (let id = 1; id <= 20_001; id++) a.trade(id)
    expect(script.words.filter((word) => /^\d+$/.test(word))).toHaveLength(20_001)
    const { length } = script.emitted
    b.trade(2)
    b.trade(20_001)
    expect(script.emitted).toHaveLength(length)
    b.trade(1)
    expect(script.emitted).toHaveLength(length + 1)
  })
})
