import type { HttpResponse } from '../connector.js'
import { NetworkError, TapewireError, UsageError } from '../errors.js'
import { keepSecret } from '../secrets.js'
import { shownUrl } from '../shown.js'
import type { PreparedAttempt } from './prepare.js'

/** What is asked of a token server. */
export interface TokenRequest {
  readonly tokenUrl: string
  readonly clientId: string
  readonly clientSecret?: string | undefined
  readonly clientAuth: 'basic' | 'body'
  readonly scope?: string | undefined
  readonly parameters: Readonly<Record<string, string>>
}

/** What a token server grants (RFC 6749, 5.1). */
export interface Grant {
  readonly access_token: string
  /** In lower case. */
  readonly token_type: string
  /** Seconds. */
  readonly expires_in?: number
  readonly refresh_token?: string
}

/** How the library sends a request. */
type Send = (
  url: string,
  request: { readonly headers: Readonly<Record<string, string>>; readonly body: URLSearchParams },
) => Promise<Response>
type Authentication = (...given: never[]) => void

/** What is needed of `oauth4webapi`. */
interface OAuthLibrary {
  readonly customFetch: symbol
  readonly allowInsecureRequests: symbol
  None(): Authentication
  ClientSecretBasic(secret: string): Authentication
  ClientSecretPost(secret: string): Authentication
  genericTokenEndpointRequest(
    server: object,
    client: object,
    authentication: Authentication,
    grantType: string,
    parameters: Readonly<Record<string, string>>,
    options: object,
  ): Promise<Response>
  processGenericTokenEndpointResponse(server: object, client: object, response: Response): Promise<Grant>
}

/** It is optional, so that its name is looked for when the first token is asked for, and not by the compiler. */
const LIBRARY: string = 'oauth4webapi'

/** What waiting does not change (RFC 6749, 5.2). */
const FINAL = /^(invalid_client|invalid_grant|unauthorized_client|unsupported_grant_type|invalid_scope)$/

/**
 * Asks for a token, by client credentials or a refresh token. The library writes the request and judges the answer; what carries them is the
 * attempt's own HTTP, with its proxy, TLS and bounds. A server on plain HTTP is taken as well: the URL says so.
 *
 * @throws {UsageError} `auth_refused`, where asking again changes nothing, `oauth_missing`; {NetworkError} `auth_failed`.
 */
export async function requestToken(
  { tokenUrl, clientId, clientSecret, clientAuth, scope, parameters }: TokenRequest,
  refreshToken: string | undefined,
  attempt: PreparedAttempt,
): Promise<Grant> {
  const library = await oauthLibrary()
  const server = { issuer: new URL(tokenUrl).origin, token_endpoint: tokenUrl }
  const client = { client_id: clientId }
  const authentication =
    clientSecret === undefined
      ? library.None()
      : clientAuth === 'basic'
        ? library.ClientSecretBasic(clientSecret)
        : library.ClientSecretPost(clientSecret)
  const asked = {
    ...parameters,
    ...(refreshToken !== undefined && { refresh_token: refreshToken }),
    ...(scope !== undefined && { scope }),
  }
  const grantType = refreshToken === undefined ? 'client_credentials' : 'refresh_token'
  let answer: HttpResponse | null = null
  const send: Send = async (url, { headers, body }) => {
    const { authorization } = headers
    if (authorization !== undefined) keepSecret(authorization.slice('Basic '.length))
    answer = await attempt.http({ method: 'POST', url, headers, body: `${body}`, confidential: true })
    return standard(answer)
  }
  const options = { [library.customFetch]: send, [library.allowInsecureRequests]: true }
  try {
    const response = await library.genericTokenEndpointRequest(
      server,
      client,
      authentication,
      grantType,
      asked,
      options,
    )
    const grant = await library.processGenericTokenEndpointResponse(server, client, response)
    if (grant.token_type === 'bearer') return grant
    const url = shownUrl(tokenUrl)
    throw new UsageError(
      'auth_refused',
      `${url} gives tokens of type ${grant.token_type}; only Bearer is understood`,
      {
        context: { url },
      },
    )
  } catch (error) {
    throw failure(error, answer, tokenUrl)
  }
}

async function oauthLibrary(): Promise<OAuthLibrary> {
  try {
    return await import(LIBRARY)
  } catch (cause) {
    throw new UsageError(
      'oauth_missing',
      'oauth2 needs the optional package oauth4webapi, which is not installed: npm install oauth4webapi',
      { cause },
    )
  }
}

/** The answer as `fetch` gives it. What a server calls the type of its JSON, and how it challenges the client, is no matter. */
function standard({ status, body, url }: HttpResponse): Response {
  if (status === 0) throw new NetworkError('auth_failed', `no token of ${shownUrl(url)}: ${body}`)
  const isEmpty = status === 204 || status === 205 || status === 304
  return new Response(isEmpty ? null : body, { status, headers: { 'content-type': 'application/json' } })
}

/** What the library throws holds the answer, which may hold a token: none of it is a cause. */
function failure(error: unknown, answer: HttpResponse | null, tokenUrl: string): TapewireError {
  if (error instanceof TapewireError) return error
  const { code, error: refusal, error_description: more, message } = error as Record<string, unknown>
  const url = shownUrl(tokenUrl)
  const status = answer?.status ?? 0
  const context = { url, status }
  const why = typeof refusal === 'string' ? [refusal, more].filter(Boolean).join(': ') : String(message)
  const text = `${url} gave no token: ${status} ${why}`
  const isRefused = typeof refusal === 'string' && status >= 400 && status < 500 && FINAL.test(refusal)
  // A type of token that nobody here can show.
  if (isRefused || code === 'OAUTH_UNSUPPORTED_OPERATION') {
    return new UsageError('auth_refused', text, { context })
  }
  const waitSeconds = Number(answer?.headers['retry-after'])
  const wait = Number.isFinite(waitSeconds) ? { retryAfterMs: waitSeconds * 1000 } : {}
  return new NetworkError('auth_failed', text, { context: { ...context, ...wait } })
}
