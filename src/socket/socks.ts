import { lookup } from 'node:dns/promises'
import { once } from 'node:events'
import * as net from 'node:net'
import { SocksClient } from 'socks'
import { NetworkError } from '../errors.js'
import { addressAttempts } from './network-defaults.js'
import type { ProxyServer } from './proxy.js'

export interface Destination {
  readonly host: string
  readonly port: number
}

export interface SocksWay {
  readonly proxy: ProxyServer
  readonly localAddress: string | undefined
  /** Cuts the way at whatever step it is. */
  readonly signal: AbortSignal
  readonly timeoutMs: number
}

/**
 * Opens a connection through a SOCKS proxy.
 *
 * The connection to the proxy is ours, and `socks` only speaks the protocol on it: so a proxy that accepts and never answers
 * is cut at once, where `socks-proxy-agent` holds its socket until its own timeout (see docs/decisions/0003-socket.md).
 */
export async function tunnel(way: SocksWay, to: Destination): Promise<net.Socket> {
  const { proxy, signal, localAddress } = way
  const socket = net.connect({
    host: proxy.host,
    port: proxy.port,
    signal,
    ...addressAttempts(way.timeoutMs),
    ...(localAddress !== undefined && { localAddress, family: net.isIP(localAddress) }),
  })
  // Whoever waits for the tunnel gets the error; between two of them, and after the last, there must be a listener.
  socket.on('error', () => {})
  try {
    await once(socket, 'connect')
    const host = await resolve(proxy, to.host)
    await SocksClient.createConnection({
      command: 'connect',
      existing_socket: socket,
      destination: { host, port: to.port },
      timeout: way.timeoutMs,
      proxy: {
        host: proxy.host,
        port: proxy.port,
        type: proxy.kind.startsWith('socks4') ? 4 : 5,
        ...(proxy.user !== '' && { userId: proxy.user, password: proxy.password }),
      },
    })
    return socket
  } catch (error) {
    socket.destroy()
    // Not as the cause: the error of `socks` carries its options, the password among them.
    const why = error instanceof Error ? error.message : String(error)
    throw new NetworkError('proxy_failed', `the proxy ${proxy.shown} gave no way: ${why}`)
  }
}

/** The proxy is told one address: IPv4 first, for it may have no route to the other family and there is no second try. */
async function resolve(proxy: ProxyServer, host: string): Promise<string> {
  if (net.isIP(host) !== 0 || proxy.kind === 'socks5h' || proxy.kind === 'socks4a') return host
  const { address } = await lookup(host, proxy.kind === 'socks4' ? { family: 4 } : { verbatim: false })
  return address
}
