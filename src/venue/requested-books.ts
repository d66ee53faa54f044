import type { Micros } from '../../schemas/events.js'
import type { HttpResponse } from '../connector.js'
import { compareDecimals } from '../decode/decimal.js'
import { DecodeError } from '../errors.js'
import type { MayHaveWaited } from '../session/fields.js'
import type { SessionKit } from '../session/session.js'
import type { Stream } from '../session/stream.js'
import { Audits, type AuditTimes } from './audits.js'
import type { BookRows, RowSides } from './book-rows.js'
import { ImageRequests, type ImageRules } from './image-requests.js'
import { type Numbered, SnapshotJoin } from './snapshot-join.js'
import type { OrderRule } from './spec.js'

/** An image, or a change, with its place in the order of the stream. */
export interface BookMessage<Row> extends RowSides<Row>, Numbered, MayHaveWaited {
  readonly exchangeTime: Micros | null
  /** The number as events have it. @default `sequence` */
  readonly shown?: string
}

/** Books whose changes come on the socket and whose image is asked for over HTTP, declared as data. */
export interface RequestedBookRules<Row> extends ImageRules {
  readonly rows: BookRows<Row>
  /** How a change follows the one before it, and an image. */
  readonly order: OrderRule
  /** How long after the grant the image is asked for: long enough for it to hold everything before the first change. Milliseconds. */
  readonly settleMs: number
  /** Whether a removal of what is not there contradicts the book. */
  readonly strict: boolean
  /** @throws {DecodeError} where the answer does not fit. */
  read(answer: HttpResponse): BookMessage<Row>
  /** Whether an answer says that there is no such book: the stream is refused. @default status 404 */
  isMissing?(answer: HttpResponse): boolean
  /** There is no such book: gives the subscription up. */
  refuse(stream: Stream, reason: string, at: Micros | null): void
  /** Why a change that an image already holds must be of numbers that began again; null where it may just have come late. */
  startedAgain?(change: BookMessage<Row>, position: bigint): string | null
  /** When a silent book is compared with the venue's. @default never */
  readonly audit?: AuditTimes
}

/** An image may have a level that is gone and so cross the book; it is asked for later each time, up to this. */
const CROSSED_CAP_MS = 60_000
/** A book that was joined for so long was a good one. */
const GOOD_AFTER_MS = 120_000
/** Images of a log that come before their stream. */
const MOST_EARLY = 1_000

/** Books of changes that are joined to an image which is asked for over HTTP. */
export class RequestedBooks<Row extends readonly string[]> {
  readonly #kit: SessionKit
  readonly #rules: RequestedBookRules<Row>
  readonly #images: ImageRequests
  readonly #audits: Audits | null
  readonly #joins = new Map<Stream, SnapshotJoin<BookMessage<Row>>>()
  /** By instrument: images of a log that came before the stream was known. */
  readonly #early = new Map<string, BookMessage<Row>>()
  /** By instrument: how often in a row its book was crossed soon after it was joined, and when it was joined. */
  readonly #doubts = new Map<string, { times: number; joinedAt: Micros | null }>()

  constructor(kit: SessionKit, rules: RequestedBookRules<Row>) {
    this.#kit = kit
    this.#rules = rules
    this.#images = new ImageRequests(kit, rules)
    const isLive = ({ record }: Stream) => record.book.state === 'live'
    this.#audits = rules.audit === undefined ? null : new Audits(kit, this.#images, rules.audit, isLive)
  }

  /** The stream is being asked for: whatever was known of it is void. */
  begin(stream: Stream): void {
    this.#joins.set(stream, new SnapshotJoin<BookMessage<Row>>(this.#rules.order, this.#rules.rows.holding))
  }

