import type { Micros } from '../../schemas/events.js'
import type { InstrumentTable } from '../connector.js'
import type { Alarms } from './alarms.js'
import { alarmOf, type Stream } from './stream.js'
import type { StreamGaps } from './stream-gaps.js'

/** Looks after books that are crossed: for a moment any may be, for longer than the venue allows it is a gap. */
export class CrossedWatch {
  readonly #allowedMs: number | null
  readonly #instruments: InstrumentTable
  readonly #alarms: Alarms
  readonly #gaps: StreamGaps
  /** Books that are crossed, with an alarm each. */
  readonly #crossed = new Set<Stream>()

  /** @param allowedMs null where the venue allows a crossed book */
  constructor(allowedMs: number | null, instruments: InstrumentTable, alarms: Alarms, gaps: StreamGaps) {
    this.#allowedMs = allowedMs
    this.#instruments = instruments
    this.#alarms = alarms
    this.#gaps = gaps
  }

  /** @param good receive time of the last datum before the one that was just applied */
  look(stream: Stream, at: Micros | null, good: Micros | null): void {
    if (this.#allowedMs === null || at === null) return
    const { book } = stream.record
    if (!book.crossed) {
      if (this.#crossed.size > 0) this.forget(stream)
      return
    }
    if (this.#crossed.has(stream)) return
    this.#crossed.add(stream)
    this.#alarms.set(alarmOf('crossed', stream), at, this.#allowedMs, (now) => {
      this.#crossed.delete(stream)
      // A halted market gathers orders for an auction and may be crossed.
      const halted = this.#instruments.get(stream.instrument.instrument)?.status === 'halted'
      if (book.state !== 'live' || !book.crossed || halted) return
      const { bid, ask } = book.best()
      this.#gaps.resync(stream, 'crossed', `bid ${bid?.[0]} is not below ask ${ask?.[0]}`, now, good)
    })
  }

  forget(stream: Stream): void {
    if (this.#crossed.delete(stream)) this.#alarms.clear(alarmOf('crossed', stream))
  }
}
