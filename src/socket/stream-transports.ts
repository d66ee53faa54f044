import { once } from 'node:events'
import * as http from 'node:http'
import * as https from 'node:https'
import * as net from 'node:net'
import type { Duplex, Readable } from 'node:stream'
import * as tls from 'node:tls'
import { NetworkError, UsageError } from '../errors.js'
import type { DialTarget, Upgrade } from '../platform.js'
import { shownUrl } from '../shown.js'
import type { Egress, Exit } from './egress.js'
import { connectFailure } from './failure.js'
import { NETWORK } from './network-defaults.js'
import { tunnel } from './socks.js'

/** What a transport brought once it is open. */
export interface OpenStream {
  readonly upgrade: Upgrade
  readonly incoming: Readable
  /** Null where nothing can be sent any more. */
  readonly outgoing: Duplex | null
}

/** Remembers what must be destroyed where the attempt is over. */
export type Keep = (part: { destroy(): unknown }) => void

/** A response over HTTP, whose body is read as it comes. */
export async function response(
  target: DialTarget,
  wayOut: Egress,
  signal: AbortSignal,
  keep: Keep,
): Promise<OpenStream> {
  const url = new URL(target.url)
  const exit = wayOut(url, { signal, timeoutMs: target.timeoutMs })
  const { method = 'GET', body } = target.http ?? {}
  const request = (url.protocol === 'https:' ? https : http).request(url, {
    ...exit.options,
    agent: exit.options.agent ?? false,
    maxHeaderSize: NETWORK.maxHeaderBytes,
    method,
    // A proxy that compresses holds back what it has not filled a block with.
    headers: { 'user-agent': 'tapewire', 'accept-encoding': 'identity', ...target.headers },
  })
  keep(request)
  exit.watch(request)
  request.on('error', () => {})
  request.end(body)
  try {
    const [incoming]: http.IncomingMessage[] = await once(request, 'response', { signal })
    if (incoming === undefined) throw new Error('no response')
    if (exit.proxyRefused) throw refusedBy(exit, target.url, incoming.statusCode)
    const headers: Record<string, string> = {}
    for (const [name, value] of Object.entries(incoming.headers)) {
      if (value !== undefined) headers[name] = Array.isArray(value) ? value.join(', ') : value
    }
    const upgrade = { status: incoming.statusCode ?? 0, headers, protocol: '', extensions: '' }
    return { upgrade, incoming, outgoing: null }
  } catch (error) {
    throw connectFailure(error, target.url, exit.proxy)
  }
}

/** A connection of TCP, or TLS on it. */
export async function connection(
  target: DialTarget,
  wayOut: Egress,
  { own, localAddress }: { readonly own: tls.ConnectionOptions; readonly localAddress: string | undefined },
  signal: AbortSignal,
  keep: Keep,
): Promise<OpenStream> {
  const { protocol, hostname, port } = new URL(target.url)
  const secure = protocol === 'tls:'
  const host = hostname.replace(/^\[|\]$/g, '')
  const { timeoutMs } = target
  const exit = wayOut(new URL(`${secure ? 'https' : 'http'}://${hostname}:${port}/`), { signal, timeoutMs })
  if (exit.proxy === null && exit.options.agent !== undefined) {
    throw new UsageError(
      'bad_target',
      `${target.url} is a bare connection, which an http.Agent cannot open; use proxy`,
    )
  }
  const to = { host, port: Number(port) }
  try {
    const plain = await wire(to, exit, localAddress, signal, timeoutMs, keep)
    let socket: net.Socket = plain
    if (secure) {
      const servername = net.isIP(host) === 0 ? host : ''
      socket = tls.connect({ servername, ...own, socket: plain })
      keep(socket)
      socket.on('error', () => {})
      await once(socket, 'secureConnect', { signal })
    }
    plain.setKeepAlive(true, NETWORK.keepAliveAfterMs)
    return {
      upgrade: { status: 0, headers: {}, protocol: '', extensions: '' },
      incoming: socket,
      outgoing: socket,
    }
  } catch (error) {
    throw connectFailure(error, target.url, exit.proxy)
  }
}

/** The TCP connection to the other side, direct or through the proxy. */
async function wire(
  to: { readonly host: string; readonly port: number },
  exit: Exit,
  localAddress: string | undefined,
  signal: AbortSignal,
  timeoutMs: number,
  keep: Keep,
): Promise<net.Socket> {
  const { proxy } = exit
  if (proxy === null) {
    const { autoSelectFamily, autoSelectFamilyAttemptTimeout, family } = exit.options
    const socket = net.connect({
      ...to,
      signal,
      ...(localAddress !== undefined && { localAddress }),
      ...(family !== undefined && { family }),
      ...(autoSelectFamily !== undefined && { autoSelectFamily }),
      ...(autoSelectFamilyAttemptTimeout !== undefined && { autoSelectFamilyAttemptTimeout }),
    })
    keep(socket)
    socket.on('error', () => {})
    await once(socket, 'connect', { signal })
    return socket
  }
  if (proxy.kind !== 'connect') {
    const socket = await tunnel({ proxy, localAddress, signal, timeoutMs }, to)
    keep(socket)
    return socket
  }
  const login = Buffer.from(`${proxy.user}:${proxy.password}`).toString('base64')
  const request = (proxy.secure ? https : http).request({
    host: proxy.host,
    port: proxy.port,
    method: 'CONNECT',
    path: `${net.isIP(to.host) === 6 ? `[${to.host}]` : to.host}:${to.port}`,
    agent: false,
    ...(exit.options.ca !== undefined && { ca: exit.options.ca }),
    ...(proxy.user !== '' && { headers: { 'Proxy-Authorization': `Basic ${login}` } }),
  })
  keep(request)
  request.on('error', () => {})
  request.end()
  const [answer, socket]: [http.IncomingMessage, net.Socket] = await Promise.race([
    once(request, 'connect', { signal }) as Promise<[http.IncomingMessage, net.Socket]>,
    once(request, 'response', { signal }) as Promise<[http.IncomingMessage, net.Socket]>,
  ])
  if (answer.statusCode !== 200) throw refusedBy(exit, `tcp://${to.host}:${to.port}`, answer.statusCode)
  keep(socket)
  socket.on('error', () => {})
  return socket
}

function refusedBy({ proxy }: Exit, url: string, status: number | undefined): NetworkError {
  return new NetworkError(
    'proxy_refused',
    `the proxy ${proxy?.shown} refused the way to ${shownUrl(url)}: ${status}`,
  )
}
