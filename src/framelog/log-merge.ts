import { basename } from 'node:path'
import type { FileHead } from './file-head.js'
import type { FrameRecord, OpenRecord, RestRecord } from './frame-record.js'
import type { RecordingRecord } from './recording-record.js'

/** A file that begins in the middle of a connection continues one that ended no longer than this before. */
const CONTINUES_WITHIN_MICROS = 60_000_000

/** Records given at a time where several files are merged. */
const BATCH = 1024

/** The connections of one file, or of several that continue each other: numbers in the file, numbers in the recording. */
class Connections {
  readonly #next: () => number
  readonly #numbers = new Map<number, number>()
  readonly #open = new Set<number>()

  constructor(next: () => number) {
    this.#next = next
  }

  number(record: Exclude<FrameRecord, RestRecord>): number {
    let number = this.#numbers.get(record.conn)
    if (number === undefined) {
      number = this.#next()
      this.#numbers.set(record.conn, number)
    }
    if (record.dir === 'close') this.#open.delete(number)
    else this.#open.add(number)
    return number
  }

  isOpen(record: OpenRecord): boolean {
    const number = this.#numbers.get(record.conn)
    return number !== undefined && this.#open.has(number)
  }

  get open(): ReadonlySet<number> {
    return this.#open
  }
}

/** One file while it is read. */
class Cursor {
  readonly head: FileHead
  readonly #batches: AsyncGenerator<FrameRecord[]>
  #batch: readonly FrameRecord[] = []
  #at = 0
  connections: Connections
  /** The time at which the next record is due, and of the last one when there is no next. */
  time: number

  constructor(head: FileHead, batches: AsyncGenerator<FrameRecord[]>, connections: Connections) {
    this.head = head
    this.#batches = batches
    this.connections = connections
    this.time = head.start ?? 0
  }

  /** The next record; undefined where more must be read first. */
  peek(): FrameRecord | undefined {
    return this.#batch[this.#at]
  }

  step(): void {
    this.#at++
    const t = this.#batch[this.#at]?.t
    if (typeof t === 'number') this.time = t
  }

  /** @returns false at the end of the file. */
  async more(): Promise<boolean> {
    const step = await this.#batches.next()
    if (step.done) return false
    this.#batch = step.value
    this.#at = -1
    this.step()
    return true
  }

  async stop(): Promise<void> {
    await this.#batches.return(undefined)
  }
}

interface EndedFile {
  readonly head: FileHead
  readonly connections: Connections
  readonly end: number
}

/** The k-way merge of {@link openRecording}. A file is opened when its time comes and closed when it ends, however many there are. */
export class LogMerge {
  readonly #read: (path: string) => AsyncGenerator<FrameRecord[]>
  readonly #waiting: FileHead[]
  /** In the order in which they began. */
  readonly #active: Cursor[] = []
  readonly #ended: EndedFile[] = []
  #numbers = 0

  constructor(heads: readonly FileHead[], read: (path: string) => AsyncGenerator<FrameRecord[]>) {
    this.#read = read
    this.#waiting = [...heads].sort((a, b) =>
      startOf(a) < startOf(b) ? -1 : startOf(a) > startOf(b) ? 1 : 0,
    )
  }

  async *records(): AsyncGenerator<readonly RecordingRecord[]> {
    let out: RecordingRecord[] = []
    try {
      for (;;) {
        await this.#begin(out)
        const chosen = this.#earliest()
        if (chosen === undefined) break
        this.#run(chosen, this.#limit(chosen), out)
        if (chosen.peek() === undefined && !(await chosen.more())) this.#end(chosen, out)
        if (out.length >= BATCH) {
          yield out
          out = []
        }
      }
      if (out.length > 0) yield out
    } finally {
      for (const cursor of this.#active) await cursor.stop()
    }
  }

  /** Opens the files whose time has come. One that is being read goes on first, up to and with the same moment. */
  async #begin(out: RecordingRecord[]): Promise<void> {
    for (;;) {
      const next = this.#waiting[0]
      if (next === undefined || this.#active.some(({ time }) => time <= startOf(next))) return
      this.#waiting.shift()
      const cursor = new Cursor(next, this.#read(next.path), this.#connections(next))
      this.#active.push(cursor)
      if (!(await cursor.more())) this.#end(cursor, out)
    }
  }

  #earliest(): Cursor | undefined {
    let chosen = this.#active[0]
    for (const candidate of this.#active) if (chosen && candidate.time < chosen.time) chosen = candidate
    return chosen
  }

  /** Up to when the chosen file can be played without asking the others again. */
  #limit(chosen: Cursor): number {
    const next = this.#waiting[0]
    let limit = next === undefined ? Number.POSITIVE_INFINITY : startOf(next)
    for (const cursor of this.#active) if (cursor !== chosen) limit = Math.min(limit, cursor.time)
    return limit
  }

  #run(cursor: Cursor, limit: number, out: RecordingRecord[]): void {
    let record = cursor.peek()
    do {
      if (record === undefined) return
      if (record.dir === 'rest') out.push(record)
      else {
        const repeated =
          record.dir === 'open' && record.continues !== undefined && this.#goesOn(cursor, record)
        const conn = cursor.connections.number(record)
        if (!repeated) out.push(conn === record.conn ? record : { ...record, conn })
      }
      cursor.step()
      record = cursor.peek()
    } while (cursor.time < limit)
  }

  #end(cursor: Cursor, out: RecordingRecord[]): void {
    this.#active.splice(this.#active.indexOf(cursor), 1)
    const t = cursor.head.start === null ? null : cursor.time
    for (const conn of cursor.connections.open) out.push({ dir: 'lost', t, conn })
    this.#ended.push({ head: cursor.head, connections: cursor.connections, end: cursor.time })
  }

  /** The connections that a file begins with: its own, or where it begins amid one, those of the file that it continues. */
  #connections(head: FileHead): Connections {
    if (head.beginsAmid) {
      const before = this.#ended.filter(
        ({ end, head: other, connections }) =>
          connections.open.size > 0 &&
          (head.start === null || other.start === null
            ? head.start === other.start
            : head.start - end <= CONTINUES_WITHIN_MICROS),
      )
      const closest = before.reduce<EndedFile | null>(
        (best, candidate) =>
          best === null || likeness(candidate.head.path, head.path) >= likeness(best.head.path, head.path)
            ? candidate
            : best,
        null,
      )
      if (closest !== null) return this.#takeOver(closest)
    }
    return new Connections(() => this.#numbers++)
  }

  /** Whether an `open` of a rotated log only repeats one that an earlier part of it had. */
  #goesOn(cursor: Cursor, record: OpenRecord): boolean {
    const before = this.#ended.find(({ head }) => basename(head.path) === record.continues)
    if (before !== undefined) cursor.connections = this.#takeOver(before)
    return cursor.connections.isOpen(record)
  }

  #takeOver(before: EndedFile): Connections {
    this.#ended.splice(this.#ended.indexOf(before), 1)
    return before.connections
  }
}

function startOf(head: FileHead): number {
  return head.start ?? Number.POSITIVE_INFINITY
}

/** How many characters two file names share at the beginning: parts of one capture differ only near the end. */
function likeness(a: string, b: string): number {
  const [left, right] = [basename(a), basename(b)]
  let shared = 0
  while (shared < left.length && left[shared] === right[shared]) shared++
  return shared
}
