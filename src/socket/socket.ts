/// <reference lib="esnext.disposable" preserve="true" />
import { NetworkError } from '../errors.js'
import type { Clock, Platform } from '../platform.js'
import type { Protocol } from '../protocols/codec.js'
import { dialBudget } from './dial-budget.js'
import { EVENTS, type SocketEvents, type SocketMessage } from './event-types.js'
import { Gate } from './gate.js'
import { KeySilence, type KeyWatch } from './key-silence.js'
import { linkSettings } from './link-settings.js'
import { Listeners } from './listeners.js'
import type { Loss } from './loss.js'
import type { OpenSocketConfig, OpenSocketOptions } from './open-options.js'
import { Outbox, type RequestOptions, type SendOptions } from './outbox.js'
import { Readers } from './readers.js'
import type { SocketState } from './socket-state.js'
import { Succession, type SuccessionEvents } from './succession.js'

/** Counters since the start, and what is now. */
export interface OpenSocketStats {
  readonly state: SocketState
  /** Attempts to connect. */
  readonly attempts: number
  /** Connections that emitted `connect`. */
  readonly connects: number
  readonly messages: number
  /** Sends that were refused: no connection, or too much waits for the network. */
  readonly refusedSends: number
  /** Messages that expired while they were held. */
  readonly expiredSends: number
  /** Messages that were dropped because nobody read them in time. */
  readonly droppedMessages: number
  /** Messages that are held for the next connection. */
  readonly held: number
  /** Requests that wait for their answer. */
  readonly requests: number
  /** Bytes that wait for the network. */
  readonly bufferedBytes: number
  /** Connections and attempts that ended, by cause. */
  readonly lost: Readonly<Partial<Record<Loss['cause'], number>>>
}

/**
 * A WebSocket that stays open, and the protocol that runs on it. Made by `openSocket`.
 *
 * Nothing that the network does is thrown: it is emitted. `send` and `request` say what became of what they were given.
 */
