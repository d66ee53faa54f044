import type { Micros } from '../../schemas/events.js'
import type { HttpRequest, HttpResponse, Tools } from '../connector.js'
import { UsageError } from '../errors.js'
import type { Clock, Dial, DialEvents, DialedSocket, DialTarget, Http, Platform } from '../platform.js'
import { shownUrl } from '../shown.js'
import { connectFailure } from '../socket/failure.js'
import { SteadyTime } from '../socket/steady-time.js'
import { nodeTools } from '../socket/tools.js'
import { SeededRandom } from './random.js'
import type { VenueSimulator } from './venue-simulator.js'
import { VirtualHost, type VirtualHostOptions } from './virtual-host.js'
import { VirtualTime } from './virtual-time.js'
import { systemError } from './virtual-wire.js'

/** Options of `virtualPlatform`. */
export interface VirtualOptions {
  /** The same seed gives the same run. @default 1 */
  readonly seed?: number
  /** When the world begins, microseconds. @default 2024-01-01T00:00:00Z */
  readonly startAt?: Micros
  /** Of the client's decompression: no frame unpacks to more. @default 64 MiB */
  readonly maxUnpackedBytes?: number
}

/** Things of the client that are open: all 0 after a clean shutdown. */
export interface OpenHandles {
  readonly timers: number
  readonly sockets: number
  readonly requests: number
}

/**
 * A machine that exists in memory: its clock stands still until it is told to go on, its network reaches the simulators
 * that are registered, and the same seed gives the same run, event for event.
 */
export interface VirtualPlatform extends Platform {
  /** True time, microseconds: what the simulators see. The clock of the client differs where it was stepped. */
  readonly now: Micros
  readonly open: OpenHandles
  /** What chance the run has beyond the platform's own: for fault plans and drivers. */
  readonly random: SeededRandom
  /**
   * Puts a simulator on the network, under one or more host names (with the port, where a URL has one).
   *
   * @throws {UsageError} code `bad_option`, where a name is taken.
   */
  serve(simulator: VenueSimulator, options: VirtualHostOptions): VirtualHost
  /** Lets so many milliseconds pass. */
  advance(ms: number): Promise<void>
  /** Lets time pass until then; microseconds, true time. */
  runUntil(at: Micros): Promise<void>
  /** Lets every promise settle that needs no time to pass. */
  settle(): Promise<void>
  /**
   * Sets the client's clock, as NTP or an operator does; timers and `monotonic()` do not move. Set ahead, `now()` leaps. Set
   * back, it goes a tenth slower until it is right again, as the system's clock does.
   */
  stepClock(ms: number): void
}

/** A clock, a network and HTTP in memory: hours of market in seconds, the same at every run. */
export function virtualPlatform(options: VirtualOptions = {}): VirtualPlatform {
  return new Machine(options)
}

const START: Micros = 1_704_067_200_000_000

/** Of a clock that was set back. */
const SLOW = 0.9

class Machine implements VirtualPlatform {
  readonly clock: Clock
  readonly dial: Dial
  readonly http: Http
  readonly tools: Tools
  readonly random: SeededRandom
  readonly #time: VirtualTime
  readonly #start: Micros
  readonly #network: SeededRandom
  readonly #hosts = new Map<string, VirtualHost>()
  /** How much the client's machine is ahead of the truth. */
  #offset = 0
  /** Since when the client's clock, which never goes back, has gone slower to become right; null where it is right. */
  #slow: { readonly since: Micros; readonly from: Micros } | null = null
  readonly #steady: SteadyTime
  #timers = 0
  #sockets = 0
  #requests = 0

  constructor(options: VirtualOptions) {
    const { seed = 1, startAt = START, maxUnpackedBytes = 64 * 1024 * 1024 } = options
    const root = new SeededRandom(seed)
    // Each has a source of its own: what the client draws leaves the network as it is.
    const client = root.fork()
    this.#network = root.fork()
    this.random = root.fork()
    this.#start = startAt
    this.#time = new VirtualTime(startAt)
    this.#steady = new SteadyTime(startAt)
    this.clock = {
      now: () => this.#clientNow(),
      monotonic: () => this.#time.now - this.#start,
      steady: (at) => this.#steady.at(at),
      after: (delayMs, run) => this.#after(delayMs, run),
      random: () => client.next(),
    }
    this.dial = (target, events) => this.#dial(target, events)
    this.http = (request, limits) => this.#fetch(request, limits)
    this.tools = nodeTools(maxUnpackedBytes)
  }

