import type { Level } from '../../schemas/events.js'
import type {
  SimulatedRequest,
  SimulatorOptions,
  VenueSimulator,
} from '../../src/simulator/venue-simulator.js'
import { json, Routes } from '../kit/routes.js'
import { SimulatedExchange } from '../kit/simulated-exchange.js'
import { ChainClient, SimulatedChain } from './chain.js'
import { FAULTS, IMMEDIATE_FAULTS, MercuryClient } from './exchange.js'
import { orderId, tickerFields } from './frames.js'
import { DELISTED, type ExchangeMarket, exchangeMarkets, listing } from './markets.js'

const ORIGIN = 'https://exchange.blockchain.com'

/** Levels that REST answers with, a side. */
const REST_LEVELS = 1000

/**
 * Blockchain.com's two sockets: the Exchange at `/mercury-gateway/v1/ws` (and at any other path), the chain feed at `/inv`.
 */
export function simulateBlockchain(options: SimulatorOptions = {}): VenueSimulator {
  const exchange = new SimulatedExchange<ExchangeMarket, MercuryClient | ChainClient>(options, {
    faults: FAULTS,
    immediate: IMMEDIATE_FAULTS,
    instruments: (random) => exchangeMarkets(options, random),
    delistable: ({ id }) => id === DELISTED,
    delisted(market) {
      for (const client of readers()) client.relisted(market)
    },
    begin: () => chain.begin(),
    step(market, at) {
      const { moves, trades } = market.market.step(at)
      for (const trade of trades) market.count(trade)
      for (const client of readers()) {
        for (const move of moves) client.moved(market, move)
        for (const trade of trades) client.traded(market, trade)
      }
    },
  })
  const chain = new SimulatedChain(exchange)
  const rest = restRoutes(exchange, chain)

  function* readers(): Generator<MercuryClient> {
    for (const client of exchange.clients) if (client instanceof MercuryClient) yield client
  }

  return exchange.simulator('blockchain', {
    admit: (request) => (isChain(request) ? null : originRefused(request)),
    connect: (peer) =>
      isChain(peer.request) ? new ChainClient(chain, exchange, peer) : new MercuryClient(exchange, peer),
    http: (request) => rest.answer(request),
  })
}

function isChain({ path }: SimulatedRequest): boolean {
  return /^\/(?:testnet3\/)?inv\b/.test(path)
}

function originRefused({ headers: { origin } }: SimulatedRequest) {
  if (origin === ORIGIN) return null
  if (origin === undefined) return { status: 400, body: "Request is missing required HTTP header 'Origin'" }
  return { status: 400, body: "The value of HTTP header 'Origin' was malformed: Invalid Origin header" }
}

function restRoutes(exchange: SimulatedExchange<ExchangeMarket>, chain: SimulatedChain): Routes {
  const markets = () => exchange.instruments.values()
  const book = (symbol: string | undefined, number: (price: string) => string) => {
    const market = exchange.instruments.get(symbol ?? '')
    if (market === undefined) return null
    const { bids, asks } = market.market.book.top(REST_LEVELS)
    const side = (levels: readonly Level[]) =>
      levels.map(([px, qty]) => `{"px":${px},"qty":${qty},"num":${number(px)}}`).join()
    return json(`{"symbol":"${market.id}","bids":[${side(bids)}],"asks":[${side(asks)}]}`)
  }
  const ticker = (market: ExchangeMarket) => `{"symbol":"${market.id}",${tickerFields(market)}}`
  return new Routes(
    {
      '/v3/exchange/symbols': () => json(listing(markets())),
      '/v3/exchange/symbols/:symbol': ({ params: { symbol = '' } }) => {
        const row = listing(markets())[symbol]
        return row === undefined ? null : json(row)
      },
      '/v3/exchange/tickers': () => json(`[${[...markets()].map(ticker).join()}]`),
      '/v3/exchange/tickers/:symbol': ({ params: { symbol = '' } }) => {
        const market = exchange.instruments.get(symbol)
        return market === undefined ? null : json(ticker(market))
      },
      '/v3/exchange/l2/:symbol': ({ params }) => book(params['symbol'], () => '1'),
      // The number is that of the order.
      '/v3/exchange/l3/:symbol': ({ params }) =>
        book(params['symbol'], (price) => String(BigInt(orderId(price)))),
      '/latestblock': () => json(chain.latest()),
    },
    json('{"message":"not found"}', 404),
  )
}
