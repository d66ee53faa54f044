import type { SimulatedAnswer, SimulatedRequest } from '../../src/simulator/venue-simulator.js'
import { json, Routes } from '../kit/routes.js'
import type { SimulatedExchange } from '../kit/simulated-exchange.js'
import type { BittrexMarket, Numbered } from './market.js'

/** The numbers of what concerns all markets. */
export interface BatchNumbers {
  tickers: number
  summaries: number
}

/** The venue's REST v3 behind its CDN, which gives an answer again for up to a second. */
export class BittrexRest {
  readonly #routes: Routes
  readonly #cache = new Map<string, SimulatedAnswer>()

  constructor(exchange: SimulatedExchange<BittrexMarket>, numbers: BatchNumbers) {
    const all = () => [...exchange.instruments.values()]
    const of = (symbol: string | undefined, answer: (market: BittrexMarket) => SimulatedAnswer) => {
      const market = exchange.instruments.get(symbol ?? '')
      return market === undefined ? refusal('MARKET_DOES_NOT_EXIST') : answer(market)
    }
    const candles = (symbol: string | undefined, interval: string | undefined) =>
      of(symbol, (market) => numbered(market.candles(interval ?? '')))
    this.#routes = new Routes(
      {
        '/v3/ping': () => json({ serverTime: exchange.clock.ms() }),
        '/v3/currencies': () => json(currencies(all())),
        '/v3/currencies/:symbol': ({ params: { symbol } }) => {
          const currency = currencies(all()).find((one) => one.symbol === symbol)
          return currency === undefined ? refusal('CURRENCY_DOES_NOT_EXIST') : json(currency)
        },
        '/v3/markets': () => json(all().map(listed)),
        '/v3/markets/tickers': () =>
          numbered({ sequence: numbers.tickers, body: all().map((market) => market.ticker()) }),
        '/v3/markets/summaries': () =>
          numbered({ sequence: numbers.summaries, body: all().map((market) => market.summary()) }),
        '/v3/markets/:symbol': ({ params }) => of(params['symbol'], (market) => json(listed(market))),
        '/v3/markets/:symbol/ticker': ({ params }) => of(params['symbol'], (market) => json(market.ticker())),
        '/v3/markets/:symbol/summary': ({ params }) =>
          of(params['symbol'], (market) => json(market.summary())),
        '/v3/markets/:symbol/trades': ({ params }) =>
          of(params['symbol'], (market) => numbered(market.trades())),
        '/v3/markets/:symbol/orderbook': ({ params, query }) =>
          of(params['symbol'], (market) => numbered(market.book(Number(query.get('depth') ?? '25')))),
        '/v3/markets/:symbol/candles/:interval/recent': ({ params }) =>
          candles(params['symbol'], params['interval']),
        '/v3/markets/:symbol/candles/TRADE/:interval/recent': ({ params }) =>
          candles(params['symbol'], params['interval']),
      },
      refusal('NOT_FOUND'),
    )
  }

  /** The second is over: what the CDN holds is old. */
  expire(): void {
    this.#cache.clear()
  }

  answer(request: SimulatedRequest): SimulatedAnswer {
    const held = this.#cache.get(request.path)
    if (held !== undefined) return held
    const answer = this.#routes.answer(request)
    if (answer.status === 200) this.#cache.set(request.path, answer)
    return answer
  }
}

function listed({ id, precision, listed: online }: BittrexMarket) {
  const [base = '', quote = ''] = id.split('-')
  return {
    symbol: id,
    baseCurrencySymbol: base,
    quoteCurrencySymbol: quote,
    minTradeSize: '0.00010000',
    precision,
    status: online ? 'ONLINE' : 'OFFLINE',
    createdAt: '2018-05-31T13:24:40.77Z',
    prohibitedIn: [],
    associatedTermsOfService: [],
    tags: [],
  }
}

function currencies(markets: readonly BittrexMarket[]) {
  const symbols = new Set(markets.flatMap(({ id }) => id.split('-')))
  return [...symbols].map((symbol) => ({
    symbol,
    name: symbol,
    coinType: symbol,
    status: 'ONLINE',
    minConfirmations: 2,
    notice: '',
    txFee: '0.00030000',
    prohibitedIn: [],
    associatedTermsOfService: [],
    tags: [],
  }))
}

function numbered(answer: Numbered | null): SimulatedAnswer {
  if (answer === null) return refusal('NOT_FOUND')
  return json(answer.body, 200, { sequence: String(answer.sequence), 'cache-control': 'max-age=1' })
}

function refusal(code: string): SimulatedAnswer {
  return json({ code }, 404)
}
