import type { ConnectTarget, HttpResponse } from '../../connector.js'
import { ProtocolError, type TapewireError } from '../../errors.js'
import type { CodecSink, Outcome } from '../codec.js'
import { badCommand } from '../command-errors.js'
import type { JsonReader } from '../json-text.js'
import type { HubFormat } from './messages.js'
import { httpBase, MAX_REDIRECTS, negotiateRequest, readNegotiation, socketUrl } from './negotiation.js'
import type { SignalRMessage, SignalROptions } from './types.js'

/** What the handshake over HTTP ends with. */
export interface Granted {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly isStateful: boolean
}

/** The steps before the socket of one attempt: the access token, the negotiation and its redirects. */
export class Handshake {
  readonly #options: SignalROptions
  readonly #read: JsonReader
  readonly #format: HubFormat
  readonly #sink: CodecSink<SignalRMessage>
  readonly #granted: (granted: Granted) => void
  readonly #headers: Readonly<Record<string, string>>
  #base: string
  #token: string | null = null
  #step = 0

  constructor(
    options: SignalROptions,
    format: HubFormat,
    sink: CodecSink<SignalRMessage>,
    target: ConnectTarget,
    granted: (granted: Granted) => void,
  ) {
    this.#options = options
    this.#read = options.read ?? JSON.parse
    this.#format = format
    this.#sink = sink
    this.#granted = granted
    this.#headers = target.headers ?? {}
    this.#base = httpBase(target.url)
  }

  begin(): void {
    const { accessToken } = this.#options
    if (accessToken === undefined) this.#next()
    else this.#sink.ask({ id: 'access token', run: accessToken })
  }

  answered(outcome: Outcome<unknown>): void {
    if (!outcome.ok) this.#fail(outcome.error)
    else if (typeof outcome.value !== 'string')
      this.#fail(badCommand('signalr: accessToken must return text'))
    else {
      this.#token = outcome.value
      this.#next()
    }
  }

  response(response: HttpResponse): void {
    if (response.id !== `negotiate ${this.#step}`) return
    try {
      const answer = readNegotiation(this.#read, response, this.#format.transferFormat)
      if (answer.kind === 'granted') this.#dial(answer.token, answer.isStateful)
      else if (this.#step > MAX_REDIRECTS) throw tooManyRedirects()
      else {
        this.#base = answer.url
        this.#token = answer.accessToken ?? this.#token
        this.#negotiate()
      }
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error
      this.#fail(error)
    }
  }

  #next(): void {
    if (this.#options.skipNegotiation === true) this.#dial(null, false)
    else this.#negotiate()
  }

  #negotiate(): void {
    const id = `negotiate ${++this.#step}`
    const isStateful = this.#options.statefulReconnect === true
    this.#sink.request(negotiateRequest(this.#base, id, this.#withToken(true), isStateful))
  }

  #dial(token: string | null, isStateful: boolean): void {
    const inQuery = this.#options.tokenInQuery === true
    this.#granted({
      url: socketUrl(this.#base, token, inQuery ? this.#token : null),
      headers: this.#withToken(!inQuery),
      isStateful: isStateful && this.#options.statefulReconnect === true,
    })
  }

  #withToken(inHeader: boolean): Readonly<Record<string, string>> {
    if (this.#token === null || !inHeader) return this.#headers
    return { ...this.#headers, authorization: `Bearer ${this.#token}` }
  }

  #fail(error: TapewireError): void {
    this.#sink.close({ code: 1000, reason: 'negotiation failed', retry: 'backoff', error })
  }
}

function tooManyRedirects(): ProtocolError {
  return new ProtocolError(
    'connection_refused',
    `the SignalR negotiation failed: it was sent on more than ${MAX_REDIRECTS} times`,
  )
}
