import { beforeEach, describe, expect, test } from 'vitest'
import type { Level, MarketEvent } from '../../../schemas/events.js'
import type { ChannelSpec, Instrument, Session } from '../../../src/connector.js'
import { defineSession, Instruments, StreamMemory, type StreamPolicy } from '../../../src/session/index.js'
import { nodeTools } from '../../../src/socket/tools.js'
import { spotMarket } from '../../../src/venue/spot-market.js'

/**
 * What watches over a stream must do so again after each gap, each new request and each connection. The book of a toy venue,
 * driven by hand; its frames: `ack`, `refuse`, `book BID ASK` for a whole book and `bid PRICE AMOUNT` for a change.
 */

const T0 = 1_700_000_000_000_000
const INSTRUMENT: Instrument = { ...spotMarket('toy', 'BTCUSD', 'BTC', 'USD'), status: 'open' }
const BOOK = { instrument: INSTRUMENT, channel: 'book' } as const
const CHANNELS: readonly ChannelSpec[] = [
  { kind: 'book', variants: [], markets: ['spot'], cadenceMs: 10_000, snapshot: true },
]
const POLICY: StreamPolicy = { ackTimeoutMs: 4_000, firstDatumMs: 5_000, crossedForMs: 2_000 }

class Stage {
  readonly events: MarketEvent[] = []
  readonly reconnects: string[] = []
  readonly memory = new StreamMemory()
  resubscribes = 0
  /** How many streams each request gave up. */
  readonly unsubscribed: number[] = []
  /** Whether each change could be applied to the book. */
  readonly applied: boolean[] = []
  #now = T0
  #wake: number | null = null
  #session: Session = this.#open()

