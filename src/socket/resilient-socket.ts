/// <reference lib="esnext.disposable" preserve="true" />
import pRetry from 'p-retry'
import { NetworkError, UsageError } from '../errors.js'
import type { Clock, DialEvents, DialedSocket, Timer } from '../platform.js'
import { keepSecretsOf } from '../secrets.js'
import { shown, shownUrl } from '../shown.js'
import { backoffMs } from './backoff.js'
import { Connection } from './connection.js'
import { Gate } from './gate.js'
import { heldMeanwhile, type Loss, lateTarget, lossOfClose, lossOfError, NOTHING_KNOWN } from './loss.js'
import { cappedHold } from './retry-after.js'
import { type Opening, type SocketHandlers, type SocketStats, socketHandlers } from './socket-events.js'
import {
  type ResilientSocketOptions,
  type SocketConfig,
  socketConfig,
  type Verdict,
} from './socket-options.js'
import { type SocketState, SocketStateMachine } from './socket-state.js'

export type { Loss } from './loss.js'
export type { Opening, SocketHandlers, SocketStats, Wait } from './socket-events.js'
export type { ResilientSocketOptions, SocketSettings, TargetSource } from './socket-options.js'
export type { SocketState } from './socket-state.js'

/** A polite close may take a second; a socket that has not said after two that it is gone is not waited for. */
const GONE_WITHIN_MS = 2_000

/**
 * A WebSocket that stays: it connects, notices a dead connection, and connects again for as long as it is not closed.
 *
 * It knows no `ws` and no clock but those it is given, so it runs the same on a virtual network. The dial loop is p-retry's,
 * but every wait is on the given clock. Nothing is thrown at the user but a wrong option; what goes wrong is told to the
 * handlers. A frame that could not be sent is not kept for the next connection, where it would mean something else.
 */
export class ResilientSocket implements AsyncDisposable {
  readonly #config: SocketConfig
  readonly #clock: Clock
  readonly #host: string
  readonly #on: SocketHandlers
  readonly #machine: SocketStateMachine
  readonly #ending = new AbortController()
  readonly #closed = new Gate()
  /** Sockets that are no longer ours to use and have not said yet that they are gone. */
  readonly #leaving = new Map<Connection, DialedSocket>()
  readonly #stats = { attempts: 0, opened: 0, frames: 0, refusedSends: 0 }
  readonly #lost: Partial<Record<Loss['cause'], number>> = {}
  #started = false
  #connection: Connection | null = null
  /** Attempts in a row that failed or ended before they were stable. */
  #failures = 0
  /** The wait before the next attempt. */
  #rest = new Gate()
  #alarm: Timer | null = null
  #paused = false

