import type { Micros } from '../../schemas/events.js'
import type { SimulatedAnswer, SimulatedRequest } from '../../src/simulator/venue-simulator.js'
import { encode, type Wire, type WireRow } from '../kit/exact-json.js'
import { type Dialect, iso } from './dialect.js'
import type { SimulatedInstrument } from './instrument.js'
import type { VenueClock } from './venue-clock.js'

/** What a client without a key has left of its calls this minute. */
export interface CallLimit {
  readonly limit: number
  readonly remaining: number
}

/** Rows that a call brings at most, and when nothing is said. */
const MAX_COUNT = 1000
const COUNT = 100

/** The public calls beneath `/api/v1` that a client of the socket makes. */
export function answerRest(
  request: SimulatedRequest,
  instruments: ReadonlyMap<string, SimulatedInstrument>,
  dialect: Dialect,
  limit: CallLimit,
  clock: VenueClock,
  at: Micros,
): SimulatedAnswer {
  const { status, body } = answer(request, instruments, dialect, clock, at)
  return { status, headers: headersOf(limit), body: encode(body) }
}

/** The refusal of who called too often. */
export function tooManyCalls(limit: number, seconds: number): SimulatedAnswer {
  const headers = { ...headersOf({ limit, remaining: 0 }), 'retry-after': String(seconds) }
  const { body } = problem(429, `Rate limit exceeded, retry in ${seconds} seconds.`)
  return { status: 429, headers, body: encode(body) }
}

function headersOf({ limit, remaining }: CallLimit): Record<string, string> {
  return {
    'content-type': 'application/json; charset=utf-8',
    'x-ratelimit-limit': String(limit),
    'x-ratelimit-remaining': String(remaining),
  }
}

interface Answer {
  readonly status: number
  readonly body: Wire
}

function answer(
  request: SimulatedRequest,
  instruments: ReadonlyMap<string, SimulatedInstrument>,
  dialect: Dialect,
  clock: VenueClock,
  at: Micros,
): Answer {
  const { pathname, searchParams } = new URL(request.path, 'http://bitmex')
  const call = pathname.replace(/^.*\/api\/v1\//, '')
  const symbol = searchParams.get('symbol')
  const all = [...instruments.values()]
  const one = symbol === null ? undefined : instruments.get(symbol)
  const chosen = one === undefined ? (symbol === null ? all : []) : [one]
  switch (call) {
    case 'instrument':
      return ok(listed(chosen, dialect, at))
    case 'instrument/active':
      return ok(
        listed(
          all.filter(({ market, settled }) => market !== null && !settled),
          dialect,
          at,
        ),
      )
    case 'instrument/indices':
      return ok(
        listed(
          all.filter(({ market }) => market === null),
          dialect,
          at,
        ),
      )
    case 'instrument/activeAndIndices':
      return ok(
        listed(
          all.filter(({ settled }) => !settled),
          dialect,
          at,
        ),
      )
    case 'orderBook/L2': {
      if (one === undefined) return problem(400, 'symbol is required, and must be listed')
      const depth = Number(searchParams.get('depth') ?? '25')
      return ok(one.levels('orderBookL2', dialect, at, depth > 0 ? depth : undefined))
    }
    case 'trade': {
      const rows = history(chosen, call)
      const told = clock.wasWrong ? rows.map((row) => stamped(row, clock)) : rows
      return ok(page(told, searchParams, call, dialect))
    }
    case 'quote':
    case 'funding':
      return ok(page(history(chosen, call), searchParams, call, dialect))
    case 'trade/bucketed':
    case 'quote/bucketed': {
      const table = `${call === 'trade/bucketed' ? 'trade' : 'quote'}Bin${searchParams.get('binSize') ?? '1m'}`
      return ok(page(history(chosen, table), searchParams, table, dialect))
    }
    case 'liquidation':
      return ok(chosen.flatMap((instrument) => instrument.image('liquidation', dialect, at)))
    case 'settlement':
    case 'insurance':
      return ok([])
    default:
      return problem(404, 'Not Found')
  }
}

function listed(instruments: readonly SimulatedInstrument[], dialect: Dialect, at: Micros): WireRow[] {
  return instruments.map((instrument) => dialect.row('instrument', instrument.columns(at)))
}

function history(instruments: readonly SimulatedInstrument[], table: string): WireRow[] {
  return instruments.flatMap((instrument) => instrument.history(table))
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

/** A trade has the time that its frame had. */
function stamped(row: WireRow, clock: VenueClock): WireRow {
  const { timestamp } = row
  if (typeof timestamp !== 'string') return row
  return { ...row, timestamp: iso(clock.stamp(Date.parse(timestamp) * 1000)) }
}

function ok(body: Wire): Answer {
  return { status: 200, body }
}

function problem(status: number, message: string): Answer {
  return { status, body: { error: { message, name: 'HTTPError' } } }
}
