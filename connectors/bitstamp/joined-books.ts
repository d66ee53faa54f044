import type { Micros } from '../../schemas/events.js'
import type { HttpResponse } from '../../src/connector.js'
import { compareDecimals } from '../../src/decode/decimal.js'
import { DecodeError } from '../../src/errors.js'
import type { MayHaveWaited } from '../../src/session/fields.js'
import type { SessionKit } from '../../src/session/session.js'
import { type Stream, streamName } from '../../src/session/stream.js'
import { type Holding, type Numbered, SnapshotJoin } from '../../src/venue/snapshot-join.js'
import type { OrderRule } from '../../src/venue/spec.js'
import { ImageRequests } from './image-requests.js'

/** Rows of both sides at a moment of the venue's clock. */
export interface Rows<Row> extends MayHaveWaited {
  readonly bids: Row[]
  readonly asks: Row[]
  readonly exchangeTime: Micros
}

interface Change<Row> extends Rows<Row>, Numbered {}

/** What is different between levels and orders. */
export interface BookKind<Row> {
  /** Of the REST book: 1 for levels, 2 for orders. */
  readonly group: 1 | 2
  readonly holding: Holding<Change<Row>>
  /** Whether a removal of what is not there contradicts the book. */
  readonly strict: boolean
  read(response: HttpResponse): Rows<Row>
  snapshot(stream: Stream, rows: Rows<Row>, at: Micros | null): void
  /** @returns whether the book took it. */
  update(stream: Stream, rows: Rows<Row>, at: Micros | null): boolean
  /** There is no such book. */
  refuse(stream: Stream, reason: string, at: Micros | null): void
  /** Whether a silent book is compared with the venue's: it is another one. */
  differs?(stream: Stream, image: Rows<Row>): boolean
}

/** The image is about a second old: what is asked for this long after the grant holds everything before the first change. */
const SETTLE_MS = 2_000
/** A crossed book most often has a level that the REST book keeps for a while although it is gone. Doubled up to the second figure. */
const CROSSED_CAP_MS = 60_000
/** A book that was joined for so long was a good one. */
const GOOD_AFTER_MS = 120_000

/** A change cannot be older than the image by this: the venue's clock was set back. */
const CLOCK_BACK: Micros = 60_000_000
/** A silent book is compared after this; doubled each time up to the second figure. */
const SILENT_MS = 20_000
const SILENT_CAP_MS = 600_000
/** A change that the venue's book has may still be on its way for so long. */
const ON_ITS_WAY_MS = 5_000
/** Images of a log that wait for their stream. */
const MOST_EARLY = 1_000

const rising: OrderRule = { by: 'microtimestamp', scope: 'stream', across: 'own', step: 'rising' }

/** Books of changes that are joined to a REST image by the venue's clock: nothing else says where they stand. */
export class JoinedBooks<Row extends readonly string[]> {
  readonly #kit: SessionKit
  readonly #kind: BookKind<Row>
  readonly #images: ImageRequests
  readonly #joins = new Map<Stream, SnapshotJoin<Change<Row>>>()
  /** By instrument: images of a log that came before the stream was known. */
  readonly #early = new Map<string, Rows<Row>>()
  /** By instrument: how often in a row its book was crossed soon after it was joined, and when it was joined. */
  readonly #doubts = new Map<string, { times: number; joinedAt: Micros | null }>()

  constructor(kit: SessionKit, kind: BookKind<Row>) {
    this.#kit = kit
    this.#kind = kind
    this.#images = new ImageRequests(kit, (id) => `/api/v2/order_book/${id}/?group=${kind.group}`)
  }

  /** The stream is being asked for: whatever was known of it is void. */
  begin(stream: Stream): void {
    this.#joins.set(stream, new SnapshotJoin(rising, this.#kind.holding))
  }