  #open(subscribed = true): Session {
    const instruments = new Instruments()
    instruments.add(INSTRUMENT)
    this.#wake = null
    const session: Session = defineSession(
      {
        venue: 'toy',
        channels: CHANNELS,
        policy: POLICY,
        catalogue: { requests: () => [], read: () => null },
        init: {
          endpoint: { name: 'public', url: 'ws://toy', rest: null },
          connection: 'public#0',
          adopt: false,
          instruments,
          memory: this.memory,
          tools: nodeTools(1_000),
          random: () => 0.5,
        },
        sink: {
          emit: (event) => void this.events.push(event),
          send: () => {},
          request: () => {},
          wake: (at) => {
            this.#wake = at
          },
          ready: () => {},
          reconnect: (reason) => void this.reconnects.push(reason),
          resubscribe: () => {
            this.resubscribes++
          },
        },
      },
      ({ streams, sink }) => ({
        opened: () => sink.ready(),
        subscribe: () => {},
        unsubscribe: (leaving) => void this.unsubscribed.push(leaving.length),
        frame: (data, at) => {
          const [word, first = '', second = ''] = String(data).split(' ')
          const stream = streams.get(INSTRUMENT.instrument, 'book')
          if (stream === undefined) throw new Error('the book was not asked for')
          if (word === 'ack') streams.ack(stream, at)
          if (word === 'lost') streams.resync(stream, 'sequence', null, at)
          if (word === 'book') {
            const fields = { bids: [[first, '1']] satisfies Level[], asks: [[second, '1']] satisfies Level[] }
            const rest = { exchangeTime: null, depth: null }
            streams.snapshot(stream, { ...fields, ...rest }, at)
          }
          if (word === 'bid') {
            const fields = { exchangeTime: null, bids: [[first, second]] satisfies Level[], asks: [] }
            this.applied.push(streams.update(stream, fields, at))
          }
        },
      }),
    )
    session.opened({ url: 'ws://toy', negotiated: null, attempt: 1 }, this.#now)
    if (subscribed) session.subscribe([BOOK], this.#now)
    return session
  }

  say(...frames: readonly string[]): void {
    for (const frame of frames) this.#session.frame(frame, this.#now)
  }

  unsubscribe(): void {
    this.#session.unsubscribe([BOOK], this.#now)
  }

  /** The book's turn to be asked for again has come. */
  resubscribe(): void {
    this.#session.resubscribe(BOOK, this.#now)
  }

  /** Lets time pass; what is to be asked for again is, at once. */
  wait(ms: number): void {
    const until = this.#now + ms * 1000
    let asked = this.resubscribes
    while (this.#wake !== null && this.#wake <= until) {
      this.#now = Math.max(this.#now, this.#wake)
      this.#wake = null
      this.#session.tick(this.#now)
      if (this.resubscribes > asked) this.#session.resubscribe(BOOK, this.#now)
      asked = this.resubscribes
    }
    this.#now = until
  }

  reconnect(subscribed = true): void {
    this.#session.closed({ code: 1006, reason: '' }, this.#now)
    this.#session = this.#open(subscribed)
  }

  /** `crossed 2000` for a gap that opened so many milliseconds after the beginning, `whole` for its end. */
  get gaps(): string[] {
    return this.events.flatMap((event) => {
      if (event.type !== 'gap') return []
      return [event.state === 'open' ? `${event.reason} ${((event.receiveTime ?? 0) - T0) / 1000}` : 'whole']
    })
  }

  get elapsedMs(): number {
    return (this.#now - T0) / 1000
  }
}

let stage: Stage

beforeEach(() => {
  stage = new Stage()
})

describe('a book that is to be asked for again', () => {
  test('is kept where it came back before its turn', () => {
    stage.say('ack', 'book 100 101', 'lost', 'book 100 101')
    expect(stage.gaps).toEqual(['sequence 0', 'whole'])
    stage.resubscribe()
    stage.say('bid 99 1')
    expect(stage.unsubscribed).toEqual([])
    expect(stage.applied).toEqual([true])
  })

  test('has a gap for as long as it is given up', () => {
    stage.say('ack', 'book 100 101', 'lost')
    stage.resubscribe()
    stage.say('bid 99 1')
    stage.reconnect()
    expect(stage.unsubscribed).toEqual([1])
    expect(stage.gaps).toEqual(['sequence 0'])
    stage.say('ack', 'book 100 101')
    expect(stage.gaps).toEqual(['sequence 0', 'whole'])
  })
})

describe('a crossed book', () => {
  beforeEach(() => stage.say('ack', 'book 100 101'))

  test('is a gap when it is crossed for as long as the venue allows, and again each time', () => {
    for (let round = 0; round < 3; round++) {
      const began = stage.elapsedMs
      stage.say('bid 102 1')
      stage.wait(1_999)
      stage.say('bid 103 1')
      expect(stage.gaps).toHaveLength(2 * round)
      stage.wait(1)
      expect(stage.gaps.slice(2 * round)).toEqual([`crossed ${began + 2_000}`])
      expect(stage.resubscribes).toBe(round + 1)
      stage.say('ack', 'book 100 101')
      expect(stage.gaps.slice(2 * round)).toEqual([`crossed ${began + 2_000}`, 'whole'])
    }
  })

  test('is a gap again where the venue sent it anew and it is crossed still', () => {
    stage.say('bid 102 1')
    stage.wait(2_000)
    for (let round = 1; round <= 3; round++) {
      stage.say('ack', 'book 102 101')
      stage.wait(2_000)
    }
    const times = [2_000, 4_000, 6_000, 8_000].map((time) => `crossed ${time}`)
    expect(stage.gaps.filter((gap) => gap !== 'whole')).toEqual(times)
  })

  test('is none when it is crossed for moments, however many', () => {
    for (let round = 0; round < 6; round++) {
      stage.say('bid 102 1')
      stage.wait(1_500)
      stage.say('bid 102 0')
      stage.wait(100)
    }
    expect(stage.gaps).toEqual([])
    stage.say('bid 102 1')
    stage.wait(2_000)
    expect(stage.gaps).toEqual(['crossed 11600'])
  })

  test('takes no change until the venue sent it anew', () => {
    stage.say('bid 102 1')
    stage.wait(2_000)
    stage.say('bid 99 1', 'ack', 'bid 98 1', 'book 100 101', 'bid 99 1')
    expect(stage.applied).toEqual([true, false, false, true])
    expect(stage.events.filter(({ type }) => type === 'book_update')).toHaveLength(2)
  })

  test('is watched on the next connection too', () => {
    stage.say('bid 102 1')
    stage.wait(1_000)
    stage.reconnect()
    stage.say('ack', 'book 100 101')
    stage.wait(5_000)
    expect(stage.gaps).toEqual(['disconnected 1000', 'whole'])
    stage.say('bid 102 1')
    stage.wait(2_000)
    expect(stage.gaps.slice(2)).toEqual(['crossed 8000'])
  })
})

describe('a book that moves at a pace', () => {
  test('is stale when nothing comes for so long, counted from the last change, and again each time', () => {
    stage.say('ack', 'book 100 101')
    for (let round = 0; round < 3; round++) {
      for (let change = 1; change <= 5; change++) {
        stage.wait(7_000)
        stage.say(`bid 99 ${change}`)
      }
      const last = stage.elapsedMs
      expect(stage.gaps).toHaveLength(2 * round)
      stage.wait(9_999)
      expect(stage.gaps).toHaveLength(2 * round)
      stage.wait(1)
      expect(stage.gaps.slice(2 * round)).toEqual([`stale ${last + 10_000}`])
      expect(stage.resubscribes).toBe(round + 1)
      stage.say('ack', 'book 100 101')
    }
    expect(stage.reconnects).toEqual([])
  })

  test('is watched on the next connection too', () => {
    stage.say('ack', 'book 100 101')
    stage.wait(3_000)
    stage.reconnect()
    stage.say('ack', 'book 100 101')
    stage.wait(10_000)
    expect(stage.gaps).toEqual(['disconnected 3000', 'whole', 'stale 13000'])
  })
})

describe('a stream that is asked for', () => {
  test('is asked for again while no answer comes, and the third time the connection is replaced', () => {
    stage.wait(4_000)
    expect([stage.resubscribes, stage.reconnects]).toEqual([1, []])
    stage.wait(4_000)
    expect([stage.resubscribes, stage.reconnects]).toEqual([2, []])
    stage.wait(4_000)
    expect([stage.resubscribes, stage.reconnects.length]).toEqual([2, 1])
  })

  test('is asked for again while it is granted and stays silent', () => {
    for (let round = 1; round <= 3; round++) {
      stage.say('ack')
      stage.wait(4_999)
      expect(stage.resubscribes).toBe(round - 1)
      stage.wait(1)
    }
    expect([stage.resubscribes, stage.reconnects]).toEqual([
      2,
      ['book of BTC/USD was granted and stays silent'],
    ])
  })

  test('has its tries back with every datum', () => {
    stage.say('ack', 'book 100 101')
    for (let round = 1; round <= 5; round++) {
      stage.wait(10_000)
      expect(stage.gaps.at(-1)).toMatch('stale')
      stage.say('ack')
      stage.wait(5_000)
      stage.say('ack', 'book 100 101')
      expect([stage.resubscribes, stage.reconnects]).toEqual([2 * round, []])
    }
  })

  test('is watched on the next connection too', () => {
    stage.say('ack', 'book 100 101')
    for (let connection = 1; connection <= 3; connection++) {
      stage.reconnect()
      stage.wait(4_000)
      expect(stage.resubscribes).toBe(2 * connection - 1)
      stage.say('ack')
      stage.wait(5_000)
      expect(stage.resubscribes).toBe(2 * connection)
      expect(stage.reconnects).toEqual([])
    }
  })

  test('is given up with one request, and watched no more', () => {
    stage.say('ack', 'book 100 101', 'bid 102 1')
    stage.unsubscribe()
    stage.wait(60_000)
    expect([stage.unsubscribed, stage.resubscribes, stage.gaps]).toEqual([[1], 0, []])
    stage.reconnect(false)
    stage.unsubscribe()
    expect(stage.unsubscribed).toEqual([1])
  })
})
