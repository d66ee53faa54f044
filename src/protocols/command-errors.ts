import { NetworkError, UsageError } from '../errors.js'

/** A command that no state of the connection could carry out. */
export function badCommand(message: string): UsageError {
  return new UsageError('bad_command', message)
}

/** A command that came while there was no connection to carry it out. */
export function notReady(protocol: string): UsageError {
  return new UsageError(
    'not_ready',
    `${protocol}: there is no connection; wait until the socket is ready, or let it hold what is sent meanwhile`,
  )
}

/** What becomes of a request whose connection ends before the answer. */
export function lostRequest(what: string): NetworkError {
  return new NetworkError('connection_lost', `the connection ended before ${what} was answered`)
}

/** What becomes of a request that is not answered in time. */
export function lateAnswer(what: string, withinMs: number): NetworkError {
  return new NetworkError('request_timeout', `${what} was not answered within ${withinMs} ms`)
}