  /** What came before it may be of a subscription that ended, with a hole up to this one. */
  granted(stream: Stream, at: Micros | null): void {
    if (!this.#kit.init.adopt) this.begin(stream)
    this.#kit.streams.ack(stream, at)
    const { record } = stream
    const { instrument } = stream.instrument
    const doubt = this.#doubts.get(instrument) ?? { times: 0, joinedAt: null }
    const soon =
      at !== null && doubt.joinedAt !== null && this.#kit.alarms.elapsedMs(doubt.joinedAt, at) < GOOD_AFTER_MS
    doubt.times = record.gap?.reason === 'crossed' && soon ? doubt.times + 1 : 0
    this.#doubts.set(instrument, doubt)
    this.#images.ask(stream, Math.min(CROSSED_CAP_MS, SETTLE_MS * 2 ** Math.min(doubt.times, 10)), at)
    const early = this.#early.get(instrument)
    if (early === undefined) return
    this.#early.delete(instrument)
    this.image(stream, early, at)
  }

  leave(stream: Stream): void {
    this.#joins.delete(stream)
    this.#images.cancel(stream)
    this.#kit.alarms.clear(silentAlarm(stream))
  }

  /** @param sequence by which the change follows the one before it: its microseconds in the upper bits. */
  change(stream: Stream, sequence: bigint, rows: Rows<Row>, at: Micros | null): void {
    const join = this.#join(stream)
    const change = { ...rows, sequence, receivedAt: at }
    const before = join.position
    const verdict = join.offer(change)
    if (verdict === 'apply') this.#apply(stream, join, change, at)
    else if (verdict === 'held') this.#kit.streams.awaitsSnapshot(stream, at)
    else if (verdict === 'covered' && timeOf(before ?? sequence) - rows.exchangeTime > CLOCK_BACK) {
      join.restart()
      join.offer(change)
      this.broken(stream, "the venue's clock went back", at)
    } else if (verdict === 'back') this.broken(stream, join.breach, at)
  }

  /** A change is missing or cannot be trusted. An image that is on its way may be from before it. */
  broken(stream: Stream, detail: string, at: Micros | null): void {
    if (stream.record.book.state === 'live') this.#kit.streams.resync(stream, 'sequence', detail, at)
    else if (this.#joins.has(stream)) {
      this.begin(stream)
      this.#images.cancel(stream)
      this.#images.ask(stream, SETTLE_MS, at)
    }
  }

  /**
   * An answer over HTTP.
   *
   * @returns whether it was one of these.
   * @throws {DecodeError} after the next try was arranged.
   */
  response(response: HttpResponse, at: Micros | null): boolean {
    const stream = this.#images.answered(response)
    if (stream === undefined) return false
    if (stream === null || !this.#joins.has(stream)) return true
    // A market that was seen is one: a front that has lost its way answers so too.
    if (response.status === 404 && !stream.record.seen) {
      this.#kind.refuse(stream, `there is no market ${stream.instrument.instrument}`, at)
    } else if (response.status !== 200) this.#images.failed(stream, response, at)
    else if (!this.image(stream, this.#read(stream, response, at), at)) this.#images.retry(stream, at)
    return true
  }

  #read(stream: Stream, response: HttpResponse, at: Micros | null): Rows<Row> {
    try {
      return this.#kind.read(response)
    } catch (error) {
      if (error instanceof DecodeError) this.#images.retry(stream, at)
      throw error
    }
  }

  /** An image that a log holds, of a stream that it may show later. */
  logged(instrument: string, stream: Stream | undefined, image: Rows<Row>, at: Micros | null): void {
    const received = { ...image, receivedAt: at }
    if (stream !== undefined) this.image(stream, received, at)
    else if (this.#early.size < MOST_EARLY) this.#early.set(instrument, received)
  }

  /** @returns false where the image is too old to join, so that a newer one is needed. */
  image(stream: Stream, image: Rows<Row>, at: Micros | null): boolean {
    const join = this.#join(stream)
    if (!join.waiting) {
      this.#compare(stream, image, at)
      return true
    }
    const outcome = join.join(sequenceOf(image.exchangeTime, LAST))
    const book = outcome.kind === 'joined' ? folded(image, outcome.following, this.#kind.strict) : null
    if (book === null) {
      if (outcome.kind === 'joined') join.restart()
      return false
    }
    const doubt = this.#doubts.get(stream.instrument.instrument)
    if (doubt !== undefined) doubt.joinedAt = at
    this.#kind.snapshot(stream, book, at)
    this.#watch(stream, SILENT_MS, at)
    return true
  }

  /** The log is over: the changes for which no image came. */
  finished(): void {
    for (const [stream, join] of this.#joins)
      if (join.waiting) this.#kit.streams.reportUnplaced(stream, join.waited)
  }

  #apply(stream: Stream, join: SnapshotJoin<Change<Row>>, change: Change<Row>, at: Micros | null): boolean {
    const taken = this.#kind.update(stream, change, at)
    if (!taken) join.restart()
    return taken
  }

  /** A dead subscription looks like a quiet market: a silent book is compared with the venue's own. */
  #watch(stream: Stream, silentMs: number, at: Micros | null): void {
    if (this.#kind.differs === undefined || this.#kit.init.adopt || at === null) return
    const { alarms } = this.#kit
    alarms.set(silentAlarm(stream), at, silentMs, (now) => {
      if (alarms.elapsedMs(stream.record.lastData ?? now, now) < silentMs) {
        this.#watch(stream, SILENT_MS, stream.record.lastData)
        return
      }
      if (stream.record.book.state === 'live') this.#images.ask(stream, 0, now)
      this.#watch(stream, Math.min(SILENT_CAP_MS, silentMs * 2), now)
    })
  }

  #compare(stream: Stream, image: Rows<Row>, at: Micros | null): void {
    const { record } = stream
    const differs = this.#kind.differs
    if (differs === undefined || record.book.state !== 'live' || this.#kit.init.adopt || at === null) return
    if (!differs(stream, image)) {
      record.proved = at
      return
    }
    const before = record.lastData
    this.#kit.alarms.set(silentAlarm(stream), at, ON_ITS_WAY_MS, (now) => {
      if (record.lastData !== before || record.book.state !== 'live') this.#watch(stream, SILENT_MS, now)
      else this.#kit.streams.resync(stream, 'stale', "the venue's own book changed, and no change came", now)
    })
  }

  #join(stream: Stream): SnapshotJoin<Change<Row>> {
    let join = this.#joins.get(stream)
    if (join === undefined) {
      join = new SnapshotJoin(rising, this.#kind.holding)
      this.#joins.set(stream, join)
    }
    return join
  }
}

const BITS = 64n
const LAST = (1n << BITS) - 1n

/** @param nth among what has the same time */
export function sequenceOf(time: Micros, nth = 0n): bigint {
  return (BigInt(time) << BITS) | nth
}

function timeOf(sequence: bigint): Micros {
  return Number(sequence >> BITS)
}

/**
 * The image with the changes that waited for it: with two connections the image alone would be of the past.
 *
 * @returns null where a change contradicts it.
 */
function folded<Row extends readonly string[]>(
  image: Rows<Row>,
  following: readonly Rows<Row>[],
  strict: boolean,
): Rows<Row> | null {
  const last = following.at(-1)
  if (last === undefined) return image
  const sides = { bids: [] as Row[], asks: [] as Row[] }
  for (const side of ['bids', 'asks'] as const) {
    const held = new Map(image[side].map((row) => [row[0], row]))
    for (const row of following.flatMap((change) => change[side])) {
      if (row.at(-1) !== '0') held.set(row[0], row)
      else if (!held.delete(row[0]) && strict) return null
    }
    const better = side === 'bids' ? -1 : 1
    sides[side] = [...held.values()].sort((a, b) => better * compareDecimals(a.at(-2) ?? '', b.at(-2) ?? ''))
  }
  return { ...sides, exchangeTime: last.exchangeTime }
}

function silentAlarm(stream: Stream): string {
  return `silent ${streamName(stream)}`
}
