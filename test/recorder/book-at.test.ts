import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { openTape } from '../../recorder/index.js'
import type { Level, MarketEvent } from '../../schemas/events.js'
import { Books, type MaintainedBook } from '../../src/book/books.js'
import { gap, START, snapshot, trade, update } from './sample-events.js'
import { temporaryPaths } from './temporary.js'

const path = temporaryPaths()

/** Records each list of events as one recording on the same tape. */
async function recordRuns(runs: readonly (readonly MarketEvent[])[]): Promise<string> {
  const file = path()
  for (const events of runs) {
    await using recorder = openTape(file, { mode: 'write' })
    for (const event of events) recorder.record(event)
    await recorder.close()
  }
  return file
}

function shown(book: MaintainedBook | null) {
  return book === null ? null : { state: book.book.state, channel: book.channel, ...book.book.top(1_000) }
}

function byChannel(books: Books) {
  return Object.fromEntries([...books].map((book) => [book.channel, shown(book)]))
}

const btc = { venue: 'testex', symbol: 'BTC/USD' }

describe('the book at a moment', () => {
  const runs = [
    [
      snapshot([['10', '1']], [['11', '1']], { receiveTime: START, exchangeTime: START - 1_000 }),
      update([['10', '2']], [], { receiveTime: START + 10, exchangeTime: START - 900 }),
      trade({ receiveTime: START + 15 }),
      update([['9', '5']], [], { receiveTime: START + 20, exchangeTime: START - 800 }),
      gap('open', { receiveTime: START + 30 }),
      gap('closed', { receiveTime: START + 40 }),
      snapshot([['8', '1']], [], { receiveTime: START + 40, exchangeTime: START - 700 }),
    ],
  ]

  it.each([
    ['before the first snapshot', START - 1, null],
    ['of the snapshot', START, { state: 'live', bids: [['10', '1']] }],
    ['between two updates', START + 9, { state: 'live', bids: [['10', '1']] }],
    ['of an update', START + 10, { state: 'live', bids: [['10', '2']] }],
    [
      'within a gap',
      START + 35,
      {
        state: 'suspect',
        bids: [
          ['10', '2'],
          ['9', '5'],
        ],
      },
    ],
    ['of the next snapshot', START + 40, { state: 'live', bids: [['8', '1']] }],
    ['long after', START + 10 ** 9, { state: 'live', bids: [['8', '1']] }],
    ['by exchange time', { exchangeTime: START - 850 }, { state: 'live', bids: [['10', '2']] }],
    ['by event', { event: 3 }, { state: 'live', bids: [['10', '2']] }],
    [
      'by an event within a gap',
      { event: 5 },
      {
        state: 'suspect',
        bids: [
          ['10', '2'],
          ['9', '5'],
        ],
      },
    ],
    ['by an event past the end', { event: 99 }, { state: 'live', bids: [['8', '1']] }],
    ['before the first event', { event: 0 }, null],
  ])('%s', async (_, moment, expected) => {
    using tape = openTape(await recordRuns(runs))
    const book = shown(tape.bookAt(btc, moment))
    if (expected === null) expect(book).toBeNull()
    else expect(book).toMatchObject(expected)
  })

  it('tells which event was its last', async () => {
    using tape = openTape(await recordRuns(runs))
    const book = tape.bookAt(btc, START + 17)
    expect([book?.event, book?.book.lastUpdate]).toEqual([2, START + 10])
  })

  it('is suspect from the moment at which another recording began, until that brings a snapshot', async () => {
    using tape = openTape(
      await recordRuns([
        [snapshot([['10', '1']], [], { receiveTime: START })],
        [trade({ receiveTime: START + 100 }), snapshot([['20', '1']], [], { receiveTime: START + 200 })],
      ]),
    )
    const states = [99, 100, 199, 200].map((after) => shown(tape.bookAt(btc, START + after)))
    expect(states.map((book) => [book?.state, book?.bids[0]?.[0]])).toEqual([
      ['live', '10'],
      ['suspect', '10'],
      ['suspect', '10'],
      ['live', '20'],
    ])
    expect(shown(tape.bookAt(btc, { event: 2 }))?.state).toBe('suspect')
    expect([...tape.books()].map(shown)).toMatchObject([{ state: 'live', bids: [['20', '1']] }])
  })

  it('by exchange time, too, is suspect where another recording had begun', async () => {
    using tape = openTape(
      await recordRuns([
        [snapshot([['10', '1']], [], { receiveTime: START, exchangeTime: START - 5 })],
        [trade({ receiveTime: START + 100, exchangeTime: START + 95 })],
      ]),
    )
    const states = [94, 95].map((after) => tape.bookAt(btc, { exchangeTime: START + after })?.book.state)
    expect(states).toEqual(['live', 'suspect'])
  })

  it('of an earlier log that was ingested later is found by its own time', async () => {
    const day = 86_400_000_000
    using tape = openTape(
      await recordRuns([
        [snapshot([['2', '1']], [], { receiveTime: START + day })],
        [snapshot([['1', '1']], [], { receiveTime: START })],
      ]),
    )
    expect(shown(tape.bookAt(btc, START + 5))).toMatchObject({ state: 'live', bids: [['1', '1']] })
    expect(shown(tape.bookAt(btc, START + day + 5))).toMatchObject({ state: 'live', bids: [['2', '1']] })
  })

  it('of two recordings of the same time is that of the nearer event', async () => {
    using tape = openTape(
      await recordRuns([
        [snapshot([['2', '1']], [], { receiveTime: START + 40 }), trade({ receiveTime: START + 100 })],
        [snapshot([['1', '1']], [], { receiveTime: START }), trade({ receiveTime: START + 100 })],
      ]),
    )
    expect(shown(tape.bookAt(btc, START + 50))).toMatchObject({ state: 'live', bids: [['2', '1']] })
    expect(shown(tape.bookAt(btc, START + 30))).toMatchObject({ state: 'live', bids: [['1', '1']] })
  })

  it('of a tape without a clock is asked by event', async () => {
    using tape = openTape(await recordRuns([[snapshot([['1', '1']], [], { receiveTime: null })]]))
    expect(() => tape.bookAt(btc, START)).toThrow(/no receive times: ask for the book by/)
    expect(shown(tape.bookAt(btc, { event: 1 }))?.bids).toEqual([['1', '1']])
  })

  it('is found by the symbol or by the id of the venue, and by channel', async () => {
    using tape = openTape(
      await recordRuns([
        [
          snapshot([['1', '1']], [], { channel: 'book:P1', depth: 25 }),
          snapshot([['2', '1']], [], { channel: 'book:P2', depth: 100 }),
          snapshot([['3', '1']], [], { venue: 'other' }),
        ],
      ]),
    )
    const best = (channel?: string, symbol = 'tBTCUSD') =>
      tape
        .bookAt({ venue: 'testex', symbol, ...(channel === undefined ? {} : { channel }) }, START)
        ?.book.best().bid?.[0]
    expect([best(), best('book:P1'), best('book:P2'), best('book:P1', 'BTC/USD')]).toEqual([
      '2',
      '1',
      '2',
      '1',
    ])
    expect(() => best('book:P3')).toThrow(
      /nothing of the book:P3 of tBTCUSD at testex is on the tape; it holds/,
    )
    expect(() => best(undefined, 'ETH/USD')).toThrow(/testex BTC\/USD book:P1/)
  })

  it('of single orders comes with its levels', async () => {
    const order = { ...snapshot([], []), channel: 'order' }
    using tape = openTape(
      await recordRuns([
        [
          {
            ...order,
            type: 'order_snapshot',
            bids: [
              ['a', '10', '1'],
              ['b', '10', '0.5'],
            ],
            asks: [],
          },
          {
            ...update([], [], { channel: 'order', receiveTime: START + 1 }),
            type: 'order_update',
            bids: [['a', '10', '0']],
            asks: [['c', '11', '3']],
          },
        ],
      ]),
    )
    const before = tape.bookAt(btc, START)
    expect(before?.book.top(5)).toEqual({ bids: [['10', '1.5']], asks: [] })
    const after = tape.bookAt(btc, START + 1)
    expect(after?.book.top(5)).toEqual({ bids: [['10', '0.5']], asks: [['11', '3']] })
    expect(after?.orders?.top('asks', 5)).toEqual([['c', '11', '3']])
  })
})

