import { UsageError } from '../src/errors.js'
import { shownValue } from '../src/shown-value.js'
import { Tape } from './tape.js'

/**
 * For callers whose compiler does not hold them to the types.
 *
 * @param further what the call takes after the tape, as it is written: `, request`
 * @throws {UsageError} `bad_option`, with what to write.
 */
export function assertTape(call: string, tape: unknown, further = ''): void {
  if (tape instanceof Tape) return
  throw new UsageError(
    'bad_option',
    `${call} needs a tape that is open for reading: write ${call}(openTape('market.db')${further}) (got ${shownValue(tape)})`,
    { context: { field: 'tape' } },
  )
}
