/// <reference lib="esnext.disposable" preserve="true" />
import {
  createWriteStream,
  existsSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
  type WriteStream,
} from 'node:fs'
import { basename, dirname } from 'node:path'
import { constants, createGzip, type Gzip } from 'node:zlib'
import type { Micros } from '../../schemas/events.js'
import type { HttpResponse } from '../connector.js'
import type { FrameTap } from '../feed/frame-tap.js'
import type { Clock, Timer } from '../platform.js'
import { FrameLogError } from './frame-log-error.js'
import { type FrameRecord, type OpenRecord, writeRecord } from './frame-record.js'

/** Options of `FrameLogWriter`. */
export interface FrameLogWriterOptions {
  /** The first file, `raw.jsonl.gz`. Further parts are `raw.2.jsonl.gz`, `raw.3.jsonl.gz` and so on. */
  readonly path: string
  readonly clock: Clock
  /** Called once, when the log can no longer be written; nothing is recorded from then on. `close` rejects with the same. */
  readonly onError: (error: FrameLogError) => void
  /**
   * What to do where `path` or a part of it exists already: `refuse` with `log_exists`, or go on in a `new-part`, whose
   * number is one above the highest there is. @default 'refuse'
   */
  readonly existing?: 'refuse' | 'new-part'
  /** What a crash of the process may cost, at most. Milliseconds. @default 1_000 */
  readonly flushAfterMs?: number
  /** Begins a new part where the file has grown beyond this, compressed. Bytes. @default Infinity */
  readonly rotateAfterBytes?: number
  /** Begins a new part where the file is older than this. Milliseconds. @default Infinity */
  readonly rotateAfterMs?: number
  /** What the disk may fall behind before the log gives up with `log_overflow`. Bytes. @default 67_108_864 */
  readonly maxPendingBytes?: number
}

/** Lines are given to zlib this many bytes at a time: a call for each would cost more than the line. */
const CHUNK = 64 * 1024

/**
 * Writes a frame log while it happens; given to a feed as its `tap`. Frames arrive with credentials already taken out.
 *
 * The compressed stream is flushed at least every `flushAfterMs`, so a file whose process was killed can be read up to
 * there. A file that exists is never touched. A log in which no connection was opened is removed when it is closed, so that a
 * start that failed leaves nothing behind.
 */
export class FrameLogWriter implements FrameTap {
  readonly #options: Required<FrameLogWriterOptions>
  readonly #opened = new Map<number, OpenRecord>()
  /** Parts that are being closed. */
  readonly #closing = new Set<Promise<void>>()
  #part: Part
  #lines: string[] = []
  #bytes = 0
  #records = 0
  #connected = false
  #timer: Timer | null = null
  #error: FrameLogError | null = null
  #ended = false

