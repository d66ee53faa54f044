import type { MarketEvent, Micros } from '../../schemas/events.js'
import { simulate } from '../../simulators/index.js'
import type { Channel, ConnectorOptions, Venue } from '../../src/connector.js'
import { type Feed, openFeed } from '../../src/feed/feed.js'
import type { Timer } from '../../src/platform.js'
import {
  type FaultedSimulator,
  type FaultPlan,
  type FaultStrike,
  faultName,
  SeededRandom,
  type VirtualPlatform,
  virtualPlatform,
  withFaults,
} from '../../src/simulator/index.js'

export type Draft = FaultPlan['faults'][number]

export interface Frame {
  readonly dir: 'in' | 'out'
  readonly text: string
  readonly at: Micros
}

export interface StageOptions {
  readonly symbols: readonly string[]
  readonly channels: readonly Channel[]
  readonly faults?: readonly Draft[]
  readonly connector?: ConnectorOptions
  /** How often the simulator moves on. @default 10 */
  readonly stepMs?: number
  /** The clock of the feed's machine is set by so much, again and again. @default it is right */
  readonly clock?: ClockSteps
}

export interface ClockSteps {
  readonly byMs: number
  readonly everyMs: number
}

/**
 * A feed of one venue on its own simulator, in memory, with a fault plan on the line. Packets take no time, so that what is
 * measured is how long the feed takes and nothing else. All times are true, also those that the feed read from a clock that
 * was set.
 */
export class Stage {
  readonly platform: VirtualPlatform
  readonly feed: Feed
  readonly events: MarketEvent[] = []
  readonly frames: Frame[] = []
  readonly strikes: FaultStrike[] = []
  readonly #simulator: FaultedSimulator
  #clockSteps: Timer | null = null

  constructor(venue: Venue, options: StageOptions) {
    const { symbols, channels, faults = [], stepMs = 10 } = options
    this.platform = virtualPlatform({ seed: 7 })
    const simulator = withFaults(
      simulate(venue.id, { seed: 7, stepsPerSecond: 20, url: 'ws://venue.test' }),
      { faults: [...faults] },
      new SeededRandom(7),
      (strike) => {
        this.strikes.push(strike)
        this.onStrike?.(strike)
      },
    )
    this.#simulator = simulator
    this.platform.serve(simulator, { hosts: ['venue.test'], latencyMs: [0, 0], stepMs })
    const connector = venue.connector({
      ...options.connector,
      url: 'ws://venue.test',
      symbols,
      channels,
    })
    this.feed = openFeed([connector], {
      platform: this.platform,
      tap: {
        open() {},
        closed() {},
        rest() {},
        received: (_connection, data, at) =>
          void this.frames.push({ dir: 'in', text: textOf(data), at: this.#trueTime(at) }),
        sent: (_connection, text, at) => void this.frames.push({ dir: 'out', text, at: this.#trueTime(at) }),
      },
    })
    this.feed.on('event', (told) => {
      const event = this.#inTrueTime(told)
      this.events.push(event)
      this.onEvent?.(event)
    })
    if (options.clock !== undefined) this.#stepOn(options.clock)
  }

  onStrike: ((strike: FaultStrike) => void) | null = null
  onEvent: ((event: MarketEvent) => void) | null = null

  /** Markets stand still: one, or all of them. */
  freeze(instrument?: string): void {
    for (const [id, market] of this.#simulator.markets)
      if (instrument === undefined || id === instrument) market.frozen = true
  }

  /** Has the venue's simulator commit a fault, now. */
  commit(name: string): void {
    if (!this.#simulator.fault(name, this.platform.now)) throw new Error(`the venue cannot commit ${name}`)
  }

  async advance(seconds: number): Promise<this> {
    await this.platform.advance(seconds * 1000)
    return this
  }

  /** When the fault struck first. */
  struck(name: string): Micros {
    const strike = this.strikes.find(({ fault, struck }) => struck && faultName(fault) === name)
    if (strike === undefined) throw new Error(`${name} never struck`)
    return strike.at
  }

  /** The first gap that opened after a moment. */
  gap(since: Micros, reason?: string): Micros {
    return this.#first(
      `gap${reason === undefined ? '' : ` (${reason})`}`,
      (event) =>
        event.type === 'gap' && event.state === 'open' && (reason === undefined || event.reason === reason),
      since,
    )
  }

  /** The first change of a connection to this state after a moment. */
  connection(state: string, since: Micros): Micros {
    return this.#first(state, (event) => event.type === 'connection' && event.state === state, since)
  }

  /** Lets time pass, within a bound in seconds, until the connection is given up for a new one. @returns when */
  async lost(withinS: number): Promise<Micros> {
    const since = this.platform.now
    const given = () =>
      this.events.some((event) => event.type === 'connection' && event.state === 'reconnecting')
    for (let passed = 0; passed < withinS && !given(); passed++) await this.advance(1)
    return this.connection('reconnecting', since)
  }

  /** The moments at which frames of the feed that fit went out. */
  sent(pattern: RegExp): Micros[] {
    return this.frames.filter(({ dir, text }) => dir === 'out' && pattern.test(text)).map(({ at }) => at)
  }

  /** When the venue was heard last before a moment. */
  heard(before: Micros, pattern = /(?:)/): Micros {
    const last = this.frames.findLast(
      ({ dir, at, text }) => dir === 'in' && at < before && pattern.test(text),
    )
    if (last === undefined) throw new Error('the venue was never heard')
    return last.at
  }

  async close(): Promise<void> {
    this.#clockSteps?.cancel()
    const closing = this.feed.close()
    await this.platform.advance(3_000)
    await closing
  }

  #stepOn(steps: ClockSteps): void {
    this.#clockSteps = this.platform.clock.after(steps.everyMs, () => {
      this.platform.stepClock(steps.byMs)
      this.#stepOn(steps)
    })
  }

  #trueTime(at: Micros): Micros {
    return this.platform.clock.steady(at)
  }

  #inTrueTime(event: MarketEvent): MarketEvent {
    const orNull = (at: Micros | null) => (at === null ? null : this.#trueTime(at))
    const receiveTime = orNull(event.receiveTime)
    if (event.type !== 'gap') return { ...event, receiveTime }
    return { ...event, receiveTime, from: orNull(event.from), to: orNull(event.to) }
  }

  #first(what: string, fits: (event: MarketEvent) => boolean, since: Micros): Micros {
    const found = this.events.find((event) => (event.receiveTime ?? 0) >= since && fits(event))
    if (found?.receiveTime == null) {
      const seen = this.events.slice(-5).map((event) => JSON.stringify(event).slice(0, 300))
      throw new Error(`never came: ${what}; the last events:\n${seen.join('\n')}`)
    }
    return found.receiveTime
  }
}

function textOf(data: string | Uint8Array): string {
  return typeof data === 'string' ? data : '(bytes)'
}
