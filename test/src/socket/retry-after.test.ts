import { describe, expect, it } from 'vitest'
import { retryAfterMs } from '../../../src/socket/retry-after.js'

const now = Date.UTC(2026, 8, 1, 12, 0, 0) * 1000

describe('Retry-After', () => {
  it.each([
    ['30', 30_000],
    [' 0 ', 0],
    ['1.5', 1_500],
    ['99999999999', 99_999_999_999_000],
    ['Tue, 01 Sep 2026 12:01:00 GMT', 60_000],
    ['Tuesday, 01-Sep-26 12:01:00 GMT', 60_000],
    ['Tue Sep  1 12:01:00 2026 GMT', 60_000],
    ['Tue, 01 Sep 2026 11:00:00 GMT', 0],
  ])('%j is %j ms', (value, expected) => {
    expect(retryAfterMs({ 'retry-after': value }, now)).toBe(expected)
  })

  it.each(['', 'soon', '-5', '30s', 'foo 5'])('%j says nothing', (value) => {
    expect(retryAfterMs({ 'retry-after': value }, now)).toBe(null)
  })

  it('is null where there is none', () => {
    expect(retryAfterMs({}, now)).toBe(null)
  })

  it('measures a date against the server clock, which may be wrong by more than the wait', () => {
    const headers = {
      'retry-after': 'Tue, 01 Sep 2026 14:00:30 GMT',
      date: 'Tue, 01 Sep 2026 14:00:00 GMT',
    }
    expect(retryAfterMs(headers, now)).toBe(30_000)
  })
})
