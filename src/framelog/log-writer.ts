import { createWriteStream, openSync, type WriteStream } from 'node:fs'
import { basename } from 'node:path'
import { constants, createGzip, type Gzip } from 'node:zlib'
import type { Micros } from '../../schemas/events.js'
import type { HttpResponse } from '../connector.js'
import type { FrameTap } from '../feed/frame-tap.js'
import type { Clock, Timer } from '../platform.js'
import { FrameLogError } from './frame-log-error.js'
import { type FrameRecord, type OpenRecord, writeRecord } from './frame-record.js'

export interface FrameLogWriterOptions {
  /** The first file, `raw.jsonl.gz`. Further parts are `raw.2.jsonl.gz`, `raw.3.jsonl.gz` and so on. */
  readonly path: string
  readonly clock: Clock
  /** Called once, when the log can no longer be written; nothing is recorded from then on. */
  readonly onError: (error: FrameLogError) => void
  /** What a crash of the process may cost, at most. Milliseconds. @default 1_000 */
  readonly flushAfterMs?: number
  /** Begins a new part where the file has grown beyond this, compressed. Bytes. @default Infinity */
  readonly rotateAfterBytes?: number
  /** Begins a new part where the file is older than this. Milliseconds. @default Infinity */
  readonly rotateAfterMs?: number
  /** What the disk may fall behind before the log gives up with `log_overflow`. Characters. @default 67_108_864 */
  readonly maxPending?: number
}

/** Lines are given to zlib this many characters at a time: a call for each would cost more than the line. */
const CHUNK = 64 * 1024

/**
 * Writes a frame log while it happens; given to a feed as its `tap`. Frames arrive with credentials already taken out.
 *
 * The compressed stream is flushed at least every `flushAfterMs`, so a file whose process was killed can be read up to
 * there. A file that exists is never touched.
 */
export class FrameLogWriter implements FrameTap {
  readonly #options: Required<FrameLogWriterOptions>
  readonly #opened = new Map<number, OpenRecord>()
  readonly #closing: Promise<void>[] = []
  #part: Part
  #parts = 1
  #lines: string[] = []
  #length = 0
  #records = 0
  #timer: Timer | null = null
  #error: FrameLogError | null = null
  #ended = false

  /** @throws {FrameLogError} `log_exists`, `log_unwritable`. */
  constructor(options: FrameLogWriterOptions) {
    this.#options = {
      flushAfterMs: 1_000,
      rotateAfterBytes: Number.POSITIVE_INFINITY,
      rotateAfterMs: Number.POSITIVE_INFINITY,
      maxPending: 64 * 1024 * 1024,
      ...options,
    }
    this.#part = this.#begin()
  }

  /** The file being written now. */
  get path(): string {
    return this.#part.path
  }

  /** Records taken so far. */
  get records(): number {
    return this.#records
  }

  /** Characters taken and not yet compressed: what the disk is behind. */
  get pending(): number {
    return this.#length + this.#part.pending
  }

  /** @param venue the venue's name: the URL of a gateway or a simulator does not tell. */
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
    if (this.pending + line.length > this.#options.maxPending) {
      this.#fail(
        new FrameLogError(
          'log_overflow',
          `the disk cannot keep up: ${this.pending} characters wait to be written to ${this.path}`,
          { context: { file: this.path } },
        ),
      )
      return
    }
    this.#rotateIfDue()
    if (record.dir === 'open') this.#opened.set(record.conn, record)
    if (record.dir === 'close') this.#opened.delete(record.conn)
    this.#records++
    this.#append(line)
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
   * @throws {FrameLogError} what `onError` was told, where the log is not whole.
   */
  async close(): Promise<void> {
    if (!this.#ended) {
      this.#ended = true
      this.#timer?.cancel()
      this.#hand()
      this.#closing.push(this.#part.end())
    }
    await Promise.all(this.#closing)
    if (this.#error !== null) throw this.#error
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #append(line: string): void {
    this.#lines.push(line)
    this.#length += line.length
    if (this.#length >= CHUNK) this.#hand()
    this.#timer ??= this.#options.clock.after(this.#options.flushAfterMs, () => void this.flush())
  }

  #hand(): void {
    if (this.#length === 0) return
    this.#part.write(this.#lines.join(''), this.#length)
    this.#lines = []
    this.#length = 0
  }

  #begin(): Part {
    const { path, clock } = this.#options
    const name = this.#parts === 1 ? path : partName(path, this.#parts)
    return new Part(name, clock.monotonic(), (error) => this.#fail(error))
  }

  /** Each part repeats what is open, marked with the part before, so that it can be read with it and without it. */
  #rotateIfDue(): void {
    const { clock, rotateAfterBytes, rotateAfterMs } = this.#options
    const before = this.#part
    const old = clock.monotonic() - before.since >= rotateAfterMs * 1000
    if (!old && before.bytes < rotateAfterBytes) return
    this.#hand()
    this.#parts++
    try {
      this.#part = this.#begin()
    } catch (error) {
      if (!(error instanceof FrameLogError)) throw error
      this.#fail(error)
      return
    }
    this.#closing.push(before.end())
    const t = clock.now()
    for (const opened of this.#opened.values()) {
      this.#append(writeRecord({ ...opened, t, continues: basename(before.path) }))
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
  /** Characters given to zlib and not yet compressed. */
  pending = 0

  constructor(path: string, since: Micros, onError: (error: FrameLogError) => void) {
    this.path = path
    this.since = since
    this.#file = createWriteStream(path, { fd: create(path) })
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

  write(text: string, length: number): void {
    this.pending += length
    this.#gzip.write(text, () => {
      this.pending -= length
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

function partName(path: string, part: number): string {
  const suffix = /(?:\.jsonl)?(?:\.gz)?$/.exec(path)?.[0] ?? ''
  return `${path.slice(0, path.length - suffix.length)}.${part}${suffix}`
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
