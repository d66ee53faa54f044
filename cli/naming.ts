import { slips } from '../src/nearest.js'

/** What can be named: by its unified symbol, or by the venue's own id. */
export interface Named {
  readonly symbol: string
  readonly instrument: string
}

/** How many names a sentence offers. */
const NEAREST = 3

/**
 * What a name means. Beyond doubt are the venue's own id as the venue spells it, and a unified symbol (with its `/`, in any
 * case). Any other spelling is everything that it may be without regard to case and to what stands between base and quote:
 * `btc-usdt` may be the spot market `btcusdt` and the contract `BTC-USDT`. None where nothing is like it.
 */
export function meant<T extends Named>(text: string, all: readonly T[]): T[] {
  const unified = text.toUpperCase()
  const readings: readonly ((name: T) => boolean)[] = [
    ({ symbol, instrument }) => symbol === text || instrument === text,
    ({ symbol }) => text.includes('/') && symbol.toUpperCase() === unified,
    ({ symbol, instrument }) => bare(symbol) === bare(text) || bare(instrument) === bare(text),
  ]
  for (const fits of readings) {
    const found = all.filter(fits)
    if (found.length > 0) return found
  }
  return []
}

/** `; did you mean A, B or C?`, or nothing where no name is near. */
export function suggestion(text: string, all: readonly Named[]): string {
  const wanted = text.toUpperCase()
  const near = all
    .map(({ symbol, instrument }) => {
      const apart = [symbol, instrument].map((name) => slips(wanted, name.toUpperCase()) ?? Infinity)
      return { symbol, apart: Math.min(...apart) }
    })
    .filter(({ apart }) => apart !== Infinity)
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
