import * as z from 'zod'
import type { Connector, Endpoint } from '../connector.js'
import { UsageError } from '../errors.js'
import type { Platform } from '../platform.js'
import { type NodePlatformOptions, nodePlatform } from '../socket/node.js'
import type { Route } from './route.js'

/** One of the ways that redundant connections take. */
export interface LineOptions extends Pick<NodePlatformOptions, 'proxy' | 'localAddress' | 'tls'> {
  /**
   * The socket URL of a venue on this line, by venue: `{ bitfinex: 'wss://gateway.example' }`. Without a path it replaces the
   * host of the venue's own URL. @default the connector's
   */
  readonly urls?: Readonly<Record<string, string>>
  /** Headers of this line's handshakes, beside those of the connector: an account at a gateway, a token. */
  readonly headers?: Readonly<Record<string, string>>
  /** Sockets and HTTP of this line, in place of `proxy`, `localAddress` and `tls`. */
  readonly platform?: Platform
}

const lineSchema = z.strictObject({
  proxy: z.custom<LineOptions['proxy']>((value) => value === null || typeof value === 'string').optional(),
  localAddress: z.string().optional(),
  tls: z.custom<LineOptions['tls']>((value) => typeof value === 'object' && value !== null).optional(),
  urls: z
    .record(z.string(), z.url({ protocol: /^wss?$/, error: 'must be a ws:// or wss:// URL' }))
    .default({}),
  headers: z.record(z.string(), z.string()).default({}),
  platform: z.custom<Platform>((value) => typeof value === 'object' && value !== null).optional(),
})

export const linesSchema = z.array(lineSchema).min(1).max(2).default([])

type Lines = z.output<typeof linesSchema>

/**
 * The ways that the connections of one endpoint take.
 *
 * @throws {UsageError} `bad_option` for a line that is no way at all.
 */
export function routesOf(
  connector: Connector,
  endpoint: Endpoint,
  platform: Platform,
  { redundancy, lines }: { readonly redundancy?: 1 | 2 | undefined; readonly lines: Lines },
): Route[] {
  const wanted = redundancy ?? Math.max(1, lines.length)
  return Array.from({ length: wanted }, (_, index) => {
    const line = lines[index % Math.max(1, lines.length)]
    if (line === undefined) return { platform, endpoint }
    const addressed = withHeaders(endpointOf(connector, endpoint, line), line.headers)
    return { platform: platformOf(line, platform), endpoint: addressed }
  })
}

/** The ways out of all lines, for what belongs to none of them. */
export function waysOf(platform: Platform, lines: Lines): Platform[] {
  return lines.length === 0 ? [platform] : lines.map((line) => platformOf(line, platform))
}

const made = new WeakMap<Lines[number], Platform>()

/** One for each line, whatever the number of endpoints. */
function platformOf(line: Lines[number], platform: Platform): Platform {
  const { urls: _urls, headers: _headers, platform: own, ...egress } = line
  if (own !== undefined) return own
  if (Object.values(egress).every((value) => value === undefined)) return platform
  let known = made.get(line)
  if (known === undefined) {
    known = nodePlatform({ ...egress, clock: platform.clock })
    made.set(line, known)
  }
  return known
}

function endpointOf(connector: Connector, endpoint: Endpoint, line: Lines[number]): Endpoint {
  const given = line.urls[connector.venue]
  if (given === undefined) return endpoint
  if (endpoint.negotiate !== undefined) {
    throw new UsageError(
      'bad_option',
      `openFeed: option lines.urls.${connector.venue}: the venue itself names the socket's URL; use proxy or localAddress`,
      { context: { field: `lines.urls.${connector.venue}`, venue: connector.venue } },
    )
  }
  const url = new URL(given)
  if (url.pathname !== '/' || url.search !== '') return { ...endpoint, url: given }
  const { pathname, search } = new URL(endpoint.url)
  return { ...endpoint, url: `${url.origin}${pathname}${search}` }
}

function withHeaders(endpoint: Endpoint, given: Readonly<Record<string, string>>): Endpoint {
  if (Object.keys(given).length === 0) return endpoint
  const { negotiate } = endpoint
  const headers = (own: Readonly<Record<string, string>> = {}) => ({ ...own, ...given })
  return {
    ...endpoint,
    headers: headers(endpoint.headers),
    ...(negotiate !== undefined && {
      negotiate: {
        request: { ...negotiate.request, headers: headers(negotiate.request.headers) },
        target(answer) {
          const target = negotiate.target(answer)
          return { ...target, headers: headers(target.headers) }
        },
      },
    }),
  }
}
