import * as z from 'zod'
import { NetworkError } from '../errors.js'
import { parseOptions } from '../options.js'
import { keepSecret, keepSecretsOf } from '../secrets.js'
import { shownUrl } from '../shown.js'
import type { Prepare } from './prepare.js'
import { TokenSource } from './token-source.js'

/** An HTTP request that logs in, whose cookies the handshake carries. */
export interface CookieLoginOptions {
  readonly url: string
  /** @default 'POST' */
  readonly method?: 'GET' | 'POST'
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  /** How long the login holds where no cookie says so. Milliseconds. @default null, until it is refused */
  readonly validForMs?: number | null
}

const optionsSchema = z.strictObject({
  url: z.url({ protocol: /^https?$/, error: 'must be an http:// or https:// URL' }),
  method: z.enum(['GET', 'POST']).default('POST'),
  headers: z.record(z.string(), z.string()).default({}),
  body: z.string().optional(),
  validForMs: z.number().positive().nullable().default(null),
})

interface Cookie {
  readonly name: string
  readonly value: string
  /** Without its leading dot; null for the host itself alone. */
  readonly domain: string | null
  readonly path: string
  readonly secure: boolean
  readonly validForMs: number | null
}

/**
 * Logs in over HTTP and carries the cookies of the answer to the handshake (RFC 6265: those that are of the socket's host, path and
 * scheme). Logs in anew when less than a quarter of the shortest life of a cookie is left, or the handshake is refused with 401 or 403.
 *
 * @throws {UsageError} `bad_option`.
 */
export function cookieLogin(options: CookieLoginOptions): Prepare {
  const config = parseOptions('cookieLogin', optionsSchema, options)
  keepSecretsOf({ headers: config.headers })
  if (config.body !== undefined) keepSecret(config.body)
  const source = new TokenSource(async ({ url, nowMs, http }) => {
    const { method, headers, body } = config
    const request = {
      method,
      url: config.url,
      headers,
      ...(body !== undefined && { body }),
      confidential: true,
    }
    const answer = await http(request)
    const at = shownUrl(config.url)
    if (answer.status < 200 || answer.status > 399) {
      const why = answer.status === 0 ? answer.body : `it answered ${answer.status}`
      throw new NetworkError('auth_failed', `cannot log in at ${at}: ${why}`, {
        context: { url: at, status: answer.status },
      })
    }
    const cookies = cookiesOf(answer.headers['set-cookie'] ?? '', nowMs).filter((cookie) =>
      fits(cookie, config.url, url),
    )
    if (cookies.length === 0) {
      throw new NetworkError('auth_failed', `the login at ${at} set no cookie for ${shownUrl(url)}`, {
        context: { url: at },
      })
    }
    for (const { value } of cookies) keepSecret(value, Number.POSITIVE_INFINITY)
    const lives = cookies.map(({ validForMs }) => validForMs).filter((life) => life !== null)
    return {
      value: cookies.map(({ name, value }) => `${name}=${value}`).join('; '),
      validForMs: lives.length === 0 ? config.validForMs : Math.min(...lives),
    }
  })
  return async (attempt) => {
    const { value, validForMs } = await source.get(attempt)
    return { headers: { Cookie: value }, ...(validForMs !== null && { validForMs }) }
  }
}

/** Several `Set-Cookie` come joined by commas, which also stand in a date: a cookie begins where `name=` follows one. */
function cookiesOf(header: string, nowMs: number): Cookie[] {
  return header
    .split(/,\s*(?=[^;,=\s]+=)/)
    .map((text) => cookieOf(text, nowMs))
    .filter((cookie) => cookie !== null)
}

function cookieOf(text: string, nowMs: number): Cookie | null {
  const [pair = '', ...rest] = text.split(';').map((part) => part.trim())
  const [, name = '', value = ''] = /^([^=]+)=(.*)$/.exec(pair) ?? []
  if (name === '') return null
  const attributes = new Map(
    rest.map((part) => {
      const [, key = '', given = ''] = /^([^=]*)=?(.*)$/.exec(part) ?? []
      return [key.toLowerCase(), given] as const
    }),
  )
  const path = attributes.get('path') ?? ''
  const validForMs = life(attributes.get('max-age'), attributes.get('expires'), nowMs)
  if (validForMs !== null && validForMs <= 0) return null
  return {
    name,
    value,
    domain: attributes.get('domain')?.replace(/^\./, '').toLowerCase() || null,
    path: path.startsWith('/') ? path : '/',
    secure: attributes.has('secure'),
    validForMs,
  }
}

function life(maxAge: string | undefined, expires: string | undefined, nowMs: number): number | null {
  if (maxAge !== undefined && /^-?\d+$/.test(maxAge)) return Number(maxAge) * 1000
  const until = Date.parse(expires ?? '')
  return Number.isNaN(until) ? null : until - nowMs
}

/** Whether a cookie that one URL set goes to another. */
function fits(cookie: Cookie, from: string, to: string): boolean {
  const [source, target] = [new URL(from), new URL(to)]
  const secure = target.protocol === 'wss:' || target.protocol === 'https:'
  if (cookie.secure && !secure) return false
  const within = (host: string, domain: string) => host === domain || host.endsWith(`.${domain}`)
  const isOfHost =
    cookie.domain === null
      ? target.hostname === source.hostname
      : within(source.hostname, cookie.domain) && within(target.hostname, cookie.domain)
  const { pathname } = target
  const prefix = cookie.path.endsWith('/') ? cookie.path : `${cookie.path}/`
  return isOfHost && (pathname === cookie.path || pathname.startsWith(prefix))
}
