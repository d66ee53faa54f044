import type { SubscribedEvent } from '../../schemas/bitfinex.js'
import type { MarketType } from '../../schemas/events.js'
import type { Channel, ChannelSpec, Instrument } from '../../src/connector.js'
import { UsageError } from '../../src/errors.js'
import { splitChannel } from '../../src/session/index.js'
import type { OrderRule } from '../../src/venue/spec.js'
import { SIGNED_LEVELS } from './checksum.js'
import type { ResolvedOptions } from './options.js'

/** The pulse of every channel comes each 15 s (7.5 s in 2018): two missed and some margin. */
const PULSE_LOST_MS = 35_000

/** Candle lengths: as the field writes them, and as the venue does. */
const CANDLES: ReadonlyMap<string, string> = new Map([
  ['1m', '1m'],
  ['5m', '5m'],
  ['15m', '15m'],
  ['30m', '30m'],
  ['1h', '1h'],
  ['3h', '3h'],
  ['6h', '6h'],
  ['12h', '12h'],
  ['1d', '1D'],
  ['1w', '1W'],
  ['2w', '14D'],
  ['1M', '1M'],
])

const INTERVALS: ReadonlyMap<string, string> = new Map([
  ...[...CANDLES].map(([interval, frame]): [string, string] => [frame, interval]),
  // The name of a week before it was 1W.
  ['7D', '1w'],
])

const EVERY_MARKET: readonly MarketType[] = ['spot', 'perpetual', 'funding']

/** One number over the array frames of a connection, each channel's pulse included. */
export const order: OrderRule = { by: 'sequence', scope: 'connection', across: 'own', step: 'next' }

/** So many checksums in a row that do not fit: the fault is no single lost frame. */
const FAILURES_A_CONNECTION = 3

/** Books of funding are not signed. */
const signedBook = {
  order,
  image: { how: 'first' },
  checks: [{ kind: 'checksum', best: SIGNED_LEVELS, failures: FAILURES_A_CONNECTION }],
} as const

/** Every public channel of the venue. */
export const bitfinexChannels: readonly ChannelSpec[] = [
  {
    kind: 'trade',
    variants: [],
    markets: EVERY_MARKET,
    order,
    cadenceMs: PULSE_LOST_MS,
    snapshot: true,
  },
  {
    kind: 'book',
    variants: ['P0', 'P1', 'P2', 'P3', 'P4'],
    markets: EVERY_MARKET,
    ...signedBook,
    rows: { kind: 'levels', absent: 'gap' },
    cadenceMs: PULSE_LOST_MS,
    snapshot: true,
  },
  {
    kind: 'order',
    variants: [],
    markets: EVERY_MARKET,
    ...signedBook,
    rows: { kind: 'keyed', absent: 'gap' },
    cadenceMs: PULSE_LOST_MS,
    snapshot: true,
  },
  {
    kind: 'ticker',
    variants: [],
    markets: EVERY_MARKET,
    order,
    cadenceMs: PULSE_LOST_MS,
    snapshot: true,
  },
  {
    kind: 'candle',
    variants: [...CANDLES.keys()],
    markets: EVERY_MARKET,
    order,
    cadenceMs: PULSE_LOST_MS,
    snapshot: true,
  },
  {
    kind: 'derivative',
    variants: [],
    markets: ['perpetual'],
    order,
    cadenceMs: PULSE_LOST_MS,
    snapshot: false,
  },
  {
    kind: 'liquidation',
    variants: [],
    markets: ['spot', 'perpetual'],
    order,
    cadenceMs: PULSE_LOST_MS,
    snapshot: false,
  },
]

/** What names a channel of the venue, as it stands in the frames `subscribe`, `subscribed` and `error`. */
export interface WireChannel {
  readonly channel: string
  readonly symbol?: string | undefined
  readonly key?: string | undefined
  readonly prec?: string | undefined
  readonly freq?: string | undefined
  readonly len?: string | undefined
}

/** The one channel that carries the liquidations of all symbols. */
export const LIQUIDATIONS: WireChannel = { channel: 'status', key: 'liq:global' }

