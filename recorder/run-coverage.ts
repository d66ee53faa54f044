import type { MalformedEvent, Micros } from '../schemas/events.js'
import type { Findings } from './findings.js'
import type { KnownRun } from './known-runs.js'
import type { RunStream } from './run-streams.js'
import {
  CoverageMeter,
  type JudgedStream,
  type StreamCoverage,
  type StreamIdentity,
} from './stream-coverage.js'

/** Stretches that cannot be read and are kept apart; beyond it the last one grows. */
const STRETCHES = 1_000

/** What a run holds of each of its streams. */
export interface RunCoverage {
  readonly run: number
  readonly firstEvent: number
  /** When the recorder was opened and closed; null where it was not closed, or where the file does not say any more. */
  readonly opened: Micros | null
  readonly closed: Micros | null
  /** The moment up to which its streams are judged; null where the recording had no clock, or its end cannot be read. */
  readonly judgedTo: Micros | null
  /**
   * What that moment is: the recorder's close, or the last event where the recorder was not closed or where everything was
   * received before it was opened, so that the run was made from a log.
   */
  readonly judgedToIs: 'closed' | 'last_event'
  /** Whether the tape says what was asked for. Where it does not, the streams are those of which anything came. */
  readonly asked: boolean
  readonly streams: readonly StreamCoverage[]
}

/** A run with its streams as they were judged, before pauses between runs are known. */
export interface JudgedRun {
  readonly run: Omit<RunCoverage, 'streams'>
  readonly streams: readonly JudgedStream[]
  /** Whether it was made from a log: the tape says so, or everything was received before the recorder was opened. */
  readonly fromLog: boolean
}

/** Measures the streams of one run: those that were asked for, and those of which anything came. */
export class RunMeter {
  readonly #run: KnownRun
  readonly #findings: Findings
  readonly #meters = new Map<string, CoverageMeter>()
  /** What was asked for, by the venue's id; by symbol where the id is not known. */
  readonly #asked = new Map<string, RunStream>()
  readonly #met = new Set<RunStream>()
  /** Malformed frames by venue, and within by the ids that stand in them; none where that is not known. */
  readonly #doubts = new Map<string, Map<string | null, number>>()
  /** Stretches of which nothing can be read, with the moments between which they lie; null for the ends of the run. */
  readonly #lost: { readonly from: Micros | null; to: Micros | null }[] = []
  #isLost = false
  #lastReceived: Micros | null = null
  #lastData = 0
  #lastDataAt: Micros | null = null

  constructor(run: KnownRun, findings: Findings) {
    this.#run = run
    this.#findings = findings
    for (const stream of run.streams)
      this.#asked.set(keyOf(stream, stream.instrument ?? stream.symbol), stream)
  }

  /** Every event, whatever it is. */
  received(at: Micros | null): void {
    const stretch = this.#lost.at(-1)
    if (this.#isLost && at !== null && stretch !== undefined) {
      stretch.to = at
      this.#isLost = false
    }
    if (at !== null && (this.#lastReceived === null || at > this.#lastReceived)) this.#lastReceived = at
  }

  /** Events that cannot be read follow: whatever stream they were of, it has a hole until the next event. */
  loses(): void {
    if (this.#isLost) return
    this.#isLost = true
    const stretch = { from: this.#lastReceived, to: null }
    if (this.#lost.length < STRETCHES) this.#lost.push(stretch)
    else this.#lost[STRETCHES - 1] = { ...stretch, from: this.#lost[STRETCHES - 1]?.from ?? null }
  }

  /** The meter of a stream. */
  meter(identity: StreamIdentity): CoverageMeter {
    const key = keyOf(identity, identity.instrument ?? '')
    let meter = this.#meters.get(key)
    if (meter === undefined) {
      const asked = this.#asked.get(key) ?? this.#asked.get(keyOf(identity, identity.symbol)) ?? null
      if (asked !== null) this.#met.add(asked)
      const { fromLogs, opened } = this.#run
      meter = new CoverageMeter(identity, asked, fromLogs ? null : opened, this.#findings)
      this.#meters.set(key, meter)
    }
    return meter
  }

  /** The last event that was data so far. */
  data(id: number, at: Micros | null): void {
    if (id < this.#lastData) return
    this.#lastData = id
    this.#lastDataAt = at
  }

  /** @param instruments the venue's ids that stand in the frame; empty where that is not known */
  malformed({ venue }: Pick<MalformedEvent, 'venue'>, instruments: readonly string[]): void {
    const doubts = this.#doubts.get(venue) ?? new Map<string | null, number>()
    this.#doubts.set(venue, doubts)
    for (const instrument of instruments.length === 0 ? [null] : instruments) {
      doubts.set(instrument, (doubts.get(instrument) ?? 0) + 1)
    }
  }

  /** The streams as they stand, with those that were asked for and of which nothing came. */
  meters(): CoverageMeter[] {
    for (const asked of this.#run.streams) {
      if (!this.#met.has(asked)) this.meter(identityOf(asked))
    }
    return [...this.#meters.values()]
  }

  /** What came with every stream of an instrument, its description, is no stream of its own unless it was asked for. */
  end(): JudgedRun {
    const { id, firstEvent, opened, closed, streams, fromLogs } = this.#run
    const asked = streams.length > 0
    const received = this.#lastReceived
    // What was all received before the recorder was opened comes from a log, and knows nothing of the recorder's clock.
    const live = !fromLogs && (asked || (opened !== null && received !== null && received > opened))
    // Where the last events cannot be read, only the recorder's close says how long the run went on.
    const last = this.#isLost ? null : received
    const at = live && closed !== null ? Math.max(closed, received ?? closed) : last
    const end = {
      at,
      fromLog: !live,
      lastData: this.#lastData,
      lastDataAt: this.#lastDataAt,
      lost: this.#lost,
    }
    const meters = this.meters().filter((meter) => meter.asked || meter.identity.channel !== 'instrument')
    for (const meter of meters) this.#doubt(meter)
    return {
      fromLog: fromLogs || (opened !== null && received !== null && received < opened),
      run: {
        run: id,
        firstEvent,
        opened,
        closed,
        judgedTo: at,
        judgedToIs: live && closed !== null ? 'closed' : 'last_event',
        asked,
      },
      streams: meters.map((meter) => meter.end(end)).sort((a, b) => byName(a.coverage, b.coverage)),
    }
  }

  #doubt(meter: CoverageMeter): void {
    const doubts = this.#doubts.get(meter.identity.venue)
    meter.doubt((doubts?.get(null) ?? 0) + (doubts?.get(meter.identity.instrument ?? '') ?? 0))
  }
}

function keyOf({ venue, channel }: Pick<StreamIdentity, 'venue' | 'channel'>, instrument: string): string {
  return `${venue} ${channel} ${instrument}`
}

function identityOf({ venue, symbol, channel, instrument }: StreamIdentity): StreamIdentity {
  return { venue, symbol, channel, instrument }
}

/** By venue, symbol and channel; by code unit, the same on every machine. */
export function byName(a: StreamIdentity, b: StreamIdentity): number {
  return compareText(a.venue, b.venue) || compareText(a.symbol, b.symbol) || compareText(a.channel, b.channel)
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
