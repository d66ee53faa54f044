import { basename } from 'node:path'
import { Command } from 'commander'
import pc from 'picocolors'
import { venues } from '../connectors/index.js'
import { isDatum } from '../recorder/datum.js'
import { openTape, type Recorder, type RunStream } from '../recorder/index.js'
import type { MarketEvent, Micros } from '../schemas/events.js'
import {
  identifyLog,
  type LogWarning,
  openRecording,
  type PlayedStream,
  type PlayStats,
  playRecording,
} from '../src/framelog/index.js'
import { shownJson } from '../src/shown.js'
import { systemClock } from '../src/socket/clock.js'
import type { Cursor, Emission } from '../src/stream/emissions.js'
import { newEpoch } from '../src/stream/epoch.js'
import { everyStep } from './every-step.js'
import { exitCode, interruption } from './exit.js'
import { helpEnd } from './help.js'
import { damagedBy, IngestReport } from './ingest-report.js'
import { type NamedLog, refuseRepeated } from './ingested-logs.js'
import { say } from './output.js'
import { SizeProgress } from './progress.js'
import { venueNamed } from './targets.js'

interface Options {
  readonly db: string
  readonly venue?: string
  readonly force?: true
  readonly json?: true
}

export function ingestCommand(): Command {
  return new Command('ingest')
    .description('turn recorded frames (ours, cryptofeed’s, Tardis’) into events on a tape')
    .argument('<framelog...>', 'files of one recording, merged by time')
    .requiredOption('--db <file>', 'the tape')
    .option('--venue <name>', 'whose recording it is, where its URLs do not tell')
    .option('--force', 'write a log to the tape that it has already, or has a part of')
    .option('--json', 'what was ingested and what could not be used, as JSON')
    .addHelpText(
      'after',
      helpEnd(`
Examples:
  tapewire ingest tape.frames.jsonl.gz --db again.db
  tapewire ingest BITFINEX*.txt --venue bitfinex --db tape.db`),
    )
    .action(async (files: string[], options: Options) => {
      const venue = options.venue === undefined ? undefined : venueNamed(options.venue).id
      const { signal, interrupted, dispose } = interruption()
      const warnings: LogWarning[] = []
      const recording = await openRecording(files, {
        onWarning: (warning) => {
          warnings.push(warning)
          warn(warning.message)
        },
      })
      const scanned = new Map<string, number>()
      const scannedBytes = () => [...scanned.values()].reduce((sum, bytes) => sum + bytes, 0)
      // Each file is read twice: for what it is known by, and for what is in it.
      const progress = new SizeProgress(recording.bytes * 2, () => scannedBytes() + recording.bytesRead)
      const tape = new LazyTape(options.db)
      await everyStep(
        async () => {
          const logs: NamedLog[] = []
          for (const file of files) {
            const identity = await identifyLog(file, { progress: (bytes) => void scanned.set(file, bytes) })
            logs.push({ name: basename(file), ...identity })
            if (signal.aborted) break
          }
          if (!signal.aborted) {
            if (options.force !== true) refuseRepeated(logs, options.db)
            const stats = await playRecording(recording.records(), {
              connectors: venues.map(({ connector }) => connector({})),
              venue,
              signal,
              onEvent: (event, record, emission) => tape.write(event, record, emission, logs),
            })
            const damaged = logs.filter((_, at) => damagedBy(warnings).some(({ file }) => file === files[at]))
            const events = await tape.end(logs, stats, damaged)
            const report = new IngestReport(files, options.db, { ...stats, events }, options.venue, warnings)
            if (options.json === true) process.stdout.write(`${shownJson(report.json())}\n`)
            for (const line of report.warnings()) warn(line)
            say(report.line())
            if (report.mostUnused || report.damaged.length > 0) process.exitCode = exitCode.foundWanting
          }
        },
        () => tape.close(),
        () => progress.done(),
        dispose,
      )
      if (tape.lost > 0) process.exitCode = exitCode.foundWanting
      process.exitCode = interrupted() ?? process.exitCode
    })
}

/** The tape, opened when there is something to write: logs that cannot be played leave no file. */
class LazyTape {
  readonly #path: string
  #recorder: Recorder | null = null
  /** What one record brought is on the tape as a whole or not at all, with or without a clock. */
  #frame: MarketEvent[] = []
  #cursors: Cursor[] = []
  readonly #epoch = newEpoch(systemClock())
  #record = 0
  /** Data that came. */
  #data = 0
  /** How often an instrument was described, by venue, symbol and channel. */
  readonly #described = new Map<string, number>()

  constructor(path: string) {
    this.#path = path
  }

  write(event: MarketEvent, record: number, { offset, emitted }: Emission, logs: readonly NamedLog[]): void {
    const recorder = this.#open(logs)
    if (record !== this.#record) this.#flush(recorder)
    this.#record = record
    this.#count(event)
    this.#frame.push(event)
    this.#cursors.push({ epoch: this.#epoch, offset, emitted })
  }

  /**
   * @param stats what was played
   * @param damaged the logs that could not be read to their end
   * @returns how many data of streams are on the tape now that were not before, as `verify` counts them
   */
  async end(
    logs: readonly NamedLog[],
    { streams, from, finished }: PlayStats,
    damaged: readonly NamedLog[],
  ): Promise<number> {
    const recorder = this.#open(logs)
    this.#flush(recorder)
    recorder.recordStreams(streams.flatMap((stream) => statement(stream, from)))
    if (finished) await recorder.completeSources(damaged.map(({ digest }) => digest))
    const described = streams.reduce((sum, stream) => sum + (this.#described.get(nameOf(stream)) ?? 0), 0)
    return this.#data + described - recorder.repeated - recorder.stats.lost
  }

  /** What a venue says of an instrument is data where the log shows that it was asked for, which is known at the end. */
  #count(event: MarketEvent): void {
    if (!isDatum(event)) return
    if (event.type !== 'instrument') this.#data++
    else this.#described.set(nameOf(event), (this.#described.get(nameOf(event)) ?? 0) + 1)
  }

  #flush(recorder: Recorder): void {
    recorder.recordAll(this.#frame, this.#cursors)
    this.#frame = []
    this.#cursors = []
  }

  /** Events that could not be written. */
  get lost(): number {
    return this.#recorder?.stats.lost ?? 0
  }

  async close(): Promise<void> {
    await this.#recorder?.close()
  }

  #open(logs: readonly NamedLog[]): Recorder {
    if (this.#recorder !== null) return this.#recorder
    this.#recorder = openTape(this.#path, { mode: 'write', onTrouble: ({ message }) => warn(message) })
    this.#recorder.recordSources(logs)
    return this.#recorder
  }
}

function nameOf({ venue, symbol, channel }: Pick<RunStream, 'venue' | 'symbol' | 'channel'>): string {
  return JSON.stringify([venue, symbol, channel])
}

/** When a stream was asked for a log seldom tells: by the time of its ack, or at the latest when the log began. */
function statement(stream: PlayedStream, began: Micros | null): RunStream[] {
  const askedAt = stream.confirmedAt ?? began
  return askedAt === null ? [] : [{ ...stream, askedAt, endedAt: null }]
}

function warn(text: string): void {
  say(pc.yellow(text))
}
