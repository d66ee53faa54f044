import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { readLines } from './log-lines.js'
import type { ReadOptions } from './log-reader.js'

/**
 * What a frame log is known by, whatever its file is called and however it is packed: by its text, and by a sample of its lines, by
 * which a part of it is known as well.
 */
export interface LogIdentity {
  readonly lines: number
  /** SHA-256 of the text, hexadecimal. */
  readonly digest: string
  /** Hashes of the sampled lines. Those of lines without a time begin with `-`: such lines may repeat by chance. */
  readonly marks: readonly string[]
}

/** Lines sampled of a log. Two logs that share a hundredth of their lines have some of them in common. */
const SAMPLE = 512
/** So many lines with a time in common are no chance. */
const PROOF = 8
const MARK_DIGITS = 16

/** Reads a log for its identity. @throws {FrameLogError} `log_unreadable`, `line_too_long`. */
export async function identifyLog(path: string, options: ReadOptions = {}): Promise<LogIdentity> {
  const { maxLineLength = 64 * 1024 * 1024, progress } = options
  const lines = readLines(path, { maxLineLength, ...(progress && { progress }) })
  const digest = createHash('sha256')
  const sample = new Sample()
  let count = 0
  const take = (line: string) => {
    const text = line.endsWith('\r') ? line.slice(0, -1) : line
    if (text === '') return
    count++
    digest.update(text)
    digest.update('\n')
    if (isData(text)) sample.take(text)
  }
  try {
    for (;;) {
      const step = await lines.next()
      if (!step.done) step.value.forEach(take)
      else {
        take(step.value.fragment)
        return { lines: count, digest: digest.digest('hex'), marks: sample.marks() }
      }
    }
  } finally {
    await lines.return({ fragment: '', damage: null })
  }
}

/** `same`: the same text. `part`: they share frames, so that one is a part of the other, or both are of one recording. */
export type LogOverlap = 'same' | 'part'

/** What two logs have in common; null where that is nothing, or no more than chance. */
export function overlapOf(a: LogIdentity, b: LogIdentity): LogOverlap | null {
  if (a.digest === b.digest) return 'same'
  const marks = new Set(a.marks)
  const shared = b.marks.filter((mark) => marks.has(mark))
  if (shared.filter((mark) => !mark.startsWith('-')).length >= PROOF) return 'part'
  return shared.length * 2 > Math.min(a.marks.length, b.marks.length) ? 'part' : null
}

/** What was received: of our own format the frames and answers, else every line. Openings and requests are alike in many logs. */
function isData(line: string): boolean {
  return !line.startsWith('{') || line.includes('"dir":"in"') || line.includes('"dir":"rest"')
}

/** The lines whose checksum is smallest: the same lines are chosen of a part as of the whole. */
class Sample {
  readonly #chosen = new Map<number, string>()
  #limit = Number.POSITIVE_INFINITY

  take(line: string): void {
    const key = crc32(line)
    if (key >= this.#limit || this.#chosen.has(key)) return
    const hash = createHash('sha256').update(line).digest('hex').slice(0, MARK_DIGITS)
    this.#chosen.set(key, line.includes('"t":null') ? `-${hash}` : hash)
    if (this.#chosen.size >= SAMPLE * 2) this.#cut()
  }

  marks(): string[] {
    this.#cut()
    return [...this.#chosen.values()]
  }

  #cut(): void {
    const keys = [...this.#chosen.keys()].sort((a, b) => a - b)
    for (const key of keys.slice(SAMPLE)) this.#chosen.delete(key)
    this.#limit = keys[SAMPLE] ?? this.#limit
  }
}
