import { fork } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import type { MarketEvent, Micros } from '../../schemas/events.js'
import {
  type FaultPlan,
  type FaultStrike,
  faultName,
  SeededRandom,
  type SimulatorServer,
  serveSimulator,
  withFaults,
} from '../../src/simulator/index.js'
import { ClientClock } from './client-clock.js'
import { type ExpectedStream, Oracle, type VenueUnderTest } from './oracle.js'
import { randomPlan } from './random-plan.js'
import type { SoakOrder, SoakReport } from './soak-feed.js'
import { TrueMarket } from './true-market.js'
import { mainProfiles, unfit } from './venues.js'

/**
 * `npm run soak -- [--minutes 5] [--seed 1]`
 *
 * Every venue's simulator behind real sockets on loopback, mixed faults without a pause, the feed and the recorder in a
 * process of their own, and the oracle of the simulation beside them. Exit 1 where anything was lost without a gap, a
 * book was wrong, a rejection went unhandled, a handle stayed, or the heap grew.
 */
const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '5' }, seed: { type: 'string', default: '1' } },
})

/** A fresh random plan for each stretch. */
const STRETCH_MS = 60_000
const SETTLE_MS = 120_000
/** What a fault that has ended may still take to show. */
const AFTERWARDS_MS = 5_000
/** The heap is not judged while code is compiled and ids are first remembered. */
const WARM_UP_SHARE = 0.4
/** What the heap may grow after the warm-up, as a share of what it is. */
const GROWTH = 0.25

const minutes = Number(values.minutes)
const random = new SeededRandom(Number(values.seed))
const faultsMs = minutes * 60_000
const now = (): Micros => Math.round((performance.timeOrigin + performance.now()) * 1000)
const problems: string[] = []
const strikes = new Map<string, number>()
const heap: { readonly atMs: number; readonly bytes: number }[] = []
const types = new Map<MarketEvent['type'], number>()

/** When the last fault so far has done its work. */
let quietAt: Micros = 0
let oracle: Oracle | null = null
const servers: SimulatorServer[] = []
const underTest: VenueUnderTest[] = []
const order: SoakOrder['venues'][number][] = []
for (const profile of mainProfiles) {
  const { id } = profile.venue
  const truths = new Map<string, TrueMarket>()
  const server = await serveSimulator((url) => {
    const venue = profile.venue.simulator({ seed: random.integer(0, 0xffff_ffff), url })
    for (const [instrument, market] of venue.markets) truths.set(instrument, new TrueMarket(market))
    const plan = stretches(venue.faults ?? [], unfit(profile))
    return withFaults(venue, plan, random.fork(), (strike) => struck(id, strike))
  })
  servers.push(server)
  const symbols = profile.symbols.slice(0, 2)
  const { limits } = profile.venue.connector({ url: server.url, symbols })
  underTest.push({ profile, truths, connectsPerMinute: limits.connectsPerMinute, lines: 1 })
  order.push({ id, url: server.url, symbols, channels: profile.channels })
}
const judge = new Oracle(underTest, new ClientClock(), now)
oracle = judge

let expected: ExpectedStream[] = []
const began = performance.now()
const child = fork(fileURLToPath(new URL('./soak-feed.js', import.meta.url)))
const ended = new Promise<Extract<SoakReport, { kind: 'end' }> | null>((resolve) => {
  child.on('message', (report: SoakReport) => heard(report, resolve))
  child.on('exit', () => resolve(null))
})
child.send({ venues: order } satisfies SoakOrder)

while (performance.now() - began < faultsMs) {
  await sleep(Math.min(10_000, faultsMs))
  console.log(line())
}
while (now() < quietAt + AFTERWARDS_MS * 1000) await sleep(1_000)
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

function stretches(venueFaults: readonly string[], without: readonly string[]): FaultPlan {
  const faults: FaultPlan['faults'] = []
  for (let from = 0; from < faultsMs; from += STRETCH_MS) {
    const untilMs = Math.min(STRETCH_MS, faultsMs - from)
    const plan = randomPlan(random, { untilMs, venueFaults, without, pick: 'all' })
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
    case 'heap':
      heap.push({ atMs: report.atMs, bytes: report.heapBytes })
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
      const depth = judge.depthOf(venue, 'book', instrument) ?? Number.MAX_SAFE_INTEGER
      const top = { bids: bids.slice(0, depth), asks: asks.slice(0, depth) }
      if (JSON.stringify(top) !== JSON.stringify(truth.market.book.top(depth))) {
        problems.push(`feed.book() of ${venue} ${instrument} says live and is not the true book`)
      }
    }
  }
  for (const { what, of } of judge.violations) problems.push(`${of}: ${what}`)
  const growth = heapGrowth()
  if (growth !== null && growth.share > GROWTH) {
    problems.push(`the heap grew by ${Math.round(growth.share * 100)} % after the warm-up`)
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
  if (growth !== null) {
    console.log(
      `heap after warm-up: ${megabytes(growth.from)} to ${megabytes(growth.to)} over ${Math.round(growth.seconds)} s, ` +
        `slope ${((growth.to - growth.from) / 1024 / growth.seconds).toFixed(1)} KiB/s`,
    )
  }
  console.log(problems.length === 0 ? 'nothing undisclosed, nothing left' : `${problems.length} problems:`)
  for (const problem of problems) console.log(`  ${problem}`)
  if (problems.length > 0) process.exitCode = 1
}

/** A straight line through the samples after the warm-up, by least squares. */
function heapGrowth(): { from: number; to: number; seconds: number; share: number } | null {
  const last = heap.at(-1)
  if (last === undefined) return null
  const warm = heap.filter(({ atMs }) => atMs >= last.atMs * WARM_UP_SHARE)
  if (warm.length < 3) return null
  const mean = (pick: (sample: (typeof warm)[number]) => number) =>
    warm.reduce((sum, sample) => sum + pick(sample), 0) / warm.length
  const [time, bytes] = [mean(({ atMs }) => atMs), mean((sample) => sample.bytes)]
  const slope =
    warm.reduce((sum, sample) => sum + (sample.atMs - time) * (sample.bytes - bytes), 0) /
    warm.reduce((sum, sample) => sum + (sample.atMs - time) ** 2, 0)
  const start = warm[0]?.atMs ?? 0
  const from = bytes + slope * (start - time)
  const to = bytes + slope * (last.atMs - time)
  return { from, to, seconds: (last.atMs - start) / 1000, share: (to - from) / from }
}

function line(): string {
  const { events, gaps, malformed } = judge.stats
  const struckTimes = [...strikes.values()].reduce((sum, times) => sum + times, 0)
  const weight = heap.at(-1)
  return (
    `${Math.round((performance.now() - began) / 1000)} s: ${underTest.length} venues, ${events} events, ` +
    `${struckTimes} strikes of ${strikes.size} faults, ${gaps} gaps, ${malformed} malformed, ` +
    `heap ${weight === undefined ? 'not weighed yet' : megabytes(weight.bytes)}, ${judge.violations.length} violations`
  )
}

function megabytes(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(1)} MiB`
}
