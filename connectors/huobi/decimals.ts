import { canonicalDecimal } from '../../src/decode/index.js'
import { DecodeError } from '../../src/errors.js'

type Path = readonly (string | number)[]

/**
 * The canonical decimal of a number of a frame.
 *
 * @param read decides what the number may be: `positiveDecimal` for a price, `unsignedDecimal` for an amount
 * @throws {DecodeError} `not_decimal`, `schema_mismatch`, with the number's path.
 */
export function decimalAt(wire: string, path: Path, read = canonicalDecimal): string {
  try {
    return read(wire)
  } catch (error) {
    throw error instanceof DecodeError ? error.within('', path) : error
  }
}

/** As {@link decimalAt}; null where the frame has none. */
export function decimalOrNull(wire: string | null | undefined, path: Path): string | null {
  return wire === null || wire === undefined ? null : decimalAt(wire, path)
}
