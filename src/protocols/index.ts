/**
 * Protocols that run on a socket: `openSocket(url, { protocol: jsonRpc() })`. Each is a pure state machine without I/O, is in a
 * file of its own (`tapewire/protocols/json-rpc`), and restores its subscriptions after a reconnect.
 */

export * from './classic-signalr/index.js'
export type * from './codec.js'
export * from './json-rpc/index.js'
export type { JsonReader, JsonRecord } from './json-text.js'
export type { KeptLimits } from './kept-commands.js'
export type { MessagePackLibrary } from './message-pack.js'
export * from './mqtt/index.js'
export * from './pusher/index.js'
export * from './signalr/index.js'
export * from './socket-io/index.js'
export * from './sse/index.js'
export * from './wamp/index.js'
