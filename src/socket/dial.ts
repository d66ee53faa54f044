import type { ClientRequest } from 'node:http'
import { WebSocket } from 'ws'
import type { Micros } from '../../schemas/events.js'
import { NetworkError, UsageError } from '../errors.js'
import type { Clock, Dial, DialClose, DialEvents, DialedSocket, DialTarget, Timer } from '../platform.js'
import { shownUrl } from '../shown.js'
import { type Exit, egress } from './egress.js'
import { connectFailure, frameBreach, lostConnection } from './failure.js'
import type {
  CompressionOptions,
  CreateWebSocket,
  EgressOptions,
  HandshakeAnswer,
  NodeWebSocket,
} from './network-options.js'
import { retryAfterMs } from './retry-after.js'

/** Options of `nodeDial`. */
export interface NodeDialOptions extends EgressOptions {
  readonly clock: Clock
  /**
   * Offers compression to the venue. It costs memory and time for each connection and saves bandwidth only; `maxFrameBytes`
   * bounds what a frame unpacks to. @default false
   */
  readonly perMessageDeflate?: boolean | CompressionOptions | undefined
  /** Makes the WebSocket, in place of `ws`'s own class: anything with its interface. */
  readonly createWebSocket?: CreateWebSocket | undefined
}

/** How long the other side may take to answer a close frame, or to hang up after its own. */
const CLOSE_WITHIN_MS = 1_000
const NO_CODE = 1005
const CUT = 1006
/** RFC 6455 §5.5: a control frame carries at most 125 bytes, two of them the code. */
const LONGEST_REASON_BYTES = 123

/**
 * Dials with `ws` on Node.
 *
 * The deadline covers everything from the name lookup through the proxy and TLS to the upgrade (`ws`'s own begins only once
 * there is a connection, and never fires behind an agent). Nothing is left behind after `closed`.
 *
 * @throws {UsageError} `bad_option` for a proxy that is no proxy URL.
 */
export function nodeDial(options: NodeDialOptions): Dial {
  const wayOut = egress(options)
  const create: CreateWebSocket =
    options.createWebSocket ?? ((url, protocols, settings) => new WebSocket(url, protocols, settings))

  return (target, events) => {
    const cut = new AbortController()
    const attempt = new Attempt(options.clock, target, events, cut)
    try {
      const url = new URL(checkedUrl(target.url))
      const exit = wayOut(url, { signal: cut.signal, timeoutMs: target.timeoutMs })
      const settings = {
        ...exit.options,
        headers: { ...target.headers },
        perMessageDeflate: options.perMessageDeflate ?? false,
        maxPayload: target.maxFrameBytes,
        closeTimeout: CLOSE_WITHIN_MS,
        finishRequest(request: ClientRequest) {
          exit.watch(request)
          request.end()
        },
      }
      const socket = create(url.href, [...(target.protocols ?? [])], settings)
      attempt.follow(socket, exit)
    } catch (error) {
      attempt.fail(error)
    }
    return attempt
  }
}

/** A URL that `ws` takes. The URL of a target may hold a token, so that no error shows it whole. */
function checkedUrl(url: string): string {
  if (URL.canParse(url) && /^wss?:$/.test(new URL(url).protocol)) return url
  throw new UsageError(
    'bad_target',
    `${shownUrl(url)} is no WebSocket URL; it must begin with ws:// or wss://`,
  )
}

/** One attempt, from the call of `dial` to its `closed`. */
class Attempt implements DialedSocket {
  readonly #clock: Clock
  readonly #target: DialTarget
  readonly #events: DialEvents
  readonly #cut: AbortController
  #socket: NodeWebSocket | null = null
  #exit: Exit | null = null
  #timer: Timer | null = null
  #paused = false
  #isOpen = false
  #terminated = false
  #closed = false
  #refused: DialClose['refused'] = null
  #breach: number | null = null
  #error: Error | null = null

  constructor(clock: Clock, target: DialTarget, events: DialEvents, cut: AbortController) {
    this.#clock = clock
    this.#target = target
    this.#events = events
    this.#cut = cut
  }

