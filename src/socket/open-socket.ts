import type { Protocol } from '../protocols/codec.js'
import { systemClock } from './clock.js'
import { compressionSchema, egressShape } from './network-schema.js'
import { nodeNetwork } from './node-network.js'
import { checkIsObject, type OpenSocketOptions, openSocketConfig, openSocketSchema } from './open-options.js'
import { type Frame, plainFrames } from './plain-frames.js'
import { Socket } from './socket.js'

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
  checkIsObject(options)
  return hasProtocol(options)
    ? opened(url, options, options.protocol)
    : opened<Frame, Frame, never>(url, options, plainFrames)
}

/** Options that name a protocol. */
export type WithProtocol<Command, Message, Answer> = OpenSocketOptions<Command, Message, Answer> & {
  readonly protocol: Protocol<Command, Message, Answer>
}

const schema = openSocketSchema.extend({ ...egressShape, compression: compressionSchema.default(false) })

function hasProtocol<Command, Message, Answer>(
  options: WithProtocol<Command, Message, Answer> | OpenSocketOptions,
): options is WithProtocol<Command, Message, Answer> {
  return options.protocol !== undefined
}

function opened<Command, Message, Answer>(
  url: string,
  options: Pick<OpenSocketOptions<Command, Message, Answer>, 'on' | 'watchdog'>,
  protocol: Protocol<Command, Message, Answer>,
): Socket<Command, Message, Answer> {
  const config = openSocketConfig(schema, url, options, protocol)
  const { proxy, localAddress, tls, agent, compression: perMessageDeflate } = config
  const wayOut = { proxy, localAddress, tls, agent, perMessageDeflate, clock: systemClock() }
  const platform = config.platform ?? nodeNetwork(wayOut)
  platform.checkWayOut?.(url)
  return new Socket(config, options, protocol, platform)
}
