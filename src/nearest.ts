import { distance } from 'fastest-levenshtein'

/**
 * The name that a slip of the pen would make of this one: a third of its letters are wrong at most, or two of them changed
 * places. Null where no name is so near, for a far-fetched hint leads astray.
 */
export function nearest(text: string, names: readonly string[]): string | null {
  const wanted = text.toUpperCase()
  let best: { readonly name: string; readonly apart: number } | null = null
  for (const name of names) {
    const apart = slips(wanted, name.toUpperCase())
    if (apart !== null && (best === null || apart < best.apart)) best = { name, apart }
  }
  return best === null ? null : best.name
}

/** `; did you mean drop?`, or nothing where no name is near. */
export function didYouMean(text: string, names: readonly string[]): string {
  const near = nearest(text, names)
  return near === null ? '' : `; did you mean ${near}?`
}

/**
 * How far a name is from the one that is meant, where a slip explains it; else null. A base (`BTC` of `BTC/USD`) is compared with
 * a base: an asset is not another one because both are quoted in dollars.
 */
export function slips(wanted: string, name: string): number | null {
  const [base = '', quote] = halves(wanted)
  const [otherBase = '', otherQuote] = halves(name)
  if (quote === undefined || otherQuote === undefined) return slipsOfWord(wanted, name)
  const [first, second] = [slipsOfWord(base, otherBase), slipsOfWord(quote, otherQuote)]
  return first === null || second === null ? null : first + second
}

function halves(name: string): string[] {
  const at = name.search(/[/_-]/)
  return at < 1 ? [name] : [name.slice(0, at), name.slice(at + 1)]
}

function slipsOfWord(wanted: string, name: string): number | null {
  const apart = distance(wanted, name)
  if (apart <= Math.round(wanted.length / 3)) return apart
  return apart === 2 && letters(wanted) === letters(name) ? apart : null
}

function letters(word: string): string {
  return [...word].sort().join('')
}
