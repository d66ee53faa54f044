import { fork } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import type { MarketEvent, Micros } from '../../schemas/events.js'
import { simulate } from '../../simulators/index.js'
import { TRADE_IDS_KEPT } from '../../src/session/memory.js'
import {
  type FaultPlan,
  type FaultStrike,
  faultName,
  SeededRandom,
  type SimulatorServer,
  serveSimulator,
  withFaults,
} from '../../src/simulator/index.js'
import { systemClock } from '../../src/socket/clock.js'
import { ClientClock } from './client-clock.js'
import { type HeapLine, heapFloor, heapLine, type Weight } from './heap-line.js'
import { hurry, type Pace } from './hurried-market.js'
import { watchLoop } from './loop-watch.js'
import { type ExpectedStream, Oracle, type VenueUnderTest } from './oracle.js'
import { randomPlan } from './random-plan.js'
import { truthsOf } from './simulation.js'
import type { Held, SoakOrder, SoakReport } from './soak-feed.js'
import type { TrueMarket } from './true-market.js'
import { mainProfiles, unfit } from './venues.js'

/**
 * `npm run soak -- [--minutes 5] [--seed 1]`
 *
 * Every venue's simulator behind real sockets on loopback, so many minutes of mixed faults, the feed and the recorder in a
 * process of their own, and the oracle of the simulation beside them. Exit 1 where anything was lost without a gap, a
 * book was wrong, a rejection went unhandled, a handle stayed, a queue grew beyond its bound, or the heap grew.
 */
const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '5' }, seed: { type: 'string', default: '1' } },
})

/** A minute of faults by a fresh random plan, without a pause. */
const FAULTS_MS = 60_000
/** After it no fault begins for as long, which is what every stream needs to recover. */
const REST_MS = 60_000
const STRETCH_MS = FAULTS_MS + REST_MS
const SETTLE_MS = 120_000
/** What a fault that has ended may still take to show. */
const AFTERWARDS_MS = 5_000
/**
 * Before the first fault every stream of trades brings twice as many as are remembered, so that no memory is being filled while
 * the heap is judged: a set whose oldest are deleted grows once more (V8 doubles a table in which fewer than half are deleted).
 */
const FILL_MS = 90_000
const FILL_TRADES = 2 * TRADE_IDS_KEPT
const STEPS_PER_SECOND = 60
const FILLING: Pace = { steps: 400, everyTurns: 30 }
const FILLED: Pace = { steps: 4, everyTurns: 1 }
/** The heap is judged from the end of the first stretch on: what faults need is compiled in it. */
const WARM_UP_MS = FAULTS_MS + REST_MS / 2
/** Of the weights of so long the least one counts. */
const FLOOR_MS = 15_000
/** What the heap may grow. Bytes a second: a third of a percent a minute. */
const MOST_GROWTH = 2_048
/** A slope that is less certain tells nothing. Bytes a second, one standard error. */
const MOST_DOUBT = 4_096
/** What may be held at any moment. Six venues, of each a connection, a request and a dial; a batch of the recorder. */
const BOUNDS: Readonly<Record<Held, number>> = {
  sockets: 18,
  timers: 60,
  'unread events': 1_000,
  'unwritten events': 10_000,
  'waiting dials': 6,
}

const minutes = Number(values.minutes)
const random = new SeededRandom(Number(values.seed))
const faultsEndMs = FILL_MS + minutes * STRETCH_MS
const clock = systemClock()
const problems: string[] = []
const strikes = new Map<string, number>()
/** Of the feed's process. */
const heap: Weight[] = []
/** The last one at any moment. */
let weight = 0
/** The most that was ever held. */
const most = new Map<Held, number>()
/** Trades told, by stream. */
const told = new Map<string, number>()
const types = new Map<MarketEvent['type'], number>()

