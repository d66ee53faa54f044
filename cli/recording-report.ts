import type { Writable } from 'node:stream'
import { createLogUpdate } from 'log-update'
import pc from 'picocolors'
import type { MarketEvent, Micros } from '../schemas/events.js'
import { TapewireError } from '../src/errors.js'
import type { Clock, Timer } from '../src/platform.js'
import { shown, shownJson } from '../src/shown.js'
import { showDuration } from './duration.js'
import { report } from './exit.js'
import { fitText } from './fit.js'
import type { RecordingStatus, StatusKeeper, VenueStatus } from './recording-status.js'
import { type RecordingSummary, summaryText } from './recording-summary.js'
import { showBytes } from './size.js'
import { every } from './timers.js'
import { causeOf, causeTexts, nameOf, type Trouble } from './troubles.js'

/** How often the live line of a terminal is drawn. */
const REDRAW_MS = 1_000

/** Characters of a reason in a sentence; under `--json` it is whole. */
const LONGEST_REASON = 400

/** Causes of troubles of a venue that a status names. */
const CAUSES_SHOWN = 3

/** What a recording says besides its status. Each is a line of its own under `--json`. */
export type Notice =
  | {
      readonly type: 'trouble'
      readonly at: Micros
      readonly venue: string
      readonly connection: string
      readonly reason: string
    }
  | { readonly type: 'notice'; readonly at: Micros; readonly text: string }
  | { readonly type: 'error'; readonly at: Micros; readonly code: string; readonly message: string }

export interface RecordingReportOptions {
  /** NDJSON in place of sentences. */
  readonly json: boolean
  /** Between two statuses, where stderr is no terminal or under `json`. */
  readonly everyMs: number
  /** How long the recording will take; null where nobody knows. */
  readonly durationMs: number | null
}

/** Says on stderr how a recording does: a line in place on a terminal, else a line every so often, else NDJSON. */
export class RecordingReport {
  readonly #out: NodeJS.WriteStream | Writable
  readonly #clock: Clock
  readonly #options: RecordingReportOptions
  readonly #live: ReturnType<typeof createLogUpdate> | null
  #keeper: StatusKeeper | null = null
  #timer: Timer | null = null
  /** When a trouble was last said at once, by what it is of: one that comes and goes is said with the status alone. */
  readonly #saidAt = new Map<string, Micros>()

  constructor(out: NodeJS.WriteStream, clock: Clock, options: RecordingReportOptions) {
    this.#out = out
    this.#clock = clock
    this.#options = options
    this.#live = out.isTTY && !options.json ? createLogUpdate(out) : null
  }

  begin(keeper: StatusKeeper): void {
    this.#keeper = keeper
    const { everyMs } = this.#options
    this.#timer = every(this.#clock, this.#live === null ? everyMs : REDRAW_MS, () => this.#status())
  }

  event(event: MarketEvent): void {
    const trouble = this.#keeper?.count(event) ?? null
    if (trouble !== null) this.#trouble(event.venue, trouble)
  }

