import { fork } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { playSeed, type SimulationResult } from './simulation.js'
import { type SimulatedVenue, simulatedVenues } from './venues.js'

/**
 * `npm run sim -- [--seeds N] [--seed FIRST] [--venue NAME] [--workers N] [--lines 2] [--first] [--verbose]`
 *
 * Runs N seeds from FIRST on; with `--first` until one fails. Every hundredth is run twice and must give the same events.
 * Exit 1 where a seed fails, with the one command that repeats it.
 */
const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '20' },
    seed: { type: 'string', default: '1' },
    venue: { type: 'string' },
    workers: { type: 'string', default: String(Math.min(2, availableParallelism())) },
    worker: { type: 'boolean', default: false },
    first: { type: 'boolean', default: false },
    lines: { type: 'string', default: '1' },
    verbose: { type: 'boolean', default: false },
  },
})

const TWICE_EVERY = 100
/**
 * There is a worker a core: threads of the collector would take it from the other. What a seed allocates lives for a moment, and
 * is mostly dead when sixty-four megabytes are full (measured: a fifth less time).
 */
const COLLECTOR = ['--single-threaded-gc', '--max-semi-space-size=64']

const first = whole('seed', values.seed)
const count = whole('seeds', values.seeds)
const workers = Math.min(whole('workers', values.workers), count)

/** What a worker tells of the seeds that it ran. */
interface Tally {
  seeds: number
  failed: number[]
  events: number
  fewestEvents: number
  strikes: number
  fewestStrikes: number
  gaps: number
  malformed: number
  refused: number
  twice: number
  virtualMs: number
  byFault: Record<string, number>
}

let stray: string[] = []
process.on('unhandledRejection', (error) => stray.push(`unhandled rejection: ${String(error)}`))
process.on('uncaughtException', (error) => stray.push(`uncaught exception: ${error.stack ?? String(error)}`))

if (values.worker) {
  const tally = await runSeeds(asked())
  process.send?.({ tally })
} else if (workers === 1) {
  report(await runSeeds(all()))
} else {
  const began = performance.now()
  const seeds = all()
  const tallies = await Promise.all(Array.from({ length: workers }, () => worker(seeds)))
  report(tallies.reduce(add), (performance.now() - began) / 1000)
}

function* all(): Generator<number> {
  for (let seed = first; seed < first + count; seed++) yield seed
}

/** A worker asks for one seed after another: seeds take their time, and no core waits for the other's. */
async function* asked(): AsyncGenerator<number> {
  for (;;) {
    const answer = new Promise<{ seed: number | null }>((resolve) => process.once('message', resolve))
    process.send?.({ next: true })
    const { seed } = await answer
    if (seed === null) return
    yield seed
  }
}

async function runSeeds(seeds: Iterable<number> | AsyncIterable<number>): Promise<Tally> {
  const venues = chosenVenues()
  const tally = nothing()
  for await (const seed of seeds) {
    stray = []
    const began = performance.now()
    const result = await run(seed, venues)
    const problems = [...stray, ...result.violations.map(({ of, what }) => `${of}: ${what}`)]
    if (seed === first || (seed - first) % TWICE_EVERY === 0) {
      tally.twice++
      const again = await run(seed, venues)
      if (again.transcript !== result.transcript) problems.push('a second run gave other events')
    }
    count1(tally, result)
    if (values.verbose) console.log(line(result, performance.now() - began))
    if (problems.length > 0) {
      tally.failed.push(seed)
      fail(seed, problems, result)
      if (values.first) break
    }
  }
  return tally
}