/** When the last fault so far has done its work. */
let quietAt: Micros = 0
let oracle: Oracle | null = null
const servers: SimulatorServer[] = []
const underTest: VenueUnderTest[] = []
const order: SoakOrder['venues'][number][] = []
let pace = FILLING
for (const profile of mainProfiles) {
  const { id } = profile.venue
  const symbols = profile.symbols.slice(0, 2)
  let truths: ReadonlyMap<string, TrueMarket> = new Map()
  const server = await serveSimulator((url) => {
    const seed = random.integer(0, 0xffff_ffff)
    const venue = simulate(profile.venue.id, {
      seed,
      stepsPerSecond: STEPS_PER_SECOND,
      extremeAmounts: true,
      url,
    })
    for (const market of new Set(venue.markets.values())) hurry(market, () => pace)
    const asked = profile.venue.connector({ url, symbols })
    truths = truthsOf(
      venue,
      symbols.map((symbol) => asked.guess(symbol)?.instrument ?? symbol),
    )
    const plan = stretches(venue.faults ?? [], unfit(profile))
    return withFaults(venue, plan, random.fork(), (strike) => struck(id, strike))
  })
  servers.push(server)
  const { limits } = profile.venue.connector({ url: server.url, symbols })
  underTest.push({ profile, truths, connectsPerMinute: limits.connectsPerMinute, lines: 1 })
  order.push({ id, url: server.url, symbols, channels: profile.channels })
}
const judge = new Oracle(underTest, new ClientClock(), clock.now)
oracle = judge
let longestHeldMs = 0
const unwatch = watchLoop(clock.now, heldUp)

let expected: ExpectedStream[] = []
const began = performance.now()
const child = fork(fileURLToPath(new URL('./soak-feed.js', import.meta.url)))
const ended = new Promise<Extract<SoakReport, { kind: 'end' }> | null>((resolve) => {
  child.on('message', (report: SoakReport) => heard(report, resolve))
  // What it said last may still lie unread when it is gone.
  child.on('disconnect', () => resolve(null))
})
child.send({ venues: order } satisfies SoakOrder)

while (elapsedMs() < FILL_MS) await pass()
pace = FILLED
for (const { venue, channel, symbol, instrument } of expected) {
  const trades = told.get(`${venue} ${channel} ${instrument}`) ?? 0
  if (channel !== 'trade' || trades > FILL_TRADES) continue
  problems.push(
    `${venue} ${symbol} brought ${trades} trades before the first fault: ${FILL_TRADES} fill what is remembered`,
  )
}
while (elapsedMs() < faultsEndMs) await pass()
const judged = heap.filter(({ atMs }) => atMs >= FILL_MS + WARM_UP_MS)
while (clock.now() < quietAt + AFTERWARDS_MS * 1000) await sleep(1_000)
for (let waited = 0; waited < SETTLE_MS && judge.unsettled(expected) !== null; waited += 1_000)
  await sleep(1_000)
await rest(5_000)
for (let waited = 0; waited < SETTLE_MS && judge.unsettled(expected) !== null; waited += 6_000) {
  freeze(false)
  await sleep(3_000)
  await rest(3_000)
}
child.send('finish')
const end = await ended
judge.judge(expected)
finish(end)
await Promise.all(servers.map((server) => server.close()))
unwatch()

/** The simulators or the feed did not run for a while: nothing came the usual way. */
function heldUp(from: Micros, lengthMs: number): void {
  longestHeldMs = Math.max(longestHeldMs, lengthMs)
  for (const delays of judge.delays()) delays.add(from, lengthMs)
}

function elapsedMs(): number {
  return performance.now() - began
}

async function pass(): Promise<void> {
  await sleep(10_000)
  console.log(line())
}

function stretches(venueFaults: readonly string[], without: readonly string[]): FaultPlan {
  const faults: FaultPlan['faults'] = []
  for (let from = FILL_MS; from < faultsEndMs; from += STRETCH_MS) {
    const plan = randomPlan(random, { untilMs: FAULTS_MS, venueFaults, without, pick: 'all' })
    for (const fault of plan.faults) faults.push({ ...fault, atMs: (fault.atMs ?? 0) + from })
  }
  return { seed: random.integer(0, 0xffff_ffff), faults }
}

function struck(venue: string, strike: FaultStrike): void {
  const { fault } = strike
  const name = faultName(fault)
  if (strike.struck) strikes.set(name, (strikes.get(name) ?? 0) + 1)
  oracle?.struck(venue, strike)
  const lastsMs = 'durationMs' in fault ? (fault.durationMs ?? 0) : 'delayMs' in fault ? fault.delayMs : 0
  quietAt = Math.max(quietAt, strike.at + lastsMs * 1000)
}

function heard(report: SoakReport, resolve: (end: Extract<SoakReport, { kind: 'end' }>) => void): void {
  switch (report.kind) {
    case 'events':
      for (const event of report.events) {
        types.set(event.type, (types.get(event.type) ?? 0) + 1)
        if (event.type === 'trade') {
          const stream = `${event.venue} ${event.channel} ${event.instrument}`
          told.set(stream, (told.get(stream) ?? 0) + 1)
        }
        judge.event(event)
      }
      return
    case 'names':
      expected = report.names.flatMap(({ venue, symbol, instrument }) =>
        (order.find(({ id }) => id === venue)?.channels ?? []).map((channel) => ({
          venue,
          symbol,
          instrument,
          channel,
        })),
      )
      return
    case 'weight':
      weight = report.bytes
      heap.push({ atMs: elapsedMs(), bytes: report.bytes })
      for (const [name, count] of Object.entries(report.held) as [Held, number][]) {
        most.set(name, Math.max(most.get(name) ?? 0, count))
      }
      return
    case 'held':
      heldUp(report.from, report.lengthMs)
      return
    case 'stray':
      problems.push(report.what)
      return
    case 'end':
      resolve(report)
  }
}

