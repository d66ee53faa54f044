import { CommanderError } from 'commander'
import pc from 'picocolors'
import { NetworkError, TapeError, TapewireError, UsageError, VenueError } from '../src/errors.js'
import { FrameLogError } from '../src/framelog/index.js'
import { shown } from '../src/shown.js'

/** What the command tells the shell. */
export const exitCode = {
  done: 0,
  foundWanting: 1,
  usedWrongly: 2,
  venueOrNetwork: 3,
  interrupted: 130,
} as const

/** A pipe that the reader closed (`tapewire replay | head`) is the normal end of a command. */
function isClosedPipe(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EPIPE'
}

/** Prints one clear sentence on stderr and returns the exit code of the failure. */
export function report(error: unknown): number {
  if (isClosedPipe(error)) return exitCode.done
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCode.done : exitCode.usedWrongly
  if (error instanceof TapewireError) {
    process.stderr.write(`${pc.red('tapewire:')} ${error.message}\n`)
    if (error instanceof UsageError || error instanceof TapeError || error instanceof FrameLogError) {
      return exitCode.usedWrongly
    }
    if (error instanceof VenueError || error instanceof NetworkError) return exitCode.venueOrNetwork
    return exitCode.foundWanting
  }
  process.stderr.write(`${pc.red('tapewire: this is a defect, please report it:')} ${describe(error)}\n`)
  return exitCode.foundWanting
}

function describe(error: unknown): string {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
  return text
    .split('\n')
    .map((line) => shown(line))
    .join('\n')
}

/**
 * Aborts on SIGINT and SIGTERM, so that a command flushes and closes; a second signal ends the process at once.
 */
export function interruption(): {
  readonly signal: AbortSignal
  readonly interrupted: () => boolean
  dispose(): void
} {
  const controller = new AbortController()
  let signals = 0
  const onSignal = () => {
    signals++
    if (signals > 1) process.exit(exitCode.interrupted)
    controller.abort()
  }
  process.on('SIGINT', onSignal)
  process.on('SIGTERM', onSignal)
  return {
    signal: controller.signal,
    interrupted: () => signals > 0,
    dispose() {
      process.off('SIGINT', onSignal)
      process.off('SIGTERM', onSignal)
    },
  }
}
