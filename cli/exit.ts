import { CommanderError } from 'commander'
import pc from 'picocolors'
import { NetworkError, TapeError, TapewireError, UsageError, VenueError } from '../src/errors.js'
import { FrameLogError } from '../src/framelog/index.js'
import { shown } from '../src/shown.js'
import { say } from './output.js'

/** What the command tells the shell. */
export const exitCode = {
  done: 0,
  foundWanting: 1,
  usedWrongly: 2,
  venueOrNetwork: 3,
} as const

/** What the command tells the shell when a signal ended it: 128 and the signal's number, as shells have it. */
const SIGNAL_CODES = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const

/**
 * What became of stdout: a reader that closed the pipe (`tapewire replay | head`) is the normal end of a command; a full disk
 * or a terminal that is gone is not.
 *
 * @returns the exit code, after one sentence on stderr where something went wrong.
 */
export function reportOutput(error: Error): number {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  if (code === 'EPIPE') return exitCode.done
  const why = code === 'ENOSPC' ? 'no space is left on the device (ENOSPC)' : error.message
  complain(`cannot write to stdout: ${why}; the output is cut short`)
  return exitCode.foundWanting
}

/** Prints one clear sentence on stderr and returns the exit code of the failure. */
export function report(error: unknown): number {
  if (error instanceof AggregateError) {
    for (const each of error.errors) report(each)
  } else if (error instanceof TapewireError) complain(error.message)
  else if (!(error instanceof CommanderError)) {
    say(`${pc.red('tapewire: this is a defect, please report it:')} ${describe(error)}`)
  }
  return failureCode(error)
}

/** The exit code of a failure. */
export function failureCode(error: unknown): number {
  if (error instanceof AggregateError) {
    const codes = error.errors.map(failureCode)
    return codes.find((code) => code === exitCode.foundWanting) ?? codes[0] ?? exitCode.foundWanting
  }
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCode.done : exitCode.usedWrongly
  // What was recorded is not all on the tape.
  if (error instanceof TapeError && error.context['lost'] !== undefined) return exitCode.foundWanting
  if (error instanceof TapeError && error.code === 'tape_damaged') return exitCode.foundWanting
  if (error instanceof UsageError || error instanceof TapeError || error instanceof FrameLogError) {
    return exitCode.usedWrongly
  }
  if (error instanceof VenueError || error instanceof NetworkError) return exitCode.venueOrNetwork
  return exitCode.foundWanting
}

function describe(error: unknown): string {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
  return text
    .split('\n')
    .map((line) => shown(line))
    .join('\n')
}

function complain(sentence: string): void {
  say(`${pc.red('tapewire:')} ${sentence}`)
}

/** A command that a signal can end. */
export interface Interruption {
  /** Aborts at the first signal, so that the command flushes and closes. */
  readonly signal: AbortSignal
  /** The exit code of the signal that came; null where none did. */
  readonly interrupted: () => number | null
  dispose(): void
}

/**
 * Ends a command cleanly on SIGINT, SIGTERM and SIGHUP (the terminal is gone); a second signal ends the process at once.
 */
export function interruption(): Interruption {
  const controller = new AbortController()
  let code: number | null = null
  const onSignal = (signal: NodeJS.Signals) => {
    const own = SIGNAL_CODES[signal as keyof typeof SIGNAL_CODES]
    if (code !== null) process.exit(own)
    code = own
    controller.abort()
  }
  const signals = Object.keys(SIGNAL_CODES) as (keyof typeof SIGNAL_CODES)[]
  for (const signal of signals) process.on(signal, onSignal)
  return {
    signal: controller.signal,
    interrupted: () => code,
    dispose() {
      for (const signal of signals) process.off(signal, onSignal)
    },
  }
}
