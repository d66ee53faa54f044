import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Pacer } from '../../../src/feed/pacer.js'
import { virtualPlatform } from '../../../src/simulator/index.js'

/** When each job ran, in ms from the start. */
async function ran(perMinute: number, burst: number, jobs: readonly number[]): Promise<number[]> {
  const platform = virtualPlatform()
  const pacer = new Pacer(platform.clock, perMinute, burst)
  const start = platform.clock.monotonic()
  const times: number[] = []
  for (const delayMs of jobs) {
    await platform.advance(delayMs)
    pacer.add(() => void times.push((platform.clock.monotonic() - start) / 1000))
  }
  await platform.advance(((jobs.length + 1) * 60_000) / perMinute)
  return times
}

test('jobs are evenly spaced', async () => {
  expect(await ran(60, 1, [0, 0, 0, 0])).toEqual([0, 1000, 2000, 3000])
})

test('after a rest some may go at once, and are paid for', async () => {
  expect(await ran(62, 3, [0, 0, 0, 0, 0])).toEqual([0, 0, 0, 1000, 2000])
})

test('no minute has more jobs than the rate', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 20 }),
      fc.array(fc.integer({ min: 0, max: 4000 }), { maxLength: 60 }),
      async (burst, jobs) => {
        const times = await ran(60, burst, jobs)
        expect(times).toHaveLength(jobs.length)
        for (const from of times) {
          expect(times.filter((time) => time >= from && time < from + 60_000).length).toBeLessThanOrEqual(60)
        }
      },
    ),
    { numRuns: 30 },
  )
})

test('what nobody waits for any more takes nobody’s place', async () => {
  const platform = virtualPlatform()
  const pacer = new Pacer(platform.clock, 60)
  const ran: number[] = []
  for (let job = 0; job < 6; job++)
    pacer.add(
      () => void ran.push(job),
      () => job < 1 || job > 3,
    )
  await platform.advance(1_500)
  expect(ran).toEqual([0, 4])
  await platform.advance(1_000)
  expect(ran).toEqual([0, 4, 5])
  expect(platform.open.timers).toBe(0)
})

test('what waits can be forgotten, and what comes afterwards has its turn', async () => {
  const platform = virtualPlatform()
  const pacer = new Pacer(platform.clock, 60)
  let count = 0
  for (let job = 0; job < 3; job++) pacer.add(() => void count++)
  await platform.advance(500)
  pacer.clear()
  await platform.advance(5000)
  expect(count).toBe(1)
  expect(platform.open.timers).toBe(0)
  pacer.add(() => void count++)
  await platform.advance(1_000)
  expect(count).toBe(2)
  pacer.add(() => void count++)
  pacer.hold(10_000)
  await platform.advance(9_999)
  expect(count).toBe(2)
  await platform.advance(1)
  expect(count).toBe(3)
  expect(platform.open.timers).toBe(0)
})
