import * as z from 'zod'
import type { HttpResponse } from '../connector.js'
import { NetworkError, UsageError } from '../errors.js'
import { parseOptions } from '../options.js'
import { keepSecret } from '../secrets.js'
import { shownUrl } from '../shown.js'
import { placed, type TokenPlace } from './auth.js'
import type { Prepare, PreparedAttempt } from './prepare.js'
import { type Token, TokenSource } from './token-source.js'

/** How a token is got of an OAuth 2 server (RFC 6749). */
export interface OAuth2Options {
  readonly tokenUrl: string
  readonly clientId: string
  /** Left out by a public client, which has a refresh token. */
  readonly clientSecret?: string
  /** With it tokens are refreshed (§6), a new refresh token of the server in place of the old; else the client's own are asked for (§4.4). */
  readonly refreshToken?: string
  /** Called with each new refresh token, so that the program can keep it. */
  readonly onRefreshToken?: (token: string) => void
  readonly scope?: string
  /** Further parameters of the request, such as `audience`. */
  readonly parameters?: Readonly<Record<string, string>>
  /** How the client proves itself: Basic (§2.3.1), or in the body. @default 'basic' */
  readonly clientAuth?: 'basic' | 'body'
  /** Where the token goes. @default 'header' */
  readonly place?: TokenPlace
  /** How long a token lives where the server does not say. Milliseconds. @default null, until it is refused */
  readonly validForMs?: number | null
}

const callable = <T>() => z.custom<T>((value) => typeof value === 'function', 'must be a function')

const optionsSchema = z.strictObject({
  tokenUrl: z.url({ protocol: /^https?$/, error: 'must be an http:// or https:// URL' }),
  clientId: z.string().min(1),
  clientSecret: z.string().min(1).optional(),
  refreshToken: z.string().min(1).optional(),
  onRefreshToken: callable<(token: string) => void>().optional(),
  scope: z.string().optional(),
  parameters: z.record(z.string(), z.string()).default({}),
  clientAuth: z.enum(['basic', 'body']).default('basic'),
  place: z.union([z.literal('header'), z.strictObject({ query: z.string().min(1) })]).default('header'),
  validForMs: z.number().positive().nullable().default(null),
})

/** `{"access_token":"…","token_type":"Bearer","expires_in":3600,"refresh_token":"…"}` (§5.1). Some servers write the seconds as text. */
const answerSchema = z.looseObject({
  access_token: z.string().min(1),
  token_type: z.string().optional(),
  expires_in: z.coerce.number().positive().optional(),
  refresh_token: z.string().min(1).optional(),
})

/** `{"error":"invalid_client"}` (§5.2). */
const refusalSchema = z.looseObject({ error: z.string(), error_description: z.string().optional() })

/** What waiting does not change (§5.2). */
const FINAL = /^(invalid_client|invalid_grant|unauthorized_client|unsupported_grant_type|invalid_scope)$/

/**
 * Gets its tokens of an OAuth 2 server, by client credentials or a refresh token, over the socket's own proxy and TLS. A token is shared
 * by all sockets that are given the same function, renewed when less than a quarter of its life is left or the server refuses it, and
 * the connection is replaced before it ends.
 *
 * A server that refuses the client itself ends the socket with `auth_refused`; whatever else goes wrong is tried again.
 *
 * @throws {UsageError} `bad_option`.
 */
export function oauth2(options: OAuth2Options): Prepare {
  const config = parseOptions('oauth2', optionsSchema, options)
  for (const secret of [config.clientSecret, config.refreshToken])
    if (secret !== undefined) keepSecret(secret)
  let { refreshToken } = config
  const fetchToken = async (attempt: PreparedAttempt): Promise<Token> => {
    const answer = await attempt.http({
      method: 'POST',
      url: config.tokenUrl,
      headers: {
        ...clientHeader(config),
        'content-type': 'application/x-www-form-urlencoded',
        accept: 'application/json',
      },
      body: form(config, refreshToken),
      confidential: true,
    })
    const granted = read(answer, config.tokenUrl)
    if (granted.refresh_token !== undefined && refreshToken !== undefined) {
      refreshToken = granted.refresh_token
      keepSecret(refreshToken, Number.POSITIVE_INFINITY)
      config.onRefreshToken?.(refreshToken)
    }
    const validForMs = granted.expires_in === undefined ? config.validForMs : granted.expires_in * 1000
    return { value: granted.access_token, validForMs }
  }
  const source = new TokenSource(fetchToken)
  return async (attempt) => placed(await source.get(attempt), attempt.url, config.place)
}

type Config = z.output<typeof optionsSchema>

/** The parts are form-encoded before they are joined (§2.3.1). */
function clientHeader({ clientId, clientSecret, clientAuth }: Config): Record<string, string> {
  if (clientAuth !== 'basic' || clientSecret === undefined) return {}
  const login = [clientId, clientSecret].map((part) => encodeURIComponent(part)).join(':')
  const credentials = Buffer.from(login).toString('base64')
  keepSecret(credentials)
  return { authorization: `Basic ${credentials}` }
}

function form(
  { clientId, clientSecret, clientAuth, scope, parameters }: Config,
  refreshToken: string | undefined,
): string {
  const grant =
    refreshToken === undefined
      ? { grant_type: 'client_credentials' }
      : { grant_type: 'refresh_token', refresh_token: refreshToken }
  const inBody = clientAuth === 'body' || clientSecret === undefined
  return new URLSearchParams({
    ...parameters,
    ...grant,
    ...(scope !== undefined && { scope }),
    ...(inBody && {
      client_id: clientId,
      ...(clientSecret !== undefined && { client_secret: clientSecret }),
    }),
  }).toString()
}

function read({ status, body, headers }: HttpResponse, tokenUrl: string): z.output<typeof answerSchema> {
  const url = shownUrl(tokenUrl)
  const context = { url, status }
  if (status === 0) throw new NetworkError('auth_failed', `no token of ${url}: ${body}`, { context })
  const parsed = json(body)
  const granted = status === 200 ? answerSchema.safeParse(parsed) : null
  if (granted?.success === true) {
    const { token_type: type = 'Bearer' } = granted.data
    if (/^bearer$/i.test(type)) return granted.data
    throw new UsageError('auth_refused', `${url} gives tokens of type ${type}; only Bearer is understood`, {
      context,
    })
  }
  const refusal = refusalSchema.safeParse(parsed)
  const why = refusal.success
    ? [refusal.data.error, refusal.data.error_description].filter(Boolean).join(': ')
    : 'no token in it'
  const text = `${url} gave no token: ${status} ${why}`
  if (refusal.success && status >= 400 && status < 500 && FINAL.test(refusal.data.error)) {
    throw new UsageError('auth_refused', text, { context })
  }
  const waitSeconds = Number(headers['retry-after'])
  const wait = Number.isFinite(waitSeconds) ? { retryAfterMs: waitSeconds * 1000 } : {}
  throw new NetworkError('auth_failed', text, { context: { ...context, ...wait } })
}

function json(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
