import type { LosslessValue } from '../../src/decode/index.js'
import type { WireChannel } from './channels.js'

/**
 * What stands at the end of each array frame in Tardis' files since 27 May 2020, so that they can be filtered by it:
 *
 *     [6,[8800,1,2],4,1590451200081,"book","BTCF0:USTF0"]
 */
export interface FrameName {
  /** Tardis' name of the channel. */
  readonly channel: string
  /** The pair, mostly without its `t`; empty where the channel is of all symbols. */
  readonly symbol: string
}

const LIQUIDATIONS = 'liq:global'

/** The venue's channel behind each of Tardis' names. */
const CHANNELS: Readonly<Record<string, (symbol: string) => WireChannel>> = {
  trades: (symbol) => ({ channel: 'trades', symbol }),
  ticker: (symbol) => ({ channel: 'ticker', symbol }),
  book: (symbol) => ({ channel: 'book', symbol, prec: 'P0' }),
  raw_book: (symbol) => ({ channel: 'book', symbol, prec: 'R0' }),
  status: (symbol) => ({ channel: 'status', key: symbol === LIQUIDATIONS ? symbol : `deriv:${symbol}` }),
  liquidations: () => ({ channel: 'status', key: LIQUIDATIONS }),
}

/** Levels a side of the books in Tardis' files. */
export const NAMED_BOOK_LENGTH = '100'

/** The name at the end of a frame; null where it has none. */
export function nameBehind(frame: readonly LosslessValue[]): FrameName | null {
  const channel = frame[frame.length - 2]
  if (typeof channel !== 'string' || !Object.hasOwn(CHANNELS, channel)) return null
  const symbol = frame[frame.length - 1]
  if (symbol !== null && (typeof symbol !== 'string' || /^[\d.]+$/.test(symbol))) return null
  return { channel, symbol: symbol ?? '' }
}

/** The channel of the venue that a name stands for. */
export function channelNamed({ channel, symbol }: FrameName): WireChannel {
  const bare = symbol === '' ? LIQUIDATIONS : symbol.replace(/^deriv:/, '')
  const id = bare === LIQUIDATIONS || /^[tf][A-Z0-9]/.test(bare) ? bare : `t${bare}`
  return CHANNELS[channel]?.(id) ?? { channel }
}
