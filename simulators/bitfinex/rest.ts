import { splitPair } from '../../connectors/bitfinex/symbols.js'
import type { Micros } from '../../schemas/events.js'
import type { SimulatedAnswer, SimulatedRequest } from '../../src/simulator/venue-simulator.js'
import { RowReader } from './book-rows.js'
import { CandleSeries } from './candle-series.js'
import type { SimulatedFloor } from './floor.js'
import type { SimulatedInstrument } from './instrument.js'

/** The venue's REST v2, as far as it is public and a market-data client needs it. */
export function answerRest(
  floor: SimulatedFloor,
  { method, path }: SimulatedRequest,
  status: 0 | 1,
  at: Micros,
): SimulatedAnswer {
  const url = new URL(path, 'http://simulated')
  const [, version, call = '', ...rest] = decodeURIComponent(url.pathname).split('/')
  if (version !== 'v2' || method !== 'GET') return { status: 404, headers: JSON_BODY, body: '"not found"' }
  const body = answer(floor, call, rest, url.searchParams, status, at)
  return body === null
    ? { status: 500, headers: JSON_BODY, body: `["error",10020,"${call}: invalid"]` }
    : { status: 200, headers: JSON_BODY, body }
}

const JSON_BODY = { 'content-type': 'application/json; charset=utf-8' }

/** JSON of the answer; null where the venue finds an argument invalid. */
function answer(
  floor: SimulatedFloor,
  call: string,
  rest: readonly string[],
  query: URLSearchParams,
  status: 0 | 1,
  at: Micros,
): string | null {
  const [first = '', second = ''] = rest
  switch (call) {
    case 'platform':
      return first === 'status' ? `[${status}]` : null
    case 'conf':
      return conf(floor, first.split(','))
    case 'ticker':
      return floor.instruments.get(first)?.ticker() ?? null
    case 'tickers':
      return tickers(floor, query.get('symbols') ?? '')
    case 'book':
      return book(floor.instruments.get(first), second, query.get('len') ?? '25')
    case 'trades':
      return second === 'hist' ? trades(floor.instruments.get(first), query) : null
    case 'candles':
      return candles(floor, first, second, query)
    case 'status':
      return first === 'deriv' ? derivatives(floor, query.get('keys') ?? '', at) : null
    case 'liquidations':
      return first === 'hist'
        ? `[${floor
            .liquidations()
            .map((row) => `[${row}]`)
            .join(',')}]`
        : null
    default:
      return null
  }
}

function conf(floor: SimulatedFloor, keys: readonly string[]): string | null {
  const answers = keys.map((key) => confAnswer(floor, key))
  return answers.includes(null) ? null : `[${answers.join(',')}]`
}

function confAnswer(floor: SimulatedFloor, key: string): string | null {
  const listed = [...floor.instruments.values()].filter(({ delisted }) => !delisted)
  const pairs = (kind: string) =>
    listed.filter(({ listing }) => listing.kind === kind).map(({ id }) => id.slice(1))
  const codes = [
    ...new Set([...pairs('spot'), ...pairs('perpetual')].flatMap((pair) => splitPair(pair) ?? [])),
  ]
  switch (key) {
    case 'pub:list:pair:exchange':
      return JSON.stringify(pairs('spot').sort())
    case 'pub:list:pair:margin':
      // What can be borrowed for is what has a funding market: BTC and USD.
      return JSON.stringify(['BTCUSD'])
    case 'pub:list:pair:futures':
      return JSON.stringify(pairs('perpetual').sort())
    case 'pub:list:currency':
      return JSON.stringify(codes.sort())
    case 'pub:map:currency:sym':
      return JSON.stringify([
        ['TESTUSDTF0', 'TESTUSDT'],
        ['UST', 'USDt'],
        ['USTF0', 'USDt0'],
      ])
    case 'pub:map:currency:undl':
      return JSON.stringify(
        codes.filter((code) => code.endsWith('F0')).map((code) => [code, code.slice(0, -2)]),
      )
    case 'pub:info:pair':
      return pairInfo(pairs('spot'))
    case 'pub:info:pair:futures':
      return pairInfo(pairs('perpetual'))
    default:
      // Other lists of the venue exist and are of no concern to market data.
      return /^pub:(?:list|map|info|spec):/.test(key) ? '[]' : null
  }
}

/** `[pair, [null, null, null, MIN_ORDER, MAX_ORDER, null, null, null, INIT_MARGIN, MIN_MARGIN]]`. */
function pairInfo(pairs: readonly string[]): string {
  const sizes = [null, null, null, '0.00001', '2000.0', null, null, null, 0.2, 0.1]
  return JSON.stringify(pairs.map((pair) => [pair, sizes]))
}

function tickers(floor: SimulatedFloor, symbols: string): string {
  const asked = symbols === 'ALL' ? [...floor.instruments.keys()] : symbols.split(',')
  const rows = asked
    .map((symbol) => floor.instruments.get(symbol))
    .filter((instrument) => instrument !== undefined)
    .map((instrument) => `["${instrument.id}",${instrument.ticker().slice(1)}`)
  return `[${rows.join(',')}]`
}

function book(instrument: SimulatedInstrument | undefined, asked: string, length: string): string | null {
  const precision = (['P0', 'P1', 'P2', 'P3', 'P4', 'R0'] as const).find((name) => name === asked)
  if (instrument === undefined || precision === undefined || !['1', '25', '100', '250'].includes(length))
    return null
  const rows = (['bids', 'asks'] as const).flatMap((side) =>
    new RowReader(instrument, side, precision).best(Number(length)),
  )
  return `[${rows.map(({ set }) => set).join(',')}]`
}

/** Newest first, or oldest first with `sort=1`. */
function trades(instrument: SimulatedInstrument | undefined, query: URLSearchParams): string | null {
  if (instrument === undefined) return null
  const start = Number(query.get('start') ?? 0)
  const end = Number(query.get('end') ?? Number.MAX_SAFE_INTEGER)
  const found = instrument.market.trades.filter(({ time }) => {
    const ms = Math.floor(time / 1000)
    return ms >= start && ms <= end
  })
  if (query.get('sort') !== '1') found.reverse()
  const limit = Math.min(Number(query.get('limit') ?? 125), 10_000)
  return `[${found
    .slice(0, limit)
    .map((trade) => instrument.tradeRow(trade))
    .join(',')}]`
}

function candles(floor: SimulatedFloor, key: string, section: string, query: URLSearchParams): string | null {
  const [, frame = '', symbol = '', periods = ''] =
    /^trade:(\w+):(t[\w:]+|f\w+)(?::([\w:]+))?$/.exec(key) ?? []
  const instrument = floor.instruments.get(symbol)
  if (instrument === undefined || !CandleSeries.knows(frame)) return null
  const rows = instrument.candles(frame, periods).rows()
  if (section === 'last') return rows[0] ?? '[]'
  if (section !== 'hist') return null
  if (query.get('sort') === '1') rows.reverse()
  return `[${rows.slice(0, Number(query.get('limit') ?? 100)).join(',')}]`
}

/** As on the socket with the key in front, so that every field stands one further on. */
function derivatives(floor: SimulatedFloor, keys: string, at: Micros): string {
  const asked = keys === 'ALL' ? [...floor.statuses.keys()] : keys.split(',')
  const rows = asked.flatMap((key) => {
    const status = floor.statuses.get(key)
    return status === undefined ? [] : [`["${key}",${status.row(at).slice(1)}`]
  })
  return `[${rows.join(',')}]`
}
