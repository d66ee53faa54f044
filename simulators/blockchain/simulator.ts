import type { Micros } from '../../schemas/events.js'
import { SimulatedMarket } from '../../src/simulator/market.js'
import { SeededRandom } from '../../src/simulator/random.js'
import type {
  SimulatedAnswer,
  SimulatedConnection,
  SimulatedPeer,
  SimulatedRequest,
  SimulatorOptions,
  VenueSimulator,
} from '../../src/simulator/venue-simulator.js'
import { CHAIN_FAULTS, SimulatedChain } from './chain.js'
import { EXCHANGE_FAULTS, ExchangeClient } from './exchange.js'
import { DELISTED, type ExchangeMarket, listing, SHAPES } from './markets.js'

/** Faults of the Exchange as a whole. */
const VENUE_FAULTS = ['silent-but-one', 'instrument-delisted']

const ALONE_MICROS = 30_000_000

const ORIGIN = 'https://exchange.blockchain.com'

/**
 * Blockchain.com's two sockets: the Exchange at `/mercury-gateway/v1/ws` (and at any other path), the chain feed at `/inv`.
 */
export function simulateBlockchain(options: SimulatorOptions = {}): VenueSimulator {
  const random = new SeededRandom(options.seed ?? 1)
  const stepEveryMicros = 1_000_000 / (options.stepsPerSecond ?? 20)
  const markets = new Map<string, ExchangeMarket>()
  const { extremeAmounts = false } = options
  for (const [symbol, shape] of Object.entries(SHAPES)) {
    const market = new SimulatedMarket({ ...shape, extremeAmounts }, random.fork())
    markets.set(symbol, { symbol, market, status: 'open' })
  }
  const chain = new SimulatedChain(random)
  const clients = new Set<ExchangeClient>()
  let steppedUntil: Micros | null = null
  let aloneUntil: Micros = 0

  function step(now: Micros): void {
    for (const entry of markets.values()) {
      if (entry.status !== 'open') continue
      const { moves, trades } = entry.market.step(now)
      for (const client of clients) {
        for (const move of moves) client.moved(entry.symbol, move, now)
        for (const trade of trades) client.traded(entry.symbol, trade, now)
      }
      if (now < aloneUntil) return
    }
  }

  function venueFault(name: string, at: Micros): boolean {
    if (name === 'silent-but-one') {
      aloneUntil = at + ALONE_MICROS
      return true
    }
    const delisted = markets.get(DELISTED)
    if (name === 'instrument-delisted' && delisted?.status === 'open') {
      delisted.status = 'close'
      for (const client of clients) client.listed(delisted)
      return true
    }
    return [...clients].some((client) => client.fault(name, at))
  }

  return {
    venue: 'blockchain',
    markets: new Map([...markets].map(([symbol, { market }]) => [symbol, market])),
    admit(request) {
      if (isChain(request)) return null
      const { origin } = request.headers
      if (origin === undefined)
        return { status: 400, body: "Request is missing required HTTP header 'Origin'" }
      if (origin === ORIGIN) return null
      return { status: 400, body: "The value of HTTP header 'Origin' was malformed: Invalid Origin header" }
    },
    connect(peer, at): SimulatedConnection {
      if (isChain(peer.request)) return chain.connect(peer)
      return exchangeConnection(peer, at)
    },
    http: (request, at) => answer(request, at),
    faults: [...new Set([...EXCHANGE_FAULTS, ...CHAIN_FAULTS, ...VENUE_FAULTS])],
    fault: venueFault,
    advance(at) {
      steppedUntil ??= at
      while (steppedUntil + stepEveryMicros <= at) {
        steppedUntil += stepEveryMicros
        step(Math.round(steppedUntil))
      }
      for (const client of clients) client.advance(at)
      chain.advance(at)
    },
  }

  function exchangeConnection(peer: SimulatedPeer, at: Micros): SimulatedConnection {
    const client = new ExchangeClient(peer, markets, at)
    clients.add(client)
    return {
      received: (data, now) => client.received(data, now),
      closed: () => void clients.delete(client),
      fault: (name, now) => client.fault(name, now),
    }
  }

  function answer({ path }: SimulatedRequest, at: Micros): SimulatedAnswer {
    const { pathname } = new URL(path, 'http://localhost')
    if (pathname === '/v3/exchange/symbols') return json(listing(markets))
    const one = /^\/v3\/exchange\/(symbols|l2|l3)\/([^/]+)$/.exec(pathname)
    const market = markets.get(one?.[2] ?? '')
    if (one !== null && market !== undefined) {
      if (one[1] === 'symbols') return json(listing(markets)[market.symbol])
      const { bids, asks } = market.market.book.top(1000)
      const side = (levels: typeof bids) =>
        `[${levels.map(([px, qty]) => `{"px":${px},"qty":${qty},"num":1}`).join(',')}]`
      return {
        status: 200,
        headers: JSON_TYPE,
        body: `{"symbol":"${market.symbol}","bids":${side(bids)},"asks":${side(asks)}}`,
      }
    }
    if (pathname === '/latestblock') return json(chain.latest(at))
    return { status: 404, headers: JSON_TYPE, body: '{"message":"not found"}' }
  }
}

function isChain({ path }: SimulatedRequest): boolean {
  return /^\/(?:testnet3\/)?inv\b/.test(path)
}

const JSON_TYPE = { 'content-type': 'application/json' }

function json(value: unknown): SimulatedAnswer {
  return { status: 200, headers: JSON_TYPE, body: JSON.stringify(value) }
}
