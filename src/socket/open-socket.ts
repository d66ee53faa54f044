import type { Protocol } from '../protocols/codec.js'
import { systemClock } from './clock.js'
import { compressionSchema, egressShape } from './network-schema.js'
import { nodeNetwork } from './node-network.js'
import { type OpenSocketOptions, openSocketSchema } from './open-options.js'
import { opened } from './opening.js'
import type { Frame } from './plain-frames.js'
import type { Socket } from './socket.js'

/**
 * Opens a WebSocket that stays open: it notices a dead connection and connects again, for ever by default.
 *
 * @example
 * await using socket = openSocket('wss://ws.bitstamp.net', {
 *   on: { connect: () => socket.send('{"event":"bts:subscribe","data":{"channel":"live_trades_btcusd"}}') },
 * })
 * for await (const { data, at } of socket) console.log(at, data)
 *
 * @example With a protocol, which restores its subscriptions after each reconnect:
 * const socket = openSocket('wss://host/rpc', { protocol: jsonRpc() })
 *
 * @throws {UsageError} `bad_option`, naming field and value. What the network does is emitted.
 */
export function openSocket<Command, Message, Answer>(
  url: string,
  options: WithProtocol<Command, Message, Answer>,
): Socket<Command, Message, Answer>
export function openSocket(url: string, options?: OpenSocketOptions): Socket<Frame, Frame, never>
export function openSocket<Command, Message, Answer>(
  url: string,
  options: WithProtocol<Command, Message, Answer> | OpenSocketOptions = {},
): Socket<Command, Message, Answer> | Socket<Frame, Frame, never> {
  return opened<Command, Message, Answer, typeof schema>(
    url,
    options,
    schema,
    ({ proxy, localAddress, tls, agent, compression }) =>
      nodeNetwork({ proxy, localAddress, tls, agent, perMessageDeflate: compression, clock: systemClock() }),
  )
}

/** Options that name a protocol. */
export type WithProtocol<Command, Message, Answer> = OpenSocketOptions<Command, Message, Answer> & {
  readonly protocol: Protocol<Command, Message, Answer>
}

const schema = openSocketSchema.extend({ ...egressShape, compression: compressionSchema.default(false) })
