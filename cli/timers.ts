import type { Clock, Timer } from '../src/platform.js'

type Timers = Pick<Clock, 'after'>

/** Resolves after the delay, however long, or as soon as the signal aborts. Milliseconds. */
export function pause(clock: Timers, delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve()
      return
    }
    const end = () => {
      timer.cancel()
      signal.removeEventListener('abort', end)
      resolve()
    }
    const timer = clock.after(delayMs, end)
    signal.addEventListener('abort', end)
  })
}

/** Calls `run` again and again, the delay after each call, until cancelled. Milliseconds. */
export function every(clock: Timers, delayMs: number, run: () => void): Timer {
  let timer: Timer
  const arm = () => {
    timer = clock.after(delayMs, () => {
      arm()
      run()
    })
  }
  arm()
  return { cancel: () => timer.cancel() }
}
