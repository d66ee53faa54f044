import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { TradeFields, TradeHistory } from '../../../src/session/index.js'
import { HistoryStage, rowsOf, toyTrade } from './history-stage.js'

const trades = (from: number, to: number): TradeFields[] =>
  Array.from({ length: to - from + 1 }, (_, index) => toyTrade(from + index, (from + index) * 10))

const ids = (from: number, to: number, mark = '') => trades(from, to).map(({ id }) => `${id}${mark}`)

/** Trades 1 to 10 live, then the connection is lost; the next one begins with trade 20, and 21 comes live. */
function afterHole(pageSize = 100): HistoryStage {
  const stage = new HistoryStage({ rest: { pageSize } })
  stage.open()
  stage.say('live', trades(1, 10))
  stage.cut()
  stage.wait(20_000)
  stage.open()
  stage.say('rows', trades(20, 20))
  stage.say('live', trades(21, 21))
  return stage
}

/** The request that waits for an answer. */
function asked(stage: HistoryStage) {
  const request = stage.requests.at(-1)
  if (request === undefined) throw new Error('nothing was asked for')
  return request
}

const BEFORE = [...ids(1, 10), 'gap']

describe('trades missed while a connection was lost', () => {
  test('are told before the gap ends, marked, once each, and what came meanwhile after it', () => {
    const stage = afterHole()
    stage.wait(600)
    expect(stage.said).toEqual(BEFORE)
    expect(asked(stage).url).toBe('http://toy/trades?since=100')
    stage.say('live', trades(22, 23))
    stage.answer(asked(stage), 200, rowsOf(trades(10, 22)))
    stage.say('live', trades(24, 24))
    expect(stage.said).toEqual([...BEFORE, ...ids(11, 20, 'h'), 'healed', ...ids(21, 24)])
    expect(stage.reports).toMatchObject([
      { state: 'asked', trades: 0 },
      { state: 'brought', trades: 9, instrument: 'BTCUSD', channel: 'trade' },
      { state: 'healed', trades: 0 },
    ])
  })

  test('are asked for page after page, each told as it comes', () => {
    const stage = afterHole(5)
    stage.wait(600)
    stage.answer(asked(stage), 200, rowsOf(trades(10, 14)))
    expect(stage.said).toEqual([...BEFORE, ...ids(11, 14, 'h')])
    expect(asked(stage).url).toBe('http://toy/trades?since=140')
    stage.answer(asked(stage), 200, rowsOf(trades(14, 18)))
    stage.answer(asked(stage), 200, rowsOf(trades(18, 22)))
    // History was faster than the stream with the last of them.
    stage.say('live', trades(22, 23))
    expect(stage.said).toEqual([...BEFORE, ...ids(11, 20, 'h'), 'healed', '21', '22h', '23'])
    expect(stage.requests).toHaveLength(3)
  })

  test('need no request where what the venue sends on subscribing reaches back to what was seen', () => {
    const stage = new HistoryStage({ rest: { pageSize: 100 } })
    stage.open()
    stage.say('live', trades(1, 3))
    stage.cut()
    stage.open()
    stage.say('rows', trades(3, 5).toReversed())
    stage.wait(20_000)
    expect(stage.said).toEqual(['1', '2', '3', 'gap', '4h', '5h', 'healed'])
    expect(stage.requests).toEqual([])
    expect(stage.reports).toEqual([])
  })

  test('are waited for where the history lags behind the stream', () => {
    const stage = afterHole()
    stage.wait(600)
    stage.answer(asked(stage), 200, rowsOf(trades(10, 15)))
    expect(stage.said).toEqual([...BEFORE, ...ids(11, 15, 'h')])
    stage.wait(2_100)
    expect(asked(stage).url).toBe('http://toy/trades?since=150')
    stage.answer(asked(stage), 200, rowsOf(trades(15, 21)))
    expect(stage.said).toEqual([...BEFORE, ...ids(11, 20, 'h'), 'healed', '21'])
  })

  test('of one moment are none of them taken for another', () => {
    const stage = new HistoryStage({ rest: { pageSize: 100 } })
    const same = [1, 2, 3, 4, 5].map((id) => toyTrade(id, 7))
    stage.open()
    stage.say('live', same.slice(0, 2))
    stage.cut()
    stage.open()
    stage.say('live', same.slice(4))
    stage.wait(600)
    stage.answer(asked(stage), 200, rowsOf([...same.slice(4), ...same.slice(0, 4)]))
    expect(stage.said).toEqual(['1', '2', 'gap', '3h', '4h', 'healed', '5'])
  })

  test('stay missing, and the gap says so, where the history does not reach back', () => {
    const stage = afterHole()
    stage.wait(600)
    stage.answer(asked(stage), 200, rowsOf(trades(14, 21)))
    expect(stage.said).toEqual([...BEFORE, ...ids(14, 20, 'h'), 'unhealed', '21'])
  })

  test.each([
    ['an error of the server', 500, 'oops', {}, 3],
    ['garbage', 200, '<html>', {}, 3],
    ['rows of another kind', 200, '[[1]]', {}, 3],
    ['no answer at all', 0, 'timed out', {}, 3],
    ['an empty answer', 200, '[]', {}, 3],
    ['a refusal of who asks too often', 429, '', {}, 1],
    ['a refusal that ends soon', 429, '', { 'retry-after': '3' }, 3],
    ['an overload that lasts', 503, '', { 'retry-after': '30' }, 1],
    ['a market that it does not know', 404, '', {}, 1],
  ] as const)('are given up within 15 s after %s again and again', (_, status, body, headers, requests) => {
    const stage = afterHole()
    for (let second = 0; second < 20; second++) {
      const before = stage.requests.length
      stage.wait(1_000)
      if (stage.requests.length > before) stage.answer(asked(stage), status, body, headers)
    }
    expect(stage.requests).toHaveLength(requests)
    expect(stage.said).toEqual([...BEFORE, '20h', 'unhealed', '21'])
    const [open, closed] = stage.gaps
    expect((closed?.receiveTime ?? 0) - (open?.receiveTime ?? 0)).toBeLessThanOrEqual(35_100_000)
    expect(stage.reports.at(-1)).toMatchObject({ state: 'unhealed' })
  })

  test('are had by a later answer where the first is an error', () => {
    const stage = afterHole()
    stage.wait(600)
    stage.answer(asked(stage), 500, '')
    stage.wait(2_100)
    stage.answer(asked(stage), 200, rowsOf(trades(10, 20)))
    expect(stage.said).toEqual([...BEFORE, ...ids(11, 20, 'h'), 'healed', '21'])
  })

  test('are not waited for beyond 15 s, and an answer after that changes nothing', () => {
    const stage = afterHole()
    stage.wait(15_100)
    expect(stage.said).toEqual([...BEFORE, '20h', 'unhealed', '21'])
    stage.answer(asked(stage), 200, rowsOf(trades(10, 20)))
    expect(stage.said).toEqual([...BEFORE, '20h', 'unhealed', '21'])
  })

  test('are given up where too many trades wait', () => {
    const stage = afterHole()
    stage.say('live', trades(22, 5_100))
    expect(stage.said).toContain('unhealed')
    expect(stage.said.at(-1)).toBe('5100')
    expect(new Set(stage.said).size).toBe(stage.said.length)
  })

  test('are not asked for where nothing was seen before', () => {
    const stage = new HistoryStage({ rest: { pageSize: 100 } })
    stage.open()
    stage.cut()
    stage.open()
    stage.say('live', trades(5, 6))
    stage.wait(20_000)
    expect(stage.requests).toEqual([])
    expect(stage.said).toEqual(['gap', 'unhealed', '5', '6'])
  })
})

