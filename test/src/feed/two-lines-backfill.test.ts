import { describe, expect, test } from 'vitest'
import type { GapEvent, TradeEvent } from '../../../schemas/events.js'
import type { FeedOptions } from '../../../src/feed/feed.js'
import type { Platform } from '../../../src/platform.js'
import { LINE_VENUES, LineStage, type LineVenue, type StageOptions } from './line-stage.js'

/** How a venue is asked for the trades that were missed, and what can be made of its answers. */
interface History {
  readonly venue: LineVenue
  /** So fast that what the venue sends on subscribing does not reach back over the hole: 30 trades, none, 200. */
  readonly stepsPerSecond: number
  /** No answer, or one that says nothing. */
  readonly refused: string
  /** An answer without its first three rows, so that it does not join what was known. */
  readonly late: { readonly plan: string } | { readonly path: RegExp; readonly rows: RegExp }
}

const HISTORIES: readonly History[] = [
  {
    venue: of('tBTCUSD'),
    stepsPerSecond: 10,
    refused: 'http-status status=500 path="/hist"',
    late: { path: /\/hist\?/, rows: /^\[(?:\[[^\]]*\],){3}/ },
  },
  {
    venue: of('XBTUSD'),
    stepsPerSecond: 10,
    refused: 'http-status status=500 path="/api/v1/trade"',
    late: { path: /\/api\/v1\/trade\?/, rows: /^\[(?:\{[^}]*\},){3}/ },
  },
  {
    venue: of('BTC-USD', 'cex'),
    stepsPerSecond: 30,
    refused: 'ignore-request match=get_trade_history',
    late: {
      plan: String.raw`edit match=get_trade_history find="\"trades\":\\[(\\{[^}]*\\},){3}" replace="\"trades\":["`,
    },
  },
]

function of(instrument: string, name?: string): LineVenue {
  const found = LINE_VENUES.find(
    (venue) => venue.instrument === instrument && (name === undefined || venue.name === name),
  )
  if (found === undefined) throw new Error(`no ${instrument}`)
  return found
}

/** The line is lost, and there is no way to the venue for a while. */
const away = (fromMs: number, forMs: number) =>
  `reset atMs=${fromMs}; unreachable atMs=${fromMs} durationMs=${forMs}`

/** Both lines are lost together; the second finds its way back a little sooner. */
const both = { plan: away(15_000, 25_000), otherPlan: away(15_000, 22_000) }

/** What a trade needs from the market to the feed. */
const UNDER_WAY = 200_000

class Story {
  readonly stage: LineStage

  constructor(history: History, plans: Pick<StageOptions, 'plan' | 'otherPlan'>, late = false) {
    const ways = (platforms: Platform[]): FeedOptions => ({
      backoffCapMs: 2_000,
      lines: platforms.map((platform) => ({ platform: late ? beginningLate(platform, history) : platform })),
    })
    this.stage = new LineStage(
      history.venue,
      { seed: 6, channels: ['trade'], stepsPerSecond: history.stepsPerSecond, ...plans },
      ways,
    )
  }

  async run(seconds: number): Promise<this> {
    await this.stage.platform.advance(seconds * 1000)
    return this
  }

  async end(): Promise<void> {
    await this.stage.stop()
  }

  get told(): TradeEvent[] {
    return this.stage.events.filter((event) => event.type === 'trade')
  }

  /** Those that the venue told a connection that was never lost, from the first that the feed has told as it happened. */
  get happened(): TradeEvent[] {
    const trades = this.stage.plain.filter(
      (event): event is TradeEvent => event.type === 'trade' && !event.historical,
    )
    const first: TradeEvent | undefined = this.told.find(({ historical }) => !historical)
    return trades.slice(trades.findIndex(({ id }) => id === first?.id))
  }

  get gaps(): GapEvent[] {
    return this.stage.events.filter((event) => event.type === 'gap')
  }

  /** Trades that nobody was told. */
  get missing(): TradeEvent[] {
    const told = new Set(this.told.map(({ id }) => id))
    // The last ones are still under way to one or the other.
    const end = this.stage.platform.now - 1_000_000
    return this.happened.filter(({ id, receiveTime }) => !told.has(id) && (receiveTime ?? 0) < end)
  }

  /** Those that were told in the gap. */
  get markedWithin(): TradeEvent[] {
    const { events } = this.stage
    const at = (state: GapEvent['state']) =>
      events.findIndex((event) => event.type === 'gap' && event.state === state)
    return events
      .slice(at('open'), at('closed'))
      .filter((event): event is TradeEvent => event.type === 'trade' && event.historical)
  }

  expectEachOnce(): void {
    const ids = this.told.map(({ id }) => id)
    expect(ids.length).toBeGreaterThan(50)
    expect(ids.filter((id, at) => ids.indexOf(id) !== at)).toEqual([])
  }
}

