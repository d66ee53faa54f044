import { cryptofeedReader, isCryptofeedLine } from './cryptofeed-lines.js'
import { FrameLogError } from './frame-log-error.js'
import { type FrameRecord, readRecord } from './frame-record.js'
import { type LinesEnd, readLines } from './log-lines.js'
import { isTardisLine, tardisReader } from './tardis-lines.js'

/** Something that the user of a reader of logs should know, and that is no reason to stop. */
export interface LogWarning {
  /** `truncated`: the file was cut, as by a crash of its recorder. `damaged`: its compressed data is broken. `empty`: no line. */
  readonly code: 'truncated' | 'damaged' | 'empty'
  readonly file: string
  /** The last line that could be read. */
  readonly line: number
  readonly message: string
}

/** Options of a reader of frame logs. */
export interface ReadOptions {
  /** Called with each thing that is wrong with a file and does not stop the reading. */
  readonly onWarning?: (warning: LogWarning) => void
  /** A longer line is refused, so that a file that is no log cannot exhaust memory. Characters. @default 67_108_864 */
  readonly maxLineLength?: number
  /** Called with how many bytes of the file have been read so far. */
  readonly progress?: (bytes: number) => void
}

type ReadLine = (line: string) => readonly FrameRecord[]

/**
 * Reads one frame log: ours, a raw capture of cryptofeed or a raw feed of Tardis, recognised by content, plain or gzip.
 * Gives the records in the order of the file, as many at a time as one read of the file brought: memory stays bounded
 * by the longest line, not by the file.
 *
 * @throws {FrameLogError} `bad_record` with file and line, `not_a_frame_log`, `line_too_long`, `log_unreadable`. A file that
 * is merely cut is no error: all up to the cut is given, then `onWarning` is called.
 */
export async function* readFrameLog(path: string, options: ReadOptions = {}): AsyncGenerator<FrameRecord[]> {
  const { maxLineLength = 64 * 1024 * 1024, onWarning, progress } = options
  const lines = readLines(path, { maxLineLength, ...(progress && { progress }) })
  let read: ReadLine | null = null
  let number = 0

  function records(batch: readonly string[]): FrameRecord[] {
    const found: FrameRecord[] = []
    for (const line of batch) {
      number++
      read ??= recognise(path, number, line)
      if (read === null) continue
      try {
        for (const record of read(line)) found.push(record)
      } catch (error) {
        badLine(path, number, error)
      }
    }
    return found
  }

  let step = await lines.next()
  try {
    for (; !step.done; step = await lines.next()) {
      const batch = records(step.value)
      if (batch.length > 0) yield batch
    }
  } finally {
    // The reader may be left early; the file must not stay open.
    await lines.return({ fragment: '', damage: null })
  }
  yield* lastRecords(step.value)

  function* lastRecords({ fragment, damage }: LinesEnd): Generator<FrameRecord[]> {
    let cut = damage !== null
    if (fragment !== '' && !cut) {
      try {
        const batch = records([fragment])
        if (batch.length > 0) yield batch
      } catch (error) {
        if (!isCutLine(error, fragment)) throw error
        number--
        cut = true
      }
    }
    const warn = (code: LogWarning['code'], message: string) =>
      onWarning?.({ code, file: path, line: number, message: `${path}: ${message}` })
    if (damage !== null && !isCutData(damage)) {
      warn(
        'damaged',
        `the compressed data is broken after line ${number} (${damage.message}); what follows is lost`,
      )
    } else if (cut) {
      warn(
        'truncated',
        `the file was cut after line ${number}, as by a crash of its recorder; all before was read`,
      )
    } else if (read === null) {
      warn('empty', 'there is nothing in the file')
    }
  }
}

/** Chooses the format by the first line that is not empty. */
function recognise(path: string, number: number, line: string): ReadLine | null {
  if (line.trim() === '') return null
  if (line.startsWith('{')) return (text) => (text === '' || text === '\r' ? [] : [readRecord(text)])
  if (isTardisLine(line)) return tardisReader()
  if (isCryptofeedLine(line)) return cryptofeedReader()
  throw new FrameLogError(
    'not_a_frame_log',
    `${path} is no frame log: line ${number} is ${JSON.stringify(line.slice(0, 60))}; known are tapewire's own format, ` +
      'raw captures of cryptofeed and raw feeds of Tardis',
    { context: { file: path, line: number } },
  )
}

function badLine(path: string, line: number, cause: unknown): never {
  const message = cause instanceof Error ? cause.message : String(cause)
  const why = cause instanceof SyntaxError ? `not JSON: ${message}` : message
  throw new FrameLogError('bad_record', `${path}:${line}: ${why}`, { cause, context: { file: path, line } })
}

/** A last line without its line feed that makes no sense is one that was still being written. */
function isCutLine(error: unknown, line: string): boolean {
  if (!(error instanceof FrameLogError) || error.code !== 'bad_record') return false
  return !line.startsWith('{') || error.cause instanceof SyntaxError
}

/** zlib's way to say that the data ends too early. */
function isCutData(damage: Error): boolean {
  return 'code' in damage && damage.code === 'Z_BUF_ERROR'
}
