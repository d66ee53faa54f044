import type { Micros } from '../../schemas/events.js'
import {
  hubsOfUrl,
  negotiationBody,
  STARTED_BODY,
  toBase64,
} from '../../src/protocols/classic-signalr/grammar.js'
import type {
  SimulatedAnswer,
  SimulatedRequest,
  SimulatorOptions,
} from '../../src/simulator/venue-simulator.js'
import { protocolFaults } from '../kit/pending-faults.js'
import { pathOf, queryOf } from '../kit/requests.js'
import { json } from '../kit/routes.js'
import { type KitSimulator, SimulatedExchange } from '../kit/simulated-exchange.js'
import { type Hub, HubClient, type HubSession } from './hub-client.js'
import { c2, c3 } from './hubs.js'
import { legacySummary } from './legacy-rows.js'
import { type BittrexMarket, bittrexMarkets, DELISTED } from './market.js'
import { OWN_FAULTS } from './push-faults.js'
import { type BatchNumbers, BittrexRest } from './rest.js'
import type { Body, Push } from './wire.js'

/** Options of {@link bittrexSimulator}. */
export interface BittrexSimulatorOptions extends SimulatorOptions {
  /**
   * Whether a client gets data only after its start request, and is closed where it never makes one. The venue itself was
   * lenient. @default false
   */
  readonly strictStart?: boolean
}

const SECOND = 1_000_000
/** A token is good for so long after it was given or used: the venue's ConnectionTimeout. */
const TOKEN_GOOD_FOR = 110 * SECOND

const FAULTS = protocolFaults(
  ['snapshot-twice', 'update-before-snapshot', 'checksum-wrong', 'maintenance'],
  [...OWN_FAULTS, 'hub-dead'],
)

const BAD_TOKEN = { status: 400, body: 'The ConnectionId is in the incorrect format.' }

/** A token, what it stands for, and when it was last of use. */
interface Token extends HubSession {
  readonly hub: Hub
  usedAt: Micros
  connected: number
}

/**
 * Bittrex as it was: negotiate, connect, start, the hub `c3` of v3 and `c2` before it, packed bodies, and the REST answers
 * beside them. Numbers run on from where the venue stands; REST is up to a step ahead of the socket and up to a second
 * behind itself.
 */
