/** The version of the protocol that is offered. Redirects of the Azure service begin with 2.0, so 1.5 never gets one. */
export const CLIENT_PROTOCOL = '1.5'

/** Where hubs are reached. */
export interface HubAddress {
  /** `https://host/signalr`, without a trailing slash. */
  readonly base: string
  /** Names of the hubs that are used, in lower case. */
  readonly hubs: readonly string[]
}

/**
 * The address of hubs from the URL that a person gives: `ws://127.0.0.1:9001`, `wss://host/signalr` or
 * `https://host/signalr`. A URL without a path gets `/signalr`, where servers put their hubs unless told otherwise.
 */
export function hubAddress(url: string, hubs: readonly string[]): HubAddress {
  const { protocol, host, pathname } = new URL(url)
  const secure = protocol === 'wss:' || protocol === 'https:'
  const path = pathname.replace(/\/+$/, '')
  return { base: `${secure ? 'https' : 'http'}://${host}${path === '' ? '/signalr' : path}`, hubs }
}

/** GET: the answer, read by `readNegotiation`, holds the connection token. */
export function negotiateUrl(address: HubAddress): string {
  return `${address.base}/negotiate?${query(address)}`
}

/** The URL of the WebSocket. The protocol's `tid`, a cache-buster of browsers, is left out: servers do without. */
export function connectUrl(address: HubAddress, connectionToken: string): string {
  return `${address.base.replace(/^http/, 'ws')}/connect?${transportQuery(address, connectionToken)}`
}

/** The URL of a soft reconnect: the server goes on after the cursor, as far as it still can. */
export function reconnectUrl(
  address: HubAddress,
  connectionToken: string,
  { cursor, groups }: { readonly cursor: string; readonly groups: string | null },
): string {
  const more = `&messageId=${encodeURIComponent(cursor)}${groups === null ? '' : `&groupsToken=${encodeURIComponent(groups)}`}`
  return `${address.base.replace(/^http/, 'ws')}/reconnect?${transportQuery(address, connectionToken)}${more}`
}

/** POST: the client leaves, so that the server does not wait for it to come back. */
export function abortUrl(address: HubAddress, connectionToken: string): string {
  return `${address.base}/abort?${transportQuery(address, connectionToken)}`
}

/** GET, once the first frame has said `initialised`: only then does the server call the hub's OnConnected. */
export function startUrl(address: HubAddress, connectionToken: string): string {
  return `${address.base}/start?${transportQuery(address, connectionToken)}`
}

/** Names of the hubs in the `connectionData` of a URL, in lower case; empty where it names none. */
export function hubsOfUrl(url: string): string[] {
  const names = new URL(url, 'http://localhost').searchParams.get('connectionData') ?? ''
  return [...names.matchAll(/"name"\s*:\s*"([^"]*)"/gi)].map((match) => (match[1] ?? '').toLowerCase())
}

function query({ hubs }: HubAddress): string {
  const connectionData = JSON.stringify(hubs.map((name) => ({ name })))
  return `clientProtocol=${CLIENT_PROTOCOL}&connectionData=${encodeURIComponent(connectionData)}`
}

/** The token contains `/`, `+` and `=`. */
function transportQuery(address: HubAddress, connectionToken: string): string {
  return `transport=webSockets&${query(address)}&connectionToken=${encodeURIComponent(connectionToken)}`
}
