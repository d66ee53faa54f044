import { execFileSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** Whether there is tmux, which is a terminal that can be resized and read. */
export const hasTmux = (() => {
  try {
    execFileSync('tmux', ['-V'])
    return true
  } catch {
    return false
  }
})()

/** A busy machine takes long to start what draws. */
const PATIENCE_MS = 90_000

let count = 0

/** A shell in a terminal of a given size. */
export class Terminal {
  readonly #socket = join(tmpdir(), `tapewire-tmux-${process.pid}-${count++}`)

  constructor(columns: number, rows: number) {
    this.#tmux(
      '-f',
      '/dev/null',
      'new-session',
      '-d',
      '-x',
      `${columns}`,
      '-y',
      `${rows}`,
      "PS1='$ ' bash --norc",
    )
  }

  /** Types a line of text and presses enter. */
  type(text: string): void {
    this.#tmux('send-keys', '-l', text)
    this.#tmux('send-keys', 'Enter')
  }

  interrupt(): void {
    this.#tmux('send-keys', 'C-c')
  }

  resize(columns: number, rows: number): void {
    this.#tmux('resize-window', '-x', `${columns}`, '-y', `${rows}`)
  }

  /** The lines that the terminal shows now. */
  get lines(): string[] {
    return this.#tmux('capture-pane', '-p').split('\n').slice(0, -1)
  }

  get state(): { readonly alternate: boolean; readonly cursor: boolean; readonly wraps: boolean } {
    const flags = this.#tmux('display-message', '-p', '#{alternate_on}#{cursor_flag}#{wrap_flag}').trim()
    return { alternate: flags[0] === '1', cursor: flags[1] === '1', wraps: flags[2] === '1' }
  }

  /** Waits until what is shown fits. It may be half drawn: what is to be seen together belongs into one `fits`. */
  async shows(fits: (lines: readonly string[]) => boolean): Promise<string[]> {
    const deadline = performance.now() + PATIENCE_MS
    while (performance.now() < deadline) {
      const { lines } = this
      if (fits(lines)) return lines
      await sleep(50)
    }
    throw new Error(`the terminal never showed it; it shows\n${this.lines.join('\n')}`)
  }

  close(): void {
    this.#tmux('kill-server')
    rmSync(this.#socket, { force: true })
  }

  #tmux(...args: string[]): string {
    return execFileSync('tmux', ['-S', this.#socket, ...args], { encoding: 'utf8' })
  }
}
