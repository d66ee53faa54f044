import * as z from 'zod'
import type { Connector, Endpoint } from '../connector.js'
import { UsageError } from '../errors.js'
import type { Platform } from '../platform.js'
import { type NodePlatformOptions, nodePlatform } from '../socket/node.js'
import type { Route } from './lane.js'

/** One of the ways that redundant connections take. */
export interface LineOptions extends Pick<NodePlatformOptions, 'proxy' | 'localAddress' | 'tls'> {
  /**
   * The socket URL of a venue on this line, by venue: `{ bitfinex: 'wss://gateway.example' }`. Without a path it replaces the
   * host of the venue's own URL. @default the connector's
   */
  readonly urls?: Readonly<Record<string, string>>
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
    return { platform: platformOf(line, platform), endpoint: endpointOf(connector, endpoint, line) }
  })
}

const made = new WeakMap<Lines[number], Platform>()

/** One for each line, whatever the number of endpoints. */
function platformOf(line: Lines[number], platform: Platform): Platform {
  const { urls: _urls, platform: own, ...egress } = line
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
