import type { Micros } from '../../schemas/events.js'
import type { ConnectTarget } from '../connector.js'
import type { Clock, Http } from '../platform.js'
import type { OpenSocketConfig } from './open-options.js'

/** What a request over HTTP may cost. */
export interface HttpBounds {
  readonly timeoutMs: number
  readonly maxBytes: number
}

/** What is known of each attempt before the protocol has its say: the options, and what `prepare` gave for this one. */
export class Preparing {
  readonly #config: Pick<OpenSocketConfig, 'url' | 'headers' | 'subprotocols' | 'prepare'>
  readonly #clock: Clock
  readonly #http: Http
  readonly #bounds: HttpBounds
  /** The status that refused the last handshake. */
  refused: number | null = null
  /** When what was prepared for the connection ends, on the monotonic clock. */
  #validUntil: Micros | null = null

  constructor(
    config: Pick<OpenSocketConfig, 'url' | 'headers' | 'subprotocols' | 'prepare'>,
    {
      clock,
      http,
      httpBounds,
    }: { readonly clock: Clock; readonly http: Http; readonly httpBounds: HttpBounds },
  ) {
    this.#config = config
    this.#clock = clock
    this.#http = http
    this.#bounds = httpBounds
  }

  /** How long the server takes what the connection was prepared with. Milliseconds; null where nothing says so. */
  get validForMs(): number | null {
    return this.#validUntil === null ? null : Math.max(0, (this.#validUntil - this.#clock.monotonic()) / 1000)
  }

  async target(signal: AbortSignal): Promise<ConnectTarget> {
    const { url, headers, subprotocols, prepare } = this.#config
    const own = await prepare?.({
      url,
      signal,
      nowMs: this.#clock.now() / 1000,
      refused: this.refused,
      http: (request) => this.#http({ id: 'prepare', ...request }, { ...this.#bounds, signal }),
    })
    this.refused = null
    this.#validUntil = own?.validForMs === undefined ? null : this.#clock.monotonic() + own.validForMs * 1000
    return {
      url: own?.url ?? url,
      headers: { ...headers, ...own?.headers },
      protocols: own?.subprotocols ?? subprotocols,
    }
  }
}
