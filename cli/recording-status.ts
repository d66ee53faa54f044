import { existsSync, statSync } from 'node:fs'
import { isDatum } from '../recorder/datum.js'
import type { RecordedStream, Recorder, RecordSummary } from '../recorder/index.js'
import { whyNever } from '../recorder/stream-beginning.js'
import type { MarketEvent, Micros } from '../schemas/events.js'
import type { Feed } from '../src/feed/feed.js'
import type { Clock } from '../src/platform.js'
import { natureOf } from '../src/session/stream.js'
import type { RecordingSummary } from './recording-summary.js'
import { CATALOGUE, type Trouble, Troubles } from './troubles.js'

/** How a recording does: what `record --json` writes each minute. */
export interface RecordingStatus {
  readonly type: 'status'
  /** Microseconds since the epoch, as every moment here. */
  readonly at: Micros
  /** Since the command began. */
  readonly elapsedMs: number
  readonly venues: readonly VenueStatus[]
  readonly tape: TapeStatus
  /** Why raw frames are no longer kept; null where they are, or were not asked for. */
  readonly rawWrong: string | null
}

/** What went wrong last with the files of a recording; null where nothing did. */
export interface FilesWrong {
  tape: string | null
  raw: string | null
}

export interface VenueStatus {
  readonly venue: string
  readonly connections: { readonly up: number; readonly asked: number }
  /** Data so far; gaps, checksums and what connections say are not counted. */
  readonly events: number
  /** Since the status before. */
  readonly eventsPerSecond: number
  /** Gaps so far, and those that are open. */
  readonly gaps: { readonly opened: number; readonly open: number }
  /** Frames so far that did not fit the venue's schema. */
  readonly malformed: number
  /** The age of the last datum; null before the first. */
  readonly sinceDataMs: number | null
  readonly wrong: readonly Trouble[]
}

export interface TapeStatus {
  readonly path: string
  /** Of the file and of SQLite's log beside it (`-wal`), which holds what was written last. */
  readonly bytes: number
  /** Events that wait to be written. */
  readonly waiting: number
  /** Data so far that are not on the tape: they could not be written (it gets gaps as soon as it can be), or were on a tape that was deleted. */
  readonly lost: number
  /** Gaps so far that the recorder opened itself, of all venues and besides theirs, and those that are open. */
  readonly gaps: { readonly opened: number; readonly open: number }
  /** Why the tape cannot be written; null where it can. */
  readonly wrong: string | null
}

/** A silent start is not wrong before this. */
const PATIENCE_MS = 5_000

interface Counts {
  events: number
  before: number
  malformed: number
  /** By the monotonic clock; null before the first datum. */
  lastData: Micros | null
  readonly troubles: Troubles
}

/** Counts what a recording brings, and says at any moment how it does. */
export class StatusKeeper {
  readonly #feed: Pick<Feed, 'metrics'>
  readonly #recorder: Recorder
  readonly #clock: Clock
  readonly #began: Micros
  readonly #venues = new Map<string, Counts>()
  readonly #wrong: Readonly<FilesWrong>
  #statusAt: Micros
  #ended: Micros | null = null

  /** @param wrong brought up to date by the caller */
  constructor(feed: Pick<Feed, 'metrics'>, recorder: Recorder, clock: Clock, wrong: Readonly<FilesWrong>) {
    this.#wrong = wrong
    this.#feed = feed
    this.#recorder = recorder
    this.#clock = clock
    this.#began = clock.monotonic()
    this.#statusAt = this.#began
  }

  /** @returns what went wrong just now and was not wrong before; else null. */
  count(event: MarketEvent): Trouble | null {
    const counts = this.#counts(event.venue)
    if (event.type === 'connection') return counts.troubles.take(event)
    if (event.type === 'malformed') counts.malformed++
    else if (isDatum(event)) {
      counts.events++
      counts.lastData = this.#clock.monotonic()
    }
    return null
  }

  /** Nothing more is recorded: the time that it takes to close everything does not count. */
  end(): void {
    this.#ended ??= this.#clock.monotonic()
  }

