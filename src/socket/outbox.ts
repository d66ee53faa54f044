import { NetworkError, UsageError } from '../errors.js'
import type { Clock, Timer } from '../platform.js'
import type { Outcome } from '../protocols/codec.js'
import { PendingRequest } from './answers.js'
import type { OpenSocketConfig } from './open-options.js'
import { SendQueue } from './send-queue.js'
import type { Succession } from './succession.js'

/** Options of one `send`. */
export interface SendOptions {
  /** How long it may be held while there is no connection, in place of the socket's own time. Milliseconds. */
  readonly expireMs?: number
}

/** Options of one `request`. */
export interface RequestOptions<Message> {
  /** @default the socket's `requestTimeoutMs` */
  readonly timeoutMs?: number
  /** Gives the request up. */
  readonly signal?: AbortSignal
  /** Where the protocol pairs no answers: the first message for which this returns true is the answer. It is emitted as well. */
  readonly answer?: (message: Message) => boolean
}

/** A command that may have to wait for a connection. */
interface Given<Command, Message, Answer> {
  readonly command: Command
  readonly bytes: number
  readonly request: PendingRequest<Answer | Message> | null
}

/** How long after the network took nothing more it is asked again. */
const TRY_AGAIN_MS = 25

/** What is on its way out: what is held for the next connection, and what waits for an answer. */
export class Outbox<Command, Message, Answer> {
  readonly #config: OpenSocketConfig
  readonly #clock: Clock
  readonly #links: Succession<Command, Message, Answer>
  readonly #report: (error: Error) => void
  readonly #held: SendQueue<Given<Command, Message, Answer>>
  /** Requests that the protocol pairs, by the line that they were given to. */
  readonly #paired = new Map<object, Map<string, PendingRequest<Answer | Message>>>()
  /** Requests that the user's own function pairs, with the connection that they were sent on. */
  readonly #matched = new Map<PendingRequest<Answer | Message>, number>()
  #requests = 0
  #refused = 0
  #expired = 0
  #closed = false
  #announcing = false
  #expiry: Timer | null = null
  #retry: Timer | null = null

