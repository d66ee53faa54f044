import type { StreamMemory } from '../session/memory.js'

/** One of the connections that serve the same streams, as the arbiter sees it. */
export interface Leg {
  readonly name: string
  /** What this connection alone knows of the streams: the books that it maintains. */
  readonly memory: StreamMemory
}
