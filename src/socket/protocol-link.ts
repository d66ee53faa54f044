import type { Micros } from '../../schemas/events.js'
import { NetworkError, TapewireError } from '../errors.js'
import type { Clock, Dial, DialAddress, Http } from '../platform.js'
import type {
  CloseDemand,
  Codec,
  CodecSink,
  CodecTarget,
  Outcome,
  Protocol,
  Question,
  Reconnect,
} from '../protocols/codec.js'
import { DeferredCalls } from '../protocols/deferred-calls.js'
import { frameWithoutSecrets } from '../secrets.js'
import type { DialBudget } from './dial-budget.js'
import type { Beat } from './heartbeat.js'
import type { Loss } from './loss.js'
import { NETWORK } from './network-defaults.js'
import type { OpenSocketConfig } from './open-options.js'
import { type HttpBounds, Preparing } from './preparing.js'
import { ResilientSocket } from './resilient-socket.js'
import type { Opening, SocketStats, Wait } from './socket-events.js'
import type { SocketSettings, Verdict } from './socket-options.js'
import type { SocketTap } from './socket-tap.js'
import { WakeTimer } from './wake-timer.js'

/** What a link is made of. */
export interface LinkOptions<Command, Message, Answer> {
  readonly protocol: Protocol<Command, Message, Answer>
  /** Where it connects, before the protocol has its say. */
  readonly config: Pick<OpenSocketConfig, 'url' | 'headers' | 'subprotocols' | 'prepare'>
  readonly host: string
  readonly settings: SocketSettings
  readonly clock: Clock
  readonly dial: Dial
  readonly http: Http
  readonly budget: DialBudget
  readonly tap: SocketTap | undefined
  readonly httpBounds: HttpBounds
}

/** Whom a link tells. */
export interface LinkEvents<Message, Answer> {
  /** @returns the number of the connection. */
  connecting(): number
  handshake(opening: Opening): void
  /** Commands may come. */
  connect(attempt: number, at: Micros): void
  /** @param bytes of the frame that brought it. */
  message(message: Message, at: Micros, bytes: number): void
  settle(id: string, outcome: Outcome<Answer>): void
  error(error: Error): void
  /** A connection or an attempt is over. */
  disconnect(loss: Loss, at: Micros): void
  waiting(wait: Wait): void
  beat(beat: Beat): void
  failed(error: NetworkError): void
}

/** One resilient socket and the codec that runs on it. */
export class ProtocolLink<Command, Message, Answer> {
  readonly #options: LinkOptions<Command, Message, Answer>
  readonly #events: LinkEvents<Message, Answer>
  readonly #clock: Clock
  readonly #codec: Codec<Command>
  readonly #socket: ResilientSocket
  readonly #calls = new DeferredCalls()
  readonly #preparing: Preparing
  /** Of the frame that is being read. */
  #reading: { readonly at: Micros; readonly bytes: number } | null = null
  /** The attempt under way; null between attempts. */
  #attempt: AbortController | null = null
  #dialled: ((target: CodecTarget) => void) | null = null
  #ready = false
  /** Since the last stable connection, from 1. */
  #number = 0
  #connection = 0
  /** How the codec wants the connection to end. */
  #demand: CloseDemand | null = null
  readonly #timer: WakeTimer
  #leaving = false
  #isTapped = false

