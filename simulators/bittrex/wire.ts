import type { Level, Micros } from '../../schemas/events.js'
import { toBase64 } from '../../src/protocols/classic-signalr/grammar.js'
import { deflateRawStored } from '../../src/simulator/stored-compression.js'
import { encode, type WireRow } from '../kit/exact-json.js'

/** A message as the hub pushes it, before it is packed. */
export interface Push {
  readonly topic: string
  readonly method: string
  readonly body: Body
}

/** What a body holds: numbered where the venue numbers it. */
export interface Body extends WireRow {
  readonly sequence?: number
}

/** A message as it goes out. */
export interface PackedPush {
  readonly method: string
  readonly packed: string
}

/** Packs a body as the hub does. Stored, not squeezed: every inflater reads that, and it needs no help of the platform. */
export function packBody(text: string): string {
  return toBase64(deflateRawStored(text))
}

export function packed({ method, body }: Push): PackedPush {
  return { method, packed: packBody(encode(body)) }
}

/** Numbers and amounts have eight decimals on the wire, whatever the market's. Zero is bare. */
export const WIRE_DECIMALS = 8

/** Eight decimals, but a bare zero. */
export function wire(canonical: string): string {
  if (canonical === '0') return '0'
  const point = canonical.indexOf('.')
  return point === -1
    ? `${canonical}.${'0'.repeat(WIRE_DECIMALS)}`
    : canonical.slice(0, point + 1 + WIRE_DECIMALS).padEnd(point + 1 + WIRE_DECIMALS, '0')
}

export function wireLevel([price, amount]: Level) {
  return { quantity: wire(amount), rate: wire(price) }
}

/** ISO 8601 without the zeros at the end of its fraction. */
export function wireTime(micros: Micros): string {
  return new Date(Math.floor(micros / 1000)).toISOString().replace(/\.?0*Z$/, 'Z')
}
