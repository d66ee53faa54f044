import { beforeEach, describe, expect, test } from 'vitest'
import { Alarms } from '../../../src/session/alarms.js'

const MS = 1000

let wakes: (number | null)[]
let rang: string[]
let alarms: Alarms

beforeEach(() => {
  wakes = []
  rang = []
  alarms = new Alarms(
    (at) => wakes.push(at),
    (at) => at,
  )
})

const set = (name: string, from: number, delayMs: number) =>
  alarms.set(name, from, delayMs, (at) => rang.push(`${name} ${at / MS}`))

describe('the alarms of a session', () => {
  test('ask to be woken for the earliest of them, and for the next when that is over', () => {
    set('late', 0, 30)
    set('early', 0, 10)
    set('later', 0, 40)
    expect(wakes).toEqual([30 * MS, 10 * MS])
    alarms.tick(10 * MS)
    expect(wakes.at(-1)).toBe(30 * MS)
    alarms.tick(30 * MS)
    alarms.tick(40 * MS)
    expect(rang).toEqual(['early 10', 'late 30', 'later 40'])
    expect(alarms.has('later')).toBe(false)
  })

  test('go off once, in order of time where several are due, and may be set again each time', () => {
    for (let round = 0; round < 3; round++) {
      const from = round * 100 * MS
      set('b', from, 20)
      set('a', from, 10)
      expect(wakes.at(-1)).toBe(from + 10 * MS)
      alarms.tick(from + 9 * MS)
      expect(rang).toEqual([])
      alarms.tick(from + 50 * MS)
      alarms.tick(from + 60 * MS)
      expect(rang).toEqual([`a ${round * 100 + 50}`, `b ${round * 100 + 50}`])
      rang.length = 0
    }
  })

  test('that set themselves again wake the session again', () => {
    const every = (from: number) =>
      alarms.set('beat', from, 10, (at) => {
        rang.push(`beat ${at / MS}`)
        every(at)
      })
    every(0)
    for (const at of [10, 20, 30]) {
      expect(wakes.at(-1)).toBe(at * MS)
      alarms.tick(at * MS)
    }
    expect(rang).toEqual(['beat 10', 'beat 20', 'beat 30'])
  })

  test('ask again where the session was woken too early', () => {
    set('late', 0, 30)
    alarms.tick(29 * MS)
    expect(wakes).toEqual([30 * MS, 30 * MS])
    expect(rang).toEqual([])
  })

  test('that are moved go off at the new time alone', () => {
    set('moved', 0, 10)
    set('moved', 0, 30)
    expect(wakes.at(-1)).toBe(30 * MS)
    alarms.tick(20 * MS)
    expect(rang).toEqual([])
    alarms.tick(30 * MS)
    expect(rang).toEqual(['moved 30'])
  })

  test('that are cleared do not go off, not even by an alarm that is due with them', () => {
    set('gone', 0, 10)
    alarms.clear('gone')
    expect(wakes).toEqual([10 * MS, null])
    alarms.set('first', 0, 20, () => {
      rang.push('first')
      alarms.clear('second')
    })
    set('second', 0, 20)
    alarms.tick(50 * MS)
    expect(rang).toEqual(['first'])
    set('a', 0, 60)
    set('b', 0, 70)
    alarms.clearAll()
    expect(wakes.at(-1)).toBe(null)
    alarms.tick(100 * MS)
    expect(rang).toEqual(['first'])
  })

  test('are not set where there is no clock', () => {
    alarms.set('never', null, 10, () => rang.push('never'))
    expect([alarms.has('never'), wakes]).toEqual([false, []])
  })
})
