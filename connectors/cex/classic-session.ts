import { classicBookRequest, classicTicker, envelope, goodbye, roomRequest, tick } from '../../schemas/cex.js'
import type { Micros } from '../../schemas/events.js'
import { canonicalDecimal } from '../../src/decode/decimal.js'
import { checker } from '../../src/decode/decoder.js'
import { type LosslessValue, readLossless } from '../../src/decode/lossless.js'
import { DecodeError } from '../../src/errors.js'
import type { Protocol, SessionKit } from '../../src/session/session.js'
import type { Stream } from '../../src/session/stream.js'
import { needsLogin } from './channels.js'
import { classicBooks } from './classic-books.js'
import { classicLogin, type VenueClock } from './classic-login.js'
import { classicRooms } from './classic-rooms.js'
import type { Credentials } from './credentials.js'
import { Polls } from './polls.js'
import { currenciesOf, errorText, pairStreams } from './symbols.js'

const checkHead = checker(envelope)
const checkTick = checker(tick)
const checkTicker = checker(classicTicker)
const checkGoodbye = checker(goodbye)
const checkRooms = checker(roomRequest)
const checkBookRequest = checker(classicBookRequest)

/** A socket that is logged in is pinged after 15 s in which the client was silent; two of them may be missed. */
const PINGED_MS = 35_000
const RATE_LIMIT_MS = 10_000

/** What a login socket may push besides, and replies to requests that only a trader makes. */
const PRIVATE = new Set([
  'balance',
  'obalance',
  'order',
  'tx',
  'get-balance',
  'open-orders',
  'place-order',
  'cancel-order',
  'cancel-replace-order',
  'get-order',
  'archived-orders',
  'mass-cancel-place-orders',
  'open-position',
  'close-position',
])

