import { readLossless } from '../../decode/lossless.js'
import { DecodeError, VenueError } from '../../errors.js'
import { isRecord, type JsonRecord, misfit } from '../json-text.js'

/** What the server granted. All times in milliseconds. */
export interface Negotiation {
  readonly connectionToken: string
  /** No frame at all for this long: the transport is lost. Twice the server's pace of `{}`. Null: the server sends none. */
  readonly keepAliveTimeoutMs: number | null
  /** The first frame and the start must come within this. */
  readonly transportConnectTimeoutMs: number
}

/** What is needed of an HTTP answer here. */
export interface Answer {
  readonly url: string
  readonly status: number
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/**
 * The answer to negotiate; its times are seconds.
 *
 * `{"Url":"/signalr","ConnectionToken":"…","ConnectionId":"…","KeepAliveTimeout":20.0,"DisconnectTimeout":30.0,
 * "ConnectionTimeout":110.0,"TryWebSockets":true,"ProtocolVersion":"1.5","TransportConnectTimeout":5.0,"LongPollDelay":0.0}`
 *
 * @throws {VenueError} `negotiate_refused`, saying why: another status than 200 (an unknown hub gets 500), no token, no
 * WebSockets, an error of the server, a redirect (which protocol 1.5 does not know).
 */
export function readNegotiation(answer: Answer): Negotiation {
  if (answer.status !== 200) {
    refuse(answer, `it answered ${answer.status === 0 ? answer.body : `HTTP ${answer.status}`}`)
  }
  const read = parse(answer)
  if (typeof read['Error'] === 'string') refuse(answer, `the server says: ${read['Error']}`)
  if (read['RedirectUrl'] != null) refuse(answer, 'it redirects to another server; give that URL instead')
  if (read['TryWebSockets'] === false) refuse(answer, 'the server offers no WebSockets')
  const token = read['ConnectionToken']
  if (typeof token !== 'string' || token === '') return refuse(answer, 'its answer holds no ConnectionToken')
  return {
    connectionToken: token,
    keepAliveTimeoutMs: milliseconds(answer, read, 'KeepAliveTimeout'),
    transportConnectTimeoutMs: milliseconds(answer, read, 'TransportConnectTimeout') ?? 5_000,
  }
}

/** Whether the answer to start is `{"Response":"started"}`. */
export function isStarted(answer: Answer): boolean {
  if (answer.status !== 200) return false
  try {
    const read = readLossless(answer.body)
    return isRecord(read) && read['Response'] === 'started'
  } catch (error) {
    if (error instanceof DecodeError) return false
    throw error
  }
}

/**
 * The `cookie` header for the requests that follow: load balancers bind a connection token to the server that gave it.
 * Null where the answer sets none. Takes the `set-cookie` headers joined by commas, as HTTP clients hand them out.
 */
export function cookiesOf(answer: Answer): string | null {
  const header = answer.headers['set-cookie']
  if (header === undefined) return null
  const cookies = header
    .split(/[,\n](?=\s*[^\s,;=]+=)/)
    .map((cookie) => cookie.split(';', 1)[0]?.trim() ?? '')
  return cookies.filter((cookie) => cookie.includes('=')).join('; ') || null
}

function parse(answer: Answer): JsonRecord {
  try {
    const read = readLossless(answer.body)
    if (isRecord(read)) return read
    throw misfit('it is no object', answer.body)
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    return refuse(answer, `its answer is no negotiation (${error.message})`, error)
  }
}

function refuse(answer: Answer, reason: string, cause?: Error): never {
  const url = answer.url.split('?', 1)[0] ?? ''
  throw new VenueError('negotiate_refused', `SignalR negotiation at ${url} failed: ${reason}`, {
    retryable: true,
    context: { url, status: answer.status },
    ...(cause === undefined ? {} : { cause }),
  })
}

/** A time, which is seconds; null where it is null or not there. */
function milliseconds(answer: Answer, read: JsonRecord, name: string): number | null {
  const value = read[name] ?? null
  if (value === null) return null
  if (typeof value === 'string' && /^\d{1,9}(?:\.\d+)?$/.test(value)) return Math.round(Number(value) * 1000)
  return refuse(answer, `its answer is no negotiation (${name} must be seconds)`)
}