  /** @throws {FrameLogError} `log_exists`, `log_unwritable`. */
  constructor(options: FrameLogWriterOptions) {
    this.#options = {
      flushAfterMs: 1_000,
      rotateAfterBytes: Number.POSITIVE_INFINITY,
      rotateAfterMs: Number.POSITIVE_INFINITY,
      existing: 'refuse',
      maxPendingBytes: 64 * 1024 * 1024,
      ...options,
    }
    const { path, existing } = this.#options
    refuseOther(path)
    this.#part = this.#begin(existing === 'refuse' ? null : partAfter(path))
  }

  /** The file being written now. */
  get path(): string {
    return this.#part.path
  }

  /** Records taken so far. */
  get records(): number {
    return this.#records
  }

  /** Bytes taken and not yet compressed: what the disk is behind. */
  get pendingBytes(): number {
    return this.#bytes + this.#part.pending
  }

  /** @param venue the venue's name: the URL of a gateway or a simulator does not say it. */
  open(connection: number, url: string, at: Micros, venue?: string): void {
    this.write({
      dir: 'open',
      t: at,
      conn: connection,
      url,
      ...(venue === undefined ? {} : { venue }),
    })
  }

  received(connection: number, data: string | Uint8Array, at: Micros): void {
    this.write({ dir: 'in', t: at, conn: connection, data })
  }

  sent(connection: number, frame: string, at: Micros): void {
    this.write({ dir: 'out', t: at, conn: connection, data: frame })
  }

  rest(response: HttpResponse, at: Micros): void {
    const { url, status, body, headers } = response
    this.write({ dir: 'rest', t: at, url, status, body, headers })
  }

  closed(connection: number, at: Micros): void {
    this.write({ dir: 'close', t: at, conn: connection })
  }

  /** Appends one record. Returns at once; the disk follows. */
  write(record: FrameRecord): void {
    if (this.#ended || this.#error !== null) return
    const line = writeRecord(record)
    const bytes = Buffer.byteLength(line)
    if (this.pendingBytes + bytes > this.#options.maxPendingBytes) {
      this.#fail(
        new FrameLogError(
          'log_overflow',
          `the disk cannot keep up: ${this.pendingBytes} bytes wait to be written to ${this.path}`,
          { context: { file: this.path } },
        ),
      )
      return
    }
    this.#rotateIfDue()
    if (record.dir !== 'rest') this.#connected = true
    if (record.dir === 'open') this.#opened.set(record.conn, record)
    if (record.dir === 'close') this.#opened.delete(record.conn)
    this.#records++
    this.#append(line, bytes)
  }

  /** Resolves when all that was written so far has reached the operating system. */
  async flush(): Promise<void> {
    this.#timer?.cancel()
    this.#timer = null
    this.#hand()
    await this.#part.flush()
  }

  /**
   * Writes what is left and closes the file. Final.
   *
   * @throws {FrameLogError} what `onError` was called with, where the log is not whole.
   */
  async close(): Promise<void> {
    if (!this.#ended) {
      this.#ended = true
      this.#timer?.cancel()
      this.#hand()
      this.#finish(this.#part)
    }
    await Promise.all(this.#closing)
    if (!this.#connected) rmSync(this.#part.path, { force: true })
    if (this.#error !== null) throw this.#error
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #append(line: string, bytes: number): void {
    this.#lines.push(line)
    this.#bytes += bytes
    if (this.#bytes >= CHUNK) this.#hand()
    this.#timer ??= this.#options.clock.after(this.#options.flushAfterMs, () => void this.flush())
  }

  #hand(): void {
    if (this.#bytes === 0) return
    this.#part.write(this.#lines.join(''), this.#bytes)
    this.#lines = []
    this.#bytes = 0
  }

  /** @param number of the part; null for the first file, which must not exist */
  #begin(number: number | null): Part {
    const { path, clock } = this.#options
    const { file, descriptor } =
      number === null ? { file: path, descriptor: create(path) } : createPart(path, number)
    return new Part(file, descriptor, clock.monotonic(), (error) => this.#fail(error))
  }

  #finish(part: Part): void {
    const finished = part.end().then(() => void this.#closing.delete(finished))
    this.#closing.add(finished)
  }

  /** Each part repeats what is open, marked with the part before, so that it can be read with it and without it. */
  #rotateIfDue(): void {
    const { clock, rotateAfterBytes, rotateAfterMs } = this.#options
    const before = this.#part
    if (!this.#connected) return
    const old = clock.monotonic() - before.since >= rotateAfterMs * 1000
    if (!old && before.bytes < rotateAfterBytes) return
    this.#hand()
    try {
      this.#part = this.#begin(partAfter(this.#options.path))
    } catch (error) {
      if (!(error instanceof FrameLogError)) throw error
      this.#fail(error)
      return
    }
    this.#finish(before)
    const t = clock.now()
    for (const opened of this.#opened.values()) {
      const line = writeRecord({ ...opened, t, continues: basename(before.path) })
      this.#append(line, Buffer.byteLength(line))
    }
  }

  #fail(error: FrameLogError): void {
    if (this.#error !== null) return
    this.#error = error
    this.#timer?.cancel()
    this.#hand()
    this.#options.onError(error)
  }
}

/** One file. */
class Part {
  readonly path: string
  /** By the monotonic clock. */
  readonly since: Micros
  readonly #gzip: Gzip
  readonly #file: WriteStream
  readonly #finished: Promise<void>
  /** Bytes given to zlib and not yet compressed. */
  pending = 0

  constructor(path: string, descriptor: number, since: Micros, onError: (error: FrameLogError) => void) {
    this.path = path
    this.since = since
    this.#file = createWriteStream(path, { fd: descriptor })
    this.#gzip = createGzip()
    this.#gzip.pipe(this.#file)
    this.#finished = new Promise((resolve) => {
      const failed = (error: Error) => {
        onError(unwritable(path, error))
        resolve()
      }
      this.#gzip.on('error', failed)
      this.#file.on('error', failed)
      this.#file.on('close', resolve)
    })
  }

  get bytes(): number {
    return this.#file.bytesWritten
  }

  write(text: string, bytes: number): void {
    this.pending += bytes
    this.#gzip.write(text, () => {
      this.pending -= bytes
    })
  }

  /** Whatever ends the file also ends the wait: zlib forgets the callbacks of a stream that failed. */
  async flush(): Promise<void> {
    await Promise.race([
      new Promise<void>((resolve) => this.#gzip.flush(constants.Z_SYNC_FLUSH, () => resolve())),
      this.#finished,
    ])
  }

  async end(): Promise<void> {
    this.#gzip.end()
    await this.#finished
  }
}

