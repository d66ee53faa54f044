import { describe, expect, it } from 'vitest'
import { UsageError } from '../../../src/errors.js'
import { checkFaultPlan, parseFaultPlan } from '../../../src/simulator/fault-plan.js'
import { FaultTrigger } from '../../../src/simulator/fault-trigger.js'
import { SeededRandom } from '../../../src/simulator/random.js'

describe('a fault plan', () => {
  it('reads the same from JSON, from a bare list and from a flag', () => {
    const plan = parseFaultPlan(
      '{"faults":[{"fault":"drop","chance":0.01,"match":"trade"},{"fault":"close","atMs":5000,"code":null,"reason":"back; soon"}]}',
    )
    expect(plan.faults).toEqual([
      { fault: 'drop', chance: 0.01, match: 'trade' },
      { fault: 'close', atMs: 5000, code: null, reason: 'back; soon', pick: 'all' },
    ])
    expect(
      parseFaultPlan(
        ' [{"fault":"drop","chance":0.01,"match":"trade"},\n{"fault":"close","atMs":5000,"code":null,"reason":"back; soon"}]',
      ),
    ).toEqual(plan)
    expect(
      parseFaultPlan('drop chance=0.01 match=trade; close atMs=5000 code=null reason="back; soon";'),
    ).toEqual(plan)
    expect(checkFaultPlan(plan)).toEqual(plan)
    expect(parseFaultPlan('')).toEqual({ faults: [] })
    expect(parseFaultPlan('drop match="123" connection=[0,2]').faults[0]).toMatchObject({
      match: '123',
      connection: [0, 2],
    })
  })

  it.each([
    ['dorp', 'option faults.0.fault is no fault; did you mean drop? (got "dorp")'],
    ['[1]', 'must be a fault with its name'],
    ['{"fault":"drop"}', 'option faults must be the list of faults'],
    ['drop chance=2', 'faults.0.chance'],
    ['drop colour=red', 'colour'],
    ['drop match=(', 'must be a regular expression'],
    ['close', 'needs a trigger: atMs, afterMs, everyMs or chance'],
    ['unreachable', 'needs a trigger'],
    ['close atMs=1 chance=0.5', 'chance cannot stand beside atMs: a fault has one trigger'],
    ['close atMs=1 code=999', 'faults.0.code'],
    ['close atMs=1 nth=2', 'nth'],
    ['edit find=a', 'faults.0.replace'],
    ['drop chance', 'expected key=value at "chance"'],
    ['chance=1', 'expected the name of a fault at "chance=1"'],
    ['[{"fault":"drop"', 'is not JSON'],
    ['{"faults":[],"sed":1}', 'sed'],
  ])('says what is wrong with: %s', (text, message) => {
    expect(() => parseFaultPlan(text)).toThrow(message)
    expect(() => parseFaultPlan(text)).toThrow(UsageError)
  })
})

describe('a trigger', () => {
  const target = (connection: number | null = 0, openedAt: number | null = 0) => ({
    path: '/ws',
    connection,
    openedAt,
  })
  const moments = (when: ConstructorParameters<typeof FaultTrigger>[0], untilMs: number, stepMs = 10) => {
    const trigger = new FaultTrigger(when, new SeededRandom(1))
    const one = target()
    const hits: number[] = []
    for (let elapsed = 0; elapsed <= untilMs; elapsed += stepMs) {
      if (trigger.onMoment([one], elapsed, stepMs, elapsed * 1000).length > 0) hits.push(elapsed)
    }
    return hits
  }

  it('strikes once at its moment, or so often as it may', () => {
    expect(moments({ atMs: 55 }, 200)).toEqual([60])
    expect(moments({ atMs: 55, times: 2 }, 200)).toEqual([60, 70])
  })

  it('keeps its pace within its window', () => {
    expect(moments({ everyMs: 50 }, 200)).toEqual([50, 100, 150, 200])
    expect(moments({ everyMs: 50, fromMs: 60, untilMs: 170 }, 300)).toEqual([60, 110, 160])
    expect(moments({ everyMs: 50, times: 2 }, 300)).toEqual([50, 100])
    expect(moments({ everyMs: 5 }, 30)).toEqual([10, 20, 30])
  })

  it('strikes each connection once at its age', () => {
    const trigger = new FaultTrigger({ afterMs: 100 }, new SeededRandom(1))
    const [old, young] = [target(0, 0), target(1, 500_000)]
    expect(trigger.onMoment([old, young], 150, 10, 150_000)).toEqual([old])
    expect(trigger.onMoment([old, young], 599, 10, 599_000)).toEqual([])
    expect(trigger.onMoment([old, young], 600, 10, 600_000)).toEqual([young])
    expect(trigger.onMoment([old, young], 9000, 10, 9_000_000)).toEqual([])
  })

  it('strikes no more often than it may, also at one moment', () => {
    const trigger = new FaultTrigger({ afterMs: 0, times: 2 }, new SeededRandom(1))
    const all = [target(0), target(1), target(2)]
    expect(trigger.onMoment(all, 10, 10, 10_000)).toEqual(all.slice(0, 2))
    expect(trigger.onMoment(all, 20, 10, 20_000)).toEqual([])
  })

  it('strikes by chance as often a second, whatever the step', () => {
    for (const stepMs of [5, 50, 500]) {
      const hits = moments({ chance: 0.25 }, 4_000_000, stepMs).length
      expect(hits).toBeGreaterThan(4000 * 0.2)
      expect(hits).toBeLessThan(4000 * 0.32)
    }
  })

  it('strikes by chance on each occasion, up to its number of times', () => {
    const trigger = new FaultTrigger({ chance: 0.1, times: 300 }, new SeededRandom(4))
    let hits = 0
    let at500 = 0
    for (let occasion = 0; occasion < 10_000; occasion++) {
      if (trigger.onOccasion(target(), occasion, occasion)) hits++
      if (occasion === 999) at500 = hits
    }
    expect(at500).toBeGreaterThan(60)
    expect(at500).toBeLessThan(140)
    expect(hits).toBe(300)
  })

  it('counts occasions on each connection, and only those that fit', () => {
    const trigger = new FaultTrigger({ nth: 2, match: '^t', connection: [0, 2] }, new SeededRandom(1))
    const [zero, one, two] = [target(0), target(1), target(2)]
    const strikes = (who: typeof zero, text: string) => trigger.onOccasion(who, 0, 0, text)
    expect([strikes(zero, 'tick'), strikes(zero, 'x'), strikes(one, 'tick'), strikes(one, 'tick')]).toEqual([
      false,
      false,
      false,
      false,
    ])
    expect([
      strikes(zero, 'tock'),
      strikes(two, 'tick'),
      strikes(two, 'tick'),
      strikes(zero, 'tick'),
    ]).toEqual([true, false, true, false])
  })
})
