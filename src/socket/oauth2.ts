import * as z from 'zod'
import { parseOptions } from '../options.js'
import { keepSecret } from '../secrets.js'
import { placed, type TokenPlace } from './auth.js'
import type { Prepare, PreparedAttempt } from './prepare.js'
import { requestToken } from './token-request.js'
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

/**
 * Gets its tokens of an OAuth 2 server, by client credentials or a refresh token, over the socket's own proxy and TLS. A token is shared
 * by all sockets that are given the same function, renewed when less than a quarter of its life is left or the server refuses it, and
 * the connection is replaced before it ends.
 *
 * The protocol is that of `oauth4webapi`, an optional package, which is loaded with the first token.
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
    const granted = await requestToken(config, refreshToken, attempt)
    if (granted.refresh_token !== undefined && refreshToken !== undefined) {
      refreshToken = granted.refresh_token
      keepSecret(refreshToken, Number.POSITIVE_INFINITY)
      config.onRefreshToken?.(refreshToken)
    }
    const { expires_in: seconds = 0 } = granted
    return { value: granted.access_token, validForMs: seconds > 0 ? seconds * 1000 : config.validForMs }
  }
  const source = new TokenSource(fetchToken)
  return async (attempt) => placed(await source.get(attempt), attempt.url, config.place)
}
