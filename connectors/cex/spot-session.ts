import {
  envelope,
  pairReply,
  pairsInfo,
  spotRequest,
  spotTrade,
  tradePage,
  tradeSnapshot,
  tradeUpdate,
} from '../../schemas/cex.js'
import type { Micros } from '../../schemas/events.js'
import { positiveDecimal, unsignedDecimal } from '../../src/decode/decimal.js'
import { checker } from '../../src/decode/decoder.js'
import { identifier } from '../../src/decode/identifier.js'
import { type LosslessValue, readLossless } from '../../src/decode/lossless.js'
import { isoMicros } from '../../src/decode/time.js'
import { DecodeError } from '../../src/errors.js'
import { Backfills } from '../../src/session/backfill.js'
import type { TradeFields } from '../../src/session/fields.js'
import type { TimedTrade } from '../../src/session/memory.js'
import type { Protocol, SessionKit } from '../../src/session/session.js'
import type { Stream } from '../../src/session/stream.js'
import { Polls } from './polls.js'
import { spotBooks } from './spot-books.js'
import { isTickered, pollKey, spotPolled } from './spot-polled.js'
import { type SpotRequest, SpotRequests } from './spot-requests.js'
import { errorText, pairStreams, spotInstrument } from './symbols.js'

const checkHead = checker(envelope)
const checkUpdate = checker(tradeUpdate)
const checkSnapshot = checker(tradeSnapshot)
const checkPage = checker(tradePage)
const checkTrade = checker(spotTrade)
const checkPair = checker(pairReply)
const checkPairs = checker(pairsInfo)
const checkRequest = checker(spotRequest)

const GREETING_MS = 10_000
/** Between the error that makes the venue close the socket and its goodbye: 0.2 s were seen. */
const GOODBYE_MS = 2_000
/** What the venue gives where nothing is said; ten times as many would be had. */
const PAGE_SIZE = 1000

/** Each page takes its turn among the polls, so that four of them need as long as trades may wait. */
const TRADE_HISTORY = {
  pageSize: PAGE_SIZE,
  requests: 4,
  withinMs: 20_000,
  retryMs: 2_000,
  onConnection: true,
} as const

/** Replies that have nothing for the tape. */
const PASSED_OVER = new Set([
  'pong',
  'get_order_book',
  'get_currencies_info',
  'get_server_time',
  'get_processing_info',
  'auth',
])

export interface SpotSessionOptions {
  readonly pollEveryMs: number
  readonly auditEveryMs: number | null
}

