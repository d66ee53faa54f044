import * as z from 'zod'
import { DecodeError } from '../errors.js'
import { readLossless } from './lossless.js'

/**
 * Only the first fault of a frame is told, so only that is looked for: the list of all faults of 8 MB of wrong rows was measured to take
 * minutes and 4 GB. zod keeps this to itself as yet; `hostile-frames.test.ts` notices when it goes.
 */
const FIRST_ISSUE: z.core.ParseContextInternal<z.core.$ZodIssue> = { abortEarly: true }

/** Turns the text of a frame into the schema's output, with every JSON number as its exact text. */
export type Decoder<T> = (text: string) => T

/**
 * Makes the decoder of a schema: lossless reader first, then the compiled schema.
 *
 * @throws {DecodeError} from the decoder: `not_json`, or `schema_mismatch` with the path of the first mismatch.
 */
export function decoder<S extends z.ZodType>(schema: S): Decoder<z.output<S>> {
  const check = checker(schema)
  return (text) => check(readLossless(text), text)
}

/** As {@link decoder}, for a value that was read already: a venue that dispatches by a cheap key reads first. */
export function checker<S extends z.ZodType>(schema: S): (value: unknown, frame: string) => z.output<S> {
  const compiled = z.compile(schema)
  return (value, frame) => {
    const result = compiled.safeParse(value, FIRST_ISSUE)
    if (result.success) return result.data as z.output<S>
    throw mismatch(result.error, frame)
  }
}

function mismatch(error: z.ZodError, frame: string): DecodeError {
  const issue = error.issues[0]
  const path = (issue?.path ?? []).map((key) => (typeof key === 'number' ? key : String(key)))
  const where = path.length === 0 ? 'the frame' : path.join('.')
  return new DecodeError('schema_mismatch', `${where}: ${issue?.message ?? 'does not fit'}`, {
    path,
    head: frame,
  })
}
