import * as z from 'zod'
import { UsageError } from '../../src/errors.js'
import { keepSecretsOf } from '../../src/secrets.js'

/** The user's key and secret of the classic API. They appear in the login frame alone, and there the secret only signs. */
export interface Credentials {
  readonly key: string
  readonly secret: string
}

/** What a process offers; a browser has none. */
const surroundings = z.object({
  process: z.object({ env: z.object({ CEX_API_KEY: z.string().min(1), CEX_API_SECRET: z.string().min(1) }) }),
})

/**
 * The credentials of the options, else those of the environment (`CEX_API_KEY` and `CEX_API_SECRET`), read once when the
 * connector is made; null where there are none.
 *
 * @throws {UsageError} `bad_option` where only one of the two is given.
 */
export function credentialsOf(options: {
  readonly key?: string | undefined
  readonly secret?: string | undefined
}): Credentials | null {
  const { key, secret } = options
  if (key !== undefined && secret !== undefined) return { key, secret }
  if (key !== undefined || secret !== undefined) {
    const field = key === undefined ? 'key' : 'secret'
    throw new UsageError('bad_option', `cex: option ${field} is missing: key and secret come together`, {
      context: { venue: 'cex', field },
    })
  }
  const found = surroundings.safeParse(globalThis)
  if (!found.success) return null
  const { CEX_API_KEY, CEX_API_SECRET } = found.data.process.env
  keepSecretsOf(found.data.process.env)
  return { key: CEX_API_KEY, secret: CEX_API_SECRET }
}

/** @throws {UsageError} `credentials_missing`. */
export function credentialsMissing(channel: string): never {
  throw new UsageError(
    'credentials_missing',
    `cex: the channel ${channel} of the classic API needs a login: give the options key and secret, or set CEX_API_KEY and CEX_API_SECRET`,
    { context: { venue: 'cex', channel, field: 'key' } },
  )
}

/**
 * The login frame, the same for both generations.
 *
 * @param seconds Unix time; the venue takes it within 20 s of its own.
 */
export function loginFrame(
  { key, secret }: Credentials,
  seconds: number,
  hmacSha256: (secret: string, message: string) => string,
): string {
  const signature = hmacSha256(secret, `${seconds}${key}`)
  return JSON.stringify({ e: 'auth', auth: { key, signature, timestamp: seconds }, oid: 'auth' })
}

/** A sent frame as it may be written down: of a login only that there was one. */
export function redactLogin(frame: string): string {
  return frame.startsWith('{"e":"auth"') ? '{"e":"auth","auth":"(redacted)","oid":"auth"}' : frame
}
