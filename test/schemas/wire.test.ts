import { expect, test } from 'vitest'
import { microseconds, milliseconds, seconds } from '../../schemas/wire.js'

test.each([
  ['seconds', seconds, 1_000_000, '8999999999', '9000000000'],
  ['milliseconds', milliseconds, 1_000, '8999999999999', '9000000000000'],
  ['microseconds', microseconds, 1, '8999999999999999', '9000000000000000'],
])('%s are of a moment whose microseconds are exact', (_unit, schema, micros, last, beyond) => {
  expect(Number.isSafeInteger(schema.parse(last) * micros)).toBe(true)
  expect(schema.parse('0')).toBe(0)
  for (const text of [beyond, `1${last}`, '1e9', '1.5', ''])
    expect(schema.safeParse(text).success).toBe(false)
})