/** The classic API: the exact book by login, ticks, and one pair's room to a socket. */
export function classicProtocol(
  credentials: Credentials | null,
  pollEveryMs: number,
  clock: VenueClock,
): (kit: SessionKit) => Protocol {
  return (kit) => {
    const { init, sink, streams, alarms } = kit
    const find = pairStreams(kit, 'classic')
    const login = classicLogin(kit, credentials, clock)
    const books = classicBooks(kit)
    const rooms = classicRooms(kit)
    const polls = new Polls(alarms, pollEveryMs)
    /** Requests that have no answer yet, by `oid`. Bounded by the streams, each of which has one at a time. */
    const asked = new Map<string, Stream>()
    let requests = 0
    /** The room of ticks, which serves all pairs, was joined. */
    let ticking = false
    let heardAt: Micros | null = null

    function request(e: string, stream: Stream, data: unknown): void {
      for (const [oid, other] of asked) if (other === stream) asked.delete(oid)
      const oid = `${++requests}_${e}`
      asked.set(oid, stream)
      sink.send(JSON.stringify({ e, data, oid }))
    }

    // ── Pings ─────────────────────────────────────────────────────────────────────────────────────────────────────

    function watchPings(at: Micros | null, delayMs = PINGED_MS): void {
      alarms.set('pings', at, delayMs, (now) => {
        const idleMs = alarms.elapsedMs(heardAt ?? now, now)
        if (idleMs < PINGED_MS) {
          watchPings(now, PINGED_MS - idleMs)
          return
        }
        streams.gapAll('stale', `neither data nor a ping for ${PINGED_MS} ms`, now)
        sink.reconnect('the venue’s pings stopped')
      })
    }

    // ── Tickers ───────────────────────────────────────────────────────────────────────────────────────────────────

    function ticked(value: LosslessValue, frame: string, at: Micros | null): void {
      const { data } = checkTick(value, frame)
      const id = `${data.symbol1}:${data.symbol2}`
      const stream = find(id, 'ticker', at)
      if (stream === undefined) return
      streams.ticker(
        stream,
        {
          last: canonicalDecimal(data.price),
          open: decimalOrNull(data.open24),
          volume: decimalOrNull(data.volume),
        },
        at,
      )
    }

    function tickerReply(value: LosslessValue, frame: string, at: Micros | null): void {
      const { data } = checkTicker(value, frame)
      const id = data.pair.join(':')
      const stream = find(id, 'ticker:full', at)
      if (stream === undefined) return
      streams.ticker(
        stream,
        {
          exchangeTime: data.timestamp === undefined ? null : data.timestamp * 1_000_000,
          last: decimalOrNull(data.last),
          high: decimalOrNull(data.high),
          low: decimalOrNull(data.low),
          volume: decimalOrNull(data.volume),
          change: decimalOrNull(data.priceChange),
          bidPrice: decimalOrNull(data.bid),
          askPrice: decimalOrNull(data.ask),
        },
        at,
      )
    }

    // ── Asking ────────────────────────────────────────────────────────────────────────────────────────────────────

    function ask(stream: Stream, at: Micros | null): void {
      const { channel, instrument } = stream
      const pair = currenciesOf(instrument)
      if (needsLogin(channel) && login.refusal !== null) {
        streams.refuse(stream, `login: ${login.refusal}`, at)
        return
      }
      if (channel === 'book') {
        books.ask(stream)
        request('order-book-subscribe', stream, { pair, subscribe: true, depth: 0 })
      } else if (channel === 'ticker:full') {
        polls.add(pollKey(stream), at, () => request('ticker', stream, pair))
      } else if (channel === 'ticker') {
        if (!ticking) sink.send('{"e":"subscribe","rooms":["tickers"]}')
        ticking = true
        streams.ack(stream, at)
      } else rooms.join(stream, at)
    }

    function refused(e: string, oid: string | undefined, reason: string, at: Micros | null): void {
      if (e === 'auth') {
        login.refused(reason, at)
        return
      }
      const stream = asked.get(oid ?? '')
      if (stream === undefined) {
        streams.connection('refused', `${e}: ${reason}`, at)
        return
      }
      asked.delete(oid ?? '')
      if (/rate limit/i.test(reason)) {
        const waitMs = streams.refusals.refused(nameOf(e, stream), reason, at, { firstMs: RATE_LIMIT_MS })
        if (stream.channel === 'ticker:full') polls.delay(pollKey(stream), waitMs, at)
        if (stream.state === 'requested') streams.postpone(stream, waitMs, at)
      } else if (stream.state === 'leaving') streams.remove(stream)
      else {
        polls.drop(pollKey(stream))
        streams.refuse(stream, reason, at)
      }
    }

    function datum(
      e: string,
      oid: string | undefined,
      value: LosslessValue,
      frame: string,
      at: Micros | null,
    ): void {
      const known = rooms.frame(e, value, frame, at)
      if (known) return
      switch (e) {
        case 'md_update':
          books.update(value, frame, at)
          break
        case 'order-book-subscribe':
          books.snapshot(value, frame, at)
          break
        case 'order-book-unsubscribe': {
          const stream = asked.get(oid ?? '')
          if (stream?.state === 'leaving') streams.remove(stream)
          break
        }
        case 'tick':
          ticked(value, frame, at)
          break
        case 'ticker':
          tickerReply(value, frame, at)
          break
        case 'ping':
          sink.send('{"e":"pong"}')
          break
        case 'connected':
          login.greeted(at)
          break
        case 'auth':
          if (login.granted(value, frame)) watchPings(at)
          break
        case 'disconnecting':
        case 'disconnected': {
          const { reason } = checkGoodbye(value, frame)
          const said = reason === undefined ? e : `${e}: ${reason}`
          streams.connection('maintenance', said, at)
          sink.reconnect(`the venue says ${said}`)
          break
        }
        case 'pong':
          break
        default:
          if (PRIVATE.has(e)) break
          throw new DecodeError('unknown_message', `unknown event ${e}`, { path: ['e'], head: frame })
      }
      if (oid === undefined) return
      const stream = asked.get(oid)
      if (stream !== undefined) streams.refusals.forget(nameOf(e, stream))
      asked.delete(oid)
    }

    return {
      finished: () => books.finished(),
      opened(_info, at) {
        if (!init.adopt) login.opened(at)
      },
      subscribe(requested, at) {
        for (const stream of requested) ask(stream, at)
      },
      unsubscribe(leaving) {
        for (const stream of leaving) {
          if (stream.channel === 'book') {
            books.forget(stream)
            request('order-book-unsubscribe', stream, { pair: currenciesOf(stream.instrument) })
            continue
          }
          // A room cannot be left: what still comes of it is not read.
          polls.drop(pollKey(stream))
          streams.remove(stream)
        }
      },
      resubscribe(stream, at) {
        ask(streams.request({ instrument: stream.instrument, channel: stream.channel }, at), at)
      },
      frame(data, at) {
        heardAt = at
        const frame = typeof data === 'string' ? data : new TextDecoder().decode(data)
        const value = readLossless(frame)
        const { e, oid } = checkHead(value, frame)
        const error = errorText(value)
        if (error === null) datum(e, oid, value, frame, at)
        else refused(e, oid, error, at)
      },
      sent(frame, at) {
        const value = readLossless(frame)
        const { e } = checkHead(value, frame)
        if (e === 'subscribe' || e.startsWith('init-ohlcv')) rooms.joined(checkRooms(value, frame), at)
        else if (e === 'order-book-subscribe') books.asked(checkBookRequest(value, frame).data)
      },
      response(response, at) {
        if (!login.response(response, at)) rooms.response(response, at)
      },
    }
  }
}

/** A request as an event names it: `ticker of BTC/USD`. */
function nameOf(e: string, { instrument }: Stream): string {
  return `${e} of ${instrument.symbol}`
}

function pollKey({ channel, instrument }: Stream): string {
  return `${channel} ${instrument.instrument}`
}

function decimalOrNull(wire: string | undefined): string | null {
  return wire === undefined ? null : canonicalDecimal(wire)
}