describe('any book at any moment of any tape', () => {
  const level = fc.tuple(
    fc.integer({ min: 1, max: 20 }).map(String),
    fc.integer({ min: 0, max: 3 }).map(String),
  )
  const levels = fc.uniqueArray(level, { maxLength: 4, selector: ([price]) => price })
  const kept = (list: Level[]) => list.filter(([, amount]) => amount !== '0')
  const step = fc.record({
    what: fc.constantFrom('snapshot', 'update', 'update', 'update', 'gap', 'trade'),
    channel: fc.constantFrom('book', 'book:P1'),
    bids: levels,
    asks: levels,
    wait: fc.integer({ min: 0, max: 3 }),
  })
  const tapes = fc.array(fc.array(step, { minLength: 1, maxLength: 15 }), { minLength: 1, maxLength: 3 })

  it('is what a reader of every event up to then has', async () => {
    await fc.assert(
      fc.asyncProperty(tapes, async (script) => {
        let now = START
        const runs = script.map((steps) =>
          steps.map(({ what, channel, bids, asks, wait }): MarketEvent => {
            now += wait
            const fields = { channel, receiveTime: now, exchangeTime: now - 7 }
            if (what === 'snapshot') return snapshot(kept(bids), kept(asks), fields)
            if (what === 'update') return update(bids, asks, fields)
            if (what === 'gap') return gap('open', { channel, receiveTime: now })
            return trade({ receiveTime: now })
          }),
        )
        using tape = openTape(await recordRuns(runs))
        // The pauses between the runs are on the tape as gaps, and count.
        const starts = tape.runs().map(({ firstEvent }) => firstEvent)
        const numbered = [...tape.entries()].map(({ id, event }) => ({
          run: starts.filter((first) => first <= id).length,
          event,
        }))
        const booksUpTo = (taken: (event: MarketEvent, id: number) => boolean) => {
          const books = new Books()
          let run = 1
          numbered.forEach((entry, index) => {
            if (!taken(entry.event, index + 1)) return
            if (entry.run !== run) books.interrupt()
            run = entry.run
            books.apply(entry.event)
          })
          return books
        }
        for (const channel of ['book', 'book:P1']) {
          const request = { ...btc, channel }
          if (!numbered.some(({ event }) => 'channel' in event && event.channel === channel)) continue
          for (let moment = START - 1; moment <= now + 1; moment++) {
            const model = booksUpTo(({ receiveTime }) => (receiveTime ?? 0) <= moment)
            expect(shown(tape.bookAt(request, moment))).toEqual(
              shown(model.get('testex', 'BTC/USD', channel)),
            )
          }
          for (let last = 0; last <= numbered.length; last++) {
            const model = booksUpTo((_, id) => id <= last)
            expect(shown(tape.bookAt(request, { event: last }))).toEqual(
              shown(model.get('testex', 'BTC/USD', channel)),
            )
          }
        }
        const atEnd = booksUpTo(() => true)
        expect(byChannel(tape.books())).toEqual(byChannel(atEnd))
      }),
      { numRuns: 40 },
    )
  })
})

describe('a moment in another unit', () => {
  it.each([
    ['milliseconds', START / 1_000],
    ['seconds', Math.round(START / 1_000_000)],
    ['nanoseconds', START * 1_000],
  ])('%s are refused, with the microseconds to write', async (unit, moment) => {
    const tape = openTape(await recordRuns([[snapshot([['10', '1']], [], { receiveTime: START })]]))
    const refusal = expect.objectContaining({
      code: 'bad_option',
      message: expect.stringMatching(new RegExp(`looks like ${unit}.* so write ${START}`)),
    })
    expect(() => tape.bookAt(btc, moment)).toThrow(refusal)
    expect(() => tape.bookAt(btc, { exchangeTime: moment })).toThrow(refusal)
    expect(() => [...tape.replay({ from: moment })]).toThrow(refusal)
    expect(() => [...tape.replay({ to: moment })]).toThrow(refusal)
    tape.close()
  })

  it('of a tape whose times are no real ones is taken as it is', async () => {
    const tape = openTape(await recordRuns([[snapshot([['10', '1']], [], { receiveTime: 5_000_000 })]]))
    expect(tape.bookAt(btc, 5_000)).toBe(null)
    tape.close()
  })
})
