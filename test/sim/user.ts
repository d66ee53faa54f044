import type { Micros } from '../../schemas/events.js'
import type { Feed } from '../../src/feed/feed.js'
import type { SeededRandom, VirtualPlatform } from '../../src/simulator/index.js'
import type { ClientClock } from './client-clock.js'
import type { ExpectedStream, Oracle } from './oracle.js'

/** A stream that a venue refused is asked for again after this. */
const ASK_AGAIN_AFTER: Micros = 10_000_000

/** The reader stops reading for a while. */
export interface Rest {
  readonly atMs: number
  readonly lastsMs: number
  /** When the first venue's connections are cut meanwhile, so that what is dropped unread is of before a gap; null: they are not. */
  readonly cutAtMs: number | null
}

/** What a user does: drawn before the run, so that faults can be put where they meet it. Milliseconds since its beginning. */
export interface Habits {
  readonly policy: 'pause' | 'drop-oldest'
  readonly queueLimit: number
  readonly rests: readonly Rest[]
  /** When the machine's clock is set, ahead or back, and by how much. */
  readonly leaps: readonly { readonly atMs: number; readonly byMs: number }[]
}

/** @param untilMs nobody rests and no clock leaps after this. */
export function randomHabits(random: SeededRandom, untilMs: number): Habits {
  const policy = random.pick(['pause', 'drop-oldest'] as const)
  const drops = policy === 'drop-oldest'
  const moments = (fewest: number, most: number) =>
    Array.from({ length: random.integer(fewest, most) }, () => random.integer(5_000, untilMs)).sort(
      (a, b) => a - b,
    )
  return {
    policy,
    // A backlog that is dropped must first have come about.
    queueLimit: random.pick(drops ? [50, 150, 600] : [300, 2_000, 100_000]),
    rests: moments(drops ? 2 : 0, drops ? 4 : 3).map((atMs) => ({
      atMs,
      lastsMs: random.integer(drops ? 4_000 : 200, 12_000),
      cutAtMs: drops && random.chance(0.5) ? atMs + random.integer(200, 1_500) : null,
    })),
    leaps: moments(0, 2).map((atMs) => ({
      atMs,
      byMs: random.integer(10, random.pick([500, 30_000])) * random.pick([1, -1]),
    })),
  }
}

/** The user of the feed, who reads, rests, and asks again for what a venue refused; and whose clock is set. */
export class User {
  /** The reader waits for this before each event. */
  gate: Promise<void> = Promise.resolve()
  readonly #platform: VirtualPlatform
  readonly #began: Micros
  readonly #clock: ClientClock
  readonly #oracle: Oracle
  readonly #feed: Feed
  readonly #policy: Habits['policy']
  readonly #rests: Rest[]
  readonly #leaps: Habits['leaps'][number][]

  constructor(platform: VirtualPlatform, feed: Feed, oracle: Oracle, clock: ClientClock, habits: Habits) {
    this.#platform = platform
    this.#began = platform.now
    this.#clock = clock
    this.#oracle = oracle
    this.#feed = feed
    this.#policy = habits.policy
    this.#rests = [...habits.rests]
    this.#leaps = [...habits.leaps]
  }

  /** Lets time pass, with what the user does in it. */
  async passes(ms: number): Promise<void> {
    await this.#platform.advance(ms)
    const sinceMs = (this.#platform.now - this.#began) / 1000
    const [leap] = this.#leaps
    if (leap !== undefined && sinceMs >= leap.atMs) {
      this.#leaps.shift()
      this.#clock.stepped(this.#platform.now, leap.byMs * 1000)
      this.#platform.stepClock(leap.byMs)
    }
    const [rest] = this.#rests
    if (rest === undefined || sinceMs < rest.atMs) return
    this.#rests.shift()
    await this.#rest(rest.lastsMs)
  }

  /** Asks again for what has been refused for a while: a stream that was refused is given up first. */
  asksAgain(expected: readonly ExpectedStream[]): void {
    const now = this.#platform.now
    for (const stream of expected) {
      const since = this.#oracle.refusedSince(stream)
      if (since === null || now - since < ASK_AGAIN_AFTER) continue
      const { venue, symbol, channel } = stream
      this.#feed.unsubscribe(venue, [symbol], [channel])
      this.#feed.subscribe(venue, [symbol], [channel])
      this.#oracle.askedAgain(stream)
    }
  }

  async #rest(lastsMs: number): Promise<void> {
    let awake = () => {}
    this.gate = new Promise((resolve) => {
      awake = resolve
    })
    const { now } = this.#platform
    const ends = this.#policy === 'pause' ? this.#oracle.delays().map((delays) => delays.begin(now)) : []
    await this.#platform.advance(lastsMs)
    awake()
    await this.#platform.advance(1_000)
    for (const end of ends) end(this.#platform.now)
  }
}
