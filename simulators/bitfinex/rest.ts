import { splitPair } from '../../connectors/bitfinex/symbols.js'
import type { SimulatedAnswer, SimulatedRequest } from '../../src/simulator/venue-simulator.js'
import { json, type RoutedRequest, Routes } from '../kit/routes.js'
import { RowReader } from './book-rows.js'
import { CandleSeries } from './candle-series.js'
import type { BitfinexInstrument } from './instrument.js'
import type { BitfinexVenue } from './venue.js'

/** The venue's REST v2, as far as it is public and a market-data client needs it. */
export function restAnswers(venue: BitfinexVenue): (request: SimulatedRequest) => SimulatedAnswer {
  const { instruments } = venue.exchange
  const none = json('"not found"', 404)
  /** A call whose arguments the venue finds invalid is answered with 500. */
  const call =
    (name: string, answer: (request: RoutedRequest) => string | null) => (request: RoutedRequest) => {
      const body = answer(request)
      return body === null ? json(`["error",10020,"${name}: invalid"]`, 500) : json(body)
    }
  const instrument = ({ params }: RoutedRequest) => instruments.get(params['symbol'] ?? '')
  const routes = new Routes(
    {
      '/v2/platform/status': call('platform', () => `[${venue.inMaintenance ? 0 : 1}]`),
      '/v2/conf/:keys': call('conf', ({ params: { keys = '' } }) => conf(venue, keys.split(','))),
      '/v2/ticker/:symbol': call('ticker', (request) => instrument(request)?.ticker() ?? null),
      '/v2/tickers': call('tickers', ({ query }) => tickers(venue, query.get('symbols') ?? '')),
      '/v2/book/:symbol/:precision': call('book', (request) =>
        book(instrument(request), request.params['precision'] ?? '', request.query.get('len') ?? '25'),
      ),
      '/v2/trades/:symbol/hist': call('trades', (request) => trades(instrument(request), request.query)),
      '/v2/candles/:key/:section': call('candles', ({ params: { key = '', section = '' }, query }) =>
        candles(venue, key, section, query),
      ),
      '/v2/status/deriv': call('status', ({ query }) => derivatives(venue, query.get('keys') ?? '')),
      '/v2/liquidations/hist': call('liquidations', () => {
        const rows = venue.liquidations.recent().map((row) => `[${row}]`)
        return `[${rows.join()}]`
      }),
      '/v2/:call(?:/.*)?': ({ params }) => call(params['call'] ?? '', () => null)({ ...EMPTY, params }),
    },
    none,
  )
  return (request) => (request.method === 'GET' ? routes.answer(request) : none)
}

const EMPTY: RoutedRequest = { params: {}, query: new URLSearchParams(), body: '' }

function conf(venue: BitfinexVenue, keys: readonly string[]): string | null {
  const answers = keys.map((key) => confAnswer(venue, key))
  return answers.includes(null) ? null : `[${answers.join(',')}]`
}

function confAnswer(venue: BitfinexVenue, key: string): string | null {
  const { listed } = venue.exchange
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

function tickers(venue: BitfinexVenue, symbols: string): string {
  const asked = symbols === 'ALL' ? [...venue.exchange.instruments.keys()] : symbols.split(',')
  const rows = asked
    .map((symbol) => venue.exchange.instruments.get(symbol))
    .filter((instrument) => instrument !== undefined)
    .map((instrument) => `["${instrument.id}",${instrument.ticker().slice(1)}`)
  return `[${rows.join(',')}]`
}

function book(instrument: BitfinexInstrument | undefined, asked: string, length: string): string | null {
  const precision = (['P0', 'P1', 'P2', 'P3', 'P4', 'R0'] as const).find((name) => name === asked)
  if (instrument === undefined || precision === undefined || !['1', '25', '100', '250'].includes(length))
    return null
  const rows = (['bids', 'asks'] as const).flatMap((side) =>
    new RowReader(instrument, side, precision).best(Number(length)),
  )
  return `[${rows.map(({ set }) => set).join(',')}]`
}

/** Newest first, or oldest first with `sort=1`. */
function trades(instrument: BitfinexInstrument | undefined, query: URLSearchParams): string | null {
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

function candles(venue: BitfinexVenue, key: string, section: string, query: URLSearchParams): string | null {
  const [, frame = '', symbol = '', periods = ''] =
    /^trade:(\w+):(t[\w:]+|f\w+)(?::([\w:]+))?$/.exec(key) ?? []
  const instrument = venue.exchange.instruments.get(symbol)
  if (instrument === undefined || !CandleSeries.knows(frame)) return null
  const rows = instrument.candles(frame, periods).rows()
  if (section === 'last') return rows[0] ?? '[]'
  if (section !== 'hist') return null
  if (query.get('sort') === '1') rows.reverse()
  return `[${rows.slice(0, Number(query.get('limit') ?? 100)).join(',')}]`
}

/** As on the socket with the key in front, so that every field stands one further on. */
function derivatives(venue: BitfinexVenue, keys: string): string {
  const asked = keys === 'ALL' ? [...venue.statuses.keys()] : keys.split(',')
  const rows = asked.flatMap((key) => {
    const status = venue.statuses.get(key)
    return status === undefined ? [] : [`["${key}",${status.row(venue.exchange.now).slice(1)}`]
  })
  return `[${rows.join(',')}]`
}
