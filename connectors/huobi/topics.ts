import type { Channel } from '../../src/connector.js'
import { splitChannel } from '../../src/session/stream.js'
import { contractParts, type Family, familyOf } from './symbols.js'

/** What the frames of a topic look like. */
export type Form =
  | 'trades'
  | 'depth'
  | 'mbp'
  | 'refresh'
  | 'high-frequency'
  | 'quote'
  | 'detail'
  | 'tickers'
  | 'kline'
  | 'index'
  | 'open-interest'
  | 'funding-rate'
  | 'unused'
  | 'funding'
  | 'liquidations'
  | 'contract-info'
  | 'heartbeat'

/** A topic of the venue, read. */
export interface Topic {
  readonly text: string
  readonly form: Form
  /** The id that the topic names; null where it is about all (`market.tickers`, `public.*`). */
  readonly instrument: string | null
  /** The channel that its frames belong to; null where there is no event for them. */
  readonly channel: Channel | null
  /** Levels a side that the topic shows at most; null where it is no book. */
  readonly depth: number | null
  /** The interval of a kline, the quantity of an index kline. */
  readonly detail: string
}

/** Intervals as the field writes them, and as the venue does. */
const PERIODS = {
  '1m': '1min',
  '5m': '5min',
  '15m': '15min',
  '30m': '30min',
  '1h': '60min',
  '4h': '4hour',
  '1d': '1day',
  '1w': '1week',
  '1M': '1mon',
  '1y': '1year',
} as const
const INTERVALS = new Map<string, string>(Object.entries(PERIODS).map(([ours, wire]) => [wire, ours]))
const WIRE_PERIODS = new Map<string, string>(Object.entries(PERIODS))

export const INTERVAL_NAMES: readonly string[] = Object.keys(PERIODS)

/** The level counts of the books that are kept by deltas, the default first. */
export const MBP_LEVELS: readonly string[] = ['150', '5', '20', '400']
export const REFRESH_LEVELS: readonly string[] = ['5', '10', '20']
/** Those that derivatives have: the server refuses 5 and 400 (seen in September 2026), whatever other clients offer. */
export const HIGH_FREQUENCY_LEVELS: readonly string[] = ['150', '20']
/** Merge steps that derivatives have. */
export const STEPS: readonly string[] = Array.from({ length: 20 }, (_, step) => String(step))
export const SPOT_STEPS = STEPS.slice(0, 6)

/** Steps of derivatives that show 20 levels; the others show 150. */
const SHORT_STEPS = new Set(['7', '8', '9', '10', '11', '12', '13', '18', '19'])

/** Why a stream cannot be had, or the topics that carry it. */
export type Plan = { readonly topics: readonly string[] } | { readonly refused: string }

/** The topics that carry a channel of an instrument. */
export function planTopics(id: string, channel: Channel): Plan {
  const { kind, variant } = splitChannel(channel)
  const family = familyOf(id)
  const spot = family === 'spot'
  const one = (...tail: string[]): Plan => ({ topics: [['market', id, ...tail].join('.')] })
  const none = (what: string): Plan => ({ refused: `${what} for ${spot ? 'spot pairs' : 'derivatives'}` })
  switch (kind) {
    case 'trade':
      return one('trade', 'detail')
    case 'quote':
      return one('bbo')
    case 'candle': {
      const interval = variant === '' ? '1m' : variant
      if (interval === '1y' && !spot) return none('there is no candle:1y')
      return one('kline', WIRE_PERIODS.get(interval) ?? interval)
    }
    case 'ticker':
      if (variant === '') return one('detail')
      if (!spot) return none(`there is no ticker:${variant}`)
      return variant === 'tickers' ? { topics: ['market.tickers'] } : one('ticker')
    case 'book':
      return planBook(variant, spot, one, none)
    case 'derivative':
      if (spot) return none('there is no derivative channel')
      if (variant === '') return indexTopics(id)
      return contractParts(id)?.date === null
        ? publicTopic(id, 'funding_rate')
        : { refused: 'there is no funding for contracts that are delivered' }
    case 'liquidation':
      return spot ? none('there are no liquidations') : publicTopic(id, 'liquidation_orders')
    case 'instrument':
      return spot ? none('there is no instrument channel') : publicTopic(id, 'contract_info')
    default:
      return none(`there is no channel ${kind}`)
  }
}

function planBook(
  variant: string,
  spot: boolean,
  one: (...tail: string[]) => Plan,
  none: (what: string) => Plan,
): Plan {
  const levels = variant === '' ? '150' : variant
  if (levels.startsWith('step')) {
    if (spot && !SPOT_STEPS.includes(levels.slice(4))) return none(`there is no book:${levels}`)
    return one('depth', levels)
  }
  if (levels.startsWith('refresh')) {
    return spot ? one('mbp', 'refresh', levels.slice(7)) : none(`there is no book:${levels}`)
  }
  if (spot) return one('mbp', levels)
  if (!HIGH_FREQUENCY_LEVELS.includes(levels)) return none(`there is no book:${levels}`)
  return one('depth', `size_${levels}`, 'high_freq')
}

