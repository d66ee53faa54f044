import { deflateRawSync } from 'node:zlib'
import * as z from 'zod'
import { type BittrexOptions, bittrex } from '../../../connectors/bittrex/index.js'
import type { Channel, HttpResponse, Subscription } from '../../../src/connector.js'
import { negotiationBody } from '../../../src/protocols/classic-signalr/grammar.js'
import { type Harness, type HarnessOptions, harness } from '../../support/harness.js'

/** Microseconds. */
export const SECOND = 1_000_000
export const START = 1_623_635_617_000_000

/** A body as the hub packs it. */
export function packed(body: unknown): string {
  return deflateRawSync(typeof body === 'string' ? body : JSON.stringify(body)).toString('base64')
}

export function message(method: string, body: unknown, hub = 'C3') {
  return { H: hub, M: method, A: [packed(body)] }
}

/** A frame with these messages. */
export function pushed(...messages: unknown[]): string {
  return JSON.stringify({ C: 'd-1,0|a,1', M: messages })
}

export const HEARTBEAT = pushed({ H: 'C3', M: 'heartbeat', A: [] })
export const INIT = '{"C":"d-1,0|a,0","S":1,"M":[]}'

export type Row = readonly [price: string, amount: string]

export function orderBook(
  sequence: number,
  bids: readonly Row[],
  asks: readonly Row[] = [],
  market = 'BTC-USD',
  depth = 500,
) {
  return message('orderBook', {
    marketSymbol: market,
    depth,
    sequence,
    bidDeltas: bids.map(([rate, quantity]) => ({ quantity, rate })),
    askDeltas: asks.map(([rate, quantity]) => ({ quantity, rate })),
  })
}

export function trade(id: string, rate = '38808.83000000', takerSide = 'BUY') {
  return { id, executedAt: '2021-06-13T22:38:11.08Z', quantity: '0.00693216', rate, takerSide }
}

export function trades(sequence: number, ...ids: string[]) {
  return message('trade', { deltas: ids.map((id) => trade(id)), sequence, marketSymbol: 'BTC-USD' })
}

export function candle(sequence: number, startsAt: string, close: string) {
  return message('candle', {
    sequence,
    marketSymbol: 'BTC-USD',
    interval: 'MINUTE_1',
    delta: { startsAt, open: '1.00000000', high: '2', low: '1', close, volume: '0', quoteVolume: '0' },
    candleType: 'TRADE',
  })
}

const callShape = z.object({ M: z.string(), A: z.tuple([z.array(z.string())]), I: z.int() })

/** A live session of hub `c3`, driven by hand: the server's side of it is played by the test. */
export interface LiveSession extends Harness {
  now: number
  /** A frame of the server. */
  receive(...frames: string[]): void
  /** Lets seconds pass, with a heartbeat of the hub every five. */
  pass(seconds: number): void
  /** Asks for streams of BTC-USD (or another market). */
  ask(channels: readonly Channel[], market?: string): Subscription[]
  /** The topics of every call since the last time, with its id. */
  calls(): { readonly method: string; readonly topics: string[]; readonly id: number }[]
  /** Answers every call since the last time; all is granted but what is named here. */
  grant(refused?: Readonly<Record<string, string>>): void
  /** Answers the newest request that has no answer yet. */
  answer(body: unknown, options?: { readonly sequence?: number; readonly status?: number }): void
  /** Requests that have no answer yet. */
  unanswered(): string[]
}

export function live(options: BittrexOptions & Pick<HarnessOptions, 'memory'> = {}): LiveSession {
  const { memory, ...rest } = options
  const connector = bittrex({ url: 'ws://127.0.0.1:9001', ...rest })
  const run = harness(connector, memory === undefined ? {} : { memory })
  let sentSeen = 0
  const answered = new Set<string>()
  const open = () => run.requests.filter(({ id }) => !answered.has(id))
  const session: LiveSession = Object.assign(run, {
    now: START,
    unanswered() {
      return open().map(({ url }) => url.replace('http://127.0.0.1:9001', ''))
    },
    receive(...frames: string[]) {
      for (const frame of frames) run.session.frame(frame, session.now)
    },
    pass(seconds: number) {
      const end = session.now + seconds * SECOND
      while (session.now < end) {
        session.now = Math.min(end, session.now + 5 * SECOND)
        run.until(session.now)
        if (session.now < end) session.receive(HEARTBEAT)
      }
    },
    ask(channels: readonly Channel[], market = 'BTC-USD') {
      const instrument = connector.guess(market)
      if (instrument === null) throw new Error(`no market ${market}`)
      const subscriptions = channels.map((channel) => ({ instrument, channel }))
      run.session.subscribe(subscriptions, session.now)
      return subscriptions
    },
    calls() {
      const frames = run.sent.slice(sentSeen)
      sentSeen = run.sent.length
      return frames.map((frame) => {
        const { M, A, I } = callShape.parse(JSON.parse(frame))
        return { method: M, topics: A[0], id: I }
      })
    },
    grant(refused: Readonly<Record<string, string>> = {}) {
      for (const { topics, id } of session.calls()) {
        const R = topics.map((topic) => ({ Success: !(topic in refused), ErrorCode: refused[topic] ?? null }))
        session.receive(JSON.stringify({ R, I: String(id) }))
      }
    },
    answer(body: unknown, { sequence, status = 200 }: { sequence?: number; status?: number } = {}) {
      const request = open().at(-1)
      if (request === undefined) throw new Error('nothing was asked for')
      answered.add(request.id)
      const response: HttpResponse = {
        id: request.id,
        url: request.url,
        status,
        headers: sequence === undefined ? {} : { sequence: String(sequence) },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      }
      run.session.response(response, session.now)
    },
  })
  return session
}

export const NEGOTIATED: HttpResponse = {
  id: 'negotiate',
  url: 'http://127.0.0.1:9001/signalr/negotiate',
  status: 200,
  headers: { 'set-cookie': '__cf_bm=abc; path=/' },
  body: negotiationBody('t/o+k=', '7f0e'),
}

/** A session that is connected, started, and has its heartbeat. */
export function started(options: Parameters<typeof live>[0] = {}): LiveSession {
  const run = live(options)
  run.session.opened({ url: 'ws://127.0.0.1:9001', negotiated: NEGOTIATED, attempt: 1 }, run.now)
  run.receive(INIT)
  run.answer('{"Response":"started"}')
  run.grant()
  return run
}

/** A REST book. */
export function restBook(bids: readonly Row[], asks: readonly Row[] = []) {
  const level = ([rate, quantity]: Row) => ({ quantity, rate })
  return { bid: bids.map(level), ask: asks.map(level) }
}
