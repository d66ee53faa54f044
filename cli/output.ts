import { once } from 'node:events'
import type { Writable } from 'node:stream'
import wrapAnsi from 'wrap-ansi'
import type { Clock, Timer } from '../src/platform.js'
import { shown, shownJson } from '../src/shown.js'
import { knownWidth } from './terminal-width.js'

/** What a text of ours may hold beside printable characters: line ends, and styles other than those that hide it. */
const LAYOUT = new RegExp(`(${String.fromCharCode(27)}\\[(?:[0-79]|[1-9]\\d)m|\n)`)

/** A text as a terminal may have it, whatever a venue, a file or a tape put into it: see {@link shown}. Lines and styles stay. */
export function printable(text: string): string {
  const parts = text.split(LAYOUT)
  return parts.map((part, at) => (at % 2 === 1 ? part : shown(part, Number.POSITIVE_INFINITY))).join('')
}

/** Text for a person, on stdout. */
export function print(text: string): void {
  process.stdout.write(`${printable(text)}\n`)
}

/** Text for a person beside the output, on stderr; between words it is as wide as the terminal. A log keeps each text on its line. */
export function say(text: string): void {
  const width = knownWidth(process.stderr)
  process.stderr.write(`${width === null ? printable(text) : wrapAnsi(printable(text), width)}\n`)
}

/** JSON for a program: one document on stdout. */
export function printJson(value: unknown): void {
  process.stdout.write(`${shownJson(value, 2)}\n`)
}

const CHUNK_BYTES = 64 * 1024

/** How long a line of a live stream waits for others, so that what one frame brought is one write. */
const GATHER_MS = 2

/** Lines to a stream in large chunks, at the pace at which its reader takes them. */
export class LineWriter {
  readonly #stream: Writable
  readonly #signal: AbortSignal
  readonly #clock: Pick<Clock, 'after'> | null
  #chunk = ''
  #timer: Timer | null = null
  /** While the reader has not taken what it was given. */
  #draining: Promise<void> | null = null

  /**
   * @param signal ends the wait for a reader that takes nothing
   * @param clock given, every line goes out within a moment; without it when the chunk is large enough, or with `flush`
   */
  constructor(stream: Writable, signal: AbortSignal, clock: Pick<Clock, 'after'> | null = null) {
    this.#stream = stream
    this.#signal = signal
    this.#clock = clock
  }

  /** Resolves at once while there is room; awaited, it holds the writer back. */
  async write(line: string): Promise<void> {
    if (this.#draining !== null) await this.#draining
    this.#chunk += `${line}\n`
    if (this.#chunk.length >= CHUNK_BYTES) await this.flush()
    else this.#timer ??= this.#clock?.after(GATHER_MS, () => void this.flush()) ?? null
  }

  async flush(): Promise<void> {
    if (this.#draining !== null) await this.#draining
    this.#timer?.cancel()
    this.#timer = null
    const chunk = this.#chunk
    this.#chunk = ''
    if (chunk === '' || this.#stream.write(chunk) || this.#signal.aborted) return
    this.#draining = this.#drained()
    await this.#draining
  }

  async #drained(): Promise<void> {
    try {
      await once(this.#stream, 'drain', { signal: this.#signal })
    } catch (error) {
      if (!this.#signal.aborted) throw error
    } finally {
      this.#draining = null
    }
  }
}
