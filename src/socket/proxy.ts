import { BlockList, isIP } from 'node:net'
import { UsageError } from '../errors.js'
import { keepLogin } from '../secrets.js'

/** A proxy, with its secrets apart from what may be shown. */
export interface ProxyServer {
  /**
   * `connect`: HTTP CONNECT, over TCP or TLS. `socks5` resolves the venue's name here, `socks5h` leaves that to the proxy;
   * `socks4` and `socks4a` likewise.
   */
  readonly kind: 'connect' | 'socks5' | 'socks5h' | 'socks4' | 'socks4a'
  /** The connection to the proxy itself is TLS. */
  readonly secure: boolean
  /** An IPv6 address is without its brackets. */
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password: string
  /** `socks5h://127.0.0.1:1080`: without user and password. */
  readonly shown: string
}

const KINDS: Readonly<Record<string, Pick<ProxyServer, 'kind' | 'secure' | 'port'>>> = {
  'http:': { kind: 'connect', secure: false, port: 80 },
  'https:': { kind: 'connect', secure: true, port: 443 },
  'socks:': { kind: 'socks5h', secure: false, port: 1080 },
  'socks5:': { kind: 'socks5', secure: false, port: 1080 },
  'socks5h:': { kind: 'socks5h', secure: false, port: 1080 },
  'socks4:': { kind: 'socks4', secure: false, port: 1080 },
  'socks4a:': { kind: 'socks4a', secure: false, port: 1080 },
}

/**
 * Reads a proxy URL. Without a scheme it is an HTTP proxy, as in curl.
 *
 * @param field where the text comes from, for the message: `proxy`, `HTTPS_PROXY`.
 * @throws {UsageError} `bad_option`; never shows the text, which may hold a password.
 */
export function parseProxy(text: string, field: string): ProxyServer {
  const refuse = (why: string) =>
    new UsageError(
      'bad_option',
      `${field} ${why}; write http://user:password@host:port or socks5h://host:port`,
      {
        context: { field },
      },
    )
  const full = text.includes('://') ? text : `http://${text}`
  if (!URL.canParse(full)) throw refuse('is not a URL')
  const url = new URL(full)
  const kind = KINDS[url.protocol]
  if (kind === undefined) throw refuse(`has the unknown scheme ${url.protocol}//`)
  if (url.hostname === '') throw refuse('names no host')
  const host = url.hostname.replace(/^\[|\]$/g, '')
  try {
    const user = decodeURIComponent(url.username)
    const password = decodeURIComponent(url.password)
    keepLogin(user, password)
    const port = url.port === '' ? kind.port : Number(url.port)
    return { ...kind, host, port, user, password, shown: `${url.protocol}//${url.host}` }
  } catch {
    // The cause is left out on purpose: it would show the password.
    throw refuse('has a user or password that is not percent-encoded')
  }
}

type Environment = Readonly<Record<string, string | undefined>>

/**
 * The proxy that the environment names for a URL: `HTTPS_PROXY` for wss and https, `HTTP_PROXY` for ws and http, else
 * `ALL_PROXY`; lower case wins. Null for a host of `NO_PROXY`, and always for loopback: a simulator is never proxied unless a
 * proxy is given as an option.
 *
 * @throws {UsageError} `bad_option` for a variable that is no proxy URL.
 */
export function proxyFromEnvironment(url: URL, environment: Environment): ProxyServer | null {
  if (isLoopback(url.hostname) || isExempt(url, read(environment, 'no_proxy'))) return null
  const secure = url.protocol === 'wss:' || url.protocol === 'https:'
  for (const name of [secure ? 'https_proxy' : 'http_proxy', 'all_proxy']) {
    const text = read(environment, name)
    if (text !== '') return parseProxy(text, name.toUpperCase())
  }
  return null
}

function read(environment: Environment, name: string): string {
  return (environment[name] ?? environment[name.toUpperCase()] ?? '').trim()
}

const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8, 'ipv4')
loopback.addAddress('::1', 'ipv6')

function isLoopback(hostname: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, '')
  if (isIP(host) !== 0) return loopback.check(host, isIP(host) === 6 ? 'ipv6' : 'ipv4')
  return host === 'localhost' || host.endsWith('.localhost')
}

/** `NO_PROXY`: a comma list of hosts, each with its subdomains, an optional port, or `*` for all. */
function isExempt(url: URL, list: string): boolean {
  const secure = url.protocol === 'wss:' || url.protocol === 'https:'
  const port = url.port === '' ? (secure ? '443' : '80') : url.port
  return list
    .toLowerCase()
    .split(/[\s,]+/)
    .some((entry) => {
      const [, pattern = '', onlyPort] = /^(.*?)(?::(\d+))?$/.exec(bracketed(entry)) ?? []
      if (pattern === '' || (onlyPort !== undefined && onlyPort !== port)) return false
      const suffix = pattern.replace(/^\*?\./, '')
      return pattern === '*' || url.hostname === suffix || url.hostname.endsWith(`.${suffix}`)
    })
}

/** IPv6 addresses stand bare in many lists, and in brackets in a URL. */
function bracketed(entry: string): string {
  return isIP(entry) === 6 ? `[${entry}]` : entry
}
