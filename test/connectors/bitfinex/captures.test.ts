import { Decimal } from 'decimal.js'
import { describe, expect, it } from 'vitest'
import { bookChecksum } from '../../../connectors/bitfinex/checksum.js'
import { bitfinex } from '../../../connectors/bitfinex/index.js'
import { marketEvent } from '../../../schemas/event-schemas.js'
import type { MarketEvent, TradeEvent } from '../../../schemas/events.js'
import type { Sink } from '../../../src/connector.js'
import { canonicalDecimal } from '../../../src/decode/index.js'
import { Instruments, StreamMemory } from '../../../src/session/index.js'
import { nodeTools } from '../../../src/socket/tools.js'
import { readLog, readTruth, recordingsAtHand } from './recordings.js'

const Exact = Decimal.clone({ precision: 100, toExpNeg: -100, toExpPos: 100 })

interface TradeTruth {
  readonly id: string
  readonly price: string
  readonly amount: string
  readonly side: string
  readonly ts_us: number
}

interface TradesTruth {
  readonly count: number
  readonly amount_sum: string
  readonly buys: number
  readonly sells: number
  readonly first: TradeTruth
  readonly last: TradeTruth
}

interface Truth {
  readonly frames_in: number
  readonly symbols: Record<
    string,
    {
      readonly trades?: TradesTruth
      readonly trades_snapshot?: TradesTruth
      readonly book: {
        readonly snapshots: number
        readonly updates: number
        readonly bid_levels: number
        readonly ask_levels: number
        readonly bids: [string, string][]
        readonly asks: [string, string][]
        readonly crc32_top25: number
      }
      readonly tickers?: number
    }
  >
}

/** What one instrument of a log came to. */
class Tally {
  readonly live: TradeEvent[] = []
  readonly history: TradeEvent[] = []
  snapshots = 0
  updates = 0
  tickers = 0
}

/** Feeds a whole log to a session that adopts it. */
function ingest(name: string) {
  const tallies = new Map<string, Tally>()
  const others: MarketEvent[] = []
  const memory = new StreamMemory()
  let valid = true
  const sink: Sink = {
    emit(event) {
      if (!('instrument' in event) || event.type === 'gap') {
        others.push(event)
        return
      }
      let tally = tallies.get(event.instrument)
      if (tally === undefined) {
        tally = new Tally()
        tallies.set(event.instrument, tally)
      }
      if (event.type !== 'book_update' || tally.updates < 100) {
        valid = valid && marketEvent.safeParse(event).success
      }
      if (event.type === 'trade') (event.historical ? tally.history : tally.live).push(event)
      else if (event.type === 'book_snapshot') tally.snapshots++
      else if (event.type === 'book_update') tally.updates++
      else if (event.type === 'ticker') tally.tickers++
      else others.push(event)
    },
    send: () => expect.unreachable('an adopting session must not send'),
    request: () => expect.unreachable('an adopting session must not ask'),
    wake: () => {},
    ready: () => {},
    reconnect: (reason) => expect.unreachable(`an adopting session must not reconnect: ${reason}`),
    resubscribe: () => expect.unreachable('an adopting session must not resubscribe'),
  }
  const connector = bitfinex()
  const session = connector.session(
    {
      endpoint: { name: 'public', url: 'wss://api.bitfinex.com/ws/2', rest: null },
      connection: 'public#0',
      adopt: true,
      instruments: new Instruments(),
      memory,
      tools: nodeTools(1_000_000),
      random: () => 0.5,
    },
    sink,
  )
  for (const { t, dir, data = '', url = '' } of readLog(name)) {
    if (dir === 'open') {
      expect(url).toMatch(connector.recognises)
      session.opened({ url, negotiated: null, attempt: 1 }, t)
    } else if (dir === 'in') session.frame(data, t)
    else if (dir === 'out') session.sent(data, t)
  }
  return { tallies, others, memory, isValid: () => valid }
}

function told({ id, price, amount, side, exchangeTime }: TradeEvent): object {
  return { id, price, amount, side, ts_us: exchangeTime }
}

function summary(trades: readonly TradeEvent[]): object {
  const [first] = trades
  const last = trades.at(-1)
  return {
    count: trades.length,
    amount_sum: trades.reduce((sum, { amount }) => sum.plus(amount), new Exact(0)).toFixed(),
    buys: trades.filter(({ side }) => side === 'buy').length,
    sells: trades.filter(({ side }) => side === 'sell').length,
    first: first === undefined ? null : told(first),
    last: last === undefined ? null : told(last),
  }
}

function expected(truth: TradesTruth): object {
  const trade = ({ id, price, amount, side, ts_us }: TradeTruth) => ({
    id,
    price: canonicalDecimal(price),
    amount: canonicalDecimal(amount),
    side,
    ts_us,
  })
  const { count, amount_sum, buys, sells } = truth
  return {
    count,
    amount_sum: canonicalDecimal(amount_sum),
    buys,
    sells,
    first: trade(truth.first),
    last: trade(truth.last),
  }
}

describe.skipIf(!recordingsAtHand)('recorded traffic of Bitfinex', () => {
  describe.each([
    // 16 MB without a clock, without conf, without requests.
    'bitfinex-20181112.part1',
    // Numbered frames, requests recorded, eight pairs on one socket.
    'bitfinex-20210405.part1',
  ])('%s', (name) => {
    const truth = recordingsAtHand ? readTruth<Truth>(name) : { frames_in: 0, symbols: {} }
    const outcome = recordingsAtHand ? ingest(name) : null

    it('is read without a gap, a malformed frame or a refusal', () => {
      expect(outcome?.others).toEqual([])
      expect(outcome?.isValid()).toBe(true)
    })

    it('has exactly the instruments that the truth has', () => {
      expect([...(outcome?.tallies.keys() ?? [])].sort()).toEqual(Object.keys(truth.symbols).sort())
    })

    it.each(Object.keys(truth.symbols))('%s is what was computed independently', (instrument) => {
      const wanted = truth.symbols[instrument]
      const tally = outcome?.tallies.get(instrument)
      if (wanted === undefined || tally === undefined) return expect.unreachable()
      if (wanted.trades === undefined) expect(tally.live).toEqual([])
      else expect(summary(tally.live)).toEqual(expected(wanted.trades))
      if (wanted.trades_snapshot !== undefined) {
        expect(summary(tally.history)).toEqual(expected(wanted.trades_snapshot))
      }
      expect({ snapshots: tally.snapshots, updates: tally.updates, tickers: tally.tickers }).toEqual({
        snapshots: wanted.book.snapshots,
        updates: wanted.book.updates,
        tickers: wanted.tickers ?? 0,
      })
      const book = outcome?.memory.peek(instrument, 'book')?.book
      expect(book?.state).toBe('live')
      expect({ bids: book?.count('bids'), asks: book?.count('asks') }).toEqual({
        bids: wanted.book.bid_levels,
        asks: wanted.book.ask_levels,
      })
      const canonical = (levels: [string, string][]) => levels.map((level) => level.map(canonicalDecimal))
      expect(book?.top(5)).toEqual({
        bids: canonical(wanted.book.bids),
        asks: canonical(wanted.book.asks),
      })
      const { bids = [], asks = [] } = book?.top(25) ?? {}
      expect(bookChecksum(bids, asks)).toBe(wanted.book.crc32_top25)
    })
  })
})
