import { Command } from 'commander'
import { openTape } from '../recorder/index.js'
import type { Channel } from '../src/connector.js'
import { openFeed } from '../src/feed/feed.js'
import { FrameLogWriter } from '../src/framelog/index.js'
import { systemClock } from '../src/socket/clock.js'
import { collect } from './collect.js'
import { parseDuration } from './duration.js'
import { exitCode, interruption } from './exit.js'
import { Progress } from './progress.js'
import { channelList, connectorsFor } from './targets.js'

interface Options {
  readonly db: string
  readonly channels: Channel[]
  readonly url: string[]
  readonly raw?: string | boolean
  readonly duration?: number
}

export function recordCommand(): Command {
  return new Command('record')
    .description('record live markets to a tape, until interrupted or for a duration')
    .argument('<venue:symbol...>', 'markets, such as bitfinex:BTC/USD bitmex:XBTUSD')
    .requiredOption('--db <file>', 'the tape; a recording goes on after what is there')
    .option('--channels <list>', 'such as trade,book,candle:1m', channelList, [
      'trade',
      'book',
    ] satisfies Channel[])
    .option('--raw [file]', 'keep the raw frames as well, by default beside the tape')
    .option('--duration <time>', '10s, 5m, 1h30m', parseDuration)
    .option('--url <url>', 'URL of a gateway or simulator; with several venues VENUE=URL', collect, [])
    .action(async (targets: string[], options: Options) => {
      const connectors = connectorsFor(targets, { channels: options.channels, urls: options.url })
      const { signal, interrupted, dispose } = interruption()
      const recorder = openTape(options.db, { mode: 'write' })
      const progress = new Progress(options.duration ?? null)
      const raw = openRaw(options, (error) => progress.say(error.message))
      const feed = openFeed(connectors, { signal, ...(raw === null ? {} : { tap: raw }) })
      const timer =
        options.duration === undefined ? null : setTimeout(() => void feed.close(), options.duration)
      try {
        for await (const event of feed) {
          recorder.record(event)
          progress.count(event)
        }
      } finally {
        if (timer !== null) clearTimeout(timer)
        await feed.close()
        await raw?.close()
        await recorder.close()
        progress.done()
        dispose()
      }
      if (interrupted()) process.exitCode = exitCode.interrupted
    })
}

function openRaw({ raw, db }: Options, onError: (error: Error) => void): FrameLogWriter | null {
  if (raw === undefined || raw === false) return null
  const path = typeof raw === 'string' ? raw : `${db.replace(/\.[^./\\]+$/, '')}.frames.jsonl.gz`
  return new FrameLogWriter({ path, clock: systemClock(), onError })
}
