import type { Micros } from '../../schemas/events.js'

/** A message as the hub pushes it, before it is packed. */
export interface Push {
  readonly topic: string
  readonly method: string
  readonly body: Body
}

/** What a body holds: numbered where the venue numbers it. */
export interface Body {
  readonly sequence?: number
  readonly [key: string]: unknown
}

/** Numbers and amounts have eight decimals on the wire, whatever the market's. Zero is bare. */
export const WIRE_DECIMALS = 8

/** Eight decimals, but a bare zero. */
export function wire(canonical: string): string {
  if (canonical === '0') return '0'
  const point = canonical.indexOf('.')
  return point === -1
    ? `${canonical}.${'0'.repeat(WIRE_DECIMALS)}`
    : canonical.padEnd(point + 1 + WIRE_DECIMALS, '0')
}

/** ISO 8601 without the zeros at the end of its fraction. */
export function wireTime(micros: Micros): string {
  return new Date(Math.floor(micros / 1000)).toISOString().replace(/\.?0*Z$/, 'Z')
}
