import type { Protocol } from '../codec.js'
import { checkOptions } from '../options.js'
import { SseCodec, type SseMessage, type SseOptions } from './codec.js'

export type { SseMessage, SseOptions } from './codec.js'
export type { SseEvent } from './event-parser.js'

/**
 * Server-sent events: an event stream over HTTP, read as the HTML standard says, that goes on with `Last-Event-ID` after a reconnect. It
 * is no WebSocket, and takes no commands.
 *
 * @throws {UsageError} `bad_option`, naming field and value.
 */
export function sse(options: SseOptions = {}): Protocol<never, SseMessage> {
  checkOptions('sse', options, {
    lastEventId: 'text',
    retryMs: 'whole',
    silentAfterMs: 'positive',
    maxEventCharacters: 'positive',
    method: 'text',
    body: 'text',
  })
  return { name: 'sse', schemes: ['http', 'https'], codec: (_init, sink) => new SseCodec(options, sink) }
}
