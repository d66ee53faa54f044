import { describe, expect, test } from 'vitest'
import type { MarketEvent } from '../../../schemas/events.js'
import type { Channel, ChannelSpec, Session, Subscription } from '../../../src/connector.js'
import { DecodeError, spotMarket, Topics } from '../../../src/venue/index.js'
import { T0, toySession } from '../session/toy-session.js'

const channel = (kind: 'book' | 'ticker' | 'quote'): ChannelSpec => ({
  kind,
  variants: [],
  markets: ['spot'],
  cadenceMs: null,
  snapshot: false,
})
const CHANNELS = [channel('book'), channel('ticker'), channel('quote')]

const of = (instrument: string, channel: Channel): Subscription => ({
  instrument: spotMarket('toy', instrument, instrument, 'USD'),
  channel,
})

/** Ticker and quote share a topic, a book needs two. */
const SERVED: Readonly<Record<string, readonly Channel[]>> = {
  image: ['book'],
  change: ['book'],
  prices: ['ticker', 'quote'],
}

/** A venue whose frames are `ok NAME`, `no NAME`, `later NAME`, `ended NAME` and `data NAME`. */
class Toy {
  readonly sent: string[] = []
  readonly events: MarketEvent[] = []
  readonly asked: Subscription[] = []
  readonly session: Session
  topics: Topics<string> | undefined
  now = T0
  wakeAt: number | null = null

  constructor({ adopt = false, topicsARequest = 1, inTurn = false } = {}) {
    this.session = toySession(
      {
        channels: CHANNELS,
        adopt,
        sink: {
          emit: (event) => void this.events.push(event),
          send: (frame) => void this.sent.push(frame),
          wake: (at) => {
            this.wakeAt = at
          },
          resubscribe: (subscription) => void this.asked.push(subscription),
        },
      },
      (kit) => {
        const topics = new Topics<string>(kit, {
          of: ({ kind, instrument: { instrument } }) =>
            (kind === 'book' ? ['image', 'change'] : ['prices']).map((name) => `${name}.${instrument}`),
          open: (name) => {
            const [kind = '', instrument] = name.split('.')
            if (instrument !== undefined && kind in SERVED) return kind
            throw new DecodeError('unknown_message', `no topic ${name}`, { path: [], head: name })
          },
          shown: ({ name, data }) => (SERVED[data] ?? []).map((kind) => of(name.split('.')[1] ?? '', kind)),
          send: (op, asked) => kit.sink.send(`${op} ${asked.map(({ name }) => name).join(' ')}`),
          topicsARequest: () => topicsARequest,
          inTurn,
        })
        this.topics = topics
        return {
          opened: () => kit.sink.ready(),
          subscribe: (streams, at) => topics.subscribe(streams, at),
          unsubscribe: (streams, at) => topics.unsubscribe(streams, at),
          resubscribe: (stream, at) => topics.resubscribe(stream, at),
          frame: (frame, at) => {
            const [word, name = ''] = String(frame).split(' ')
            if (word === 'ok') topics.granted(name, at)
            else if (word === 'no') topics.refused(name, 'unknown', at)
            else if (word === 'later') topics.postpone(name, 'too many', at)
            else if (word === 'ended') topics.ended(name, at)
            else {
              const quote = {
                bidPrice: '1',
                askPrice: '2',
                bidAmount: null,
                askAmount: null,
                exchangeTime: null,
              }
              for (const stream of topics.find(name, at)?.streams ?? []) {
                if (stream.kind === 'quote') kit.streams.quote(stream, quote, at)
              }
            }
          },
        }
      },
    )
    this.session.opened({ url: 'ws://toy', negotiated: null, attempt: 1 }, this.now)
  }

  /** What was sent by this. */
  does(act: (session: Session) => void): string[] {
    this.sent.length = 0
    act(this.session)
    return [...this.sent]
  }

  subscribe(...streams: Subscription[]): string[] {
    return this.does((session) => session.subscribe(streams, this.now))
  }

  frames(...frames: string[]): string[] {
    return this.does((session) => {
      for (const frame of frames) session.frame(frame, this.now)
    })
  }

