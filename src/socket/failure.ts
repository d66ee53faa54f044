import { NetworkError, UsageError } from '../errors.js'
import { shownUrl } from '../shown.js'
import type { ProxyServer } from './proxy.js'

/**
 * Names why no connection came about, in words that hold no secret.
 *
 * @returns `proxy_failed`, `tls_failed` or `connect_failed`; an error of tapewire as it is.
 */
export function connectFailure(error: unknown, url: string, proxy: ProxyServer | null): Error {
  if (error instanceof NetworkError || error instanceof UsageError) return error
  const { code, message } = innermost(error)
  const context = { url: shownUrl(url) }
  const protocol = TLS_PROTOCOL.exec(message)?.[1]
  if (protocol !== undefined) {
    const what = NO_TLS.test(protocol)
      ? `answered without TLS (${protocol}); a server that has none is reached by ws://, http:// or mqtt://`
      : `and this machine could not agree on TLS: ${protocol}`
    return new NetworkError('tls_failed', `${shownUrl(url)} ${what}`, { cause: error, context })
  }
  if (TLS_CODE.test(code)) {
    return new NetworkError(
      'tls_failed',
      `${shownUrl(url)} proved no identity that is trusted here (${code}: ${message}); a private authority goes in tls.ca`,
      { cause: error, context },
    )
  }
  const why = code === '' || message.includes(code) ? message : `${message} (${code})`
  if (proxy !== null && !HTTP_PARSER.test(code)) {
    return new NetworkError('proxy_failed', `no way to ${shownUrl(url)} through ${proxy.shown}: ${why}`, {
      cause: error,
      context,
    })
  }
  return new NetworkError('connect_failed', `cannot connect to ${shownUrl(url)}: ${why}`, {
    cause: error,
    context,
  })
}

const TLS_CODE = /^(ERR_TLS|ERR_SSL|CERT_|SELF_SIGNED|DEPTH_ZERO|UNABLE_TO_|HOSTNAME_MISMATCH|INVALID_CA)/
/** What OpenSSL says within a message of Node: `write EPROTO 80…:error:0A00010B:SSL routines:ssl3_get_record:wrong version number:…` */
const TLS_PROTOCOL = /SSL routines:[^:]*:([^:]+)/
/** The first bytes that came are no TLS record. */
const NO_TLS = /wrong version number|packet length too long|http request/
const HTTP_PARSER = /^HPE_/

/** Where a name has several addresses Node reports one failure for each, in an error without words. */
function innermost(error: unknown): { readonly code: string; readonly message: string } {
  if (error instanceof AggregateError && error.errors.length > 0) return innermost(error.errors[0])
  if (!(error instanceof Error)) return { code: '', message: String(error) }
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  return { code, message: error.message }
}

/** Names why a connection that was open is over. */
export function lostConnection(error: Error, url: string): NetworkError {
  return new NetworkError('connection_lost', `the connection to ${shownUrl(url)} broke: ${error.message}`, {
    cause: error,
    context: { url: shownUrl(url) },
  })
}

/** What a breach of the WebSocket protocol is answered with, by the documented codes of `ws` (doc/ws.md). */
const BREACHES: Readonly<Record<string, number>> = {
  WS_ERR_UNSUPPORTED_MESSAGE_LENGTH: 1009,
  WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH: 1009,
  WS_ERR_TOO_MANY_BUFFERED_PARTS: 1008,
  WS_ERR_INVALID_UTF8: 1007,
}

export interface Breach {
  readonly code: number
  readonly error: NetworkError
}

/** Names what was wrong with a frame; null where the error is of another kind. */
export function frameBreach(error: Error, url: string, maxFrameBytes: number): Breach | null {
  const cause = 'code' in error && typeof error.code === 'string' ? error.code : ''
  if (!cause.startsWith('WS_ERR_') && !cause.startsWith('Z_')) return null
  const code = BREACHES[cause] ?? (cause.startsWith('Z_') ? 1007 : 1002)
  const context = { url: shownUrl(url), closeCode: code }
  if (code === 1009) {
    return {
      code,
      error: new NetworkError(
        'frame_too_large',
        `${shownUrl(url)} sent a frame larger than maxFrameBytes (${maxFrameBytes})`,
        { cause: error, context },
      ),
    }
  }
  return {
    code,
    error: new NetworkError(
      'frame_invalid',
      `${shownUrl(url)} broke the WebSocket protocol: ${error.message}`,
      {
        cause: error,
        context,
      },
    ),
  }
}
