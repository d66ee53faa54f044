import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type LosslessValue, readLossless } from '../../../src/decode/index.js'
import { DecodeError } from '../../../src/errors.js'

/** What JSON.parse would have said, had it been told the text of each number. */
function asFloats(value: LosslessValue, path: string, numbers: ReadonlySet<string>): unknown {
  if (typeof value === 'string') return numbers.has(path) ? Number(value) : value
  if (Array.isArray(value)) return value.map((item, index) => asFloats(item, `${path}/${index}`, numbers))
  if (value === null || typeof value === 'boolean') return value
  const entries = Object.entries(value).map(([key, item]) => [key, asFloats(item, `${path}/${key}`, numbers)])
  return Object.fromEntries(entries)
}

function numberPaths(value: unknown, path = '', found = new Set<string>()): Set<string> {
  if (typeof value === 'number') found.add(path)
  else if (Array.isArray(value))
    for (const [index, item] of value.entries()) numberPaths(item, `${path}/${index}`, found)
  else if (typeof value === 'object' && value !== null) {
    for (const [key, item] of Object.entries(value)) numberPaths(item, `${path}/${key}`, found)
  }
  return found
}

/** White space wherever JSON allows it. */
function spaced(text: string, spaces: readonly string[]): string {
  let at = 0
  return text.replace(/"(?:[^"\\]|\\.)*"|[[\]{}:,]/g, (token) => {
    if (token.startsWith('"')) return token
    const space = spaces[at++ % spaces.length] ?? ''
    return `${space}${token}${space}`
  })
}

function outcome(run: () => unknown): 'accepted' | 'refused' {
  try {
    run()
    return 'accepted'
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof DecodeError) return 'refused'
    throw error
  }
}

describe('the lossless reader', () => {
  test('reads what JSON.parse reads, on any JSON and any white space', () => {
    fc.assert(
      fc.property(
        fc.jsonValue({ maxDepth: 6 }),
        fc.array(fc.constantFrom('', ' ', '\n', '\t', '\r\n ')),
        (value, spaces) => {
          const text = spaced(JSON.stringify(value), spaces)
          const parsed: unknown = JSON.parse(text)
          expect(asFloats(readLossless(text), '', numberPaths(parsed))).toEqual(parsed)
        },
      ),
      { numRuns: 2000 },
    )
  })

  test('accepts and refuses exactly what JSON.parse does, on broken JSON', () => {
    const damage = fc.tuple(
      fc.jsonValue({ maxDepth: 4 }),
      fc.nat(),
      fc.constantFrom('', '"', ',', '[', '}', '-', '.', 'e', '0', '\\', '\u0001', 'x'),
    )
    fc.assert(
      fc.property(damage, ([value, position, insert]) => {
        const text = JSON.stringify(value)
        const at = position % (text.length + 1)
        for (const broken of [
          text.slice(0, at) + insert + text.slice(at),
          text.slice(0, at),
          text.slice(0, at) + text.slice(at + 1),
        ]) {
          expect([broken, outcome(() => readLossless(broken))]).toEqual([
            broken,
            outcome(() => JSON.parse(broken)),
          ])
        }
      }),
      { numRuns: 2000 },
    )
  })

  test('keeps every digit of a number, and its spelling', () => {
    const frame = '[1.98E-4,100.0,-0,2e-8,100182534526255757567432481,0.1000000000000000055511151231257827]'
    expect(readLossless(frame)).toEqual([
      '1.98E-4',
      '100.0',
      '-0',
      '2e-8',
      '100182534526255757567432481',
      '0.1000000000000000055511151231257827',
    ])
  })

  test('a key named __proto__ is an ordinary key', () => {
    const value = readLossless('{"__proto__":{"polluted":true},"a":1}')
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype)
    expect(Object.keys(value as object)).toEqual(['__proto__', 'a'])
    expect('polluted' in {}).toBe(false)
  })

  test('keys of one length and first letter are not mixed up', () => {
    expect(readLossless('[{"price":1},{"pride":2},{"price":3},{"p\\u0072ice":4}]')).toEqual([
      { price: '1' },
      { pride: '2' },
      { price: '3' },
      { price: '4' },
    ])
  })

  test('nesting beyond any venue is refused, not a crash', () => {
    expect(outcome(() => readLossless('['.repeat(100_000)))).toBe('refused')
    expect(outcome(() => readLossless(`${'['.repeat(128)}${']'.repeat(128)}`))).toBe('accepted')
  })

  test('the error says where and shows the head of the frame', () => {
    const error = (() => {
      try {
        return readLossless('{"a":nope}')
      } catch (caught) {
        return caught
      }
    })()
    expect(error).toBeInstanceOf(DecodeError)
    expect(error).toMatchObject({
      code: 'not_json',
      head: '{"a":nope}',
      message: expect.stringContaining('position 5'),
    })
  })
})
