import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DialBudget } from '../../../src/socket/dial-budget.js'
import { settle, VirtualClock } from './virtual.js'

/** Asks for a dial and notes when it was granted. */
function ask(
  budget: DialBudget,
  clock: VirtualClock,
  perMinute: number,
  granted: number[],
  host = 'venue.test',
) {
  void budget.acquire(host, perMinute).then(() => granted.push(clock.elapsedMs))
}

function busiestMinute(timesMs: readonly number[]): number {
  return Math.max(
    0,
    ...timesMs.map((from) => timesMs.filter((time) => time >= from && time < from + 60_000).length),
  )
}

describe('the budget of a host', () => {
  it('is never exceeded in any minute, however the dials are asked for and refused, and every dial gets its turn', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 60 }),
        fc.array(
          fc.record({
            afterMs: fc.integer({ min: 0, max: 90_000 }),
            dials: fc.integer({ min: 1, max: 30 }),
            refused: fc.boolean(),
          }),
          {
            minLength: 1,
            maxLength: 8,
          },
        ),
        async (perMinute, bursts) => {
          const clock = new VirtualClock()
          const budget = new DialBudget(clock)
          const granted: number[] = []
          let asked = 0
          for (const { afterMs, dials, refused } of bursts) {
            await clock.advance(afterMs)
            budget.accepted('venue.test')
            if (refused) budget.refused('venue.test')
            for (let dial = 0; dial < dials; dial++) ask(budget, clock, perMinute, granted)
            asked += dials
          }
          // What is learned is five a minute at the least.
          await clock.advance((asked / Math.min(perMinute, 4) + 2) * 90_000)
          expect(granted).toHaveLength(asked)
          expect(busiestMinute(granted)).toBeLessThanOrEqual(perMinute)
          expect(clock.pending).toBe(0)
        },
      ),
      { numRuns: 60 },
    )
  })

  it('is never exceeded either as a lower limit is learned', async () => {
    const clock = new VirtualClock()
    const budget = new DialBudget(clock)
    const granted: number[] = []
    for (let dial = 0; dial < 40; dial++) ask(budget, clock, 10, granted)
    await clock.advance(56_000)
    budget.accepted('venue.test')
    budget.refused('venue.test')
    await clock.advance(120_000)
    expect(busiestMinute(granted)).toBeLessThanOrEqual(10)
  })

  it('grants a quarter of a minute at once and spreads the rest', async () => {
    const clock = new VirtualClock()
    const budget = new DialBudget(clock)
    const granted: number[] = []
    for (let dial = 0; dial < 40; dial++) ask(budget, clock, 20, granted)
    await clock.advance(0)
    expect(granted).toEqual([0, 0, 0, 0, 0])
    await clock.advance(60_000)
    expect(granted.length).toBeGreaterThanOrEqual(20)
  })

  it('is each host its own', async () => {
    const clock = new VirtualClock()
    const budget = new DialBudget(clock)
    const granted: number[] = []
    for (const host of ['a.test', 'b.test', 'c.test']) ask(budget, clock, 1, granted, host)
    await settle()
    expect(granted).toHaveLength(3)
  })

  it('serves first come first served', async () => {
    const clock = new VirtualClock()
    const budget = new DialBudget(clock)
    const order: number[] = []
    for (const number of [1, 2, 3]) void budget.acquire('venue.test', 1).then(() => order.push(number))
    await clock.advance(180_000)
    expect(order).toEqual([1, 2, 3])
  })

  it('is the lowest that any caller names, and lower still once the venue taught so', async () => {
    const clock = new VirtualClock()
    const budget = new DialBudget(clock)
    budget.learn('venue.test', 2)
    const granted: number[] = []
    for (let dial = 0; dial < 6; dial++) ask(budget, clock, 60, granted)
    await clock.advance(10 * 60_000)
    expect(granted).toHaveLength(6)
    expect(busiestMinute(granted)).toBe(2)
  })

  it('is forgotten with a host that is at rest, and not before its rate allows the same again', async () => {
    const clock = new VirtualClock()
    const budget = new DialBudget(clock)
    /** Dials of 40 that are granted at once: a quarter of the limit, less what was used. */
    const atOnce = async () => {
      const granted: number[] = []
      const dials = Array.from({ length: 40 }, () => new AbortController())
      for (const [dial, { signal }] of dials.entries()) {
        void budget.acquire('venue.test', 40, signal).then(
          () => granted.push(dial),
          () => {},
        )
      }
      await settle()
      for (const dial of dials) dial.abort()
      await settle()
      return granted.length
    }
    ask(budget, clock, 8, [])
    await clock.advance(1_000)
    ask(budget, clock, 1, [], 'other.test')
    expect(await atOnce()).toBe(1)
    await clock.advance(10 * 60_000)
    ask(budget, clock, 1, [], 'third.test')
    expect(await atOnce()).toBe(10)
  })

  it('is a tenth less than what the host took in the minute in which it refused one more', async () => {
    const clock = new VirtualClock()
    const budget = new DialBudget(clock)
    const granted: number[] = []
    for (let dial = 0; dial < 20; dial++) ask(budget, clock, 60, granted)
    await clock.advance(0)
    expect(granted).toHaveLength(15)
    for (let taken = 0; taken < 6; taken++) budget.accepted('venue.test')
    for (let refused = 0; refused < 9; refused++) budget.refused('venue.test')
    expect(budget.learned).toEqual({ 'venue.test': 5 })
    await clock.advance(61_000)
    granted.length = 0
    for (let dial = 0; dial < 20; dial++) ask(budget, clock, 60, granted)
    await clock.advance(10 * 60_000)
    expect(busiestMinute(granted)).toBeLessThanOrEqual(5)
  })

  it('is not learned where a host refuses after a few: that is of the moment', async () => {
    const clock = new VirtualClock()
    const budget = new DialBudget(clock)
    const granted: number[] = []
    for (let dial = 0; dial < 5; dial++) ask(budget, clock, 60, granted)
    await clock.advance(0)
    for (let taken = 0; taken < 4; taken++) budget.accepted('venue.test')
    budget.refused('venue.test')
    expect(budget.learned).toEqual({})
  })

  it('wears off: a quarter of an hour without a refusal doubles what was learned', async () => {
    const clock = new VirtualClock()
    const budget = new DialBudget(clock)
    budget.learn('venue.test', 5)
    await clock.advance(14 * 60_000)
    expect(budget.learned).toEqual({ 'venue.test': 5 })
    await clock.advance(60_000)
    expect(budget.learned).toEqual({ 'venue.test': 10 })
    const granted: number[] = []
    for (let dial = 0; dial < 20; dial++) ask(budget, clock, 60, granted)
    await clock.advance(3 * 60_000)
    expect(busiestMinute(granted)).toBe(10)
  })

  it('is not learned from a host that refuses everything: that is about something older', async () => {
    const clock = new VirtualClock()
    const budget = new DialBudget(clock)
    const granted: number[] = []
    for (let dial = 0; dial < 5; dial++) ask(budget, clock, 60, granted)
    await clock.advance(0)
    for (let refused = 0; refused < 5; refused++) budget.refused('venue.test')
    expect(budget.learned).toEqual({})
  })

  it('holds a host for as long as Retry-After says, and then goes on at its pace', async () => {
    const clock = new VirtualClock()
    const budget = new DialBudget(clock)
    const granted: number[] = []
    budget.hold('venue.test', 5_000)
    budget.hold('venue.test', 1_000)
    ask(budget, clock, 60, granted)
    expect(budget.delayMs('venue.test', 60)).toBeGreaterThanOrEqual(5_000)
    await clock.advance(4_999)
    expect(granted).toEqual([])
    await clock.advance(1)
    expect(granted).toEqual([5_000])
  })

  it('foretells the wait', async () => {
    const clock = new VirtualClock()
    const budget = new DialBudget(clock)
    const granted: number[] = []
    expect(budget.delayMs('venue.test', 1)).toBe(0)
    ask(budget, clock, 1, granted)
    expect(budget.delayMs('venue.test', 1)).toBe(60_000)
    ask(budget, clock, 1, granted)
    expect(budget.delayMs('venue.test', 1)).toBe(120_000)
    await clock.advance(60_000)
    expect(granted).toEqual([0, 60_000])
  })

  it('grants nothing because the clock was set', async () => {
    const clock = new VirtualClock()
    const budget = new DialBudget(clock)
    const granted: number[] = []
    ask(budget, clock, 1, granted)
    clock.wallOffsetMs += 3_600_000
    ask(budget, clock, 1, granted)
    await clock.advance(59_999)
    expect(granted).toEqual([0])
  })

  it('lets a place in the queue go when it is no longer wanted, at once or later', async () => {
    const clock = new VirtualClock()
    const budget = new DialBudget(clock)
    const granted: number[] = []
    const reason = new Error('not any more')
    await expect(budget.acquire('venue.test', 1, AbortSignal.abort(reason))).rejects.toBe(reason)
    ask(budget, clock, 1, granted)
    const controller = new AbortController()
    const waiting = budget.acquire('venue.test', 1, controller.signal)
    ask(budget, clock, 1, granted)
    controller.abort(reason)
    await expect(waiting).rejects.toBe(reason)
    expect(budget.waiting).toBe(1)
    await clock.advance(60_000)
    expect(granted).toEqual([0, 60_000])
    expect(clock.pending).toBe(0)
  })

  it('keeps no timer while nobody waits, so that it keeps no process alive', async () => {
    const clock = new VirtualClock()
    const budget = new DialBudget(clock)
    await budget.acquire('venue.test', 1)
    expect(clock.pending).toBe(0)
  })
})
