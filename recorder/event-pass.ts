import type { MarketEvent, Micros, StreamEvent } from '../schemas/events.js'
import { Books } from '../src/book/books.js'
import { natureOf } from '../src/session/stream.js'
import { isData } from './datum.js'
import { EventNumbers, type MissingNumbers } from './event-numbers.js'
import { type Findings, type Place, placeOf, wholeFile } from './findings.js'
import { type KnownRun, knownRuns } from './known-runs.js'
import { InstrumentNames, MalformedFrames } from './malformed-frames.js'
import { type JudgedRun, RunMeter } from './run-coverage.js'
import type { CoverageMeter } from './stream-coverage.js'
import { StreamRules } from './stream-rules.js'
import type { Tape, TapeEntry } from './tape.js'
import { WriterLock } from './writer-lock.js'

/** Progress is reported after this many events. */
const PROGRESS_EVERY = 10_000

/** Every event in order, with the rules and the coverage of its stream. */
export class EventPass {
  events = 0
  gapsOpened = 0
  gapsHealed = 0
  readonly runs: JudgedRun[] = []
  readonly #findings: Findings
  readonly #crossedForMs: number | null
  readonly #malformed = new MalformedFrames()
  /** Streams of the runs before. */
  readonly #earlier = new Set<string>()
  #names = new InstrumentNames([])
  #run: RunPass | null = null
  /** The run that a recorder may be adding to at this moment. */
  #recording: KnownRun | null = null
  #expected = 1
  /** Reading has begun and has not come to the end. */
  #reading = false

  constructor(findings: Findings, crossedForMs: number | null) {
    this.#findings = findings
    this.#crossedForMs = crossedForMs
  }

  /** @param onProgress called now and then with how far it is */
  read(tape: Tape, onProgress?: (done: number, events: number) => void): void {
    // Asked before and after: a recorder may open or close the tape meanwhile.
    const heldBefore = WriterLock.isHeld(tape.path)
    const runs = knownRuns(tape)
    const held = heldBefore || WriterLock.isHeld(tape.path)
    this.#recording = held ? (runs.at(-1) ?? null) : null
    const total = Number(tape.query('SELECT max(last_event) AS last FROM segments')[0]?.['last'] ?? 0)
    this.#names = new InstrumentNames([...tape.streams(), ...runs.flatMap(({ streams }) => streams)])
    this.#reading = true
    for (const { name, complete, run } of tape.sources()) {
      if (complete) continue
      const event = runs.find(({ id }) => id === run)?.firstEvent ?? null
      const what = `the log ${name} was not read to its end: the rest of it is not on the tape`
      this.#findings.add('error', 'log_incomplete', { ...wholeFile, event }, what)
    }
    const waiting = [...runs]
    const entries = tape.entries({}, (id, fault) => {
      this.#beginRuns(waiting, id)
      this.#arrived(id)
      this.#findings.add('error', 'unreadable_event', { ...wholeFile, event: id }, fault)
      this.#run?.meter.loses()
    })
    for (const entry of entries) {
      const { id } = entry
      this.#beginRuns(waiting, id)
      this.#arrived(id)
      this.#check(entry)
      if (id % PROGRESS_EVERY === 0) onProgress?.(id, total)
    }
    this.#beginRuns(waiting, total + 1)
    if (this.#expected <= total) this.#missing(total)
    this.#reading = false
    onProgress?.(total, total)
  }

  /** What was read is judged, even where not everything could be read. */
  end(): void {
    if (this.#reading) this.#run?.meter.loses()
    this.#endRun()
    this.#malformed.report(this.#findings)
  }

  /** The runs that begin with this event or before it. */
  #beginRuns(waiting: KnownRun[], id: number): void {
    for (let run = waiting[0]; run !== undefined && run.firstEvent <= id; run = waiting[0]) {
      waiting.shift()
      if (this.#expected < run.firstEvent) this.#missing(run.firstEvent - 1)
      this.#beginRun(run)
    }
  }

  #arrived(id: number): void {
    this.events++
    if (id > this.#expected) this.#missing(id - 1)
    this.#expected = id + 1
  }

  #missing(last: number): void {
    const first = this.#expected
    const which = first === last ? `event ${last} is` : `events ${first} to ${last} are`
    this.#findings.add('error', 'missing_events', { ...wholeFile, event: first }, `${which} missing`)
    this.#expected = last + 1
    this.#run?.meter.loses()
  }

  #check({ id, event, emitted }: TapeEntry): void {
    this.#run?.emitted(id, event, emitted)
    if (event.type === 'malformed') {
      this.#malformed.add(id, event)
      this.#run?.meter.malformed(event, this.#names.in(event))
    }
    if (event.type === 'connection' && event.state === 'open') this.#run?.opened(event.venue)
    if (!('channel' in event)) return
    if (event.type === 'gap') {
      if (event.state === 'open') this.gapsOpened++
      else if (event.healed) this.gapsHealed++
    }
    this.#run?.check(id, event, emitted)
  }

