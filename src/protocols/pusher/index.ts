import type { Protocol } from '../codec.js'
import { checkOptions, KEPT_OPTIONS } from '../options.js'
import { PusherCodec } from './codec.js'
import type { PusherCommand, PusherMessage, PusherOptions } from './types.js'

export type {
  PusherAuthorization,
  PusherCommand,
  PusherDialect,
  PusherMessage,
  PusherOptions,
  PusherQuestion,
} from './types.js'

/**
 * Pusher Channels, protocol 7, and the servers that speak it (`wss://ws-eu.pusher.com/app/KEY`): public, private and presence channels,
 * client events, sign-in. Channels are subscribed again on each connection, and signed anew. Encrypted channels are not supported.
 * A server that speaks so under other names is described by the option `dialect`.
 *
 * @throws {UsageError} `bad_option`, naming field and value.
 */
export function pusher(options: PusherOptions = {}): Protocol<PusherCommand, PusherMessage> {
  checkOptions('pusher', options, {
    ...KEPT_OPTIONS,
    read: 'function',
    dialect: 'object',
    authorize: 'function',
    signIn: 'boolean',
    unasked: 'boolean',
    activityTimeoutMs: 'positive',
    pongTimeoutMs: 'positive',
    timeoutMs: 'positive',
  })
  if (options.dialect !== undefined) {
    checkOptions('pusher: dialect', options.dialect, {
      prefix: 'text',
      internalPrefix: 'text',
      handshake: 'boolean',
      ping: 'text',
      pong: 'text',
      reconnect: 'text',
    })
  }
  return {
    name: 'pusher',
    schemes: ['ws', 'wss'],
    codec: (init, sink) => new PusherCodec(options, init, sink),
  }
}
