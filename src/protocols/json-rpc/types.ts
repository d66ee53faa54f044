import type { JsonReader } from '../json-text.js'
import type { KeptLimits } from '../kept-commands.js'

/** A method and its parameters. */
export interface RpcCall {
  readonly method: string
  /** By position or by name; left out of the message where there are none. */
  readonly params?: readonly unknown[] | { readonly [name: string]: unknown }
}

/** What a user of JSON-RPC can do. */
export type JsonRpcCommand =
  /** Settles with the result; with the error `request_refused` where the other side answers one. */
  | ({ readonly type: 'call'; readonly timeoutMs?: number } & RpcCall)
  | ({ readonly type: 'notify' } & RpcCall)
  /** Several calls in one message. Settles with an outcome for each, in the order of the calls. */
  | { readonly type: 'batch'; readonly calls: readonly RpcCall[]; readonly timeoutMs?: number }
  /**
   * A call that makes the server send notifications, made again on every connection. Settles with the first result; a refusal of
   * the first call ends it, one after a reconnect is reported as an error and tried again on the next connection.
   */
  | ({ readonly type: 'subscribe'; readonly key: string; readonly end?: RpcCall } & RpcCall)
  /** Ends it, by the call `end` where there is one. */
  | { readonly type: 'unsubscribe'; readonly key: string }
  /** Answers a request of the other side. */
  | { readonly type: 'reply'; readonly id: RpcId; readonly result: unknown }
  | { readonly type: 'refuse'; readonly id: RpcId; readonly error: RpcError }

/** The id of a request, which goes back as it came. */
export type RpcId = string | number

/** An error as JSON-RPC writes it. */
export interface RpcError {
  readonly code: number
  readonly message: string
  readonly data?: unknown
}

/** What the other side says of its own accord. */
export type JsonRpcMessage =
  | { readonly type: 'notification'; readonly method: string; readonly params: unknown }
  /** It waits for `reply` or `refuse`. Only where the option `answers` is set. */
  | { readonly type: 'request'; readonly id: RpcId; readonly method: string; readonly params: unknown }

/** Options of `jsonRpc`. */
export interface JsonRpcOptions extends KeptLimits {
  /** @default JSON.parse */
  readonly read?: JsonReader
  /** How long a call may take. Milliseconds. @default 30_000 */
  readonly timeoutMs?: number
  /** Calls that wait at once. @default 10_000 */
  readonly maxRequests?: number
  /** Whether requests of the other side are given to the user; otherwise they are answered with -32601. @default false */
  readonly answers?: boolean
  /**
   * The first call of each connection, asked anew each time, for a signature may hold the time. Commands wait for its result; its
   * refusal ends the connection.
   */
  readonly login?: (signal: AbortSignal) => RpcCall | Promise<RpcCall>
  /** A call that proves that the other side lives, where the protocol of the venue has one. @default none */
  readonly heartbeat?: RpcCall & {
    readonly everyMs: number
    /** The connection is dead where the answer takes longer. @default 10_000 */
    readonly withinMs?: number
  }
}
