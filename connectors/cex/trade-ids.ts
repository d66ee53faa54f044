/**
 * Orders two trade ids of Spot Trading: `1678152145734-9` before `1678152145734-10`. They are milliseconds and a counter within
 * them, two integers, and as text the order would be wrong.
 */
export function compareTradeIds(a: string, b: string): number {
  const [aTime = '', aCounter = ''] = a.split('-')
  const [bTime = '', bCounter = ''] = b.split('-')
  return compareIntegers(aTime, bTime) || compareIntegers(aCounter, bCounter)
}

/** The greatest of the ids; null where there are none. */
export function newestTradeId(ids: Iterable<string>): string | null {
  let newest: string | null = null
  for (const id of ids) if (newest === null || compareTradeIds(id, newest) > 0) newest = id
  return newest
}

/** The milliseconds of an id. */
export function tradeIdMs(id: string): number {
  return Number(id.split('-')[0])
}

function compareIntegers(a: string, b: string): number {
  const difference = BigInt(a) - BigInt(b)
  return difference > 0n ? 1 : difference < 0n ? -1 : 0
}
