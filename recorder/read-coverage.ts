import type { MarketEvent, Micros } from '../schemas/events.js'
import { natureOf } from '../src/session/stream.js'
import { isData } from './datum.js'
import type { EventCount } from './event-counts.js'
import { Findings, type Place, placeOf } from './findings.js'
import type { KnownRun } from './known-runs.js'
import { InstrumentNames } from './malformed-frames.js'
import { type JudgedRun, RunMeter } from './run-coverage.js'
import type { CoverageMeter } from './stream-coverage.js'
import type { TapeStream } from './stream-table.js'
import type { Tape } from './tape.js'
import { joinRuns, type TapeCoverage } from './tape-coverage.js'

/**
 * What is covered of a tape, as `verifyTape` measures it, from counts and gaps alone: it does not read the events between.
 *
 * @throws {TapeError} `tape_damaged`, `tape_closed`.
 */
export function readCoverage(
  tape: Tape,
  runs: readonly KnownRun[],
  counts: readonly EventCount[],
): TapeCoverage {
  const findings = new Findings(0)
  const names = new InstrumentNames([...tape.streams(), ...runs.flatMap(({ streams }) => streams)])
  const judged = runs.map((run, index) => {
    const own = counts.filter((count) => count.run === run)
    return new RunReader(tape, run, runs[index + 1]?.firstEvent, names, findings).read(own)
  })
  return joinRuns(judged, findings)
}

/** Something that the meters of a run must know, at the event at which verify would count it. */
interface Fact {
  readonly event: number
  readonly count: () => void
}

class RunReader {
  readonly #tape: Tape
  readonly #run: KnownRun
  readonly #end: number | undefined
  readonly #names: InstrumentNames
  readonly #meter: RunMeter
  readonly #streams = new Map<CoverageMeter, TapeStream>()

  constructor(
    tape: Tape,
    run: KnownRun,
    end: number | undefined,
    names: InstrumentNames,
    findings: Findings,
  ) {
    this.#tape = tape
    this.#run = run
    this.#end = end
    this.#names = names
    this.#meter = new RunMeter(run, findings)
  }

  read(counts: readonly EventCount[]): JudgedRun {
    if (counts.length === 0) return this.#meter.end()
    const facts = counts.map((count) => this.#counted(count)).sort((a, b) => a.event - b.event)
    const notices = this.#tape.entries({
      types: ['gap', 'malformed'],
      fromEvent: this.#run.firstEvent,
      ...(this.#end === undefined ? {} : { toEvent: this.#end }),
    })
    for (const { id, event, emitted } of notices) {
      while ((facts[0]?.event ?? Number.POSITIVE_INFINITY) < id) facts.shift()?.count()
      this.#notice(id, event, emitted)
    }
    for (const { count } of facts) count()
    for (const [meter, stream] of this.#streams) this.#closeBySnapshot(meter, stream, this.#end)
    return this.#meter.end()
  }

  #counted({ stream, type, count: events, first, last, receiveFrom, receiveTo }: EventCount): Fact {
    const count = () => {
      this.#meter.received(receiveTo)
      const meter = this.#meterOf(stream)
      if (meter === null || !isData(type, meter.identity.channel)) return
      const { venue, symbol, channel } = stream
      const place: Place = { venue, symbol, channel, event: first, at: receiveFrom }
      meter.data(events, receiveFrom, receiveTo, type, place)
      this.#meter.data(last, receiveTo)
    }
    return { event: first, count }
  }

  #notice(id: number, event: MarketEvent, emitted: Micros | null): void {
    if (event.type === 'malformed') {
      this.#meter.malformed(event, this.#names.in(event))
      return
    }
    if (event.type !== 'gap') return
    const { venue, symbol, channel, instrument } = event
    const meter = this.#meter.meter({ venue, symbol, channel, instrument })
    const stream = this.#streams.get(meter)
    if (stream !== undefined && event.state === 'open') this.#closeBySnapshot(meter, stream, id)
    meter.gap(event, placeOf(id, event, emitted))
  }

  #meterOf(stream: TapeStream): CoverageMeter | null {
    const { venue, symbol, channel, instrument } = stream
    if (symbol === null || channel === null || instrument === null) return null
    const meter = this.#meter.meter({ venue, symbol, channel, instrument })
    this.#streams.set(meter, stream)
    return meter
  }

  /** A gap that was never said to be closed ended with the next snapshot of its book. */
  #closeBySnapshot(meter: CoverageMeter, stream: TapeStream, before = Number.MAX_SAFE_INTEGER): void {
    const { openGap } = meter
    if (openGap === null || openGap.event === null || natureOf(stream) !== 'book') return
    const [snapshot] = this.#tape.query(
      `SELECT id, coalesce(emitted, receive_time) AS at FROM events WHERE stream = ? AND id > ? AND id < ?
         AND type IN (SELECT id FROM event_types WHERE type IN ('book_snapshot', 'order_snapshot')) ORDER BY id LIMIT 1`,
      stream.id,
      openGap.event,
      before,
    )
    if (snapshot === undefined) return
    const at = snapshot['at'] === null ? null : Number(snapshot['at'])
    meter.snapshot({ ...openGap, event: Number(snapshot['id']), at })
  }
}
