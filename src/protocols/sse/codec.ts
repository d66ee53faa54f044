import type { Micros } from '../../../schemas/events.js'
import type { ConnectTarget } from '../../connector.js'
import { DecodeError, NetworkError, ProtocolError } from '../../errors.js'
import type { Codec, CodecOpening, CodecSink, Reconnect } from '../codec.js'
import { badCommand } from '../command-errors.js'
import { Deadlines } from '../deadlines.js'
import { Silence } from '../silence.js'
import { EventParser, type SseEvent } from './event-parser.js'

/** What the server sends. */
export type SseMessage = { readonly type: 'event' } & SseEvent

/** Options of `sse`. */
export interface SseOptions {
  /** Where to go on: the id of the last event that was seen. @default from the beginning, or from now, as the server likes */
  readonly lastEventId?: string
  /** The wait before the next connection, until the server says another. Milliseconds. @default 3_000 */
  readonly retryMs?: number
  /** The connection is dead where nothing came for so long, comments included. Milliseconds. @default never */
  readonly silentAfterMs?: number
  /** A larger event ends the connection. Characters. @default 16_777_216 */
  readonly maxEventCharacters?: number
  /** @default GET */
  readonly method?: 'GET' | 'POST'
  readonly body?: string
}

const MAX_REDIRECTS = 20
const MAX_RETRY_AFTER_S = 3_600
/** What is not sent to another origin. */
const PRIVATE = /^(?:authorization|cookie|proxy-authorization)$/i

/** The state machine behind `sse`. */
export class SseCodec implements Codec<never> {
  readonly #options: SseOptions
  readonly #sink: CodecSink<SseMessage>
  readonly #deadlines: Deadlines
  readonly #silence: Silence
  readonly #parser: EventParser
  readonly kept: readonly never[] = []
  #url = ''
  /** Where the server has sent the client on. */
  #moved: string | null = null
  #isPermanent = false
  #redirects = 0
  #isOpen = false

  constructor(options: SseOptions, sink: CodecSink<SseMessage>) {
    this.#options = options
    this.#sink = sink
    this.#deadlines = new Deadlines((at) => sink.wake(at))
    this.#silence = new Silence(this.#deadlines, 'silence')
    this.#parser = new EventParser(options.maxEventCharacters ?? 16 * 1024 * 1024, options.lastEventId)
  }

  connect({ url, headers = {} }: ConnectTarget): void {
    const { method = 'GET', body } = this.#options
    this.#url = this.#moved ?? url
    if (!this.#isPermanent) this.#moved = null
    this.#parser.restart()
    const { lastId } = this.#parser
    const isForeign = new URL(this.#url).origin !== new URL(url).origin
    const own = Object.entries(headers).filter(([name]) => !(isForeign && PRIVATE.test(name)))
    this.#sink.dial({
      transport: 'http',
      method,
      url: this.#url,
      headers: {
        ...Object.fromEntries(own),
        accept: 'text/event-stream',
        'accept-encoding': 'identity',
        'cache-control': 'no-cache',
        ...(lastId === '' ? {} : { 'last-event-id': lastId }),
      },
      ...(body === undefined ? {} : { body }),
    })
  }

  opened({ status, headers }: CodecOpening, at: Micros): void {
    const type = headers['content-type'] ?? ''
    const { location } = headers
    if (status === 200 && /^text\/event-stream\s*(?:;|$)/i.test(type)) this.#begin(at)
    else if (status === 204) this.#sink.close({ code: 1000, reason: '', retry: 'never' })
    else if (status >= 301 && status <= 308 && status !== 304 && location !== undefined)
      this.#move(location, status)
    else {
      const what =
        status === 200 ? `its type is ${type === '' ? 'not said' : type}` : `it answered HTTP ${status}`
      const error = new ProtocolError('connection_refused', `no event stream: ${what}`, {
        context: { status },
      })
      const isPassing = status === 429 || status >= 500
      const afterS = Math.min(Number(/^\d+$/.exec(headers['retry-after'] ?? '')?.[0] ?? 0), MAX_RETRY_AFTER_S)
      this.#sink.close({
        code: 1000,
        reason: '',
        retry: isPassing ? 'backoff' : 'never',
        ...(isPassing && afterS > 0 ? { afterMs: afterS * 1000 } : {}),
        error,
      })
    }
  }

  #begin(at: Micros): void {
    this.#isOpen = true
    this.#redirects = 0
    const { silentAfterMs } = this.#options
    if (silentAfterMs !== undefined) {
      this.#silence.start(at, silentAfterMs, () => {
        const error = new NetworkError('connection_silent', `the server sent nothing for ${silentAfterMs} ms`)
        this.#sink.close({ code: 1000, reason: 'silent', retry: 'backoff', error })
      })
    }
    this.#sink.ready()
  }

  #move(location: string, status: number): void {
    if (!URL.canParse(location, this.#url) || ++this.#redirects > MAX_REDIRECTS) {
      const error = new ProtocolError(
        'connection_refused',
        `no event stream: it is sent on more than ${MAX_REDIRECTS} times, or to no URL`,
      )
      this.#sink.close({ code: 1000, reason: '', retry: 'never', error })
      return
    }
    this.#moved = new URL(location, this.#url).href
    this.#isPermanent = status === 301 || status === 308
    this.#sink.close({ code: 1000, reason: '', retry: 'now', planned: true })
  }

  frame(data: string | Uint8Array, at: Micros): void {
    if (!this.#isOpen) return
    this.#silence.heard(at)
    const bytes = typeof data === 'string' ? new TextEncoder().encode(data) : data
    try {
      for (const event of this.#parser.push(bytes)) this.#sink.emit({ type: 'event', ...event })
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      this.#isOpen = false
      this.#sink.close({ code: 1000, reason: 'oversize', retry: 'backoff', error })
    }
  }

  /** A server that ends its response does what many do: it is asked again after the wait that it told. */
  closed(): Reconnect {
    const planned = this.#isOpen
    this.#isOpen = false
    this.#deadlines.clearAll()
    return { retry: 'backoff', afterMs: this.#parser.retryMs ?? this.#options.retryMs ?? 3_000, planned }
  }

  tick(at: Micros): void {
    this.#deadlines.tick(at)
  }

  end(): void {
    this.#sink.close({ code: 1000, reason: '', retry: 'never' })
  }

  check(): never {
    throw badCommand('sse: an event stream takes no commands')
  }

  command(): never {
    return this.check()
  }

  isKept(): boolean {
    return false
  }

  response(): void {}

  answered(): void {}

  cancel(): void {}
}