  follow(socket: NodeWebSocket, exit: Exit): void {
    this.#socket = socket
    this.#exit = exit
    this.#timer = this.#clock.after(this.#target.timeoutMs, () => {
      this.#fail(
        new NetworkError(
          'connect_timeout',
          `${shownUrl(this.#target.url)} was not open within ${this.#target.timeoutMs} ms`,
          { context: { url: shownUrl(this.#target.url) } },
        ),
      )
    })
    let answer: HandshakeAnswer | null = null
    socket.on('upgrade', (response) => {
      answer = response
    })
    socket.on('open', () => this.#opened(socket, answer, this.#clock.now()))
    socket.on('message', (data, isBinary) => {
      const at = this.#clock.now()
      if (this.#terminated) return
      const bytes = asBuffer(data)
      this.#events.message(isBinary ? bytes : bytes.toString('utf8'), at)
    })
    socket.on('ping', () => this.#control('ping', this.#clock.now()))
    socket.on('pong', () => this.#control('pong', this.#clock.now()))
    socket.on('unexpected-response', (_request, response) => this.#answered(response))
    socket.on('error', (error) => this.#failed(error))
    socket.on('close', (code, reason) =>
      this.#ended(code, asBuffer(reason).toString('utf8'), this.#clock.now()),
    )
  }

  /** The attempt could not even begin. */
  fail(error: unknown): void {
    this.#error =
      error instanceof UsageError || error instanceof NetworkError
        ? error
        : new UsageError(
            'bad_target',
            `${shownUrl(this.#target.url)} cannot be dialled as asked: ${error instanceof Error ? error.message : String(error)}`,
          )
    queueMicrotask(() => this.#ended(CUT, '', this.#clock.now()))
  }

  send(data: string): boolean {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false
    this.#socket.send(data)
    return true
  }

  ping(): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.ping()
  }

  get bufferedBytes(): number {
    return this.#socket?.bufferedAmount ?? 0
  }

  pause(): void {
    this.#paused = true
    this.#socket?.pause()
  }

  resume(): void {
    this.#paused = false
    this.#socket?.resume()
  }

  close(code = 1000, reason = ''): void {
    if (this.#socket === null || this.#closed) return
    if (this.#socket.readyState === WebSocket.CONNECTING) {
      this.terminate()
      return
    }
    // A paused socket would never see the answer.
    this.resume()
    this.#timer?.cancel()
    this.#timer = this.#clock.after(CLOSE_WITHIN_MS, () => this.terminate())
    try {
      this.#socket.close(code, shortened(reason))
    } catch {
      // The code is not one that may be sent: the other side learns nothing, the end is the same.
      this.terminate()
    }
  }

  terminate(): void {
    if (this.#socket === null || this.#closed) return
    this.#terminated = true
    this.#socket.terminate()
  }

  #fail(error: Error): void {
    this.#error ??= error
    this.terminate()
  }

  #opened(socket: NodeWebSocket, answer: HandshakeAnswer | null, at: Micros): void {
    this.#timer?.cancel()
    this.#timer = null
    this.#isOpen = true
    if (this.#paused) socket.pause()
    this.#events.opened(
      {
        status: 101,
        headers: flattened(answer),
        protocol: socket.protocol,
        extensions: socket.extensions,
      },
      at,
    )
  }

  #control(kind: 'ping' | 'pong', at: Micros): void {
    if (!this.#terminated) this.#events.control(kind, at)
  }

  /** The handshake was answered with something else than 101. */
  #answered(response: HandshakeAnswer): void {
    const status = response.statusCode ?? 0
    const headers = flattened(response)
    this.#refused = { status, retryAfterMs: retryAfterMs(headers, this.#clock.now()) }
    const url = shownUrl(this.#target.url)
    const words = `${status} ${response.statusMessage ?? ''}`.trim()
    const { proxy = null, proxyRefused = false } = this.#exit ?? {}
    this.#fail(
      proxy !== null && proxyRefused
        ? new NetworkError('proxy_refused', `the proxy ${proxy.shown} refused the way to ${url}: ${words}`, {
            context: { url, status },
          })
        : new NetworkError('handshake_refused', `${url} refused the handshake: ${words}`, {
            context: { url, status },
          }),
    )
  }

  #failed(error: Error): void {
    if (this.#terminated) return
    const breach = frameBreach(error, this.#target.url, this.#target.maxFrameBytes)
    if (breach !== null) this.#breach = breach.code
    this.#error ??=
      breach?.error ??
      (this.#isOpen
        ? lostConnection(error, this.#target.url)
        : connectFailure(error, this.#target.url, this.#exit?.proxy ?? null))
  }

  #ended(code: number, reason: string, at: Micros): void {
    if (this.#closed) return
    this.#closed = true
    this.#timer?.cancel()
    this.#cut.abort()
    this.#events.closed(
      {
        code: this.#breach ?? (code === NO_CODE || code === CUT ? null : code),
        reason,
        refused: this.#refused,
        error: this.#error,
      },
      at,
    )
  }
}

function asBuffer(data: Uint8Array | ArrayBuffer | Uint8Array[]): Buffer {
  if (Array.isArray(data)) return Buffer.concat(data)
  if (data instanceof Uint8Array) {
    return Buffer.isBuffer(data) ? data : Buffer.from(data.buffer, data.byteOffset, data.byteLength)
  }
  return Buffer.from(data)
}

function flattened(response: HandshakeAnswer | null): Record<string, string> {
  const headers: Record<string, string> = {}
  for (const [name, value] of Object.entries(response?.headers ?? {})) {
    if (value !== undefined) headers[name] = Array.isArray(value) ? value.join(', ') : value
  }
  return headers
}

function shortened(reason: string): string {
  const bytes = Buffer.from(reason, 'utf8')
  if (bytes.length <= LONGEST_REASON_BYTES) return reason
  // What remains of a character that was cut through decodes to U+FFFD.
  return bytes.toString('utf8', 0, LONGEST_REASON_BYTES).replace(/\uFFFD+$/, '')
}