  constructor(
    config: OpenSocketConfig,
    clock: Clock,
    links: Succession<Command, Message, Answer>,
    report: (error: Error) => void,
  ) {
    const { whileDisconnected: policy } = config
    this.#config = config
    this.#clock = clock
    this.#links = links
    this.#report = report
    this.#held = new SendQueue(
      typeof policy === 'object' ? policy : { maxMessages: 0, maxBytes: 0, expireMs: 0 },
    )
  }

  get stats(): {
    readonly refusedSends: number
    readonly expiredSends: number
    readonly held: number
    readonly requests: number
  } {
    return {
      refusedSends: this.#refused,
      expiredSends: this.#expired,
      held: this.#held.size,
      requests: this.#requests,
    }
  }

  /**
   * @returns whether it was sent, or is held; false where it is dropped.
   * @throws {NetworkError} `not_connected` or `send_buffer_full`, by the policy `fail`.
   */
  send(command: Command, { expireMs }: SendOptions): boolean {
    const refusal = this.#give({ command, bytes: sizeOf(command), request: null }, expireMs)
    if (refusal === null) return true
    this.#refused++
    if (this.#config.whileDisconnected === 'fail') throw refusal
    return false
  }

  /** @returns rejects with what became of it, where there is no answer. */
  request(
    command: Command,
    { timeoutMs = this.#config.requestTimeoutMs, signal, answer }: RequestOptions<Message>,
  ): Promise<Answer | Message> {
    const { maxRequests } = this.#config
    if (this.#requests >= maxRequests) {
      const text = `${maxRequests} requests wait for their answers already (maxRequests)`
      return Promise.reject(new NetworkError('too_many_requests', text))
    }
    const matches = answer === undefined ? null : (answer as (message: never) => boolean)
    const request = new PendingRequest<Answer | Message>(this.#clock, { timeoutMs, signal, matches })
    if (request.isSettled) return request.answer
    const given = { command, bytes: sizeOf(command), request }
    this.#requests++
    request.onSettled = () => {
      this.#requests--
      this.#held.remove(given)
    }
    try {
      const refusal = this.#give(given, timeoutMs)
      if (refusal !== null) {
        this.#refused++
        request.reject(refusal)
      }
    } catch (error) {
      request.reject(error)
    }
    return request.answer
  }

  /** A connection may be used: what was held goes out, after what is sent while this is announced, such as a login. */
  ready(announce: () => void): void {
    this.#announcing = true
    announce()
    this.#announcing = false
    this.#flush()
  }

  /** A message came. */
  message(message: Message, connection: number): void {
    for (const [request, sentOn] of this.#matched) {
      if (sentOn !== connection || request.matches?.(message as never) !== true) continue
      request.resolve(message)
      return
    }
  }

  settle(line: object, id: string, outcome: Outcome<Answer>): void {
    const request = this.#paired.get(line)?.get(id)
    if (request === undefined) {
      if (!outcome.ok) this.#report(outcome.error)
      return
    }
    if (outcome.ok) request.resolve(outcome.value)
    else request.reject(outcome.error)
  }

  /** A connection is over: what was sent on it gets no answer. */
  disconnected(connection: number): void {
    for (const [request, sentOn] of this.#matched) if (sentOn === connection) request.reject(lost())
  }

  /** A line is gone, with its codec. */
  over(line: object): void {
    for (const request of this.#paired.get(line)?.values() ?? []) request.reject(lost())
    this.#paired.delete(line)
  }

  /** Nothing goes out any more. */
  close(): void {
    this.#closed = true
    this.#expiry?.cancel()
    this.#retry?.cancel()
    for (const { request } of this.#held.expired()) request?.reject(closed())
    for (const request of this.#matched.keys()) request.reject(closed())
    for (const requests of this.#paired.values())
      for (const request of requests.values()) request.reject(closed())
  }

  /** @returns why it is not given; null where it is, or is held. */
  #give(given: Given<Command, Message, Answer>, expireMs?: number): NetworkError | null {
    if (this.#closed) return closed()
    if (given.command === null || given.command === undefined) {
      throw new UsageError('bad_command', `a command cannot be ${given.command}`)
    }
    const { link } = this.#links.lead
    if (
      link.isKept(given.command) ||
      ((this.#held.size === 0 || this.#announcing) && this.#takes(given.bytes))
    ) {
      this.#command(given)
      return null
    }
    link.check(given.command)
    if (typeof this.#config.whileDisconnected !== 'object')
      return link.ready ? full(this.#config) : notConnected()
    if (!this.#held.hold(given, given.bytes, this.#clock.monotonic(), expireMs)) return holdFull()
    this.#expireInTime()
    if (link.ready) this.#flushLater()
    return null
  }

  /** Whether the connection takes so much now. */
  #takes(bytes: number): boolean {
    const { link } = this.#links.lead
    const waiting = link.bufferedBytes
    return (
      link.ready &&
      (waiting === 0 || waiting + bytes <= this.#config.maxBufferedBytes) &&
      bytes <= this.#config.maxBufferedBytes
    )
  }

  #command({ command, request }: Given<Command, Message, Answer>): void {
    const { lead } = this.#links
    const id = this.#links.command(command)
    if (request === null) return
    if (request.matches !== null) {
      this.#matched.set(request, lead.connection)
      this.#whenSettled(request, () => this.#matched.delete(request))
      return
    }
    if (id === null) {
      const text = 'nothing answers this: give `answer`, a function that tells the answer among the messages'
      request.reject(new UsageError('no_answer', text))
      return
    }
    const requests = this.#paired.get(lead) ?? new Map<string, PendingRequest<Answer | Message>>()
    this.#paired.set(lead, requests.set(id, request))
    this.#whenSettled(request, () => requests.delete(id))
    request.onCancelled = () => lead.link.cancel(id)
  }

  #whenSettled(request: PendingRequest<Answer | Message>, then: () => void): void {
    const before = request.onSettled
    request.onSettled = () => {
      before()
      then()
    }
  }

  #flush(): void {
    this.#retry?.cancel()
    this.#retry = null
    for (let next = this.#held.first; next !== undefined && !this.#closed; next = this.#held.first) {
      if (!this.#takes(next.bytes)) {
        if (this.#links.lead.link.ready) this.#flushLater()
        return
      }
      this.#held.remove(next)
      try {
        this.#command(next)
      } catch (error) {
        this.#refused++
        if (next.request === null) this.#report(error instanceof Error ? error : new Error(String(error)))
        else next.request.reject(error)
      }
    }
  }

  #flushLater(): void {
    this.#retry ??= this.#clock.after(TRY_AGAIN_MS, () => {
      this.#retry = null
      this.#flush()
    })
  }

  #expireInTime(): void {
    this.#expiry?.cancel()
    const at = this.#held.nextExpiry
    if (at === null) return
    this.#expiry = this.#clock.after(Math.max(0, (at - this.#clock.monotonic()) / 1000), () => {
      const expired = this.#held.expired(this.#clock.monotonic())
      const silent = expired.filter(({ request }) => request === null).length
      for (const { request } of expired) request?.reject(notConnected())
      this.#expired += expired.length
      this.#expireInTime()
      if (silent === 0) return
      const text = `${silent} messages were not sent: there was no connection before they expired`
      this.#report(new NetworkError('send_expired', text))
    })
  }
}

/** Bytes, as far as it can be told without encoding it. */
function sizeOf(command: unknown): number {
  if (typeof command === 'string') return command.length
  if (command instanceof Uint8Array) return command.byteLength
  let bytes = 0
  const replace = function (this: Readonly<Record<string, unknown>>, key: string, value: unknown) {
    // Not `value`: a Buffer has been made an array of numbers in it.
    const part = this[key]
    if (typeof part === 'bigint') return String(part)
    if (!ArrayBuffer.isView(part) && !(part instanceof ArrayBuffer)) return value
    bytes += part.byteLength
    return null
  }
  try {
    return (JSON.stringify(command, replace)?.length ?? 0) + bytes
  } catch {
    // It refers to itself: what is wrong with it is for the protocol to say.
    return bytes
  }
}

function notConnected(): NetworkError {
  return new NetworkError('not_connected', 'there is no connection')
}

function full({ maxBufferedBytes }: OpenSocketConfig): NetworkError {
  const text = `the network does not take what is sent: more than ${maxBufferedBytes} bytes would wait (maxBufferedBytes)`
  return new NetworkError('send_buffer_full', text)
}

function holdFull(): NetworkError {
  return new NetworkError('send_buffer_full', 'no more messages can be held until there is a connection')
}

function lost(): NetworkError {
  return new NetworkError('connection_lost', 'the connection ended before the answer came')
}

function closed(): NetworkError {
  return new NetworkError('socket_closed', 'the socket is closed', { retryable: false })
}
