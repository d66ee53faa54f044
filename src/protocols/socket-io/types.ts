import type { JsonReader } from '../json-text.js'
import type { KeptLimits } from '../kept-commands.js'

/** An event and its arguments; bytes among them go as binary attachments. */
export interface SocketIoEvent {
  readonly event: string
  /** @default none */
  readonly args?: readonly unknown[]
}

/** What a user of Socket.IO can do. A namespace is `/` unless it is named. */
export type SocketIoCommand =
  /** Settles with what the server says of the connection to the namespace. `/` is connected without being asked. */
  | { readonly type: 'connect'; readonly namespace: string }
  | { readonly type: 'disconnect'; readonly namespace: string }
  | ({ readonly type: 'emit'; readonly namespace?: string } & SocketIoEvent)
  /** Wants an acknowledgement, and settles with its arguments. */
  | ({ readonly type: 'request'; readonly namespace?: string; readonly timeoutMs?: number } & SocketIoEvent)
  /** An event that is sent on each connection, such as one that joins a room. Settles with null when it is sent first. */
  | ({
      readonly type: 'subscribe'
      readonly key: string
      readonly namespace?: string
      readonly end?: SocketIoEvent
    } & SocketIoEvent)
  | { readonly type: 'unsubscribe'; readonly key: string }
  /** Acknowledges an event of the server. */
  | { readonly type: 'ack'; readonly id: string; readonly args: readonly unknown[] }

/** What the server says. */
export type SocketIoMessage =
  | {
      readonly type: 'event'
      readonly namespace: string
      readonly event: string
      /** Where the server recovers connections, the last one is its offset. */
      readonly args: readonly unknown[]
      /** The id to acknowledge; null where nobody waits for it. */
      readonly ack: string | null
    }
  | {
      readonly type: 'connected'
      readonly namespace: string
      /** Null where the server tells none. */
      readonly sid: string | null
      /** The server kept the rooms, and sends what was missed. */
      readonly recovered: boolean
    }
  | { readonly type: 'disconnected'; readonly namespace: string }

/** Options of `socketIo`. */
export interface SocketIoOptions extends KeptLimits {
  /** @default JSON.parse */
  readonly read?: JsonReader
  /** The version of Engine.IO: 4 for servers of Socket.IO 3 and 4, 3 for those of 1 and 2. @default 4 */
  readonly engine?: 3 | 4
  /** What is sent with the connect to a namespace, asked anew each time: an object. Only with engine 4. */
  readonly auth?: (namespace: string, signal: AbortSignal) => object | Promise<object>
  /** How long an acknowledgement or the connect to a namespace may take. Milliseconds. @default 30_000 */
  readonly timeoutMs?: number
  /** Acknowledgements that are waited for at once. @default 10_000 */
  readonly maxRequests?: number
  /** Connects again also where the server disconnects the client from `/`. @default false */
  readonly alwaysReconnect?: boolean
}
