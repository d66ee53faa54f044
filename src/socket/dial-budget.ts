import type { Micros } from '../../schemas/events.js'
import type { Clock, Timer } from '../platform.js'
import { LearnedRate } from './learned-rate.js'

const MINUTE_MICROS = 60_000_000

interface Host {
  perMinute: number
  readonly rate: LearnedRate
  /** Tokens that were missing in the bucket at a moment. They are refilled at the pace of the day, which may change. */
  missing: number
  at: Micros
  heldUntil: Micros
  readonly queue: Waiter[]
  timer: Timer | null
}

interface Waiter {
  readonly grant: () => void
}

/**
 * How often a host may be dialled, over all connections of the process: one token bucket for each host, served first come
 * first served. In no minute are there more dials than the limit: a quarter of it may be used at once, the rest is spread.
 *
 * Times are taken from the monotonic clock, so that setting the machine's clock grants nothing. Hosts that are at rest are
 * forgotten, but not what they taught.
 */
export class DialBudget {
  readonly #clock: Clock
  readonly #hosts = new Map<string, Host>()
  readonly #rates = new Map<string, LearnedRate>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /**
   * Waits for the right to dial a host once.
   *
   * @param perMinute the host's limit as the caller knows it; where callers differ the lowest counts.
   * @returns rejects with the signal's reason when it aborts first; the place in the queue is then given up.
   */
  acquire(host: string, perMinute: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) return reject(signal.reason)
      const entry = this.#host(host, perMinute)
      const waiter: Waiter = {
        grant: () => {
          signal?.removeEventListener('abort', leave)
          resolve()
        },
      }
      const leave = () => {
        entry.queue.splice(entry.queue.indexOf(waiter), 1)
        this.#serve(entry)
        reject(signal?.reason)
      }
      signal?.addEventListener('abort', leave, { once: true })
      entry.queue.push(waiter)
      this.#serve(entry)
    })
  }

  /** How long a dial that is asked for now will have to wait. Milliseconds. */
  delayMs(host: string, perMinute: number): number {
    const entry = this.#host(host, perMinute)
    const now = this.#clock.monotonic()
    return Math.max(0, (dueAt(entry, now, entry.queue.length) - now) / 1000)
  }

  /** Whether the host asked to be left alone for longer than until now: a dial that was granted before is not to be made. */
  holds(host: string): boolean {
    return (this.#hosts.get(host)?.heldUntil ?? 0) > this.#clock.monotonic()
  }

  /** Grants no dial to a host for a while: what a Retry-After asks for. */
  hold(host: string, forMs: number): void {
    const entry = this.#host(host, Number.POSITIVE_INFINITY)
    entry.heldUntil = Math.max(entry.heldUntil, this.#clock.monotonic() + Math.ceil(forMs * 1000))
    this.#serve(entry)
  }

  /** Lowers a host's limit below what callers say, until that wears off: what the venue itself said. */
  learn(host: string, perMinute: number): void {
    this.#rate(host).lower(perMinute, this.#clock.monotonic())
    this.#serve(this.#host(host, Number.POSITIVE_INFINITY))
  }

  /** The host took a dial. */
  accepted(host: string): void {
    this.#rate(host).accepted(this.#clock.monotonic())
  }

  /** The host refused a dial as one too many: its limit is lower than callers say. */
  refused(host: string): void {
    this.#rate(host).refused(this.#clock.monotonic())
    this.#serve(this.#host(host, Number.POSITIVE_INFINITY))
  }

  /** Limits that were learned, a minute, by host. */
  get learned(): Readonly<Record<string, number>> {
    const now = this.#clock.monotonic()
    const known = [...this.#rates].map(([host, rate]) => [host, rate.perMinute(now)] as const)
    return Object.fromEntries(known.filter(([, perMinute]) => Number.isFinite(perMinute)))
  }

  /** Dials that wait. */
  get waiting(): number {
    let waiting = 0
    for (const { queue } of this.#hosts.values()) waiting += queue.length
    return waiting
  }

  #serve(host: Host): void {
    host.timer?.cancel()
    host.timer = null
    for (let next = host.queue[0]; next !== undefined; next = host.queue[0]) {
      const now = this.#clock.monotonic()
      const due = dueAt(host, now)
      if (due > now) {
        host.timer = this.#clock.after(Math.ceil((due - now) / 1000), () => this.#serve(host))
        return
      }
      host.missing++
      host.rate.granted(now)
      host.queue.shift()
      next.grant()
    }
  }

  #host(name: string, perMinute: number): Host {
    let host = this.#hosts.get(name)
    if (host === undefined) {
      this.#forgetIdle()
      const rate = this.#rate(name)
      const rest = { missing: 0, at: 0, heldUntil: 0, queue: [], timer: null }
      host = { perMinute: Number.POSITIVE_INFINITY, rate, ...rest }
      this.#hosts.set(name, host)
    }
    host.perMinute = Math.min(host.perMinute, perMinute)
    return host
  }

  #rate(name: string): LearnedRate {
    let rate = this.#rates.get(name)
    if (rate === undefined) {
      rate = new LearnedRate()
      this.#rates.set(name, rate)
    }
    return rate
  }

  #forgetIdle(): void {
    const now = this.#clock.monotonic()
    for (const [name, host] of this.#hosts) {
      refill(host, now)
      if (host.queue.length === 0 && host.missing === 0 && host.heldUntil <= now) this.#hosts.delete(name)
    }
  }
}

/**
 * When a dial is granted if so many are before it: a bucket of b tokens that refills at r a minute allows b - 1 + r in any
 * minute, so that b - 1 + r must be the limit.
 */
function dueAt(host: Host, now: Micros, before = 0): Micros {
  refill(host, now)
  const { burst, interval } = pace(host, now)
  return Math.max(host.heldUntil, now + Math.ceil((host.missing + before - burst + 1) * interval))
}

function refill(host: Host, now: Micros): void {
  const { interval } = pace(host, now)
  host.missing = interval === 0 ? 0 : Math.max(0, host.missing - (now - host.at) / interval)
  host.at = now
}

function pace({ perMinute: said, rate }: Host, now: Micros): { burst: number; interval: Micros } {
  const perMinute = Math.min(said, rate.perMinute(now))
  if (!Number.isFinite(perMinute)) return { burst: 1, interval: 0 }
  const burst = Math.max(1, Math.floor(perMinute / 4))
  return { burst, interval: Math.ceil(MINUTE_MICROS / (perMinute - burst + 1)) }
}

const budgets = new WeakMap<Clock, DialBudget>()

/** The one budget of the process: every feed on the same clock shares it, so that together they keep a host's limit. */
export function dialBudget(clock: Clock): DialBudget {
  let budget = budgets.get(clock)
  if (budget === undefined) {
    budget = new DialBudget(clock)
    budgets.set(clock, budget)
  }
  return budget
}
