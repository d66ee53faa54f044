import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { systemClock } from '../../../src/socket/clock.js'

const START_MS = 1_800_000_000_000

/** A machine whose wall clock may be anywhere, and whose monotonic clock alone is even. */
function machine() {
  const state = { trueMs: 0, wallOffsetMs: 0, drift: 0 }
  const clock = systemClock({
    wallMs: () => Math.floor(START_MS + state.trueMs + state.wallOffsetMs),
    monotonicMs: () => 12_345.678 + state.trueMs * (1 + state.drift),
  })
  return { state, clock, wall: () => (START_MS + state.trueMs + state.wallOffsetMs) * 1000 }
}

describe('the time of day', () => {
  it('resolves microseconds between two looks at the wall clock', () => {
    const { state, clock } = machine()
    const before = clock.now()
    state.trueMs += 0.123
    expect(clock.now() - before).toBe(123)
    expect(Number.isInteger(clock.now())).toBe(true)
  })

  it('never goes back, whatever is done to the machine', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({
            passesMs: fc.oneof(
              fc.double({ min: 0, max: 5_000, noNaN: true }),
              fc.double({ min: 0, max: 0.001, noNaN: true }),
              fc.double({ min: 999.9995, max: 1_000.0005, noNaN: true }),
            ),
            setByMs: fc.oneof(fc.constant(0), fc.integer({ min: -10_000_000, max: 10_000_000 })),
          }),
          { maxLength: 100 },
        ),
        fc.double({ min: -1e-4, max: 1e-4, noNaN: true }),
        (steps, drift) => {
          const { state, clock } = machine()
          state.drift = drift
          let last = clock.now()
          for (const { passesMs, setByMs } of steps) {
            state.trueMs += passesMs
            state.wallOffsetMs += setByMs
            const now = clock.now()
            expect(now).toBeGreaterThanOrEqual(last)
            last = now
          }
        },
      ),
    )
  })

  it('stays with the wall clock over months, though the monotonic clock drifts by 50 ppm', () => {
    for (const drift of [-5e-5, 5e-5]) {
      const { state, clock, wall } = machine()
      state.drift = drift
      for (let minute = 0; minute < 60 * 24 * 90; minute += 7) {
        state.trueMs += 7 * 60_000
        clock.now()
      }
      for (let second = 0; second < 60; second++) {
        state.trueMs += 1_001
        clock.now()
      }
      expect(Math.abs(clock.now() - wall())).toBeLessThan(2_500)
    }
  })

  it('leaps ahead when the clock is set ahead, or the machine slept', () => {
    const { state, clock, wall } = machine()
    clock.now()
    state.wallOffsetMs += 3_600_000
    state.trueMs += 1_000
    expect(Math.abs(clock.now() - wall())).toBeLessThanOrEqual(1_000)
  })

  it('runs slower, and never stands, until a clock that was set back has caught up', () => {
    const { state, clock, wall } = machine()
    clock.now()
    state.wallOffsetMs -= 30_000
    state.trueMs += 1_000
    let last = clock.now()
    let seconds = 0
    while (clock.now() - wall() > 2_000 && seconds++ < 1_000) {
      state.trueMs += 1_000
      const passed = clock.now() - last
      expect(passed).toBeGreaterThanOrEqual(899_999)
      expect(passed).toBeLessThanOrEqual(1_000_001)
      last = clock.now()
    }
    expect(seconds).toBeGreaterThan(290)
    expect(seconds).toBeLessThan(330)
  })

  it('measures durations that no setting of the clock disturbs', () => {
    const { state, clock } = machine()
    const from = clock.monotonic()
    state.wallOffsetMs -= 1e9
    state.trueMs += 5_000
    expect(clock.monotonic() - from).toBe(5_000_000)
  })

  it('knows of two of its moments how far they are apart, however it was set in between', () => {
    for (const setByMs of [3_600_000, -3_600_000]) {
      const { state, clock } = machine()
      const from = clock.now()
      for (let second = 1; second <= 100; second++) {
        state.trueMs += 1_000
        if (second % 30 === 10) state.wallOffsetMs += setByMs
        expect(Math.abs(clock.steady(clock.now()) - clock.steady(from) - second * 1_000_000)).toBeLessThan(
          50_000,
        )
      }
    }
  })

  it('knows it of any setting, to a hundredth', () => {
    const passes = fc.integer({ min: 1, max: 5_000 })
    const setBy = fc.oneof(fc.constant(0), fc.integer({ min: -10_000_000, max: 10_000_000 }))
    fc.assert(
      fc.property(
        fc.array(fc.record({ passesMs: passes, setByMs: setBy }), { maxLength: 60 }),
        fc.double({ min: -1e-4, max: 1e-4, noNaN: true }),
        (steps, drift) => {
          const { state, clock } = machine()
          state.drift = drift
          const told = [{ at: clock.now(), trueMs: 0 }]
          for (const { passesMs, setByMs } of steps) {
            state.trueMs += passesMs
            state.wallOffsetMs += setByMs
            told.push({ at: clock.now(), trueMs: state.trueMs })
          }
          let before = { steadyMs: clock.steady(told[0]?.at ?? 0) / 1000, trueMs: 0 }
          for (const { at, trueMs } of told) {
            const steadyMs = clock.steady(at) / 1000
            const passedMs = trueMs - before.trueMs
            expect(Math.abs(steadyMs - before.steadyMs - passedMs)).toBeLessThanOrEqual(passedMs / 100 + 12)
            before = { steadyMs, trueMs }
          }
        },
      ),
    )
  })

  it('keeps no more than the last settings of a clock that is set all day', () => {
    const { state, clock } = machine()
    for (let second = 0; second < 10_000; second++) {
      state.trueMs += 1_000
      state.wallOffsetMs += 60_000
      clock.now()
    }
    const from = clock.now()
    state.trueMs += 30_000
    state.wallOffsetMs += 60_000
    expect(Math.abs(clock.steady(clock.now()) - clock.steady(from) - 30_000_000)).toBeLessThan(20_000)
  })

  it('is the real one by default', () => {
    const clock = systemClock()
    expect(Math.abs(clock.now() / 1000 - Date.now())).toBeLessThan(5_000)
    expect(clock.random()).toBeLessThan(1)
  })
})

describe('timers', () => {
  it('run once after their delay, and not when they were cancelled', async () => {
    const clock = systemClock()
    const ran: string[] = []
    clock.after(5, () => ran.push('cancelled')).cancel()
    await new Promise<void>((resolve) => {
      clock.after(1, () => ran.push('first'))
      clock.after(50, resolve)
    })
    expect(ran).toEqual(['first'])
  })

  it('do not run at once where the delay is longer than Node can count', async () => {
    const clock = systemClock()
    let ran = false
    const timer = clock.after(2 ** 40, () => {
      ran = true
    })
    await new Promise<void>((resolve) => void clock.after(20, resolve))
    timer.cancel()
    expect(ran).toBe(false)
  })
})
