import type { SimulatedPeer } from '../../src/simulator/venue-simulator.js'
import { Delivery } from '../kit/delivery.js'
import { SimulatedClient } from '../kit/simulated-client.js'
import type { SimulatedExchange } from '../kit/simulated-exchange.js'
import { longId, withExponent } from '../kit/spoilt-values.js'
import type { PairMarket } from './markets.js'

/** What a frame is, for the faults that fit it. */
export type FrameKind = 'snapshot' | 'reply' | 'update' | 'trade' | 'other'

/** Faults that change the text of a frame, and which frames they fit. */
const SPOILT: Readonly<Record<string, readonly FrameKind[]>> = {
  'level-unknown': ['update'],
  'book-crossed': ['update'],
  'price-null': ['update', 'trade'],
  'price-nan': ['update', 'trade'],
  'price-exponent': ['update', 'trade'],
  'id-long': ['trade'],
  'field-new': ['update', 'trade', 'snapshot'],
  'field-missing': ['update', 'trade'],
}

const LATE_ACK_MICROS = 5_000_000

/** One client of either exchange: its frames, with the faults that fit them. */
export abstract class CexClient extends SimulatedClient<PairMarket> {
  readonly #updates: Delivery<string>
  readonly #trades: Delivery<string>

  constructor(exchange: SimulatedExchange<PairMarket>, peer: SimulatedPeer) {
    super(exchange, peer)
    this.#updates = Delivery.ofNumbered(this.faults)
    this.#trades = Delivery.ofTrades(this.faults)
  }

  /** Ends the connection in the words of the exchange. @param reason null where it gives none */
  abstract end(reason: string | null): void

  /** Sends a frame, unless a fault has it otherwise. */
  say(kind: FrameKind, text: string): void {
    const { faults } = this
    if ((kind === 'snapshot' || kind === 'reply') && faults.take('ack-late')) {
      return this.after(LATE_ACK_MICROS, () => this.send(text))
    }
    if ((kind === 'update' || kind === 'trade') && faults.take('message-unknown')) {
      this.send('{"e":"md_update_v9","data":{"pair":"BTC:USD"}}')
    }
    for (const frame of this.#delivered(kind, this.#spoilt(kind, text))) this.send(frame)
    if (kind === 'snapshot' && faults.take('snapshot-twice')) this.send(text)
  }

  #delivered(kind: FrameKind, text: string): readonly string[] {
    if (kind === 'update') return this.#updates.pass(pairOf(text), text)
    return kind === 'trade' ? this.#trades.pass(pairOf(text), text) : [text]
  }

  /** The text, changed by the first fault that fits it. */
  #spoilt(kind: FrameKind, text: string): string {
    for (const [fault, kinds] of Object.entries(SPOILT)) {
      if (!kinds.includes(kind) || !this.faults.has(fault)) continue
      const changed = edited(fault, text)
      if (changed !== null && this.faults.take(fault)) return changed
    }
    return text
  }
}

/** The pair of a book or of trades; trades of the classic rooms name none, and have a socket to themselves. */
function pairOf(text: string): string {
  return /"pair":"([^"]*)"/.exec(text)?.[1] ?? ''
}

/** Edits of the text itself, so that every other digit of it stays as it was. */
function edited(fault: string, text: string): string | null {
  const change = (pattern: RegExp, by: string) => (pattern.test(text) ? text.replace(pattern, by) : null)
  const level = /(\[\[)("?)([\d.]+)("?)(,)/
  const row = /(\["(?:buy|sell)","\d+","\d+",)(")([\d.]+)(")(,)/
  const price = [level, row].find((pattern) => pattern.test(text)) ?? /("price":)("?)([\d.]+)("?)(,|})/
  const quoted = text.includes('[["') || text.includes('"price":"')
  switch (fault) {
    case 'field-new':
      return text.replace('{', '{"added_yesterday":{"nested":[1]},')
    case 'level-unknown':
      return insertBid(text, quoted ? '["0.00000001","0"]' : '[0.00000001,0]')
    case 'book-crossed':
      return insertBid(text, quoted ? '["99999999","1"]' : '[99999999,1]')
    case 'price-null':
      return change(price, '$1null$5')
    case 'price-nan':
      return change(price, '$1"NaN"$5')
    case 'price-exponent': {
      const found = price.exec(text)?.[3]
      if (found === undefined) return null
      return change(price, `$1$2${withExponent(found)}$4$5`)
    }
    case 'id-long': {
      const last = /(?<=-|")\d+(?="(?:\]\]|\}))/
      const id = last.exec(text)?.[0]
      return id === undefined ? null : change(last, longId(id))
    }
    case 'field-missing':
      return row.test(text) ? change(row, '$1') : change(/"pair":"[^"]*",?/, '')
    default:
      return null
  }
}

function insertBid(text: string, level: string): string | null {
  if (!text.includes('"bids":[')) return null
  return text.replace(/"bids":\[(\]?)/, (_all, end: string) => `"bids":[${level}${end === '' ? ',' : ']'}`)
}
