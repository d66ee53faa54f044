import type { Credentials } from '../../connectors/cex/credentials.js'
import type { Micros } from '../../schemas/events.js'
import type { SimulatedMarket } from '../../src/simulator/market.js'
import { SeededRandom } from '../../src/simulator/random.js'
import type {
  SimulatedAnswer,
  SimulatedConnection,
  SimulatedRequest,
  SimulatorOptions,
  VenueSimulator,
} from '../../src/simulator/venue-simulator.js'
import { SimulatedClassic } from './classic.js'
import { type PairMarket, pairMarkets } from './markets.js'
import { SimulatedSpot, type SpotTrades } from './spot.js'
import { spotAnswer } from './spot-answers.js'
import { VOICE_FAULTS, Voice } from './voice.js'

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

const MAINTENANCE_MICROS = 10_000_000

/** Both exchanges over the same markets: the classic one at `/ws`, Spot Trading at every other path. */
export function simulateCex(options: CexSimulatorOptions = {}): VenueSimulator {
  const pairs = pairMarkets(new SeededRandom(options.seed ?? 1), options.extremeAmounts ?? false)
  const voice = new Voice()
  const classic = new SimulatedClassic(pairs, voice, options.credentials ?? SIMULATED_CREDENTIALS)
  const stepEveryMicros = 1_000_000 / (options.stepsPerSecond ?? 20)
  const spot = new SimulatedSpot(pairs, voice, options.trades ?? 'steady', stepEveryMicros)
  let steppedUntil: Micros | null = null
  let closedUntil: Micros = 0

  /** Under the ids of both exchanges: it is one market. */
  const markets = new Map<string, SimulatedMarket>()
  for (const pair of pairs) markets.set(pair.spot, pair.market).set(pair.classic, pair.market)

  function step(pair: PairMarket, now: Micros): void {
    const { moves, trades } = pair.step(now, voice.clock(now))
    classic.moved(pair, moves, now)
    for (const trade of trades) {
      classic.traded(pair, trade, now)
      spot.traded(pair, trade, now)
    }
  }

  return {
    venue: 'cex',
    markets,
    admit: (_request, at) => (at < closedUntil ? { status: 503, body: 'maintenance' } : null),
    connect(peer, at): SimulatedConnection {
      if (isClassic(peer.request)) {
        const client = classic.connect(peer, at)
        return { received: (data, now) => client.received(data, now), closed: () => classic.closed(client) }
      }
      const client = spot.connect(peer, at)
      return { received: (data, now) => client.received(data, now), closed: () => spot.closed(client) }
    },
    http(request, at) {
      const { headers, ...rest } = answer(request, at)
      return { ...rest, headers: { ...headers, date: new Date(voice.clock(at) / 1000).toUTCString() } }
    },
    advance(at) {
      steppedUntil ??= at
      while (steppedUntil + stepEveryMicros <= at) {
        steppedUntil += stepEveryMicros
        for (const pair of moving(at)) step(pair, Math.round(steppedUntil))
      }
      spot.advance(at)
      classic.advance(at)
      voice.advance(at)
    },
    faults: ['maintenance', 'reconnect-notice', 'instrument-delisted', ...VOICE_FAULTS],
    fault(name, at) {
      if (name === 'maintenance') {
        closedUntil = at + MAINTENANCE_MICROS
        spot.endAll('market_data is on maintenance', at)
        classic.endAll('maintenance', at)
        return true
      }
      if (name === 'reconnect-notice') {
        spot.endAll(null, at)
        classic.endAll('restart', at)
        return true
      }
      if (name === 'instrument-delisted') return delist()
      return voice.order(name, at)
    },
  }

  /** Silence of a venue is a market at rest: what is told of it stays true. */
  function moving(at: Micros): readonly PairMarket[] {
    const listed = pairs.filter((pair) => pair.listed)
    return voice.lasts('silent-but-one', at) ? listed.slice(0, 1) : listed
  }

  /** The last pair goes; the others trade for ever. */
  function delist(): boolean {
    const last = pairs.at(-1)
    if (last?.listed !== true) return false
    last.listed = false
    return true
  }

  function answer({ path, body }: SimulatedRequest, at: Micros): SimulatedAnswer {
    const { pathname } = new URL(path, 'http://localhost')
    if (pathname.endsWith('/currency_limits'))
      return json(
        `{"e":"currency_limits","ok":"ok","data":{"pairs":[${pairs
          .filter(({ listed }) => listed)
          .map(limitRow)
          .join(',')}]}}`,
      )
    if (pathname.endsWith('/currency_profile'))
      return json(
        `{"e":"currency_profile","ok":"ok","data":{"symbols":[${pairs
          .filter(({ listed }) => listed)
          .map(profileRow)
          .join(',')}]}}`,
      )
    const method = /\/(get_[a-z_]+)$/.exec(pathname)?.[1] ?? ''
    if (!spot.spend(method, at)) return json('{"error":"API rate limit reached","statusCode":429}', 429)
    const found = spotAnswer(spot, method, parsed(body), at)
    if (found === null) return json('{"error":"Not found","statusCode":404}', 404)
    return 'error' in found
      ? json(`{"ok":"ok","data":{"error":${JSON.stringify(found.error)},"statusCode":422}}`)
      : json(`{"ok":"ok","data":${found.data}}`)
  }
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

function parsed(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    return null
  }
}

function json(body: string, status = 200): SimulatedAnswer {
  return { status, headers: { 'content-type': 'application/json' }, body }
}
