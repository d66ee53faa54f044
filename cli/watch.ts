import { Command } from 'commander'
import type { Channel } from '../src/connector.js'
import { UsageError } from '../src/errors.js'
import { openFeed } from '../src/feed/feed.js'
import { systemClock } from '../src/socket/clock.js'
import { AlternateScreen } from './alternate-screen.js'
import { interruption } from './exit.js'
import { channelsFlag, flag, urlFlag, wholeNumber } from './flag.js'
import { helpEnd } from './help.js'
import { connectorsFor } from './targets.js'
import { every } from './timers.js'
import { Board } from './watch-board.js'

interface Options {
  readonly channels: Channel[]
  readonly url?: string[]
  readonly depth: number
  readonly trades: number
}

const FRAMES_A_SECOND = 8

export function watchCommand(): Command {
  return new Command('watch')
    .description('the book and the trades, live in the terminal')
    .argument('<venue:symbol...>', 'markets, such as bitfinex:BTC/USD')
    .addOption(channelsFlag())
    .addOption(urlFlag())
    .addOption(flag('--depth <n>', 'levels a side', wholeNumber(1, 1000), { value: 10, shown: '10' }))
    .addOption(flag('--trades <n>', 'trades to show', wholeNumber(1, 1000), { value: 12, shown: '12' }))
    .addHelpText(
      'after',
      helpEnd(`
Examples:
  tapewire watch bitfinex:BTC/USD
  tapewire watch bitfinex:btc-usd,eth-usd --depth 5 --trades 8`),
    )
    .action(async (targets: string[], options: Options) => {
      needTerminal()
      const connectors = await connectorsFor(targets, options)
      const { signal, interrupted, dispose } = interruption()
      const feed = openFeed(connectors, { signal })
      const board = new Board(feed, options)
      const screen = new AlternateScreen(process.stdout, (columns, rows) => board.render(columns, rows))
      screen.enter()
      const timer = every(systemClock(), 1000 / FRAMES_A_SECOND, () => screen.draw())
      try {
        await feed.done
      } finally {
        timer.cancel()
        screen.leave()
        dispose()
      }
      process.exitCode = interrupted() ?? process.exitCode
    })
}

/** @throws {UsageError} `no_terminal`: a picture that is drawn over and over is of no use in a pipe or file. */
function needTerminal(): void {
  if (process.stdout.isTTY && process.env['TERM'] !== 'dumb') return
  throw new UsageError(
    'no_terminal',
    'watch draws on a terminal, and stdout is none: for a pipe or a file use tapewire stream VENUE:SYMBOL',
  )
}
