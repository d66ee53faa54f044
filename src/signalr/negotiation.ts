import * as z from 'zod'
import { checker, readLossless } from '../decode/index.js'
import { DecodeError, VenueError } from '../errors.js'

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

const seconds = z.string().regex(/^\d{1,9}(?:\.\d+)?$/, 'must be seconds')

/**
 * The answer to negotiate; its times are seconds.
 *
 * `{"Url":"/signalr","ConnectionToken":"…","ConnectionId":"…","KeepAliveTimeout":20.0,"DisconnectTimeout":30.0,
 * "ConnectionTimeout":110.0,"TryWebSockets":true,"ProtocolVersion":"1.5","TransportConnectTimeout":5.0,"LongPollDelay":0.0}`
 */
const negotiationAnswer = z.looseObject({
  ConnectionToken: z.string().optional(),
  KeepAliveTimeout: seconds.nullable().default(null),
  TransportConnectTimeout: seconds.default('5'),
  TryWebSockets: z.boolean().default(true),
  Error: z.string().nullish(),
  RedirectUrl: z.string().nullish(),
})

const checkNegotiation = checker(negotiationAnswer)
const checkStart = checker(z.looseObject({ Response: z.string() }))

/**
 * @throws {VenueError} `negotiate_refused`, saying why: another status than 200 (an unknown hub gets 500), no token, no
 * WebSockets, an error of the server, a redirect (which protocol 1.5 does not know).
 */
export function readNegotiation(answer: Answer): Negotiation {
  if (answer.status !== 200) {
    refuse(answer, `it answered ${answer.status === 0 ? answer.body : `HTTP ${answer.status}`}`)
  }
  const read = parse(answer)
  if (read.Error != null) refuse(answer, `the server says: ${read.Error}`)
  if (read.RedirectUrl != null) refuse(answer, 'it redirects to another server; give that URL instead')
  if (!read.TryWebSockets) refuse(answer, 'the server offers no WebSockets')
  if (read.ConnectionToken === undefined || read.ConnectionToken === '') {
    refuse(answer, 'its answer holds no ConnectionToken')
  }
  return {
    connectionToken: read.ConnectionToken,
    keepAliveTimeoutMs: read.KeepAliveTimeout === null ? null : milliseconds(read.KeepAliveTimeout),
    transportConnectTimeoutMs: milliseconds(read.TransportConnectTimeout),
  }
}

/** Whether the answer to start is `{"Response":"started"}`. */
export function isStarted(answer: Answer): boolean {
  if (answer.status !== 200) return false
  try {
    return checkStart(readLossless(answer.body), answer.body).Response === 'started'
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

function parse(answer: Answer): z.output<typeof negotiationAnswer> {
  try {
    return checkNegotiation(readLossless(answer.body), answer.body)
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

function milliseconds(text: string): number {
  return Math.round(Number(text) * 1000)
}
