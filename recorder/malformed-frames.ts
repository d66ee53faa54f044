import type { MalformedEvent } from '../schemas/events.js'
import { type Findings, type Place, placeOf } from './findings.js'

/** An event keeps so much of a frame; of a longer one the end is not known. */
const HEAD_CHARACTERS = 200

/** Kinds that are counted one by one; the rest together. What a venue sends must not fill memory. */
const KINDS = 1_000

/** The venues' own ids by venue, to find the streams that a malformed frame names. */
export class InstrumentNames {
  readonly #byVenue = new Map<string, Set<string>>()

  constructor(streams: Iterable<{ readonly venue: string; readonly instrument: string | null }>) {
    for (const { venue, instrument } of streams) {
      if (instrument === null) continue
      const held = this.#byVenue.get(venue)
      if (held === undefined) this.#byVenue.set(venue, new Set([instrument]))
      else held.add(instrument)
    }
  }

  /** The instruments that a malformed frame names; none where it names none, or where its end is not known. */
  in({ venue, head }: MalformedEvent): string[] {
    const names = this.#byVenue.get(venue)
    if (names === undefined || head.length >= HEAD_CHARACTERS) return []
    return [...new Set(head.split(/[^\w/-]+/))].filter((word) => names.has(word))
  }
}

/** Malformed frames by what did not fit, so that a thousand of one kind are one finding. */
export class MalformedFrames {
  readonly #kinds = new Map<string, { readonly first: Place; readonly what: string; count: number }>()

  add(id: number, event: MalformedEvent): void {
    const exact = event.path === '' ? event.reason : `${event.reason} at ${event.path}`
    const what =
      this.#kinds.has(`${event.venue} ${exact}`) || this.#kinds.size < KINDS ? exact : 'in other ways'
    const held = this.#kinds.get(`${event.venue} ${what}`)
    if (held !== undefined) held.count++
    else
      this.#kinds.set(`${event.venue} ${what}`, {
        first: placeOf(id, event, event.receiveTime),
        what,
        count: 1,
      })
  }

  report(findings: Findings): void {
    for (const { first, what, count } of this.#kinds.values()) {
      const text = `${count} frame(s) did not fit, and what was in them is missing: ${what}`
      findings.add('error', 'malformed_frames', first, text)
    }
  }
}
