import type { Protocol } from '../codec.js'
import { checkOptions, KEPT_OPTIONS } from '../options.js'
import { JsonRpcCodec } from './codec.js'
import type { JsonRpcCommand, JsonRpcMessage, JsonRpcOptions } from './types.js'

export type { JsonRpcCommand, JsonRpcMessage, JsonRpcOptions, RpcCall, RpcError, RpcId } from './types.js'

/**
 * JSON-RPC 2.0 over a WebSocket: calls with ids and time limits, batches, notifications both ways, and calls that subscribe, which
 * are made again after a reconnect. Servers that leave `jsonrpc` out, or send `error: null` beside a result, are understood.
 *
 * @throws {UsageError} `bad_option`, naming field and value.
 */
export function jsonRpc(options: JsonRpcOptions = {}): Protocol<JsonRpcCommand, JsonRpcMessage> {
  checkOptions('json-rpc', options, {
    ...KEPT_OPTIONS,
    read: 'function',
    timeoutMs: 'positive',
    maxRequests: 'positive',
    answers: 'boolean',
    login: 'function',
    heartbeat: 'object',
  })
  return {
    name: 'json-rpc',
    schemes: ['ws', 'wss'],
    codec: (_init, sink) => new JsonRpcCodec(options, sink),
  }
}