export function bittrexSimulator(options: BittrexSimulatorOptions = {}): KitSimulator {
  const { strictStart = false } = options
  const exchange = new SimulatedExchange<BittrexMarket, HubClient>(options, {
    faults: FAULTS,
    immediate: ['reconnect-notice'],
    ofTheVenue: ['sequence-reset'],
    instruments: (random) => bittrexMarkets(options, clock, random),
    delistable: ({ id }) => id === DELISTED,
    begin: () =>
      exchange.timers.every(SECOND, () => {
        rest.expire()
        publishBatches()
      }),
    step(market, at) {
      for (const push of market.step(at, followed)) {
        if (push.method === 'ticker') changed.add(market)
        publish(push)
      }
    },
  })
  function clock(at?: Micros): Micros {
    return exchange.clock.read(at)
  }

  const numbers: BatchNumbers = {
    tickers: exchange.random.integer(1_000, 5_000_000),
    summaries: exchange.random.integer(1_000, 5_000_000),
  }
  const rest = new BittrexRest(exchange, numbers)
  const hubs = [c3(exchange), c2(exchange)]
  const tokens = new Map<string, Token>()
  /** Markets whose ticker changed since the last batch. */
  const changed = new Set<BittrexMarket>()

  function followed(topic: string): boolean {
    for (const client of exchange.clients) if (client.follows(topic)) return true
    return false
  }

  function publish(push: Push): void {
    for (const client of exchange.clients) client.push(push)
  }

  /** Once a second: what changed, for the topics of all markets, and the summaries. */
  function publishBatches(): void {
    if (changed.size > 0) {
      const deltas = [...changed].map((market) => market.ticker())
      changed.clear()
      publish({ topic: 'tickers', method: 'tickers', body: { sequence: ++numbers.tickers, deltas } })
    }
    const deltas: Body[] = []
    const legacy: Body[] = []
    for (const market of exchange.listed) {
      const body = market.changedSummary()
      if (body === null) continue
      deltas.push(body)
      legacy.push(legacySummary(market, clock))
      publish({ topic: `market_summary_${market.id}`, method: 'marketSummary', body })
    }
    if (deltas.length === 0) return
    const sequence = ++numbers.summaries
    publish({ topic: 'market_summaries', method: 'marketSummaries', body: { sequence, deltas } })
    publish({ topic: 'uS', method: 'uS', body: { N: sequence, D: legacy } })
    const lite = legacy.map(({ M, l, m }) => ({ M, l, m }))
    publish({ topic: 'uL', method: 'uL', body: { D: lite } })
  }

  /** The token of a request, where it is good. */
  function tokenOf({ path }: SimulatedRequest): Token | undefined {
    const token = tokens.get(queryOf(path).get('connectionToken') ?? '')
    if (token === undefined) return undefined
    const expired = token.connected === 0 && exchange.now - token.usedAt > TOKEN_GOOD_FOR
    return expired ? undefined : token
  }

  function newToken(hub: Hub): Token {
    return { topics: new Set(), started: false, hub, usedAt: exchange.now, connected: 0 }
  }

  function signalr(step: string, request: SimulatedRequest): SimulatedAnswer {
    if (step === 'ping') return json({ Response: 'pong' })
    if (step === 'negotiate') return negotiate(request)
    const token = tokenOf(request)
    if (token === undefined) return BAD_TOKEN
    if (step === 'abort') return { status: 200, body: '' }
    token.started = true
    return json(STARTED_BODY)
  }

  /** An unknown hub is answered with 500 and a page. */
  function negotiate({ path }: SimulatedRequest): SimulatedAnswer {
    const asked = hubsOfUrl(path)
    const hub = hubs.find(({ name }) => asked.includes(name.toLowerCase()))
    if (hub === undefined) {
      return { status: 500, headers: { 'content-type': 'text/html' }, body: '<html>Server Error</html>' }
    }
    for (const [text, { connected, usedAt }] of tokens) {
      if (connected === 0 && exchange.now - usedAt > TOKEN_GOOD_FOR) tokens.delete(text)
    }
    const bytes = Uint8Array.from({ length: 110 }, () => exchange.random.integer(0, 255))
    const text = toBase64(bytes)
    tokens.set(text, newToken(hub))
    const id = `b177e0de-0000-4000-8000-${String(tokens.size).padStart(12, '0')}`
    return json(negotiationBody(text, id), 200, { 'set-cookie': '__cf_bm=simulated; path=/; HttpOnly' })
  }

  return exchange.simulator('bittrex', {
    admit: (request) => (tokenOf(request) === undefined ? BAD_TOKEN : null),
    connect(peer) {
      const token = tokenOf(peer.request) ?? newToken(hubs[0] ?? c3(exchange))
      token.connected++
      const reconnects = pathOf(peer.request.path).endsWith('/reconnect')
      return new HubClient(exchange, peer, token.hub, token, {
        strictStart,
        reconnects,
        ended() {
          token.connected--
          token.usedAt = exchange.now
        },
      })
    },
    http(request) {
      const step = /\/(negotiate|start|abort|ping)$/.exec(pathOf(request.path))?.[1]
      if (pathOf(request.path).startsWith('/v3/')) return rest.answer(request)
      return step === undefined ? { status: 404, body: '' } : signalr(step, request)
    },
    commit(name) {
      if (name !== 'sequence-reset') return null
      for (const market of exchange.instruments.values()) market.restart()
      numbers.tickers = 0
      numbers.summaries = 0
      return true
    },
  })
}