async function run(seed: number, venues: readonly SimulatedVenue[]): Promise<SimulationResult> {
  try {
    return await playSeed(seed, venues, values.lines === '2' ? 2 : 1)
  } catch (error) {
    stray.push(
      `the run itself ended: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
    )
    return {
      seed,
      venues: [],
      events: 0,
      strikes: new Map(),
      gaps: 0,
      malformed: 0,
      refused: 0,
      virtualMs: 0,
      transcript: '',
      violations: [],
      story: [],
    }
  }
}

function chosenVenues(): readonly SimulatedVenue[] {
  if (values.venue === undefined) return simulatedVenues
  const chosen = simulatedVenues.filter(({ venue }) => venue.id === values.venue)
  if (chosen.length > 0) return chosen
  throw new Error(
    `no venue ${values.venue}: there are ${simulatedVenues.map(({ venue }) => venue.id).join(', ')}`,
  )
}

function fail(seed: number, problems: readonly string[], { story }: SimulationResult): void {
  const only = `${values.venue === undefined ? '' : ` --venue ${values.venue}`}${values.lines === '2' ? ' --lines 2' : ''}`
  console.log(`\nseed ${seed} fails:`)
  for (const problem of problems.slice(0, values.verbose ? 20 : 5)) console.log(`  ${problem}`)
  console.log(`  repeat: npm run sim -- --seeds 1 --seed ${seed}${only} --verbose`)
  for (const told of story) console.log(`    ${told}`)
}

function line(
  { seed, venues, events, strikes, gaps, malformed, virtualMs }: SimulationResult,
  ms: number,
): string {
  const struck = [...strikes.values()].reduce((sum, count) => sum + count, 0)
  return (
    `seed ${seed} ${venues.join('+')}: ${events} events, ${struck} strikes of ${strikes.size} faults, ${gaps} gaps, ` +
    `${malformed} malformed, ${Math.round(virtualMs / 1000)} s in ${Math.round(ms)} ms`
  )
}

function worker(seeds: Iterator<number>): Promise<Tally> {
  return new Promise((resolve, reject) => {
    const child = fork(fileURLToPath(import.meta.url), [...process.argv.slice(2), '--worker'], {
      execArgv: [...process.execArgv, ...COLLECTOR],
    })
    let tally: Tally | null = null
    child.on('message', (message: { tally: Tally } | { next: true }) => {
      if ('tally' in message) tally = message.tally
      else {
        const { done, value } = seeds.next()
        child.send({ seed: done === true ? null : value })
      }
    })
    child.on('exit', (code) => {
      if (tally === null) reject(new Error(`a worker ended with ${code} and no result`))
      else resolve(tally)
    })
  })
}

function nothing(): Tally {
  return {
    seeds: 0,
    failed: [],
    events: 0,
    fewestEvents: Number.MAX_SAFE_INTEGER,
    strikes: 0,
    fewestStrikes: Number.MAX_SAFE_INTEGER,
    gaps: 0,
    malformed: 0,
    refused: 0,
    twice: 0,
    virtualMs: 0,
    byFault: {},
  }
}

function count1(tally: Tally, result: SimulationResult): void {
  let struck = 0
  for (const [name, times] of result.strikes) {
    struck += times
    tally.byFault[name] = (tally.byFault[name] ?? 0) + times
  }
  tally.seeds++
  tally.events += result.events
  tally.fewestEvents = Math.min(tally.fewestEvents, result.events)
  tally.strikes += struck
  tally.fewestStrikes = Math.min(tally.fewestStrikes, struck)
  tally.gaps += result.gaps
  tally.malformed += result.malformed
  tally.refused += result.refused
  tally.virtualMs += result.virtualMs
}

function add(a: Tally, b: Tally): Tally {
  const byFault = { ...a.byFault }
  for (const [name, times] of Object.entries(b.byFault)) byFault[name] = (byFault[name] ?? 0) + times
  return {
    seeds: a.seeds + b.seeds,
    failed: [...a.failed, ...b.failed],
    events: a.events + b.events,
    fewestEvents: Math.min(a.fewestEvents, b.fewestEvents),
    strikes: a.strikes + b.strikes,
    fewestStrikes: Math.min(a.fewestStrikes, b.fewestStrikes),
    gaps: a.gaps + b.gaps,
    malformed: a.malformed + b.malformed,
    refused: a.refused + b.refused,
    twice: a.twice + b.twice,
    virtualMs: a.virtualMs + b.virtualMs,
    byFault,
  }
}

function report(tally: Tally, seconds?: number): void {
  const faults = Object.entries(tally.byFault).sort(([a], [b]) => (a < b ? -1 : 1))
  console.log(
    `\n${tally.seeds} seeds, ${tally.failed.length} failed; ${tally.events} events (at least ${tally.fewestEvents} a seed), ` +
      `${tally.strikes} strikes (at least ${tally.fewestStrikes}) of ${faults.length} faults, ${tally.gaps} gaps, ` +
      `${tally.malformed} malformed frames, ${tally.refused} streams refused; ` +
      `${Math.round(tally.virtualMs / 3_600_000)} h of market${seconds === undefined ? '' : ` in ${Math.round(seconds)} s`}; ` +
      `${tally.twice} seeds run twice with the same events`,
  )
  if (values.verbose) console.log(faults.map(([name, times]) => `${name} ${times}`).join(', '))
  if (tally.failed.length > 0) {
    console.log(`failed: ${tally.failed.sort((a, b) => a - b).join(' ')}`)
    process.exitCode = 1
  }
}

function whole(name: string, text: string): number {
  const value = Number(text)
  if (Number.isSafeInteger(value) && value >= 0) return value
  throw new Error(`--${name} takes a whole number, got ${text}`)
}
