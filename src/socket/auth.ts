import { createHmac, randomUUID } from 'node:crypto'
import { UsageError } from '../errors.js'
import { keepSecret } from '../secrets.js'
import type { Preparation, Prepare, PreparedAttempt } from './prepare.js'
import { type Token, TokenSource } from './token-source.js'

/** Where a token goes: the header `Authorization: Bearer …`, or a parameter of the URL for servers that read no headers. */
export type TokenPlace = 'header' | { readonly query: string }

/** A token that the program has, or finds out. */
export type TokenGiver = string | ((attempt: PreparedAttempt) => string | Token | Promise<string | Token>)

/**
 * Shows a token at each handshake.
 *
 * @param token the token, or a function that is asked for it: when there is none yet, when it nears the end of the life that the function
 * says it has, and when the server refused it with 401 or 403. Before that end the connection is replaced, without a gap.
 * @example openSocket(url, { prepare: bearer(async () => ({ value: await fetchToken(), validForMs: 3_600_000 })) })
 */
export function bearer(token: TokenGiver, place: TokenPlace = 'header'): Prepare {
  if (typeof token === 'string') keepSecret(token)
  const source = new TokenSource(async (attempt) => {
    const given = typeof token === 'string' ? token : await token(attempt)
    return typeof given === 'string' ? { value: given, validForMs: null } : given
  })
  return async (attempt) => placed(await source.get(attempt), attempt.url, place)
}

/** Puts a token into what is prepared. */
export function placed({ value, validForMs }: Token, url: string, place: TokenPlace): Preparation {
  const life = validForMs === null ? {} : { validForMs }
  if (place === 'header') return { headers: { Authorization: `Bearer ${value}` }, ...life }
  const target = new URL(url)
  target.searchParams.set(place.query, value)
  return { url: target.href, ...life }
}

/** How a handshake is signed. */
export interface HmacOptions {
  /** The secret that signs. Base64 is decoded by the caller, as bytes. */
  readonly secret: string | Uint8Array
  /** @default 'sha256' */
  readonly algorithm?: 'sha256' | 'sha384' | 'sha512'
  /** @default 'hex' */
  readonly encoding?: 'hex' | 'base64'
  /** What is signed. */
  readonly payload: (handshake: SignedHandshake) => string
  /** Where the signature goes. */
  readonly headers: (signature: string, handshake: SignedHandshake) => Readonly<Record<string, string>>
}

/** What a signature may be about. */
export interface SignedHandshake {
  readonly url: URL
  /** Milliseconds since the epoch. */
  readonly timeMs: number
  /** Unique. */
  readonly nonce: string
}

/**
 * Signs each handshake anew: a signature holds the time.
 *
 * @example
 * openSocket(url, {
 *   prepare: hmac({
 *     secret,
 *     payload: ({ timeMs }) => `${timeMs}GET/ws`,
 *     headers: (signature, { timeMs }) => ({ 'X-Key': key, 'X-Time': `${timeMs}`, 'X-Sign': signature }),
 *   }),
 * })
 * @throws {UsageError} `bad_option` where the secret is empty.
 */
export function hmac({
  secret,
  algorithm = 'sha256',
  encoding = 'hex',
  payload,
  headers,
}: HmacOptions): Prepare {
  if (secret.length === 0) {
    throw new UsageError('bad_option', 'hmac: option secret must not be empty', {
      context: { field: 'secret' },
    })
  }
  if (typeof secret === 'string') keepSecret(secret)
  return ({ url, nowMs }) => {
    const handshake = { url: new URL(url), timeMs: Math.floor(nowMs), nonce: randomUUID() }
    const signature = createHmac(algorithm, secret).update(payload(handshake)).digest(encoding)
    keepSecret(signature, Number.POSITIVE_INFINITY)
    return { headers: headers(signature, handshake) }
  }
}
