import { deflateRawSync, gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DecodeError } from '../../../../src/errors.js'
import { fromBase64, toBase64, unpack } from '../../../../src/protocols/classic-signalr/grammar.js'
import { nodeTools } from '../../../../src/socket/tools.js'

const { inflateRaw } = nodeTools(10_000)

function codeOf(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    if (error instanceof DecodeError) return error.code
    throw error
  }
  return 'no error'
}

describe('packed bodies', () => {
  it('unpacks a ticker as Bittrex sent it on 2021-06-14', () => {
    const packed =
      'q1YqrsxNys9RslJyCnHWdQ0NUtJRykksLgkpSkxJDUosSQXKGBuZGJjrmVpaGoAAUEFSZgpCytBEz8zQHCaVWJyNkLIw1jOzgErVAgA='
    expect(unpack(packed, inflateRaw)).toBe(
      '{"symbol":"BTC-EUR","lastTradeRate":"32407.59900000","bidRate":"32414.61700000","askRate":"32483.68700000"}',
    )
  })

  it('unpacks whatever zlib deflates', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 500 }), (text) => {
        expect(unpack(deflateRawSync(text).toString('base64'), inflateRaw)).toBe(text)
      }),
    )
  })

  it('reads and writes base64 as everybody does', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const text = Buffer.from(bytes).toString('base64')
        expect(toBase64(bytes)).toBe(text)
        expect(fromBase64(text)).toEqual(Uint8Array.from(bytes))
      }),
    )
  })

  it.each(['AAA', 'AAA*', 'A===', '=AAA', 'AA=A', 'AAAA=AAA', 'ÄÖÜß', 'AAAA\n'])('refuses %j', (text) => {
    expect(codeOf(() => fromBase64(text))).toBe('undecodable')
  })

  it('refuses gzip, a stream that ends early, and what unpacks beyond the bound', () => {
    const whole = deflateRawSync('x'.repeat(100) + Math.PI)
    expect(codeOf(() => unpack(gzipSync('{}').toString('base64'), inflateRaw))).toBe('undecodable')
    expect(codeOf(() => unpack(whole.subarray(0, -4).toString('base64'), inflateRaw))).toBe('undecodable')
    const bomb = deflateRawSync('0'.repeat(1_000_000)).toString('base64')
    expect(codeOf(() => unpack(bomb, inflateRaw))).toBe('oversize')
  })
})
