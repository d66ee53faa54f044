import { once } from 'node:events'
import * as http from 'node:http'
import * as https from 'node:https'
import * as net from 'node:net'
import type { Duplex, Readable } from 'node:stream'
import * as tls from 'node:tls'
import { NetworkError, UsageError } from '../errors.js'
import type { Clock, Dial, DialEvents, DialedSocket, DialTarget, Timer, Upgrade } from '../platform.js'
import { shownUrl } from '../shown.js'
import { type Egress, type Exit, egress } from './egress.js'
import { connectFailure, lostConnection } from './failure.js'
import { NETWORK } from './network-defaults.js'
import type { EgressOptions } from './network-options.js'
import { nodeTls } from './node-tls.js'
import { tunnel } from './socks.js'

/** What a transport brought once it is open. */
interface Opened {
  readonly upgrade: Upgrade
  readonly incoming: Readable
  /** Null where nothing can be sent any more. */
  readonly outgoing: Duplex | null
}

/**
 * Dials what is no WebSocket: `tcp:` and `tls:` for a protocol on a bare connection, `http:` and `https:` for a response whose body is
 * read as it comes. Every chunk of bytes is a message, cut anywhere. Proxies, TLS and the deadline are those of the WebSocket's dial.
 *
 * @throws {UsageError} `bad_option` for a proxy that is no proxy URL.
 */
export function streamDial(options: EgressOptions & { readonly clock: Clock }): Dial {
  const wayOut = egress(options)
  const own = nodeTls({ minVersion: NETWORK.minTlsVersion, ...options.tls })
  return (target, events) => {
    const attempt = new Attempt(options.clock, target, events)
    void attempt.follow((signal, keep) =>
      /^https?:/.test(target.url)
        ? response(target, wayOut, signal, keep)
        : connection(target, wayOut, { own, localAddress: options.localAddress }, signal, keep),
    )
    return attempt
  }
}

/** Remembers what must be destroyed where the attempt is over. */
type Keep = (part: { destroy(): unknown }) => void

async function response(
  target: DialTarget,
  wayOut: Egress,
  signal: AbortSignal,
  keep: Keep,
): Promise<Opened> {
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

async function connection(
  target: DialTarget,
  wayOut: Egress,
  { own, localAddress }: { readonly own: tls.ConnectionOptions; readonly localAddress: string | undefined },
  signal: AbortSignal,
  keep: Keep,
): Promise<Opened> {
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
    const socket = await tunnel({ proxy, localAddress, tls: {}, signal, timeoutMs }, to)
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

/** One attempt, from the call of the dial to its `closed`. */
class Attempt implements DialedSocket {
  readonly #clock: Clock
  readonly #target: DialTarget
  readonly #events: DialEvents
  readonly #cut = new AbortController()
  readonly #parts: { destroy(): unknown }[] = []
  #timer: Timer
  #opened: Opened | null = null
  #paused = false
  #closed = false
  #error: Error | null = null

  constructor(clock: Clock, target: DialTarget, events: DialEvents) {
    this.#clock = clock
    this.#target = target
    this.#events = events
    this.#timer = clock.after(target.timeoutMs, () => {
      const url = shownUrl(target.url)
      this.#end(
        new NetworkError('connect_timeout', `${url} was not open within ${target.timeoutMs} ms`, {
          context: { url },
        }),
      )
    })
  }

  async follow(open: (signal: AbortSignal, keep: Keep) => Promise<Opened>): Promise<void> {
    try {
      const opened = await open(this.#cut.signal, (part) => {
        this.#parts.push(part)
        if (this.#closed) part.destroy()
      })
      if (this.#closed) return
      this.#timer.cancel()
      this.#opened = opened
      const { incoming, upgrade } = opened
      incoming.on('error', (error) => {
        if (!this.#closed) this.#error ??= lostConnection(error, this.#target.url)
      })
      incoming.on('close', () => this.#end(null))
      this.#events.opened(upgrade, this.#clock.now())
      incoming.on('data', (bytes: Uint8Array) => {
        const at = this.#clock.now()
        if (!this.#closed) this.#events.message(bytes, at)
      })
      if (this.#paused) incoming.pause()
    } catch (error) {
      this.#end(error instanceof Error ? error : new Error(String(error)))
    }
  }

  send(data: string | Uint8Array): boolean {
    const outgoing = this.#opened?.outgoing
    if (this.#closed || outgoing === null || outgoing === undefined || !outgoing.writable) return false
    outgoing.write(data)
    return true
  }

  ping(): boolean {
    return false
  }

  get bufferedBytes(): number {
    return this.#opened?.outgoing?.writableLength ?? 0
  }

  pause(): void {
    this.#paused = true
    this.#opened?.incoming.pause()
  }

  resume(): void {
    this.#paused = false
    this.#opened?.incoming.resume()
  }

  close(): void {
    const outgoing = this.#opened?.outgoing
    if (outgoing === null || outgoing === undefined) {
      this.terminate()
      return
    }
    this.resume()
    this.#timer.cancel()
    this.#timer = this.#clock.after(NETWORK.closeWithinMs, () => this.terminate())
    outgoing.end()
  }

  terminate(): void {
    queueMicrotask(() => this.#end(null))
  }

  #end(error: Error | null): void {
    if (this.#closed) return
    this.#closed = true
    this.#timer.cancel()
    this.#cut.abort()
    for (const part of this.#parts) part.destroy()
    this.#opened?.incoming.destroy()
    this.#events.closed(
      { code: null, reason: '', refused: null, error: error ?? this.#error },
      this.#clock.now(),
    )
  }
}
