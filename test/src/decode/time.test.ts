import { describe, expect, it } from 'vitest'
import { isoMicros } from '../../../src/decode/index.js'

it.each([
  ['2026-11-30T22:37:04.1234567Z', 1_796_078_224_123_456],
  ['2024-02-29T23:59:59Z', 1_709_251_199_000_000],
  ['2024-03-01T01:00:00+02:00', 1_709_247_600_000_000],
  ['2254-12-31T00:00:00Z', Date.UTC(2254, 11, 31) * 1000],
])('%s is %i', (text, micros) => {
  expect(isoMicros(text)).toBe(micros)
})

describe('no time that a tape could not be read with', () => {
  it.each(['2255-01-01T00:00:00Z', '9999-12-31T23:59:59Z', '2026-02-30T00:00:00Z', '2026-04-31T00:00:00Z'])(
    '%s',
    (text) => {
      expect(() => isoMicros(text)).toThrow(expect.objectContaining({ code: 'not_time' }))
    },
  )
})
