import type { JsonReader } from '../json-text.js'
import type { KeptLimits } from '../kept-commands.js'
import type { MessagePackLibrary } from '../message-pack.js'

/** What an event, a call or a result carries. */
export interface WampPayload {
  /** @default none */
  readonly args?: readonly unknown[]
  /** @default none */
  readonly kwargs?: { readonly [name: string]: unknown }
}

/** What goes with a request, by the names of the specification: `{ match: 'prefix' }`. */
export type WampOptions = { readonly [name: string]: unknown }

/** What a user of WAMP can do. */
export type WampCommand =
  /** Settles with the id of the subscription. The option `match` is part of what it is. */
  | { readonly type: 'subscribe'; readonly topic: string; readonly options?: WampOptions }
  | { readonly type: 'unsubscribe'; readonly topic: string; readonly match?: string }
  /** With the option `acknowledge` it settles with the id of the publication. */
  | ({ readonly type: 'publish'; readonly topic: string; readonly options?: WampOptions } & WampPayload)
  /** Settles with a `WampResult`. With the option `receive_progress` what comes before is a message. */
  | ({
      readonly type: 'call'
      readonly procedure: string
      readonly options?: WampOptions
      readonly timeoutMs?: number
    } & WampPayload)
  /** Offers a procedure on each connection. Settles with the id of the registration. */
  | { readonly type: 'register'; readonly procedure: string; readonly options?: WampOptions }
  | { readonly type: 'unregister'; readonly procedure: string }
  /** Answers an invocation; with `progress` more follows. */
  | ({ readonly type: 'yield'; readonly id: string; readonly progress?: boolean } & WampPayload)
  | ({ readonly type: 'fail'; readonly id: string; readonly error: string } & WampPayload)

/** What a call brought. */
export interface WampResult {
  readonly args: readonly unknown[]
  readonly kwargs: { readonly [name: string]: unknown }
  readonly details: unknown
}

/** What the router says. */
export type WampMessage =
  | ({
      readonly type: 'event'
      /** Of the event, which a subscription by pattern does not name. */
      readonly topic: string
      readonly publication: string
    } & WampResult)
  | ({ readonly type: 'progress'; readonly id: string } & WampResult)
  /** Waits for `yield` or `fail`. */
  | ({ readonly type: 'invocation'; readonly id: string; readonly procedure: string } & WampResult)
  /** The caller does not want the result any more. */
  | { readonly type: 'interrupt'; readonly id: string }

/** What a router wants proved. */
export interface WampChallenge {
  /** `ticket`, `wampcra` */
  readonly method: string
  readonly extra: { readonly [name: string]: unknown }
}

/** Options of `wamp`. */
export interface WampProtocolOptions extends KeptLimits {
  readonly realm: string
  /** Of JSON. @default JSON.parse */
  readonly read?: JsonReader
  /** Speaks MessagePack in place of JSON: `import * as msgpack from '@msgpack/msgpack'`. @default JSON */
  readonly messagePack?: MessagePackLibrary
  /** How the client proves who it is. @default it does not */
  readonly login?: {
    readonly authid: string
    /** What it can do, the best first. */
    readonly methods: readonly string[]
    /** The signature or ticket; asked anew on each connection. */
    readonly answer: (challenge: WampChallenge, signal: AbortSignal) => string | Promise<string>
  }
  /** How long a request may take. Milliseconds. @default 30_000 */
  readonly timeoutMs?: number
  /** @default 10_000 */
  readonly maxRequests?: number
}
