import type { MarketType } from '../../schemas/events.js'
import { channelSpec } from '../channel-spec.js'
import type { Channel, Connector, Endpoint, InstrumentTable, Subscription } from '../connector.js'
import { UsageError } from '../errors.js'
import { didYouMean } from '../nearest.js'

/** What is known of a venue when symbols and channels are to become streams. */
export interface KnownVenue {
  readonly connector: Connector
  readonly instruments: InstrumentTable
  /** Whether a symbol of such a market that is not among the instruments is unknown to the venue. */
  lists(market: MarketType): boolean
  /** The symbols are some of those that the channels are for, and may have none of them. @default false */
  readonly partly?: boolean
}

/**
 * The streams that symbols and channels mean.
 *
 * @throws {UsageError} `unknown_symbol` (with the nearest names), `unsupported_channel` where a channel exists for none of
 * the symbols, `no_symbols`.
 */
export function resolveSubscriptions(
  known: KnownVenue,
  symbols: readonly string[],
  channels: readonly Channel[],
): Subscription[] {
  const { connector, partly = false } = known
  if (symbols.length === 0 && !partly) {
    throw new UsageError(
      'no_symbols',
      `${connector.venue}: name at least one symbol, such as symbols: ['BTC/USD']`,
      {
        context: { venue: connector.venue, field: 'symbols' },
      },
    )
  }
  const subscriptions: Subscription[] = []
  const served = new Set<Channel>()
  for (const symbol of new Set(symbols)) {
    const instrument = findInstrument(known, symbol)
    for (const channel of new Set(channels)) {
      if (channelSpec(connector.channels, channel, instrument.market) === undefined) continue
      served.add(channel)
      subscriptions.push({ instrument, channel })
    }
  }
  for (const channel of channels) {
    if (partly || served.has(channel)) continue
    throw new UsageError(
      'unsupported_channel',
      `${connector.venue} has no channel ${channel} for ${symbols.join(', ')}`,
      {
        context: { venue: connector.venue, channel, field: 'channels' },
      },
    )
  }
  return subscriptions
}

function findInstrument({ connector, instruments, lists }: KnownVenue, symbol: string) {
  const listed = instruments.find(symbol)
  if (listed !== undefined) return listed
  const guessed = connector.guess(symbol)
  if (guessed !== null && !lists(guessed.market)) {
    instruments.add(guessed)
    return guessed
  }
  const names = [...instruments.values()].flatMap(({ symbol, instrument }) => [symbol, instrument])
  const hint = didYouMean(symbol, names)
  throw new UsageError('unknown_symbol', `${connector.venue} lists no symbol ${symbol}${hint}`, {
    context: { venue: connector.venue, symbol, field: 'symbols' },
  })
}

/** The streams of one connection. */
export interface Shard {
  readonly endpoint: Endpoint
  readonly subscriptions: Subscription[]
}

/**
 * Spreads streams over connections: one kind of socket each, no more streams than the venue allows.
 *
 * @param limit streams on one connection. @default what the connector declares
 */
export function shard(
  connector: Connector,
  subscriptions: readonly Subscription[],
  limit = connector.limits.subscriptionsPerConnection,
): Shard[] {
  const shards: Shard[] = []
  const filling = new Map<string, Shard>()
  for (const subscription of subscriptions) {
    const endpoint = connector.route(subscription)
    let current = filling.get(endpoint.name)
    if (current === undefined || current.subscriptions.length >= limit) {
      current = { endpoint, subscriptions: [] }
      filling.set(endpoint.name, current)
      shards.push(current)
    }
    current.subscriptions.push(subscription)
  }
  return shards
}
