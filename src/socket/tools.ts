import { createHmac } from 'node:crypto'
import { gunzipSync, inflateRawSync } from 'node:zlib'
import type { Tools } from '../connector.js'
import { DecodeError } from '../errors.js'
import { frameWithoutSecrets } from '../secrets.js'

/** Node's decompression and signing, bounded: no frame unpacks to more than `maxFrameBytes`. */
export function nodeTools(maxFrameBytes: number): Tools {
  const limit = { maxOutputLength: maxFrameBytes }
  return {
    gunzip: (bytes) => unpack(() => gunzipSync(bytes, limit), maxFrameBytes),
    inflateRaw: (bytes) => unpack(() => inflateRawSync(bytes, limit), maxFrameBytes),
    hmacSha256: (secret, message) => createHmac('sha256', secret).update(message).digest('hex'),
  }
}

function unpack(run: () => Buffer, maxFrameBytes: number): string {
  try {
    return frameWithoutSecrets(run().toString('utf8'))
  } catch (error) {
    const at = { path: [], head: '' }
    if (error instanceof RangeError || (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') {
      throw new DecodeError('oversize', `the frame unpacks to more than ${maxFrameBytes} bytes`, at, {
        cause: error,
      })
    }
    throw new DecodeError('undecodable', 'the frame cannot be unpacked', at, { cause: error })
  }
}
