import type { MarketEvent, Micros } from '../../schemas/events.js'
import type {
  ConnectTarget,
  Endpoint,
  HttpResponse,
  Session,
  SessionInit,
  Sink,
  Subscription,
  Tools,
} from '../connector.js'
import { DecodeError, TapewireError, UsageError, VenueError } from '../errors.js'
import type { Platform, Timer } from '../platform.js'
import { frameWithoutSecrets } from '../secrets.js'
import type { StreamMemory } from '../session/memory.js'
import { shown, shownHead, shownUrl } from '../shown.js'
import { NETWORK } from '../socket/network-defaults.js'
import { redirection } from '../socket/redirect.js'
import { ResilientSocket, type SocketSettings } from '../socket/resilient-socket.js'
import { retirementMs } from '../socket/retirement.js'
import { WakeTimer } from '../socket/wake-timer.js'
import type { MergeConnection } from '../stream/merged-stream.js'
import type { ConnectionMetrics } from './metrics.js'
import { Pacer } from './pacer.js'
import type { Route } from './route.js'
import type { VenueLine } from './venue-line.js'

export interface FeedConnectionOptions {
  readonly line: VenueLine
  readonly route: Route
  readonly subscriptions: readonly Subscription[]
  readonly settings: SocketSettings
  readonly memory: StreamMemory
  emit(event: MarketEvent): void
  /** The connection will end. @returns whether another takes over; otherwise this one connects again */
  replace(reason: string): boolean
  /** The connection is gone. */
  lost(): void
  /** The connection does not try any more: `maxAttempts`, or a target that cannot be. */
  gaveUp(error: Error): void
  /** The venue takes no more streams on this connection. */
  full(refused: Subscription): void
}

/** A connection that is not tried again. */
export interface GaveUp {
  readonly at: Micros
  readonly reason: string
}

/**
 * One connection of the feed: a resilient socket, and on each opened socket a fresh session of the venue. It hands out the
 * subscriptions at the venue's pace, wakes the session at the deadlines it names, and carries its requests.
 */
export class FeedConnection implements MergeConnection {
  readonly name: string
  readonly endpoint: Endpoint
  readonly memory: StreamMemory
  readonly #options: FeedConnectionOptions
  readonly #line: VenueLine
  readonly #platform: Platform
  readonly #number: number
  /** Whose dial budget this connection is charged to. */
  readonly #host: string
  readonly #wanted: Subscription[]
  readonly #pacer: Pacer
  readonly #socket: ResilientSocket
  #session: Session | null = null
  #ready = false
  #gaveUp: GaveUp | null = null
  #attempt = 1
  #negotiated: HttpResponse | null = null
  readonly #timer: WakeTimer
  #retirement: Timer | null = null
  /** The session has asked for a new connection. */
  #replacement: { readonly reason: string; readonly options: Parameters<Sink['reconnect']>[1] } | null = null
  readonly #resubscribing = new Set<string>()

