import type * as z from 'zod'
import type { Protocol } from '../protocols/codec.js'
import {
  checkIsObject,
  type OpenSocketConfig,
  type OpenSocketOptions,
  openSocketConfig,
} from './open-options.js'
import { type Frame, plainFrames } from './plain-frames.js'
import { Socket } from './socket.js'

/** What is read of the options before they are checked, for the sake of their types. */
type Typed<Command, Message, Answer> = Pick<
  OpenSocketOptions<Command, Message, Answer>,
  'on' | 'watchdog' | 'protocol'
>

/** Options that name a protocol. */
type WithProtocol<Command, Message, Answer> = Typed<Command, Message, Answer> & {
  readonly protocol: Protocol<Command, Message, Answer>
}

/** How a runtime reaches the network. */
type Network = NonNullable<OpenSocketOptions['platform']>

/**
 * Opens a socket for `openSocket` of any runtime.
 *
 * @param schema with what the runtime takes besides.
 * @param network the runtime's own; not called where the options bring one.
 * @throws {UsageError} `bad_option`, naming field and value.
 */
export function opened<Command, Message, Answer, Schema extends z.ZodType<OpenSocketConfig>>(
  url: string,
  options: WithProtocol<Command, Message, Answer> | Typed<Frame, Frame, unknown>,
  schema: Schema,
  network: (config: z.output<Schema>) => Network,
): Socket<Command, Message, Answer> | Socket<Frame, Frame, never> {
  checkIsObject(options)
  const open = <C, M, A>(typed: Typed<C, M, A>, protocol: Protocol<C, M, A>) => {
    const config = openSocketConfig(schema, url, options, protocol)
    const platform = config.platform ?? network(config)
    platform.checkWayOut?.(url)
    return new Socket<C, M, A>(config, typed, protocol, platform)
  }
  return hasProtocol(options)
    ? open(options, options.protocol)
    : open<Frame, Frame, never>(options, plainFrames)
}

function hasProtocol<Command, Message, Answer>(
  options: WithProtocol<Command, Message, Answer> | Typed<Frame, Frame, unknown>,
): options is WithProtocol<Command, Message, Answer> {
  return options.protocol !== undefined
}
