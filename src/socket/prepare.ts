import type { HttpRequest, HttpResponse } from '../connector.js'

/** Finds out, before each attempt, what changes from one to the next. */
export type Prepare = (attempt: PreparedAttempt) => Preparation | Promise<Preparation>

/** The attempt that is prepared. */
export interface PreparedAttempt {
  /** The socket's URL. */
  readonly url: string
  /** Aborts when the attempt is over. */
  readonly signal: AbortSignal
  /** Milliseconds since the epoch, by the socket's clock. */
  readonly nowMs: number
  /** The HTTP status that refused the handshake of the attempt before; null where none did. 401: what was prepared is worth nothing. */
  readonly refused: number | null
  /** An HTTP request by the way of the socket: its proxy, TLS and local address, within `connectTimeoutMs` and `maxFrameBytes`. */
  readonly http: (request: Omit<HttpRequest, 'id'>) => Promise<HttpResponse>
}

/** What changes from one attempt to the next. */
export interface Preparation {
  /** In place of the socket's URL. */
  readonly url?: string
  /** Besides the socket's own. */
  readonly headers?: Readonly<Record<string, string>>
  /** In place of the socket's own. */
  readonly subprotocols?: readonly string[]
  /** How long the server takes what was prepared. The connection is replaced before that, without a gap. Milliseconds. */
  readonly validForMs?: number
}