describe('a second hole while the first is being filled', () => {
  test('on another connection: what was fetched counts, and what came between is not lost', () => {
    const stage = afterHole(5)
    stage.wait(600)
    stage.answer(asked(stage), 200, rowsOf(trades(10, 14)))
    stage.cut()
    stage.wait(5_000)
    stage.open()
    stage.say('live', trades(30, 30))
    stage.wait(600)
    expect(asked(stage).url).toBe('http://toy/trades?since=140')
    for (const from of [14, 18, 22, 26]) {
      stage.answer(asked(stage), 200, rowsOf(trades(from, Math.min(30, from + 4))))
    }
    expect(stage.said).toEqual([...BEFORE, ...ids(11, 29, 'h'), 'healed', '30'])
  })

  test('on another connection, and no answer: what came between the holes is told', () => {
    const stage = afterHole()
    stage.cut()
    stage.wait(5_000)
    stage.open()
    stage.say('live', trades(30, 30))
    stage.wait(16_000)
    expect(stage.said).toEqual([...BEFORE, '20h', '21h', 'unhealed', '30'])
  })

  test('on the same connection: an answer from before it does not fill it', () => {
    const stage = afterHole()
    stage.wait(600)
    stage.say('hole')
    stage.answer(asked(stage), 200, rowsOf(trades(10, 21)))
    expect(stage.said).toEqual([...BEFORE, ...ids(11, 21, 'h')])
    stage.say('live', trades(25, 25))
    stage.wait(600)
    stage.answer(asked(stage), 200, rowsOf(trades(21, 25)))
    expect(stage.said).toEqual([...BEFORE, ...ids(11, 24, 'h'), 'healed', '25'])
  })
})

