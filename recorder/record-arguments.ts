import { UsageError } from '../src/errors.js'
import { shownValue } from '../src/shown-value.js'
import { Recorder } from './recorder.js'
import { Tape } from './tape.js'

const OPEN_TO_RECORD = "openTape('market.db', { mode: 'write' })"

/**
 * For callers whose compiler does not hold them to the types.
 *
 * @throws {UsageError} `bad_option`, with what to write.
 */
export function assertRecordable(feed: unknown, recorder: unknown): void {
  if (feed instanceof Recorder) {
    throw misuse('feed', `the feed comes first: write record(feed, ${OPEN_TO_RECORD})`)
  }
  if (!isFeed(feed)) {
    throw misuse('feed', `record needs a feed, such as openFeed gives (got ${shownValue(feed)})`)
  }
  if (recorder instanceof Tape) {
    throw misuse('recorder', `the tape is open for reading: write record(feed, ${OPEN_TO_RECORD})`)
  }
  if (!(recorder instanceof Recorder)) {
    const given = shownValue(recorder)
    throw misuse(
      'recorder',
      `record needs a tape that is open for recording: write record(feed, ${OPEN_TO_RECORD}) (got ${given})`,
    )
  }
}

/** Closes what {@link assertRecordable} or a wrong option refused, whatever it is; a tape without data is removed. */
export async function closeRefused(given: readonly unknown[]): Promise<void> {
  for (const one of given) {
    if (one instanceof Recorder) await one.abandon()
    else if (isClosable(one)) await one.close()
  }
}

function isFeed(given: unknown): boolean {
  if (typeof given !== 'object' || given === null) return false
  return 'reader' in given && 'streams' in given && isClosable(given)
}

function isClosable(given: unknown): given is { close(): unknown } {
  return typeof given === 'object' && given !== null && 'close' in given && typeof given.close === 'function'
}

function misuse(field: string, message: string): UsageError {
  return new UsageError('bad_option', message, { context: { field } })
}
