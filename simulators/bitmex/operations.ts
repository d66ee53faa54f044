import { readLossless } from '../../src/decode/lossless.js'
import { DecodeError } from '../../src/errors.js'
import type { WireRow } from '../kit/exact-json.js'

/** The object that a client sent; null where it is none. It is echoed in the answer as it was read. */
export function readOperation(text: string): WireRow | null {
  try {
    const value = readLossless(text)
    return value === null || typeof value !== 'object' || Array.isArray(value) ? null : value
  } catch (error) {
    if (error instanceof DecodeError) return null
    throw error
  }
}
