import { readFileSync } from 'node:fs'
import { Command } from 'commander'
import pc from 'picocolors'
import { simulate } from '../simulators/index.js'
import type { Venue } from '../src/connector.js'
import { UsageError } from '../src/errors.js'
import { type FrameRecord, openRecording, type Recording } from '../src/framelog/index.js'
import { didYouMean } from '../src/nearest.js'
import {
  FAULT_NAMES,
  framePlayer,
  type ParsedFaultPlan,
  parseFaultPlan,
  SeededRandom,
  serveSimulator,
  VENUE_FAULTS,
  type VenueSimulator,
  withFaults,
} from '../src/simulator/index.js'
import { systemClock } from '../src/socket/clock.js'
import { parseSpeed } from './duration.js'
import { interruption } from './exit.js'
import { FaultReport } from './fault-report.js'
import { flag, wholeNumber } from './flag.js'
import { helpEnd } from './help.js'
import { venueNamed } from './targets.js'

interface Options {
  readonly port: number
  readonly host: string
  readonly seed: number
  readonly instruments?: number
  readonly faults?: string
  readonly frames?: string[]
  readonly speed?: number
}

export function simulateCommand(): Command {
  return new Command('simulate')
    .description('run a venue’s simulator: its protocol over real WebSockets, on loopback')
    .argument('<venue>', 'such as bitfinex; tapewire venues lists them')
    .addOption(
      flag('--port <n>', 'where to listen', wholeNumber(0, 65_535), { value: 0, shown: 'any free port' }),
    )
    .addOption(
      flag('--host <address>', 'the address to listen on', (text) => text, {
        value: '127.0.0.1',
        shown: '127.0.0.1',
      }),
    )
    .addOption(
      flag(
        '--seed <n>',
        'seed of the simulated market: the same seed gives the same market',
        wholeNumber(0),
        { value: 1, shown: '1' },
      ),
    )
    .addOption(
      flag('--instruments <n>', 'how many instruments the venue lists, at most 5000', wholeNumber(1, 5_000), {
        value: undefined,
        shown: 'its own, 4 to 12',
      }),
    )
    .option(
      '--faults <plan>',
      'a fault plan: a file, JSON, or short text such as "drop chance=0.01" (docs/simulator.md)',
    )
    .option('--frames <file...>', 'play recorded frames and simulate no market')
    .addOption(
      flag('--speed <factor>', 'of the recorded frames (1x without it): 1x, 10x, or max', parseSpeed),
    )
    .addHelpText(
      'after',
      helpEnd(`
Examples:
  tapewire simulate bitfinex --port 9001
  tapewire simulate bitfinex --instruments 500
  tapewire simulate bitfinex --faults 'drop chance=0.01; close atMs=5000'
  tapewire simulate bitfinex --frames tape.frames.jsonl.gz --speed 10x`),
    )
    .action(async (name: string, options: Options) => {
      const venue = venueNamed(name)
      if (options.speed !== undefined && options.frames === undefined) {
        throw new UsageError(
          'bad_option',
          '--speed is of recorded frames and there are none: give --frames, or leave it out (the market itself runs at its own pace)',
          { context: { field: '--speed' } },
        )
      }
      const plan = options.faults === undefined ? null : parseFaultPlan(planText(options.faults))
      if (plan !== null) checkVenueFaults(venue, plan)
      const { signal, dispose } = interruption()
      const player = options.frames === undefined ? null : await playerOf(venue.id, options)
      const clock = systemClock()
      const report = plan === null ? null : new FaultReport(clock.now())
      const server = await serveSimulator(
        (url) => {
          const simulator =
            player ??
            simulate(venue.id, {
              seed: options.seed,
              url,
              ...(options.instruments === undefined ? {} : { instruments: options.instruments }),
            })
          if (plan === null) return simulator
          return withFaults(simulator, plan, new SeededRandom(options.seed), (strike) => report?.tell(strike))
        },
        { port: options.port, host: options.host, clock },
      )
      process.stdout.write(`${server.url}\n`)
      process.stderr.write(pc.dim(`the ${venue.id} simulator is up; ctrl-c ends it\n`))
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
      await server.close()
      report?.sum()
      dispose()
    })
}

async function playerOf(venue: string, { frames = [], speed = 1 }: Options): Promise<VenueSimulator> {
  const recording = await openRecording(frames)
  return framePlayer({
    records: () => frameRecords(recording),
    venue,
    speed: speed === Number.POSITIVE_INFINITY ? 'max' : speed,
  })
}

async function* frameRecords(recording: Recording): AsyncGenerator<FrameRecord> {
  for await (const batch of recording.records()) {
    for (const record of batch) if (record.dir !== 'preview' && record.dir !== 'lost') yield record
  }
}

/** The text of a plan: JSON and short text are recognised by how they begin, anything else names a file. */
function planText(plan: string): string {
  const [name = ''] = plan.trim().split(/[\s;]/, 1)
  if (/^\s*[[{]/.test(plan) || FAULT_NAMES.some((fault) => fault === name)) return plan
  try {
    return readFileSync(plan, 'utf8')
  } catch (cause) {
    throw new UsageError(
      'bad_fault_plan',
      `there is no fault plan ${plan}: give a file, JSON, or faults by name, as in "drop chance=0.01; close atMs=5000"`,
      { cause },
    )
  }
}

/** A fault that is in nobody's vocabulary would never strike. */
function checkVenueFaults(venue: Venue, plan: ParsedFaultPlan): void {
  const known = [...Object.keys(VENUE_FAULTS), ...(simulate(venue.id, {}).faults ?? [])]
  for (const fault of plan.faults) {
    if (fault.fault !== 'venue' || known.includes(fault.name)) continue
    throw new UsageError(
      'bad_fault_plan',
      `no simulator of ${venue.id} knows a fault ${fault.name}${didYouMean(fault.name, known) || `; it knows ${known.join(', ')}`}`,
    )
  }
}
