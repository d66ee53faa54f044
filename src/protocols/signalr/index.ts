import type { Protocol } from '../codec.js'
import { checkOptions, KEPT_OPTIONS } from '../options.js'
import { SignalRCodec } from './codec.js'
import type { SignalRCommand, SignalRMessage, SignalROptions } from './types.js'

export type { MessagePackLibrary } from '../message-pack.js'
export type { HubFormat, HubMessage } from './messages.js'
export type { HubCall, SignalRCommand, SignalRMessage, SignalROptions } from './types.js'

/**
 * ASP.NET Core SignalR over its WebSocket transport: negotiation with redirects, JSON or MessagePack, invocations both ways, streams
 * both ways, pings, stateful reconnect. The URL is the hub's: `https://host/hub`. It shares no frame with classic SignalR.
 *
 * @throws {UsageError} `bad_option`, naming field and value.
 */
export function signalR(options: SignalROptions = {}): Protocol<SignalRCommand, SignalRMessage> {
  checkOptions('signalr', options, {
    ...KEPT_OPTIONS,
    read: 'function',
    messagePack: 'object',
    accessToken: 'function',
    tokenInQuery: 'boolean',
    skipNegotiation: 'boolean',
    statefulReconnect: 'boolean',
    statefulBufferBytes: 'positive',
    keepAliveMs: 'positive',
    serverTimeoutMs: 'positive',
    timeoutMs: 'positive',
    maxRequests: 'positive',
    answers: 'boolean',
    alwaysReconnect: 'boolean',
  })
  return {
    name: 'signalr',
    schemes: ['ws', 'wss', 'http', 'https'],
    codec: (_init, sink) => new SignalRCodec(options, sink),
  }
}