/** Coin-margined futures name the coin in their public topics, every other family the contract. */
function publicTopic(id: string, what: string): Plan {
  const coin = familyOf(id) === 'futures' ? contractParts(id)?.base : undefined
  return { topics: [`public.${coin ?? id}.${what}`] }
}

/** The index belongs to the pair, the mark price to the contract; only perpetuals have a rate to estimate. */
function indexTopics(id: string): Plan {
  const parts = contractParts(id)
  const pair = parts === null ? id : `${parts.base}-${parts.quote}`
  const topics = [`market.${id}.mark_price.1min`, `market.${pair}.index.1min`]
  if (parts?.date === null) topics.push(`market.${id}.estimated_rate.1min`)
  return { topics }
}

/** Reads a topic; null where the venue is not known to have it. */
export function readTopic(text: string): Topic | null {
  const parts = text.split('.')
  if (parts[0] === 'public') return readPublic(text, parts)
  if (text === 'market.tickers') return topic(text, 'tickers', null, 'ticker:tickers')
  const [market, instrument, what, ...tail] = parts
  if (market !== 'market' || !instrument || what === undefined) return null
  const [first = '', second = ''] = tail
  switch (what) {
    case 'trade':
      return first === 'detail' ? topic(text, 'trades', instrument, 'trade') : null
    case 'bbo':
      return topic(text, 'quote', instrument, 'quote')
    case 'detail':
      return topic(text, 'detail', instrument, 'ticker')
    case 'ticker':
      return topic(text, 'detail', instrument, 'ticker:ticker')
    case 'kline': {
      const interval = INTERVALS.get(first)
      if (interval === undefined) return null
      return topic(text, 'kline', instrument, variantOf('candle', interval, '1m'), null, interval)
    }
    case 'mbp':
      if (first === 'refresh') {
        return topic(text, 'refresh', instrument, `book:refresh${second}`, Number(second))
      }
      return /^\d+$/.test(first)
        ? topic(text, 'mbp', instrument, variantOf('book', first, '150'), Number(first))
        : null
    case 'depth':
      return readDepth(text, instrument, first, second)
    case 'index':
    case 'mark_price':
    case 'estimated_rate':
      return topic(text, 'index', instrument, 'derivative', null, what)
    // Not the venue's: Tardis writes answers over REST as messages of these topics.
    case 'open_interest':
      return topic(text, 'open-interest', instrument, 'derivative')
    case 'funding_rate':
      return topic(text, 'funding-rate', instrument, 'derivative')
    case 'premium_index':
    case 'basis':
    case 'nav':
    case 'option_index':
    case 'option_market_index':
      return topic(text, 'unused', instrument, null)
    default:
      return null
  }
}

function readDepth(text: string, instrument: string, first: string, second: string): Topic | null {
  const step = /^step(\d+)$/.exec(first)?.[1]
  if (step !== undefined) {
    return topic(text, 'depth', instrument, `book:step${step}`, stepDepth(familyOf(instrument), step))
  }
  const size = /^size_(\d+)$/.exec(first)?.[1]
  if (size === undefined || second !== 'high_freq') return null
  return topic(text, 'high-frequency', instrument, variantOf('book', size, '150'), Number(size))
}

/** Levels a side; step 6 of the derivatives is documented with 20 and was seen to send 30. */
function stepDepth(family: Family, step: string): number {
  if (family === 'spot') return step === '0' ? 150 : 20
  if (step === '6') return 30
  return SHORT_STEPS.has(step) ? 20 : 150
}

function readPublic(text: string, [, about = '', what = '']: readonly string[]): Topic | null {
  const instrument = about === '*' ? null : about
  switch (what) {
    case 'funding_rate':
      return topic(text, 'funding', instrument, 'derivative:funding')
    case 'liquidation_orders':
      return topic(text, 'liquidations', instrument, 'liquidation')
    case 'contract_info':
      return topic(text, 'contract-info', instrument, 'instrument')
    case 'contract_elements':
      return topic(text, 'unused', instrument, null)
    case 'heartbeat':
      return topic(text, 'heartbeat', null, null)
    default:
      return null
  }
}

function topic(
  text: string,
  form: Form,
  instrument: string | null,
  channel: Channel | null,
  depth: number | null = null,
  detail = '',
): Topic {
  return { text, form, instrument, channel, depth, detail }
}

function variantOf(kind: 'book' | 'candle', variant: string, usual: string): Channel {
  return variant === usual ? kind : `${kind}:${variant}`
}

/** Whether a topic belongs to the notification sockets and their grammar. */
export function isPublicTopic(text: string): boolean {
  return text.startsWith('public.')
}

/**
 * The frame that subscribes or unsubscribes a topic. Without `data_type` the high-frequency depth would send whole books on
 * the same `ch`; an unsubscribe must name it too.
 */
export function topicFrame(action: 'sub' | 'unsub', text: string, id: string): string {
  if (isPublicTopic(text)) return JSON.stringify({ op: action, cid: id, topic: text })
  const type = text.endsWith('.high_freq') ? { data_type: 'incremental' } : {}
  return JSON.stringify({ [action]: text, ...type, id })
}
