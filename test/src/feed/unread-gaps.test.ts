import { expect, test } from 'vitest'
import type { GapEvent, MarketEvent } from '../../../schemas/events.js'
import { EventQueue } from '../../../src/feed/event-queue.js'

const STREAM = {
  venue: 'venue',
  symbol: 'BTC/USD',
  instrument: 'BTC-USD',
  channel: 'book',
  n: 1,
  exchangeTime: null,
} as const

function update(receiveTime: number): MarketEvent {
  return { type: 'book_update', ...STREAM, receiveTime, sequence: null, bids: [['1', '1']], asks: [] }
}

function gap(state: 'open' | 'closed', from: number, at: number): GapEvent {
  const to = state === 'open' ? null : at
  return {
    type: 'gap',
    ...STREAM,
    receiveTime: at,
    reason: 'overflow',
    state,
    from,
    to,
    healed: state === 'closed',
    after: null,
    before: null,
    detail: null,
  }
}

/** A queue and its one stream, which tells its gap as soon as something of it is dropped, as a session does. */
class Stage {
  #gap: number | null = null
  readonly #queue: EventQueue

  constructor(limit: number) {
    this.#queue = new EventQueue(limit, 'drop-oldest', {
      full: () => {},
      drained: () => {},
      dropped: (first, since) => this.#opens(since ?? 0, first.receiveTime ?? 0),
      failed: (error) => {
        throw error
      },
    })
  }

  /** A datum, which ends the gap that is open. */
  tells(at: number): void {
    const from = this.#gap
    this.#gap = null
    if (from !== null) this.#queue.push(gap('closed', from, at))
    this.#queue.push(update(at))
  }

  /** The connection is lost, at worst. */
  breaks(at: number): void {
    this.#opens(at, at)
  }

  async read(): Promise<string[]> {
    this.#queue.end()
    const told: string[] = []
    for (let next = await this.#queue.next(); !next.done; next = await this.#queue.next()) {
      const event = next.value
      told.push(event.type === 'gap' ? `${event.state} ${event.from}` : `${event.type} ${event.receiveTime}`)
    }
    return told
  }

  #opens(from: number, at: number): void {
    if (this.#gap !== null) return
    this.#gap = from
    this.#queue.push(gap('open', from, at))
  }
}

test('nothing is told of a stream between the beginning and the end of its gap', async () => {
  for (const limit of [2, 3, 4, 5, 8]) {
    for (let events = 1; events < 20; events++) {
      const stage = new Stage(limit)
      for (let at = 1; at <= events; at++) stage.tells(at)
      stage.breaks(events + 1)
      stage.tells(events + 2)
      const told = await stage.read()
      let open = false
      for (const event of told) {
        if (event.startsWith('book_update')) expect(open, told.join(', ')).toBe(false)
        else open = event.startsWith('open')
      }
    }
  }
})

test('gap upon gap that nobody reads is one', async () => {
  const stage = new Stage(5)
  for (let at = 1; at <= 1_000; at++) stage.tells(at)
  const told = await stage.read()
  expect(told.slice(0, 2)).toEqual(['open 1', 'closed 1'])
  expect(told.length).toBeLessThanOrEqual(5)
})
