import type { Micros } from '../../schemas/events.js'
import { hubsOfUrl, negotiationBody, STARTED_BODY, toBase64 } from '../../src/signalr/index.js'
import type { SimulatedMarket } from '../../src/simulator/market.js'
import { SeededRandom } from '../../src/simulator/random.js'
import type {
  SimulatedAnswer,
  SimulatedPeer,
  SimulatedRequest,
  SimulatorOptions,
  VenueSimulator,
} from '../../src/simulator/venue-simulator.js'
import { PUSH_FAULTS, type Truth } from './faults.js'
import { CONNECTION_FAULTS, type HubVenue, SimulatedHubClient } from './hub.js'
import { BittrexMarket, type Numbered } from './market.js'
import { type Body, type Push, wire } from './wire.js'

/** Options of {@link BittrexSimulator}. */
export interface BittrexSimulatorOptions extends SimulatorOptions {
  /**
   * Whether a client gets data only after its start request, and is closed where it never makes one. The venue itself was
   * lenient. @default true
   */
  readonly strictStart?: boolean
}

/**
 * Two markets whose ids begin alike (clients have mixed them up), one that begins with a digit and can be delisted, one of
 * more levels than the deepest window shows, and one whose neighbouring prices are the same double.
 */
const SHAPES = {
  'BTC-USD': { priceDecimals: 3, amountDecimals: 8, price: '38000', amount: '0.05', levels: 520 },
  'BTC-USDT': {
    priceDecimals: 8,
    amountDecimals: 8,
    price: '38010.5',
    amount: '0.05',
    tick: 1000,
    levels: 60,
  },
  'ETH-BTC': { priceDecimals: 8, amountDecimals: 8, price: '0.07', amount: '0.7', levels: 120 },
  '1INCH-BTC': { priceDecimals: 8, amountDecimals: 8, price: '0.00005', amount: '200', levels: 40 },
  'BTC-COP': { priceDecimals: 8, amountDecimals: 8, price: '271828182.84590452', amount: '0.02' },
} as const

const DELISTED = '1INCH-BTC'

const SECOND = 1_000_000
/** A token that is not used is forgotten: the venue's ConnectionTimeout. */
const TOKEN_GOOD_FOR = 110 * SECOND

/** Faults of the venue as a whole. */
const VENUE_FAULTS = ['sequence-reset', 'silent-but-one', 'clock-off', 'instrument-delisted']

/**
 * Bittrex v3 as it was: negotiate, connect, start, hub `c3`, packed bodies, and the REST answers beside it. Numbers run on
 * from where the venue stands; REST is up to a step ahead of the socket and up to a second behind itself.
 */
export class BittrexSimulator implements VenueSimulator, HubVenue {
  readonly venue = 'bittrex'
  readonly markets: ReadonlyMap<string, SimulatedMarket>
  readonly faults: readonly string[] = [...PUSH_FAULTS, ...CONNECTION_FAULTS, ...VENUE_FAULTS]
  readonly strictStart: boolean
  readonly #markets: ReadonlyMap<string, BittrexMarket>
  readonly #random: SeededRandom
  readonly #stepEvery: Micros
  readonly #clients = new Map<SimulatedHubClient, string>()
  /** When each token that is not connected was given. */
  readonly #tokens = new Map<string, Micros>()
  /** The CDN in front of REST: an answer is given again for up to a second. */
  readonly #cache = new Map<string, SimulatedAnswer>()
  #tickersSequence: number
  #summariesSequence: number
  /** Markets whose ticker changed since the last batch. */
  readonly #changed = new Set<BittrexMarket>()
  #steppedAt: Micros | null = null
  #batchedAt: Micros = 0
  #silentUntil: Micros = 0
  #clockOffUntil: Micros = 0