  /** What came before it may be of a subscription that ended, with a hole up to this one. */
  granted(stream: Stream, at: Micros | null): void {
    if (!this.#kit.init.adopt) this.begin(stream)
    this.#kit.streams.ack(stream, at)
    const { instrument } = stream.instrument
    this.#images.ask(stream, this.#settleMs(stream, at), at)
    const early = this.#early.get(instrument)
    if (early === undefined) return
    this.#early.delete(instrument)
    this.image(stream, early, at)
  }

  leave(stream: Stream): void {
    this.#joins.delete(stream)
    this.#images.cancel(stream)
    this.#audits?.leave(stream)
  }

  /** A change came. */
  change(stream: Stream, message: BookMessage<Row>, at: Micros | null): void {
    const join = this.#join(stream)
    const change = { ...message, receivedAt: at }
    const { position } = join
    switch (join.offer(change)) {
      case 'apply':
        if (!this.#rules.rows.update(this.#kit.streams, stream, fieldsOf(change), at)) join.restart()
        break
      case 'held':
        this.#kit.streams.awaitsSnapshot(stream, at)
        break
      case 'covered': {
        const reason = this.#rules.startedAgain?.(change, position ?? change.sequence) ?? null
        if (reason === null) break
        join.restart()
        join.offer(change)
        this.broken(stream, reason, at)
        break
      }
      case 'back':
      case 'break':
        this.broken(stream, join.breach, at)
    }
  }

  /** A change is missing or cannot be trusted. An image that is on its way may be from before it. */
  broken(stream: Stream, detail: string, at: Micros | null): void {
    if (stream.record.book.state === 'live') this.#kit.streams.resync(stream, 'sequence', detail, at)
    else if (this.#joins.has(stream)) {
      this.begin(stream)
      this.#images.cancel(stream)
      this.#images.ask(stream, this.#rules.settleMs, at)
    }
  }

  /**
   * An answer over HTTP.
   *
   * @returns whether it was one of these.
   * @throws {DecodeError} after the next try was arranged.
   */
  response(answer: HttpResponse, at: Micros | null): boolean {
    const stream = this.#images.answered(answer)
    if (stream === undefined) return false
    if (stream === null || !this.#joins.has(stream)) return true
    const { isMissing = isNotFound } = this.#rules
    // An instrument that was seen is one: a front that has lost its way answers so too.
    if (isMissing(answer) && !stream.record.seen) {
      this.#rules.refuse(stream, `there is no market ${stream.instrument.instrument}`, at)
    } else if (answer.status !== 200) this.#images.failed(stream, answer, at)
    else if (this.image(stream, this.#read(stream, answer, at), at)) this.#images.granted(stream)
    else this.#images.retry(stream, at)
    return true
  }

  /** An answer that a log holds, of a stream that it may show later. */
  logged(instrument: string, stream: Stream | undefined, answer: HttpResponse, at: Micros | null): void {
    const image = { ...this.#rules.read(answer), receivedAt: at }
    if (stream !== undefined) this.image(stream, image, at)
    else if (this.#early.size < MOST_EARLY) this.#early.set(instrument, image)
  }

  /** @returns false where the image is too old to join, so that a newer one is needed. */
  image(stream: Stream, image: BookMessage<Row>, at: Micros | null): boolean {
    const join = this.#join(stream)
    if (!join.waiting) {
      this.#compare(stream, image, at)
      return true
    }
    const outcome = join.join(image.sequence)
    if (outcome.kind !== 'joined') return false
    const book = folded(image, outcome.following, this.#rules.strict)
    if (book === null) {
      join.restart()
      return false
    }
    const doubt = this.#doubts.get(stream.instrument.instrument)
    if (doubt !== undefined) doubt.joinedAt = at
    this.#rules.rows.snapshot(this.#kit.streams, stream, { ...fieldsOf(book), depth: null }, at)
    this.#audits?.begin(stream, at)
    return true
  }

  /** The log is over: the changes for which no image came. */
  finished(): void {
    for (const [stream, join] of this.#joins)
      if (join.waiting) this.#kit.streams.reportUnplaced(stream, join.waited)
  }

  #settleMs(stream: Stream, at: Micros | null): number {
    const { instrument } = stream.instrument
    const doubt = this.#doubts.get(instrument) ?? { times: 0, joinedAt: null }
    const soon =
      at !== null && doubt.joinedAt !== null && this.#kit.alarms.elapsedMs(doubt.joinedAt, at) < GOOD_AFTER_MS
    doubt.times = stream.record.gap?.reason === 'crossed' && soon ? doubt.times + 1 : 0
    this.#doubts.set(instrument, doubt)
    return Math.min(CROSSED_CAP_MS, this.#rules.settleMs * 2 ** Math.min(doubt.times, 10))
  }

  #read(stream: Stream, answer: HttpResponse, at: Micros | null): BookMessage<Row> {
    try {
      return this.#rules.read(answer)
    } catch (error) {
      if (error instanceof DecodeError) this.#images.retry(stream, at)
      throw error
    }
  }

  /** A second image of a book that stands. */
  #compare(stream: Stream, image: BookMessage<Row>, at: Micros | null): void {
    const { record } = stream
    const { isSame } = this.#rules.rows
    if (this.#audits === null || isSame === undefined) return
    if (record.book.state !== 'live' || this.#kit.init.adopt || at === null) return
    if (isSame(stream, image)) {
      record.proved = at
      return
    }
    const mark = () => (record.book.state === 'live' ? record.lastData : null)
    this.#audits.behind(stream, at, mark, (now) =>
      this.#kit.streams.resync(stream, 'stale', "the venue's own book changed, and no change came", now),
    )
  }

  #join(stream: Stream): SnapshotJoin<BookMessage<Row>> {
    if (!this.#joins.has(stream)) this.begin(stream)
    return this.#joins.get(stream) as SnapshotJoin<BookMessage<Row>>
  }
}

function isNotFound({ status }: HttpResponse): boolean {
  return status === 404
}

function fieldsOf<Row>({ shown, sequence, bids, asks, exchangeTime, receivedAt = null }: BookMessage<Row>) {
  return { bids, asks, exchangeTime, sequence: shown ?? String(sequence), receivedAt }
}

/**
 * The image with the changes that waited for it: with two connections the image alone would be of the past.
 *
 * @returns null where a change contradicts it.
 */
function folded<Row extends readonly string[]>(
  image: BookMessage<Row>,
  following: readonly BookMessage<Row>[],
  strict: boolean,
): BookMessage<Row> | null {
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
  const { receivedAt: _late, ...place } = last
  return { ...place, ...sides }
}
