import { describe, expect, test } from 'vitest'
import * as z from 'zod'
import { decoder } from '../../../src/decode/index.js'

const trade = z.object({ symbol: z.string(), rows: z.array(z.tuple([z.string(), z.string()])) })

describe('a decoder', () => {
  test('gives the output of the schema with numbers as their text', () => {
    expect(decoder(trade)('{"symbol":"X","rows":[[1.10,2e-8]],"more":1}')).toEqual({
      symbol: 'X',
      rows: [['1.10', '2e-8']],
    })
  })

  test('says where a frame does not fit', () => {
    expect(() => decoder(trade)('{"symbol":"X","rows":[[1,2],[3,null]]}')).toThrow(
      expect.objectContaining({
        code: 'schema_mismatch',
        path: ['rows', 1, 1],
        head: expect.stringContaining('"X"'),
      }),
    )
  })

  test('passes on that a frame is no JSON', () => {
    expect(() => decoder(trade)('<html>')).toThrow(expect.objectContaining({ code: 'not_json' }))
  })
})
