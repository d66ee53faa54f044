import type { ConnectionOptions } from 'node:tls'
import type { Pem, TlsOptions } from './network-options.js'

/** The options as Node takes them: it wants its own Buffer for bytes. */
export function nodeTls({ ca, cert, key, pfx, ...rest }: TlsOptions): ConnectionOptions {
  return {
    ...rest,
    ...(ca !== undefined && { ca: buffers(ca) }),
    ...(cert !== undefined && { cert: buffers(cert) }),
    ...(key !== undefined && { key: buffer(key) }),
    ...(pfx !== undefined && { pfx: buffer(pfx) }),
  }
}

function buffers(given: Pem | readonly Pem[]): string | Buffer | (string | Buffer)[] {
  return typeof given === 'string' || given instanceof Uint8Array ? buffer(given) : given.map(buffer)
}

function buffer(given: Pem): string | Buffer {
  return typeof given === 'string' ? given : Buffer.from(given.buffer, given.byteOffset, given.byteLength)
}
