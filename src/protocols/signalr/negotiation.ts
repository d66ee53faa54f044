import type { HttpRequest, HttpResponse } from '../../connector.js'
import { DecodeError, ProtocolError } from '../../errors.js'
import { isRecord, type JsonReader, type JsonRecord, readJson, textOf, wholeNumber } from '../json-text.js'

/** How often a negotiation may be sent on to another server. */
export const MAX_REDIRECTS = 100

/** What a negotiation came to. */
export type Negotiation =
  | { readonly kind: 'redirect'; readonly url: string; readonly accessToken: string | null }
  | { readonly kind: 'granted'; readonly token: string; readonly isStateful: boolean }

/** The base of a hub over HTTP. */
export function httpBase(url: string): string {
  return url.replace(/^ws(s?):/i, 'http$1:')
}

export function negotiateRequest(
  base: string,
  id: string,
  headers: Readonly<Record<string, string>>,
  isStateful: boolean,
): HttpRequest {
  const url = new URL(base)
  url.pathname = `${url.pathname.replace(/\/$/, '')}/negotiate`
  url.searchParams.set('negotiateVersion', '1')
  if (isStateful) url.searchParams.set('useStatefulReconnect', 'true')
  return { id, method: 'POST', url: url.href, headers, body: '', confidential: true }
}

/** The URL of the WebSocket, by the token that was granted. */
export function socketUrl(base: string, token: string | null, accessToken: string | null): string {
  const url = new URL(base.replace(/^http/i, 'ws'))
  if (token !== null) url.searchParams.set('id', token)
  if (accessToken !== null) url.searchParams.set('access_token', accessToken)
  return url.href
}

/** @throws {ProtocolError} `connection_refused`, saying why. */
export function readNegotiation(
  read: JsonReader,
  answer: HttpResponse,
  transferFormat: 'Text' | 'Binary',
): Negotiation {
  if (answer.status !== 200) {
    throw refused(answer.status === 0 ? answer.body : `it answered HTTP ${answer.status}`, answer.status)
  }
  const value = parse(read, answer.body)
  if (typeof value['error'] === 'string') throw refused(`the server says: ${value['error']}`)
  if ('ProtocolVersion' in value) throw refused('the server speaks classic SignalR; use classicSignalR')
  if (typeof value['url'] === 'string') {
    return { kind: 'redirect', url: httpBase(value['url']), accessToken: textOf(value['accessToken']) }
  }
  if (!offers(value['availableTransports'], transferFormat)) {
    throw refused(`the server offers no WebSockets that carry ${transferFormat.toLowerCase()}`)
  }
  const version = wholeNumber(value['negotiateVersion']) ?? 0
  const token = textOf(version >= 1 ? value['connectionToken'] : value['connectionId'])
  if (token === null) throw refused('its answer holds no connection token')
  return { kind: 'granted', token, isStateful: value['useStatefulReconnect'] === true }
}

/** Servers of before 2.0 list no formats. */
function offers(transports: unknown, transferFormat: string): boolean {
  if (!Array.isArray(transports)) return true
  const sockets: unknown = transports.find((each) => isRecord(each) && each['transport'] === 'WebSockets')
  if (!isRecord(sockets)) return false
  const formats = sockets['transferFormats']
  return !Array.isArray(formats) || formats.includes(transferFormat)
}

function parse(read: JsonReader, body: string): JsonRecord {
  try {
    const value = readJson(read, body)
    if (isRecord(value)) return value
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
  }
  throw refused('its answer is no JSON object')
}

function refused(reason: string, status: number | null = null): ProtocolError {
  return new ProtocolError('connection_refused', `the SignalR negotiation failed: ${reason}`, {
    context: status === null ? {} : { status },
  })
}
