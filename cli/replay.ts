import { Command } from 'commander'
import { openTape, type Tape, type TapeQuery } from '../recorder/index.js'
import type { MarketEvent, MarketEventType } from '../schemas/events.js'
import { TapeError } from '../src/errors.js'
import type { Clock } from '../src/platform.js'
import { shownJson } from '../src/shown.js'
import { systemClock } from '../src/socket/clock.js'
import { parseSpeed, parseTime } from './duration.js'
import { exitCode, interruption } from './exit.js'
import { flag, list, typeList } from './flag.js'
import { helpEnd } from './help.js'
import { LineWriter, say } from './output.js'
import { matcher } from './pattern.js'
import { checkWindow, holdings } from './tape-window.js'
import { pause } from './timers.js'

interface Options {
  readonly speed: number
  readonly from?: number
  readonly to?: number
  readonly types?: MarketEventType[]
  readonly venues?: string[]
  readonly symbols?: string[]
  readonly channels?: string[]
}

export function replayCommand(): Command {
  return new Command('replay')
    .description('the events of a tape as NDJSON on stdout, as they were emitted')
    .argument('<tape>', 'the file of a recording')
    .addOption(
      flag('--speed <factor>', '1x as it happened, 10x, or max', parseSpeed, {
        value: Number.POSITIVE_INFINITY,
        shown: 'max',
      }),
    )
    .addOption(flag('--from <time>', 'ISO time or microseconds: from here on', parseTime))
    .addOption(flag('--to <time>', 'ISO time or microseconds: before this', parseTime))
    .addOption(flag('--type, --types <list>', 'only these events, such as trade,gap', typeList))
    .addOption(flag('--venue, --venues <list>', 'only of these venues', names))
    .addOption(flag('--symbol, --symbols <list>', 'only these symbols or ids, such as BTC/USD,ETH/*', names))
    .addOption(flag('--channel, --channels <list>', 'only these channels, such as trade,book*', names))
    .addHelpText(
      'after',
      helpEnd(`
Lists may hold patterns (* and ?), in any case; quote them from the shell. Where nothing of the tape fits, a sentence says
what it holds, and the exit code is 1.

Examples:
  tapewire replay tape.db | head
  tapewire replay tape.db --types trade --symbols 'BTC/*' --from 2024-05-01
  tapewire replay tape.db --speed 10x`),
    )
    .action(async (path: string, options: Options) => {
      checkWindow(options)
      const { signal, interrupted, dispose } = interruption()
      const tape = openTape(path)
      const out = new LineWriter(process.stdout, signal)
      const pace = new Pace(options.speed, systemClock(), signal)
      let replayed = 0
      try {
        for (const event of tape.replay(queryOf(tape, options))) {
          if (signal.aborted) break
          if (pace.waits(event)) {
            await out.flush()
            await pace.until(event)
            if (signal.aborted) break
          }
          await out.write(shownJson(event))
          replayed++
        }
        await out.flush()
        if (replayed === 0 && !signal.aborted) {
          say(`nothing that was asked for is on ${path}: ${holdings(tape)}`)
          process.exitCode = exitCode.foundWanting
        }
      } finally {
        tape.close()
        dispose()
      }
      process.exitCode = interrupted() ?? process.exitCode
    })
}

function names(text: string): string[] {
  return list(text, "'BTC/USD,ETH/*'")
}

function queryOf(tape: Tape, { from, to, types, venues, symbols, channels }: Options): TapeQuery {
  const streams = (venues ?? symbols ?? channels) ? tape.streams() : []
  const query = {
    from,
    to,
    types,
    venues:
      venues &&
      held(
        venues,
        '--venues',
        streams.map(({ venue }) => [venue]),
      ),
    symbols:
      symbols &&
      held(
        symbols,
        '--symbols',
        streams.map(({ symbol, instrument }) => [symbol, instrument]),
      ),
    channels:
      channels &&
      held(
        channels,
        '--channels',
        streams.map(({ channel }) => [channel]),
      ),
  }
  return Object.fromEntries(Object.entries(query).filter(([, value]) => value !== undefined))
}

/**
 * The names on the tape that a list of names and patterns means.
 * @param streams the names that each stream of the tape goes by
 * @throws {TapeError} `not_on_tape`, naming what there is.
 */
function held(
  wanted: readonly string[],
  option: string,
  streams: readonly (readonly (string | null)[])[],
): string[] {
  const there = [...new Set(streams.flat())].filter((name) => name !== null)
  const found = wanted.flatMap((pattern) => {
    const fits = matcher(pattern)
    const matching = there.filter((name) => name === pattern)
    if (matching.length === 0) matching.push(...there.filter(fits))
    if (matching.length > 0) return matching
    const shown = [...new Set(streams.map(([name]) => name ?? null))].filter((name) => name !== null).sort()
    throw new TapeError(
      'not_on_tape',
      `${option} ${pattern}: nothing of it is on the tape, which holds ${shown.length === 0 ? 'nothing' : shown.slice(0, 20).join(', ')}${shown.length > 20 ? ', …' : ''}`,
      { context: { asked: pattern } },
    )
  })
  return [...new Set(found)]
}

/** The pace of a replay: events are as far apart as they were, divided by the speed. */
class Pace {
  readonly #speed: number
  readonly #clock: Clock
  readonly #signal: AbortSignal
  #began: { readonly real: number; readonly tape: number } | null = null

  constructor(speed: number, clock: Clock, signal: AbortSignal) {
    this.#speed = speed
    this.#clock = clock
    this.#signal = signal
  }

  waits(event: MarketEvent): boolean {
    return this.#delayMs(event) > 0
  }

  until(event: MarketEvent): Promise<void> {
    return pause(this.#clock, this.#delayMs(event), this.#signal)
  }

  #delayMs(event: MarketEvent): number {
    if (this.#speed === Number.POSITIVE_INFINITY || event.receiveTime === null) return 0
    const now = this.#clock.monotonic()
    this.#began ??= { real: now, tape: event.receiveTime }
    return ((event.receiveTime - this.#began.tape) / this.#speed - (now - this.#began.real)) / 1000
  }
}
