import { basename } from 'node:path'
import type { UnusedCause } from '../src/connector.js'
import type { LogWarning, PlayStats, Unused } from '../src/framelog/index.js'
import { shown } from '../src/shown.js'

const CAUSES: Readonly<Record<UnusedCause, string>> = {
  unknown_channel: 'of channels whose subscription is not in the log',
  before_snapshot: 'changes of a book before its first snapshot',
  in_gap: 'changes of a book after a hole',
  malformed: 'malformed',
  no_event: 'generated messages without an event',
  unknown_venue: 'of an unknown venue',
  unclaimed_answer: 'REST answers of no venue of the recording',
}

/** Malformed frames above this share speak for the wrong venue. */
const NEARLY_ALL = 0.9
/** Streams named in the line; the rest are counted. */
const NAMED = 3

/** What an ingest says at its end. */
export class IngestReport {
  readonly #files: readonly string[]
  readonly #tape: string
  readonly #stats: PlayStats
  readonly #venue: string | undefined
  /** Frames that carry data and could not be used. */
  readonly #lost: number
  readonly #warnings: readonly LogWarning[]
  readonly #byCause = new Map<UnusedCause, Unused[]>()

  /**
   * @param stats what was played; `events` are the data that are on the tape
   * @param venue as it was named on the command line
   * @param warnings what was wrong with the files themselves
   */
  constructor(
    files: readonly string[],
    tape: string,
    stats: PlayStats,
    venue: string | undefined,
    warnings: readonly LogWarning[],
  ) {
    this.#warnings = warnings
    this.#files = files
    this.#tape = tape
    this.#stats = stats
    this.#venue = venue
    for (const unused of stats.unused) {
      const held = this.#byCause.get(unused.cause)
      if (held === undefined) this.#byCause.set(unused.cause, [unused])
      else held.push(unused)
    }
    this.#lost = sum(stats.unused.filter(({ cause }) => cause !== 'unclaimed_answer'))
  }

  /** Whether more than half of the frames that carry data could not be used. */
  get mostUnused(): boolean {
    return this.#lost > this.#stats.used
  }

  /** What kept a file from being read to its end. */
  get damaged(): readonly LogWarning[] {
    return damagedBy(this.#warnings)
  }

  line(): string {
    const { events, used } = this.#stats
    const files = this.#files.length === 1 ? basename(this.#files[0] ?? '') : `${this.#files.length} files`
    const written = `${count(events, 'event')} of ${shown(files)} on ${shown(this.#tape)}`
    if (this.#byCause.size === 0) return `${written}; ${this.#allUsed}`
    const causes = [...this.#byCause].map(([cause, unused]) => {
      return `${number(sum(unused))} ${CAUSES[cause]}${streams(unused)}`
    })
    const unused = `${number(this.#lost)} of ${count(this.#lost + used, 'frame')} with data could not be used: ${causes.join(', ')}`
    return `${written}; ${unused}${this.#unread === '' ? '' : `; ${this.#unread}`}`
  }

  get #allUsed(): string {
    if (this.#unread !== '') return this.#unread
    return this.#stats.used === 0 ? 'there is no market data in it' : 'everything was used'
  }

  /** Why not all of the logs was read; empty where all was. */
  get #unread(): string {
    if (!this.#stats.finished) return 'interrupted: the rest of the log was not read'
    const { damaged } = this
    if (damaged.length === 0) return ''
    const which = damaged.length === 1 ? 'the log is' : `${damaged.length} logs are`
    return `${which} damaged, and what could not be read is missing`
  }

  /** What the user should do about it. */
  warnings(): string[] {
    const { used } = this.#stats
    const malformed = sum(this.#byCause.get('malformed') ?? [])
    const warnings: string[] = []
    if (malformed > 0 && malformed >= NEARLY_ALL * (used + this.#lost)) {
      warnings.push(
        this.#venue === undefined
          ? `nearly all of it is malformed: if it is a recording of another venue than ${this.#stats.venues.join(', ')}, name that with --venue`
          : `nearly all of it is malformed: is it a recording of ${this.#venue}? Name another venue with --venue, or leave that out where the log says itself`,
      )
    }
    if (this.#byCause.has('unknown_venue') && this.#venue === undefined) {
      warnings.push(
        'the venue of some connections is unknown; ingest their files by themselves, with --venue',
      )
    }
    return warnings
  }

  json(): object {
    const { finished, venues, records, events, used, unused, from, to } = this.#stats
    return {
      files: this.#files,
      tape: this.#tape,
      finished,
      damaged: this.damaged.length > 0,
      warnings: this.#warnings,
      venues,
      records,
      events,
      framesUsed: used,
      framesUnused: this.#lost,
      unused,
      from,
      to,
    }
  }
}

/** What kept a file from being read to its end. */
export function damagedBy(warnings: readonly LogWarning[]): readonly LogWarning[] {
  return warnings.filter(({ code }) => code !== 'empty')
}

/** `(BTC/USD book 21, ETH/USD book 4, and 2 streams)`; nothing where no stream is known. */
function streams(unused: readonly Unused[]): string {
  const known = unused.filter(({ symbol }) => symbol !== null)
  if (known.length === 0) return ''
  const named = known
    .slice(0, NAMED)
    .map(({ symbol, channel, frames }) => `${symbol} ${channel} ${number(frames)}`)
  const more = known.length - named.length
  return ` (${[...named, ...(more > 0 ? [`and ${count(more, 'more stream')}`] : [])].join(', ')})`
}

function sum(unused: readonly Unused[]): number {
  return unused.reduce((total, { frames }) => total + frames, 0)
}

function number(value: number): string {
  return value.toLocaleString('en')
}

function count(value: number, what: string): string {
  return `${number(value)} ${what}${value === 1 ? '' : 's'}`
}