  /** @throws {UsageError} `bad_option`, naming field and value. */
  constructor(options: ResilientSocketOptions, handlers: SocketHandlers = {}) {
    this.#config = socketConfig(options)
    this.#clock = this.#config.clock
    this.#host = this.#config.host
    this.#on = socketHandlers(handlers)
    this.#machine = new SocketStateMachine(this.#config.strict)
    const { signal } = this.#config
    if (signal?.aborted === true) void this.close()
    else signal?.addEventListener('abort', this.#abort, { once: true })
  }

  get state(): SocketState {
    return this.#machine.state
  }

  get stats(): SocketStats {
    const { state, illegal } = this.#machine
    return { ...this.#stats, state, lost: { ...this.#lost }, illegalTransitions: illegal }
  }

  /** Bytes given to `send` that the network has not taken yet. */
  get bufferedBytes(): number {
    return this.#connection?.socket?.bufferedBytes ?? 0
  }

  /** Resolves when the socket is closed for good and has let go of everything: after `close()`, or when it gave up. */
  get closed(): Promise<void> {
    return this.#closed.opened
  }

  /** Begins to connect. Only the first call does. */
  start(): void {
    if (this.#started || this.#ending.signal.aborted) return
    this.#started = true
    void this.#run()
  }

  /**
   * Sends a text frame, or a binary one.
   *
   * @returns false, and the frame is dropped, where the socket is not open or `maxBufferedBytes` would be exceeded.
   */
  send(data: string | Uint8Array): boolean {
    const socket = this.state === 'open' ? (this.#connection?.socket ?? null) : null
    const fits = socket !== null && socket.bufferedBytes + data.length <= this.#config.maxBufferedBytes
    if (fits && socket.send(data)) return true
    this.#stats.refusedSends++
    return false
  }

  /**
   * Stops reading, so that the network holds the venue back; kept over reconnects. The watchdog rests meanwhile: who does not
   * listen cannot tell silence.
   */
  pause(): void {
    this.#paused = true
    if (this.#connection !== null) this.#connection.paused = true
  }

  resume(): void {
    this.#paused = false
    if (this.#connection !== null) this.#connection.paused = false
  }

  /**
   * Gives up the present connection, or attempt, for a new one. Does nothing while a new one is on its way already.
   *
   * @param options `planned`: the venue announced it, it is no failure. `afterMs`: the least wait before the next attempt. `farewell`:
   * the close frame that the other side gets.
   */
  reconnect(
    reason: string,
    options: {
      readonly planned?: boolean | undefined
      readonly afterMs?: number | undefined
      readonly farewell?: Farewell | undefined
      readonly error?: Error | undefined
    } = {},
  ): void {
    if (this.#connection === null) return
    this.#lose(
      this.#connection,
      {
        ...this.#connection.about,
        ...NOTHING_KNOWN,
        cause: 'asked',
        planned: options.planned ?? false,
        reason: shown(reason),
        holdMs: options.afterMs ?? null,
        error: options.error ?? null,
      },
      this.#clock.now(),
      options.farewell,
    )
  }

  /** The venue announced that it may end the present connection: when that comes, it is planned and counts as no failure. */
  expectEnd(): void {
    if (this.#connection !== null) this.#connection.endAnnounced = true
  }

  /**
   * Final: from this call on no handler is called. Resolves when the connection, its timers and its sockets are gone, which
   * takes a second where the venue does not answer the close frame.
   */
  close(code = 1000, reason = ''): Promise<void> {
    if (!this.#ending.signal.aborted) this.#end(code, reason)
    return this.#closed.opened
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  // ── The dial loop ───────────────────────────────────────────────────────────────────────────────────────────────

  /** One call of `#connect` is one connection from the attempt to its end, which is p-retry's reason for the next. */
  async #run(): Promise<void> {
    try {
      await pRetry(() => this.#connect(), {
        retries: Number.POSITIVE_INFINITY,
        minTimeout: 0,
        maxTimeout: 0,
        onFailedAttempt: ({ error }) => (error instanceof ConnectionOver ? this.#rest.opened : undefined),
        shouldRetry: ({ error }) => error instanceof ConnectionOver && !this.#ending.signal.aborted,
      })
    } catch (error) {
      if (!(error instanceof ConnectionOver)) throw error
    }
  }

  async #connect(): Promise<void> {
    if (!(await this.#permitted())) return
    const connection = new Connection(this.#clock, this.#failures + 1)
    connection.paused = this.#paused
    this.#connection = connection
    this.#stats.attempts++
    this.#machine.go('connecting')
    this.#tell(() => this.#on.connecting?.(connection.attempt))
    void this.#dial(connection)
    await connection.over.opened
    throw new ConnectionOver()
  }

  /** Waits for the budget. @returns false where the socket was closed meanwhile. */
  async #permitted(): Promise<boolean> {
    const { budget, connectsPerMinute } = this.#config
    const { signal } = this.#ending
    if (budget === undefined || signal.aborted) return !signal.aborted
    const delayMs = budget.delayMs(this.#host, connectsPerMinute)
    if (delayMs > 0) {
      if (this.state === 'idle') this.#machine.go('waiting')
      const reason = `${this.#host} is dialled no more than ${connectsPerMinute} times a minute`
      this.#tell(() => this.#on.waiting?.({ for: 'budget', delayMs, attempt: this.#failures + 1, reason }))
    }
    try {
      await budget.acquire(this.#host, connectsPerMinute, signal)
    } catch (error) {
      if (!signal.aborted) throw error
    }
    return !signal.aborted
  }

  async #dial(connection: Connection): Promise<void> {
    const { target: wanted, dial, connectTimeoutMs, maxFrameBytes, budget } = this.#config
    if (this.#connection !== connection) return
    try {
      let target = wanted
      if (typeof target === 'function') {
        connection.expectTarget(connectTimeoutMs, () =>
          this.#lose(connection, lateTarget(connectTimeoutMs, connection.about)),
        )
        target = await target(connection.signal)
        keepSecretsOf({ target }, Number.POSITIVE_INFINITY)
        if (this.#connection === connection && budget?.holds(this.#host) === true)
          this.#lose(connection, heldMeanwhile(this.#host, connection.about))
      }
      if (this.#connection !== connection) return
      const { url, headers = {}, protocols = [], http } = target
      connection.dialled(
        dial(
          {
            url,
            headers,
            protocols,
            ...(http !== undefined && { http }),
            timeoutMs: connectTimeoutMs,
            maxFrameBytes,
          },
          this.#events(connection, shownUrl(url)),
        ),
      )
    } catch (error) {
      this.#lose(connection, lossOfError(error, connection.about))
    }
  }

  #events(connection: Connection, url: string): DialEvents {
    return {
      opened: (upgrade, at) => {
        if (this.#connection === connection)
          this.#opened(connection, { attempt: connection.attempt, at, url, upgrade })
      },
      message: (data, at) => {
        if (this.#connection !== connection) return
        this.#stats.frames++
        // Not through #tell: this is the hot path, and a closure for each frame is a price.
        try {
          const { life } = this.#config
          connection.heard(data, typeof life !== 'function' || life(data))
          this.#on.message?.(data, at)
        } catch (error) {
          report(error)
        }
      },
      control: (kind, at) => {
        if (this.#connection !== connection) return
        connection.controlled(kind, this.#config.life === 'any')
        this.#tell(() => this.#on.control?.(kind, at))
      },
      closed: (close, at) => {
        connection.gone()
        if (this.#leaving.delete(connection)) this.#finish()
        else this.#lose(connection, lossOfClose(close, connection.about), at)
      },
    }
  }

  #opened(connection: Connection, opening: Opening): void {
    const { silentAfterMs, ping, budget } = this.#config
    budget?.accepted(this.#host)
    this.#machine.go('open')
    this.#stats.opened++
    connection.opened(this.#config, {
      stable: () => {
        this.#failures = 0
      },
      silent: () => this.#dead(connection, 'silent', `the venue sent nothing for ${silentAfterMs} ms`),
      beat: (beat) => this.#tell(() => this.#on.beat?.(beat)),
      unanswered: () =>
        this.#dead(connection, 'unanswered', `a ping was not answered within ${ping?.answerWithinMs} ms`),
    })
    this.#tell(() => this.#on.upgrade?.(opening.upgrade, opening.at))
    if (this.#connection === connection) this.#tell(() => this.#on.open?.(opening))
  }

  // ── The end of a connection ─────────────────────────────────────────────────────────────────────────────────────

  #dead(connection: Connection, cause: 'silent' | 'unanswered', reason: string): void {
    const error = new NetworkError(`connection_${cause}`, reason)
    this.#lose(connection, { ...connection.about, ...NOTHING_KNOWN, planned: false, cause, reason, error })
  }

  #lose(
    connection: Connection,
    found: Loss,
    at = this.#clock.now(),
    farewell: Farewell | null = found.cause === 'asked' ? { code: 1000, reason: '' } : null,
  ): void {
    if (this.#connection !== connection) return
    const restarts = found.code !== null && this.#config.plannedCodes.includes(found.code)
    const known = connection.endAnnounced || restarts ? { ...found, planned: true } : found
    this.#release(connection, farewell)
    const verdict = this.#judged(known)
    const loss = {
      ...known,
      planned: verdict?.planned ?? known.planned,
      holdMs: verdict?.afterMs ?? known.holdMs,
      error: verdict?.error ?? known.error,
    }
    const { error } = loss
    if (!loss.planned) this.#failures++
    this.#lost[loss.cause] = (this.#lost[loss.cause] ?? 0) + 1
    this.#rest = new Gate()
    this.#machine.go('waiting')
    if (error !== null) this.#tell(() => this.#on.error?.(error))
    this.#tell(() => this.#on.close?.(loss, at))
    if (this.#ending.signal.aborted) return
    const retry = verdict?.retry ?? 'backoff'
    if (retry === 'never' || this.#isFinal(loss)) this.#giveUp(loss)
    else this.#wait(loss, retry === 'now' && this.#failures <= 1)
  }

  #judged(loss: Loss): Verdict | null {
    try {
      return this.#ending.signal.aborted ? null : this.#config.judge(loss)
    } catch (error) {
      report(error)
      return null
    }
  }

  /** A wrong target does not become right by waiting. */
  #isFinal(loss: Loss): boolean {
    return this.#failures >= this.#config.maxAttempts || loss.error instanceof UsageError
  }

  /**
   * The hold (a Retry-After, or what the caller asked for) is the least, and the jittered backoff comes on top: a hundred
   * sockets that were told the same moment must not come back in the same moment.
   */
  #wait(loss: Loss, atOnce: boolean): void {
    const { backoff, budget, maxHoldMs, refusedForMs } = this.#config
    const tooMany = loss.cause === 'refused' && loss.status === 429
    const askedMs = loss.holdMs ?? (tooMany ? refusedForMs : 0)
    const holdMs = Math.min(askedMs, maxHoldMs)
    if (tooMany) budget?.refused(this.#host)
    if (loss.cause === 'refused' && holdMs > 0) budget?.hold(this.#host, holdMs)
    const failures = loss.planned ? 1 : this.#failures
    const delayMs = holdMs + (atOnce ? 0 : backoffMs(backoff, failures, this.#clock.random()))
    const rest = this.#rest
    this.#alarm = this.#clock.after(delayMs, () => rest.open())
    const reason = `${loss.reason}${cappedHold(askedMs, maxHoldMs)}`
    const wait = { delayMs, attempt: this.#failures + 1, reason }
    this.#tell(() => this.#on.waiting?.({ for: 'backoff', ...wait }))
  }

  #giveUp(loss: Loss): void {
    const times = loss.attempt === 1 ? 'the first attempt' : `${loss.attempt} attempts`
    const error = new NetworkError('gave_up', `gave up after ${times}: ${loss.reason}`, {
      cause: loss.error ?? undefined,
      retryable: false,
    })
    this.#tell(() => this.#on.failed?.(error))
    if (!this.#ending.signal.aborted) this.#end(1000, '')
  }

  /** Lets go of the connection; its socket leaves politely, or is cut where nothing can be expected of the other side. */
  #release(connection: Connection, farewell: Farewell | null): void {
    const { socket } = connection
    this.#connection = null
    connection.end()
    if (socket === null) return
    this.#leaving.set(connection, socket)
    if (farewell === null) socket.terminate()
    else socket.close(farewell.code, farewell.reason)
  }

  readonly #abort = (): void => void this.close()

  #end(code: number, reason: string): void {
    this.#ending.abort()
    this.#config.signal?.removeEventListener('abort', this.#abort)
    this.#alarm?.cancel()
    this.#rest.open()
    for (const socket of this.#leaving.values()) socket.terminate()
    if (this.#connection !== null) this.#release(this.#connection, { code, reason })
    if (this.#leaving.size > 0) {
      this.#machine.go('closing')
      this.#alarm = this.#clock.after(GONE_WITHIN_MS, () => {
        this.#leaving.clear()
        this.#finish()
      })
    }
    this.#finish()
  }

  #finish(): void {
    if (!this.#ending.signal.aborted || this.#leaving.size > 0 || this.state === 'closed') return
    this.#alarm?.cancel()
    this.#machine.go('closed')
    this.#closed.open()
  }

  #tell(handler: () => void): void {
    if (this.#ending.signal.aborted) return
    try {
      handler()
    } catch (error) {
      report(error)
    }
  }
}

/** What a handler throws is its owner's defect: it is reported as uncaught, and the socket goes on. */
function report(error: unknown): void {
  queueMicrotask(() => {
    throw error
  })
}

/** The close frame that the other side gets. */
export interface Farewell {
  readonly code: number
  readonly reason: string
}

/** Tells p-retry that a connection is over, for whatever reason. */
class ConnectionOver extends Error {}
