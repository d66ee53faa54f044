import * as z from 'zod'

/**
 * The pieces that wire schemas share. A frame reaches its schema through the lossless reader, so a JSON number is its
 * exact text: `1.98E-4` arrives as `"1.98E-4"`.
 */

/**
 * Text that must be a decimal number. The schema only proves that it is text: `canonicalDecimal`, through which every
 * price and amount goes, proves the rest and was measured to cost a quarter of what a second check by regular expression
 * would add to a book frame.
 */
export const number = z.string()

/** A JSON integer (or its text) that fits 2^53: channel numbers, milliseconds, counts. */
export const integer = z
  .string()
  .regex(/^-?\d{1,15}$/, { error: 'must be an integer', abort: true })
  .transform(Number)

/**
 * Seconds, milliseconds and microseconds of a moment. Events have microseconds, which fit 2^53 until the year 2255: a later time is
 * none, and would make an event that no reader of a tape takes.
 */
export const seconds = moment(9)
export const milliseconds = moment(12)
export const microseconds = moment(15)

function moment(digits: number) {
  return z
    .string()
    .regex(new RegExp(`^-?[0-8]?\\d{1,${digits}}$`), {
      error: 'must be a time before the year 2255',
      abort: true,
    })
    .transform(Number)
}
