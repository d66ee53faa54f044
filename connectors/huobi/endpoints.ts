import type { Endpoint, Subscription } from '../../src/connector.js'
import { TapewireError } from '../../src/errors.js'
import { restBeside } from '../../src/options.js'
import { splitChannel } from '../../src/session/stream.js'
import { type Family, familyOf } from './symbols.js'

/** The kinds of socket: which host, which path. A topic of another kind is refused `invalid topic`. */
const SOCKETS = [
  { name: 'spot', host: 'spot', path: '/ws' },
  { name: 'feed', host: 'spot', path: '/feed' },
  { name: 'futures', host: 'derivatives', path: '/ws' },
  { name: 'swap', host: 'derivatives', path: '/swap-ws' },
  { name: 'linear', host: 'derivatives', path: '/linear-swap-ws' },
  { name: 'index', host: 'derivatives', path: '/ws_index' },
  { name: 'futures-notification', host: 'derivatives', path: '/notification' },
  { name: 'swap-notification', host: 'derivatives', path: '/swap-notification' },
  { name: 'linear-notification', host: 'derivatives', path: '/linear-swap-notification' },
] as const

type SocketName = (typeof SOCKETS)[number]['name']

/** Every path of the venue's public sockets, longest first: what a user's URL may end in. */
const PATHS = [...new Set<string>(SOCKETS.map(({ path }) => path)), '/center-notification'].sort(
  (a, b) => b.length - a.length,
)

/** Where the venue is reached, from the options. */
export interface EndpointOptions {
  readonly spotHost: string
  readonly derivativesHost: string
  readonly refreshOn: 'feed' | 'ws'
  readonly url?: string | undefined
  readonly restUrl?: string | undefined
  readonly headers: Readonly<Record<string, string>>
}

export interface Endpoints {
  readonly all: readonly Endpoint[]
  /** The REST base of a family, without a trailing slash. */
  rest(family: Family): string
  route(subscription: Subscription): Endpoint
}

/**
 * The sockets of the venue. A user's `url` takes the place of both hosts: the paths are put behind it (a path of the venue's
 * own at its end is taken off first, so that `wss://api.hbdm.vn/linear-swap-ws` means that host). Spot and coin-margined
 * futures then share `/ws`; their ids tell them apart.
 */
export function huobiEndpoints(options: EndpointOptions): Endpoints {
  const { spotHost, derivativesHost, headers } = options
  const base = options.url === undefined ? null : baseOf(options.url)

  function rest(family: Family): string {
    if (options.restUrl !== undefined) return options.restUrl.replace(/\/+$/, '')
    if (options.url !== undefined) return restBeside(options.url)
    return `https://${family === 'spot' ? spotHost : derivativesHost}`
  }

  const all = SOCKETS.map(({ name, host, path }): Endpoint => {
    const own = `wss://${host === 'spot' ? spotHost : derivativesHost}${path}`
    return {
      name,
      url: base === null ? own : `${base.before}${path}${base.query}`,
      rest: rest(host === 'spot' ? 'spot' : 'linear'),
      ...(Object.keys(headers).length === 0 ? {} : { headers }),
    }
  })

  return {
    all,
    rest,
    route(subscription) {
      const wanted = socketOf(subscription, options.refreshOn)
      const endpoint = all.find(({ name }) => name === wanted)
      if (endpoint === undefined) throw new TapewireError('internal', `huobi has no socket ${wanted}`)
      return endpoint
    },
  }
}

function socketOf({ instrument, channel }: Subscription, refreshOn: 'feed' | 'ws'): SocketName {
  const family = familyOf(instrument.instrument)
  const { kind, variant } = splitChannel(channel)
  if (family === 'spot') {
    if (kind !== 'book' || variant.startsWith('step')) return 'spot'
    return variant.startsWith('refresh') && refreshOn === 'ws' ? 'spot' : 'feed'
  }
  if (kind === 'derivative' && variant === '') return 'index'
  if (kind === 'derivative' || kind === 'liquidation' || kind === 'instrument')
    return `${family}-notification`
  return family
}

function baseOf(url: string): { before: string; query: string } {
  const parsed = new URL(url)
  const path = parsed.pathname.replace(/\/+$/, '')
  const own = PATHS.find((candidate) => path.endsWith(candidate))
  const before = own === undefined ? path : path.slice(0, -own.length)
  const login = parsed.username === '' ? '' : `${parsed.username}:${parsed.password}@`
  return { before: `${parsed.protocol}//${login}${parsed.host}${before}`, query: parsed.search }
}
