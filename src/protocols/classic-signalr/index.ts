import { UsageError } from '../../errors.js'
import type { Protocol } from '../codec.js'
import { checkOptions, KEPT_OPTIONS } from '../options.js'
import { ClassicSignalRCodec } from './codec.js'
import type { ClassicSignalRCommand, ClassicSignalRMessage, ClassicSignalROptions } from './types.js'

export type {
  ClassicCall,
  ClassicSignalRCommand,
  ClassicSignalRMessage,
  ClassicSignalROptions,
} from './types.js'

/**
 * Classic ASP.NET SignalR (1.x and 2.x, server library Microsoft.AspNet.SignalR) over its WebSocket transport: negotiate, connect, start,
 * calls and pushes, keepalive, abort. It is not ASP.NET Core SignalR, which shares no frame with it.
 *
 * @throws {UsageError} `bad_option`, naming field and value.
 */
export function classicSignalR(
  options: ClassicSignalROptions,
): Protocol<ClassicSignalRCommand, ClassicSignalRMessage> {
  checkOptions('classic signalr', options, {
    ...KEPT_OPTIONS,
    hubs: 'list',
    read: 'function',
    timeoutMs: 'positive',
    maxRequests: 'positive',
    softReconnect: 'boolean',
  })
  if (!options.hubs?.length || !options.hubs.every((hub) => typeof hub === 'string')) {
    throw new UsageError('bad_option', 'classic signalr: option hubs must name the hubs to speak with', {
      context: { field: 'hubs' },
    })
  }
  return {
    name: 'classic-signalr',
    schemes: ['ws', 'wss', 'http', 'https'],
    codec: (_init, sink) => new ClassicSignalRCodec(options, sink),
  }
}