  #beginRun(run: KnownRun): void {
    if (this.#run !== null) {
      this.#endRun()
      const place = { ...wholeFile, event: run.firstEvent, at: run.opened }
      this.#findings.add('note', 'new_run', place, 'a new recording begins')
    }
    this.#run = new RunPass(run, this.#findings, this.#crossedForMs, this.#earlier)
  }

  #endRun(): void {
    if (this.#run === null) return
    const { run } = this.#run
    this.runs.push(this.#run.end())
    for (const key of this.#run.keys()) this.#earlier.add(key)
    this.#run = null
    if (run.closed !== null) return
    const place = { ...wholeFile, event: run.firstEvent }
    if (run === this.#recording) {
      const what = 'this run is being recorded at this moment; it is judged up to its last event'
      this.#findings.add('note', 'run_not_closed', place, what)
      return
    }
    const what = 'the recorder did not end this run: what it had not written is missing'
    this.#findings.add('error', 'run_not_closed', place, what)
  }
}

interface JudgedParts {
  readonly rules: StreamRules
  readonly numbers: EventNumbers
  readonly coverage: CoverageMeter
}

/** What is judged of one run. Each run begins afresh: its books, its numbers and its gaps are its own. */
class RunPass {
  readonly run: KnownRun
  readonly meter: RunMeter
  readonly #findings: Findings
  readonly #crossedForMs: number | null
  readonly #books = new Books()
  #lastEmitted: Micros | null = null
  readonly #streams = new Map<string, JudgedParts>()
  readonly #earlier: ReadonlySet<string>

  /** @param earlier streams that runs before this one have */
  constructor(run: KnownRun, findings: Findings, crossedForMs: number | null, earlier: ReadonlySet<string>) {
    this.run = run
    this.meter = new RunMeter(run, findings)
    this.#findings = findings
    this.#crossedForMs = crossedForMs
    this.#earlier = earlier
  }

  keys(): Iterable<string> {
    return this.#streams.keys()
  }

  /** Whatever it is: what was emitted later stands later on the tape. */
  emitted(id: number, event: MarketEvent, at: Micros | null): void {
    this.meter.received(at)
    if (at === null) return
    if (this.#lastEmitted !== null && at < this.#lastEmitted) {
      const what = `emitted ${this.#lastEmitted - at} µs before the event that it follows`
      this.#findings.add('error', 'emitted_back', placeOf(id, event, at), what)
    }
    this.#lastEmitted = at
  }

  check(id: number, event: StreamEvent, emitted: Micros | null): void {
    const key = `${event.venue} ${event.channel} ${event.instrument}`
    let stream = this.#streams.get(key)
    if (stream === undefined) {
      const { venue, symbol, channel, instrument } = event
      stream = {
        rules: new StreamRules(this.#findings, this.#crossedForMs),
        numbers: new EventNumbers(this.#earlier.has(key) && natureOf(event) === 'log'),
        coverage: this.meter.meter({ venue, symbol, channel, instrument }),
      }
      this.#streams.set(key, stream)
    }
    const { rules, numbers, coverage } = stream
    const place = placeOf(id, event, emitted)
    const wasInGap = coverage.inGap
    if (event.type === 'gap') coverage.gap(event, place)
    else if (isData(event.type, event.channel)) {
      const whole = event.type === 'book_snapshot' || event.type === 'order_snapshot'
      if (whole) coverage.snapshot(place)
      coverage.data(1, emitted, emitted, event.type, place)
      this.meter.data(id, emitted)
    }
    this.#judgeNumber(numbers.pass(event, emitted, wasInGap || coverage.inGap), place, coverage)
    rules.check(event, place, this.#books.apply(event), coverage.inGap)
  }

  #judgeNumber(missing: MissingNumbers | null, place: Place, coverage: CoverageMeter): void {
    if (missing === null) return
    const { code, what, from, to } = missing
    this.#findings.add('error', code, place, what)
    coverage.loses(from, to)
  }

  /** A new connection may count from the beginning; which streams go over to it, and when, is not on the tape. */
  opened(venue: string): void {
    for (const [key, { rules }] of this.#streams) if (key.startsWith(`${venue} `)) rules.connectionOpened()
  }

  end(): JudgedRun {
    for (const { rules } of this.#streams.values()) rules.end()
    return this.meter.end()
  }
}