  constructor(options: FeedConnectionOptions) {
    const { line, route, settings } = options
    const { endpoint, platform } = route
    this.#options = options
    this.#line = line
    this.#platform = platform
    this.endpoint = endpoint
    this.memory = options.memory
    const { number, name } = line.numberConnection(endpoint)
    this.#number = number
    this.name = name
    this.#host = new URL(endpoint.url).host
    this.#wanted = [...options.subscriptions]
    const { clock } = platform
    this.#timer = new WakeTimer(clock, () => this.#run(this.#now(), (at) => this.#session?.tick(at)))
    this.#pacer = new Pacer(clock, line.connector.limits.subscribesPerMinute)
    this.#socket = new ResilientSocket(
      {
        ...settings,
        target: (signal) => this.#target(() => !signal.aborted),
        host: this.#host,
        dial: platform.dial,
        clock,
        budget: line.budget,
      },
      {
        connecting: (attempt) => this.#note('connecting', attempt, null),
        open: (opening) => this.#opened(opening.attempt, opening.at),
        message: (data, at) => this.#message(data, at),
        close: (loss, at) => {
          line.counters.lost(this.name, loss)
          this.#closed(loss.code, loss.reason, at)
        },
        waiting: (wait) => {
          if (wait.for === 'budget') line.counters.waitedForBudget(wait.delayMs)
          this.#note(
            'reconnecting',
            wait.attempt,
            `${wait.reason}; next try in ${Math.round(wait.delayMs)} ms`,
          )
        },
        failed: (error) => {
          this.#gaveUp = { at: this.#now(), reason: error.message }
          this.#note('closed', this.#attempt, error.message)
          options.gaveUp(error)
        },
      },
    )
  }

  get subscriptions(): readonly Subscription[] {
    return this.#wanted
  }

  /** Whether subscriptions may be sent. */
  get ready(): boolean {
    return this.#ready
  }

  /** When it gave up connecting, and why; null while it goes on. */
  get gaveUp(): GaveUp | null {
    return this.#gaveUp
  }

  get metrics(): ConnectionMetrics {
    return {
      connection: this.name,
      subscriptions: this.#wanted.length,
      waitingSubscribes: this.#pacer.size,
      socket: this.#socket.stats,
    }
  }

  start(): void {
    this.#socket.start()
  }

  /** Connects again as the venue wanted it. */
  reconnect(reason: string): void {
    this.#socket.reconnect(reason, { planned: true })
  }

  /** Asks for further streams while running. */
  subscribe(subscriptions: readonly Subscription[]): void {
    this.#wanted.push(...subscriptions)
    if (this.#ready) this.#handOut(subscriptions)
  }

  /** Gives streams up while running; others on the connection are not disturbed. */
  unsubscribe(subscriptions: readonly Subscription[]): void {
    for (const subscription of subscriptions) {
      const at = this.#wanted.indexOf(subscription)
      if (at !== -1) this.#wanted.splice(at, 1)
    }
    if (this.#session === null) return
    const session = this.#session
    this.#pacer.add(() => {
      if (this.#session === session) this.#run(this.#now(), (at) => session.unsubscribe(subscriptions, at))
    })
  }

  /** The reader lacks events of a stream of this connection. */
  overflowed(
    instrument: string,
    channel: Subscription['channel'],
    from: Micros | null,
    detail: string,
  ): void {
    this.#run(this.#now(), (at) => this.#session?.overflowed({ instrument, channel }, from, at, detail))
  }

  /** Stops reading. The session's time stands still meanwhile: what it waits for may lie unread in the network. */
  pause(): void {
    this.#timer.pause()
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
    this.#timer.resume()
  }

  /** Final. No gap is emitted: the user wanted the end. */
  async close(): Promise<void> {
    this.#drop()
    await this.#socket.close()
  }

  #now(): Micros {
    return this.#platform.clock.now()
  }

  async #target(wanted: () => boolean): Promise<ConnectTarget> {
    const { negotiate } = this.endpoint
    if (negotiate === undefined) return this.endpoint
    const answer = await new Promise<HttpResponse>((resolve) =>
      this.#line.http(negotiate.request, resolve, { way: this.#platform, wanted }),
    )
    if (answer.status < 200 || answer.status >= 300) {
      throw new VenueError(
        'negotiate_refused',
        `${shownUrl(answer.url)} answered ${answer.status}${redirection(answer.status, answer.headers, answer.url)}`,
        {
          retryable: true,
          context: { venue: this.#line.connector.venue, status: answer.status },
        },
      )
    }
    this.#negotiated = answer
    return negotiate.target(answer)
  }

  #opened(attempt: number, at: Micros): void {
    const { connector, instruments, tap } = this.#line
    const platform = this.#platform
    this.#attempt = attempt
    const url = shownUrl(this.endpoint.url)
    tap?.open(this.#number, url, at, connector.venue)
    this.#note('open', attempt, null)
    const init: SessionInit = {
      endpoint: this.endpoint,
      connection: this.name,
      adopt: false,
      instruments,
      memory: this.memory,
      tools: bounded(platform.tools, connector.limits.maxFrameBytes),
      random: () => platform.clock.random(),
      steady: (moment) => platform.clock.steady(moment),
    }
    let session: Session | null = null
    try {
      session = connector.session(
        init,
        this.#sink(() => this.#session !== null && this.#session === session),
      )
    } catch (error) {
      this.#noSession(error, at)
      return
    }
    this.#session = session
    this.#retireInTime()
    this.#run(at, () => this.#session?.opened({ url, negotiated: this.#negotiated, attempt }, at))
  }

  /** A venue whose code makes no session makes none on the next connection either. */
  #noSession(error: unknown, at: Micros): void {
    this.#line.tap?.closed(this.#number, at)
    const reason = error instanceof Error ? error.message : String(error)
    this.#socket.reconnect(reason, {
      error: error instanceof UsageError ? error : new UsageError('venue_defect', reason, { cause: error }),
    })
  }

  #message(frame: string | Uint8Array, at: Micros): void {
    const data = typeof frame === 'string' ? frameWithoutSecrets(frame) : frame
    this.#line.tap?.received(this.#number, data, at)
    const { counters } = this.#line
    const begun = counters.timesFrame() ? this.#platform.clock.monotonic() : null
    this.#run(at, () => this.#session?.frame(data, at), data)
    this.#line.frameRead(data.length)
    if (begun !== null) counters.timed(this.#platform.clock.monotonic() - begun)
  }

  #closed(code: number | null, reason: string, at: Micros): void {
    const session = this.#session
    if (session === null) return
    this.#line.tap?.closed(this.#number, at)
    this.#run(at, () => session.closed({ code, reason }, at))
    this.#drop()
    this.#options.lost()
  }

  /** What a session may do; deaf once the session is over. */
  #sink(current: () => boolean): Sink {
    const { connector } = this.#line
    const { settings } = this.#options
    return {
      emit: (event) => {
        if (event.type === 'connection' && event.state === 'maintenance' && current())
          this.#socket.expectEnd()
        this.#options.emit(event)
      },
      send: (frame) => {
        if (!current() || !this.#socket.send(frame)) return
        const recorded = frameWithoutSecrets(connector.redact?.(frame) ?? frame)
        this.#line.tap?.sent(this.#number, recorded, this.#now())
      },
      request: (request) => {
        const answered = (response: HttpResponse) => {
          if (current()) this.#run(this.#now(), (at) => this.#session?.response(response, at))
        }
        this.#line.http(request, answered, { way: this.#platform, wanted: current })
      },
      wake: (at) => {
        if (current()) this.#timer.set(at)
      },
      ready: () => {
        if (!current() || this.#ready) return
        this.#ready = true
        this.#note('ready', this.#attempt, null)
        this.#handOut(this.#wanted)
      },
      // A session that asks is in the middle of a frame: it is replaced when that is done.
      reconnect: (reason, options) => {
        if (current()) this.#replacement ??= { reason, options }
      },
      full: ({ instrument, channel }) => {
        const refused = this.#wanted.find(
          (held) => held.channel === channel && held.instrument.instrument === instrument.instrument,
        )
        if (current() && refused !== undefined) this.#options.full(refused)
      },
      backfill: (report) => {
        if (current()) this.#line.counters.backfilled(this.name, report)
      },
      limited: ({ connectsPerMinute, forMs }) => {
        if (!current()) return
        const { budget } = this.#line
        if (connectsPerMinute !== undefined) budget.learn(this.#host, connectsPerMinute)
        if (forMs !== undefined)
          budget.hold(this.#host, Math.min(forMs, settings.maxHoldMs ?? NETWORK.maxHoldMs))
      },
      resubscribe: (subscription) => {
        const key = `${subscription.channel} ${subscription.instrument.instrument}`
        if (!current() || this.#resubscribing.has(key)) return
        this.#resubscribing.add(key)
        this.#pacer.add(() => {
          this.#resubscribing.delete(key)
          if (current()) this.#run(this.#now(), (at) => this.#session?.resubscribe(subscription, at))
        })
      },
    }
  }

  #handOut(subscriptions: readonly Subscription[]): void {
    const { subscribeBatch } = this.#line.connector.limits
    for (let start = 0; start < subscriptions.length; start += subscribeBatch) {
      const batch = subscriptions.slice(start, start + subscribeBatch)
      this.#pacer.add(() => {
        const wanted = batch.filter((subscription) => this.#wanted.includes(subscription))
        if (wanted.length > 0) this.#run(this.#now(), (at) => this.#session?.subscribe(wanted, at))
      })
    }
  }

  /** A session that throws has a defect: it is disclosed, and the connection starts afresh. */
  #run(at: Micros, call: (at: Micros) => void, frame: string | Uint8Array = ''): void {
    this.#line.reach(at)
    try {
      call(at)
      const replacement = this.#replacement
      if (replacement === null) return
      this.#replacement = null
      const { reason, options = {} } = replacement
      // A venue that names a time to come back at will not be there before: nothing can take over.
      const replaced =
        options.planned === true && options.afterMs === undefined && this.#options.replace(reason)
      if (!replaced) this.#socket.reconnect(reason, options)
    } catch (error) {
      this.#replacement = null
      const code = error instanceof TapewireError ? error.code : 'internal'
      this.#options.emit({
        type: 'malformed',
        venue: this.#line.connector.venue,
        receiveTime: this.#now(),
        connection: this.name,
        reason: code,
        path: error instanceof DecodeError ? shown(error.path.join('.')) : '',
        head: typeof frame === 'string' ? shownHead(frame) : '',
      })
      const reason = `defect in the session: ${error instanceof Error ? error.message : String(error)}`
      this.#socket.reconnect(reason, error instanceof UsageError ? { error } : {})
    }
  }

  #retireInTime(): void {
    this.#retirement?.cancel()
    this.#retirement = null
    const ageMs = this.#line.connector.limits.maxConnectionAgeMs
    if (ageMs === null) return
    const { clock } = this.#platform
    this.#retirement = clock.after(retirementMs(ageMs, clock.random()), () => {
      this.#retirement = null
      const reason = `the venue cuts connections after ${ageMs} ms`
      if (!this.#options.replace(reason)) this.reconnect(reason)
    })
  }

  #drop(): void {
    this.#retirement?.cancel()
    this.#retirement = null
    this.#session = null
    this.#ready = false
    this.#replacement = null
    this.#timer.set(null)
    this.#pacer.clear()
    this.#resubscribing.clear()
  }

  #note(
    state: Parameters<VenueLine['connectionEvent']>[0]['state'],
    attempt: number,
    reason: string | null,
  ): void {
    this.#line.connectionEvent({
      connection: this.name,
      state,
      attempt,
      endpoint: shownUrl(this.endpoint.url),
      reason,
      at: this.#now(),
    })
  }
}

/** What a frame unpacks to is bounded as a frame is. */
function bounded(tools: Tools, maxBytes: number): Tools {
  return {
    ...tools,
    gunzip: (bytes) => tools.gunzip(bytes, maxBytes),
    inflateRaw: (bytes) => tools.inflateRaw(bytes, maxBytes),
  }
}
