import type { FaultPlan, SeededRandom } from '../../src/simulator/index.js'

type Draft = FaultPlan['faults'][number]

/** What one proof alone shows, where the venue has it: a number, a checksum, a contradiction, a book that stays crossed. */
const PROVED_ALONE = [
  'drop',
  'duplicate',
  'reorder',
  'venue sequence-skipped',
  'venue sequence-repeated',
  'venue sequence-backwards',
  'venue sequence-reset',
  'venue update-lost',
  'venue checksum-wrong',
  'venue level-unknown',
  'venue update-unknown',
  'venue book-crossed',
] as const
/** Of these what is shown while the market is at rest. */
const PROVED_AT_REST = ['venue update-lost', 'venue checksum-wrong', 'venue book-crossed'] as const

const LOST = 'venue update-lost'
/** Single faults, far enough from each other for one to be healed before the next strikes. */
const AFTER_MS = [0, 4_000, 8_000] as const

const DEAD_SHARE = 0.25
/** Longer than any venue's liveness allows. */
const DEAD_FOR_MS = 48_000

/** When nothing else strikes. Milliseconds since the run began. */
export interface Quiet {
  /** The market is at rest from then on: one kind of fault strikes just before it. */
  readonly restMs: number
  /** Single faults strike from then on. */
  readonly loneMs: number
  /** A connection is dead from then on, in one plan of four: it would not stay so in a storm. */
  readonly deadMs: number
}

/**
 * Faults that strike one at a time. In a storm of them nearly every harm is healed by the next reconnect, so that a proof which
 * is missing would not be missed.
 *
 * @param without names that no plan of the venue has
 * @param hidden names that nothing at the venue may show: struck in place of the others where the plan has them
 */
export function loneFaults(
  random: SeededRandom,
  venueFaults: readonly string[],
  without: readonly string[],
  hidden: readonly string[],
  { restMs, loneMs, deadMs }: Quiet,
): Draft[] {
  const known = (name: string) =>
    !without.includes(name) && (!name.startsWith('venue ') || venueFaults.includes(name.slice(6)))
  const alone = (hidden.length > 0 ? hidden : PROVED_ALONE).filter(known)
  const faults = AFTER_MS.map((afterMs) =>
    draft(random, random.pick(alone), loneMs + afterMs + random.integer(0, 2_000)),
  )
  const atRest = PROVED_AT_REST.filter((name) => known(name) && !hidden.includes(name))
  if (random.chance(DEAD_SHARE)) faults.push({ fault: 'half-open', atMs: deadMs, durationMs: DEAD_FOR_MS })
  if (atRest.length === 0) return faults
  // What is lost may be told anew in the moment that is left: twice is lost more surely.
  const name = atRest.includes(LOST) && random.chance(0.5) ? LOST : random.pick(atRest)
  return [...faults, ...[0, 1].map(() => draft(random, name, restMs - random.integer(0, 250)))]
}

function draft(random: SeededRandom, name: string, atMs: number): Draft {
  switch (name) {
    case 'drop':
      return { fault: 'drop', atMs, times: random.integer(1, 3) }
    case 'duplicate':
      return { fault: 'duplicate', atMs }
    case 'reorder':
      return { fault: 'reorder', atMs, by: random.integer(1, 4) }
    case 'silence':
      return { fault: 'silence', atMs, durationMs: random.integer(1_000, 5_000) }
    default:
      return { fault: 'venue', name: name.replace(/^venue /, ''), atMs, pick: 'one' }
  }
}
