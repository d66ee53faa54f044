import { DecodeError } from '../errors.js'

/** Longer than any id that a venue was seen to send, composite ones included. */
export const LONGEST_ID = 256

/**
 * An id (of a trade, an order, a block) as it may be remembered: what a venue sends must not fill memory.
 *
 * @throws {DecodeError} `schema_mismatch`, where it is longer than {@link LONGEST_ID}.
 */
export function identifier(text: string, path: readonly (string | number)[] = ['id']): string {
  if (text.length <= LONGEST_ID) return text
  throw new DecodeError(
    'schema_mismatch',
    `an id of ${text.length} characters, where ${LONGEST_ID} are allowed`,
    { path, head: text },
  )
}
