import type { Endpoint } from '../../src/connector.js'
import { restBeside } from '../../src/options.js'

/** The two exchanges that CEX.IO has run, each with a protocol of its own. */
/** Which of CEX.IO's two protocols: Spot Trading, or the classic one before it. */
export type Generation = 'spot' | 'classic'

const PLACES = {
  spot: {
    url: 'wss://trade.cex.io/api/spot/ws-public',
    path: '/api/spot/ws-public',
    rest: 'https://trade.cex.io/api/spot/rest-public',
    restPath: '/api/spot/rest-public',
  },
  classic: { url: 'wss://ws.cex.io/ws', path: '/ws', rest: 'https://cex.io/api', restPath: '/api' },
} as const

/** Also the older host of Spot Trading, and the classic path with a slash at its end. */
export const RECOGNISED = /^wss?:\/\/(?:ws\.cex\.io|trade\.cex\.io|api\.plus\.cex\.io)(?::\d+)?\//

/**
 * Which protocol is spoken at a URL; null where it does not tell: `/ws` is both the classic path and that of Spot Trading on its
 * older host.
 */
export function generationAt(url: string): Generation | null {
  const { hostname, pathname } = new URL(url)
  if (hostname === 'ws.cex.io') return 'classic'
  if (hostname.endsWith('.cex.io') || pathname.includes('ws-public') || pathname.startsWith('/api/spot/')) {
    return 'spot'
  }
  return /^\/ws\/?$/.test(pathname) ? 'classic' : null
}

export interface EndpointOptions {
  readonly api: Generation
  readonly url?: string | undefined
  readonly restUrl?: string | undefined
  readonly headers: Readonly<Record<string, string>>
}

/** Both sockets, the one asked for first. A URL without a path is a gateway or simulator that has the venue's own paths. */
export function endpointsOf({ api, url, restUrl, headers }: EndpointOptions): readonly [Endpoint, Endpoint] {
  const endpoint = (name: Generation): Endpoint => {
    const place = PLACES[name]
    if (url === undefined)
      return { name, url: place.url, headers, rest: (name === api ? restUrl : undefined) ?? place.rest }
    const { protocol, host, pathname } = new URL(url)
    return {
      name,
      url: pathname === '/' || name !== api ? `${protocol}//${host}${place.path}` : url,
      headers,
      rest: restUrl ?? `${restBeside(url)}${place.restPath}`,
    }
  }
  return [endpoint(api), endpoint(api === 'spot' ? 'classic' : 'spot')]
}
