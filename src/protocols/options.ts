import { UsageError } from '../errors.js'
import { didYouMean } from '../nearest.js'
import { shownValue } from '../shown-value.js'
import { isRecord } from './json-text.js'

/** What an option of a codec, or a field of a command, may be. */
export type Kind =
  | 'positive'
  | 'whole'
  | 'boolean'
  | 'function'
  | 'text'
  | 'object'
  | 'list'
  | 'texts'
  | 'record'
  | 'upTo2'

export const CHECKS: Readonly<
  Record<Kind, { readonly fits: (value: unknown) => boolean; readonly what: string }>
> = {
  positive: { fits: (value) => typeof value === 'number' && value > 0, what: 'a number above 0' },
  whole: {
    fits: (value) => Number.isSafeInteger(value) && Number(value) >= 0,
    what: 'a whole number from 0',
  },
  boolean: { fits: (value) => typeof value === 'boolean', what: 'true or false' },
  function: { fits: (value) => typeof value === 'function', what: 'a function' },
  text: { fits: (value) => typeof value === 'string' && value !== '', what: 'text that is not empty' },
  object: { fits: (value) => typeof value === 'object' && value !== null, what: 'an object' },
  list: { fits: Array.isArray, what: 'a list' },
  texts: {
    fits: (value) => Array.isArray(value) && value.every((each) => typeof each === 'string'),
    what: 'a list of texts',
  },
  record: { fits: isRecord, what: 'an object' },
  upTo2: { fits: (value) => value === 0 || value === 1 || value === 2, what: '0, 1 or 2' },
}

/** The options that every codec with subscriptions has. */
export const KEPT_OPTIONS = { maxSubscriptions: 'positive', maxSubscriptionBytes: 'positive' } as const

/**
 * Checks the options of a codec. zod would do the same, and a codec must be small enough for a page in a browser.
 *
 * @throws {UsageError} `bad_option`, naming field and value.
 */
export function checkOptions(protocol: string, options: object, kinds: Readonly<Record<string, Kind>>): void {
  if (typeof options !== 'object' || options === null) {
    throw new UsageError('bad_option', `${protocol}: options must be an object`)
  }
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined) continue
    const kind = Object.hasOwn(kinds, name) ? kinds[name] : undefined
    if (kind === undefined) {
      const hint = didYouMean(name, Object.keys(kinds))
      throw new UsageError('bad_option', `${protocol}: there is no option ${name}${hint}`, {
        context: { field: name },
      })
    }
    const { fits, what } = CHECKS[kind]
    if (fits(value)) continue
    throw new UsageError(
      'bad_option',
      `${protocol}: option ${name} must be ${what}, and is ${shownValue(value, [name])}`,
      { context: { field: name } },
    )
  }
}
