import * as z from 'zod'
import type { MarketEvent } from '../schemas/events.js'
import type { Channel } from '../src/connector.js'
import { TapewireError } from '../src/errors.js'
import type { FeedStream } from '../src/feed/asked-streams.js'
import { parseOptions } from '../src/options.js'
import type { Timer } from '../src/platform.js'
import { systemClock } from '../src/socket/clock.js'
import type { Cursor } from '../src/stream/emissions.js'
import { assertRecordable, closeRefused } from './record-arguments.js'
import { type RecordSummary, RecordTally } from './record-tally.js'
import type { Recorder } from './recorder.js'
import type { RecorderClock } from './recorder-options.js'
import type { RunStream, RunStreamName } from './run-streams.js'

/** What {@link record} needs of a feed. */
export interface RecordableFeed {
  /** A reader of every event, beside the feed's others. With its cursor the tape knows where in the feed each event stands. */
  reader(options: {
    readonly name: string
    readonly books: boolean
  }): AsyncIterable<MarketEvent> & { readonly cursor?: Cursor | null }
  streams(): readonly FeedStream[]
  /** Asks for a fresh snapshot of a book. Without it, a book that the recorder lost events of waits for the venue's next one. */
  resync?(venue: string, symbol: string, channel: Channel): boolean
  close(): Promise<void>
}

/** Something that is to be closed together with a recording, such as a log of the raw frames. */
export interface Closable {
  close(): Promise<void> | void
}

/** Options of `record`. */
export interface RecordOptions {
  /** Sees every event after it was recorded. */
  readonly onEvent?: (event: MarketEvent) => void
  /** Given the summary when the recording is over, also where `record` then rejects. */
  readonly onEnd?: (summary: RecordSummary) => void
  /** Closed with the recorder when the recording is over, however it ended. @default [] */
  readonly alsoClose?: readonly Closable[]
  /**
   * Whether a new tape is kept where no event of any stream came: it states what was asked for and why it was refused.
   * @default true
   */
  readonly keepEmpty?: boolean
  /** Time in place of the machine's own. */
  readonly clock?: RecorderClock
}

const optionsSchema = z.strictObject({
  onEvent: z
    .custom<(event: MarketEvent) => void>((value) => typeof value === 'function', 'must be a function')
    .optional(),
  onEnd: z
    .custom<(summary: RecordSummary) => void>((value) => typeof value === 'function', 'must be a function')
    .optional(),
  alsoClose: z
    .array(
      z.custom<Closable>(
        (value) => typeof value === 'object' && value !== null && 'close' in value,
        'must be an object with a function close',
      ),
    )
    .default([]),
  keepEmpty: z.boolean().default(true),
  clock: z.custom<RecorderClock>((value) => typeof value === 'object', 'must be a clock').optional(),
})

/** How often the tape is brought up to date on how the streams stand. */
const STATE_EVERY_MS = 1_000
/** A snapshot that was asked for and has not reached the tape after this was lost as well, and is asked for again. */
const SNAPSHOT_WITHIN_MS = 30_000

/**
 * Records a feed until it ends, as one of its readers, with the policy of the feed's `queue`: every event, and which streams were asked for and how they stand. Then everything is closed:
 * the feed, the recorder, and what `alsoClose` names, whatever failed before. Arguments that are refused are closed as well.
 *
 * @returns what was recorded.
 * @throws what ended the feed or kept an event from being recorded; `recording_failed` (a {@link TapewireError}) where more
 * than one thing went wrong; {@link UsageError} `bad_option`.
 */
export async function record(
  feed: RecordableFeed,
  recorder: Recorder,
  options: RecordOptions = {},
): Promise<RecordSummary> {
  const {
    onEvent,
    onEnd,
    alsoClose,
    keepEmpty,
    clock = systemClock(),
  } = await accepted(feed, recorder, options)
  const tally = new RecordTally()
  const statement = new StreamStatement(feed, recorder)
  const snapshots = new WantedSnapshots(feed, recorder)
  const failures: unknown[] = []
  const attempt = async (run: () => Promise<void> | void) => {
    try {
      await run()
    } catch (error) {
      failures.push(error)
    }
  }
  const pending: { timer: Timer | null } = { timer: null }
  const keepStating = () => {
    statement.update()
    snapshots.ask()
    pending.timer = clock.after(STATE_EVERY_MS, keepStating)
  }
  await attempt(async () => {
    keepStating()
    const reader = feed.reader({ name: 'recorder', books: false })
    for await (const event of reader) {
      recorder.record(event, reader.cursor ?? null)
      tally.add(event)
      onEvent?.(event)
    }
  })
  pending.timer?.cancel()
  await attempt(() => feed.close())
  await attempt(() => statement.update())
  await attempt(() => (keepEmpty ? recorder.close() : recorder.abandon()))
  for (const closable of alsoClose) await attempt(() => closable.close())
  const summary = tally.summary(feed.streams(), recorder.stats.gaps.opened)
  await attempt(() => onEnd?.(summary))
  if (failures.length > 0) throw failureOf(failures)
  return summary
}

