import type { GapEvent, GapReason, Micros } from '../schemas/events.js'
import { natureOf, type StreamNature } from '../src/session/stream.js'
import type { Findings, Place } from './findings.js'
import { MissingTime } from './missing-time.js'
import type { RunStream } from './run-streams.js'
import { beginsStream, whyNever } from './stream-beginning.js'

/** A stream may take this long from being asked for to its beginning; what goes beyond counts as missing. */
const START_ALLOWANCE_MICROS = 30_000_000

/** The gaps of a stream that have one reason. */
export interface GapSummary {
  readonly reason: GapReason
  readonly count: number
  /** How many of them were open when the run ended. */
  readonly open: number
  /** How many of them cost nothing: everything that was missed was fetched. */
  readonly healed: number
  /** How long they lasted in all, the healed ones too, microseconds; null where the recording had no clock. */
  readonly lasted: Micros | null
}

/** What a run holds of one stream. */
export interface StreamCoverage {
  readonly venue: string
  readonly symbol: string
  readonly channel: string
  /** The venue's own id; null where it never became known. */
  readonly instrument: string | null
  /** Whether the run's list of what was asked for names it. */
  readonly asked: boolean
  /** When it was asked for; null where the tape does not say. */
  readonly askedAt: Micros | null
  /** When the venue confirmed it; null where it never did or the tape does not say. */
  readonly confirmedAt: Micros | null
  /** Why the venue did not give it; null where it was not refused. */
  readonly refused: string | null
  /** When the user gave it up during the run. */
  readonly endedAt: Micros | null
  /** Covered from this moment: confirmed, or the first datum; of a book the first snapshot. Null where it never came. */
  readonly from: Micros | null
  /** Covered to this moment: the end of the run, or the beginning of the gap that was open then. Null where it never came. */
  readonly to: Micros | null
  /** Covered share of the time from its beginning (30 s after it was asked for at the latest) to its end. 0 to 1; null without a clock. */
  readonly share: number | null
  /** What is missing of that time, microseconds; null without a clock. */
  readonly missing: Micros | null
  /** What is missing between the run before and this one, microseconds. */
  readonly paused: Micros
  readonly gaps: readonly GapSummary[]
  /** Data on the tape: no gaps, checksums or notices. */
  readonly events: number
  /** Malformed frames that may have carried data of it. */
  readonly inDoubt: number
}

/** How a run ended. */
export interface RunEnd {
  /** The moment up to which its streams are judged; null where the recording had no clock. */
  readonly at: Micros | null
  /** The run was made from a log: nothing is known of the time after its last record. */
  readonly fromLog: boolean
  /** The last event that was data. */
  readonly lastData: number
  readonly lastDataAt: Micros | null
  /** Stretches of which nothing can be read; null for the beginning and the end of the run. */
  readonly lost: readonly { readonly from: Micros | null; readonly to: Micros | null }[]
}

/** A stream's coverage, and the span in which it was due. */
export interface JudgedStream {
  readonly coverage: StreamCoverage
  /** The moment from which it was due and the moment up to which it is judged; null without a clock. */
  readonly due: { readonly from: Micros; readonly to: Micros } | null
  /** When the first and the last of its data were received; null without data or a clock. */
  readonly data: { readonly from: Micros; readonly to: Micros } | null
}

export type StreamIdentity = Pick<StreamCoverage, 'venue' | 'symbol' | 'channel' | 'instrument'>

interface OpenGap {
  readonly event: GapEvent
  readonly place: Place
}

interface GapCount {
  count: number
  open: number
  healed: number
  lasted: Micros | null
}

/**
 * Venues say goodbye one after the other: in a log, a stream that was cut off this long before the end ended with it.
 */
const END_GRACE_MICROS = 5_000_000

/** Measures one stream in one run: since when, until when, and what is missing between. */
export class CoverageMeter {
  readonly identity: StreamIdentity
  readonly #asked: RunStream | null
  /** When it was asked for in this run: its feed may have had the stream before. */
  readonly #askedAt: Micros | null
  readonly #findings: Findings
  readonly #nature: StreamNature
  readonly #missing = new MissingTime()
  readonly #gaps = new Map<GapReason, GapCount>()
  #open: OpenGap[] = []
  #firstAt: Micros | null = null
  #lastAt: Micros | null = null
  #firstPlace: Place
  #data: JudgedStream['data'] = null
  #begun: { readonly at: Micros | null } | null = null
  #events = 0
  #inDoubt = 0
  #paused = 0

