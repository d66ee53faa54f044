import * as z from 'zod'
import { UsageError } from '../errors.js'
import { parseOptions } from '../options.js'
import type { Platform } from '../platform.js'
import type { Protocol } from '../protocols/codec.js'
import { shownUrl } from '../shown.js'
import { EVENTS, type SocketEvents } from './event-types.js'
import type { KeyWatch } from './key-silence.js'
import type { Loss } from './loss.js'
import type { QueueBounds } from './message-queue.js'
import { NETWORK } from './network-defaults.js'
import type { CompressionOptions, EgressOptions } from './network-options.js'
import type { Frame } from './plain-frames.js'
import type { Prepare } from './prepare.js'
import type { HoldBounds } from './send-queue.js'
import type { Life } from './socket-options.js'
import type { SocketTap } from './socket-tap.js'

/** Options of `openSocket`. docs/socket.md gives the reason for each default. */
export interface OpenSocketOptions<Command = Frame, Message = Frame, Answer = unknown> extends EgressOptions {
  /** The protocol that runs on the socket, such as `pusher()` of `tapewire/protocols`. @default none: frames as they are */
  readonly protocol?: Protocol<Command, Message, Answer>
  /** Listeners from the beginning, by event; `socket.on` adds more. */
  readonly on?: { readonly [Name in keyof SocketEvents]?: (event: SocketEvents<Message>[Name]) => void }
  /** For the handshake. */
  readonly headers?: Readonly<Record<string, string>>
  /** Subprotocols to offer, the most wanted first. */
  readonly subprotocols?: readonly string[]
  /**
   * Asked before each attempt for what changes from one to the next: a token in the URL, a signed header. What it returns replaces
   * the URL and subprotocols and is added to the headers. It has `connectTimeoutMs`; what it throws fails the attempt.
   */
  readonly prepare?: Prepare
  /** What is sent to ask for a sign of life. Null: nothing. @default a ping frame after 20 s of silence, answered within 10 s */
  readonly heartbeat?: HeartbeatOptions | null
  /** How long silence may last. Null: for ever. @default null */
  readonly watchdog?: WatchdogOptions<Message> | null
  /** Whether and when to connect again. False: never. */
  readonly reconnect?: ReconnectOptions | false
  /** Replaces the connection before it reaches an age, without a gap. Null: never. @default null */
  readonly rotate?: RotateOptions | null
  /** What becomes of a message that is sent while there is no connection. @default 'drop' */
  readonly whileDisconnected?: 'drop' | 'fail' | ({ readonly hold: true } & Partial<HoldBounds>)
  /** What waits for each `for await`. */
  readonly queue?: Partial<QueueBounds>
  /** permessage-deflate. @default false: not offered */
  readonly compression?: boolean | CompressionOptions
  /** A connect (name lookup, proxy, TLS, handshake) must be over within this. Milliseconds. @default 15_000 */
  readonly connectTimeoutMs?: number
  /** How long `request` waits for its answer. Milliseconds. @default 10_000 */
  readonly requestTimeoutMs?: number
  /** Requests that may wait for an answer at once. @default 10_000 */
  readonly maxRequests?: number
  /** A larger frame, unpacked, ends the connection with 1009. Bytes. @default 16_777_216 */
  readonly maxFrameBytes?: number
  /** `send` refuses what would make more than this wait for the network. Bytes. @default 1_048_576 */
  readonly maxBufferedBytes?: number
  /** Ends the socket as `close()` does. */
  readonly signal?: AbortSignal
  /** Sees every frame beneath the protocol: a `FrameLogWriter`. */
  readonly tap?: SocketTap
  /** Time and network in place of Node's own: proxy, TLS and compression are then its affair. */
  readonly platform?: Pick<Platform, 'clock' | 'dial' | 'http'> & Partial<Platform>
}

