import { setTimeout as sleep } from 'node:timers/promises'
import { Command } from 'commander'
import { openTape } from '../recorder/index.js'
import type { MarketEvent, MarketEventType } from '../schemas/events.js'
import { shownJson } from '../src/shown.js'
import { parseSpeed, parseTime } from './duration.js'
import { exitCode, interruption } from './exit.js'
import { LineWriter } from './output.js'

interface Options {
  readonly speed: number
  readonly from?: number
  readonly to?: number
  readonly types?: MarketEventType[]
}

export function replayCommand(): Command {
  return new Command('replay')
    .description('the events of a tape as NDJSON on stdout, as they were emitted')
    .argument('<tape>')
    .option('--speed <factor>', '1x as it happened, 10x, or max', parseSpeed, Number.POSITIVE_INFINITY)
    .option('--from <time>', 'ISO time or microseconds', parseTime)
    .option('--to <time>', 'ISO time or microseconds', parseTime)
    .option('--types <list>', 'such as trade,gap', (text: string) =>
      text.split(',').map((type) => type.trim()),
    )
    .action(async (path: string, { speed, ...query }: Options) => {
      const { signal, interrupted, dispose } = interruption()
      const tape = openTape(path)
      const out = new LineWriter(process.stdout)
      const pace = new Pace(speed, signal)
      try {
        for (const event of tape.replay(query)) {
          if (signal.aborted) break
          if (pace.waits(event)) {
            await out.flush()
            await pace.until(event)
          }
          await out.write(shownJson(event))
        }
        await out.flush()
      } finally {
        tape.close()
        dispose()
      }
      if (interrupted()) process.exitCode = exitCode.interrupted
    })
}

/** The pace of a replay: events are as far apart as they were, divided by the speed. */
class Pace {
  readonly #speed: number
  readonly #signal: AbortSignal
  #began: { readonly real: number; readonly tape: number } | null = null

  constructor(speed: number, signal: AbortSignal) {
    this.#speed = speed
    this.#signal = signal
  }

  waits(event: MarketEvent): boolean {
    return this.#delay(event) > 0
  }

  async until(event: MarketEvent): Promise<void> {
    await sleep(this.#delay(event), undefined, { signal: this.#signal }).catch((error: unknown) => {
      if (!this.#signal.aborted) throw error
    })
  }

  #delay(event: MarketEvent): number {
    if (this.#speed === Number.POSITIVE_INFINITY || event.receiveTime === null) return 0
    this.#began ??= { real: performance.now(), tape: event.receiveTime }
    return (
      (event.receiveTime - this.#began.tape) / 1000 / this.#speed - (performance.now() - this.#began.real)
    )
  }
}
