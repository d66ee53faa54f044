import { distance } from 'fastest-levenshtein'

/** What can be named: by its unified symbol, or by the venue's own id. */
export interface Named {
  readonly symbol: string
  readonly instrument: string
}

/** How many names a sentence offers. */
const NEAREST = 3

/**
 * What a name means: what it is exactly; else in any case; else without regard to what stands between base and quote
 * (`btc-usd`). More than one where that is not beyond doubt, none where nothing is like it.
 */
export function meant<T extends Named>(text: string, all: readonly T[]): T[] {
  for (const form of [(name: string) => name, (name: string) => name.toUpperCase(), bare]) {
    const wanted = form(text)
    const found = all.filter(
      ({ symbol, instrument }) => form(symbol) === wanted || form(instrument) === wanted,
    )
    if (found.length > 0) return found
  }
  return []
}

/** `; did you mean A, B or C?`, or nothing where no name is near. */
export function suggestion(text: string, all: readonly Named[]): string {
  const wanted = bare(text)
  const near = all
    .map(({ symbol, instrument }) => ({
      symbol,
      apart: Math.min(distance(wanted, bare(symbol)), distance(wanted, bare(instrument))),
    }))
    .filter(({ apart }) => apart <= Math.max(2, wanted.length / 2))
    .sort((a, b) => a.apart - b.apart)
    .map(({ symbol }) => symbol)
  const nearest = [...new Set(near)].slice(0, NEAREST)
  return nearest.length === 0 ? '' : `; did you mean ${either(nearest)}?`
}

/** `A, B or C`; a few of them where there are many. */
export function either(names: readonly string[]): string {
  const few = names.slice(0, NEAREST * 2)
  const rest = names.length - few.length
  if (rest > 0) return `${few.join(', ')} or one of ${rest} more`
  return few.length < 2 ? few.join('') : `${few.slice(0, -1).join(', ')} or ${few.at(-1)}`
}

/** Letters and digits alone, and what a contract settles in, where the name says it. */
function bare(name: string): string {
  return name.toUpperCase().replace(/[^A-Z0-9:]/g, '')
}
