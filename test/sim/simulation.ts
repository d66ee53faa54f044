import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openTape, verifyTape } from '../../recorder/index.js'
import type { MarketEvent, Micros } from '../../schemas/events.js'
import { simulate } from '../../simulators/index.js'
import { type Feed, openFeed } from '../../src/feed/feed.js'
import type { Platform } from '../../src/platform.js'
import {
  type FaultStrike,
  faultName,
  SeededRandom,
  type VenueSimulator,
  virtualPlatform,
  withFaults,
} from '../../src/simulator/index.js'
import { ClientClock } from './client-clock.js'
import { lengthOf } from './fault-effects.js'
import { loneFaults, type Quiet } from './lone-faults.js'
import { type ExpectedStream, Oracle, streamOf, type VenueUnderTest, type Violation } from './oracle.js'
import { randomPlan } from './random-plan.js'
import { shortenHistory } from './short-history.js'
import { Story } from './story.js'
import { TrueMarket } from './true-market.js'
import { randomHabits, User } from './user.js'
import { hidden, oneOfEach, type SimulatedVenue, unfit } from './venues.js'

/** Events of a run, at least, and faults that strike in it: a poorer one proves too little. */
const EVENTS = 10_000
const STRIKES = 20
/** Faults of all kinds strike in two storms, for so long each. Milliseconds. */
const STORM_MS = 40_000
/** What found nothing to strike in the first one is given up then: what comes next is to be judged by itself. */
const FIRST_ENDS_MS = 55_000
/** The venues come back; one kind of fault strikes just before the markets are at rest, for as long as the latest proof takes. */
const QUIET: Quiet = { restMs: 90_000, loneMs: 107_000, deadMs: 170_000 }
const REST_ENDS_MS = 105_000
/** Single faults strike, and then the second storm. */
const SECOND_BEGINS_MS = 122_000
const LEAST_MS = 171_000
/** A run of few events (a venue that was away for long) goes on until this. */
const LONGEST_MS = 1_800_000
/** After the last fault everything is to be live within this: the longest backoff, a connect timeout, a resubscribe. */
const SETTLE_MS = 240_000
/** What a fault that has ended may still take to show. Milliseconds. */
const AFTERWARDS_MS = 5_000
/** Of the recorder. A transaction costs the same however much market passes between two of them. */
const BATCH_MS = 2_000

export interface SimulationResult {
  readonly seed: number
  readonly venues: readonly string[]
  readonly events: number
  readonly strikes: ReadonlyMap<string, number>
  readonly gaps: number
  readonly malformed: number
  readonly refused: number
  readonly virtualMs: number
  /** Of the events in the order in which the reader got them. */
  readonly transcript: string
  readonly violations: readonly Violation[]
  /** What happened before the first violation, for a person. */
  readonly story: readonly string[]
}

/** Thousands of tapes that live for a second: in memory, where the machine has a place for that. */
const SCRATCH =
  statSync('/dev/shm', { throwIfNoEntry: false })?.isDirectory() === true ? '/dev/shm' : tmpdir()

/** How often an undetectable fault may be in a plan: where it is, less can be judged. */
const BLIND_SHARE = 0.25

/** How many answers of a venue's history begin too late. */
const SHORT_HISTORY = 0.4

/**
 * Runs the real feed, connectors and recorder on a virtual machine through one seed's faults, and judges what came out.
 *
 * @param redundancy lines to each venue; with two, a fault of a moment strikes either of them.
 */