const SUFFIX = /(?:\.jsonl)?(?:\.gz)?$/

/** The first part has the name that was given, part 2 of `raw.jsonl.gz` is `raw.2.jsonl.gz`. */
function partName(path: string, part: number): string {
  if (part === 1) return path
  const suffix = SUFFIX.exec(path)?.[0] ?? ''
  return `${path.slice(0, path.length - suffix.length)}.${part}${suffix}`
}

/** The number after the highest part that exists, whether this writer or an earlier recording made it. */
function partAfter(path: string): number {
  const suffix = SUFFIX.exec(path)?.[0] ?? ''
  const stem = `${basename(path, suffix)}.`
  let highest = existsSync(path) ? 1 : 0
  for (const name of listed(dirname(path))) {
    if (!name.startsWith(stem) || !name.endsWith(suffix)) continue
    const part = name.slice(stem.length, name.length - suffix.length)
    if (/^[1-9]\d{0,8}$/.test(part)) highest = Math.max(highest, Number(part))
  }
  return highest + 1
}

/** Parts beside a directory or a device would be made where nobody looks for them. */
function refuseOther(path: string): void {
  const found = statSync(path, { throwIfNoEntry: false })
  if (found === undefined || found.isFile()) return
  const what = found.isDirectory() ? 'a directory' : found.isFIFO() ? 'a pipe' : 'a device'
  throw new FrameLogError(
    'log_unwritable',
    `cannot write raw frames to ${path}: it is ${what}; name a file, such as tape.frames.jsonl.gz`,
    { context: { file: path } },
  )
}

function listed(directory: string): string[] {
  try {
    return readdirSync(directory)
  } catch (error) {
    throw unwritable(directory, error)
  }
}

/** Another writer may take the number first. */
function createPart(path: string, number: number): { readonly file: string; readonly descriptor: number } {
  for (let part = number; ; part++) {
    const file = partName(path, part)
    try {
      return { file, descriptor: create(file) }
    } catch (error) {
      if (!(error instanceof FrameLogError && error.code === 'log_exists')) throw error
    }
  }
}

function create(path: string): number {
  try {
    return openSync(path, 'wx')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') {
      throw new FrameLogError(
        'log_exists',
        `${path} exists already; a frame log is never overwritten: name another file or move it away`,
        { cause: error, context: { file: path } },
      )
    }
    throw unwritable(path, error)
  }
}

function unwritable(path: string, cause: unknown): FrameLogError {
  const why = cause instanceof Error ? cause.message : String(cause)
  return new FrameLogError('log_unwritable', `cannot write ${path}: ${why}`, {
    cause,
    context: { file: path },
  })
}
