import { createHash, type Hash } from 'node:crypto'
import type { MarketEvent } from '../../schemas/events.js'

/** Of each type its count, as text, and the hash of each of its fields; under `order` that of the sequence of streams and types. */
export type EventHashes = Readonly<Record<string, Readonly<Record<string, string>>>>

/** Characters that are kept of a SHA-256: what is compared is a few hundred values, and nobody tries to forge one. */
const KEPT = 12
/** A hash is fed in pieces of this length: many small ones take five times as long. */
const PIECE = 65_536

/**
 * Hashes the values that each field of each type of event takes, one field apart from the other: a field that is changed on
 * purpose changes no hash but its own.
 */
export class EventHasher {
  readonly #order = new ValueHash()
  readonly #types = new Map<string, { count: number; readonly fields: Map<string, ValueHash> }>()

  add(event: MarketEvent): void {
    const stream = 'channel' in event ? `${event.channel} ${event.instrument}` : ''
    this.#order.add(`${event.type} ${event.venue} ${stream}`)
    let type = this.#types.get(event.type)
    if (type === undefined) {
      type = { count: 0, fields: new Map() }
      this.#types.set(event.type, type)
    }
    type.count++
    for (const [name, value] of Object.entries(event)) {
      if (name === 'type') continue
      let field = type.fields.get(name)
      if (field === undefined) {
        field = new ValueHash()
        type.fields.set(name, field)
      }
      field.add(JSON.stringify(value))
    }
  }

  /** Ends the hashes; types and fields in the order of the alphabet. */
  end(): EventHashes {
    const types = [...this.#types].map(([name, { count, fields }]) => {
      const hashes = [...fields].map(([field, hash]) => [field, hash.end()] as const).sort(byName)
      return [name, { count: String(count), ...Object.fromEntries(hashes) }] as const
    })
    return { order: { all: this.#order.end() }, ...Object.fromEntries(types.sort(byName)) }
  }
}

class ValueHash {
  readonly #hash: Hash = createHash('sha256')
  #piece = ''

  add(value: string): void {
    this.#piece += `${value}\n`
    if (this.#piece.length >= PIECE) this.#feed()
  }

  end(): string {
    this.#feed()
    return this.#hash.digest('hex').slice(0, KEPT)
  }

  #feed(): void {
    this.#hash.update(this.#piece)
    this.#piece = ''
  }
}

/** One sentence for each field that is not as it was. */
export function differences(capture: string, was: EventHashes, is: EventHashes): string[] {
  const found: string[] = []
  for (const type of union(was, is)) {
    const [before, after] = [was[type], is[type]]
    if (before === undefined) found.push(`${capture}: events of type ${type} are new`)
    else if (after === undefined) found.push(`${capture}: events of type ${type} are gone`)
    else found.push(...union(before, after).flatMap((field) => change(capture, type, field, before, after)))
  }
  return found
}

function change(
  capture: string,
  type: string,
  field: string,
  was: Readonly<Record<string, string>>,
  is: Readonly<Record<string, string>>,
): string[] {
  const [before, after] = [was[field], is[field]]
  if (before === after) return []
  if (type === 'order') return [`${capture}: the events come in another order`]
  if (field === 'count') return [`${capture}: ${after} events of type ${type}, where there were ${before}`]
  if (before === undefined) return [`${capture}: ${type}.${field} is new`]
  if (after === undefined) return [`${capture}: ${type}.${field} is gone`]
  return [`${capture}: ${type}.${field} has other values`]
}

function union(a: Readonly<Record<string, unknown>>, b: Readonly<Record<string, unknown>>): string[] {
  return [...new Set([...Object.keys(a), ...Object.keys(b)])]
}

function byName([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1
}