export async function playSeed(
  seed: number,
  choice: readonly SimulatedVenue[],
  redundancy: 1 | 2 = 1,
): Promise<SimulationResult> {
  const platform = virtualPlatform({ seed })
  const began = platform.now
  const random = new SeededRandom(seed).fork()
  const clock = new ClientClock()
  const story = new Story()
  const ofSeed = choice.filter(({ fromSeed = 0 }) => seed >= fromSeed)
  const profiles = oneOfEach(random, ofSeed.length > 0 ? ofSeed : choice)
  const chosen = pickSome(random, profiles, 1, Math.min(2, profiles.length)).map((profile) => ({
    profile,
    symbols: pickSome(random, profile.symbols, 1, 2),
  }))
  const strikes = new Map<string, number>()
  /** When the last fault so far has done its work. */
  let quietAt = began
  const clocked = (at: Micros) => `${((at - began) / 1_000_000).toFixed(3).padStart(8)} s`

  const habits = randomHabits(random, STORM_MS)
  const blind = random.chance(BLIND_SHARE)
  const markets = chosen.reduce((sum, { symbols }) => sum + symbols.length, 0)
  const underTest: (VenueUnderTest & { readonly url: string; readonly symbols: readonly string[] })[] = []
  const hosts = chosen.map(({ profile, symbols }, index) => {
    const { id } = profile.venue
    const host = `${id}.test`
    const url = `ws://${host}`
    const stepsPerSecond = Math.ceil((profile.stepsPerSecond / markets) * (0.35 + random.next() * 0.18))
    const venue = simulate(profile.venue.id, {
      seed: random.integer(0, 0xffff_ffff),
      stepsPerSecond,
      extremeAmounts: true,
      url,
    })
    shortenHistory(venue, random.fork(), SHORT_HISTORY)
    const { faults: venueFaults = [] } = venue
    const without = blind ? (profile.unplayed ?? []) : unfit(profile)
    const pick = redundancy === 2 ? 'one' : 'all'
    const storm = randomPlan(random, { untilMs: STORM_MS, venueFaults, without, pick })
    const lone = loneFaults(random, venueFaults, without, blind ? hidden(profile) : [], QUIET)
    const cuts = index > 0 ? [] : habits.rests.flatMap(({ cutAtMs }) => (cutAtMs === null ? [] : [cutAtMs]))
    const resets = cuts.map((atMs) => ({ fault: 'reset' as const, atMs, pick }) as const)
    const storms = storm.faults.map((fault, nth) =>
      nth % 2 === 0
        ? { ...fault, untilMs: FIRST_ENDS_MS }
        : { ...fault, atMs: SECOND_BEGINS_MS + (fault.atMs ?? 0) },
    )
    const plan = { ...storm, faults: [...storms, ...lone, ...resets] }
    const struck = (strike: FaultStrike) => {
      const { fault } = strike
      const name = faultName(fault)
      if (strike.struck) strikes.set(name, (strikes.get(name) ?? 0) + 1)
      oracle.struck(id, strike)
      quietAt = Math.max(quietAt, strike.at + lengthOf(fault))
      const text = () =>
        `${clocked(strike.at)} FAULT ${JSON.stringify(fault)}${strike.struck ? '' : ' (came to nothing)'}`
      story.note({
        venue: id,
        stream: null,
        common: fault.fault === 'slice' || fault.fault === 'fragment',
        text,
      })
    }
    const asked = profile.venue.connector({ url, symbols })
    const truths = truthsOf(
      venue,
      symbols.map((symbol) => asked.guess(symbol)?.instrument ?? symbol),
    )
    underTest.push({
      profile,
      url,
      symbols,
      truths,
      connectsPerMinute: asked.limits.connectsPerMinute,
      lines: redundancy,
    })
    const low = random.integer(0, 20)
    return platform.serve(withFaults(venue, plan, random.fork(), struck), {
      hosts: [host],
      latencyMs: [low, low + random.integer(0, 80)],
    })
  })
  const oracle = new Oracle(underTest, clock, () => platform.now)

  const watched: Platform = {
    clock: platform.clock,
    http: platform.http,
    tools: platform.tools,
    dial: (target, events) => {
      oracle.dialled(new URL(target.url).hostname.replace(/\.test$/, ''), platform.now)
      return platform.dial(target, events)
    },
  }
  const feed = openFeed(
    underTest.map(({ profile, url, symbols }) =>
      profile.venue.connector({ url, symbols, channels: profile.channels }),
    ),
    {
      platform: watched,
      queue: { limit: habits.queueLimit, policy: habits.policy },
      backoffCapMs: random.pick([5_000, 30_000]),
      redundancy,
    },
  )

  const directory = mkdtempSync(join(SCRATCH, 'tapewire-sim-'))
  const path = join(directory, 'tape.db')
  const tape = openTape(path, { mode: 'write', clock: platform.clock, batchMs: BATCH_MS })
  const transcript = createHash('sha256')
  const user = new User(platform, feed, oracle, clock, habits)
  const reading = read()
  feed.on('connection', (event) => oracle.heard(event))

  async function read(): Promise<void> {
    for await (const event of feed) {
      await user.gate
      const at = platform.now
      const text = JSON.stringify(event)
      transcript.update(text).update('\n')
      tape.record(event)
      const common = event.type === 'trade' || event.type === 'book_update' || event.type === 'checksum'
      story.note({
        venue: event.venue,
        stream: streamOf(event),
        common,
        text: () => `${clocked(at)} ${shown(event)}`,
      })
      const before = oracle.violations.length
      oracle.event(event)
      if (before === 0 && oracle.violations.length > 0) told = tell()
    }
  }
  let told: string[] | null = null
  const tell = (): string[] => {
    const of = oracle.violations[0]?.of ?? ''
    return story.about(of.split(/[ :]/)[0] ?? '', of)
  }

  const untilMs = () => (platform.now - began) / 1000
  // What one of two lines was refused the other brings: who gave it up would lose it.
  const askAgain = () => {
    if (redundancy === 1) user.asksAgain(expectedStreams(feed, underTest))
  }
  const passes = async (done: () => boolean) => {
    while (!done() && !oracle.full) {
      await user.passes(500)
      askAgain()
      oracle.judgeLife()
    }
  }
  const freeze = (frozen: boolean) => {
    oracle.movingSince = frozen ? Number.POSITIVE_INFINITY : platform.now
    for (const { truths } of underTest) for (const { market } of truths.values()) market.frozen = frozen
  }
  await passes(() => untilMs() >= QUIET.restMs)
  freeze(true)
  const rested = platform.now
  await passes(() => untilMs() >= REST_ENDS_MS)
  oracle.judgeAtRest(rested)
  freeze(false)
  await passes(() => (oracle.stats.events >= EVENTS && untilMs() >= LEAST_MS) || untilMs() >= LONGEST_MS)
  // What a silence has swallowed shows with what comes after it.
  await passes(() => platform.now >= quietAt + AFTERWARDS_MS * 1000)
  const expected = expectedStreams(feed, underTest)
  const stillRefused = () => (redundancy === 1 ? oracle.refused(expected) : null)
  const settling = () => {
    askAgain()
    return oracle.unsettled(expected) !== null || stillRefused() !== null
  }
  // Enough happened: the markets move now and then, so that a stream shows whether it lives.
  for (let waited = 0; waited < SETTLE_MS && settling(); waited += 2_000) {
    await platform.advance(300)
    freeze(true)
    await platform.advance(1_700)
    freeze(false)
  }
  freeze(true)
  await platform.advance(15_000)
  // A fault that waited for the message it fits may have struck only now: what it did is to be healed as well.
  for (let waited = 0; waited < SETTLE_MS && settling(); waited += 5_000) {
    freeze(false)
    await platform.advance(5_000)
    freeze(true)
    await platform.advance(15_000)
  }
  oracle.judge(expected)
  judgeBooks(feed, oracle, expected, underTest)
  const refused = stillRefused()
  if (refused !== null) oracle.wrong('refused, however often it is asked for', refused)
  const struck = [...strikes.values()].reduce((sum, times) => sum + times, 0)
  // What is wrong with the run as a whole is said of its first venue.
  const run = underTest[0]?.profile.venue.id ?? ''
  if (struck < STRIKES) oracle.wrong(`only ${struck} faults struck, of ${STRIKES}`, run)
  if (oracle.stats.events < EVENTS) oracle.wrong(`only ${oracle.stats.events} events, of ${EVENTS}`, run)

  const closing = feed.close()
  await platform.advance(5_000)
  await Promise.all([closing, reading, feed.done]).catch((error: unknown) => {
    oracle.wrong(`the feed failed: ${String(error)}`, run)
  })
  const hash = transcript.digest('hex')
  await tape.close()
  const { timers, sockets, requests } = platform.open
  if (timers + sockets + requests > 0) {
    oracle.wrong(`left open: ${JSON.stringify(platform.open)}`, run)
  }
  judgeTape(path, hash, oracle, run)
  rmSync(directory, { recursive: true })
  const virtualMs = untilMs()
  for (const host of hosts) host.remove()
  return {
    seed,
    venues: chosen.map(({ profile }) => profile.venue.id),
    events: oracle.stats.events,
    strikes,
    gaps: oracle.stats.gaps,
    malformed: oracle.stats.malformed,
    refused: oracle.stats.refused,
    virtualMs,
    transcript: hash,
    violations: oracle.violations,
    story: told ?? (oracle.violations.length > 0 ? tell() : []),
  }
}

