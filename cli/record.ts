import { Command } from 'commander'
import { openTape, record } from '../recorder/index.js'
import type { Channel } from '../src/connector.js'
import { openFeed } from '../src/feed/feed.js'
import { FrameLogWriter } from '../src/framelog/index.js'
import { systemClock } from '../src/socket/clock.js'
import { parseDuration } from './duration.js'
import { interruption } from './exit.js'
import { channelsFlag, flag, urlFlag } from './flag.js'
import { Progress } from './progress.js'
import { connectorsFor } from './targets.js'

interface Options {
  readonly db: string
  readonly channels: Channel[]
  readonly url?: string[]
  readonly raw?: string | boolean
  readonly duration?: number
}

export function recordCommand(): Command {
  return new Command('record')
    .description('record live markets to a tape, until interrupted or for a duration')
    .argument('<venue:symbol...>', 'markets, such as bitfinex:BTC/USD bitmex:XBTUSD')
    .requiredOption('--db <file>', 'the tape; a recording goes on after what is there')
    .addOption(channelsFlag())
    .option('--raw [file]', 'keep the raw frames as well, by default beside the tape')
    .addOption(flag('--duration <time>', 'how long: 10s, 5m, 1h30m, 30d', parseDuration))
    .addOption(urlFlag())
    .action(async (targets: string[], options: Options) => {
      const connectors = await connectorsFor(targets, options)
      const { signal, interrupted, dispose } = interruption()
      const recorder = openTape(options.db, { mode: 'write' })
      const progress = new Progress(options.duration ?? null)
      const raw = openRaw(options, (error) => progress.say(error.message))
      const feed = openFeed(connectors, { signal, ...(raw === null ? {} : { tap: raw }) })
      const timer =
        options.duration === undefined ? null : systemClock().after(options.duration, () => void feed.close())
      try {
        await record(feed, recorder, {
          onEvent: (event) => progress.count(event),
          alsoClose: raw === null ? [] : [raw],
        })
      } finally {
        timer?.cancel()
        progress.done()
        dispose()
      }
      process.exitCode = interrupted() ?? process.exitCode
    })
}

function openRaw({ raw, db }: Options, onError: (error: Error) => void): FrameLogWriter | null {
  if (raw === undefined || raw === false) return null
  const path = typeof raw === 'string' ? raw : `${db.replace(/\.[^./\\]+$/, '')}.frames.jsonl.gz`
  return new FrameLogWriter({ path, clock: systemClock(), onError })
}