  wait(ms: number): void {
    const until = this.now + ms * 1000
    while (this.wakeAt !== null && this.wakeAt <= until) {
      this.now = Math.max(this.now, this.wakeAt)
      this.wakeAt = null
      this.session.tick(this.now)
    }
    this.now = until
  }

  states(): Record<string, string> {
    const held = this.topics?.values() ?? []
    return Object.fromEntries([...held].map(({ name, state, streams }) => [name, `${state} ${streams.size}`]))
  }

  refusals(): string[] {
    return this.events.flatMap((event) =>
      event.type === 'connection' && event.state === 'refused' ? [event.reason ?? ''] : [],
    )
  }
}

describe('topics', () => {
  test('are asked for once, however many streams need them', () => {
    const toy = new Toy()
    expect(toy.subscribe(of('BTC', 'ticker'))).toEqual(['subscribe prices.BTC'])
    expect(toy.subscribe(of('BTC', 'quote'))).toEqual([])
    expect(toy.states()).toEqual({ 'prices.BTC': 'asked 2' })
  })

  test('are asked for several in a request, as the venue takes them', () => {
    const toy = new Toy({ topicsARequest: 3 })
    expect(toy.subscribe(of('BTC', 'book'), of('ETH', 'book'), of('BTC', 'quote'))).toEqual([
      'subscribe image.BTC change.BTC image.ETH',
      'subscribe change.ETH prices.BTC',
    ])
  })

  test('grant a stream with the last of its topics', () => {
    const toy = new Toy()
    toy.subscribe(of('BTC', 'book'))
    toy.frames('ok image.BTC')
    toy.wait(31_000)
    expect(toy.asked).toHaveLength(1)
    toy.does((session) => session.resubscribe(of('BTC', 'book'), toy.now))
    toy.frames('ok image.BTC', 'ok change.BTC')
    toy.wait(60_000)
    expect(toy.asked).toHaveLength(1)
  })

  test('that are here already grant a further stream at once', () => {
    const toy = new Toy()
    toy.subscribe(of('BTC', 'ticker'))
    toy.frames('ok prices.BTC')
    toy.subscribe(of('BTC', 'quote'))
    toy.wait(60_000)
    expect(toy.asked).toEqual([])
  })

  test('are given up with the last stream that needs them, and forgotten when the venue confirms that', () => {
    const toy = new Toy()
    toy.subscribe(of('BTC', 'ticker'), of('BTC', 'quote'))
    toy.frames('ok prices.BTC')
    expect(toy.does((session) => session.unsubscribe([of('BTC', 'ticker')], toy.now))).toEqual([])
    expect(toy.does((session) => session.unsubscribe([of('BTC', 'quote')], toy.now))).toEqual([
      'unsubscribe prices.BTC',
    ])
    expect(toy.states()).toEqual({ 'prices.BTC': 'leaving 0' })
    toy.frames('ended prices.BTC')
    expect(toy.states()).toEqual({})
  })

  test('that are refused take their streams with them, and what only these needed', () => {
    const toy = new Toy()
    toy.subscribe(of('BTC', 'book'))
    toy.frames('ok image.BTC')
    expect(toy.frames('no change.BTC')).toEqual(['unsubscribe image.BTC'])
    expect(toy.refusals()).toEqual(['book of BTC/USD: unknown'])
    expect(toy.states()).toEqual({ 'image.BTC': 'leaving 0' })
  })

  test('that were granted can be taken back, and those that are given up cannot be refused', () => {
    const toy = new Toy()
    toy.subscribe(of('BTC', 'quote'), of('ETH', 'quote'))
    toy.frames('ok prices.BTC', 'no prices.BTC')
    expect(toy.refusals()).toEqual(['quote of BTC/USD: unknown'])
    toy.does((session) => session.unsubscribe([of('ETH', 'quote')], toy.now))
    toy.frames('no prices.ETH')
    expect(toy.refusals()).toHaveLength(1)
  })

  test('that are refused for now are asked for again later, and the reason is emitted once', () => {
    const toy = new Toy()
    toy.subscribe(of('BTC', 'quote'))
    toy.frames('later prices.BTC')
    expect(toy.states()).toEqual({ 'prices.BTC': 'waiting 1' })
    toy.wait(29_000)
    expect(toy.asked).toEqual([])
    toy.wait(2_000)
    expect(toy.asked).toHaveLength(1)
    expect(toy.does((session) => session.resubscribe(of('BTC', 'quote'), toy.now))).toEqual([
      'subscribe prices.BTC',
    ])
    toy.frames('later prices.BTC')
    expect(toy.refusals()).toEqual(['quote of BTC/USD: too many'])
  })

  test('begin anew with all their streams, and are asked for once where those are overdue together', () => {
    const toy = new Toy()
    toy.subscribe(of('BTC', 'ticker'), of('BTC', 'quote'))
    toy.wait(31_000)
    expect(toy.asked).toHaveLength(2)
    const sent = toy.does((session) => {
      for (const stream of toy.asked) session.resubscribe(stream, toy.now)
    })
    expect(sent).toEqual(['subscribe prices.BTC'])
  })

  test('that the venue ends by itself are a gap, and are asked for again', () => {
    const toy = new Toy()
    toy.subscribe(of('BTC', 'quote'))
    toy.frames('ok prices.BTC', 'data prices.BTC', 'ended prices.BTC')
    expect(toy.events.filter(({ type }) => type === 'gap')).toMatchObject([
      { reason: 'stale', state: 'open' },
    ])
    expect(toy.asked).toHaveLength(1)
  })

  test('that were asked for again stay when the unsubscribe before it is confirmed', () => {
    const toy = new Toy()
    toy.subscribe(of('BTC', 'quote'))
    toy.frames('ok prices.BTC')
    toy.does((session) => session.unsubscribe([of('BTC', 'quote')], toy.now))
    expect(toy.subscribe(of('BTC', 'quote'))).toEqual(['subscribe prices.BTC'])
    toy.frames('ended prices.BTC')
    expect(toy.states()).toEqual({ 'prices.BTC': 'asked 1' })
  })

  test('in turn are given up when they have their answer, and only if no stream wants them by then', () => {
    const toy = new Toy({ inTurn: true })
    toy.subscribe(of('BTC', 'quote'), of('ETH', 'quote'))
    expect(
      toy.does((session) => session.unsubscribe([of('BTC', 'quote'), of('ETH', 'quote')], toy.now)),
    ).toEqual([])
    expect(toy.subscribe(of('ETH', 'quote'))).toEqual([])
    expect(toy.frames('ok prices.BTC', 'ok prices.ETH')).toEqual(['unsubscribe prices.BTC'])
    expect(toy.states()).toEqual({ 'prices.BTC': 'leaving 0', 'prices.ETH': 'granted 1' })
  })

  test('in turn are asked for again when it is confirmed that they were given up', () => {
    const toy = new Toy({ inTurn: true })
    toy.subscribe(of('BTC', 'quote'), of('ETH', 'quote'))
    toy.frames('ok prices.BTC', 'ok prices.ETH')
    expect(toy.does((session) => session.unsubscribe([of('BTC', 'quote')], toy.now))).toEqual([
      'unsubscribe prices.BTC',
    ])
    expect(toy.subscribe(of('BTC', 'quote'))).toEqual([])
    expect(toy.frames('ended prices.BTC')).toEqual(['subscribe prices.BTC'])
    expect(toy.does((session) => session.resubscribe(of('ETH', 'quote'), toy.now))).toEqual([
      'unsubscribe prices.ETH',
    ])
    expect(toy.frames('ended prices.ETH', 'ok prices.ETH')).toEqual(['subscribe prices.ETH'])
    expect(toy.states()).toEqual({ 'prices.BTC': 'asked 1', 'prices.ETH': 'granted 1' })
  })

  test('of a recording become known by acks and data, end with its unsubscribes, and send nothing', () => {
    const toy = new Toy({ adopt: true })
    toy.frames('ok image.BTC', 'data prices.ETH', 'data nothing.ETH')
    expect(toy.states()).toEqual({ 'image.BTC': 'granted 1', 'prices.ETH': 'granted 2' })
    expect(toy.events.filter(({ type }) => type === 'quote')).toHaveLength(1)
    expect(toy.events.filter(({ type }) => type === 'malformed')).toHaveLength(1)
    toy.frames('ended prices.ETH')
    expect(toy.states()).toEqual({ 'image.BTC': 'granted 1' })
    expect(toy.sent).toEqual([])
  })
})
