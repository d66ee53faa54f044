import type { JsonReader } from '../json-text.js'
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

/** Options of `pusher`. */
export interface PusherOptions extends KeptLimits {
  /** @default JSON.parse */
  readonly read?: JsonReader
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
