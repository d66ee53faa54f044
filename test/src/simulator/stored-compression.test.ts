import { gunzipSync, inflateRawSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { crc32, deflateRawStored, gzipStored } from '../../../src/simulator/stored-compression.js'

describe('stored compression', () => {
  it('is read by every inflater, for any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => {
        expect(gunzipSync(gzipStored(text)).toString('utf8')).toBe(text)
        expect(inflateRawSync(deflateRawStored(text)).toString('utf8')).toBe(text)
      }),
    )
  })

  it.each([0, 1, 65_534, 65_535, 65_536, 131_070, 200_000])(
    'holds %i bytes, over as many blocks as it takes',
    (length) => {
      const text = 'x'.repeat(length)
      expect(gunzipSync(gzipStored(text)).toString('latin1')).toBe(text)
      expect(inflateRawSync(deflateRawStored(text)).toString('latin1')).toBe(text)
    },
  )

  it('begins as gzip does', () => {
    expect([...gzipStored('').subarray(0, 3)]).toEqual([0x1f, 0x8b, 8])
  })

  it('has the checksum that everybody computes', () => {
    expect(crc32(new TextEncoder().encode('123456789'))).toBe(0xcbf4_3926)
  })
})
