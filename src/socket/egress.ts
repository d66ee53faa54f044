import type { Agent, ClientRequest } from 'node:http'
import { isIP } from 'node:net'
import type { ConnectionOptions } from 'node:tls'
import { HttpsProxyAgent } from 'https-proxy-agent'
import { UsageError } from '../errors.js'
import { addressAttempts, NETWORK } from './network-defaults.js'
import type { EgressOptions } from './network-options.js'
import { nodeTls } from './node-tls.js'
import { type ProxyServer, parseProxy, proxyFromEnvironment } from './proxy.js'
import { SocksAgent } from './socks-agent.js'

/** The way out of one request: options for `http.request` or `ws`, and who answered. */
export interface Exit {
  readonly options: ConnectionOptions & {
    readonly agent?: Agent
    readonly localAddress?: string
    readonly family?: number
    readonly autoSelectFamily?: boolean
    readonly autoSelectFamilyAttemptTimeout?: number
  }
  /** The proxy that the request goes through. */
  readonly proxy: ProxyServer | null
  /** Learns from the request whether the proxy gave way; call it as soon as there is a request. */
  watch(request: ClientRequest): void
  /** The proxy itself answered, and refused. */
  readonly proxyRefused: boolean
}

export interface Egress {
  (url: URL, attempt: { readonly signal: AbortSignal; readonly timeoutMs: number }): Exit
  /** @throws {UsageError} `bad_option` where the environment names a proxy for the URL that is none. */
  check(url: string): void
}

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
  const { proxy: choice = 'environment', localAddress, agent } = options
  const tls = nodeTls({ minVersion: NETWORK.minTlsVersion, ...options.tls })
  const fixed = choice === null || choice === 'environment' ? null : parseProxy(choice, 'proxy')

  const wayOut = (url: URL, { signal, timeoutMs }: { signal: AbortSignal; timeoutMs: number }) => {
    const own = typeof agent === 'function' ? agent(url) : agent
    if (own !== undefined) {
      if (!isAgent(own)) throw new UsageError('bad_option', 'agent must be an http.Agent or give one')
      return exit(null, { ...tls, agent: own })
    }
    const bind =
      localAddress === undefined
        ? addressAttempts(timeoutMs)
        : { localAddress, family: isIP(localAddress), ...addressAttempts(timeoutMs) }
    const proxy = choice === 'environment' ? proxyFromEnvironment(url, environment) : fixed
    if (proxy === null) return exit(null, { ...tls, ...bind })
    if (proxy.kind === 'connect') {
      return exit(proxy, { ...tls, agent: connectAgent(proxy, tls, bind, signal) })
    }
    const secure = url.protocol === 'wss:' || url.protocol === 'https:'
    return exit(proxy, {
      ...tls,
      agent: new SocksAgent({ proxy, localAddress, signal, timeoutMs }, secure ? tls : null),
    })
  }
  const check = (url: string) => {
    if (agent === undefined && choice === 'environment' && URL.canParse(url)) {
      proxyFromEnvironment(new URL(url), environment)
    }
  }
  return Object.assign(wayOut, { check })
}

/** The credentials go in a header and not in the URL, which the agent shows to debuggers and listeners. */
function connectAgent(
  proxy: ProxyServer,
  tls: ConnectionOptions,
  bind: Exit['options'],
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

export function isAgent(value: unknown): value is Agent {
  return typeof value === 'object' && value !== null && 'addRequest' in value
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
