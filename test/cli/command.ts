import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { openTape, type Tape } from '../../recorder/index.js'
import type { MarketEventType } from '../../schemas/events.js'
import { TapeError } from '../../src/errors.js'

/** The command as it is built. */
export const main = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))

/** So long may a thing take that comes for certain: a busy machine starts a process in many seconds. */
const PATIENCE_MS = 90_000

/** Waits for what stays as it is once it came about. */
async function until<T>(look: () => T | null, otherwise: () => string): Promise<T> {
  const deadline = performance.now() + PATIENCE_MS
  for (;;) {
    const found = look()
    if (found !== null) return found
    if (performance.now() > deadline) throw new Error(otherwise())
    await sleep(20)
  }
}

/** What a finished command left. */
export interface Outcome {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** A running `tapewire`, built as a user has it. */
export class Command {
  stdout = ''
  stderr = ''
  readonly #child: ChildProcess
  readonly #exit: Promise<number | null>

  /** @param stdout a file descriptor in place of a pipe */
  constructor(
    args: readonly string[],
    cwd: string,
    stdout: number | 'pipe' = 'pipe',
    env: NodeJS.ProcessEnv = {},
  ) {
    if (!existsSync(main)) throw new Error('the command is not built: npm run build (npm test does it)')
    this.#child = spawn(process.execPath, [main, ...args], {
      cwd,
      env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: '0', ...env },
      stdio: ['pipe', stdout, 'pipe'],
    })
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text
    })
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text
    })
    this.#child.stdin?.on('error', () => {})
    // What was not read any more does not keep the outcome waiting.
    this.#child.once('exit', () => this.#child.stdout?.resume())
    this.#exit = once(this.#child, 'close').then(([code]) => (typeof code === 'number' ? code : null))
  }

  /** Gives it lines on stdin. */
  type(text: string): void {
    this.#child.stdin?.write(text)
  }

  /** As `head` does when it has enough. */
  closeStdout(): void {
    this.#child.stdout?.destroy()
  }

  /** As a terminal that was closed. */
  closeStderr(): void {
    this.#child.stderr?.destroy()
  }

  /** From now on what is printed stays in the pipe. */
  stopReading(): void {
    this.#child.stdout?.pause()
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  async outcome(): Promise<Outcome> {
    return { code: await this.#exit, stdout: this.stdout, stderr: this.stderr }
  }

  /** Waits until what was printed fits. */
  prints(pattern: RegExp, where: 'stdout' | 'stderr' = 'stdout'): Promise<RegExpExecArray> {
    return until(
      () => pattern.exec(this[where]),
      () => `never printed ${pattern}: ${this.stdout.slice(-400)} ${this.stderr.slice(-400)}`,
    )
  }
}

function fits(path: string, so: (tape: Tape) => boolean): boolean {
  if (!existsSync(path)) return false
  try {
    using tape = openTape(path)
    return so(tape)
  } catch (error) {
    // The recorder is laying the tape out.
    if (error instanceof TapeError) return false
    throw error
  }
}

/** Whether a tape has as many events of a type. */
export function hasEvents(tape: Tape, type: MarketEventType, count = 1): boolean {
  let seen = 0
  for (const _ of tape.replay({ types: [type] })) if (++seen >= count) return true
  return false
}

/** An empty folder for the commands of one test file. */
export class Desk {
  readonly folder = mkdtempSync(join(tmpdir(), 'tapewire-cli-'))
  readonly #started: Command[] = []

  start(...args: string[]): Command {
    const command = new Command(args, this.folder)
    this.#started.push(command)
    return command
  }

  /** With stdout on an open file. */
  startInto(stdout: number, ...args: string[]): Command {
    const command = new Command(args, this.folder, stdout)
    this.#started.push(command)
    return command
  }

  /** With variables of the environment besides its own. */
  startWith(env: NodeJS.ProcessEnv, ...args: string[]): Command {
    const command = new Command(args, this.folder, 'pipe', env)
    this.#started.push(command)
    return command
  }

  run(...args: string[]): Promise<Outcome> {
    return this.start(...args).outcome()
  }

  /** A venue's simulator as a command of its own. */
  async simulate(venue: string, ...args: string[]): Promise<string> {
    const [url = ''] = await this.start('simulate', venue, '--port', '0', ...args).prints(/ws:\/\/\S+(?=\s)/)
    return url
  }

  /** Waits until a tape that is being recorded holds an event of a type. */
  holds(tape: string, type: MarketEventType, count = 1): Promise<void> {
    return this.until(tape, (open) => hasEvents(open, type, count))
  }

  /** Waits until a tape that is being recorded is so. */
  async until(tape: string, so: (tape: Tape) => boolean): Promise<void> {
    const path = resolve(this.folder, tape)
    await until(
      () => (fits(path, so) ? true : null),
      () => `${tape} never came to hold what it should`,
    )
  }

  async clear(): Promise<void> {
    for (const command of this.#started) command.signal('SIGTERM')
    await Promise.all(this.#started.map((command) => command.outcome()))
    rmSync(this.folder, { recursive: true, force: true })
  }
}