/** CEX.IO Spot Trading: books proved by `seqId`, trades, and what has no stream asked for at a pace. */
export function spotProtocol(options: SpotSessionOptions): (kit: SessionKit) => Protocol {
  return (kit) => {
    const { init, sink, streams, alarms, guard } = kit
    const find = pairStreams(kit, 'spot')
    const requests = new SpotRequests(sink)
    const books = spotBooks(kit)
    const polls = new Polls(alarms, options.pollEveryMs)
    const polled = spotPolled(kit, requests, polls)
    const backfills = new Backfills(kit, { ...TRADE_HISTORY, ask: askForTrades })
    /** The pair of the book audited last; audits go round. */
    let audited = ''
    /** What the venue refused last that was no fault of the request: it may say why it closes the socket. */
    let lastError: { readonly reason: string; readonly at: Micros | null } | null = null

    // ── Asking ────────────────────────────────────────────────────────────────────────────────────────────────────

    function ask(stream: Stream, at: Micros | null): void {
      const pair = stream.instrument.instrument
      if (stream.kind === 'book') {
        books.ask(stream)
        requests.send('order_book_subscribe', { pair }, at, { stream, pair })
      } else if (stream.kind === 'trade') requests.send('trade_subscribe', { pair }, at, { stream, pair })
      else polled.add(stream, at)
    }

    function auditLater(at: Micros | null): void {
      const { auditEveryMs } = options
      if (auditEveryMs === null || init.adopt) return
      alarms.set('audit', at, auditEveryMs, (now) => {
        const live = [...streams.values()].filter(({ kind, state }) => kind === 'book' && state === 'live')
        const pairs = live.map(({ instrument }) => instrument.instrument).sort()
        const next = pairs.find((pair) => pair > audited) ?? pairs[0]
        const stream = live.find(({ instrument }) => instrument.instrument === next)
        if (stream !== undefined) {
          audited = stream.instrument.instrument
          streams.audit(stream)
        }
        auditLater(now)
      })
    }

    // ── Trades ────────────────────────────────────────────────────────────────────────────────────────────────────

    function tradeRows(rows: readonly unknown[], frame: string, at: Micros | null): TradeFields[] {
      const read: TradeFields[] = []
      for (const row of rows) guard(frame, at, () => read.push(tradeOf(row, frame)))
      return read
    }

    /** From the last trade that is known; that one again, to see that the two join. It costs a point, so it takes its turn. */
    function askForTrades(stream: Stream, since: TimedTrade, at: Micros): void {
      const pair = stream.instrument.instrument
      polls.once(`trades ${pair}`, at, (now) => {
        const fromDateISO = new Date(Math.floor(since.exchangeTime / 1000) - 1).toISOString()
        requests.send('get_trade_history', { pair, fromDateISO, pageSize: PAGE_SIZE }, now, { stream, pair })
      })
    }

    function tradePageCame(
      { stream, pair }: SpotRequest,
      value: LosslessValue,
      frame: string,
      at: Micros | null,
    ) {
      const of = stream ?? (pair === null ? undefined : find(pair, 'trade', at))
      const { trades } = checkPage(value, frame).data
      if (of === undefined || of.state === 'leaving') return
      const rows = tradeRows(trades, frame, at)
      const { gap } = of.record
      if (gap !== null && rows.length < trades.length) gap.lost = true
      if (init.adopt) streams.history(of, rows, at)
      else backfills.answered(of, rows, at)
    }

    // ── Replies ───────────────────────────────────────────────────────────────────────────────────────────────────

    function refused(e: string, request: SpotRequest | null, reason: string, at: Micros | null): void {
      const named = /^Currency pair (\S+) is not supported/.exec(reason)?.[1]
      const meant = [...streams.values()].filter(
        (stream) =>
          stream === request?.stream ||
          (request?.method === 'get_ticker' && stream.instrument.instrument === named && isTickered(stream)),
      )
      if (request?.method === 'get_trade_history' && request.stream !== null) {
        backfills.failed(request.stream, at)
      }
      // Of a limit, maintenance, the venue's own error or a backfill the stream is not to blame: it is asked for again by its
      // own deadline, and a book that was only to be audited stands.
      if (meant.length === 0 || request?.method === 'get_trade_history' || isPassing(reason)) {
        lastError = { reason, at }
        const state = /maintenance/.test(reason) ? 'maintenance' : 'refused'
        const waitMs = streams.refusals.refused(nameOf(e, request), reason, at, { state })
        if (e === 'get_ticker') {
          polls.delay(e, waitMs, at)
          for (const stream of streams.values()) if (isTickered(stream)) streams.excuse(stream)
        }
        for (const stream of meant) {
          if (stream.kind === 'candle') {
            polls.delay(pollKey(stream), waitMs, at)
            streams.excuse(stream)
          } else if (stream.state === 'requested') streams.postpone(stream, waitMs, at)
        }
        return
      }
      for (const stream of meant) {
        polled.drop(stream)
        if (stream.state === 'leaving') streams.remove(stream)
        else {
          // A book that is given up, by the answer to its audit, does not go on to say that it is live.
          if (stands(stream)) streams.gap(stream, 'stale', reason, at)
          streams.refuse(stream, reason, at)
        }
      }
    }

    function granted(
      e: string,
      request: SpotRequest | null,
      value: LosslessValue,
      frame: string,
      at: Micros | null,
    ): void {
      switch (e) {
        case 'order_book_subscribe':
          books.snapshot(value, frame, at)
          break
        case 'trade_subscribe': {
          const pair = request?.pair ?? null
          const stream = request?.stream ?? (pair === null ? undefined : find(pair, 'trade', at))
          if (stream !== undefined && stream.state !== 'leaving') backfills.granted(stream, at)
          break
        }
        case 'order_book_unsubscribe':
        case 'trade_unsubscribe': {
          const pair = request?.pair ?? checkPair(value, frame).data.pair
          const stream = streams.get(pair, e === 'trade_unsubscribe' ? 'trade' : 'book')
          if (stream !== undefined && (init.adopt || stream.state === 'leaving')) streams.remove(stream)
          break
        }
        case 'get_ticker':
          polled.tickers(value, frame, at)
          break
        case 'get_candles':
          polled.candles(request, value, frame, at)
          break
        case 'get_trade_history':
          if (request !== null) tradePageCame(request, value, frame, at)
          break
        case 'get_pairs_info':
          for (const row of checkPairs(value, frame).data) init.instruments.add(spotInstrument(row))
          break
        default:
          pushed(e, value, frame, at)
      }
    }

    function pushed(e: string, value: LosslessValue, frame: string, at: Micros | null): void {
      switch (e) {
        case 'order_book_increment':
          books.increment(value, frame, at)
          break
        case 'tradeUpdate': {
          const { data } = checkUpdate(value, frame)
          const stream = find(data.pair, 'trade', at)
          if (stream !== undefined) backfills.trade(stream, tradeOf(data, frame), at)
          break
        }
        case 'tradeHistorySnapshot': {
          const { pair, trades } = checkSnapshot(value, frame).data
          const stream = find(pair, 'trade', at)
          if (stream !== undefined) backfills.history(stream, tradeRows(trades, frame, at), at)
          break
        }
        case 'connected':
          alarms.clear('greeting')
          if (!init.adopt) sink.ready()
          break
        case 'disconnected':
          ended(at)
          break
        default:
          if (PASSED_OVER.has(e)) break
          throw new DecodeError('unknown_message', `unknown event ${e}`, { path: ['e'], head: frame })
      }
    }

    /** An error of long ago is not why the venue ends the connection now. */
    function causeOfEnd(at: Micros | null): string | null {
      if (lastError === null || lastError.at === null || at === null) return null
      return alarms.elapsedMs(lastError.at, at) <= GOODBYE_MS ? lastError.reason : null
    }

    function ended(at: Micros | null): void {
      const cause = causeOfEnd(at)
      const reason = cause === null ? 'disconnected' : `disconnected: ${cause}`
      if (at === null || !/rate limit/i.test(cause ?? '')) {
        streams.connection('maintenance', reason, at)
        sink.reconnect(`the venue says ${reason}`)
        return
      }
      // The allowance is the address's, and is counted by the calendar minute.
      const minute = 60_000
      const forMs = minute - (Math.floor(at / 1000) % minute) + 500
      streams.connection('refused', reason, at)
      sink.limited?.({ forMs })
      sink.reconnect(`the venue says ${reason}`, { afterMs: forMs })
    }

    return {
      finished: () => books.finished(),
      opened(_info, at) {
        if (init.adopt) return
        alarms.set('greeting', at, GREETING_MS, () => sink.reconnect('the venue did not greet'))
        auditLater(at)
      },
      subscribe(requested, at) {
        for (const stream of requested) ask(stream, at)
      },
      unsubscribe(leaving, at) {
        for (const stream of leaving) {
          const pair = stream.instrument.instrument
          if (stream.kind === 'book') {
            books.forget(stream)
            requests.send('order_book_unsubscribe', { pair }, at, { stream, pair })
          } else if (stream.kind === 'trade') {
            backfills.forget(stream)
            polls.drop(`trades ${pair}`)
            requests.send('trade_unsubscribe', { pair }, at, { stream, pair })
          } else {
            polled.drop(stream)
            streams.remove(stream)
          }
        }
      },
      resubscribe(stream, at) {
        const pair = stream.instrument.instrument
        // A book that nothing speaks against is audited: it stays live, and the second snapshot is compared with it.
        if (stands(stream)) {
          requests.send('order_book_subscribe', { pair }, at, { stream, pair })
        } else {
          backfills.forget(stream)
          ask(streams.request({ instrument: stream.instrument, channel: stream.channel }, at), at)
        }
      },
      frame(data, at) {
        const frame = typeof data === 'string' ? data : new TextDecoder().decode(data)
        const value = readLossless(frame)
        const { e, oid } = checkHead(value, frame)
        const request = requests.take(oid)
        const error = errorText(value)
        if (error !== null) refused(e, request, error, at)
        else if (request !== null) streams.refusals.forget(nameOf(e, request))
        if (error === null) granted(request?.method ?? e, request, value, frame, at)
      },
      sent(frame) {
        const value = readLossless(frame)
        if (checkHead(value, frame).e === 'auth') return
        const { e, oid, data } = checkRequest(value, frame)
        if (oid === undefined) return
        const side = data?.dataType === 'bestAsk' ? 'ask' : 'bid'
        const variant = data?.resolution === undefined ? null : `${side}-${data.resolution}`
        requests.keep(oid, { method: e, stream: null, pair: data?.pair ?? null, variant })
      },
    }
  }
}

function tradeOf(row: unknown, frame: string): TradeFields {
  const { side, dateISO, price, amount, tradeId } = checkTrade(row, frame)
  return {
    id: identifier(tradeId, ['tradeId']),
    price: positiveDecimal(price),
    amount: unsignedDecimal(amount),
    side: side === 'BUY' || side === 'buy' ? 'buy' : 'sell',
    exchangeTime: isoMicros(dateISO),
  }
}

function stands({ kind, state, record }: Stream): boolean {
  return kind === 'book' && state === 'live' && record.book.state === 'live'
}

/** A request as an event names it: `order_book_subscribe BTC-USD`. */
function nameOf(e: string, request: SpotRequest | null): string {
  return request?.pair == null ? e : `${e} ${request.pair}`
}

/** A refusal that is of the moment or of the venue, and not of the request. */
function isPassing(reason: string): boolean {
  return /rate limit|maintenance|internal error/i.test(reason)
}
