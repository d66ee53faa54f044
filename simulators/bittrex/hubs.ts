import type { HubCall } from '../../src/protocols/classic-signalr/grammar.js'
import { encode } from '../kit/exact-json.js'
import { SUBSCRIBE_FAULTS } from '../kit/pending-faults.js'
import type { SimulatedExchange } from '../kit/simulated-exchange.js'
import type { Hub, HubClient } from './hub-client.js'
import { type Clock, legacyName, legacyState, legacySummary } from './legacy-rows.js'
import type { BittrexMarket } from './market.js'
import { packBody } from './wire.js'

const OF_ALL_MARKETS = new Set(['heartbeat', 'tickers', 'market_summaries'])

/** The hub of v3: topics by name, several in a call. */
export function c3(exchange: SimulatedExchange<BittrexMarket>): Hub {
  /** A market that trades no more still has its topics. */
  const has = (topic: string) =>
    OF_ALL_MARKETS.has(topic) || [...exchange.instruments.values()].some((market) => market.has(topic))
  return {
    name: 'C3',
    call(client, { id, method, args }) {
      const [names] = args
      switch (method) {
        case 'isauthenticated':
          client.reply(id, false)
          return true
        case 'authenticate':
          client.reply(id, { Success: false, ErrorCode: 'INVALID_APIKEY' })
          return true
        case 'subscribe':
        case 'unsubscribe':
          if (args.length !== 1) return false
          if (Array.isArray(names)) subscription(client, id, method, names.map(String), has)
          else
            client.fail(
              id,
              `There was an error invoking Hub method 'c3.${method === 'subscribe' ? 'Subscribe' : 'Unsubscribe'}'.`,
            )
          return true
        default:
          return false
      }
    },
  }
}

function subscription(
  client: HubClient,
  id: string,
  method: 'subscribe' | 'unsubscribe',
  names: readonly string[],
  has: (topic: string) => boolean,
): void {
  const fault = method === 'subscribe' ? client.faults.takeFirst(SUBSCRIBE_FAULTS) : null
  if (fault === 'ack-missing') return
  const refusal = fault === 'ack-error' ? 'INTERNAL_ERROR' : fault === 'limit-error' ? 'THROTTLED' : null
  const results = names.map((name) => {
    const errorCode = refusal ?? (has(name) ? null : 'MARKET_DOES_NOT_EXIST')
    if (method === 'unsubscribe') client.subscribe([name], 'remove')
    else if (errorCode === null) client.subscribe([name], fault === 'ack-then-silence' ? 'mute' : 'add')
    return { Success: errorCode === null, ErrorCode: errorCode }
  })
  client.regroup()
  client.reply(id, results, fault === 'ack-late' ? 5_000 : 0)
}

/** The hub before v3 (until 2020): one market a call, keys of one letter, and the whole state on demand. */
export function c2(exchange: SimulatedExchange<BittrexMarket>): Hub {
  const clock: Clock = (at) => exchange.clock.read(at)
  const state = (client: HubClient, { id, args }: HubCall, body: (market: BittrexMarket) => object) => {
    const market = exchange.listed.find((one) => legacyName(one) === args[0])
    if (market === undefined) client.reply(id, null)
    else client.reply(id, packBody(encode({ ...body(market) })))
  }
  return {
    name: 'C2',
    call(client, call) {
      const { id, method, args } = call
      switch (method) {
        case 'subscribetoexchangedeltas': {
          const market = exchange.listed.find((one) => legacyName(one) === args[0])
          if (market !== undefined) client.subscribe([`uE ${market.id}`], 'add')
          client.reply(id, market !== undefined)
          return true
        }
        case 'subscribetosummarydeltas':
        case 'subscribetosummarylitedeltas':
          client.subscribe([method === 'subscribetosummarydeltas' ? 'uS' : 'uL'], 'add')
          client.reply(id, true)
          return true
        case 'queryexchangestate':
          state(client, call, (market) => legacyState(market, clock))
          return true
        case 'querysummarystate': {
          const rows = exchange.listed.map((market) => legacySummary(market, clock))
          client.reply(id, packBody(encode({ N: 0, s: rows })))
          return true
        }
        default:
          return false
      }
    },
  }
}