/** The truth of the markets that are asked for. The others stand still: nobody looks at them, and they take time. */
export function truthsOf(
  venue: VenueSimulator,
  instruments: readonly string[],
): ReadonlyMap<string, TrueMarket> {
  const truths = new Map<string, TrueMarket>()
  for (const [instrument, market] of venue.markets) {
    if (instruments.includes(instrument)) truths.set(instrument, new TrueMarket(market))
  }
  const looked = new Set([...truths.values()].map(({ market }) => market))
  for (const market of venue.markets.values()) if (!looked.has(market)) market.frozen = true
  if (truths.size === instruments.length) return truths
  throw new Error(`the simulator of ${venue.venue} has not all of ${instruments.join(', ')}`)
}

/** From `least` to `most` of the items, in an order of chance. */
function pickSome<T>(random: SeededRandom, items: readonly T[], least: number, most: number): T[] {
  const rest = [...items]
  return Array.from({ length: random.integer(least, most) }, () => {
    const item = random.pick(rest)
    rest.splice(rest.indexOf(item), 1)
    return item
  })
}

function expectedStreams(
  feed: Feed,
  underTest: readonly (VenueUnderTest & { readonly symbols: readonly string[] })[],
): ExpectedStream[] {
  return underTest.flatMap(({ profile, symbols }) =>
    symbols.flatMap((symbol) =>
      profile.channels.map((channel) => {
        const known = feed.instrument(profile.venue.id, symbol)
        return {
          venue: profile.venue.id,
          channel,
          instrument: known?.instrument ?? symbol,
          symbol: known?.symbol ?? symbol,
        }
      }),
    ),
  )
}

