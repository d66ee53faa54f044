import type { JsonReader } from '../json-text.js'
import type { KeptLimits } from '../kept-commands.js'
import type { MessagePackLibrary } from '../message-pack.js'

/** A method of a hub and its arguments. */
export interface HubCall {
  readonly target: string
  /** @default none */
  readonly args?: readonly unknown[]
}

/** What a user of SignalR can do. */
export type SignalRCommand =
  /** Settles with the result. `streamIds` name the streams that the user sends with `item` and `complete`. */
  | ({
      readonly type: 'invoke'
      readonly timeoutMs?: number
      readonly streamIds?: readonly string[]
    } & HubCall)
  /** Wants no answer. */
  | ({ readonly type: 'send'; readonly streamIds?: readonly string[] } & HubCall)
  /** Its items come as messages with its id; settles when the stream is over. `cancel` of its id ends it. */
  | ({ readonly type: 'stream' } & HubCall)
  /**
   * A call that is made again on each connection: an invocation that makes the server call the client, or, with `stream`, a stream.
   * Settles with the first result; a stream with null, when the call is sent.
   */
  | ({
      readonly type: 'subscribe'
      readonly key: string
      readonly stream?: boolean
      readonly end?: HubCall
    } & HubCall)
  | { readonly type: 'unsubscribe'; readonly key: string }
  /** An item of a stream that the user sends. */
  | { readonly type: 'item'; readonly streamId: string; readonly item: unknown }
  | { readonly type: 'complete'; readonly streamId: string; readonly error?: string }
  /** Answers an invocation of the server that wants a result. */
  | { readonly type: 'reply'; readonly id: string; readonly result: unknown }
  | { readonly type: 'refuse'; readonly id: string; readonly error: string }

/** What the server says. */
export type SignalRMessage =
  /** `id` is null unless it waits for `reply` or `refuse`, which takes the option `answers`. */
  | {
      readonly type: 'invocation'
      readonly target: string
      readonly args: readonly unknown[]
      readonly id: string | null
    }
  /** `key` is that of the subscription whose stream it is, else null. */
  | { readonly type: 'item'; readonly id: string; readonly key: string | null; readonly item: unknown }
  /** The stream of a subscription is over; it begins again on the next connection. */
  | { readonly type: 'stream_end'; readonly key: string; readonly error: string | null }

/** Options of `signalR`. */
export interface SignalROptions extends KeptLimits {
  /** Of JSON. @default JSON.parse */
  readonly read?: JsonReader
  /** Speaks MessagePack in place of JSON: `import * as msgpack from '@msgpack/msgpack'`. @default JSON */
  readonly messagePack?: MessagePackLibrary
  /** A bearer token, asked for before each connect. */
  readonly accessToken?: (signal: AbortSignal) => string | Promise<string>
  /** Sends the token in the query, as browsers must and some servers want. @default false, in a header */
  readonly tokenInQuery?: boolean
  /** Connects without the negotiation over HTTP. @default false */
  readonly skipNegotiation?: boolean
  /** Asks the server to replay what a broken transport lost. @default false */
  readonly statefulReconnect?: boolean
  /** What may wait for acknowledgement. Bytes. @default 100_000 */
  readonly statefulBufferBytes?: number
  /** A ping is sent where nothing else was for so long. Milliseconds. @default 15_000 */
  readonly keepAliveMs?: number
  /** The connection is dead where nothing came for so long. Milliseconds. @default 30_000 */
  readonly serverTimeoutMs?: number
  /** How long an invocation may take. Milliseconds. @default 30_000 */
  readonly timeoutMs?: number
  /** Invocations and streams at once. @default 10_000 */
  readonly maxRequests?: number
  /** Whether the user answers invocations that want a result; otherwise they are answered with an error. @default false */
  readonly answers?: boolean
  /** Connects again also where the server closes without allowing it. @default false */
  readonly alwaysReconnect?: boolean
}
