import { type CexOptions, cex } from '../../../connectors/cex/index.js'
import type { MarketEvent } from '../../../schemas/events.js'
import { SIMULATED_CREDENTIALS } from '../../../simulators/cex/simulator.js'
import { type CexSimulatorOptions, simulateCex } from '../../../simulators/index.js'
import type { Channel } from '../../../src/connector.js'
import { type FeedOptions, openFeed } from '../../../src/feed/feed.js'
import { virtualPlatform } from '../../../src/simulator/index.js'

const HOST = '127.0.0.1:9000'

/** The classic API with the login that its simulator accepts. */
export const CLASSIC: CexOptions = { api: 'classic', ...SIMULATED_CREDENTIALS }

/** A feed on the simulator, both in memory, under a clock that goes only when it is told to. */
export function stage(
  symbols: readonly string[],
  channels: readonly Channel[],
  options: CexOptions = {},
  more: { readonly simulator?: CexSimulatorOptions; readonly feed?: FeedOptions } = {},
) {
  const platform = virtualPlatform()
  const simulator = simulateCex({ seed: 3, ...more.simulator })
  const host = platform.serve(simulator, { hosts: [HOST] })
  const connector = cex({ url: `ws://${HOST}`, symbols, channels, ...options })
  const feed = openFeed([connector], { platform, backoffBaseMs: 100, backoffCapMs: 1000, ...more.feed })
  const events: MarketEvent[] = []
  feed.on('event', (event) => void events.push(event))
  return {
    platform,
    simulator,
    host,
    feed,
    events,
    of<T extends MarketEvent['type']>(type: T, channel?: string): Extract<MarketEvent, { type: T }>[] {
      return events.filter(
        (event): event is Extract<MarketEvent, { type: T }> =>
          event.type === type && (channel === undefined || ('channel' in event && event.channel === channel)),
      )
    },
    /** The goodbye of the sockets takes time, and here it only passes when it is told to. */
    async close() {
      const closing = feed.close()
      await platform.advance(3000)
      await closing
    },
    fault: (name: string) => simulator.fault?.(name, platform.now) ?? false,
    /** The market stands still until what is told of it has caught up; then ours and the true book. */
    async settled(symbol: string, channel: Channel = 'book') {
      for (const market of simulator.markets.values()) market.frozen = true
      await platform.advance(4000)
      const id = feed.instrument('cex', symbol)?.instrument ?? ''
      const ours = feed.book('cex', symbol, channel)
      const truth = simulator.markets.get(id)?.book.top(20)
      for (const market of simulator.markets.values()) market.frozen = false
      return { ours: ours?.top(20), state: ours?.state, truth }
    },
  }
}
