import { Decimal } from 'decimal.js'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decimal } from '../../../schemas/event-schemas.js'
import {
  absoluteDecimal,
  canonicalDecimal,
  compareDecimals,
  isoMicros,
  javascriptNumberText,
  negateDecimal,
} from '../../../src/decode/index.js'

const Exact = Decimal.clone({ precision: 2000, toExpNeg: -5000, toExpPos: 5000, minE: -5000, maxE: 5000 })

/** Numbers as wires spell them: leading and trailing zeros, signs, exponents. */
const wireNumber = fc
  .tuple(
    fc.constantFrom('', '-', '+'),
    fc.stringMatching(/^\d{1,25}$/),
    fc.option(fc.stringMatching(/^\d{1,25}$/), { nil: null }),
    fc.option(
      fc.tuple(fc.constantFrom('e', 'E'), fc.constantFrom('', '+', '-'), fc.integer({ min: 0, max: 60 })),
      { nil: null },
    ),
  )
  .map(([sign, whole, fraction, exponent]) => {
    const tail = exponent === null ? '' : exponent.join('')
    return `${sign}${whole}${fraction === null ? '' : `.${fraction}`}${tail}`
  })

const canonical = wireNumber.map(canonicalDecimal)

describe('canonical decimals', () => {
  test('are the exact value, in the one spelling that the events allow', () => {
    fc.assert(
      fc.property(wireNumber, (wire) => {
        const text = canonicalDecimal(wire)
        expect(text).toBe(new Exact(wire).toFixed().replace(/^-0$/, '0'))
        expect(decimal.safeParse(text).success).toBe(true)
        expect(canonicalDecimal(text)).toBe(text)
      }),
      { numRuns: 3000 },
    )
  })

  test.each([
    ['1.98E-4', '0.000198'],
    ['4.0E7', '40000000'],
    ['0E-18', '0'],
    ['-0.0', '0'],
    ['3080.000000000000000000', '3080'],
    ['2e-8', '0.00000002'],
    ['00012', '12'],
    ['100182534526255757567432481', '100182534526255757567432481'],
  ])('%s is %s', (wire, expected) => {
    expect(canonicalDecimal(wire)).toBe(expected)
  })

  test.each([
    '',
    '-',
    '.',
    '1.',
    '.5',
    'NaN',
    'Infinity',
    '1e',
    '0x10',
    '1,5',
    ' 1',
    '1e999999999',
    '9'.repeat(1001),
    'null',
  ])('%j is refused where it is no finite decimal', (wire) => {
    expect(() => canonicalDecimal(wire)).toThrow(expect.objectContaining({ code: 'not_decimal' }))
  })

  test('compare as numbers do', () => {
    fc.assert(
      fc.property(canonical, canonical, (a, b) => {
        expect(Math.sign(compareDecimals(a, b))).toBe(new Exact(a).comparedTo(b))
      }),
      { numRuns: 3000 },
    )
  })

  test('lose and turn their sign', () => {
    fc.assert(
      fc.property(canonical, (text) => {
        expect(absoluteDecimal(text)).toBe(new Exact(text).abs().toFixed())
        expect(new Exact(negateDecimal(text)).plus(text).isZero()).toBe(true)
        expect(negateDecimal(negateDecimal(text))).toBe(text)
      }),
    )
  })

  test('are printed as JavaScript prints the number', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        const text = value === 0 ? '0' : String(value)
        if (Math.abs(Math.log10(Math.abs(value) || 1)) > 300) return
        expect(javascriptNumberText(canonicalDecimal(text))).toBe(text)
      }),
      { numRuns: 3000 },
    )
  })
})

describe('ISO times', () => {
  test.each([
    ['2021-07-22T22:36:10.014Z', 1626993370014000],
    ['2021-07-22T22:39:23.637085Z', 1626993563637085],
    ['2026-09-23T04:33:57.057675320Z', 1790138037057675],
    ['2021-06-13T22:38:11.08Z', 1623623891080000],
    ['2021-06-14T01:54:00Z', 1623635640000000],
    ['2021-06-14T01:54:00', 1623635640000000],
    ['2021-06-14T03:54:00.5+02:00', 1623635640500000],
  ])('%s keeps its microseconds', (text, expected) => {
    expect(isoMicros(text)).toBe(expected)
  })

  test.each(['', 'yesterday', '2021-13-41T00:00:00Z', '1623635640'])('%j is refused', (text) => {
    expect(() => isoMicros(text)).toThrow(expect.objectContaining({ code: 'not_time' }))
  })
})
