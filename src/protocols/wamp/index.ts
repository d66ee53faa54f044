import { UsageError } from '../../errors.js'
import type { Protocol } from '../codec.js'
import { checkOptions, KEPT_OPTIONS } from '../options.js'
import { WampCodec } from './codec.js'
import type { WampCommand, WampMessage, WampProtocolOptions } from './types.js'

export type { WampFields, WampFormat } from './messages.js'
export type {
  WampChallenge,
  WampCommand,
  WampMessage,
  WampOptions,
  WampPayload,
  WampProtocolOptions,
  WampResult,
} from './types.js'

/**
 * WAMP 2 over a WebSocket, in JSON or MessagePack: subscribe, publish, call, register, progressive results, cancellation, login by
 * challenge. Subscriptions and registrations are made again on each connection.
 *
 * @throws {UsageError} `bad_option`, naming field and value.
 */
export function wamp(options: WampProtocolOptions): Protocol<WampCommand, WampMessage> {
  checkOptions('wamp', options, {
    ...KEPT_OPTIONS,
    realm: 'text',
    read: 'function',
    messagePack: 'object',
    login: 'object',
    timeoutMs: 'positive',
    maxRequests: 'positive',
  })
  if (options.realm === undefined) {
    throw new UsageError('bad_option', 'wamp: option realm must name the realm to join', {
      context: { field: 'realm' },
    })
  }
  return { name: 'wamp', schemes: ['ws', 'wss'], codec: (_init, sink) => new WampCodec(options, sink) }
}
