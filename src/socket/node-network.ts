import type { Http, Platform } from '../platform.js'
import { type NodeDialOptions, nodeDial } from './dial.js'
import { egress } from './egress.js'
import { streamDial } from './stream-dial.js'

/**
 * Node's time, sockets and HTTP, from options that are checked already.
 *
 * HTTP is loaded when it is first asked for: most sockets never do.
 *
 * @throws {UsageError} `bad_option` for a proxy that is no proxy URL.
 */
export function nodeNetwork(
  options: NodeDialOptions,
): Pick<Platform, 'clock' | 'dial' | 'http'> & Required<Pick<Platform, 'checkWayOut'>> {
  let http: Promise<Http> | null = null
  const webSocket = nodeDial(options)
  const stream = streamDial(options)
  return {
    clock: options.clock,
    dial: (target, events) => (/^(tcp|tls|https?):/.test(target.url) ? stream : webSocket)(target, events),
    http: async (...given) => {
      http ??= import('./http.js').then(({ nodeHttp }) => nodeHttp(options))
      return (await http)(...given)
    },
    checkWayOut: egress(options).check,
  }
}