function beginningLate(platform: Platform, { late }: History): Platform {
  if ('plan' in late) return platform
  return {
    ...platform,
    async http(request, limits) {
      const answer = await platform.http(request, limits)
      return late.path.test(request.url) ? { ...answer, body: answer.body.replace(late.rows, '[') } : answer
    },
  }
}

describe.each(HISTORIES.map((history) => ({ name: history.venue.name, history })))(
  'trades that two lines to $name missed',
  ({ history }) => {
    test('one and then the other are told by the one that was there, unmarked and without a gap', async () => {
      const story = await new Story(history, {
        plan: away(15_000, 20_000),
        otherPlan: away(60_000, 20_000),
      }).run(110)
      story.expectEachOnce()
      expect(story.missing).toEqual([])
      expect(story.gaps).toEqual([])
      const { asked, healed } = story.stage.metrics.backfills
      expect([asked, healed]).toEqual([2, 2])
      const began = story.happened[0]?.exchangeTime ?? 0
      expect(
        story.told.filter(({ historical, exchangeTime }) => historical && (exchangeTime ?? 0) > began),
      ).toEqual([])
      await story.end()
    })

    test('both at once are fetched, told once each and marked, and the gap is healed', async () => {
      const story = await new Story(history, both).run(80)
      story.expectEachOnce()
      expect(story.missing).toEqual([])
      expectOneGap(story, true)
      expect(story.markedWithin.length).toBeGreaterThan(20)
      await story.end()
    })

    test('both, dead before it is known, are fetched from where each of them ended', async () => {
      const story = await new Story(history, {}).run(15)
      story.stage.host.part()
      await story.run(1.5)
      story.stage.other.part()
      await story.run(60)
      story.stage.other.heal()
      await story.run(3)
      story.stage.host.heal()
      await story.run(60)
      story.expectEachOnce()
      expect(story.missing).toEqual([])
      expectOneGap(story, true)
      await story.end()
    })

    test('both, the one a while before the other, are fetched from where the stream ended', async () => {
      const plans = { plan: away(15_000, 40_000), otherPlan: away(35_000, 40_000) }
      const story = await new Story(history, plans).run(110)
      story.expectEachOnce()
      expect(story.missing).toEqual([])
      expectOneGap(story, true)
      expect(story.markedWithin.length).toBeGreaterThan(20)
      await story.end()
    })

    test.each([
      ['first', { ...both, plan: `${both.plan}; ${history.refused}` }],
      ['second', { ...both, otherPlan: `${both.otherPlan}; ${history.refused}` }],
    ])('both are had by the other where the history refuses the %s', async (_which, plans) => {
      const story = await new Story(history, plans).run(110)
      story.expectEachOnce()
      expect(story.missing).toEqual([])
      expectOneGap(story, true)
      await story.end()
    })

    test('both stay missing where the history refuses both, and the gap says so', async () => {
      const refusing = {
        plan: `${both.plan}; ${history.refused}`,
        otherPlan: `${both.otherPlan}; ${history.refused}`,
      }
      const story = await new Story(history, refusing).run(110)
      story.expectEachOnce()
      expect(story.missing.length).toBeGreaterThan(20)
      expectOneGap(story, false)
      await story.end()
    })

    test('both are told as far as a history that does not reach back has them, and the gap is not called healed', async () => {
      const { late } = history
      const plans =
        'plan' in late
          ? { plan: `${both.plan}; ${late.plan}`, otherPlan: `${both.otherPlan}; ${late.plan}` }
          : both
      const story = await new Story(history, plans, true).run(110)
      story.expectEachOnce()
      expect(story.missing.length).toBeGreaterThan(0)
      expect(story.missing.length).toBeLessThan(4)
      expectOneGap(story, false)
      expect(story.markedWithin.length).toBeGreaterThan(20)
      await story.end()
    })
  },
)

/** One gap, in which nothing was told as it happened, and in which everything lies that is missing. */
function expectOneGap(story: Story, healed: boolean): void {
  expect(story.stage.metrics.backfills.asked).toBeGreaterThan(0)
  const [open, closed] = story.gaps
  expect(story.gaps.map((gap) => [gap.state, gap.healed])).toEqual([
    ['open', false],
    ['closed', healed],
  ])
  for (const { id, exchangeTime } of story.missing) {
    expect(exchangeTime ?? 0, `${id} lies in the gap`).toBeGreaterThanOrEqual((open?.from ?? 0) - UNDER_WAY)
    expect(exchangeTime ?? 0, `${id} lies in the gap`).toBeLessThanOrEqual(closed?.to ?? 0)
  }
  const { events } = story.stage
  const within = events.slice(events.indexOf(open as GapEvent), events.indexOf(closed as GapEvent))
  expect(within.filter((event) => event.type === 'trade' && !event.historical)).toEqual([])
}
