import { createHmac } from 'node:crypto'
import { gunzipSync, inflateRawSync } from 'node:zlib'
import type { Tools } from '../connector.js'
import { DecodeError } from '../errors.js'
import { frameWithoutSecrets } from '../secrets.js'

/** Node's decompression and signing, bounded: no frame unpacks to more than `maxFrameBytes`. */
export function nodeTools(maxFrameBytes: number): Tools {
  const limit = (maxBytes = maxFrameBytes) => Math.min(maxBytes, maxFrameBytes)
  return {
    gunzip: (bytes, maxBytes) => unpack(gunzipSync, bytes, limit(maxBytes)),
    inflateRaw: (bytes, maxBytes) => unpack(inflateRawSync, bytes, limit(maxBytes)),
    hmacSha256: (secret, message) => createHmac('sha256', secret).update(message).digest('hex'),
  }
}

type Inflate = (bytes: Uint8Array, options: { readonly maxOutputLength: number }) => Buffer

/** zlib stops as soon as more has come out. */
function unpack(inflate: Inflate, bytes: Uint8Array, maxBytes: number): string {
  try {
    return frameWithoutSecrets(inflate(bytes, { maxOutputLength: maxBytes }).toString('utf8'))
  } catch (error) {
    const at = { path: [], head: '' }
    if (error instanceof RangeError || (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') {
      throw new DecodeError('oversize', `the frame unpacks to more than ${maxBytes} bytes`, at, {
        cause: error,
      })
    }
    throw new DecodeError('undecodable', 'the frame cannot be unpacked', at, { cause: error })
  }
}
