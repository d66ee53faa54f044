import { describe, expect, test } from 'vitest'
import type { Level, MarketEvent } from '../../../schemas/events.js'
import type { ChannelSpec, HttpRequest, Session, Subscription } from '../../../src/connector.js'
import {
  type BookMessage,
  DecodeError,
  levelRows,
  type OrderRule,
  RequestedBooks,
  spotMarket,
} from '../../../src/venue/index.js'
import { T0, toySession } from '../session/toy-session.js'

const order: OrderRule = { by: 'number', scope: 'stream', across: 'same', step: 'next' }
const CHANNELS: readonly ChannelSpec[] = [
  {
    kind: 'book',
    variants: [],
    markets: ['spot'],
    cadenceMs: null,
    order,
    image: { how: 'request' },
    mark: { by: 'request' },
    snapshot: true,
  },
]
const BOOK: Subscription = { instrument: spotMarket('toy', 'ABC', 'ABC', 'USD'), channel: 'book' }

const UNREADABLE = 'unreadable'

/** `[number, [bids], [asks]]`, as a change on the socket and as an image over HTTP. */
type Wire = readonly [number: number, bids: readonly Level[], asks?: readonly Level[]]

function read(text: string): BookMessage<Level> {
  if (!text.startsWith('[')) throw new DecodeError('not_json', text, { path: [], head: text })
  const [number, bids, asks = []] = JSON.parse(text) as Wire
  return { sequence: BigInt(number), exchangeTime: null, bids: [...bids], asks: [...asks] }
}

/** A venue of one book, numbered without holes, that grants it at once. */
class Toy {
  readonly events: MarketEvent[] = []
  readonly requests: HttpRequest[] = []
  readonly asked: Subscription[] = []
  readonly session: Session
  #wakeAt: number | null = null
  now = T0

  constructor(adopt = false) {
    this.session = toySession(
      {
        channels: CHANNELS,
        adopt,
        rest: 'http://toy',
        sink: {
          emit: (event) => void this.events.push(event),
          request: (request) => void this.requests.push(request),
          wake: (at) => {
            this.#wakeAt = at
          },
          resubscribe: (subscription) => void this.asked.push(subscription),
        },
      },
      (kit) => {
        const books = new RequestedBooks<Level>(kit, {
          rows: levelRows,
          order,
          settleMs: 1_000,
          strict: true,
          path: ({ instrument }) => `/book/${instrument.instrument}`,
          read: ({ body }) => read(body),
          refuse: (stream, reason, at) => {
            books.leave(stream)
            kit.streams.refuse(stream, reason, at)
          },
          throttled: ({ body }) => body === 'slow down',
          audit: { firstMs: 5_000, silentMs: 60_000, longestMs: 60_000 },
        })
        return {
          opened: () => kit.sink.ready(),
          subscribe: (streams, at) => {
            for (const stream of streams) {
              books.begin(stream)
              books.granted(stream, at)
            }
          },
          unsubscribe: (streams) => {
            for (const stream of streams) {
              books.leave(stream)
              kit.streams.remove(stream)
            }
          },
          frame: (data, at) => {
            const stream = adopt
              ? kit.streams.adopt(BOOK.instrument, 'book', at)
              : kit.streams.get('ABC', 'book')
            if (stream === undefined) return
            if (data === UNREADABLE) books.broken(stream, 'a change cannot be read', at)
            else books.change(stream, read(String(data)), at)
          },
          response: (answer, at) => {
            if (adopt) books.logged('ABC', kit.streams.get('ABC', 'book'), answer, at)
            else books.response(answer, at)
          },
          finished: () => books.finished(),
        }
      },
    )
    this.session.opened({ url: '', negotiated: null, attempt: 1 }, this.now)
    if (!adopt) this.session.subscribe([BOOK], this.now)
  }

  change(...message: Wire): this {
    this.session.frame(JSON.stringify(message), this.now)
    return this
  }

  unreadable(): this {
    this.session.frame(UNREADABLE, this.now)
    return this
  }

  /** Answers the last request. */
  answer(body: Wire | string, status = 200): this {
    const { id = '', url = 'http://toy/book/ABC' } = this.requests.at(-1) ?? {}
    const text = typeof body === 'string' ? body : JSON.stringify(body)
    this.session.response({ id, url, status, headers: {}, body: text }, this.now)
    return this
  }

  wait(ms: number): this {
    this.now += ms * 1000
    while (this.#wakeAt !== null && this.#wakeAt <= this.now) {
      const due = this.#wakeAt
      this.#wakeAt = null
      this.session.tick(due)
    }
    return this
  }

  of<T extends MarketEvent['type']>(type: T): Extract<MarketEvent, { type: T }>[] {
    return this.events.filter((event): event is never => event.type === type)
  }
}

/** A book that stands at number 3. */
function joined(): Toy {
  return new Toy()
    .change(2, [['9', '2']])
    .wait(1_000)
    .answer([3, [['9', '2']], [['11', '1']]])
}

