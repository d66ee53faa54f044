import { type FileHandle, open } from 'node:fs/promises'
import { StringDecoder } from 'node:string_decoder'
import { createGunzip } from 'node:zlib'
import { FrameLogError } from './frame-log-error.js'

/** Compressed bytes handed to zlib at a time: few enough that a hostile file cannot unpack to much at once. */
const READ_BYTES = 64 * 1024
/** Unpacked bytes that zlib hands out at a time; so much may be lost before a place where the data is broken. */
const UNPACKED_BYTES = 128 * 1024

const LINE_FEED = 10

/** How the lines of a file ended. */
export interface LinesEnd {
  /** What stood after the last line feed: a last line without one, or a line that was cut. */
  readonly fragment: string
  /** Why the rest of a compressed file cannot be read; null where it was whole. */
  readonly damage: Error | null
}

export interface LineOptions {
  /** A longer line is refused. Characters. */
  readonly maxLineLength: number
  /** Called with how many bytes of the file have been read so far. */
  readonly progress?: (bytes: number) => void
}

/**
 * The lines of a file, plain or gzip-compressed (by its first bytes), as many at a time as one read gives.
 * Damage of a compressed file ends the lines, it does not throw: all that could be unpacked before it is delivered.
 *
 * @throws {FrameLogError} `log_unreadable`, `line_too_long`.
 */
export async function* readLines(path: string, options: LineOptions): AsyncGenerator<string[], LinesEnd> {
  const file = await openForReading(path)
  const decoder = new StringDecoder('utf8')
  let fragment = ''
  let line = 1
  let bytes = 0
  let unpacker: Unpacker | null = null

  function split(piece: Buffer): string[] {
    const text = fragment + decoder.write(piece)
    // A line of many megabytes is only joined on: to search it again with every piece would take time by its square.
    const lines = piece.includes(LINE_FEED) ? text.split('\n') : [text]
    fragment = lines.pop() ?? ''
    const long = lines.findIndex((found) => found.length > options.maxLineLength)
    if (long !== -1) tooLong(path, line + long, options)
    line += lines.length
    if (fragment.length > options.maxLineLength) tooLong(path, line, options)
    return lines
  }

  try {
    for await (const chunk of chunks(file, path)) {
      if (bytes === 0 && isGzip(chunk)) unpacker = new Unpacker()
      bytes += chunk.length
      options.progress?.(bytes)
      for (const piece of unpacker === null ? [chunk] : await unpacker.feed(chunk)) yield split(piece)
      if (unpacker?.damage) break
    }
    if (unpacker !== null) for (const piece of await unpacker.finish()) yield split(piece)
    return { fragment: fragment + decoder.end(), damage: unpacker?.damage ?? null }
  } finally {
    await file.close()
  }
}

function tooLong(path: string, line: number, options: LineOptions): never {
  throw new FrameLogError(
    'line_too_long',
    `${path}:${line}: the line is longer than ${options.maxLineLength} characters; raise maxLineLength if it is meant to be`,
    { context: { file: path, line } },
  )
}

function isGzip(chunk: Buffer): boolean {
  return chunk[0] === 0x1f && (chunk[1] ?? 0x8b) === 0x8b
}

async function openForReading(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'r')
  } catch (error) {
    return unreadable(path, error)
  }
}

function unreadable(path: string, cause: unknown): never {
  const why = cause instanceof Error ? cause.message : String(cause)
  throw new FrameLogError('log_unreadable', `cannot read ${path}: ${why}`, { cause, context: { file: path } })
}

async function* chunks(file: FileHandle, path: string): AsyncGenerator<Buffer> {
  for (;;) {
    const buffer = Buffer.allocUnsafe(READ_BYTES)
    const { bytesRead } = await file.read(buffer, 0, READ_BYTES).catch((error) => unreadable(path, error))
    if (bytesRead === 0) return
    yield buffer.subarray(0, bytesRead)
  }
}

/**
 * Unpacks gzip piece by piece. A stream that is piped drops what it still holds when the data turns out to be cut; here
 * each piece is taken before the next goes in, so a log whose recorder crashed gives all that reached the disk.
 */
class Unpacker {
  readonly #gunzip = createGunzip({ chunkSize: UNPACKED_BYTES })
  #pieces: Buffer[] = []
  #settle: () => void = () => {}
  #ended = false
  damage: Error | null = null

  constructor() {
    this.#gunzip.on('data', (piece: Buffer) => void this.#pieces.push(piece))
    this.#gunzip.on('error', (error) => {
      this.damage = error
      this.#settle()
    })
    this.#gunzip.on('end', () => {
      this.#ended = true
      this.#settle()
    })
  }

  /** Padding after the end is passed over; no callback of a write comes for it, only `end`. */
  async feed(chunk: Buffer): Promise<Buffer[]> {
    if (!this.#ended) await this.#settled((done) => this.#gunzip.write(chunk, done))
    else if (chunk.some((byte) => byte !== 0)) this.damage = new Error('bytes follow the end of the data')
    return this.#taken()
  }

  async finish(): Promise<Buffer[]> {
    if (this.damage === null && !this.#ended) await this.#settled(() => this.#gunzip.end())
    return this.#taken()
  }

  #settled(start: (done: () => void) => void): Promise<void> {
    return new Promise((resolve) => {
      this.#settle = resolve
      start(() => resolve())
    })
  }

  #taken(): Buffer[] {
    const pieces = this.#pieces
    this.#pieces = []
    return pieces
  }
}
