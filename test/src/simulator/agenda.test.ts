import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Agenda, type Appointment } from '../../../src/simulator/agenda.js'

describe('an agenda', () => {
  it('happens in order of time, then of entry, without what was cancelled', () => {
    const actions = fc.array(
      fc.oneof(
        { weight: 6, arbitrary: fc.record({ do: fc.constant('add' as const), at: fc.nat(1000) }) },
        { weight: 3, arbitrary: fc.record({ do: fc.constant('cancel' as const), which: fc.nat(10_000) }) },
        { weight: 1, arbitrary: fc.record({ do: fc.constant('run' as const), until: fc.nat(100) }) },
      ),
      { minLength: 100, maxLength: 400, size: 'max' },
    )
    fc.assert(
      fc.property(actions, (all) => {
        const agenda = new Agenda()
        const ran: number[] = []
        const entered: Appointment[] = []
        let model: { at: number; id: number }[] = []
        const expected: number[] = []
        for (const action of all) {
          if (action.do === 'add') {
            const id = entered.length
            entered.push(agenda.add(action.at, () => ran.push(id)))
            model.push({ at: action.at, id })
          } else if (action.do === 'cancel') {
            const which = action.which % Math.max(1, entered.length)
            entered[which]?.cancel()
            model = model.filter(({ id }) => id !== which)
          } else {
            agenda.runUntil(action.until)
            const due = model.filter(({ at }) => at <= action.until)
            due.sort((a, b) => a.at - b.at || a.id - b.id)
            expected.push(...due.map(({ id }) => id))
            model = model.filter(({ at }) => at > action.until)
          }
          expect(agenda.size).toBe(model.length)
          expect(agenda.next).toBe(model.length === 0 ? null : Math.min(...model.map(({ at }) => at)))
        }
        agenda.runUntil(1000)
        model.sort((a, b) => a.at - b.at || a.id - b.id)
        expect(ran).toEqual([...expected, ...model.map(({ id }) => id)])
      }),
    )
  })

  it('also runs what is entered on the way', () => {
    const agenda = new Agenda()
    const ran: string[] = []
    agenda.add(1, (at) => {
      ran.push(`first ${at}`)
      agenda.add(2, (later) => ran.push(`then ${later}`))
    })
    agenda.add(9, () => ran.push('too late'))
    agenda.runUntil(5)
    expect(ran).toEqual(['first 1', 'then 2'])
    agenda.clear()
    expect([agenda.size, agenda.next, agenda.take()]).toEqual([0, null, null])
  })
})