async function rest(ms: number): Promise<void> {
  freeze(true)
  await sleep(ms)
}

function freeze(frozen: boolean): void {
  for (const { truths } of underTest) for (const { market } of truths.values()) market.frozen = frozen
}

function finish(report: Extract<SoakReport, { kind: 'end' }> | null): void {
  if (report === null) problems.push('the process of the feed ended by itself')
  else {
    problems.push(...report.errors.map((what) => `verify: ${what}`))
    if (report.handles.length > 0) problems.push(`handles left: ${report.handles.join(', ')}`)
    if (report.recorded !== judge.stats.events) {
      problems.push(`${report.recorded} events on the tape, ${judge.stats.events} were told`)
    }
    for (const { venue, instrument, state, bids, asks } of report.books) {
      const truth = underTest.find(({ profile }) => profile.venue.id === venue)?.truths.get(instrument)
      if (state !== 'live' || truth === undefined || judge.isBlind(venue, 'book', instrument)) continue
      const depth = judge.depthOf(venue, 'book', instrument)
      const top = { bids: bids.slice(0, depth), asks: asks.slice(0, depth) }
      if (JSON.stringify(top) !== JSON.stringify(truth.market.book.top(depth))) {
        problems.push(`feed.book() of ${venue} ${instrument} says live and is not the true book`)
      }
    }
  }
  for (const { what, of } of judge.violations) problems.push(`${of}: ${what}`)
  const slope = heapLine(heapFloor(judged, FLOOR_MS))
  if (slope === null) problems.push('the heap was weighed too seldom to be judged')
  else if (slope.bytesPerSecond - 2 * slope.errorBytesPerSecond > MOST_GROWTH)
    problems.push(`the heap grows: ${slopeOf(slope)}`)
  else if (slope.errorBytesPerSecond > MOST_DOUBT)
    problems.push(`the heap scatters too much to be judged: ${slopeOf(slope)}`)
  for (const [name, count] of most) {
    if (count > BOUNDS[name]) problems.push(`${count} ${name}, where ${BOUNDS[name]} are allowed`)
  }
  console.log(line())
  console.log(
    `faults: ${[...strikes]
      .sort()
      .map(([name, times]) => `${name} ${times}`)
      .join(', ')}`,
  )
  console.log(
    `events: ${[...types]
      .sort()
      .map(([type, times]) => `${type} ${times}`)
      .join(', ')}`,
  )
  if (slope !== null) console.log(`heap: ${slopeOf(slope)}`)
  console.log(`at most: ${[...most].map(([name, count]) => `${count} ${name}`).join(', ')}`)
  console.log(`kept from running by the machine: ${Math.round(longestHeldMs)} ms at the longest`)
  console.log(problems.length === 0 ? 'nothing undisclosed, nothing left' : `${problems.length} problems:`)
  for (const problem of problems) console.log(`  ${problem}`)
  if (problems.length > 0) process.exitCode = 1
}

function line(): string {
  const { events, gaps, malformed } = judge.stats
  const struckTimes = [...strikes.values()].reduce((sum, times) => sum + times, 0)
  return (
    `${Math.round((performance.now() - began) / 1000)} s: ${underTest.length} venues, ${events} events, ` +
    `${struckTimes} strikes of ${strikes.size} faults, ${gaps} gaps, ${malformed} malformed, ` +
    `heap ${megabytes(weight)}, ${judge.violations.length} violations`
  )
}

function slopeOf({ fromBytes, toBytes, seconds, bytesPerSecond, errorBytesPerSecond }: HeapLine): string {
  const kibibytes = (bytes: number) => (bytes / 1024).toFixed(2)
  return (
    `${megabytes(fromBytes)} to ${megabytes(toBytes)} over ${Math.round(seconds)} s, ` +
    `slope ${kibibytes(bytesPerSecond)} ± ${kibibytes(errorBytesPerSecond)} KiB/s (allowed ${kibibytes(MOST_GROWTH)})`
  )
}

function megabytes(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(1)} MiB`
}
