import { describe, expect, test } from 'vitest'
import { StreamGap } from '../../../src/session/stream-gap.js'
import { INSTRUMENT, MergeScript } from './merge-script.js'

describe('quotes of two connections', () => {
  test('come from one, and never repeat what a slower one still delivers', () => {
    const script = new MergeScript('quote')
    const [a, b] = [script.connect('a'), script.connect('b')]
    a.whole()
    b.whole()
    for (const amount of ['1', '2', '3']) a.quote(amount)
    b.quote('1')
    a.gap()
    for (const amount of ['2', '3', '4']) b.quote(amount)
    expect(script.words).toEqual(['q1', 'q2', 'q3', 'q4'])
  })

  test('of one that is ahead go on with its last', () => {
    const script = new MergeScript('quote')
    const [a, b] = [script.connect('a'), script.connect('b')]
    a.whole()
    b.whole()
    a.quote('1')
    b.quote('1')
    b.quote('2')
    a.gap()
    b.quote('3')
    expect(script.words).toEqual(['q1', 'q2', 'q3'])
  })
})

describe('candles of two connections', () => {
  test('lose none that closed between what one delivered last and what the other delivers next', () => {
    const script = new MergeScript('candle')
    const [a, b] = [script.connect('a'), script.connect('b')]
    for (const connection of [a, b]) {
      connection.whole()
      connection.candle(60, '2')
    }
    b.candle(60, '3', true)
    b.candle(120, '4')
    a.gap()
    b.candle(120, '5')
    expect(script.words).toEqual(['60 2', '60 closed 3', '120 4', '120 5'])
  })

  test('are not emitted again where the other was ahead and is not any more', () => {
    const script = new MergeScript('candle')
    const [a, b] = [script.connect('a'), script.connect('b')]
    for (const connection of [a, b]) {
      connection.whole()
      connection.candle(60, '2')
    }
    b.candle(60, '3', true)
    b.candle(120, '4')
    a.candle(60, '2.5')
    a.candle(60, '3', true)
    a.candle(120, '4.5')
    a.gap()
    b.candle(120, '5')
    expect(script.words).toEqual(['60 2', '60 2.5', '60 closed 3', '120 4.5', '120 5'])
  })
})

describe('quotes that come twice', () => {
  test('are emitted in the order in which they came, whichever connection goes on with them', () => {
    const script = new MergeScript('quote')
    const [a, b] = [script.connect('a'), script.connect('b')]
    a.whole()
    b.whole()
    a.quote('1')
    for (const amount of ['1', '2', '3', '2', '4']) b.quote(amount)
    a.gap()
    expect(script.words).toEqual(['q1', 'q2', 'q3', 'q2', 'q4'])
  })
})

describe('a stream in which nothing happens', () => {
  test('goes over to a successor that has been there for long enough, without a word', () => {
    const script = new MergeScript('liquidation')
    const a = script.connect('a')
    a.whole()
    const b = script.connect('b')
    script.merge.prefer(b, script.now)
    b.whole()
    script.merge.settle(script.now + 1_900_000)
    expect(script.merge.ledBy(b)).toBe(false)
    script.now += 2_000_000
    script.merge.settle(script.now)
    expect(script.merge.ledBy(b)).toBe(true)
    script.merge.leave(a, 'disconnected', 'over', script.now)
    expect(script.words).toEqual([])
  })

  test('of states goes over to a successor that was granted it', () => {
    const script = new MergeScript('candle')
    const a = script.connect('a')
    a.whole()
    a.candle(60, '1')
    const b = script.connect('b')
    const record = b.memory.record(INSTRUMENT.instrument, 'candle')
    record.gap = new StreamGap('disconnected', null)
    record.acked = script.now
    script.merge.prefer(b, script.now)
    script.now += 2_000_000
    script.merge.settle(script.now)
    script.merge.leave(a, 'disconnected', 'over', script.now)
    expect(record.gap).toBeNull()
    b.candle(60, '2')
    expect(script.words).toEqual(['60 1', '60 2'])
  })
})
