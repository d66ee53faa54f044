import { DecodeError } from '../errors.js'

/**
 * Exponents beyond this are refused: no market has them, and `1e999999999` must not become a gigabyte of zeros.
 */
const MAX_EXPONENT = 400
const MAX_LENGTH = 1000

const NUMBER = /^([+-]?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/

/**
 * The canonical text of a decimal: no exponent, no `+`, no redundant zeros, `-0` is `0`.
 *
 * Takes the number's text as it stood on the wire (`1.98E-4`, `100.0`, `2e-8`) and never goes through a binary float.
 *
 * @throws {DecodeError} code `not_decimal`, where the text is no finite decimal number.
 */
export function canonicalDecimal(wire: string): string {
  if (isCanonical(wire)) return wire
  const match = wire.length <= MAX_LENGTH ? NUMBER.exec(wire) : null
  if (match === null) return notDecimal(wire)
  const fraction = match[3] ?? ''
  const exponent = match[4] === undefined ? 0 : Number(match[4])
  if (!(Math.abs(exponent) <= MAX_EXPONENT)) return notDecimal(wire)
  const digits = (match[2] as string) + fraction
  const point = (match[2] as string).length + exponent
  const whole = point > 0 ? digits.slice(0, point).padEnd(point, '0') : ''
  const rest = point > 0 ? digits.slice(point) : '0'.repeat(-point) + digits
  const left = whole.replace(/^0+/, '') || '0'
  const right = rest.replace(/0+$/, '')
  const absolute = right === '' ? left : `${left}.${right}`
  return match[1] === '-' && absolute !== '0' ? `-${absolute}` : absolute
}

/**
 * Whether the text is already canonical, by one pass over its characters: nearly every number on the wire is, and this
 * is the hottest line of the toolkit.
 */
function isCanonical(text: string): boolean {
  let at = 0
  let code = text.charCodeAt(0)
  const negative = code === 45
  if (negative) code = text.charCodeAt(++at)
  if (code === 48) {
    if (text.length === at + 1) return !negative
    if (text.charCodeAt(at + 1) !== 46) return false
    code = text.charCodeAt(++at)
  } else {
    if (!(code >= 49 && code <= 57)) return false
    do code = text.charCodeAt(++at)
    while (code >= 48 && code <= 57)
  }
  if (at === text.length) return at <= MAX_LENGTH
  if (code !== 46) return false
  let last = 0
  while (++at < text.length) {
    last = text.charCodeAt(at)
    if (!(last >= 48 && last <= 57)) return false
  }
  return last >= 49 && at <= MAX_LENGTH
}

/**
 * A price, as canonical text: above zero. For markets whose prices can be negative (an index of premiums, a spread) there is
 * {@link canonicalDecimal}.
 *
 * @throws {DecodeError} `not_decimal`; `schema_mismatch` where it is zero or negative.
 */
export function positiveDecimal(wire: string): string {
  const decimal = canonicalDecimal(wire)
  if (decimal === '0' || decimal.charCodeAt(0) === 45) outOfRange(wire, 'above zero')
  return decimal
}

/**
 * An amount, as canonical text: zero or more.
 *
 * @throws {DecodeError} `not_decimal`; `schema_mismatch` where it is negative.
 */
export function unsignedDecimal(wire: string): string {
  const decimal = canonicalDecimal(wire)
  if (decimal.charCodeAt(0) === 45) outOfRange(wire, 'zero or more')
  return decimal
}

/** The decimal with its sign removed. */
export function absoluteDecimal(canonical: string): string {
  return canonical.charCodeAt(0) === 45 ? canonical.slice(1) : canonical
}

/** The decimal with its sign turned. */
export function negateDecimal(canonical: string): string {
  if (canonical === '0') return canonical
  return canonical.charCodeAt(0) === 45 ? canonical.slice(1) : `-${canonical}`
}

/**
 * Orders two canonical decimals as numbers: negative, zero or positive, as a sort comparator.
 * Exact for any length; no float and no allocation.
 */
export function compareDecimals(a: string, b: string): number {
  if (a === b) return 0
  const aNegative = a.charCodeAt(0) === 45
  if (aNegative !== (b.charCodeAt(0) === 45)) return aNegative ? -1 : 1
  return aNegative ? compareMagnitude(b, a) : compareMagnitude(a, b)
}

/** Where the last two numbers had their point: the prices of one book have it in the same place. */
let pointSeen = 1

/** With the point in the same place, the order of the texts is the order of the numbers. */
function compareMagnitude(a: string, b: string): number {
  if (a.charCodeAt(pointSeen) !== 46 || b.charCodeAt(pointSeen) !== 46) {
    const aPoint = a.indexOf('.')
    const bPoint = b.indexOf('.')
    const aWhole = aPoint === -1 ? a.length : aPoint
    const bWhole = bPoint === -1 ? b.length : bPoint
    if (aWhole !== bWhole) return aWhole - bWhole
    if (aPoint !== -1) pointSeen = aPoint
  }
  return a < b ? -1 : 1
}

/**
 * The text JavaScript would print for the number: plain from 1e-6 up to 1e21, exponent form outside.
 * Bitfinex signs its books over exactly this text.
 */
export function javascriptNumberText(canonical: string): string {
  const sign = canonical.charCodeAt(0) === 45 ? '-' : ''
  const absolute = sign === '' ? canonical : canonical.slice(1)
  const [whole = '0', fraction = ''] = absolute.split('.')
  if (whole === '0' && fraction !== '') {
    const zeros = fraction.length - fraction.replace(/^0+/, '').length
    if (zeros < 6) return canonical
    const digits = fraction.slice(zeros)
    return `${sign}${mantissa(digits)}e-${zeros + 1}`
  }
  if (whole.length < 22) return canonical
  return `${sign}${mantissa((whole + fraction).replace(/0+$/, ''))}e+${whole.length - 1}`
}

function mantissa(digits: string): string {
  return digits.length === 1 ? digits : `${digits.slice(0, 1)}.${digits.slice(1)}`
}

function outOfRange(wire: string, range: string): never {
  throw new DecodeError('schema_mismatch', `${JSON.stringify(wire.slice(0, 40))} must be ${range}`, {
    path: [],
    head: wire,
  })
}

function notDecimal(wire: string): never {
  throw new DecodeError('not_decimal', `${JSON.stringify(wire.slice(0, 40))} is not a decimal number`, {
    path: [],
    head: wire,
  })
}
