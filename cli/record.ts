import { Command } from 'commander'
import { type Closable, openTape, type RecordSummary, record } from '../recorder/index.js'
import type { Channel } from '../src/connector.js'
import { NetworkError, UsageError, VenueError } from '../src/errors.js'
import { type Feed, openFeed } from '../src/feed/feed.js'
import { FrameLogWriter } from '../src/framelog/index.js'
import type { Clock } from '../src/platform.js'
import { systemClock } from '../src/socket/clock.js'
import { parseDuration } from './duration.js'
import { everyStep } from './every-step.js'
import { exitCode, failureCode, interruption } from './exit.js'
import { channelsFlag, flag, maxAttemptsFlag, urlFlag } from './flag.js'
import { helpEnd } from './help.js'
import { RecordingReport } from './recording-report.js'
import { type FilesWrong, StatusKeeper } from './recording-status.js'
import { connectorsFor, MARKETS } from './targets.js'

interface Options {
  readonly db: string
  readonly channels: Channel[]
  readonly url?: string[]
  readonly raw?: string | boolean
  readonly duration?: number
  readonly maxAttempts?: number
  readonly statusEvery: number
  readonly json?: boolean
}

export function recordCommand(): Command {
  return new Command('record')
    .description('record live markets to a tape, until interrupted or for a duration')
    .argument('<venue:symbol...>', MARKETS)
    .requiredOption('--db <file>', 'the tape; a recording goes on after what is there')
    .addOption(channelsFlag())
    .option('--raw [file]', 'keep the raw frames as well, by default beside the tape; goes on in a new part')
    .addOption(flag('--duration <time>', 'how long: 10s, 5m, 1h30m, 30d', parseDuration))
    .addOption(maxAttemptsFlag())
    .addOption(urlFlag())
    .addOption(
      flag('--status-every <time>', 'between two lines of status, off a terminal', parseDuration, {
        value: 60_000,
        shown: '1m',
      }),
    )
    .option('--json', 'status, troubles and summary as NDJSON on stderr')
    .addHelpText(
      'after',
      helpEnd(`
It writes its status to stderr: on a terminal a live display; elsewhere a line a minute for each venue, and one at once
when something goes wrong; a summary at the end. docs/recording.md has the shape of --json.

Exit codes: 0 recorded; 1 events were lost, or nothing came of some streams; 3 nothing was received, or every venue was given up (--max-attempts);
129, 130 and 143 ended by SIGHUP, SIGINT and SIGTERM, which all close the tape. A second signal ends it at once.

Examples:
  tapewire record bitfinex:BTC/USD,ETH/USD --db tape.db --duration 1h
  tapewire record 'bitfinex:*/USD' huobi:BTC/USDT --db tape.db --channels trade,book,candle:1m
  tapewire record bitfinex:BTC/USD --db tape.db --raw --json 2>> recorder.ndjson`),
    )
    .action(async (targets: string[], options: Options) => {
      const clock = systemClock()
      const output = new RecordingReport(process.stderr, clock, {
        json: options.json ?? false,
        everyMs: options.statusEvery,
        durationMs: options.duration ?? null,
      })
      try {
        process.exitCode = await run(targets, options, output, clock)
      } catch (error) {
        output.failure(error)
        process.exitCode = failureCode(error)
      }
    })
}

async function run(
  targets: readonly string[],
  options: Options,
  output: RecordingReport,
  clock: Clock,
): Promise<number> {
  const { maxAttempts, duration } = options
  const connectors = await connectorsFor(targets, options, (notice) => output.notice(notice))
  const { signal, interrupted, dispose } = interruption()
  const wrong: FilesWrong = { tape: null, raw: null }
  let formerIncomplete = false
  if (options.db.startsWith(':')) {
    throw new UsageError('bad_option', `--db ${options.db} is no file: a tape is a file, such as tape.db`, {
      context: { field: '--db' },
    })
  }
  const recorder = openTape(options.db, {
    mode: 'write',
    onTrouble: ({ kind, message, error, since }) => {
      if (kind === 'moved' && error !== null) formerIncomplete = true
      wrong.tape = `${error?.message ?? message} (since ${new Date(since / 1000).toISOString()})`
      output.notice(message)
    },
  })
  const closing: Closable[] = []
  let feed: Feed
  let raw: FrameLogWriter | null
  try {
    raw = openRaw(options, clock, ({ message }) => {
      wrong.raw = message
      output.notice(message)
    })
    if (raw !== null) closing.push(raw)
    feed = openFeed(connectors, {
      signal,
      ...(maxAttempts === undefined ? {} : { maxAttempts }),
      ...(raw === null ? {} : { tap: raw }),
    })
  } catch (error) {
    await everyStep(
      () => {
        throw error
      },
      () => recorder.abandon(),
      ...closing.map((each) => () => each.close()),
      dispose,
    )
    throw error
  }
  const keeper = new StatusKeeper(feed, recorder, clock, wrong)
  // A feed may also end by itself.
  const ended = () => keeper.end()
  feed.done.then(ended, ended)
  const finish = () => {
    keeper.end()
    output.stop()
    void feed.close()
  }
  const end = duration === undefined ? null : clock.after(duration, finish)
  signal.addEventListener('abort', finish)
  output.begin(keeper)
  const found: { summary: RecordSummary | null } = { summary: null }
  let code: number = exitCode.done
  try {
    await record(feed, recorder, {
      onEvent: (event) => output.event(event),
      onEnd: (summary) => {
        found.summary = summary
      },
      alsoClose: closing,
      keepEmpty: false,
      clock,
    })
  } catch (error) {
    output.failure(error)
    code = codeOf(error)
  } finally {
    end?.cancel()
    output.stop()
    dispose()
  }
  const { summary } = found
  // What cannot be asked for is refused in one sentence.
  if (summary === null || code === exitCode.usedWrongly) return code
  const nothing = received(summary) === 0 && code === exitCode.done
  const incomplete = code === exitCode.done && summary.streams.some(({ events }) => events === 0)
  if (recorder.stats.lost > 0 || formerIncomplete) code = exitCode.foundWanting
  if (code !== exitCode.foundWanting) {
    const unended = nothing ? exitCode.venueOrNetwork : incomplete ? exitCode.foundWanting : code
    code = interrupted() ?? unended
  }
  output.end(keeper.summary(summary, raw === null ? null : raw.path, code))
  return code
}

/** Data of streams: what connections say, and gaps, is nothing that was received. */
function received({ streams }: RecordSummary): number {
  return streams.reduce((sum, { events }) => sum + events, 0)
}

/** A tape that fails while it is written is no wrong use: something of the recording is missing. */
function codeOf(error: unknown): number {
  return error instanceof UsageError || error instanceof VenueError || error instanceof NetworkError
    ? failureCode(error)
    : exitCode.foundWanting
}

function openRaw({ raw, db }: Options, clock: Clock, onError: (error: Error) => void): FrameLogWriter | null {
  if (raw === undefined || raw === false) return null
  const path = typeof raw === 'string' ? raw : `${db.replace(/\.[^./\\]+$/, '')}.frames.jsonl.gz`
  return new FrameLogWriter({ path, clock, onError, existing: 'new-part' })
}
