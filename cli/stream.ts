import { Command } from 'commander'
import type { MarketEventType } from '../schemas/events.js'
import type { Channel } from '../src/connector.js'
import { openFeed } from '../src/feed/feed.js'
import { shownJson } from '../src/shown.js'
import { systemClock } from '../src/socket/clock.js'
import { parseDuration } from './duration.js'
import { interruption } from './exit.js'
import { channelsFlag, flag, maxAttemptsFlag, typeList, urlFlag } from './flag.js'
import { helpEnd } from './help.js'
import { LineWriter } from './output.js'
import { connectorsFor, MARKETS } from './targets.js'

interface Options {
  readonly channels: Channel[]
  readonly url?: string[]
  readonly types?: MarketEventType[]
  readonly duration?: number
  readonly maxAttempts?: number
}

export function streamCommand(): Command {
  return new Command('stream')
    .description('live events as NDJSON on stdout, in the shape in which replay gives them')
    .argument('<venue:symbol...>', MARKETS)
    .addOption(channelsFlag())
    .addOption(flag('--type, --types <list>', 'only these events, such as trade,gap', typeList))
    .addOption(flag('--duration <time>', 'how long: 10s, 5m, 1h30m, 30d', parseDuration))
    .addOption(maxAttemptsFlag())
    .addOption(urlFlag())
    .addHelpText(
      'after',
      helpEnd(`
A reader that takes the lines slowly holds the venue back; one that closes the pipe ends the command.

Examples:
  tapewire stream bitfinex:BTC/USD
  tapewire stream bitfinex:BTC/USD,ETH/USD huobi:BTC/USDT --types trade
  tapewire stream 'bitfinex:*/USD' --channels trade | jq -r '[.symbol, .price] | @tsv'`),
    )
    .action(async (targets: string[], options: Options) => {
      const connectors = await connectorsFor(targets, options)
      const { signal, interrupted, dispose } = interruption()
      const { maxAttempts, duration, types } = options
      const feed = openFeed(connectors, { signal, ...(maxAttempts === undefined ? {} : { maxAttempts }) })
      const clock = systemClock()
      const end = duration === undefined ? null : clock.after(duration, () => void feed.close())
      const out = new LineWriter(process.stdout, signal, clock)
      try {
        for await (const event of feed) {
          if (signal.aborted) break
          if (types !== undefined && !types.includes(event.type)) continue
          await out.write(shownJson(event))
        }
        await out.flush()
      } finally {
        end?.cancel()
        await feed.close()
        dispose()
      }
      process.exitCode = interrupted() ?? process.exitCode
    })
}
