import { closest, distance } from 'fastest-levenshtein'
import * as z from 'zod'
import { withArticle } from './shown-value.js'

/** Lists as they are written, by the option that takes them. */
const LISTS: Readonly<Record<string, string>> = {
  symbols: "['BTC/USD']",
  channels: "['trade', 'book']",
  venues: "['bitfinex']",
  types: "['trade']",
}

/** What each kind of value is called. */
const KINDS: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'an object',
  record: 'an object',
  array: 'a list',
  null: 'null',
  undefined: 'left out',
}

/**
 * Says what an option takes, for every rule that brings no words of its own. A message that a schema states itself is used
 * instead.
 */
export function optionSentence(issue: z.core.$ZodRawIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return `must be ${kindOf(issue.expected, issue.path?.at(-1))}`
    case 'invalid_value':
      return `must be ${oneOf(issue.values)}${nearOf(issue.input, issue.values)}`
    case 'too_small':
      return `must ${leastOf(issue)}`
    case 'too_big':
      return `must ${mostOf(issue)}`
    case 'invalid_union':
      return unionSentence(issue)
    case 'invalid_format':
      return issue.format === 'url' ? 'must be a URL' : `must have the form of ${issue.format}`
    case 'unrecognized_keys':
      return knownKeys(issue.keys[0] ?? '', issue.inst)
    default:
      return 'has a value that it cannot take'
  }
}

function kindOf(expected: string, option: PropertyKey | undefined): string {
  const example = expected === 'array' ? LISTS[String(option)] : undefined
  return example === undefined ? (KINDS[expected] ?? withArticle(expected)) : `a list such as ${example}`
}

function oneOf(values: readonly unknown[]): string {
  const words = values.map((value) => (typeof value === 'string' ? `'${value}'` : String(value)))
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`
}

function nearOf(input: unknown, values: readonly unknown[]): string {
  const words = values.filter((value) => typeof value === 'string')
  const near = typeof input === 'string' ? nearWord(input, words) : null
  return near === null || words.length < 2 ? '' : `; did you mean '${near}'?`
}

/** The word that somebody may have meant; null where none is near. */
export function nearWord(given: string, words: readonly string[]): string | null {
  if (words.length === 0 || given.length > 80) return null
  const same = words.find((word) => word.toLowerCase() === given.toLowerCase())
  if (same !== undefined) return same
  const near = closest(given, words)
  const allowed = near.length < 4 ? 1 : Math.max(2, Math.floor(near.length / 3))
  return distance(given, near) <= allowed ? near : null
}

type Sized = { readonly origin: string; readonly inclusive?: boolean | undefined }

function leastOf(issue: Sized & { readonly minimum: number | bigint }): string {
  const { origin, minimum, inclusive } = issue
  if (origin === 'string') return minimum === 1 ? 'not be empty' : `have at least ${minimum} characters`
  if (origin === 'array') return minimum === 1 ? 'not be empty' : `have at least ${minimum} items`
  return inclusive === false ? `be above ${minimum}` : `be at least ${minimum}`
}

function mostOf(issue: Sized & { readonly maximum: number | bigint }): string {
  const { origin, maximum, inclusive } = issue
  if (origin === 'string') return `have at most ${maximum} characters`
  if (origin === 'array') return `have at most ${maximum} items`
  return inclusive === false ? `be below ${maximum}` : `be at most ${maximum}`
}

/** What any of the alternatives wants of the value itself; where one of them fits but for something inside it, that. */
function unionSentence(issue: z.core.$ZodRawIssue<z.core.$ZodIssueInvalidUnion>): string {
  const wants = new Set<string>()
  for (const [first] of issue.errors) {
    if (first === undefined) continue
    if (first.path.length > 0) return `is wrong at ${first.path.join('.')}, which ${first.message}`
    wants.add(first.message.replace(/^must be /, ''))
  }
  return wants.size === 0 ? 'has a value that it cannot take' : `must be ${[...wants].join(' or ')}`
}

function knownKeys(given: string, schema: unknown): string {
  const known = schema instanceof z.ZodObject ? Object.keys(schema.shape) : []
  const near = nearWord(given, known)
  if (near !== null) return `; did you mean ${near}?`
  return known.length === 0 ? '' : `; there are ${known.join(', ')}`
}
