import type { MarketType } from '../schemas/events.js'
import type { ChannelKind, ChannelSpec } from './connector.js'

/**
 * The row of a venue's capabilities that a stream is of. A kind has several where the venue's markets differ in what they
 * prove.
 */
export function channelSpec(
  channels: readonly ChannelSpec[],
  kind: ChannelKind,
  market: MarketType,
): ChannelSpec | undefined {
  return channels.find((spec) => spec.kind === kind && spec.markets.includes(market))
}
