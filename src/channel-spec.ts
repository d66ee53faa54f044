import type { MarketType } from '../schemas/events.js'
import type { Channel, ChannelSpec } from './connector.js'

/**
 * The row of a venue's capabilities that a stream is of: the one of its kind and market that lists its variant, or the first of
 * them for the bare kind and for a variant that a recording alone shows.
 */
export function channelSpec(
  channels: readonly ChannelSpec[],
  channel: Channel,
  market: MarketType,
): ChannelSpec | undefined {
  const [kind, variant] = channel.split(/:(.*)/s)
  const rows = channels.filter((spec) => spec.kind === kind && spec.markets.includes(market))
  const listed = variant === undefined ? undefined : rows.find(({ variants }) => variants.includes(variant))
  return listed ?? rows[0]
}