  /** A sentence about the recording itself. */
  notice(text: string): void {
    if (this.#options.json) this.#json({ type: 'notice', at: this.#clock.now(), text: shown(text) })
    else this.#line(pc.yellow(shown(text)))
  }

  /** The status is over, however the recording ended. */
  stop(): void {
    this.#timer?.cancel()
    this.#timer = null
  }

  /** What ended the recording, or kept it from beginning. */
  failure(error: unknown): void {
    if (!this.#options.json || !(error instanceof TapewireError)) {
      this.#live?.clear()
      report(error)
      return
    }
    const { code, message } = error
    this.#json({ type: 'error', at: this.#clock.now(), code, message: shown(message) })
  }

  end(summary: RecordingSummary): void {
    this.#live?.clear()
    this.#live?.done()
    if (this.#options.json) this.#json(summary)
    else for (const line of summaryText(summary)) this.#line(line)
  }

  #trouble(venue: string, { connection, reason }: Trouble): void {
    const now = this.#clock.monotonic()
    for (const [key, at] of this.#saidAt) {
      if (now - at >= this.#options.everyMs * 1000) this.#saidAt.delete(key)
    }
    const cause = causeOf(reason)
    const keys = [`${venue} ${connection}`]
    // A program wants to know of each connection, a reader of each cause.
    if (!this.#options.json) keys.push(`${venue} ${cause}`)
    if (keys.some((key) => this.#saidAt.has(key))) return
    for (const key of keys) this.#saidAt.set(key, now)
    const at = this.#clock.now()
    if (this.#options.json) this.#json({ type: 'trouble', at, venue, connection, reason: shown(reason) })
    else
      this.#line(
        pc.yellow(`${isoSecond(at)} ${venue} ${nameOf(connection)}: ${shown(cause, LONGEST_REASON)}`),
      )
  }

  #status(): void {
    const status = this.#keeper?.status()
    if (status === undefined) return
    if (this.#live !== null) this.#live(this.#liveText(status))
    else if (this.#options.json) this.#json(status)
    else for (const line of statusLines(status)) this.#line(line)
  }

  #liveText(status: RecordingStatus): string {
    const { durationMs } = this.#options
    const elapsed = showDuration(status.elapsedMs)
    const time = durationMs === null ? elapsed : `${elapsed} of ${showDuration(durationMs)}`
    const columns = 'columns' in this.#out ? this.#out.columns : 80
    const lines = [`recording ${time}, ${tapeText(status)}`]
    for (const venue of status.venues) {
      lines.push(countsText(venue), ...troublesText(venue).map((text) => `  ${text}`))
    }
    return lines.map((line) => fitText(line, Math.max(20, columns - 1)).trimEnd()).join('\n')
  }

  #json(line: RecordingStatus | RecordingSummary | Notice): void {
    this.#out.write(`${shownJson(line)}\n`)
  }

  #line(text: string): void {
    this.#live?.clear()
    this.#out.write(`${text}\n`)
  }
}

function statusLines(status: RecordingStatus): string[] {
  return status.venues.map((venue) => {
    const text = `${isoSecond(status.at)} ${venueText(venue)}; ${tapeText(status)}`
    return venue.wrong.length > 0 || status.tape.wrong !== null ? pc.yellow(text) : text
  })
}

function venueText(venue: VenueStatus): string {
  return [countsText(venue), ...troublesText(venue)].join('; ')
}

function countsText({
  venue,
  connections,
  eventsPerSecond,
  gaps,
  malformed,
  sinceDataMs,
}: VenueStatus): string {
  const parts = [
    `${connections.up} of ${connections.asked} connections up`,
    `${eventsPerSecond.toLocaleString('en')} events/s`,
    `${gaps.opened} gaps${gaps.open === 0 ? '' : ` (${gaps.open} open)`}`,
    ...(malformed === 0 ? [] : [`${malformed} malformed frames`]),
    sinceDataMs === null ? 'no data yet' : `last data ${showDuration(sinceDataMs)} ago`,
  ]
  return `${venue}: ${parts.join(', ')}`
}

function troublesText({ wrong }: VenueStatus): string[] {
  const causes = causeTexts(wrong)
  const texts = causes.slice(0, CAUSES_SHOWN).map((text) => shown(text, LONGEST_REASON))
  const rest = causes.length - texts.length
  return rest > 0 ? [...texts, `and ${rest} more`] : texts
}

function tapeText({ tape, rawWrong }: RecordingStatus): string {
  const { bytes, waiting, lost, gaps, wrong } = tape
  const parts = [`tape ${showBytes(bytes)}`]
  if (gaps.opened > 0) {
    const open = gaps.open === 0 ? '' : ` (${gaps.open} open)`
    parts.push(`${gaps.opened} ${gaps.opened === 1 ? 'gap' : 'gaps'} of the recorder${open}`)
  }
  if (lost > 0) parts.push(`${lost.toLocaleString('en')} events lost`)
  if (wrong !== null) parts.push(`${waiting.toLocaleString('en')} events waiting: ${shown(wrong)}`)
  if (rawWrong !== null) parts.push(`raw frames are no longer kept: ${shown(rawWrong)}`)
  return parts.join(', ')
}

function isoSecond(at: Micros): string {
  return `${new Date(at / 1000).toISOString().slice(0, 19)}Z`
}