/** What a heartbeat sends, how often, and what answers it. */
export interface HeartbeatOptions {
  /** A text or binary frame; a function where it carries a time or a number; null for a ping frame. @default null */
  readonly send?: Frame | (() => Frame) | null
  /** Milliseconds. @default 20_000 */
  readonly everyMs?: number
  /** `silent`: only after so long without a frame. `always`: at this pace, whatever comes. @default 'silent' */
  readonly when?: 'silent' | 'always'
  /** `any`: whatever comes. `pong`: a pong frame. A function: the frame for which it returns true. @default 'any' */
  readonly answer?: 'any' | 'pong' | ((data: Frame) => boolean)
  /** Without an answer for so long the connection is dead. Null: the watchdog judges. Milliseconds. @default 10_000 */
  readonly answerWithinMs?: number | null
}

/** What counts as life, and how long silence may last. */
export interface WatchdogOptions<Message = Frame> {
  /** The connection is dead after so long (up to 5 % longer). Null: only keys are watched. Milliseconds. @default null */
  readonly silentAfterMs?: number | null
  /** `data`: a frame with data. `any`: ping and pong frames too. A function: a frame for which it returns true. @default 'data' */
  readonly life?: Life
  /** Watches parts of what comes, each by itself. @default null */
  readonly keys?: KeyWatch<Message> | null
}

/** When to connect again. */
export interface ReconnectOptions {
  /** The longest wait after the first failure; the wait is anything between nothing and this. Milliseconds. @default 1_000 */
  readonly baseMs?: number
  /** The longest wait of all. Milliseconds. @default 60_000 */
  readonly capMs?: number
  /** How much longer the wait may be after each further failure. @default 2 */
  readonly factor?: number
  /** A connection that lived this long was stable: failures are counted anew. Milliseconds. @default 60_000 */
  readonly stableAfterMs?: number
  /** Failures in a row after which the socket gives up. @default Infinity */
  readonly maxAttempts?: number
  /** The longest wait that a Retry-After may ask for. Milliseconds. @default 3_600_000 */
  readonly maxHoldMs?: number
  /** Close codes by which the server says that it restarts: no failure. @default [1012] */
  readonly plannedCodes?: readonly number[]
  /** Dials a minute to the host, over all sockets of the process. @default Infinity, and what a 429 teaches */
  readonly dialsPerMinute?: number
  /** Whether to connect again after this loss. @default always */
  readonly shouldRetry?: (loss: Loss) => boolean
}

/** When a connection is replaced. */
export interface RotateOptions {
  /**
   * The age at which the server cuts a connection. The next one is opened before: by a tenth of the age, ten minutes at most, and up
   * to half of that later, by chance. Milliseconds.
   */
  readonly maxAgeMs: number
  /** How long both deliver; what both bring is emitted twice. Milliseconds. @default 5_000 */
  readonly overlapMs?: number
}

const callable = <T>() => z.custom<T>((value) => typeof value === 'function', 'must be a function')
const anything = <T>(what: string) =>
  z.custom<T>((value) => typeof value === 'object' && value !== null, `must be ${what}`)
const positive = z.number().positive()
const milliseconds = z.number().nonnegative()
const limit = (least: number) =>
  z.custom<number>((value) => typeof value === 'number' && value >= least, `must be at least ${least}`)
const frame = z.union([z.string(), z.instanceof(Uint8Array)])

const heartbeatSchema = z.strictObject({
  send: z.union([frame, z.null(), callable<() => Frame>()]).default(null),
  everyMs: positive.default(20_000),
  when: z.enum(['silent', 'always']).default('silent'),
  answer: z.union([z.enum(['any', 'pong']), callable<(data: Frame) => boolean>()]).default('any'),
  answerWithinMs: positive.nullable().default(10_000),
})

const watchdogSchema = z.strictObject({
  silentAfterMs: positive.nullable().default(null),
  life: z.union([z.enum(['data', 'any']), callable<(data: Frame) => boolean>()]).default('data'),
  keys: z
    .strictObject({
      of: callable<(message: never) => string | null>(),
      silentAfterMs: positive,
      expect: z.array(z.string()).readonly().default([]),
      onSilence: z.enum(['report', 'reconnect']).default('report'),
      maxKeys: limit(1).default(10_000),
    })
    .nullable()
    .default(null),
})

