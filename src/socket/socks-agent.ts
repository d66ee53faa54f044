import * as http from 'node:http'
import { isIP } from 'node:net'
import { Duplex } from 'node:stream'
import * as tls from 'node:tls'
import type { SocksWay } from './socks.js'

type Callback = (error: Error | null, stream: Duplex) => void

/** An agent for one request through a SOCKS proxy. The protocol of the proxy is loaded when it is first needed. */
export class SocksAgent extends http.Agent {
  readonly #way: SocksWay
  readonly #tls: tls.ConnectionOptions | null

  /** @param secure TLS towards the other side, through the tunnel, for `https:` and `wss:`; null for none. */
  constructor(way: SocksWay, secure: tls.ConnectionOptions | null) {
    super()
    this.#way = way
    this.#tls = secure
    // Node asks an agent which requests it is for.
    if (secure !== null) Object.assign(this, { protocol: 'https:', defaultPort: 443 })
  }

  override createConnection(options: http.ClientRequestArgs, callback?: Callback): undefined {
    this.#connect(options.host ?? 'localhost', Number(options.port ?? options.defaultPort)).then(
      (socket) => callback?.(null, socket),
      // With an error Node never looks at the stream, which the types ask for all the same.
      (error) => callback?.(error, new Duplex()),
    )
  }

  async #connect(host: string, port: number): Promise<Duplex> {
    const { tunnel } = await import('./socks.js')
    const socket = await tunnel(this.#way, { host, port })
    if (this.#tls === null) return socket
    const servername = isIP(host) === 0 ? host : ''
    return tls.connect({ servername, ALPNProtocols: ['http/1.1'], ...this.#tls, socket })
  }
}
