import { once } from 'node:events'
import type { Writable } from 'node:stream'
import { shownJson } from '../src/shown.js'

/** JSON for a program: one document on stdout. */
export function printJson(value: unknown): void {
  process.stdout.write(`${shownJson(value, 2)}\n`)
}

const CHUNK_BYTES = 64 * 1024

/** Lines to a stream in large chunks, at the pace at which its reader takes them. */
export class LineWriter {
  readonly #stream: Writable
  readonly #signal: AbortSignal
  #chunk = ''

  /** @param signal ends the wait for a reader that takes nothing. */
  constructor(stream: Writable, signal: AbortSignal) {
    this.#stream = stream
    this.#signal = signal
  }

  /** Resolves at once while there is room; awaited, it holds the writer back. */
  async write(line: string): Promise<void> {
    this.#chunk += `${line}\n`
    if (this.#chunk.length >= CHUNK_BYTES) await this.flush()
  }

  async flush(): Promise<void> {
    const chunk = this.#chunk
    this.#chunk = ''
    if (chunk === '' || this.#stream.write(chunk) || this.#signal.aborted) return
    try {
      await once(this.#stream, 'drain', { signal: this.#signal })
    } catch (error) {
      if (!this.#signal.aborted) throw error
    }
  }
}