/** The venue's channel of one of our streams. */
export function wireChannel(
  { instrument, market }: Instrument,
  channel: Channel,
  options: ResolvedOptions,
): WireChannel {
  const { kind, variant } = splitChannel(channel)
  switch (kind) {
    case 'trade':
      return { channel: 'trades', symbol: instrument }
    case 'ticker':
      return { channel: 'ticker', symbol: instrument }
    case 'book':
    case 'order':
      return {
        channel: 'book',
        symbol: instrument,
        prec: kind === 'order' ? 'R0' : variant === '' ? 'P0' : variant,
        freq: options.bookFrequency,
        len: String(options.bookLength),
      }
    case 'candle': {
      const frame = CANDLES.get(variant === '' ? '1m' : variant)
      const periods = market === 'funding' ? `:${options.fundingCandles}` : ''
      return { channel: 'candles', key: `trade:${frame}:${instrument}${periods}` }
    }
    case 'derivative':
      return { channel: 'status', key: `deriv:${instrument}` }
    case 'liquidation':
      return LIQUIDATIONS
    default:
      throw new UsageError('unknown_channel', `bitfinex has no channel ${channel}`, {
        context: { venue: 'bitfinex', channel },
      })
  }
}

/** Names the channel itself: two requests of the same text are the same subscription to the venue. */
export function wireName({ channel, symbol, key, prec, freq, len }: WireChannel): string {
  return [channel, symbol ?? key, prec, freq, len].filter((part) => part !== undefined).join(' ')
}

/**
 * Whether a reply speaks of a channel that was asked for. Errors leave fields out and acks add some, so only what both
 * name is compared. A symbol that was sent without its `t` comes back with it.
 */
export function answers(
  reply: { readonly [Field in keyof WireChannel]?: string | undefined },
  asked: WireChannel,
): boolean {
  return (
    same(reply.channel, asked.channel) &&
    same(reply.symbol, asked.symbol) &&
    same(reply.key, asked.key) &&
    same(reply.prec, asked.prec) &&
    same(reply.freq, asked.freq) &&
    same(reply.len, asked.len)
  )
}

function same(a: string | undefined, b: string | undefined): boolean {
  return a === undefined || b === undefined || a === b
}

/** What an ack says of the stream behind it. `symbol` is null where the channel carries all symbols. */
export interface AckedStream {
  readonly channel: Channel
  readonly symbol: string | null
}

/** The stream of an ack; null where the venue has a channel that this page does not know. */
export function ackedStream(
  ack: WireChannel & Pick<SubscribedEvent, 'pair'>,
  options: ResolvedOptions,
): AckedStream | null {
  const symbol = ack.symbol ?? (ack.pair === undefined ? '' : `t${ack.pair}`)
  switch (ack.channel) {
    case 'trades':
      return { channel: 'trade', symbol }
    case 'ticker':
      return { channel: 'ticker', symbol }
    case 'book': {
      const prec = ack.prec ?? 'P0'
      if (prec === 'R0') return { channel: 'order', symbol }
      if (!/^P[0-4]$/.test(prec)) return null
      return { channel: prec === 'P0' ? 'book' : `book:${prec}`, symbol }
    }
    case 'candles':
      return ackedCandles(ack.key ?? '', options)
    case 'status': {
      if (ack.key === LIQUIDATIONS.key) return { channel: 'liquidation', symbol: null }
      const [, derivative] = /^deriv:(.+)$/.exec(ack.key ?? '') ?? []
      return derivative === undefined ? null : { channel: 'derivative', symbol: derivative }
    }
    default:
      return null
  }
}

/** `trade:1m:tAVAX:USD`, of funding `trade:1m:fUSD:p30` or `trade:1m:fUSD:a30:p2:p30`. */
function ackedCandles(key: string, options: ResolvedOptions): AckedStream | null {
  const [, frame = '', symbol = '', periods] = /^trade:(\w+):(t[\w:]+|f\w+)(?::([\w:]+))?$/.exec(key) ?? []
  const interval = INTERVALS.get(frame)
  if (interval === undefined) return null
  if (periods !== undefined && periods !== options.fundingCandles) {
    return { channel: `candle:${interval}:${periods}`, symbol }
  }
  return { channel: interval === '1m' ? 'candle' : `candle:${interval}`, symbol }
}

/** The length of the candles of a `candle` stream, from its variant: `1h`, empty for the default. */
export function candleInterval(variant: string): string {
  return variant === '' ? '1m' : (variant.split(':')[0] ?? '')
}
