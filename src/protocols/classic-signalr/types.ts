import type { JsonReader } from '../json-text.js'
import type { KeptLimits } from '../kept-commands.js'

/** A method of a hub and its arguments. */
export interface ClassicCall {
  /** @default the first of the option `hubs` */
  readonly hub?: string
  readonly method: string
  /** @default none */
  readonly args?: readonly unknown[]
}

/** What a user of classic SignalR can do. */
export type ClassicSignalRCommand =
  /** Settles with the result, null for a method without one. */
  | ({ readonly type: 'call'; readonly timeoutMs?: number } & ClassicCall)
  /** A call that is made on each connection. Settles with the first result. */
  | ({ readonly type: 'subscribe'; readonly key: string; readonly end?: ClassicCall } & ClassicCall)
  | { readonly type: 'unsubscribe'; readonly key: string }

/** What the server says. */
export type ClassicSignalRMessage =
  /** Hub and method in lower case: servers write their own casing. */
  | {
      readonly type: 'push'
      readonly hub: string
      readonly method: string
      readonly args: readonly unknown[]
    }
  | { readonly type: 'progress'; readonly id: string; readonly value: unknown }

/** Options of `classicSignalR`. */
export interface ClassicSignalROptions extends KeptLimits {
  /** Names of the hubs that are used. */
  readonly hubs: readonly string[]
  /** @default JSON.parse */
  readonly read?: JsonReader
  /** How long a call may take. Milliseconds. @default 30_000 */
  readonly timeoutMs?: number
  /** Calls that wait at once. @default 10_000 */
  readonly maxRequests?: number
  /**
   * After a loss first asks the server to go on where it was. It does so as far as its buffer reaches, and does not say what it lost: for
   * what must be whole leave it off. @default false
   */
  readonly softReconnect?: boolean
}
