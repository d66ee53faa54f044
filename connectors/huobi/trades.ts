import type * as z from 'zod'
import type { Micros, Side } from '../../schemas/events.js'
import { huobiTrades, type huobiTradesReply } from '../../schemas/huobi.js'
import {
  checker,
  compareDecimals,
  identifier,
  positiveDecimal,
  unsignedDecimal,
} from '../../src/decode/index.js'
import {
  type Alarms,
  ownTrade,
  type Stream,
  type Streams,
  type TradeFields,
} from '../../src/session/index.js'
import { decimalAt } from './decimals.js'
import type { Asking } from './mbp-books.js'

const check = checker(huobiTrades)

/** Live trades wait no longer than this for the history that goes before them. */
const BACKFILL_WITHIN_MS = 3_000
/** Trades that may wait for the history. */
const MAX_HELD = 5_000

interface Backfill {
  readonly topic: string
  readonly held: TradeFields[]
  /** The history was asked for. */
  asked: boolean
}

/**
 * Trades. The venue begins each subscription with the last trade(s) of the market, in the frame of any other: it is a trade
 * like the rest, known by its id if it was seen before the connection was lost.
 *
 * After a hole the recent trades are asked for (`req`), and what comes live waits behind them. Not before that first push: what
 * happens between an answer and the beginning of the subscription would be in neither, and an answer would hide that a
 * subscription was granted and is dead.
 */
export class Trades {
  readonly #streams: Streams
  readonly #alarms: Alarms
  readonly #asking: Asking
  readonly #backfills = new Map<Stream, Backfill>()

  constructor(streams: Streams, alarms: Alarms, asking: Asking) {
    this.#streams = streams
    this.#alarms = alarms
    this.#asking = asking
  }

  /** Asked for: on derivatives the last trade comes even before the ack. */
  asked(topic: string, stream: Stream, at: Micros | null): void {
    if (stream.record.gap === null || !stream.record.seen || at === null) return
    this.#backfills.set(stream, { topic, held: [], asked: false })
  }

  push(stream: Stream, value: unknown, text: string, at: Micros | null): void {
    const { tick } = check(value, text)
    const rows = tick.data.map((row, index) => tradeFields(row, tick.id, ['tick', 'data', index]))
    const backfill = this.#backfills.get(stream)
    if (backfill === undefined) {
      this.#emit(stream, rows, at)
      return
    }
    if (!backfill.asked) this.#ask(stream, backfill, at)
    for (const row of rows) backfill.held.push(ownTrade(row, at))
    if (backfill.held.length > MAX_HELD) this.#release(stream, at)
  }

  /** Recent trades, in an order that the venue does not state: they are put in that of their ids, which rise. */
  reply(stream: Stream, reply: z.output<typeof huobiTradesReply>, at: Micros | null): void {
    const rows = (reply.data ?? []).map((row, index) => tradeFields(row, null, ['data', index]))
    rows.sort((a, b) => compareIds(a.id, b.id))
    // What is older than a trade that was seen lies before the hole, not in it.
    const known = rows.findIndex(({ id }) => stream.record.tradeIds.has(id))
    const missed = known === -1 ? rows : rows.slice(known)
    if (missed.length > 0) this.#streams.history(stream, missed, at)
    this.#release(stream, at)
  }

  /** The venue would not answer. */
  unanswered(stream: Stream, at: Micros | null): void {
    this.#release(stream, at)
  }

  forget(stream: Stream): void {
    const backfill = this.#backfills.get(stream)
    if (backfill === undefined) return
    this.#backfills.delete(stream)
    this.#alarms.clear(alarm(backfill.topic))
    this.#asking.drop(backfill.topic)
  }

  #ask(stream: Stream, backfill: Backfill, at: Micros | null): void {
    const { topic } = backfill
    backfill.asked = true
    this.#alarms.set(alarm(topic), at, BACKFILL_WITHIN_MS, (now) => this.#release(stream, now))
    this.#asking.ask(topic, at, () => undefined)
  }

  #release(stream: Stream, at: Micros | null): void {
    const held = this.#backfills.get(stream)?.held
    this.forget(stream)
    if (held !== undefined) this.#emit(stream, held, at)
  }

  /** While a hole is open, a trade that was seen before the hole proves that nothing was missed. */
  #emit(stream: Stream, rows: readonly TradeFields[], at: Micros | null): void {
    const { gap, tradeIds } = stream.record
    if (gap !== null && rows.some(({ id }) => tradeIds.has(id))) {
      this.#streams.history(stream, rows, at)
      return
    }
    for (const row of rows) this.#streams.trade(stream, row, at)
  }
}

type TradeRow = z.output<typeof huobiTrades>['tick']['data'][number]

/**
 * Spot names a trade by `tradeId` (its `id` is deprecated), derivatives by `id`. `amount` is the venue's own number: coins
 * on spot, contracts of both sides of the match on derivatives.
 */
function tradeFields(
  row: TradeRow,
  sequence: string | null,
  path: readonly (string | number)[],
): TradeFields {
  return {
    id: identifier(row.tradeId ?? row['trade-id'] ?? row.id, [...path, 'id']),
    price: decimalAt(row.price, [...path, 'price'], positiveDecimal),
    amount: decimalAt(row.amount, [...path, 'amount'], unsignedDecimal),
    side: sideOf(row.direction),
    exchangeTime: row.ts * 1000,
    sequence,
  }
}

/** `direction` may be empty on derivatives. */
export function sideOf(direction: string): Side | null {
  return direction === 'buy' || direction === 'sell' ? direction : null
}

function compareIds(a: string, b: string): number {
  return /^\d+$/.test(a) && /^\d+$/.test(b) ? compareDecimals(a, b) : 0
}

function alarm(topic: string): string {
  return `backfill ${topic}`
}
