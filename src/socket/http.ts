import * as http from 'node:http'
import * as https from 'node:https'
import { promisify } from 'node:util'
import { brotliDecompress, gunzip, inflate, inflateRaw } from 'node:zlib'
import type { HttpRequest, HttpResponse } from '../connector.js'
import { NetworkError, UsageError } from '../errors.js'
import type { Clock, Http } from '../platform.js'
import { shown, shownUrl } from '../shown.js'
import { egress } from './egress.js'
import { connectFailure } from './failure.js'
import { NETWORK } from './network-defaults.js'
import type { EgressOptions } from './network-options.js'

/** Options of `nodeHttp`. */
export interface NodeHttpOptions extends EgressOptions {
  readonly clock: Clock
}

/**
 * HTTP over Node's own client, so that the same agents and proxies serve as for the sockets (the tokens and rate limits of a
 * venue bind to the address that it sees).
 *
 * It asks for compression and undoes it, both sizes bounded by `maxBytes`. Redirects are answers like any other: a venue's REST
 * that moved is something to know about. Each request has its own connection, so that nothing is left behind.
 *
 * @throws {UsageError} `bad_option` for a proxy that is no proxy URL.
 */
export function nodeHttp(options: NodeHttpOptions): Http {
  const wayOut = egress(options)

  return async (request, { timeoutMs, maxBytes, signal }) => {
    const cut = new AbortController()
    const url = shownUrl(request.url)
    const deadline = options.clock.after(timeoutMs, () => {
      cut.abort(new NetworkError('request_timeout', `${url} did not answer within ${timeoutMs} ms`))
    })
    const cancel = () =>
      cut.abort(new NetworkError('request_cancelled', `the request to ${url} was cancelled`))
    signal?.addEventListener('abort', cancel, { once: true })
    if (signal?.aborted === true) cancel()
    try {
      const target = new URL(checkedUrl(request.url))
      const exit = wayOut(target, { signal: cut.signal, timeoutMs })
      const send = (target.protocol === 'https:' ? https : http).request
      const outgoing = send(target, {
        ...exit.options,
        agent: exit.options.agent ?? false,
        maxHeaderSize: NETWORK.maxHeaderBytes,
        insecureHTTPParser: false,
        method: request.method,
        headers: { ...DEFAULT_HEADERS, ...lowerCased(request.headers) },
      })
      exit.watch(outgoing)
      cut.signal.addEventListener('abort', () => outgoing.destroy(cut.signal.reason), { once: true })
      try {
        const incoming = await answer(outgoing, request.body)
        if (exit.proxyRefused) {
          throw new NetworkError(
            'proxy_refused',
            `the proxy ${exit.proxy?.shown} refused the way to ${url}: ${incoming.statusCode} ${incoming.statusMessage}`,
          )
        }
        return await received(request, incoming, maxBytes)
      } catch (error) {
        cut.signal.throwIfAborted()
        throw connectFailure(error, request.url, exit.proxy)
      } finally {
        outgoing.destroy()
      }
    } catch (error) {
      const body = shown(error instanceof Error ? error.message : String(error))
      return { id: request.id, url: request.url, status: 0, headers: {}, body }
    } finally {
      deadline.cancel()
      signal?.removeEventListener('abort', cancel)
      cut.abort()
    }
  }
}

/** Several venues refuse a request that does not say who asks. */
const DEFAULT_HEADERS = { 'user-agent': 'tapewire', 'accept-encoding': 'gzip, deflate, br', accept: '*/*' }

function checkedUrl(url: string): string {
  if (URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)) return url
  throw new UsageError(
    'bad_target',
    `${shownUrl(url)} is no HTTP URL; it must begin with http:// or https://`,
  )
}

function lowerCased(headers: HttpRequest['headers'] = {}): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
}

function answer(outgoing: http.ClientRequest, body: string | undefined): Promise<http.IncomingMessage> {
  return new Promise((resolve, reject) => {
    // Stays on: a request that is cut may fail once more.
    outgoing.on('error', reject)
    outgoing.on('response', resolve)
    outgoing.end(body)
  })
}

async function received(
  request: HttpRequest,
  incoming: http.IncomingMessage,
  maxBytes: number,
): Promise<HttpResponse> {
  const headers: Record<string, string> = {}
  for (const [name, value] of Object.entries(incoming.headers)) {
    if (value !== undefined) headers[name] = Array.isArray(value) ? value.join(', ') : value
  }
  const packed = await collected(incoming, maxBytes, request.url)
  const bytes = await unpacked(packed, headers['content-encoding'] ?? '', maxBytes, request.url)
  return {
    id: request.id,
    url: request.url,
    status: incoming.statusCode ?? 0,
    headers,
    body: new TextDecoder().decode(bytes),
  }
}

async function collected(incoming: http.IncomingMessage, maxBytes: number, url: string): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  try {
    for await (const chunk of incoming) {
      const bytes: Buffer = chunk
      size += bytes.length
      if (size > maxBytes) throw tooLarge(url, maxBytes)
      chunks.push(bytes)
    }
  } catch (error) {
    if (error instanceof NetworkError) throw error
    throw new NetworkError('answer_invalid', `the answer of ${shownUrl(url)} was cut off`, { cause: error })
  }
  return Buffer.concat(chunks, size)
}

type Unpack = (packed: Buffer, limit: { maxOutputLength: number }) => Promise<Buffer>

const UNPACK: Readonly<Record<string, Unpack>> = {
  gzip: promisify(gunzip),
  'x-gzip': promisify(gunzip),
  br: promisify(brotliDecompress),
  // RFC 9110 means zlib by this name; some servers send bare deflate. A zlib header has the method 8 in its low bits.
  deflate: (packed, limit) =>
    ((packed[0] ?? 0) & 0x0f) === 8
      ? promisify(inflate)(packed, limit)
      : promisify(inflateRaw)(packed, limit),
}

async function unpacked(packed: Buffer, encoding: string, maxBytes: number, url: string): Promise<Buffer> {
  const name = encoding.trim().toLowerCase()
  if (packed.length === 0 || name === '' || name === 'identity') return packed
  const unpack = UNPACK[name]
  if (unpack === undefined) {
    throw new NetworkError(
      'answer_invalid',
      `${shownUrl(url)} answered in the encoding ${name}, which was not asked for`,
    )
  }
  try {
    return await unpack(packed, { maxOutputLength: maxBytes })
  } catch (error) {
    if (error instanceof RangeError) throw tooLarge(url, maxBytes)
    throw new NetworkError('answer_invalid', `the answer of ${shownUrl(url)} cannot be unpacked`, {
      cause: error,
    })
  }
}

function tooLarge(url: string, maxBytes: number): NetworkError {
  return new NetworkError(
    'answer_too_large',
    `the answer of ${shownUrl(url)} is larger than ${maxBytes} bytes`,
  )
}