  get now(): Micros {
    return this.#time.now
  }

  get open(): OpenHandles {
    return { timers: this.#timers, sockets: this.#sockets, requests: this.#requests }
  }

  serve(simulator: VenueSimulator, options: VirtualHostOptions): VirtualHost {
    for (const name of options.hosts) {
      if (!this.#hosts.has(name)) continue
      throw new UsageError('bad_option', `virtual network: option hosts: there is a host ${name} already`, {
        context: { field: 'hosts' },
      })
    }
    const host = new VirtualHost(this.#time, this.#network.fork(), simulator, options, {
      now: () => this.#clientNow(),
      stepClock: (ms) => this.stepClock(ms),
      removed: () => {
        for (const name of options.hosts) this.#hosts.delete(name)
      },
    })
    for (const name of options.hosts) this.#hosts.set(name, host)
    return host
  }

  advance(ms: number): Promise<void> {
    return this.#time.runUntil(this.#time.now + Math.round(ms * 1000))
  }

  runUntil(at: Micros): Promise<void> {
    return this.#time.runUntil(at)
  }

  settle(): Promise<void> {
    return this.#time.settle()
  }

  stepClock(ms: number): void {
    const before = this.#clientNow()
    const { now } = this.#time
    this.#offset += Math.round(ms * 1000)
    const right = now + this.#offset
    this.#slow = right < before ? { since: now, from: before } : null
    this.#steady.passed(before, Math.max(before, right), 0, this.#slow === null ? 1 : SLOW)
  }

  #clientNow(): Micros {
    const { now } = this.#time
    const right = now + this.#offset
    if (this.#slow === null) return right
    const { since, from } = this.#slow
    const slow = Math.floor(from + (now - since) * SLOW)
    if (slow > right) return slow
    this.#slow = null
    this.#steady.passed(from, right, now - since)
    return right
  }

  #after(delayMs: number, run: () => void): { cancel(): void } {
    this.#timers++
    let waiting = true
    const over = () => {
      if (waiting) this.#timers--
      waiting = false
    }
    const appointment = this.#time.plan(delayMs * 1000, () => {
      over()
      this.#time.enterClient()
      run()
    })
    return {
      cancel: () => {
        over()
        appointment.cancel()
      },
    }
  }

  #dial(target: DialTarget, events: DialEvents): DialedSocket {
    this.#sockets++
    const over = () => {
      this.#sockets--
    }
    const host = this.#host(target.url, 'ws')
    if (host instanceof VirtualHost) return host.connect(target, events, over)
    return this.#nowhere(host, events, over)
  }

  /** A dial that fails as soon as it is made. */
  #nowhere(error: Error, events: DialEvents, over: () => void): DialedSocket {
    this.#time.plan(0, () => {
      over()
      this.#time.enterClient()
      events.closed({ code: null, reason: '', refused: null, error }, this.#clientNow())
    })
    const nothing = () => {}
    return {
      send: () => false,
      ping: () => false,
      bufferedBytes: 0,
      pause: nothing,
      resume: nothing,
      close: nothing,
      terminate: nothing,
    }
  }

  async #fetch(request: HttpRequest, limits: Parameters<Http>[1]): Promise<HttpResponse> {
    const host = this.#host(request.url, 'http')
    if (!(host instanceof VirtualHost)) {
      return { id: request.id, url: request.url, status: 0, headers: {}, body: host.message }
    }
    this.#requests++
    const response = await host.fetch(request, limits)
    this.#requests--
    return response
  }

  #host(text: string, scheme: 'ws' | 'http'): VirtualHost | Error {
    if (!URL.canParse(text) || !new RegExp(`^${scheme}s?:$`).test(new URL(text).protocol)) {
      return new UsageError('bad_target', `${shownUrl(text)} is no ${scheme}:// or ${scheme}s:// URL`)
    }
    const { host, hostname } = new URL(text)
    const found = this.#hosts.get(host)
    return found ?? connectFailure(systemError('ENOTFOUND', `getaddrinfo ${hostname}`), text, null)
  }
}
