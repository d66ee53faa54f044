import type { ClientRequest } from 'node:http'
import { WebSocket } from 'ws'
import type { Micros } from '../../schemas/events.js'
import { NetworkError, UsageError } from '../errors.js'
import type { Clock, Dial, DialClose, DialEvents, DialedSocket, DialTarget, Timer } from '../platform.js'
import { shownUrl } from '../shown.js'
import { type Exit, egress } from './egress.js'
import { connectFailure, frameBreach, lostConnection } from './failure.js'
import { inNextTurn, turnIsOver } from './frame-turns.js'
import { NETWORK } from './network-defaults.js'
import type {
  CompressionOptions,
  CreateWebSocket,
  EgressOptions,
  HandshakeAnswer,
  NodeWebSocket,
} from './network-options.js'
import { Pongs } from './pongs.js'
import { redirection } from './redirect.js'
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
        followRedirects: false,
        perMessageDeflate: options.perMessageDeflate ?? false,
        skipUTF8Validation: false,
        allowSynchronousEvents: true,
        autoPong: false,
        maxPayload: target.maxFrameBytes,
        maxFragments: NETWORK.maxFragments,
        maxBufferedChunks: NETWORK.maxBufferedChunks,
        maxHeaderSize: NETWORK.maxHeaderBytes,
        closeTimeout: NETWORK.closeWithinMs,
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

/** What a socket brings, with the time at which it came. */
type Item =
  | { readonly kind: 'message'; readonly data: string | Uint8Array; readonly at: Micros }
  | { readonly kind: 'ping' | 'pong'; readonly at: Micros }
  | { readonly kind: 'close'; readonly code: number; readonly reason: string; readonly at: Micros }

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
  /** What came beyond a turn of the event loop, in order. Reading stops while there is any. */
  #waiting: Item[] = []
  #reading = false
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
      response.socket?.setKeepAlive(true, NETWORK.keepAliveAfterMs)
    })
    socket.on('open', () => this.#opened(socket, answer, this.#clock.now()))
    socket.on('message', (data, isBinary) => {
      const at = this.#clock.now()
      if (this.#terminated) return
      const bytes = asBuffer(data)
      this.#take({ kind: 'message', data: isBinary ? bytes : bytes.toString('utf8'), at })
    })
    const pongs = new Pongs((payload, sent) => socket.pong(payload, true, sent))
    socket.on('ping', (payload) => {
      const at = this.#clock.now()
      if (socket.readyState === WebSocket.OPEN) pongs.ping(payload)
      this.#take({ kind: 'ping', at })
    })
    socket.on('pong', () => this.#take({ kind: 'pong', at: this.#clock.now() }))
    socket.on('unexpected-response', (_request, response) => this.#answered(response))
    socket.on('error', (error) => this.#failed(error))
    socket.on('close', (code, reason) => {
      const at = this.#clock.now()
      const text = asBuffer(reason).toString('utf8')
      if (this.#waiting.length === 0 || this.#terminated) this.#ended(code, text, at)
      else this.#waiting.push({ kind: 'close', code, reason: text, at })
    })
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

  send(data: string | Uint8Array): boolean {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false
    this.#socket.send(data)
    return true
  }

  ping(): boolean {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false
    this.#socket.ping()
    return true
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
    if (this.#waiting.length > 0) this.#readOn()
    else this.#socket?.resume()
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
    this.#timer = this.#clock.after(NETWORK.closeWithinMs, () => this.terminate())
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
    const end = this.#waiting.find((item) => item.kind === 'close')
    this.#waiting = []
    if (end?.kind === 'close') queueMicrotask(() => this.#ended(end.code, end.reason, end.at))
    else this.#socket.terminate()
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

  /** What came is handed on at once, unless this turn of the event loop is used up: then it waits for the next. */
  #take(item: Item): void {
    if (this.#terminated) return
    if (this.#waiting.length === 0 && !turnIsOver(item.at)) {
      this.#tell(item)
      return
    }
    this.#waiting.push(item)
    if (this.#waiting.length > 1) return
    this.#socket?.pause()
    this.#readOn()
  }

  #readOn(): void {
    if (this.#reading) return
    this.#reading = true
    inNextTurn(() => {
      this.#reading = false
      let told = 0
      for (const item of this.#waiting) {
        if (this.#paused || this.#terminated || (told > 0 && turnIsOver(this.#clock.now()))) break
        told++
        this.#tell(item)
      }
      this.#waiting = this.#waiting.slice(told)
      if (this.#paused || this.#terminated) return
      if (this.#waiting.length > 0) this.#readOn()
      else this.#socket?.resume()
    })
  }

  #tell(item: Item): void {
    if (item.kind === 'message') this.#events.message(item.data, item.at)
    else if (item.kind === 'close') this.#ended(item.code, item.reason, item.at)
    else this.#events.control(item.kind, item.at)
  }

  /** The handshake was answered with something else than 101. */
  #answered(response: HandshakeAnswer): void {
    const status = response.statusCode ?? 0
    const headers = flattened(response)
    this.#refused = { status, retryAfterMs: retryAfterMs(headers, this.#clock.now()) }
    const url = shownUrl(this.#target.url)
    const words =
      `${status} ${response.statusMessage ?? ''}`.trim() + redirection(status, headers, this.#target.url)
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
        code: this.#breach ?? (code === CUT ? null : code),
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
