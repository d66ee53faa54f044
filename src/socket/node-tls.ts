import { createHash, X509Certificate } from 'node:crypto'
import { type ConnectionOptions, checkServerIdentity } from 'node:tls'
import { UsageError } from '../errors.js'
import type { Pem, TlsOptions } from './network-options.js'

/**
 * The options as Node takes them: it wants its own Buffer for bytes, and knows no pins.
 *
 * @throws {UsageError} `bad_option` for a pin that is none, or where no certificate would be checked.
 */
export function nodeTls({ ca, cert, key, pfx, pins, ...rest }: TlsOptions): ConnectionOptions {
  return {
    ...rest,
    ...(ca !== undefined && { ca: buffers(ca) }),
    ...(cert !== undefined && { cert: buffers(cert) }),
    ...(key !== undefined && { key: buffer(key) }),
    ...(pfx !== undefined && { pfx: buffer(pfx) }),
    ...(pins !== undefined && pinned(pins, rest)),
  }
}

const PIN = /^sha256\/[A-Za-z0-9+/]{43}=$/

function pinned(pins: readonly string[], { rejectUnauthorized }: TlsOptions): ConnectionOptions {
  const context = { field: 'tls.pins' }
  if (!Array.isArray(pins) || pins.length === 0 || !pins.every((pin) => PIN.test(pin))) {
    const text =
      'option tls.pins must be a list such as ["sha256/…="], the base64 of the SHA-256 of a public key'
    throw new UsageError('bad_option', text, { context })
  }
  if (rejectUnauthorized === false) {
    const text =
      'option tls.pins checks nothing beside rejectUnauthorized: false; give the certificate as tls.ca'
    throw new UsageError('bad_option', text, { context })
  }
  return {
    checkServerIdentity(host, certificate) {
      const wrong = checkServerIdentity(host, certificate)
      if (wrong !== undefined) return wrong
      const key = new X509Certificate(certificate.raw).publicKey.export({ type: 'spki', format: 'der' })
      const pin = `sha256/${createHash('sha256').update(key).digest('base64')}`
      if (pins.includes(pin)) return undefined
      return Object.assign(new Error(`its public key is ${pin}, which is not pinned`), {
        code: 'ERR_TLS_PIN',
      })
    },
  }
}

function buffers(given: Pem | readonly Pem[]): string | Buffer | (string | Buffer)[] {
  return typeof given === 'string' || given instanceof Uint8Array ? buffer(given) : given.map(buffer)
}

function buffer(given: Pem): string | Buffer {
  return typeof given === 'string' ? given : Buffer.from(given.buffer, given.byteOffset, given.byteLength)
}
