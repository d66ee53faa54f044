import type { Agent, ClientRequest } from 'node:http'
import { isIP } from 'node:net'
import type { ConnectionOptions } from 'node:tls'
import { HttpsProxyAgent } from 'https-proxy-agent'
import { type ProxyServer, parseProxy, proxyFromEnvironment } from './proxy.js'
import { socksAgent } from './socks.js'

/** How this machine reaches the venue: the same way for sockets and REST, for tokens and rate limits bind to the address. */
export interface EgressOptions {
  /**
   * `environment`: what HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY say; loopback is then never proxied. A URL
   * (`http://user:password@host:3128`, `https://…`, `socks5h://…`, `socks5://…`) takes everything through it, loopback
   * too. Null: no proxy. @default 'environment'
   */
  readonly proxy?: 'environment' | (string & {}) | null | undefined
  /** The local address to bind to. */
  readonly localAddress?: string | undefined
  /** TLS towards the venue. Its `ca` also proves an https: proxy. */
  readonly tls?: TlsOptions | undefined
  /** Takes over the way out: `proxy` and `localAddress` are then its affair, and so is letting go of a dead attempt. */
  readonly agent?: Agent | ((url: URL) => Agent | undefined) | undefined
}

export type TlsOptions = Pick<
  ConnectionOptions,
  | 'ca'
  | 'cert'
  | 'key'
  | 'pfx'
  | 'passphrase'
  | 'servername'
  | 'rejectUnauthorized'
  | 'minVersion'
  | 'maxVersion'
  | 'ciphers'
>

/** The way out of one request: options for `http.request` or `ws`, and who answered. */
export interface Exit {
  readonly options: TlsOptions & {
    readonly agent?: Agent
    readonly localAddress?: string
    readonly family?: number
  }
  /** The proxy that the request goes through. */
  readonly proxy: ProxyServer | null
  /** Learns from the request whether the proxy gave way; call it as soon as there is a request. */
  watch(request: ClientRequest): void
  /** The proxy itself answered, and refused. */
  readonly proxyRefused: boolean
}

export type Egress = (url: URL, attempt: { readonly signal: AbortSignal; readonly timeoutMs: number }) => Exit

/**
 * Finds the way out for each request. A proxy's agent is made afresh for every attempt, on a signal that cuts it whatever it
 * waits for: shared agents hold the socket to a proxy that accepts and never answers, for ever.
 *
 * @throws {UsageError} `bad_option` for a proxy that is no proxy URL; of the environment's, when it is first needed.
 */
export function egress(
  options: EgressOptions,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Egress {
  const { proxy: choice = 'environment', localAddress, tls = {}, agent } = options
  const fixed = choice === null || choice === 'environment' ? null : parseProxy(choice, 'proxy')
  const bind = localAddress === undefined ? {} : { localAddress, family: isIP(localAddress) }

  return (url, { signal, timeoutMs }) => {
    const own = typeof agent === 'function' ? agent(url) : agent
    if (own !== undefined) return exit(null, { ...tls, agent: own })
    const proxy = choice === 'environment' ? proxyFromEnvironment(url, environment) : fixed
    if (proxy === null) return exit(null, { ...tls, ...bind })
    if (proxy.kind === 'connect') {
      return exit(proxy, { ...tls, agent: connectAgent(proxy, tls, bind, signal) })
    }
    const secure = url.protocol === 'wss:' || url.protocol === 'https:'
    return exit(proxy, { ...tls, agent: socksAgent({ proxy, localAddress, tls, signal, timeoutMs }, secure) })
  }
}

/** The credentials go in a header and not in the URL, which the agent shows to debuggers and listeners. */
function connectAgent(
  proxy: ProxyServer,
  tls: TlsOptions,
  bind: { readonly localAddress?: string; readonly family?: number },
  signal: AbortSignal,
): Agent {
  const credentials = Buffer.from(`${proxy.user}:${proxy.password}`).toString('base64')
  return new HttpsProxyAgent(proxy.shown, {
    ...bind,
    signal,
    ...(tls.ca !== undefined && { ca: tls.ca }),
    ...(proxy.user !== '' && { headers: { 'Proxy-Authorization': `Basic ${credentials}` } }),
  })
}

function exit(proxy: ProxyServer | null, options: Exit['options']): Exit {
  let proxyRefused = false
  return {
    options,
    proxy,
    watch(request) {
      if (proxy === null) return
      request.once('proxyConnect', (answer: { statusCode: number }) => {
        proxyRefused = answer.statusCode !== 200
      })
    },
    get proxyRefused() {
      return proxyRefused
    },
  }
}
