import type { Credentials } from '../../connectors/cex/credentials.js'
import type { SimulatedMarket } from '../../src/simulator/market.js'
import type { SimulatedRequest, SimulatorOptions } from '../../src/simulator/venue-simulator.js'
import { protocolFaults } from '../kit/pending-faults.js'
import { readObject } from '../kit/requests.js'
import { json, type Route, Routes } from '../kit/routes.js'
import { type KitSimulator, SimulatedExchange } from '../kit/simulated-exchange.js'
import type { CexClient } from './cex-client.js'
import { ClassicClient, SimulatedClassic } from './classic.js'
import { type PairMarket, pairMarkets } from './markets.js'
import { SimulatedSpot, SpotClient, type SpotTrades } from './spot.js'
import { spotAnswer } from './spot-answers.js'

/** Options of {@link simulateCex}. */
export interface CexSimulatorOptions extends SimulatorOptions {
  /** Whose login the classic exchange accepts. @default the pair of the venue's own test vectors */
  readonly credentials?: Credentials
  /** How trades come on Spot Trading: at once, in bursts every thirty seconds, or not at all. @default 'steady' */
  readonly trades?: SpotTrades
}

/** Of the official client's test of its signatures. */
export const SIMULATED_CREDENTIALS: Credentials = {
  key: '1WZbtMTbMbo2NsW12vOz9IuPM',
  secret: '1IuUeW4IEWatK87zBTENHj1T17s',
}

/** The pair that may go; the others trade for ever. */
const DELISTED = 'ADA-EUR'

/** Both exchanges over the same markets: the classic one at `/ws`, Spot Trading at every other path. */
export function simulateCex(options: CexSimulatorOptions = {}): KitSimulator {
  const exchange = new SimulatedExchange<PairMarket, CexClient>(options, {
    faults: protocolFaults([]),
    ofTheVenue: ['update-lost', 'sequence-reset', 'reconnect-notice'],
    instruments: (random) => pairMarkets(options, random),
    delistable: ({ id }) => id === DELISTED,
    begin() {
      spot.begin()
      classic.begin()
    },
    step(pair, at) {
      const { moves, trades } = pair.step(at, exchange.clock.read(at))
      classic.moved(pair, moves)
      for (const trade of trades) {
        classic.traded(pair, trade)
        spot.traded(pair, trade)
      }
    },
  })
  const classic = new SimulatedClassic(exchange, options.credentials ?? SIMULATED_CREDENTIALS)
  const stepMicros = Math.round(1_000_000 / (options.stepsPerSecond ?? 20))
  const spot = new SimulatedSpot(exchange, options.trades ?? 'steady', stepMicros)
  const rest = restRoutes(exchange, spot)

  const simulator = exchange.simulator('cex', {
    admit: (_request, at) =>
      exchange.faults.active('maintenance', at) ? { status: 503, body: 'maintenance' } : null,
    connect: (peer) =>
      isClassic(peer.request) ? new ClassicClient(classic, peer) : new SpotClient(spot, peer),
    http(request) {
      const { headers, ...answer } = rest.answer(request)
      return { ...answer, headers: { ...headers, date: new Date(exchange.clock.ms()).toUTCString() } }
    },
    commit(name) {
      if (name !== 'maintenance' && name !== 'reconnect-notice') return null
      const reason = name === 'maintenance' ? 'market_data is on maintenance' : null
      for (const client of [...exchange.clients]) client.end(reason)
      return true
    },
  })
  /** Under the ids of both exchanges: it is one market. */
  const markets = new Map<string, SimulatedMarket>()
  for (const pair of exchange.instruments.values()) {
    markets.set(pair.id, pair.market).set(pair.classic, pair.market)
  }
  return { ...simulator, markets }
}

function restRoutes(exchange: SimulatedExchange<PairMarket>, spot: SimulatedSpot): Routes {
  const rows = (e: string, name: string, row: (pair: PairMarket) => string) => () =>
    json(`{"e":"${e}","ok":"ok","data":{"${name}":[${exchange.listed.map(row).join()}]}}`)
  const one: Route = ({ params: { method = '' }, body }) => {
    if (!spot.spend(method)) return json('{"error":"API rate limit reached","statusCode":429}', 429)
    const found = spotAnswer(spot, method, readObject(body), exchange.now)
    if (found === null) return null
    return 'error' in found
      ? json(`{"ok":"ok","data":{"error":${JSON.stringify(found.error)},"statusCode":422}}`)
      : json(`{"ok":"ok","data":${found.data}}`)
  }
  return new Routes(
    {
      '(?:/.*)?/currency_limits': rows('currency_limits', 'pairs', limitRow),
      '(?:/.*)?/currency_profile': rows('currency_profile', 'symbols', profileRow),
      '(?:/.*)?/(?<method>get_[a-z_]+)': one,
    },
    json('{"error":"Not found","statusCode":404}', 404),
  )
}

function isClassic({ path }: SimulatedRequest): boolean {
  return /^\/ws\/?(?:\?|$)/.test(path)
}

function limitRow({ base, quote, priceDecimals }: PairMarket): string {
  return `{"symbol1":"${base}","symbol2":"${quote}","pricePrecision":${priceDecimals},"minLotSize":0.002,"minLotSizeS2":20,"maxLotSize":null,"minPrice":"0.00000001","maxPrice":"1000000"}`
}

/** The minor unit has `precision` less `scale` decimals. */
function profileRow({ base, amountDecimals }: PairMarket): string {
  return `{"code":"${base}","contract":false,"commodity":false,"fiat":false,"precision":8,"scale":${8 - amountDecimals}}`
}
