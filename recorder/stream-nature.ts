import { isLog } from '../src/session/stream.js'
import type { TapeStream } from './stream-table.js'

/**
 * What an event of a stream says: a change of a book, news of its own (a trade, a block), or the state of now (a ticker, a
 * candle).
 */
export type StreamNature = 'book' | 'log' | 'state'

export function natureOf({ channel }: Pick<TapeStream, 'channel'>): StreamNature {
  const kind = channel?.split(':', 1)[0] ?? ''
  if (kind === 'book' || kind === 'order') return 'book'
  return isLog(kind) ? 'log' : 'state'
}
