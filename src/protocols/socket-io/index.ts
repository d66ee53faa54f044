import { UsageError } from '../../errors.js'
import type { Protocol } from '../codec.js'
import { checkOptions, KEPT_OPTIONS } from '../options.js'
import { SocketIoCodec } from './codec.js'
import type { SocketIoCommand, SocketIoMessage, SocketIoOptions } from './types.js'

export type { SocketIoCommand, SocketIoEvent, SocketIoMessage, SocketIoOptions } from './types.js'

/**
 * Socket.IO over the WebSocket transport of Engine.IO: protocol 5 on engine 4 (servers of version 3 and 4), or protocol 4 on engine 3
 * (version 1 and 2). Namespaces, acknowledgements, binary, recovery of connections. A URL without a path means `/socket.io/`.
 *
 * @throws {UsageError} `bad_option`, naming field and value.
 */
export function socketIo(options: SocketIoOptions = {}): Protocol<SocketIoCommand, SocketIoMessage> {
  checkOptions('socket.io', options, {
    ...KEPT_OPTIONS,
    read: 'function',
    engine: 'whole',
    auth: 'function',
    timeoutMs: 'positive',
    maxRequests: 'positive',
    alwaysReconnect: 'boolean',
  })
  const { engine = 4 } = options
  if (engine !== 3 && engine !== 4) {
    throw new UsageError('bad_option', `socket.io: option engine must be 3 or 4, and is ${engine}`, {
      context: { field: 'engine' },
    })
  }
  return {
    name: 'socket.io',
    schemes: ['ws', 'wss', 'http', 'https'],
    codec: (_init, sink) => new SocketIoCodec(options, sink),
  }
}