/** Checks the arguments. What is refused is closed too: nobody else holds it. */
async function accepted(
  feed: RecordableFeed,
  recorder: Recorder,
  options: RecordOptions,
): Promise<z.output<typeof optionsSchema>> {
  try {
    assertRecordable(feed, recorder)
    return parseOptions('record', optionsSchema, options)
  } catch (error) {
    const also: unknown = options?.alsoClose
    await closeRefused([feed, recorder, ...(Array.isArray(also) ? also : [])])
    throw error
  }
}

interface Stated {
  readonly stream: RunStream
  readonly text: string
}

/** Keeps the tape's account of the run's streams up to date; what did not change is not written again. */
class StreamStatement {
  readonly #feed: RecordableFeed
  readonly #recorder: Recorder
  #stated = new Map<string, Stated>()

  constructor(feed: RecordableFeed, recorder: Recorder) {
    this.#feed = feed
    this.#recorder = recorder
  }

  update(): void {
    if (this.#recorder.state === 'closed') return
    const changed: RunStream[] = []
    const stated = new Map<string, Stated>()
    for (const asked of this.#feed.streams()) {
      const stream = runStream(asked)
      const text = JSON.stringify(stream)
      const key = keyOf(stream)
      if (this.#stated.get(key)?.text !== text) changed.push(stream)
      this.#stated.delete(key)
      stated.set(key, { stream, text })
    }
    // What was asked for under another name before the venue said what it means. A stream that ended did run under its name.
    const renamed: RunStream[] = []
    for (const [key, former] of this.#stated) {
      if (former.stream.endedAt === null) renamed.push(former.stream)
      else stated.set(key, former)
    }
    this.#stated = stated
    this.#recorder.recordStreams(changed, renamed)
  }
}

/** Asks the feed for the snapshots without which books are not whole on the tape. */
class WantedSnapshots {
  readonly #feed: RecordableFeed
  readonly #recorder: Recorder
  /** How many turns ago each was asked for. */
  #asked = new Map<string, number>()

  constructor(feed: RecordableFeed, recorder: Recorder) {
    this.#feed = feed
    this.#recorder = recorder
  }

  /** One turn. A stream that is not live gets its snapshot when it is live again. */
  ask(): void {
    const wanted = new Set(this.#recorder.booksWanted.map(keyOf))
    const asked = new Map<string, number>()
    if (wanted.size > 0) {
      for (const stream of this.#feed.streams()) {
        const key = keyOf(stream)
        if (!wanted.has(key)) continue
        const turns = this.#asked.get(key)
        const isDue = turns === undefined || turns * STATE_EVERY_MS >= SNAPSHOT_WITHIN_MS
        if (!isDue) asked.set(key, turns + 1)
        else if (stream.state === 'live') {
          this.#feed.resync?.(stream.venue, stream.symbol, stream.channel)
          asked.set(key, 1)
        }
      }
    }
    this.#asked = asked
  }
}

function keyOf({ venue, symbol, channel }: RunStreamName): string {
  return JSON.stringify([venue, symbol, channel])
}

function runStream(asked: FeedStream): RunStream {
  const { venue, symbol, channel, instrument, state, askedAt, confirmedAt, endedAt, reason } = asked
  const refused = state === 'refused' ? reason : null
  return { venue, symbol, channel, instrument, askedAt, confirmedAt, refused, endedAt }
}

function failureOf(failures: readonly unknown[]): unknown {
  const [first, ...others] = failures
  if (others.length === 0) return first
  const sentence = (error: unknown) => (error instanceof Error ? error.message : String(error))
  return new TapewireError(
    'recording_failed',
    `${sentence(first)}; and at the end of the recording: ${others.map(sentence).join('; ')}`,
    { cause: new AggregateError(failures) },
  )
}
