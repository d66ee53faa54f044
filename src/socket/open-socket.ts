import type { Platform } from '../platform.js'
import { type NodePlatformOptions, nodePlatform } from './node.js'
import { ResilientSocket, type SocketHandlers } from './resilient-socket.js'
import type { ResilientSocketOptions, SocketSettings } from './socket-options.js'

/** Options of `openSocket`. */
export interface OpenSocketOptions extends SocketSettings, Pick<ResilientSocketOptions, 'budget'> {
  /** What the socket tells. */
  readonly on?: SocketHandlers
  /** For the handshake. */
  readonly headers?: Readonly<Record<string, string>>
  readonly protocols?: readonly string[]
  /** Proxy, TLS, local address, compression. */
  readonly network?: NodePlatformOptions
  /** Time and sockets in place of Node's own; `network` is then not used. */
  readonly platform?: Pick<Platform, 'clock' | 'dial' | 'checkWayOut'>
}

/**
 * Opens a WebSocket that stays open: it notices a dead connection and connects again, for ever by default.
 *
 * @example
 * const socket = openSocket('wss://api-pub.bitfinex.com/ws/2', {
 *   on: {
 *     open: () => socket.send('{"event":"subscribe","channel":"trades","symbol":"tBTCUSD"}'),
 *     message: (data, at) => console.log(at, data),
 *     waiting: ({ delayMs, reason }) => console.error(`${reason}; next try in ${Math.round(delayMs)} ms`),
 *   },
 * })
 * await socket.close()
 *
 * @throws {UsageError} `bad_option`, naming field and value. Nothing else is ever thrown.
 */
export function openSocket(url: string, options: OpenSocketOptions = {}): ResilientSocket {
  const { on, headers = {}, protocols = [], network, platform, ...settings } = options
  const { clock, dial, checkWayOut } = platform ?? nodePlatform(network)
  const socket = new ResilientSocket({ ...settings, target: { url, headers, protocols }, clock, dial }, on)
  checkWayOut?.(url)
  socket.start()
  return socket
}
