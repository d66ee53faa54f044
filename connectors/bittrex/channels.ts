import type { Channel, ChannelKind, ChannelSpec } from '../../src/connector.js'
import type { Stream } from '../../src/session/index.js'
import type { Integrity, OrderRule } from '../../src/venue/spec.js'

/** Levels a side of the three books of a market, each with numbers of its own. */
const DEPTHS = ['500', '25', '1']

/** Candle lengths as the field writes them, as the venue does, and the channel of each. */
export const INTERVALS = [
  { interval: '1m', wire: 'MINUTE_1', channel: 'candle' },
  { interval: '5m', wire: 'MINUTE_5', channel: 'candle:5m' },
  { interval: '1h', wire: 'HOUR_1', channel: 'candle:1h' },
  { interval: '1d', wire: 'DAY_1', channel: 'candle:1d' },
] as const

/** Two channels show one topic: the ticker's last price, and its best bid and ask. */
export const TICKER_CHANNELS = ['ticker', 'quote'] as const
/** The same for the topic of all markets. */
export const TICKERS_CHANNELS = ['ticker:tickers', 'quote:tickers'] as const

/** Numbers are the venue's and not the connection's: two sockets see the same numbers of a market and depth. */
export const numbered: OrderRule = { by: 'sequence', scope: 'stream', across: 'same', step: 'next' }
/** One number for the messages of a topic that carries all markets. */
const ofAllMarkets: OrderRule = { ...numbered, scope: 'topic' }
/** Those of a candle may be mixed with another stream's (see `candle-run.ts`), so two connections cannot be compared by them. */
const ofCandles: OrderRule = { ...numbered, across: 'own' }

/**
 * The channels of hub `c3`. No cadence: a market may be quiet for minutes, and what proves that the hub still pushes is its
 * `heartbeat` topic, which every connection holds.
 */
export const CHANNELS: readonly ChannelSpec[] = [
  spec('trade', [], { order: numbered, mark: { by: 'request' } }),
  spec(
    'book',
    DEPTHS,
    {
      order: numbered,
      image: { how: 'request' },
      rows: { kind: 'levels', absent: 'gap' },
      checks: [{ kind: 'image' }],
      mark: { by: 'request' },
    },
    true,
  ),
  spec('quote', ['ticker'], {}),
  spec('quote', ['tickers'], { order: ofAllMarkets }),
  spec('ticker', ['ticker', 'market_summary'], {}),
  spec('ticker', ['tickers', 'market_summaries'], { order: ofAllMarkets }),
  spec(
    'candle',
    INTERVALS.map(({ interval }) => interval),
    { order: ofCandles },
  ),
]

function spec(
  kind: ChannelKind,
  variants: readonly string[],
  integrity: Integrity,
  snapshot = false,
): ChannelSpec {
  return { kind, variants, markets: ['spot'], ...integrity, cadenceMs: null, snapshot }
}

/** The name under which the hub knows a stream. Streams of all markets share one, and so do the two views of a ticker. */
export function topicOf(stream: Stream): string {
  const { kind, variant } = stream
  const market = stream.instrument.instrument
  switch (kind) {
    case 'book':
      return `orderbook_${market}_${variant || '500'}`
    case 'candle':
      return `candle_${market}_${intervalOf(stream).wire}`
    case 'ticker':
    case 'quote':
      if (variant === 'tickers' || variant === 'market_summaries') return variant
      return `${variant || 'ticker'}_${market}`
    default:
      return `${kind}_${market}`
  }
}

/** The length of a candle stream. */
export function intervalOf({ variant }: Stream): (typeof INTERVALS)[number] {
  return INTERVALS.find(({ interval }) => interval === variant) ?? INTERVALS[0]
}

export function bookChannel(depth: string): Channel {
  return depth === '500' ? 'book' : `book:${depth}`
}

/** What a topic of one market carries. */
export interface Topic {
  readonly market: string
  readonly channels: readonly Channel[]
}

/** Reads a name that a recorded client subscribed; null for `heartbeat`, private topics, and those of all markets. */
export function readTopic(name: string): Topic | null {
  const book = /^orderbook_(.+)_(500|25|1)$/.exec(name)
  if (book !== null) return { market: book[1] ?? '', channels: [bookChannel(book[2] ?? '')] }
  for (const { wire, channel } of INTERVALS) {
    const market = between(name, 'candle_', `_${wire}`)
    if (market !== null) return { market, channels: [channel] }
  }
  for (const [prefix, channels] of PER_MARKET) {
    const market = between(name, prefix, '')
    if (market !== null) return { market, channels }
  }
  return null
}

const PER_MARKET: readonly (readonly [string, readonly Channel[]])[] = [
  ['trade_', ['trade']],
  ['ticker_', TICKER_CHANNELS],
  ['market_summary_', ['ticker:market_summary']],
]

function between(name: string, prefix: string, suffix: string): string | null {
  if (!name.startsWith(prefix) || !name.endsWith(suffix)) return null
  return name.slice(prefix.length, name.length - suffix.length) || null
}
