import type { Micros } from '../schemas/events.js'
import { natureOf } from '../src/session/stream.js'
import { bookStartTypes } from './tape-schema.js'

/** Whether an event of this type begins a stream: any datum does, but of a book only a snapshot. */
export function beginsStream(channel: string, type: string): boolean {
  return natureOf({ channel }) !== 'book' || bookStartTypes.some((start) => start === type)
}

/** Why a stream that was asked for never began, as `record` and `verify` say it. */
export function whyNever(stream: {
  readonly channel: string
  readonly confirmedAt: Micros | null
  readonly refused: string | null
}): string {
  const { channel, confirmedAt, refused } = stream
  if (refused !== null) return `the venue does not give it: ${refused}`
  return natureOf({ channel }) === 'book' && confirmedAt !== null
    ? 'the venue confirmed it and never sent a snapshot'
    : 'it never came'
}
