import * as z from 'zod'
import type { ConnectTarget } from '../connector.js'
import { UsageError } from '../errors.js'
import { parseOptions } from '../options.js'
import type { Clock, Dial, DialAddress } from '../platform.js'
import type { Backoff } from './backoff.js'
import type { DialBudget } from './dial-budget.js'
import type { Ping } from './heartbeat.js'
import type { Loss } from './loss.js'
import { NETWORK } from './network-defaults.js'

/** How a resilient socket behaves. */
export interface SocketSettings {
  /** A connect (name lookup, proxy, TLS and upgrade) must be over within this. @default 15_000 */
  readonly connectTimeoutMs?: number
  /**
   * The watchdog: no frame of the venue for this long (up to 5 % longer), and the connection is dead. Only frames with data
   * count, for a venue's front answers pings long after the venue behind it has died. Null: none. @default 60_000
   */
  readonly silentAfterMs?: number | null
  /**
   * What the watchdog takes for life. `data`: a frame with data. `any`: pings and pongs of the protocol too. A function: a frame for
   * which it returns true. @default 'data'
   */
  readonly life?: Life
  /** The heartbeat. Null: none. @default null */
  readonly ping?: Ping | null
  /** The wait before each further connect: exponential, with full jitter. */
  readonly backoff?: Backoff
  /** A connection that lived this long was stable: the count of failures begins anew. @default 60_000 */
  readonly stableAfterMs?: number
  /** Connections in a row that may fail, or end before they were stable, before the socket gives up. @default Infinity */
  readonly maxAttempts?: number
  /** The longest wait that a Retry-After may ask for; what is asked beyond it is said. @default 3_600_000 */
  readonly maxHoldMs?: number
  /** How long a host refuses who dialled too often (429), where its answer does not say. @default 0, the backoff alone */
  readonly refusedForMs?: number
  /** Close codes by which the other side says that it restarts: such an end is planned and counts as no failure. @default [] */
  readonly plannedCodes?: readonly number[]
  /** A larger frame ends the connection with 1009. Bytes. @default 16_777_216 */
  readonly maxFrameBytes?: number
  /** `send` refuses a frame that would make more than this wait for the network. Bytes. @default 1_048_576 */
  readonly maxBufferedBytes?: number
  /** Connects a minute to the host, over all sockets that share the budget. @default Infinity */
  readonly connectsPerMinute?: number
  /** Judges each loss: whether and when to connect again. Null leaves it to the other settings. @default () => null */
  readonly judge?: (loss: Loss) => Verdict | null
  /** Ends the socket, as `close()` does. */
  readonly signal?: AbortSignal
  /** Throws where the socket's own states are broken, in place of counting it: for tests. @default false */
  readonly strict?: boolean
}

/** What a watchdog takes for life. */
export type Life = 'data' | 'any' | ((data: string | Uint8Array) => boolean)

/** What is done about a loss. */
export interface Verdict {
  /** `backoff`: after the wait. `now`: without one, but as `backoff` after the first failure in a row. `never`: the socket gives up. */
  readonly retry: 'backoff' | 'now' | 'never'
  /** The least wait. Milliseconds. @default what the loss says */
  readonly afterMs?: number | undefined
  /** It was announced and counts as no failure. @default what the loss says */
  readonly planned?: boolean | undefined
  /** What went wrong. @default what the loss says */
  readonly error?: Error | undefined
}

/** What a resilient socket is made of. */
export interface ResilientSocketOptions extends SocketSettings {
  /**
   * Where to connect; a function is asked before each connect (a venue that hands out URLs or tokens), and must answer within
   * `connectTimeoutMs`. Its signal aborts when the answer is not wanted any more.
   */
  readonly target: ConnectTarget | TargetSource
  /** Whose budget a connect is charged to. Needed where `target` is a function. @default the host of the target's URL */
  readonly host?: string
  readonly dial: Dial
  readonly clock: Clock
  /** The budget that all sockets of the process share. @default none: only the backoff paces */
  readonly budget?: DialBudget
}

/** Finds out where to connect, anew for each attempt. */
export type TargetSource = (signal: AbortSignal) => DialAddress | Promise<DialAddress>

const anything = <T>(what: string) =>
  z.custom<T>((value) => typeof value === 'object' && value !== null, `must be ${what}`)
const callable = <T>() => z.custom<T>((value) => typeof value === 'function', 'must be a function')
const milliseconds = z.number().nonnegative()
/** zod's number is finite; some limits may be Infinity. */
const limit = (least: number) =>
  z.custom<number>((value) => typeof value === 'number' && value >= least, `must be at least ${least}`)

const targetSchema = z.object({
  url: z.url({ protocol: /^wss?$/, error: 'must be a ws:// or wss:// URL' }),
  headers: z.record(z.string(), z.string()).optional(),
  protocols: z.array(z.string()).readonly().optional(),
  http: z.custom<NonNullable<DialAddress['http']>>((value) => typeof value === 'object').optional(),
})

const pingSchema = z.strictObject({
  everyMs: z.number().positive(),
  always: z.boolean().default(false),
  frame: z.union([z.string(), z.null(), z.instanceof(Uint8Array), callable<() => string | Uint8Array>()]),
  answerWithinMs: z.number().positive().nullable().default(null),
  answer: z
    .union([z.enum(['any', 'pong']), callable<(data: string | Uint8Array) => boolean>()])
    .default('any'),
})

const schema = z.strictObject({
  target: z.union([callable<TargetSource>(), targetSchema], 'must be { url: "wss://…" } or a function'),
  host: z.string().min(1).optional(),
  dial: callable<Dial>(),
  clock: anything<Clock>('a clock'),
  budget: anything<DialBudget>('a DialBudget').optional(),
  connectTimeoutMs: z.number().positive().default(15_000),
  silentAfterMs: z.number().positive().nullable().default(60_000),
  life: z
    .union([z.enum(['data', 'any']), callable<(data: string | Uint8Array) => boolean>()])
    .default('data'),
  ping: pingSchema.nullable().default(null),
  backoff: z
    .strictObject({
      baseMs: milliseconds.default(1_000),
      capMs: milliseconds.default(60_000),
      factor: z.number().min(1).default(2),
    })
    .prefault({}),
  stableAfterMs: milliseconds.default(60_000),
  maxAttempts: limit(1).default(Number.POSITIVE_INFINITY),
  maxHoldMs: milliseconds.default(NETWORK.maxHoldMs),
  refusedForMs: milliseconds.default(0),
  plannedCodes: z.array(z.int()).readonly().default([]),
  maxFrameBytes: z
    .int()
    .positive()
    .default(16 * 1024 * 1024),
  maxBufferedBytes: limit(1).default(1024 * 1024),
  connectsPerMinute: limit(0.001).default(Number.POSITIVE_INFINITY),
  judge: callable<(loss: Loss) => Verdict | null>().default(() => () => null),
  signal: z.instanceof(AbortSignal).optional(),
  strict: z.boolean().default(false),
})

/** The options of a resilient socket with every default in its place. */
export type SocketConfig = z.output<typeof schema> & { readonly host: string }

/** @throws {UsageError} `bad_option`, naming field and value. */
export function socketConfig(options: ResilientSocketOptions): SocketConfig {
  const config = parseOptions('socket', schema, options)
  const { target } = config
  const host = config.host ?? (typeof target === 'function' ? undefined : new URL(target.url).host)
  if (host === undefined) {
    throw new UsageError('bad_option', 'socket: option host must be given where target is a function', {
      context: { field: 'host' },
    })
  }
  return { ...config, host }
}