  /**
   * @param asked what the run says of it; null where it does not name the stream
   * @param opened when the run began, which covers nothing from before; null where that is not known, or it was made from a log
   */
  constructor(identity: StreamIdentity, asked: RunStream | null, opened: Micros | null, findings: Findings) {
    const { venue, symbol, channel } = identity
    this.identity = identity
    this.#asked = asked
    this.#askedAt = asked === null ? null : Math.max(asked.askedAt, opened ?? asked.askedAt)
    this.#findings = findings
    this.#nature = natureOf(identity)
    this.#firstPlace = { venue, symbol, channel, event: null, at: asked?.askedAt ?? null }
    if (asked !== null && this.#nature !== 'book' && asked.confirmedAt !== null)
      this.#begun = { at: Math.max(asked.confirmedAt, opened ?? asked.confirmedAt) }
  }

  /** Whether a gap is open at the moment. */
  get inGap(): boolean {
    return this.#open.length > 0
  }

  /** The gap that has been open for longest. */
  get openGap(): Place | null {
    return this.#open[0]?.place ?? null
  }

  /** Whether the run's list of what was asked for names the stream. */
  get asked(): boolean {
    return this.#asked !== null
  }

  /** Data of one type that came, the first and the last of it at these moments. */
  data(count: number, firstAt: Micros | null, lastAt: Micros | null, type: string, place: Place): void {
    if (this.#events === 0 && this.#firstPlace.event === null) this.#firstPlace = place
    this.#events += count
    this.#seen(firstAt)
    if (firstAt !== null && lastAt !== null) {
      const { from, to } = this.#data ?? { from: firstAt, to: lastAt }
      this.#data = { from: Math.min(from, firstAt), to: Math.max(to, lastAt) }
    }
    if (lastAt !== null) this.#lastAt = Math.max(lastAt, this.#lastAt ?? lastAt)
    if (!beginsStream(this.identity.channel, type)) return
    const begun = this.#begun
    if (begun === null || (begun.at !== null && firstAt !== null && firstAt < begun.at)) {
      this.#begun = { at: firstAt }
    }
  }

  /** Events of the stream are missing between these moments, and no gap says so. */
  loses(from: Micros | null, to: Micros | null): void {
    if (from !== null && to !== null) this.#missing.add(from, to)
  }

  gap(event: GapEvent, place: Place): void {
    if (this.#firstPlace.event === null) this.#firstPlace = place
    this.#seen(event.receiveTime)
    if (event.state === 'open') this.#opened({ event, place })
    else this.#closed(event, place)
  }

  /** A snapshot makes a book whole: a gap that is still open then was never said to be closed. */
  snapshot(place: Place): void {
    for (const gap of this.#open) {
      this.#findings.add('warning', 'gap_unpaired', place, 'a snapshot comes while a gap is still open')
      this.#judge(gap, { ...gap.event, state: 'closed', to: place.at, healed: true }, place)
    }
    this.#open = []
  }

  /** Malformed frames that may have carried data of the stream. */
  doubt(frames: number): void {
    this.#inDoubt += frames
  }

  end(run: RunEnd): JudgedStream {
    const asked = this.#asked
    let to = smaller(asked?.endedAt ?? null, run.at)
    let coveredTo = to
    for (const gap of this.#open) {
      const { reason } = gap.event
      const count = this.#count(reason)
      count.open++
      if (run.fromLog && reason === 'disconnected' && endedWith(gap.place, run)) {
        this.#findings.add('note', 'stream_ended', gap.place, 'the connection closed at the end of the log')
        to = smaller(to, gap.place.at)
        coveredTo = to
        continue
      }
      const from = this.#lost(gap.event, to)
      lengthen(count, from, to)
      coveredTo = smaller(coveredTo, from)
      const missing = from === null || to === null ? '' : `: ${seconds(to - from)} are missing`
      const what = `a gap (${describe(gap.event)}) is open at the end of the run${missing}`
      this.#findings.add('error', 'gap_open', gap.place, what)
    }
    coveredTo = this.#checkRefusal(to, coveredTo)
    const due = this.#dueFrom(to)
    const begun = this.#begun
    this.#checkBeginning(to)
    if (due !== null && begun?.at != null) this.#missing.add(due, begun.at)
    for (const lost of run.lost) {
      const [since, until] = [lost.from ?? due, lost.to ?? to]
      if (since !== null && until !== null) this.#missing.add(since, until)
      if (lost.to === null) coveredTo = smaller(coveredTo, since)
    }
    const span = due === null || to === null ? null : Math.max(0, to - due)
    const missing =
      span === null || due === null || to === null
        ? null
        : begun === null
          ? span
          : Math.min(span, this.#missing.within(due, to))
    return {
      coverage: {
        ...this.identity,
        asked: asked !== null,
        askedAt: asked?.askedAt ?? null,
        confirmedAt: asked?.confirmedAt ?? null,
        refused: asked?.refused ?? null,
        endedAt: asked?.endedAt ?? null,
        from: begun?.at ?? null,
        to: begun === null ? null : coveredTo,
        share:
          span === null || missing === null
            ? null
            : span === 0
              ? begun === null
                ? 0
                : 1
              : (span - missing) / span,
        missing,
        paused: this.#paused,
        gaps: [...this.#gaps].map(([reason, count]) => ({ reason, ...count })),
        events: this.#events,
        inDoubt: this.#inDoubt,
      },
      due: due === null || to === null ? null : { from: due, to },
      data: this.#data,
    }
  }

  #seen(at: Micros | null): void {
    if (at !== null && (this.#firstAt === null || at < this.#firstAt)) this.#firstAt = at
  }

  #opened(gap: OpenGap): void {
    this.#count(gap.event.reason).count++
    if (this.#open.some(({ event }) => event.reason === gap.event.reason)) {
      this.#findings.add('warning', 'gap_unpaired', gap.place, 'a gap opens while another is open')
    } else this.#open.push(gap)
  }

  #closed(event: GapEvent, place: Place): void {
    const at = this.#open.findIndex(({ event: open }) => open.reason === event.reason)
    const opened = this.#open[at === -1 ? 0 : at]
    if (opened === undefined) {
      this.#findings.add('warning', 'gap_unpaired', place, 'a gap closes that was not open')
      this.#count(event.reason).count++
    }
    this.#open = this.#open.filter((gap) => gap !== opened)
    this.#judge(opened ?? { event, place }, event, place)
  }

  /** A gap is over: what did it cost? */
  #judge(opened: OpenGap, closed: GapEvent, place: Place): void {
    const what = describe(opened.event.detail === null ? closed : opened.event)
    const count = this.#count(opened.event.reason)
    const gap = { ...closed, from: earlier(opened.event.from, closed.from) }
    const to = closed.to ?? closed.receiveTime
    if (closed.healed && this.#nature === 'log') {
      count.healed++
      lengthen(count, gap.from, to)
      this.#findings.add('note', 'gap_healed', place, `a gap (${what}) cost nothing: what was missed is here`)
      return
    }
    if (this.#asked !== null && this.#begun === null && closed.reason !== 'not_recording') {
      lengthen(count, gap.from, to)
      this.#findings.add('note', 'gap_at_start', place, `a gap (${what}) ended before the stream began`)
      return
    }
    const from = this.#lost(gap, to)
    lengthen(count, from, to)
    const duration = from === null || to === null ? '' : ` of ${seconds(to - from)}`
    if (closed.healed && from !== null && from === to) {
      count.healed++
      this.#findings.add('note', 'gap_healed', place, `a gap (${what}) ended at once`)
    } else if (closed.healed) {
      const text = `a gap (${what})${duration} ended with the state of then; what happened in it is not on the tape`
      this.#findings.add('error', 'gap_uncovered', place, text)
    } else {
      const text = `a gap (${what})${duration} ended without what was missed`
      this.#findings.add('error', 'gap_unhealed', place, text)
    }
  }

  /** Counts the time of a gap as missing. @returns since when; null where nothing has a time. */
  #lost({ reason, from, receiveTime }: GapEvent, to: Micros | null): Micros | null {
    const due = this.#askedAt ?? this.#firstAt
    if (reason === 'not_recording' && from !== null && to !== null) {
      const began = this.#askedAt ?? receiveTime ?? to
      this.#paused += Math.max(0, Math.min(began, to) - from)
      this.#missing.add(Math.max(from, began), to)
      return Math.min(from, to)
    }
    const since = from ?? this.#begun?.at ?? due ?? receiveTime
    if (since === null || to === null) return null
    const start = Math.min(to, Math.max(since, due ?? since))
    this.#missing.add(start, to)
    return start
  }

  #count(reason: GapReason): GapCount {
    let count = this.#gaps.get(reason)
    if (count === undefined) {
      count = { count: 0, open: 0, healed: 0, lasted: null }
      this.#gaps.set(reason, count)
    }
    return count
  }

  /** Since when the stream is due: from its beginning on, but no later than the allowance after it was asked for. */
  #dueFrom(to: Micros | null): Micros | null {
    const begun = this.#begun?.at ?? null
    if (this.#askedAt === null) return this.#firstAt ?? to
    if (begun === null) return this.#askedAt
    return Math.min(begun, this.#askedAt + START_ALLOWANCE_MICROS)
  }

  #checkBeginning(to: Micros | null): void {
    const asked = this.#asked
    const askedAt = this.#askedAt
    const begun = this.#begun
    if (begun === null) {
      const givenUp = asked?.endedAt ?? null
      if (asked !== null && givenUp !== null && givenUp - asked.askedAt < START_ALLOWANCE_MICROS) return
      const since = askedAt === null || to === null ? '' : `, ${seconds(to - askedAt)}`
      if (asked === null && (this.#events > 0 || this.#gaps.size > 0)) return
      const text = asked === null ? 'nothing of it came' : `asked for, and ${whyNever(asked)}${since}`
      this.#findings.add('error', 'never_came', this.#firstPlace, text)
    } else if (askedAt !== null && begun.at !== null && begun.at - askedAt > START_ALLOWANCE_MICROS) {
      const delay = begun.at - askedAt
      this.#findings.add(
        'error',
        'late_start',
        this.#firstPlace,
        `began ${seconds(delay)} after it was asked for; ${seconds(delay - START_ALLOWANCE_MICROS)} of it count as missing`,
      )
    }
  }

  /** A stream that the venue gave and then refused ended with its last datum, unless a gap says when. */
  #checkRefusal(to: Micros | null, coveredTo: Micros | null): Micros | null {
    const refused = this.#asked?.refused ?? null
    if (refused === null || this.#begun === null || this.#open.length > 0) return coveredTo
    const since = this.#lastAt ?? this.#begun.at
    if (since !== null && to !== null) this.#missing.add(since, to)
    const text = `the venue gave it and then refused it: ${refused}`
    this.#findings.add('error', 'stream_refused', this.#firstPlace, text)
    return smaller(since, to)
  }
}

function endedWith(place: Place, end: RunEnd): boolean {
  if (place.event !== null && place.event > end.lastData) return true
  return place.at !== null && end.lastDataAt !== null && end.lastDataAt - place.at <= END_GRACE_MICROS
}

function describe({ reason, detail }: GapEvent): string {
  return detail === null ? reason : `${reason}: ${detail}`
}

function lengthen(count: GapCount, from: Micros | null, to: Micros | null): void {
  if (from !== null && to !== null) count.lasted = (count.lasted ?? 0) + Math.max(0, to - from)
}

/** The first of two moments; the one that is known. */
function smaller(a: Micros | null, b: Micros | null): Micros | null {
  return a === null ? b : b === null ? a : Math.min(a, b)
}

/** The first of two beginnings; null, which is "from the start", comes before every moment. */
function earlier(a: Micros | null, b: Micros | null): Micros | null {
  return a === null || b === null ? null : Math.min(a, b)
}

function seconds(micros: Micros): string {
  return `${(micros / 1_000_000).toFixed(1)} s`
}
