import { describe, expect, test } from 'vitest'
import type { GapEvent, MarketEvent, StreamEvent } from '../../../schemas/events.js'
import type { Platform } from '../../../src/platform.js'
import { LINE_VENUES, LineStage } from './line-stage.js'
import { oracle } from './oracle.js'

const twoWays = (ways: readonly Platform[]) => ({ lines: ways.map((platform) => ({ platform })) })

/** What befalls one of two lines; the other is whole all the while. */
const FAULTS: readonly (readonly [what: string, plan: string])[] = [
  ['is reset again and again', 'reset everyMs=13000 fromMs=10000'],
  ['hangs up, is let in late, and hangs up again', 'hang-up everyMs=19000; slow-handshake delayMs=4000'],
  ['is half open for half a minute', 'half-open atMs=15000 durationMs=30000'],
  ['is silent for half a minute', 'silence atMs=15000 durationMs=30000'],
  ['stalls for six seconds and again', 'stall everyMs=16000 durationMs=6000'],
  [
    'is closed and refused for twenty seconds',
    'close atMs=14000 code=1012; refuse-handshake fromMs=14000 untilMs=34000',
  ],
]

async function expectNothingLost(stage: LineStage): Promise<void> {
  await stage.platform.advance(66_000)
  expect(stage.gaps()).toEqual([])
  const { gaps, reconnects } = stage.metrics
  expect(gaps.opened).toEqual({})
  if (Object.keys(reconnects).length > 0) expect(Object.keys(gaps.swallowed)).not.toEqual([])
  await stage.settle()
  stage.expectEverything()
  oracle(stage.events)
  await stage.stop()
}

describe.each(LINE_VENUES)('two lines to $name ($instrument)', (venue) => {
  test('tell everything once and in order', async () => {
    const stage = new LineStage(venue, { seed: 4 }, () => ({ redundancy: 2 }))
    await expectNothingLost(stage)
    expect(stage.metrics.reconnects).toEqual({})
  })

  test.each(FAULTS.map(([what, plan], seed) => ({ what, plan, seed })))(
    'lose nothing where one $what',
    async ({ plan, seed }) => {
      await expectNothingLost(new LineStage(venue, { seed, plan }, twoWays))
    },
  )

  test('lose nothing where one and then the other is reset', async () => {
    const plan = 'reset everyMs=40000 fromMs=12000'
    const otherPlan = 'reset everyMs=40000 fromMs=32000'
    await expectNothingLost(new LineStage(venue, { seed: 7, plan, otherPlan }, twoWays))
  })

  const { droppable } = venue
  if (droppable !== undefined) {
    test('lose nothing where one loses frames', async () => {
      await expectNothingLost(new LineStage(venue, { seed: 8, plan: droppable }, twoWays))
    })
  }

  test('that are both lost are one gap in each stream, from the last event to the first', async () => {
    const stage = new LineStage(venue, { seed: 9 }, twoWays)
    await stage.platform.advance(15_000)
    const begun = venue.channels.filter((channel) => of(stage.events, channel).length > 0)
    stage.host.part()
    await stage.platform.advance(4_000)
    stage.other.part()
    await stage.platform.advance(150_000)
    stage.other.heal()
    await stage.platform.advance(90_000)
    stage.host.heal()
    await stage.platform.advance(90_000)
    for (const channel of begun) expectOneGap(of(stage.events, channel))
    await stage.settle()
    oracle(stage.events)
    await stage.stop()
  })
})

function of(events: readonly MarketEvent[], channel: string): StreamEvent[] {
  return events.filter((event): event is StreamEvent => 'channel' in event && event.channel === channel)
}

function expectOneGap(events: readonly StreamEvent[]): void {
  const gaps = events.filter((event): event is GapEvent => event.type === 'gap')
  const [opened, closed] = gaps
  expect(gaps.map(({ state }) => state)).toEqual(['open', 'closed'])
  if (opened === undefined || closed === undefined) return
  const before = events[events.indexOf(opened) - 1]
  const after = events[events.indexOf(closed) + 1]
  // What was kept back bears the time of its telling, and the gap that of its coming.
  expect(opened.from).toBeLessThanOrEqual(before?.receiveTime ?? 0)
  expect(opened.from).toBeGreaterThanOrEqual(events[0]?.receiveTime ?? 0)
  expect(closed.from).toBe(opened.from)
  expect(closed.to).toBe(closed.receiveTime)
  expect(closed.to).toBeGreaterThan(opened.from ?? 0)
  if (after !== undefined) expect(closed.before?.n).toBe(after.n)
}