  /** For how long there was recorded. */
  get elapsedMs(): number {
    return ((this.#ended ?? this.#clock.monotonic()) - this.#began) / 1000
  }

  /** Rates are since the call before. */
  status(): RecordingStatus {
    const now = this.#clock.monotonic()
    const seconds = Math.max(0.001, (now - this.#statusAt) / 1_000_000)
    this.#statusAt = now
    const venues = this.#feed.metrics().venues.map(({ venue, connections, subscriptions, gaps }) => {
      const counts = this.#counts(venue)
      const rate = (counts.events - counts.before) / seconds
      counts.before = counts.events
      const up = connections.filter(({ socket }) => socket.state === 'open').length
      const wrong = counts.troubles.values()
      const isExplained = wrong.some(({ connection }) => connection !== CATALOGUE)
      if (!isExplained && counts.events === 0 && this.elapsedMs >= PATIENCE_MS) {
        wrong.push({ connection: '', since: this.#clock.now(), reason: nothingYet(up) })
      }
      return {
        venue,
        connections: { up, asked: connections.length },
        events: counts.events,
        eventsPerSecond: Math.round(rate * 10) / 10,
        gaps: {
          opened: sumOf(gaps.opened),
          open: subscriptions.filter(({ gap }) => gap !== null).length,
        },
        malformed: counts.malformed,
        sinceDataMs: counts.lastData === null ? null : Math.round((now - counts.lastData) / 1000),
        wrong,
      }
    })
    return {
      type: 'status',
      at: this.#clock.now(),
      elapsedMs: Math.round(this.elapsedMs),
      venues,
      tape: this.#tape,
      rawWrong: this.#wrong.raw,
    }
  }

  /** @param raw the file of raw frames that was written last */
  summary(
    { events, streams, gaps, malformed }: RecordSummary,
    raw: string | null,
    exitCode: number,
  ): RecordingSummary {
    const { path, bytes, lost } = this.#tape
    const { lostWithoutGap, deleted } = this.#recorder.stats
    return {
      type: 'summary',
      at: this.#clock.now(),
      elapsedMs: Math.round(this.elapsedMs),
      events,
      streams: streams.map((stream) => {
        const { venue, symbol, channel, events, began } = stream
        const never = neverBegan(stream)
        const reason = stream.reason ?? (began ? null : (this.#whyNothing(venue) ?? never))
        return {
          venue,
          symbol,
          channel,
          state: never === null ? stream.state : 'never came',
          events,
          began,
          reason,
        }
      }),
      gaps,
      malformed,
      tape: existsSync(path) || lost > 0 ? { path, bytes, lost, lostWithoutGap, deleted } : null,
      raw: raw !== null && existsSync(raw) ? raw : null,
      exitCode,
    }
  }

  /** What the connections of a venue say is wrong; null where they say nothing. */
  #whyNothing(venue: string): string | null {
    const troubles = this.#counts(venue).troubles.values()
    const own = troubles.find(({ connection }) => connection !== CATALOGUE) ?? troubles[0]
    return own?.reason ?? null
  }

  get #tape(): TapeStatus {
    const { path, waiting, lost, gaps, state } = this.#recorder.stats
    return {
      path,
      bytes: tapeBytes(path),
      waiting,
      lost,
      gaps: { opened: sumOf(gaps.opened), open: gaps.open },
      wrong: state === 'failing' || state === 'losing' ? this.#wrong.tape : null,
    }
  }

  #counts(venue: string): Counts {
    let counts = this.#venues.get(venue)
    if (counts === undefined) {
      counts = { events: 0, before: 0, malformed: 0, lastData: null, troubles: new Troubles() }
      this.#venues.set(venue, counts)
    }
    return counts
  }
}

/** Why a book that its venue confirmed never began; null for any other stream. */
function neverBegan(stream: RecordedStream): string | null {
  const { began, state, channel, confirmedAt } = stream
  const isConfirmed = state === 'live' || state === 'interrupted'
  if (began || !isConfirmed || natureOf({ channel }) !== 'book') return null
  return whyNever({ channel, confirmedAt, refused: null })
}

function sumOf(counts: Readonly<Partial<Record<string, number>>>): number {
  return Object.values(counts).reduce<number>((sum, count = 0) => sum + count, 0)
}

function nothingYet(up: number): string {
  return up === 0 ? 'there is no connection yet' : 'the venue has sent no data yet'
}

/** A log without its tape is what a tape that was deleted left behind. */
function tapeBytes(path: string): number {
  const size = (file: string) => statSync(file, { throwIfNoEntry: false })?.size ?? 0
  const tape = size(path)
  return tape === 0 ? 0 : tape + size(`${path}-wal`)
}