  constructor(options: BittrexSimulatorOptions = {}) {
    const { extremeAmounts = false } = options
    this.#random = new SeededRandom(options.seed ?? 1)
    this.strictStart = options.strictStart ?? true
    this.#stepEvery = Math.round(SECOND / (options.stepsPerSecond ?? 20))
    this.#markets = new Map(
      Object.entries(SHAPES).map(([symbol, shape]) => [
        symbol,
        new BittrexMarket(symbol, { ...shape, extremeAmounts }, this.#random.fork()),
      ]),
    )
    this.markets = new Map([...this.#markets].map(([symbol, market]) => [symbol, market.truth]))
    this.#tickersSequence = this.#random.integer(1_000, 5_000_000)
    this.#summariesSequence = this.#random.integer(1_000, 5_000_000)
  }

  // ── Connections ─────────────────────────────────────────────────────────────────────────────────────────────────

  /** A false token is answered with 400. */
  admit(request: SimulatedRequest, at: Micros): SimulatedAnswer | null {
    const token = tokenOf(request)
    const given = this.#tokens.get(token)
    if (given !== undefined && at - given <= TOKEN_GOOD_FOR) return null
    return { status: 400, body: 'The ConnectionId is in the incorrect format.' }
  }

  connect(peer: SimulatedPeer, at: Micros): SimulatedHubClient {
    const client = new SimulatedHubClient(this, peer, this.#random.fork(), at)
    this.#clients.set(client, tokenOf(peer.request))
    return client
  }

  advance(at: Micros): void {
    for (const [client] of this.#clients) client.advance(at)
    for (const [client] of this.#clients) if (client.over) this.#forget(client)
    this.#steppedAt ??= at
    while (at - this.#steppedAt >= this.#stepEvery) {
      this.#steppedAt += this.#stepEvery
      this.#step(this.#steppedAt)
    }
    if (at - this.#batchedAt >= SECOND) {
      this.#batchedAt = at
      this.#cache.clear()
      this.#batches(at + this.#ahead(at))
    }
  }

  has(topic: string): boolean {
    if (topic === 'tickers' || topic === 'market_summaries') return true
    return [...this.#markets.values()].some((market) => market.has(topic))
  }

  truth({ body }: Push): Truth {
    const market = this.#markets.get(String(body['marketSymbol'] ?? body['symbol']))
    const ask = market?.truth.book.top(20).asks.at(-1)
    return { insideAsks: ask === undefined ? null : wire(ask[0]) }
  }

  fault(name: string, at: Micros): boolean {
    if (name === 'sequence-reset') {
      for (const market of this.#markets.values()) market.restart()
      this.#tickersSequence = 0
      this.#summariesSequence = 0
    } else if (name === 'silent-but-one') this.#silentUntil = at + 30 * SECOND
    else if (name === 'clock-off') this.#clockOffUntil = at + 60 * SECOND
    else if (name === 'instrument-delisted') this.#markets.get(DELISTED)?.delist()
    else {
      for (const [client] of this.#clients) if (client.fault(name, at)) return true
      return false
    }
    return true
  }

  #forget(client: SimulatedHubClient): void {
    this.#tokens.delete(this.#clients.get(client) ?? '')
    this.#clients.delete(client)
  }

  // ── Markets ─────────────────────────────────────────────────────────────────────────────────────────────────────

  #step(at: Micros): void {
    for (const market of this.#markets.values()) {
      for (const push of market.step(at, this.#ahead(at), (topic) => this.#followed(topic))) {
        if (push.method === 'ticker') this.#changed.add(market)
        this.#push(push)
      }
      if (at < this.#silentUntil) break
    }
  }

  /** Once a second: what changed, for the topics of all markets, and the summaries. */
  #batches(clock: Micros): void {
    if (this.#changed.size > 0) {
      const deltas = [...this.#changed].map((market) => market.tickerBody())
      this.#changed.clear()
      this.#push(batch('tickers', 'tickers', ++this.#tickersSequence, deltas))
    }
    const summaries: Body[] = []
    for (const market of this.#markets.values()) {
      const summary = market.summary(clock)
      if (summary === null) continue
      summaries.push(summary.body)
      this.#push(summary)
    }
    if (summaries.length === 0) return
    this.#push(batch('market_summaries', 'marketSummaries', ++this.#summariesSequence, summaries))
  }

  #followed(topic: string): boolean {
    for (const [client] of this.#clients) if (client.follows(topic)) return true
    return false
  }

  #push(push: Push): void {
    for (const [client] of this.#clients) client.push(push)
  }

  /** How far the time that the venue tells is ahead of the true one. */
  #ahead(at: Micros): Micros {
    return at < this.#clockOffUntil ? 3_600 * SECOND : 0
  }

  // ── HTTP ────────────────────────────────────────────────────────────────────────────────────────────────────────

  http(request: SimulatedRequest, at: Micros): SimulatedAnswer {
    const { pathname } = new URL(request.path, 'http://localhost')
    const step = /\/(negotiate|start|abort|ping)$/.exec(pathname)?.[1]
    if (step !== undefined) return this.#signalr(step, request, at)
    const path = /\/v3\/(.+)$/.exec(pathname)?.[1]
    if (path === undefined) return { status: 404, body: '' }
    const held = this.#cache.get(request.path)
    if (held !== undefined) return held
    const answer = this.#rest(path.split('/'), new URL(request.path, 'http://localhost').searchParams, at)
    if (answer.status === 200) this.#cache.set(request.path, answer)
    return answer
  }

  #signalr(step: string, request: SimulatedRequest, at: Micros): SimulatedAnswer {
    if (step === 'ping') return json({ Response: 'pong' })
    if (step === 'negotiate') return this.#negotiate(request, at)
    const token = tokenOf(request)
    if (!this.#tokens.has(token)) return { status: 400, body: 'The ConnectionId is in the incorrect format.' }
    if (step === 'abort') return { status: 200, body: '' }
    for (const [client, its] of this.#clients) if (its === token) client.start()
    return { status: 200, headers: JSON_TYPE, body: STARTED_BODY }
  }

  /** An unknown hub is answered with 500 and a page. */
  #negotiate(request: SimulatedRequest, at: Micros): SimulatedAnswer {
    if (!hubsOfUrl(request.path).includes('c3')) {
      return { status: 500, headers: { 'content-type': 'text/html' }, body: '<html>Server Error</html>' }
    }
    for (const [token, given] of this.#tokens) {
      const connected = [...this.#clients.values()].includes(token)
      if (!connected && at - given > TOKEN_GOOD_FOR) this.#tokens.delete(token)
    }
    const random = Uint8Array.from({ length: 110 }, () => this.#random.integer(0, 255))
    const token = toBase64(random)
    this.#tokens.set(token, at)
    const id = `b177e0de-0000-4000-8000-${String(this.#tokens.size).padStart(12, '0')}`
    return {
      status: 200,
      headers: { ...JSON_TYPE, 'set-cookie': '__cf_bm=simulated; path=/; HttpOnly' },
      body: negotiationBody(token, id),
    }
  }

  #rest(path: readonly string[], query: URLSearchParams, at: Micros): SimulatedAnswer {
    const [, second, what, ...rest] = path
    if (path[0] !== 'markets') return refusal('NOT_FOUND')
    const all = [...this.#markets.values()]
    if (second === undefined) return json(all.map(listed))
    if (second === 'tickers') {
      return numbered({ sequence: this.#tickersSequence, body: all.map((market) => market.tickerBody()) })
    }
    if (second === 'summaries') {
      const body = all.map((market) => market.summaryBody(at + this.#ahead(at)))
      return numbered({ sequence: this.#summariesSequence, body })
    }
    const market = this.#markets.get(second)
    if (market === undefined) return refusal('MARKET_DOES_NOT_EXIST')
    if (what === undefined) return json(listed(market))
    if (what === 'ticker') return json(market.tickerBody())
    if (what === 'summary') return json(market.summaryBody(at + this.#ahead(at)))
    if (what === 'trades') return numbered(market.trades(this.#ahead(at)))
    if (what === 'orderbook') return numbered(market.book(Number(query.get('depth') ?? '25')))
    const [interval, recent] = rest[0] === 'TRADE' ? rest.slice(1) : rest
    return numbered(what === 'candles' && recent === 'recent' ? market.candles(interval ?? '') : null)
  }
}

function batch(topic: string, method: string, sequence: number, deltas: readonly Body[]): Push {
  return { topic, method, body: { sequence, deltas } }
}

function listed({ symbol, base, quote, precision, offline }: BittrexMarket) {
  return {
    symbol,
    baseCurrencySymbol: base,
    quoteCurrencySymbol: quote,
    minTradeSize: '0.00010000',
    precision,
    status: offline ? 'OFFLINE' : 'ONLINE',
    createdAt: '2018-05-31T13:24:40.77Z',
    prohibitedIn: [],
    associatedTermsOfService: [],
    tags: [],
  }
}

const JSON_TYPE = { 'content-type': 'application/json; charset=utf-8' }

function json(body: unknown): SimulatedAnswer {
  return { status: 200, headers: JSON_TYPE, body: JSON.stringify(body) }
}

function numbered(answer: Numbered | null): SimulatedAnswer {
  if (answer === null) return refusal('NOT_FOUND')
  const { headers, ...rest } = json(answer.body)
  return { ...rest, headers: { ...headers, sequence: String(answer.sequence), 'cache-control': 'max-age=1' } }
}

function refusal(code: string): SimulatedAnswer {
  return { status: 404, headers: JSON_TYPE, body: JSON.stringify({ code }) }
}

function tokenOf({ path }: SimulatedRequest): string {
  return new URL(path, 'http://localhost').searchParams.get('connectionToken') ?? ''
}
