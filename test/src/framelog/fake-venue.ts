import * as z from 'zod'
import type { ChannelSpec, Connector, Endpoint, Instrument } from '../../../src/connector.js'
import { decoder } from '../../../src/decode/index.js'
import { DecodeError } from '../../../src/errors.js'
import { defineSession } from '../../../src/session/index.js'

/** What a fake session was told, for the tests that look at the player itself. */
export interface Told {
  readonly sessions: { endpoint: Endpoint; connection: string; url: string; adopt: boolean }[]
  readonly sent: string[]
  readonly responses: {
    connection: string
    url: string
    headers: Readonly<Record<string, string>>
    at: number | null
  }[]
  readonly ticks: number[]
}

const channels: readonly ChannelSpec[] = [
  { kind: 'trade', variants: [], markets: ['spot'], cadenceMs: null, snapshot: false },
  { kind: 'book', variants: [], markets: ['spot'], cadenceMs: null, snapshot: true },
]

const level = z.tuple([z.string(), z.string()])
const frame = z.object({
  s: z.string(),
  ack: z.enum(['trade', 'book']).optional(),
  trade: z.tuple([z.string(), z.string(), z.string()]).optional(),
  book: z.object({ bids: z.array(level), asks: z.array(level) }).optional(),
  delta: z.object({ bids: z.array(level), asks: z.array(level) }).optional(),
  /** Asks the session to wake so many milliseconds later. */
  wake: z.string().optional(),
})

/** A venue whose frames say what they mean: `{"s":"BTCUSD","trade":["1","100.5","0.1"]}`. */
export function fakeVenue(
  venue: string,
  told: Told = { sessions: [], sent: [], responses: [], ticks: [] },
  endpoints: readonly Endpoint[] = [
    { name: 'public', url: `wss://ws.${venue}.example/v1`, rest: `https://api.${venue}.example` },
  ],
): Connector & { readonly told: Told } {
  const read = decoder(frame)
  const readList = decoder(z.array(z.string()))

  function guess(symbol: string): Instrument {
    return {
      venue,
      symbol: symbol.replace(/^(...)(...)$/, '$1/$2'),
      instrument: symbol,
      market: 'spot',
      status: null,
      base: null,
      quote: null,
      settle: null,
      tickSize: null,
      lotSize: null,
      amountUnit: 'base',
      contractSize: null,
      contractUnit: null,
      sidesCounted: 1,
      expiry: null,
    }
  }

  const catalogue: Connector['catalogue'] = {
    requests: (used) => used.map(({ rest }) => ({ id: 'list', method: 'GET', url: `${rest}/instruments` })),
    read: (response) =>
      response.url.includes(venue) && response.url.endsWith('/instruments')
        ? readList(response.body).map((id) => ({ ...guess(id), tickSize: '0.01' }))
        : null,
  }

  return {
    told,
    venue,
    aliases: [`${venue}-old`],
    title: venue,
    status: { state: 'open' },
    markets: ['spot'],
    channels,
    limits: {
      subscriptionsPerConnection: 10,
      subscribeBatch: 1,
      subscribesPerMinute: 60,
      connectsPerMinute: 60,
      requestsPerMinute: 60,
      maxFrameBytes: 1_000_000,
      maxConnectionAgeMs: null,
    },
    liveness: { silentAfterMs: 10_000, ping: null },
    endpoints,
    recognises: new RegExp(`^wss://[^/]*${venue}\\.example`),
    catalogue,
    symbols: [],
    requested: [],
    guess,
    route: () => endpoints[0] ?? { name: 'public', url: '', rest: null },
    session(init, sink) {
      return defineSession({ venue, channels, policy: {}, catalogue, init, sink }, ({ streams, alarms }) => {
        const stream = (id: string, kind: 'trade' | 'book', at: number | null) =>
          streams.adopt(init.instruments.get(id) ?? guess(id), kind, at)
        return {
          opened(info) {
            told.sessions.push({
              endpoint: init.endpoint,
              connection: init.connection,
              url: info.url,
              adopt: init.adopt,
            })
            sink.ready()
            sink.send('must not be sent')
            sink.reconnect('must not be done')
          },
          subscribe() {},
          unsubscribe() {},
          frame(data, at) {
            const text = typeof data === 'string' ? data : init.tools.gunzip(data)
            if (text === 'bug') throw new TypeError('a defect')
            const { s, ack, trade, book, delta, wake } = read(text)
            if (ack !== undefined) stream(s, ack, at)
            if (trade !== undefined) {
              const [id, price, amount] = trade
              streams.trade(
                stream(s, 'trade', at),
                { id, price, amount, side: 'buy', exchangeTime: null },
                at,
              )
            }
            if (book !== undefined) {
              streams.snapshot(stream(s, 'book', at), { ...book, depth: null, exchangeTime: null }, at)
            }
            if (delta !== undefined) {
              streams.update(stream(s, 'book', at), { ...delta, exchangeTime: null }, at)
            }
            if (wake !== undefined) {
              alarms.set(`wake ${s}`, at, Number(wake), (now) => {
                told.ticks.push(now)
                streams.connection('maintenance', `woken by ${s}`, now)
              })
            }
          },
          sent: (text) => void told.sent.push(text),
          response(response, at) {
            if (response.url.endsWith('/broken')) {
              throw new DecodeError('unknown_message', 'broken', { path: ['body'], head: response.body })
            }
            told.responses.push({
              connection: init.connection,
              url: response.url,
              headers: response.headers,
              at,
            })
          },
        }
      })
    },
  }
}