describe('a book whose image is asked for', () => {
  test('is asked for once, a while after the grant, and begins with the changes that waited', () => {
    const toy = new Toy().change(2, [['9', '2']]).change(3, [['8', '1']])
    expect(toy.wait(999).requests).toEqual([])
    expect(toy.wait(1).requests.map(({ url }) => url)).toEqual(['http://toy/book/ABC'])
    toy.wait(60_000).answer([2, [['9', '2']], [['11', '1']]])
    expect(toy.requests).toHaveLength(1)
    expect(toy.of('book_snapshot')).toMatchObject([
      {
        sequence: '3',
        bids: [
          ['9', '2'],
          ['8', '1'],
        ],
      },
    ])
    toy.change(4, [['9', '0']])
    expect(toy.of('book_update')).toMatchObject([{ sequence: '4', bids: [['9', '0']] }])
  })

  test.each([
    ['was too old', (toy: Toy) => toy.answer([1, []]), [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]],
    ['made no sense', (toy: Toy) => toy.answer('nonsense'), [1_000, 2_000, 4_000]],
    ['did not come', (toy: Toy) => toy.answer('away', 0), [1_000, 2_000, 4_000]],
    ['was refused for now', (toy: Toy) => toy.answer('slow down', 400), [60_000, 60_000]],
  ])('is asked for again, later each time, while the answer %s', (_what, answer, waits) => {
    const toy = new Toy().change(5, [['9', '2']]).wait(1_000)
    for (const ms of waits) {
      const before = toy.requests.length
      answer(toy).wait(ms - 1)
      expect(toy.requests).toHaveLength(before)
      expect(toy.wait(1).requests).toHaveLength(before + 1)
    }
    toy.answer([5, [['9', '2']]])
    expect(toy.of('book_snapshot')).toHaveLength(1)
    toy.wait(4_999)
    expect(toy.requests).toHaveLength(waits.length + 1)
  })

  test('that fails again and again says so once', () => {
    const toy = new Toy().wait(1_000)
    for (let times = 0; times < 6; times++) toy.answer('away', 503).wait(30_000)
    expect(toy.of('connection')).toMatchObject([
      { state: 'refused', reason: 'image of book of ABC/USD: HTTP 503' },
    ])
  })

  test('that does not exist is refused, unless it was seen', () => {
    const toy = new Toy().wait(1_000).answer('', 404)
    expect(toy.of('connection')).toMatchObject([
      { state: 'refused', reason: expect.stringContaining('there is no market ABC') },
    ])
    expect(toy.wait(600_000).requests).toHaveLength(1)
    const seen = joined().wait(5_000).answer('', 404).wait(1_000)
    expect(seen.of('connection').filter(({ state }) => state === 'refused')).toEqual([])
    expect(seen.requests.length).toBeGreaterThan(2)
  })

  test('that is given up asks no more, and takes no late answer', () => {
    const toy = new Toy().change(2, [['9', '2']]).wait(1_000)
    toy.session.unsubscribe([BOOK], toy.now)
    toy.answer([2, [['9', '2']]]).wait(600_000)
    expect(toy.of('book_snapshot')).toEqual([])
    expect(toy.requests).toHaveLength(1)
  })

  test.each([
    ['is missing', [5, [['8', '1']]] as Wire, 'expected number 4, got 5'],
    ['removes what is not there', [4, [['7', '0']]] as Wire, expect.any(String)],
  ])('has a gap where a change %s', (_what, change, detail) => {
    const toy = joined().change(...change)
    expect(toy.of('gap')).toMatchObject([{ reason: 'sequence', state: 'open', detail }])
    expect(toy.asked).toMatchObject([{ channel: 'book' }])
  })

  test('that is silent is compared with the venue: the same is proof, another is a gap', () => {
    const toy = joined().wait(5_000)
    expect(toy.requests).toHaveLength(2)
    toy.answer([3, [['9', '2']], [['11', '1']]]).wait(59_000)
    expect(toy.requests).toHaveLength(2)
    toy.wait(1_000).answer([4, [['9', '1']], [['11', '1']]])
    expect(toy.requests).toHaveLength(3)
    // What it shows may be on its way.
    expect(toy.wait(4_999).of('gap')).toEqual([])
    expect(toy.wait(1).of('gap')).toMatchObject([{ reason: 'stale' }])
    const late = joined()
      .wait(5_000)
      .answer([4, [['9', '1']], [['11', '1']]])
      .wait(1_000)
    expect(
      late
        .change(4, [['9', '1']])
        .wait(10_000)
        .of('gap'),
    ).toEqual([])
  })

  test('that its image crosses is asked for later and later', () => {
    const toy = new Toy()
    for (const waitMs of [1_000, 2_000, 4_000]) {
      const before = toy.requests.length
      expect(toy.wait(waitMs - 1).requests).toHaveLength(before)
      expect(toy.wait(1).requests).toHaveLength(before + 1)
      toy.answer([3, [['12', '1']], [['11', '1']]]).wait(2_000)
      expect(toy.of('gap').at(-1)).toMatchObject({ reason: 'crossed', state: 'open' })
      toy.session.resubscribe(BOOK, toy.now)
    }
  })

  test('that is being asked for is asked for anew where a change cannot be read', () => {
    const toy = new Toy().change(2, [['9', '2']]).wait(500)
    toy.unreadable().wait(500)
    expect(toy.requests).toEqual([])
    expect(toy.wait(500).requests).toHaveLength(1)
  })

  test('comes from the answers of a recording, where nothing is asked for', () => {
    const toy = new Toy(true)
      .change(2, [['9', '2']])
      .wait(5_000)
      .answer([2, [['9', '2']]])
    toy.change(3, [['9', '3']])
    expect(toy.requests).toEqual([])
    expect(toy.events.map(({ type }) => type)).toEqual(
      expect.arrayContaining(['book_snapshot', 'book_update']),
    )
  })
})
