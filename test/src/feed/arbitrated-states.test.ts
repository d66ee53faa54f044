import { describe, expect, test } from 'vitest'
import { StreamGap } from '../../../src/session/stream-gap.js'
import { Court, INSTRUMENT } from './court.js'

describe('quotes of two lines', () => {
  test('follow one, and never repeat what a slower one still tells', () => {
    const court = new Court('quote')
    const [a, b] = [court.leg('a'), court.leg('b')]
    a.whole()
    b.whole()
    for (const amount of ['1', '2', '3']) a.quote(amount)
    b.quote('1')
    a.gap()
    for (const amount of ['2', '3', '4']) b.quote(amount)
    expect(court.words).toEqual(['q1', 'q2', 'q3', 'q4'])
  })

  test('of one that is ahead go on with its last', () => {
    const court = new Court('quote')
    const [a, b] = [court.leg('a'), court.leg('b')]
    a.whole()
    b.whole()
    a.quote('1')
    b.quote('1')
    b.quote('2')
    a.gap()
    b.quote('3')
    expect(court.words).toEqual(['q1', 'q2', 'q3'])
  })
})

describe('candles of two lines', () => {
  test('lose none that closed between what one told last and what the other tells next', () => {
    const court = new Court('candle')
    const [a, b] = [court.leg('a'), court.leg('b')]
    for (const line of [a, b]) {
      line.whole()
      line.candle(60, '2')
    }
    b.candle(60, '3', true)
    b.candle(120, '4')
    a.gap()
    b.candle(120, '5')
    expect(court.words).toEqual(['60 2', '60 closed 3', '120 4', '120 5'])
  })

  test('are not told again where the other was ahead and is not any more', () => {
    const court = new Court('candle')
    const [a, b] = [court.leg('a'), court.leg('b')]
    for (const line of [a, b]) {
      line.whole()
      line.candle(60, '2')
    }
    b.candle(60, '3', true)
    b.candle(120, '4')
    a.candle(60, '2.5')
    a.candle(60, '3', true)
    a.candle(120, '4.5')
    a.gap()
    b.candle(120, '5')
    expect(court.words).toEqual(['60 2', '60 2.5', '60 closed 3', '120 4.5', '120 5'])
  })
})

describe('quotes that come twice', () => {
  test('are told in the order in which they came, whichever line goes on with them', () => {
    const court = new Court('quote')
    const [a, b] = [court.leg('a'), court.leg('b')]
    a.whole()
    b.whole()
    a.quote('1')
    for (const amount of ['1', '2', '3', '2', '4']) b.quote(amount)
    a.gap()
    expect(court.words).toEqual(['q1', 'q2', 'q3', 'q2', 'q4'])
  })
})

describe('a stream in which nothing happens', () => {
  test('goes over to a successor that has been there for long enough, without a word', () => {
    const court = new Court('liquidation')
    const a = court.leg('a')
    a.whole()
    const b = court.leg('b')
    court.arbiter.prefer(b)
    b.whole()
    court.arbiter.settle(court.now + 1_900_000)
    expect(court.arbiter.ledBy(b)).toBe(false)
    court.now += 2_000_000
    court.arbiter.settle(court.now)
    expect(court.arbiter.ledBy(b)).toBe(true)
    court.arbiter.leave(a, 'disconnected', 'over', court.now)
    expect(court.words).toEqual([])
  })

  test('of states goes over to a successor that was granted it', () => {
    const court = new Court('candle')
    const a = court.leg('a')
    a.whole()
    a.candle(60, '1')
    const b = court.leg('b')
    const record = b.memory.record(INSTRUMENT.instrument, 'candle')
    record.gap = new StreamGap('disconnected', null)
    record.acked = court.now
    court.arbiter.prefer(b)
    court.now += 2_000_000
    court.arbiter.settle(court.now)
    court.arbiter.leave(a, 'disconnected', 'over', court.now)
    expect(record.gap).toBeNull()
    b.candle(60, '2')
    expect(court.words).toEqual(['60 1', '60 2'])
  })
})
