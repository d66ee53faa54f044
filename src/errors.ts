import { shown, shownHead } from './shown.js'

/** What every error of tapewire can tell besides its sentence. Never holds a secret. */
export interface ErrorContext {
  readonly venue?: string
  readonly symbol?: string
  readonly channel?: string
  readonly field?: string
  readonly url?: string
  readonly status?: number
  readonly [key: string]: unknown
}

/** What an error carries beside its code and message. */
export interface ErrorOptions {
  readonly cause?: unknown
  readonly context?: ErrorContext
  /** Whether the same call may succeed later without any change by the caller. @default false */
  readonly retryable?: boolean
}

/**
 * The base of every error that tapewire throws or reports: a stable `code` (each has a section in docs/errors.md),
 * a message that says what to do, and `retryable`.
 */
export class TapewireError extends Error {
  override readonly name: string = 'TapewireError'
  readonly code: string
  readonly retryable: boolean
  readonly context: ErrorContext

  constructor(code: string, message: string, options: ErrorOptions = {}) {
    super(shown(message), options.cause === undefined ? undefined : { cause: shownCause(options.cause) })
    this.code = code
    this.retryable = options.retryable ?? false
    this.context = shownContext({ ...options.context }) as ErrorContext
  }
}

/**
 * What another library threw, as it may be shown: its own error may hold what a server sent (`rawPacket` of Node's HTTP parser)
 * or what it was given (a proxy with its password). The class, code and place remain.
 */
function shownCause(cause: unknown): unknown {
  if (cause instanceof TapewireError) return cause
  if (!(cause instanceof Error)) return typeof cause === 'string' ? shown(cause) : cause
  const copy = new Error(shown(cause.message))
  // The accessors of a DOMException (an AbortError) work on nothing but the object itself.
  if (cause instanceof DOMException) Object.defineProperty(copy, 'name', { value: cause.name })
  else Object.setPrototypeOf(copy, Object.getPrototypeOf(cause))
  Object.assign(copy, shownContext({ ...cause }))
  const stack = (cause.stack ?? '')
    .split('\n')
    .slice(0, 20)
    .map((line) => shown(line))
    .join('\n')
  Object.defineProperty(copy, 'stack', { value: stack, configurable: true, writable: true })
  if (cause.cause !== undefined) copy.cause = shownCause(cause.cause)
  if (cause instanceof AggregateError) {
    const errors = cause.errors.slice(0, 20).map(shownCause)
    Object.defineProperty(copy, 'errors', { value: errors, configurable: true, writable: true })
  }
  return copy
}

/** Every text of a value as it may be shown; what is no plain value (a buffer, a socket) is left out. */
function shownContext(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return shown(value)
  if (typeof value !== 'object' || value === null) return typeof value === 'function' ? undefined : value
  if (depth > 3) return undefined
  if (Array.isArray(value)) return value.slice(0, 100).map((item) => shownContext(item, depth + 1))
  if (Object.getPrototypeOf(value) !== Object.prototype) return undefined
  const entries = Object.entries(value).map(
    ([name, inner]) => [name, shownContext(inner, depth + 1)] as const,
  )
  return Object.fromEntries(entries.filter(([, inner]) => inner !== undefined))
}

/** The caller asked for something that cannot be: the sentence names the field and what to write instead. */
export class UsageError extends TapewireError {
  override readonly name = 'UsageError'
}

/** The venue refused, is closed, or answered what its protocol does not allow. */
export class VenueError extends TapewireError {
  override readonly name = 'VenueError'
}

/** What the other side of a protocol answered where it refused a request: a JSON-RPC error, a reason of WAMP. */
export interface ProtocolAnswer {
  /** The protocol's own code or reason; null where it gave none. */
  readonly code: number | string | null
  /** In the words of the other side, whole. */
  readonly message: string
  /** What it said beside that, as it came. */
  readonly data: unknown
}

/** The other side of a protocol refused a request or a connection, or broke its protocol. */
export class ProtocolError extends TapewireError {
  override readonly name = 'ProtocolError'
  /** What it answered; null where it answered nothing. Not listed with the error's own fields, for it may hold anything. */
  declare readonly answer: ProtocolAnswer | null

  constructor(
    code: string,
    message: string,
    options: ErrorOptions & { readonly answer?: ProtocolAnswer | undefined } = {},
  ) {
    super(code, message, options)
    Object.defineProperty(this, 'answer', { value: options.answer ?? null, enumerable: false })
  }
}

/** The network failed: refused, timed out, reset, a bad handshake. */
export class NetworkError extends TapewireError {
  override readonly name = 'NetworkError'
  constructor(code: string, message: string, options: ErrorOptions = {}) {
    super(code, message, { retryable: true, ...options })
  }
}

/** A tape cannot be opened, written or read. */
export class TapeError extends TapewireError {
  override readonly name = 'TapeError'
}

/** What can be wrong with a frame. */
export type DecodeErrorCode =
  | 'not_json'
  | 'schema_mismatch'
  | 'not_decimal'
  | 'not_time'
  | 'unknown_message'
  | 'oversize'
  | 'undecodable'

/** A frame is not what the venue's schema says. Becomes a `malformed` event; the feed goes on. */
export class DecodeError extends TapewireError {
  override readonly name = 'DecodeError'
  declare readonly code: DecodeErrorCode
  /** Where in the frame: keys and indices from the outside in. */
  readonly path: readonly (string | number)[]
  /** The first 200 characters of the frame. */
  readonly head: string

  constructor(
    code: DecodeErrorCode,
    message: string,
    at: { readonly path: readonly (string | number)[]; readonly head: string },
    options: ErrorOptions = {},
  ) {
    super(code, message, options)
    this.path = at.path
    this.head = shownHead(at.head)
  }

  /** The same error as part of a whole: the frame's own text where it came packed, the path from the outside in. */
  within(frame: string, path: readonly (string | number)[] = []): DecodeError {
    return new DecodeError(
      this.code,
      this.message,
      { path: [...path, ...this.path], head: frame },
      { cause: this },
    )
  }
}