describe('a history on the connection itself', () => {
  function line(): { stage: HistoryStage; since: string[] } {
    const since: string[] = []
    const connection: TradeHistory = {
      pageSize: 100,
      requests: 4,
      withinMs: 10_000,
      retryMs: 1_000,
      onConnection: true,
      ask: (_stream, { id }) => void since.push(id),
    }
    const stage = new HistoryStage({ connection })
    stage.open()
    stage.say('live', trades(1, 10))
    stage.cut()
    stage.open()
    return { stage, since }
  }

  test('is asked with the grant, and its answer holds everything up to there', () => {
    const { stage, since } = line()
    expect(since).toEqual(['10'])
    stage.say('answer', trades(10, 12))
    stage.say('live', trades(13, 13))
    expect(stage.said).toEqual([...BEFORE, '11h', '12h', 'healed', '13'])
  })

  test('is asked again where the stream was faster', () => {
    const { stage, since } = line()
    stage.say('live', trades(13, 13))
    stage.say('answer', trades(10, 11))
    stage.wait(1_000)
    expect(since).toEqual(['10', '11'])
    stage.say('answer', trades(11, 13))
    expect(stage.said).toEqual([...BEFORE, '11h', '12h', 'healed', '13'])
  })

  test('proves nothing of a hole that came after it was asked', () => {
    const { stage, since } = line()
    stage.say('hole')
    stage.say('answer', trades(10, 12))
    expect(stage.said).toEqual([...BEFORE, '11h', '12h'])
    stage.wait(1_000)
    expect(since).toEqual(['10', '12'])
    stage.say('answer', trades(12, 12))
    expect(stage.said.at(-1)).toBe('healed')
  })
})

test('a recording is read as it is: nothing waits, and the trades of an answer are told once', () => {
  const stage = new HistoryStage({ rest: { pageSize: 100 } })
  stage.open(true)
  stage.say('live', trades(1, 3))
  stage.cut()
  stage.open(true)
  stage.say('live', trades(7, 7))
  stage.wait(1_000)
  expect(stage.requests).toEqual([])
  stage.answer({ id: '', method: 'GET', url: 'http://toy/trades?since=30' }, 200, rowsOf(trades(3, 7)))
  expect(stage.said).toEqual(['1', '2', '3', 'gap', 'unhealed', '7', '4h', '5h', '6h'])
})

// ── Whatever happens ──────────────────────────────────────────────────────────────────────────────────────────────────

type Step =
  | { readonly does: 'trade'; readonly count: number; readonly apartMs: number }
  | { readonly does: 'miss'; readonly count: number }
  | { readonly does: 'cut' }
  | { readonly does: 'open'; readonly rows: number }
  | { readonly does: 'wait'; readonly ms: number }

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      does: fc.constant('trade' as const),
      count: fc.integer({ min: 1, max: 6 }),
      apartMs: fc.integer({ min: 0, max: 3 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ does: fc.constant('miss' as const), count: fc.integer({ min: 0, max: 9 }) }),
  },
  { weight: 2, arbitrary: fc.record({ does: fc.constant('cut' as const) }) },
  {
    weight: 3,
    arbitrary: fc.record({ does: fc.constant('open' as const), rows: fc.integer({ min: 0, max: 5 }) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ does: fc.constant('wait' as const), ms: fc.integer({ min: 0, max: 6_000 }) }),
  },
)

const answer = fc.record({
  outcome: fc.constantFrom(
    'whole',
    'whole',
    'whole',
    'error',
    'garbage',
    'throttled',
    'never',
    'cut short',
    'late start',
  ),
  afterMs: fc.integer({ min: 0, max: 3_000 }),
  /** Trades that the history does not know yet. */
  lag: fc.constantFrom(0, 0, 0, 1, 4),
})