/** The books that the feed itself keeps are the true ones, where they say so. */
function judgeBooks(
  feed: Feed,
  oracle: Oracle,
  expected: readonly ExpectedStream[],
  underTest: readonly VenueUnderTest[],
): void {
  for (const { venue, channel, instrument } of expected) {
    if (!channel.startsWith('book')) continue
    const kept = feed.book(venue, instrument, channel)
    const truth = underTest.find(({ profile }) => profile.venue.id === venue)?.truths.get(instrument)
    if (kept?.state !== 'live' || truth === undefined || oracle.isBlind(venue, channel, instrument)) continue
    const depth = oracle.depthOf(venue, channel, instrument)
    if (JSON.stringify(kept.top(depth)) !== JSON.stringify(truth.market.book.top(depth))) {
      oracle.wrong('feed.book() says live and is not the true book', `${venue} ${channel} ${instrument}`)
    }
  }
}

/** Findings that the faults themselves bring about: the rest would be a defect of the feed or of the recorder. */
const FAULTS_SHOW = new Set([
  'crossed_book',
  'gap_open',
  'gap_uncovered',
  'gap_unhealed',
  'malformed_frames',
  'no_data',
])

/** The tape gives back what the reader got, byte for byte, and finds nothing wrong with it. */
function judgeTape(path: string, hash: string, oracle: Oracle, of: string): void {
  const tape = openTape(path)
  const replayed = createHash('sha256')
  // Verify reads every event: it is not read once more to be compared.
  const entries = tape.entries.bind(tape)
  tape.entries = function* (query, onDamaged) {
    for (const entry of entries(query, onDamaged)) {
      replayed.update(JSON.stringify(entry.event)).update('\n')
      yield entry
    }
  }
  for (const { severity, code, what } of verifyTape(tape).findings) {
    if (severity === 'error' && !FAULTS_SHOW.has(code)) oracle.wrong(`verify: ${code}: ${what}`, of)
  }
  if (replayed.digest('hex') !== hash) oracle.wrong('the tape does not give back what was recorded', of)
  tape.close()
}

function shown(event: MarketEvent): string {
  if (event.type === 'book_snapshot')
    return `book_snapshot of ${event.bids.length} and ${event.asks.length} levels`
  const text = JSON.stringify(event)
  return text.length > 400 ? `${text.slice(0, 400)}…` : text
}
