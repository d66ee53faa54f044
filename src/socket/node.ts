import { channel } from 'node:diagnostics_channel'
import * as z from 'zod'
import { parseOptions } from '../options.js'
import type { Clock, Platform } from '../platform.js'
import { systemClock } from './clock.js'
import type { NodeDialOptions } from './dial.js'
import { nodeHttp } from './http.js'
import type { CreateWebSocket, EgressOptions } from './network-options.js'
import { compressionSchema, egressShape } from './network-schema.js'
import { nodeNetwork } from './node-network.js'
import { nodeTools } from './tools.js'

/** How Node reaches the network. Two lines that must not share their fate each get a platform of their own. */
export interface NodePlatformOptions
  extends EgressOptions,
    Pick<NodeDialOptions, 'perMessageDeflate' | 'createWebSocket'> {
  /** What a compressed frame may unpack to. Bytes. @default 16_777_216 */
  readonly maxFrameBytes?: number
  /** The clock of another platform, so that both tell the same time. @default the system's */
  readonly clock?: Clock
}

const schema = z.strictObject({
  ...egressShape,
  perMessageDeflate: compressionSchema.default(false),
  createWebSocket: z.custom<CreateWebSocket>((value) => typeof value === 'function').optional(),
  maxFrameBytes: z
    .int()
    .positive()
    .default(16 * 1024 * 1024),
  clock: z.custom<Clock>((value) => typeof value === 'object' && value !== null).optional(),
})

/**
 * Node's time, sockets, HTTP and decompression.
 *
 * @throws {UsageError} `bad_option`, naming field and value (never a proxy's).
 */
export function nodePlatform(options: NodePlatformOptions = {}): Platform {
  const { clock = systemClock(), maxFrameBytes, ...network } = parseOptions('platform', schema, options)
  return {
    ...nodeNetwork({ clock, ...network }),
    http: nodeHttp({ clock, ...network }),
    tools: nodeTools(maxFrameBytes),
    diagnostics: { publish },
  }
}

/** A listener that throws is reported as uncaught by Node, and does not reach the publisher. */
function publish(name: string, message: object): void {
  const listened = channel(name)
  if (listened.hasSubscribers) listened.publish(message)
}