test('whatever is missed and however the history answers: each trade once, in order, and no hole is called healed', () => {
  fc.assert(
    fc.property(
      fc.array(step, { minLength: 4, maxLength: 40 }),
      fc.array(answer, { minLength: 1, maxLength: 12 }),
      fc.integer({ min: 2, max: 8 }),
      (steps, answers, pageSize) => {
        const stage = new HistoryStage({ rest: { pageSize } })
        /** Every trade that happened, in order. */
        const truth: TradeFields[] = []
        const due: { at: number; run: () => void }[] = []
        let seen = 0
        let answered = 0
        let ms = 0

        function pass(passMs: number): void {
          for (let passed = 0; passed < passMs; passed += 100) {
            stage.wait(Math.min(100, passMs - passed))
            ms = (stage.now - 1_700_000_000_000_000) / 1000
            for (const request of stage.requests.slice(seen)) plan(request)
            seen = stage.requests.length
            for (const { run } of due.splice(0).filter((item) => item.at <= stage.now || !due.push(item)))
              run()
          }
        }

        function plan(request: HistoryStage['requests'][number]): void {
          const { outcome, afterMs, lag } = answers[answered++ % answers.length] ?? {
            outcome: 'never',
            afterMs: 0,
            lag: 0,
          }
          if (outcome === 'never') return
          const since = Number(new URL(request.url).searchParams.get('since'))
          const connection = connections
          due.push({
            at: stage.now + afterMs * 1000,
            run() {
              if (connection !== connections) return
              const known = truth.slice(0, truth.length - lag)
              let rows = known.filter(
                ({ exchangeTime }) => ((exchangeTime ?? 0) - 1_700_000_000_000_000) / 1000 >= since,
              )
              rows = rows.slice(0, pageSize)
              if (outcome === 'late start') rows = rows.slice(3)
              const body = outcome === 'garbage' ? '<html>' : rowsOf(rows)
              const cut = outcome === 'cut short' ? body.slice(0, body.length / 2) : body
              stage.answer(request, outcome === 'error' ? 500 : outcome === 'throttled' ? 429 : 200, cut)
            },
          })
        }

        function happen(count: number, apartMs: number): TradeFields[] {
          return Array.from({ length: count }, () => {
            pass(apartMs)
            const trade = toyTrade(truth.length + 1, Math.floor(ms))
            truth.push(trade)
            return trade
          })
        }

        let connections = 1
        stage.open()
        for (const next of [
          ...steps,
          { does: 'open', rows: 1 } as const,
          { does: 'wait', ms: 20_000 } as const,
        ]) {
          switch (next.does) {
            case 'trade':
              for (let count = 0; count < next.count; count++) {
                const trade = happen(1, next.apartMs)
                if (stage.connected) stage.say('live', trade)
              }
              break
            case 'miss':
              happen(next.count, 1)
              if (stage.connected) stage.say('hole')
              break
            case 'cut':
              if (stage.connected) stage.cut()
              break
            case 'open':
              if (stage.connected) break
              connections++
              stage.open()
              stage.say('rows', next.rows === 0 ? [] : truth.slice(-next.rows).toReversed())
              break
            case 'wait':
              pass(next.ms)
          }
        }
        // Whatever is open ends with the next trade.
        stage.say('live', happen(1, 10))
        pass(20_000)
        stage.say('live', happen(1, 10))
        pass(20_000)
        judge(stage, truth)
      },
    ),
    { numRuns: 500 },
  )
})

function judge(stage: HistoryStage, truth: readonly TradeFields[]): void {
  const told = new Set<string>()
  let lastLive = 0
  let open = false
  let fetched: number[] = []
  for (const event of stage.events) {
    if (event.type === 'trade') {
      expect(told.has(event.id), `trade ${event.id} twice`).toBe(false)
      told.add(event.id)
      if (event.historical) {
        fetched.push(Number(event.id))
        continue
      }
      expect(open, `trade ${event.id} in a gap`).toBe(false)
      expect(Number(event.id), 'order').toBeGreaterThan(lastLive)
      lastLive = Number(event.id)
    } else if (event.type === 'gap') {
      open = event.state === 'open'
      if (event.healed) expect(fetched, 'history oldest first').toEqual(fetched.toSorted((a, b) => a - b))
      fetched = []
    }
  }
  expect(open, 'a gap that never ends').toBe(false)
  const first = Math.min(...[...told].map(Number))
  const holes = stage.gaps.filter(({ state, healed }) => state === 'closed' && !healed)
  for (const { id, exchangeTime } of truth) {
    if (told.has(id) || Number(id) < first) continue
    const time = exchangeTime ?? 0
    const excused = holes.some(({ from, to }) => time + 1_000 >= (from ?? 0) && time <= (to ?? 0))
    expect(excused, `trade ${id} is missing without a gap: ${stage.said.join(' ')}`).toBe(true)
  }
}
