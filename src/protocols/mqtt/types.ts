import type { KeptLimits } from '../kept-commands.js'
import type { MqttQos, MqttVersion } from './packets.js'
import type { MqttProperties } from './properties.js'

/** What a user of MQTT can do. */
export type MqttCommand =
  /** QoS 0 is sent and forgotten; 1 and 2 settle when the server has it, with its reason code, and are sent again until then. */
  | {
      readonly type: 'publish'
      readonly topic: string
      readonly payload: string | Uint8Array
      /** @default 0 */
      readonly qos?: MqttQos
      /** @default false */
      readonly retain?: boolean
      readonly properties?: MqttProperties
    }
  /** Settles with the QoS that the server grants. */
  | {
      readonly type: 'subscribe'
      /** With wildcards: `prices/+/last`, `prices/#`. */
      readonly filter: string
      /** The most that messages come with. @default 0 */
      readonly qos?: MqttQos
      readonly noLocal?: boolean
      readonly retainAsPublished?: boolean
      readonly retainHandling?: 0 | 1 | 2
    }
  | { readonly type: 'unsubscribe'; readonly filter: string }

/** What the server says. */
export interface MqttMessage {
  readonly type: 'message'
  readonly topic: string
  readonly payload: Uint8Array
  readonly qos: MqttQos
  /** The server kept it for those who subscribe later. */
  readonly retain: boolean
  /** It may have come before. */
  readonly dup: boolean
  readonly properties: MqttProperties
}

/** Who the client is. */
export interface MqttLogin {
  readonly username: string
  readonly password?: string | Uint8Array
}

/** Options of `mqtt`. */
export interface MqttOptions extends KeptLimits {
  /** 4 is MQTT 3.1.1. @default 5 */
  readonly version?: MqttVersion
  /** @default a random one for each socket */
  readonly clientId?: string
  /** Whether each connection begins without what an earlier one left at the server. @default true */
  readonly clean?: boolean
  /** How long the server keeps the session after a connection. Seconds. Version 5. @default 0 where clean, else for ever */
  readonly sessionExpirySeconds?: number
  /** The longest silence of the client; 0 for any. Seconds. @default 60 */
  readonly keepAliveSeconds?: number
  /** How long the answer to a ping may take. Milliseconds. @default 15_000 */
  readonly pingTimeoutMs?: number
  /** Asked before each connect. */
  readonly login?: (signal: AbortSignal) => MqttLogin | Promise<MqttLogin>
  /** What the server publishes when the connection ends without a goodbye. */
  readonly will?: {
    readonly topic: string
    readonly payload: string | Uint8Array
    readonly qos?: MqttQos
    readonly retain?: boolean
    readonly properties?: MqttProperties
  }
  /** A larger packet ends the connection. Bytes. @default 16_777_216 */
  readonly maxPacketBytes?: number
  /** What may wait for the server to acknowledge it. Bytes. @default 8_388_608 */
  readonly maxUnackedBytes?: number
  /** How long the answer to a subscription may take. Milliseconds. @default 30_000 */
  readonly timeoutMs?: number
}