export class Socket<Command, Message, Answer>
  implements AsyncIterable<SocketMessage<Message>>, AsyncDisposable
{
  readonly #config: OpenSocketConfig
  readonly #clock: Clock
  readonly #listeners = new Listeners<SocketEvents<Message>>(EVENTS)
  readonly #readers: Readers<SocketMessage<Message>>
  readonly #links: Succession<Command, Message, Answer>
  readonly #outbox: Outbox<Command, Message, Answer>
  readonly #keyWatch: KeyWatch<Message> | null
  readonly #keys: KeySilence | null
  readonly #counted = { attempts: 0, connects: 0, messages: 0, droppedMessages: 0 }
  readonly #lost: Partial<Record<Loss['cause'], number>> = {}
  readonly #over = new Gate()
  #waiting: { resolve(): void; reject(error: Error): void }[] = []
  #closing: Promise<void> | null = null
  #isClosed = false
  #failure: NetworkError | null = null
  #pausedByUser = false
  #readerIsBehind = false
  #paused = false

  /** @internal */
  constructor(
    config: OpenSocketConfig,
    options: Pick<OpenSocketOptions<Command, Message, Answer>, 'on' | 'watchdog'>,
    protocol: Protocol<Command, Message, Answer>,
    { clock, dial, http }: Pick<Platform, 'clock' | 'dial' | 'http'>,
  ) {
    this.#config = config
    this.#clock = clock
    const listen = <Name extends keyof SocketEvents>(name: Name) => {
      const listener = options.on?.[name]
      if (listener !== undefined) this.#listeners.add(name, listener)
    }
    for (const name of EVENTS) listen(name)
    this.#readers = new Readers(config.queue, {
      behind: (isBehind) => {
        this.#readerIsBehind = isBehind
        this.#holdBack()
      },
      dropped: () => {
        this.#counted.droppedMessages++
      },
    })
    if (this.#listeners.has('message')) this.#readers.listened()
    this.#keyWatch = options.watchdog?.keys ?? null
    this.#keys = this.#keyWatch === null ? null : this.#watchKeys(this.#keyWatch)
    const { connectTimeoutMs, maxFrameBytes } = config
    this.#links = new Succession(
      {
        protocol,
        config,
        host: new URL(config.url).host,
        settings: linkSettings(config),
        clock,
        dial,
        http,
        budget: dialBudget(clock),
        tap: config.tap,
        httpBounds: { timeoutMs: connectTimeoutMs, maxBytes: maxFrameBytes },
      },
      config.rotate,
      this.#linkEvents(),
    )
    this.#outbox = new Outbox(config, clock, this.#links, (error) => this.#listeners.emit('error', error))
    const { signal } = config
    signal?.addEventListener('abort', this.#abort, { once: true })
    if (signal?.aborted === true) void this.close()
    else this.#links.start()
  }

  get state(): SocketState {
    if (this.#isClosed) return 'closed'
    if (this.#closing !== null) return 'closing'
    const { link } = this.#links.lead
    const { state } = link.stats
    if (state === 'idle' || state === 'closed' || (state === 'open' && !link.ready)) return 'connecting'
    return state
  }

  get stats(): OpenSocketStats {
    const { bufferedBytes } = this.#links.lead.link
    return {
      state: this.state,
      ...this.#counted,
      ...this.#outbox.stats,
      bufferedBytes,
      lost: { ...this.#lost },
    }
  }

  /** Resolves when the socket is closed for good and has let go of everything: after `close()`, or when it gave up. */
  get closed(): Promise<void> {
    return this.#over.opened
  }

  /**
   * Calls the listener at each event, in the order of registration. One that throws is reported as uncaught, and the socket goes on.
   *
   * @returns a function that removes it.
   * @throws {UsageError} `bad_option` for an event that there is none of.
   */
  on<Name extends keyof SocketEvents>(
    name: Name,
    listener: (event: SocketEvents<Message>[Name]) => void,
  ): () => void {
    const remove = this.#listeners.add(name, listener)
    if (name === 'message') this.#readers.listened()
    return remove
  }

  /** Removes a listener. */
  off<Name extends keyof SocketEvents>(
    name: Name,
    listener: (event: SocketEvents<Message>[Name]) => void,
  ): void {
    this.#listeners.remove(name, listener)
  }

  /** Resolves when the connection may be used, at once where it may be already; rejects where the socket ends before. */
  ready(): Promise<void> {
    if (this.#closing !== null) return Promise.reject(this.#endedWith())
    if (this.#links.lead.link.ready) return Promise.resolve()
    return new Promise((resolve, reject) => void this.#waiting.push({ resolve, reject }))
  }

  /**
   * Sends a frame, or with a protocol a command.
   *
   * @returns whether it was given to the network, or is held for the next connection; false where it was dropped.
   * @throws {NetworkError} `not_connected` or `send_buffer_full`, where `whileDisconnected` is `fail`.
   * @throws {UsageError} where the protocol takes no such command.
   */
  send(command: Command, options: SendOptions = {}): boolean {
    return this.#outbox.send(command, options)
  }

  /**
   * Sends a frame or command and waits for its answer: the one that the protocol pairs, or the first message that `answer` takes.
   *
   * @returns rejects with `request_timeout`, `connection_lost` (before the answer), `not_connected`, `send_buffer_full`,
   * `too_many_requests`, `socket_closed`, what the other side answered as an error, or the reason of the signal.
   */
  request(
    command: Command,
    options: RequestOptions<Message> & { readonly answer: (message: Message) => boolean },
  ): Promise<Message>
  request(command: Command, options?: RequestOptions<Message>): Promise<Answer>
  request(command: Command, options: RequestOptions<Message> = {}): Promise<Answer | Message> {
    return this.#outbox.request(command, options)
  }

  /** Stops reading, so that the network holds the other side back; kept over reconnects. The watchdog rests meanwhile. */
  pause(): void {
    this.#pausedByUser = true
    this.#holdBack()
  }

  resume(): void {
    this.#pausedByUser = false
    this.#holdBack()
  }

  /** Gives the present connection up for a new one. */
  reconnect(reason = 'the program asked for a new connection'): void {
    this.#links.lead.link.reconnect(reason)
  }

  /** Opens a new connection first, and gives the present one up when that may be used. */
  replace(): void {
    this.#links.replace()
  }

  /** Final: from this call on nothing is emitted. Each iteration gets what waits for it, and ends. */
  close(code = 1000, reason = ''): Promise<void> {
    this.#closing ??= this.#end(code, reason)
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /**
   * Messages as they come, each reader by itself. The first reader gets what came before it. Leaving the loop leaves the socket open.
   * It throws `gave_up` where the socket did.
   */
  [Symbol.asyncIterator](): AsyncIterator<SocketMessage<Message>, undefined> {
    return this.#readers.iterate()
  }

  readonly #abort = (): void => void this.close()

  async #end(code: number, reason: string): Promise<void> {
    const { signal } = this.#config
    signal?.removeEventListener('abort', this.#abort)
    this.#listeners.clear()
    this.#keys?.stop()
    this.#readers.end(this.#failure)
    const waiting = this.#waiting
    this.#waiting = []
    // Not before `#closing` is set.
    await null
    this.#outbox.close()
    for (const { reject } of waiting) reject(this.#endedWith())
    await this.#links.close(code, reason)
    this.#isClosed = true
    this.#over.open()
  }

  #endedWith(): NetworkError {
    return this.#failure ?? new NetworkError('socket_closed', 'the socket is closed', { retryable: false })
  }

  #linkEvents(): SuccessionEvents<Message, Answer> {
    return {
      attempt: () => {
        this.#counted.attempts++
      },
      handshake: (connection, { attempt, at, url, upgrade }) =>
        this.#listeners.emit('handshake', { connection, attempt, at, url, ...upgrade }),
      connect: (connection, attempt, at, replaces) => {
        this.#counted.connects++
        this.#keys?.start(this.#keyWatch?.expect ?? [])
        this.#outbox.ready(() => this.#listeners.emit('connect', { connection, attempt, at, replaces }))
        const waiting = this.#waiting
        this.#waiting = []
        for (const { resolve } of waiting) resolve()
      },
      message: (connection, data, at, bytes) => this.#message(connection, data, at, bytes),
      settle: (line, id, outcome) => this.#outbox.settle(line, id, outcome),
      error: (error) => this.#listeners.emit('error', error),
      lost: (loss) => {
        this.#lost[loss.cause] = (this.#lost[loss.cause] ?? 0) + 1
      },
      disconnect: (connection, loss, at, replaced) => {
        if (!replaced) this.#keys?.stop()
        this.#outbox.disconnected(connection)
        this.#listeners.emit('disconnect', { ...loss, connection, at, replaced })
      },
      over: (line) => this.#outbox.over(line),
      waiting: (wait) => this.#listeners.emit('waiting', wait),
      beat: (connection, beat) => {
        const afterMs = beat.kind === 'sent' ? null : beat.afterMicros / 1000
        this.#listeners.emit('heartbeat', { connection, kind: beat.kind, afterMs })
      },
      failed: (error, loss) => this.#gaveUp(error, loss),
    }
  }

  #message(connection: number, data: Message, at: number, bytes: number): void {
    if (this.#closing !== null) return
    this.#counted.messages++
    const message = { data, at, connection }
    this.#outbox.message(data, connection)
    if (this.#keyWatch !== null) {
      const key = this.#keyWatch.of(data)
      if (key !== null) this.#keys?.heard(key)
    }
    this.#listeners.emit('message', message)
    this.#readers.push(message, bytes)
  }

  /** Where nobody wanted another connection, a polite end is no failure. */
  #gaveUp(error: NetworkError, loss: Loss | null): void {
    const isPolite = loss !== null && loss.error === null && loss.cause === 'closed'
    if (this.#config.reconnect === false && isPolite) {
      void this.close()
      return
    }
    this.#failure = error
    this.#listeners.emit('error', error)
    void this.close()
  }

  #watchKeys({ silentAfterMs, maxKeys = 10_000, onSilence = 'report' }: KeyWatch<Message>): KeySilence {
    return new KeySilence(this.#clock, silentAfterMs, maxKeys, (silent) => {
      const { connection } = this.#links.lead
      for (const key of silent) this.#listeners.emit('silent', { connection, key, silentAfterMs })
      if (onSilence === 'reconnect')
        this.reconnect(`nothing came for ${silent.slice(0, 10).join(', ')} in ${silentAfterMs} ms`)
    })
  }

  #holdBack(): void {
    const paused = this.#pausedByUser || this.#readerIsBehind
    if (paused === this.#paused) return
    this.#paused = paused
    if (this.#keys !== null) this.#keys.paused = paused
    if (paused) this.#links.pause()
    else this.#links.resume()
  }
}
