import type { Clock, Timer } from '../platform.js'
import { SteadyTime } from './steady-time.js'

/** Where the time comes from; only tests give their own. */
export interface TimeSources {
  /** Milliseconds since the epoch, as the machine believes; may leap either way. */
  wallMs(): number
  /** Milliseconds from an arbitrary start; never leaps. */
  monotonicMs(): number
}

const RESYNC_EVERY_MS = 1_000
/** `Date.now()` cuts the microseconds off: a reading this far ahead of it may be right. */
const WALL_RESOLUTION_MICROS = 1_000
const SLOWEST_RATE = 0.9
/** A clock that is led back by less was not set: the monotonic clock drifts, and so does every machine's. */
const DRIFTING_RATE = 0.99
/** Node fires longer timers at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

/**
 * The machine's time in microseconds. Between two looks at the wall clock it runs on the monotonic clock, which alone
 * resolves microseconds; alone, it would drift from NTP's time by seconds a month. Each second it is compared with the wall
 * clock: where it is behind it leaps ahead; where it is ahead (NTP stepped back, or someone set the clock) it runs at up to a
 * tenth less than its pace until it is right again, for it must never go back.
 *
 * Its timers keep the process alive, but for those of the background: a feed that waits for its next connect is not idle.
 * `close()` of what set them cancels them.
 */
export function systemClock(sources?: TimeSources): Clock {
  if (sources !== undefined) return clockOf(sources)
  processClock ??= clockOf({ wallMs: () => Date.now(), monotonicMs: () => performance.now() })
  return processClock
}

/** One for the process: what is shared by clock, such as the dial budget, is then shared by every feed. */
let processClock: Clock | null = null

function clockOf(sources: TimeSources): Clock {
  let base = sources.wallMs() * 1000
  let since = sources.monotonicMs()
  let rate = 1
  let last = 0
  const steady = new SteadyTime(base)

  const resync = (monotonicMs: number, elapsedMs: number) => {
    const reading = base + (RESYNC_EVERY_MS * rate + (elapsedMs - RESYNC_EVERY_MS)) * 1000
    const wall = sources.wallMs() * 1000
    const ahead = reading - wall - WALL_RESOLUTION_MICROS
    const before = base
    base = Math.max(reading, wall)
    since = monotonicMs
    rate = ahead > 0 ? Math.max(SLOWEST_RATE, 1 - ahead / (RESYNC_EVERY_MS * 1000)) : 1
    steady.passed(before, base, elapsedMs * 1000, rate < DRIFTING_RATE ? rate : 1)
  }

  return {
    now() {
      const monotonicMs = sources.monotonicMs()
      let elapsedMs = monotonicMs - since
      if (elapsedMs >= RESYNC_EVERY_MS) {
        resync(monotonicMs, elapsedMs)
        elapsedMs = 0
      }
      last = Math.max(last, Math.floor(base + elapsedMs * rate * 1000))
      return last
    },
    monotonic: () => Math.floor(sources.monotonicMs() * 1000),
    steady: (at) => steady.at(at),
    after: (delayMs, run, kind) => startTimer(delayMs, run, kind === 'background'),
    random: () => Math.random(),
  }
}

function startTimer(delayMs: number, run: () => void, background: boolean): Timer {
  let handle: NodeJS.Timeout
  const arm = (remainingMs: number) => {
    const partMs = Math.min(remainingMs, LONGEST_TIMER_MS)
    handle = setTimeout(() => (remainingMs > partMs ? arm(remainingMs - partMs) : run()), partMs)
    // Browsers have no process to keep alive.
    if (background) handle.unref?.()
  }
  arm(delayMs)
  return { cancel: () => clearTimeout(handle) }
}
