import type { JsonReader, JsonRecord } from '../json-text.js'
import type { KeptLimits } from '../kept-commands.js'

/** What a user of Pusher can do. */
export type PusherCommand =
  /** Settles when the server confirms it: with the members of a presence channel, else with its data. */
  | { readonly type: 'subscribe'; readonly channel: string }
  | { readonly type: 'unsubscribe'; readonly channel: string }
  /** A client event, on a private or presence channel that stands. Its name begins with `client-`. */
  | { readonly type: 'send'; readonly channel: string; readonly event: string; readonly data: unknown }

/** What the server says. */
export type PusherMessage =
  /** `data` is read from the JSON text that the server packs it in; text that is no JSON stays text. */
  | {
      readonly type: 'event'
      /** Null for an event of the connection. */
      readonly channel: string | null
      readonly event: string
      readonly data: unknown
      /** Who sent a client event on a presence channel; else null. */
      readonly userId: string | null
      /** The message as it was read: what a server says beside these stands in it. */
      readonly message: JsonRecord
    }
  /** A channel stands, on each connection anew. */
  | { readonly type: 'subscribed'; readonly channel: string; readonly data: unknown }
  /** A member of a presence channel came or went. */
  | { readonly type: 'member_added'; readonly channel: string; readonly id: string; readonly info: unknown }
  | { readonly type: 'member_removed'; readonly channel: string; readonly id: string }
  /** How many have subscribed, where the app counts them. */
  | { readonly type: 'count'; readonly channel: string; readonly count: number }

/** What a private channel is signed for. */
export interface PusherQuestion {
  /** Null for the sign-in of a user. */
  readonly channel: string | null
  /** Of the present connection: a signature holds for no other. */
  readonly socketId: string
}

/** What the user's server answers. */
export interface PusherAuthorization {
  /** `key:signature` */
  readonly auth: string
  /** JSON text, for a presence channel. */
  readonly channel_data?: string
  /** JSON text, for the sign-in. */
  readonly user_data?: string
}

/**
 * How a server that speaks Pusher's grammar under names of its own differs from Pusher. Bitstamp's, for one, has no handshake and
 * says `bts:subscribe`, `bts:subscription_succeeded`, `bts:heartbeat`.
 */
export interface PusherDialect {
  /** What the names of the protocol's events begin with: `bts:`. @default 'pusher:' */
  readonly prefix?: string
  /** The same of what only the server says, `subscription_succeeded`. @default `prefix` where that is given, else 'pusher_internal:' */
  readonly internalPrefix?: string
  /**
   * The URL names the version of the protocol, and the server greets with `connection_established`. Without it channels are asked for
   * as soon as the socket is open.
   * @default true
   */
  readonly handshake?: boolean
  /** The event that asks whether the other side lives, without the prefix. @default 'ping' */
  readonly ping?: string
  /** Its answer. Where it is the same word, what the server sends is an answer. @default 'pong' */
  readonly pong?: string
  /** The event by which the server asks for another connection, without the prefix: `request_reconnect`. @default none */
  readonly reconnect?: string
}

/** Options of `pusher`. */
export interface PusherOptions extends KeptLimits {
  /** @default JSON.parse */
  readonly read?: JsonReader
  /** Of a server that is not Pusher and speaks like it. @default Pusher's own */
  readonly dialect?: PusherDialect
  /** Emits events of channels that are not subscribed too. Most are on their way when a subscription ends. @default false */
  readonly unasked?: boolean
  /** Signs private and presence channels, for each connection anew. Usually asks the user's own server. */
  readonly authorize?: (
    question: PusherQuestion,
    signal: AbortSignal,
  ) => PusherAuthorization | Promise<PusherAuthorization>
  /** Signs the user in on each connection, once it stands. @default false */
  readonly signIn?: boolean
  /** How long the server may be silent before it is pinged; the server's own wish where that is less. Milliseconds. @default 120_000 */
  readonly activityTimeoutMs?: number
  /** How long a ping may stay unanswered. Milliseconds. @default 30_000 */
  readonly pongTimeoutMs?: number
  /** How long the confirmation of a channel may take. Milliseconds. @default 30_000 */
  readonly timeoutMs?: number
}
