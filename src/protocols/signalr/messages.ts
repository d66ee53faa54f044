/** A message of the hub protocol, in whatever format it is written. */
export type HubMessage =
  | {
      readonly type: 'invocation'
      /** Null where no answer is wanted. */
      readonly id: string | null
      readonly target: string
      readonly args: readonly unknown[]
      readonly streamIds: readonly string[]
    }
  | {
      readonly type: 'stream_invocation'
      readonly id: string
      readonly target: string
      readonly args: readonly unknown[]
      readonly streamIds: readonly string[]
    }
  | { readonly type: 'item'; readonly id: string; readonly item: unknown }
  | {
      readonly type: 'completion'
      readonly id: string
      readonly error: string | null
      readonly result?: unknown
    }
  | { readonly type: 'cancel'; readonly id: string }
  | { readonly type: 'ping' }
  | { readonly type: 'close'; readonly error: string | null; readonly allowReconnect: boolean }
  | { readonly type: 'ack'; readonly sequence: number }
  | { readonly type: 'sequence'; readonly sequence: number }

/** Whether a message counts for stateful reconnect: what is lost when a transport breaks. */
export function isNumbered({ type }: HubMessage): boolean {
  return type !== 'ping' && type !== 'close' && type !== 'ack' && type !== 'sequence'
}

/** The names of the protocol for its numbers. */
export const TYPES = {
  invocation: 1,
  item: 2,
  completion: 3,
  stream_invocation: 4,
  cancel: 5,
  ping: 6,
  close: 7,
  ack: 8,
  sequence: 9,
} as const satisfies Record<HubMessage['type'], number>

/** How messages are written on the wire. */
export interface HubFormat {
  readonly name: 'json' | 'messagepack'
  /** What a server must offer for its WebSockets. */
  readonly transferFormat: 'Text' | 'Binary'
  write(message: HubMessage): string | Uint8Array
  /** Reads one record; null for a type that is not known, which is passed over. @throws {DecodeError} */
  read(record: string | Uint8Array): HubMessage | null
}

/** Ends each record of text, and the handshake in every format. */
export const SEPARATOR = '\x1e'
