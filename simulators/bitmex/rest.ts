import type { Micros } from '../../schemas/events.js'
import type { SimulatedAnswer, SimulatedRequest } from '../../src/simulator/venue-simulator.js'
import { encode, type Wire, type WireRow } from '../kit/exact-json.js'
import { RollingLimit } from '../kit/limits.js'
import { json, type RoutedRequest, Routes } from '../kit/routes.js'
import type { SimulatedExchange } from '../kit/simulated-exchange.js'
import { type Dialect, iso } from './dialect.js'
import type { BitmexInstrument } from './instrument.js'

/** Calls that a client without a key has a minute. */
const CALLS = 30
const MINUTE: Micros = 60_000_000

/** Rows that a call brings at most, and when nothing is said. */
const MAX_COUNT = 1000
const COUNT = 100

/** The public calls beneath `/api/v1` that a client of the socket makes. */
export function restAnswers(
  exchange: SimulatedExchange<BitmexInstrument>,
  dialect: Dialect,
  tables: ReadonlySet<string>,
): (request: SimulatedRequest) => SimulatedAnswer {
  const calls = new RollingLimit(CALLS, MINUTE)
  const all = () => [...exchange.instruments.values()]
  const chosen = ({ query }: RoutedRequest) => {
    const symbol = query.get('symbol')
    return symbol === null ? all() : all().filter(({ id }) => id === symbol)
  }
  const rows = (instruments: readonly BitmexInstrument[]) =>
    answer(instruments.map((one) => dialect.row('instrument', one.columns(exchange.now))))
  const history = (request: RoutedRequest, table: string) => {
    const found = chosen(request).flatMap((instrument) => [...instrument.history(table)])
    const { clock } = exchange
    // A trade has the time that its frame had.
    const shown = clock.wasWrong && table === 'trade' ? found.map((row) => stamped(row, exchange)) : found
    return answer(page(shown, request.query, table, dialect))
  }
  const bins = (kind: 'trade' | 'quote') => (request: RoutedRequest) =>
    history(request, `${kind}Bin${request.query.get('binSize') ?? '1m'}`)
  const routes = new Routes(
    Object.fromEntries(
      Object.entries({
        instrument: (request: RoutedRequest) => rows(chosen(request)),
        'instrument/active': () => rows(all().filter(({ market, listed }) => market !== null && listed)),
        'instrument/indices': () => rows(all().filter(({ market }) => market === null)),
        'instrument/activeAndIndices': () => rows(all().filter(({ listed }) => listed)),
        'orderBook/L2': (request: RoutedRequest) => {
          const [one] = request.query.get('symbol') === null ? [] : chosen(request)
          if (one === undefined) return problem(400, 'symbol is required, and must be listed')
          const depth = Number(request.query.get('depth') ?? '25')
          return answer(one.levels('orderBookL2', dialect, exchange.now, depth > 0 ? depth : undefined))
        },
        trade: (request: RoutedRequest) => history(request, 'trade'),
        quote: (request: RoutedRequest) => history(request, 'quote'),
        funding: (request: RoutedRequest) => history(request, 'funding'),
        'trade/bucketed': bins('trade'),
        'quote/bucketed': bins('quote'),
        liquidation: (request: RoutedRequest) =>
          answer(chosen(request).flatMap((one) => [...one.image('liquidation', dialect, exchange.now)])),
        settlement: () => answer([]),
        insurance: () => answer([]),
        announcement: () => answer([ANNOUNCEMENT]),
        'announcement/urgent': () => answer([]),
        'wallet/assets': () => answer(ASSETS),
        'schema/websocketHelp': () => answer(help(tables)),
      }).map(([call, route]) => [`(?:/.*)?/api/v1/${call}`, route]),
    ),
    problem(404, 'Not Found'),
  )
  return (request) => {
    const { now } = exchange
    if (!calls.take(now)) {
      const seconds = calls.retryAfter(now)
      const refused = problem(429, `Rate limit exceeded, retry in ${seconds} seconds.`)
      return { ...refused, headers: { ...refused.headers, ...limits(0), 'retry-after': String(seconds) } }
    }
    const given = routes.answer(request)
    return { ...given, headers: { ...given.headers, ...limits(calls.remaining(now)) } }
  }
}

function limits(remaining: number): Record<string, string> {
  return { 'x-ratelimit-limit': String(CALLS), 'x-ratelimit-remaining': String(remaining) }
}

const ANNOUNCEMENT = {
  id: 1,
  link: 'https://blog.bitmex.com/',
  title: 'This is a simulator',
  content: 'Nothing is traded here.',
  date: '2026-01-01T00:00:00.000Z',
}

/** What accounts are kept in. */
const ASSETS = [
  { asset: 'XBT', currency: 'XBt', majorCurrency: 'XBT', name: 'Bitcoin', currencyType: 'Crypto', scale: 8 },
  {
    asset: 'USDT',
    currency: 'USDt',
    majorCurrency: 'USDT',
    name: 'Tether',
    currencyType: 'Crypto',
    scale: 6,
  },
].map((asset) => ({ ...asset, enabled: true, isMarginCurrency: true, networks: [] }))

/** What a client learns the tables from. */
function help(tables: ReadonlySet<string>): WireRow {
  const names = [...tables]
  return {
    info: 'Welcome to the BitMEX Realtime API.',
    usage: 'Send commands as JSON: {"op": "<op>", "args": ["arg1"]}',
    ops: ['subscribe', 'unsubscribe', 'ping', 'help', 'authKeyExpires', 'cancelAllAfter'],
    subscribe: 'To subscribe, send: {"op": "subscribe", "args": [subscriptionTopic, ...]}.',
    subscriptionSubjects: {
      authenticationRequired: [],
      public: names,
    },
  }
}

/** `startTime`, `endTime`, `reverse`, `start` and `count`, as every list of the venue takes them. */
function page(rows: readonly WireRow[], query: URLSearchParams, table: string, dialect: Dialect): WireRow[] {
  const from = query.get('startTime') ?? ''
  const to = query.get('endTime') ?? '\uffff'
  const within = rows.filter(({ timestamp }) => {
    const time = typeof timestamp === 'string' ? timestamp : ''
    return time >= from && time <= to
  })
  const ordered = query.get('reverse') === 'true' ? within.toReversed() : within
  const start = Number(query.get('start') ?? '0')
  const count = Math.min(Number(query.get('count') ?? COUNT), MAX_COUNT)
  return ordered.slice(start, start + count).map((row) => dialect.row(table, row))
}

function stamped(row: WireRow, { clock }: SimulatedExchange<BitmexInstrument>): WireRow {
  const { timestamp } = row
  if (typeof timestamp !== 'string') return row
  return { ...row, timestamp: iso(clock.read(Date.parse(timestamp) * 1000)) }
}

function answer(body: Wire): SimulatedAnswer {
  return json(encode(body))
}

function problem(status: number, message: string): SimulatedAnswer {
  return json(encode({ error: { message, name: 'HTTPError' } }), status)
}