  constructor(options: LinkOptions<Command, Message, Answer>, events: LinkEvents<Message, Answer>) {
    const { protocol, clock, settings, host, dial, budget } = options
    this.#options = options
    this.#events = events
    this.#clock = clock
    this.#timer = new WakeTimer(clock, () => this.#calls.run(() => this.#codec.tick(this.#now())))
    this.#preparing = new Preparing(options.config, options)
    this.#codec = protocol.codec({ random: () => clock.random() }, this.#sink())
    this.#socket = new ResilientSocket(
      {
        ...settings,
        target: (signal) => this.#target(signal),
        host,
        dial,
        clock,
        budget,
        judge: (loss) => this.#judge(loss),
      },
      {
        connecting: (attempt) => {
          this.#number = attempt
          this.#connection = events.connecting()
        },
        open: (opening) => this.#opened(opening),
        message: (data, at) => this.#frame(data, at),
        beat: (beat) => events.beat(beat),
        error: (error) => events.error(error),
        close: (loss, at) => this.#disconnected(loss, at),
        waiting: (wait) => events.waiting(wait),
        failed: (error) => events.failed(error),
      },
    )
  }

  /** Whether commands may come. */
  get ready(): boolean {
    return this.#ready
  }

  get stats(): SocketStats {
    return this.#socket.stats
  }

  get bufferedBytes(): number {
    return this.#socket.bufferedBytes
  }

  /** The commands that the codec repeats after a reconnect. */
  get kept(): readonly Command[] {
    return this.#codec.kept
  }

  /** How long the server takes what the connection was prepared with. Milliseconds; null where nothing says so. */
  get validForMs(): number | null {
    return this.#preparing.validForMs
  }

  start(): void {
    this.#socket.start()
  }

  isKept(command: Command): boolean {
    return this.#codec.isKept(command)
  }

  /** @throws {UsageError} `bad_command` of a command that no connection could carry out. */
  check(command: Command): void {
    this.#codec.check?.(command)
  }

  /** @throws {UsageError} where the codec refuses the command. */
  command(command: Command): string | null {
    return this.#calls.run(() => this.#codec.command(command, this.#now()))
  }

  cancel(id: string): void {
    this.#calls.run(() => this.#codec.cancel(id, this.#now()))
  }

  pause(): void {
    this.#timer.pause()
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
    this.#timer.resume()
  }

  reconnect(...given: Parameters<ResilientSocket['reconnect']>): void {
    this.#socket.reconnect(...given)
  }

  /** Final. The codec says goodbye first, where it has a connection. */
  async close(code: number, reason: string): Promise<void> {
    if (this.#leaving) return this.#socket.closed
    this.#leaving = true
    if (this.#ready) {
      this.#calls.run(() => this.#codec.end(this.#now()))
      if (this.#demand === null) await this.#farewell()
    }
    this.#timer.set(null)
    const said = this.#demand
    await this.#socket.close(
      said === null || code !== 1000 ? code : said.code,
      reason || (said?.reason ?? ''),
    )
    this.#untap(this.#clock.now())
    this.#over({ code: null, reason: 'closed', status: null })
  }

  #now(): Micros {
    return this.#clock.steady(this.#clock.now())
  }

  /** Waits until the codec has said goodbye, or may wait no longer. */
  #farewell(): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#clock.after(NETWORK.closeWithinMs, resolve)
      this.#saidGoodbye = () => {
        timer.cancel()
        resolve()
      }
    })
  }
  #saidGoodbye: () => void = () => {}

  // ── What the socket says ────────────────────────────────────────────────────────────────────────────────────────

  /** Asks the codec where to dial. */
  async #target(signal: AbortSignal): Promise<DialAddress> {
    const asked = await this.#preparing.target(signal)
    if (signal.aborted) return asked
    this.#attempt = new AbortController()
    this.#demand = null
    const dialled = new Promise<CodecTarget>((resolve) => {
      this.#dialled = resolve
    })
    this.#calls.run(() => this.#codec.connect(asked, this.#now()))
    return address(await dialled)
  }

  #opened(opening: Opening): void {
    this.#options.tap?.open(this.#connection, opening.url, opening.at)
    this.#isTapped = true
    this.#events.handshake(opening)
    const { status, headers, protocol } = opening.upgrade
    this.#calls.run(() => this.#codec.opened({ status, headers, protocol }, this.#clock.steady(opening.at)))
  }

  #frame(data: string | Uint8Array, at: Micros): void {
    this.#options.tap?.received(
      this.#connection,
      typeof data === 'string' ? frameWithoutSecrets(data) : data,
      at,
    )
    this.#reading = { at, bytes: typeof data === 'string' ? data.length : data.byteLength }
    this.#calls.run(() => this.#codec.frame(data, this.#clock.steady(at)))
    this.#reading = null
  }

  /**
   * What is to be done about a loss: what the codec demanded, else what its protocol says, else what the user says. A user who wants no
   * other connection gets none.
   */
  #judge(loss: Loss): Verdict | null {
    this.#preparing.refused = loss.cause === 'refused' ? loss.status : null
    const said = this.#over({ code: loss.code, reason: loss.reason, status: loss.status })
    const demand = this.#demand ?? said
    if (this.#leaving) {
      this.#saidGoodbye()
      return { retry: 'never' }
    }
    const wish = this.#options.settings.judge?.(loss) ?? null
    return demand !== null && wish?.retry === 'never' ? { ...demand, retry: 'never' } : (demand ?? wish)
  }

  #over(close: Parameters<Codec<Command>['closed']>[0]): Reconnect | null {
    if (this.#attempt === null) return null
    this.#attempt.abort()
    this.#attempt = null
    this.#dialled = null
    this.#timer.set(null)
    return this.#calls.run(() => this.#codec.closed(close, this.#now()))
  }

  #disconnected(loss: Loss, at: Micros): void {
    this.#ready = false
    this.#untap(at)
    this.#events.disconnect(loss, at)
  }

  #untap(at: Micros): void {
    if (this.#isTapped) this.#options.tap?.closed(this.#connection, at)
    this.#isTapped = false
  }

  // ── What the codec says ─────────────────────────────────────────────────────────────────────────────────────────

  #sink(): CodecSink<Message, Answer> {
    const later = (act: () => void) => this.#calls.later(act)
    return {
      dial: (target) => later(() => this.#dialled?.(target)),
      send: (frame) => later(() => this.#send(frame)),
      emit: (message) => {
        const { at, bytes } = this.#reading ?? { at: this.#clock.now(), bytes: 0 }
        later(() => this.#events.message(message, at, bytes))
      },
      settle: (id, outcome) => later(() => this.#events.settle(id, outcome)),
      request: (request) => {
        const attempt = this.#attempt
        later(() => {
          if (attempt !== null) void this.#request(request, attempt)
        })
      },
      ask: (question) => {
        const attempt = this.#attempt
        later(() => {
          if (attempt !== null) void this.#ask(question, attempt)
        })
      },
      wake: (at) => this.#timer.set(at),
      ready: () => later(() => this.#becameReady()),
      error: (error) => later(() => this.#events.error(error)),
      close: (demand) => {
        // What a listener of an earlier message sends now is for the next connection.
        this.#ready = false
        later(() => this.#close(demand))
      },
    }
  }

  #becameReady(): void {
    if (this.#ready || this.#attempt === null) return
    this.#ready = true
    this.#events.connect(this.#number, this.#reading?.at ?? this.#clock.now())
  }

  #send(frame: string | Uint8Array): void {
    if (this.#attempt === null) return
    if (this.#socket.send(frame)) {
      if (typeof frame === 'string') {
        this.#options.tap?.sent(this.#connection, frameWithoutSecrets(frame), this.#clock.now())
      }
      return
    }
    // A connection that is closing takes nothing either; that it is over comes by itself.
    const { maxBufferedBytes = Number.POSITIVE_INFINITY } = this.#options.settings
    if (this.#socket.bufferedBytes + frame.length <= maxBufferedBytes) return
    const error = new NetworkError(
      'send_buffer_full',
      'the protocol sends more than the network takes: the connection is given up',
    )
    this.#socket.reconnect(error.message, { error })
  }

  #close(demand: CloseDemand): void {
    if (this.#attempt === null) return
    this.#demand = demand
    if (this.#leaving) {
      this.#saidGoodbye()
      return
    }
    const { code, reason, planned, afterMs, error } = demand
    this.#socket.reconnect(reason === '' ? (error?.message ?? 'the protocol ended the connection') : reason, {
      planned,
      afterMs,
      error,
      farewell: { code, reason },
    })
  }

  async #request(
    request: Parameters<CodecSink<Message>['request']>[0],
    attempt: AbortController,
  ): Promise<void> {
    const { http, httpBounds } = this.#options
    const answer = await http(request, { ...httpBounds, signal: attempt.signal })
    if (this.#attempt === attempt) this.#calls.run(() => this.#codec.response(answer, this.#now()))
  }

  async #ask({ id, run }: Question, attempt: AbortController): Promise<void> {
    let outcome: Outcome<unknown>
    try {
      outcome = { ok: true, value: await run(attempt.signal) }
    } catch (error) {
      outcome = { ok: false, error: known(error, id) }
    }
    if (this.#attempt === attempt) this.#calls.run(() => this.#codec.answered(id, outcome, this.#now()))
  }
}

/** What a codec wants dialled, as the platform is asked for it. */
function address(target: CodecTarget): DialAddress {
  if (target.transport === 'websocket') return target
  if (target.transport === 'tcp') {
    const host = target.host.includes(':') ? `[${target.host}]` : target.host
    return { url: `${target.tls ? 'tls' : 'tcp'}://${host}:${target.port}` }
  }
  const { method, url, headers = {}, body } = target
  return { url, headers, http: { method, ...(body !== undefined && { body }) } }
}

function known(error: unknown, id: string): TapewireError {
  if (error instanceof TapewireError) return error
  const { message } = (error ?? {}) as { readonly message?: unknown }
  const reason = typeof message === 'string' ? message : String(error)
  return new TapewireError('ask_failed', `the program's function for ${id} failed: ${reason}`, {
    cause: error,
  })
}
