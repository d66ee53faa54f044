/** The heap of a process at a moment, after a collection. */
export interface Weight {
  readonly atMs: number
  readonly bytes: number
}

/** A straight line through weights. */
export interface HeapLine {
  readonly fromBytes: number
  readonly toBytes: number
  readonly seconds: number
  readonly bytesPerSecond: number
  /** The uncertainty of the slope: one standard error, by the scatter of the weights around the line. */
  readonly errorBytesPerSecond: number
}

/**
 * The least weight of each span: what is only on its way (a batch of the recorder, a frame that is being read) adds to a
 * weight, and nothing takes away from it.
 */
export function heapFloor(weights: readonly Weight[], spanMs: number): Weight[] {
  const least = new Map<number, Weight>()
  for (const weight of weights) {
    const span = Math.floor(weight.atMs / spanMs)
    if (weight.bytes < (least.get(span)?.bytes ?? Number.POSITIVE_INFINITY)) least.set(span, weight)
  }
  return [...least.values()]
}

/** Fewer weights tell nothing of a slope. */
const FEWEST = 10

/** The line by least squares; null where there are too few weights. */
export function heapLine(weights: readonly Weight[]): HeapLine | null {
  const [first] = weights
  const last = weights.at(-1)
  if (first === undefined || last === undefined || weights.length < FEWEST) return null
  const mean = (pick: (weight: Weight) => number) =>
    weights.reduce((sum, weight) => sum + pick(weight), 0) / weights.length
  const [time, bytes] = [mean(({ atMs }) => atMs), mean((weight) => weight.bytes)]
  const spread = weights.reduce((sum, { atMs }) => sum + (atMs - time) ** 2, 0)
  const slope =
    weights.reduce((sum, weight) => sum + (weight.atMs - time) * (weight.bytes - bytes), 0) / spread
  const at = (atMs: number) => bytes + slope * (atMs - time)
  const scatter = weights.reduce((sum, weight) => sum + (weight.bytes - at(weight.atMs)) ** 2, 0)
  return {
    fromBytes: at(first.atMs),
    toBytes: at(last.atMs),
    seconds: (last.atMs - first.atMs) / 1000,
    bytesPerSecond: slope * 1000,
    errorBytesPerSecond: Math.sqrt(scatter / (weights.length - 2) / spread) * 1000,
  }
}
