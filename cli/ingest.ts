import { Command } from 'commander'
import pc from 'picocolors'
import { venues } from '../connectors/index.js'
import { openTape } from '../recorder/index.js'
import type { MarketEvent } from '../schemas/events.js'
import { openRecording, playRecording } from '../src/framelog/index.js'
import { shown } from '../src/shown.js'
import { interruption } from './exit.js'
import { SizeProgress } from './progress.js'
import { venueNamed } from './targets.js'

interface Options {
  readonly db: string
  readonly venue?: string
}

export function ingestCommand(): Command {
  return new Command('ingest')
    .description('turn recorded frames (ours, cryptofeed’s, Tardis’) into events on a tape')
    .argument('<framelog...>', 'files of one recording, merged by time')
    .requiredOption('--db <file>', 'the tape')
    .option('--venue <name>', 'whose recording it is, where its URLs do not tell')
    .action(async (files: string[], options: Options) => {
      const venue = options.venue === undefined ? undefined : venueNamed(options.venue).id
      const { signal, interrupted, dispose } = interruption()
      const recording = await openRecording(files, {
        onWarning: ({ message }) => warn(message),
      })
      const recorder = openTape(options.db, { mode: 'write' })
      const progress = new SizeProgress(recording.bytes, () => recording.bytesRead)
      /** What one record brought is on the tape as a whole or not at all, with or without a clock. */
      let frame: MarketEvent[] = []
      let of: unknown = null
      const writeFrame = () => {
        recorder.recordAll(frame)
        frame = []
      }
      try {
        const { unclaimed } = await playRecording(recording.records(), {
          connectors: venues.map(({ connector }) => connector({})),
          venue,
          signal,
          onEvent: (event, record) => {
            if (record !== of) writeFrame()
            of = record
            frame.push(event)
          },
        })
        writeFrame()
        if (unclaimed > 0)
          warn(`${unclaimed} REST answers belong to no venue of the recording and were passed over`)
      } finally {
        await recorder.close()
        progress.done()
        dispose()
      }
      process.exitCode = interrupted() ?? process.exitCode
    })
}

function warn(text: string): void {
  process.stderr.write(`${pc.yellow(shown(text))}\n`)
}
