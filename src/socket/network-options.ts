/**
 * How Node reaches the network, as a user gives it. These types name nothing of Node's or `ws`'s, so that a program needs no
 * further types to compile against them; Node's own `tls.ConnectionOptions`, `http.Agent` and the classes of `ws` fit them.
 */

/** A certificate or key: PEM text, or bytes. */
export type Pem = string | Uint8Array

/** TLS towards the venue, in the terms of Node's `tls.connect`. */
export interface TlsOptions {
  /** Authorities to trust in place of the system's. */
  readonly ca?: Pem | readonly Pem[] | undefined
  /** The client's certificate. */
  readonly cert?: Pem | readonly Pem[] | undefined
  /** The client's private key. */
  readonly key?: Pem | undefined
  /** Certificate and key in one PFX or PKCS12 file, as bytes or text. */
  readonly pfx?: Pem | undefined
  /** The passphrase of `key` or `pfx`. */
  readonly passphrase?: string | undefined
  /** The name that the venue's certificate must bear. @default the URL's host */
  readonly servername?: string | undefined
  /**
   * The server's public keys that are trusted, of which one must match: the SHA-256 of the key (SubjectPublicKeyInfo), `sha256/` and base64,
   * as in HPKP and curl. The certificate must be valid besides; `ca` says by whom. @default any key
   */
  readonly pins?: readonly string[] | undefined
  /** False trusts any certificate: only for tests. @default true */
  readonly rejectUnauthorized?: boolean | undefined
  /** The oldest version of TLS that is accepted. @default TLSv1.2 */
  readonly minVersion?: TlsVersion | undefined
  /** The newest version of TLS that is accepted. @default Node's, TLSv1.3 */
  readonly maxVersion?: TlsVersion | undefined
  /** Cipher suites in OpenSSL's notation. @default Node's */
  readonly ciphers?: string | undefined
}

/** A version of TLS, as Node names it. */
export type TlsVersion = 'TLSv1.3' | 'TLSv1.2' | 'TLSv1.1' | 'TLSv1'

/** An `http.Agent` of Node, or a class derived from it. */
export interface HttpAgent {
  destroy(): void
}

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
  readonly agent?: HttpAgent | ((url: URL) => HttpAgent | undefined) | undefined
}

/** RFC 7692, in the terms of `ws`. */
export interface CompressionOptions {
  /** Messages shorter than this are sent as they are. Bytes. @default 1_024 */
  readonly threshold?: number | undefined
  /** The venue compresses each message by itself. @default false */
  readonly serverNoContextTakeover?: boolean | undefined
  /** We compress each message by itself. @default false */
  readonly clientNoContextTakeover?: boolean | undefined
  /** The size of the venue's window, 8 to 15 bits. @default the venue's choice */
  readonly serverMaxWindowBits?: number | undefined
  /** The size of our window, 8 to 15 bits. @default the venue's choice */
  readonly clientMaxWindowBits?: number | undefined
  /** Calls of zlib at once, over the process. @default 10 */
  readonly concurrencyLimit?: number | undefined
}

/** What the handshake was answered with. */
export interface HandshakeAnswer {
  readonly statusCode?: number | undefined
  readonly statusMessage?: string | undefined
  readonly headers: { readonly [name: string]: string | string[] | undefined }
  /** The TCP connection, where there is one. */
  readonly socket?: { setKeepAlive(enable: boolean, initialDelay: number): unknown } | undefined
}

/** What is needed of a WebSocket of `ws`. */
export interface NodeWebSocket {
  readonly readyState: number
  readonly bufferedAmount: number
  readonly protocol: string
  readonly extensions: string
  send(data: string | Uint8Array): void
  ping(): void
  /** `sent` is called when the network has taken the pong, or will not any more. */
  pong(payload: Uint8Array, mask: boolean, sent: () => void): void
  pause(): void
  resume(): void
  close(code?: number, reason?: string): void
  terminate(): void
  on(event: 'upgrade', listener: (response: HandshakeAnswer) => void): unknown
  on(event: 'unexpected-response', listener: (request: unknown, response: HandshakeAnswer) => void): unknown
  on(
    event: 'message',
    listener: (data: Uint8Array | ArrayBuffer | Uint8Array[], isBinary: boolean) => void,
  ): unknown
  on(event: 'ping', listener: (payload: Uint8Array) => void): unknown
  on(event: 'open' | 'pong', listener: () => void): unknown
  on(event: 'error', listener: (error: Error) => void): unknown
  on(event: 'close', listener: (code: number, reason: Uint8Array) => void): unknown
}

/**
 * The third argument of the constructor of `ws`, to be handed on whole: it also holds what proxies and TLS need.
 * `closeTimeout` is known to ws 8.19 and later.
 */
export interface WebSocketOptions {
  readonly headers: { readonly [name: string]: string }
  /** Bytes. */
  readonly maxPayload: number
  /** Milliseconds. */
  readonly closeTimeout: number
}

/** Makes a WebSocket in place of `ws`. */
export type CreateWebSocket = (url: string, protocols: string[], options: WebSocketOptions) => NodeWebSocket