const reconnectSchema = z.strictObject({
  baseMs: milliseconds.default(1_000),
  capMs: milliseconds.default(60_000),
  factor: z.number().min(1).default(2),
  stableAfterMs: milliseconds.default(60_000),
  maxAttempts: limit(1).default(Number.POSITIVE_INFINITY),
  maxHoldMs: milliseconds.default(NETWORK.maxHoldMs),
  plannedCodes: z.array(z.int()).readonly().default([1012]),
  dialsPerMinute: limit(0.001).default(Number.POSITIVE_INFINITY),
  shouldRetry: callable<(loss: Loss) => boolean>().default(() => () => true),
})

const holdSchema = z.strictObject({
  hold: z.literal(true),
  maxMessages: limit(1).default(1_000),
  maxBytes: limit(1).default(1024 * 1024),
  expireMs: positive.default(30_000),
})

/** What every runtime takes. */
export const openSocketSchema = z.strictObject({
  url: z.url({ protocol: /^[a-z][a-z+.-]*$/, error: 'must be a URL such as wss://host/path' }),
  protocol: anything<Protocol<never, unknown, unknown>>('a protocol, such as pusher({ … })').optional(),
  on: z
    .strictObject(
      Object.fromEntries(EVENTS.map((name) => [name, callable<(event: never) => void>().optional()])),
    )
    .default({}),
  headers: z.record(z.string(), z.string()).default({}),
  subprotocols: z.array(z.string().min(1)).readonly().default([]),
  prepare: callable<Prepare>().optional(),
  heartbeat: heartbeatSchema.nullable().prefault({}),
  watchdog: watchdogSchema.nullable().default(null),
  reconnect: z.union([reconnectSchema, z.literal(false)]).prefault({}),
  rotate: z
    .strictObject({ maxAgeMs: positive, overlapMs: milliseconds.default(5_000) })
    .nullable()
    .default(null),
  whileDisconnected: z.union([z.enum(['drop', 'fail']), holdSchema]).default('drop'),
  queue: z
    .strictObject({
      limit: limit(1).default(10_000),
      maxBytes: limit(1).default(64 * 1024 * 1024),
      policy: z.enum(['pause', 'drop-oldest', 'error']).default('pause'),
    })
    .prefault({}),
  connectTimeoutMs: positive.default(15_000),
  requestTimeoutMs: positive.default(10_000),
  maxRequests: limit(1).default(10_000),
  maxFrameBytes: z
    .int()
    .positive()
    .default(16 * 1024 * 1024),
  maxBufferedBytes: limit(1).default(1024 * 1024),
  signal: z.instanceof(AbortSignal).optional(),
  tap: anything<SocketTap>('a tap, such as a FrameLogWriter').optional(),
  platform: anything<NonNullable<OpenSocketOptions['platform']>>('a platform').optional(),
})

/** What a socket is made of, with every default in its place. */
export type OpenSocketConfig = z.output<typeof openSocketSchema>

/** @throws {UsageError} `bad_option` where the options are no object. */
export function checkIsObject(options: unknown): void {
  if (typeof options === 'object' && options !== null) return
  throw new UsageError('bad_option', 'openSocket: the options must be an object')
}

/**
 * @param schema with what the runtime takes besides.
 * @throws {UsageError} `bad_option`, naming field and value.
 */
export function openSocketConfig<S extends z.ZodType<OpenSocketConfig>>(
  schema: S,
  url: string,
  options: object,
  { name, schemes }: Pick<Protocol<unknown, unknown>, 'name' | 'schemes'>,
): z.output<S> {
  const config = parseOptions('openSocket', schema, { ...options, url })
  if (schemes.includes(new URL(config.url).protocol.slice(0, -1))) return config
  const wanted = schemes.map((scheme) => `${scheme}://`).join(' or ')
  throw new UsageError('bad_option', `openSocket: the url must begin with ${wanted} for ${name}`, {
    context: { field: 'url', url: shownUrl(config.url) },
  })
}
