import {
  confEvent,
  confRequest,
  errorEvent,
  eventFrame,
  heartbeatFrame,
  infoEvent,
  subscribedEvent,
  unsubscribedEvent,
} from '../../schemas/bitfinex.js'
import type { Micros } from '../../schemas/events.js'
import type { Instrument } from '../../src/connector.js'
import { checker, type LosslessValue, readLossless } from '../../src/decode/index.js'
import { DecodeError } from '../../src/errors.js'
import { type Protocol, RestBackfills, type SessionKit, type Stream } from '../../src/session/index.js'
import { ConnectionCounter } from '../../src/venue/connection-counter.js'
import { streamFinder } from '../../src/venue/stream-finder.js'
import { bookReader } from './books.js'
import { type ChannelTopic, ChannelTopics } from './channel-topics.js'
import { answers, order } from './channels.js'
import { EarlyFrames } from './early-frames.js'
import {
  type ChannelReader,
  type DataFrame,
  FLAGS,
  naturalNumber,
  readAccountFrame,
  readFrame,
  unknownMessage,
  WANTED_FLAGS,
} from './frames.js'
import { channelNamed, type FrameName, NAMED_BOOK_LENGTH, nameBehind } from './named-frames.js'
import type { ResolvedOptions } from './options.js'
import { candleReader, derivativeReader, liquidationReader, tickerReader, tradeReader } from './readers.js'
import { instrumentByRule } from './symbols.js'
import { bitfinexTradeHistory } from './trade-history.js'

const checkEvent = checker(eventFrame)
const checkInfo = checker(infoEvent)
const checkConf = checker(confEvent)
const checkSubscribed = checker(subscribedEvent)
const checkUnsubscribed = checker(unsubscribedEvent)
const checkError = checker(errorEvent)
const checkHeartbeat = checker(heartbeatFrame)
const checkConfRequest = checker(confRequest)

/** The greeting and the answer to `conf` are each due within this. */
const GREETING_MS = 15_000
/** Data on a channel whose ack does not come within this is an error: longer than a second subscribe and the wait for a late ack take. */
const ACK_OF_EARLY_MS = 50_000
/** The channel of an account on an authenticated socket: not public, and nothing to be put on a tape. */
const ACCOUNT = 0

/** Codes of `info` events. */
const INFO = { restarting: 20_051, maintenanceBegins: 20_060, maintenanceOver: 20_061 } as const

/** The protocol of one connection to Bitfinex: greeting, `conf`, then channels whose frames share one counter. */
export function bitfinexProtocol(kit: SessionKit, options: ResolvedOptions): Protocol {
  const { init, sink, streams, alarms, guard } = kit
  const find = streamFinder(kit, instrumentByRule)
  const early = new EarlyFrames()
  /** Numbers on which a log has data and no ack. */
  const abandoned = new Set<number>()
  const backfills = new RestBackfills(kit, bitfinexTradeHistory(init.endpoint.rest))
  const channels = new ChannelTopics(kit, options, {
    readerOf,
    bound,
    instrumentOf,
    forget: (stream) => backfills.forget(stream),
  })
  /** What `conf` was acked with; null in a log until it shows. */
  let flags: number | null = init.adopt ? null : 0
  /** Whether a log shows the answer to `conf`, and so the connection from its beginning. */
  let configuredInLog = false
  const counter = new ConnectionCounter(kit, order, 1)
  /** Channels of a log whose frames say themselves what they are, by number and name. */
  const named = new Map<string, ChannelTopic>()
  let greeted = false
  /** Whether a log holds frames of several connections as one. Their numbers say nothing together. */
  let mixed = false

  return {
    opened(_info, at) {
      if (init.adopt) sink.ready()
      else alarms.set('greeting', at, GREETING_MS, () => sink.reconnect('no greeting from the server'))
    },
    subscribe: (asked, at) => channels.topics.subscribe(asked, at),
    unsubscribe: (leaving, at) => channels.topics.unsubscribe(leaving, at),
    resubscribe: (stream, at) => channels.resubscribe(stream, at),
    frame(data, at) {
      if (typeof data !== 'string') unknownMessage('a binary frame', '')
      const value = readLossless(data)
      if (Array.isArray(value)) array(value, data, at)
      else event(value, data, at)
    },
    /** Of interest where the recorder wrote down no ack of `conf`. */
    sent(text) {
      const value = readLossless(text)
      if (checkEvent(value, text).event === 'conf') flags = checkConfRequest(value, text).flags
    },
    response: (response, at) => backfills.response(response, at),
    closed: (_info, at) => giveUpAll(at),
    finished: giveUpAll,
  }

  // ── Array frames ──────────────────────────────────────────────────────────────────────────────────────────────────

  function array(value: LosslessValue[], text: string, at: Micros | null): void {
    const chanId = typeof value[0] === 'string' ? naturalNumber(value[0]) : -1
    if (chanId === -1) unknownMessage('an array frame without a channel', text)
    if (chanId === ACCOUNT) {
      const { sequence } = readAccountFrame(value, text, flags, at)
      if (sequence !== null) counter.take(naturalNumber(sequence), at)
      return
    }
    const name = init.adopt ? nameBehind(value) : null
    const data = readFrame(name === null ? value : value.slice(0, -2), text, flags, at)
    if (data.sequence !== null && (name === null || provable(data.sequence)))
      counter.take(naturalNumber(data.sequence), at)
    const channel = name === null ? channels.get(chanId) : namedChannel(chanId, name, data)
    if (channel === undefined) unbound(chanId, data)
    else read(channel, data)
  }

  /**
   * Whether the numbers of named frames can show a loss: only where the log has the connection's own `conf`, and nothing speaks
   * for several connections in one log. A file that was filtered by channel or symbol has holes in its numbers that are none.
   */
  function provable(sequence: string): boolean {
    if (counter.last !== null && naturalNumber(sequence) <= counter.last) mixed = true
    return configuredInLog && !mixed
  }

  /** The channel of a frame of a log that says what it is. */
  function namedChannel(chanId: number, name: FrameName, { text, at }: DataFrame): ChannelTopic {
    const key = `${chanId} ${name.channel} ${name.symbol}`
    const known = named.get(key)
    if (known !== undefined) return known
    const said = channelNamed(name)
    const bound = channels.get(chanId)
    if (bound !== undefined && answers(said, bound.data.wire)) {
      named.set(key, bound)
      return bound
    }
    const channel = channels.shown({ ...said, chanId, len: NAMED_BOOK_LENGTH }, text, at, true)
    named.set(key, channel)
    return channel
  }

  function read(channel: ChannelTopic, data: DataFrame): void {
    const head = data.value[1]
    if (head === 'hb') checkHeartbeat(data.value, data.text)
    if (channel.state !== 'granted') return
    if (typeof head !== 'string') channels.reader(channel).rows(data)
    else if (head !== 'hb') channels.reader(channel).tagged(head, data)
    else for (const stream of channel.streams) streams.touch(stream, data.at)
  }

  /** A channel that is not known yet: its pulse says nothing, the rest waits for the ack. */
  function unbound(chanId: number, data: DataFrame): void {
    if (data.value[1] === 'hb') return
    if (abandoned.has(chanId)) {
      sink.unused?.({ cause: 'unknown_channel', frames: 1 })
      return
    }
    if (!early.add(chanId, data)) return
    alarms.set(`early ${chanId}`, data.at, ACK_OF_EARLY_MS, (now) => giveUp(chanId, now))
  }

  function giveUp(chanId: number, at: Micros | null): void {
    const waited = early.take(chanId)
    if (waited === null) return
    const { frames, lost } = waited
    if (init.adopt) {
      abandoned.add(chanId)
      sink.unused?.({ cause: 'unknown_channel', frames: frames.length + lost })
    }
    const [first] = frames
    if (first === undefined) return
    const what = `data on channel ${chanId}, which was never acked`
    // Counted above as what it is, where a log is read.
    const error = new DecodeError('unknown_message', what, { path: [], head: first.text })
    streams.malformed(error, first.text, init.adopt ? at : first.at)
  }

  function giveUpAll(at: Micros | null): void {
    for (const chanId of early.ids()) giveUp(chanId, at)
  }

  /** What came before the ack is read now, in its order and with its own times. */
  function bound(channel: ChannelTopic, chanId: number): void {
    abandoned.delete(chanId)
    alarms.clear(`early ${chanId}`)
    const waited = early.take(chanId)
    if (waited === null) return
    for (const data of waited.frames) guard(data.text, data.at, () => read(channel, data))
    if (waited.lost === 0) return
    const detail = `${waited.lost} frame(s) came before the ack and found no room`
    const last = waited.frames.at(-1)?.at ?? null
    for (const stream of channel.streams) streams.resync(stream, 'overflow', detail, last)
  }

  // ── Events ────────────────────────────────────────────────────────────────────────────────────────────────────────

  function event(value: LosslessValue, text: string, at: Micros | null): void {
    const { event: kind } = checkEvent(value, text)
    switch (kind) {
      case 'subscribed':
        channels.subscribed(checkSubscribed(value, text), text, at)
        return
      case 'unsubscribed':
        channels.unsubscribed(checkUnsubscribed(value, text).chanId, at)
        named.clear()
        return
      case 'error':
        channels.refused(checkError(value, text), at)
        return
      case 'conf':
        configured(checkConf(value, text), at)
        return
      case 'info': {
        const info = checkInfo(value, text)
        if (info.version !== undefined) greeting(info.version, info.platform?.status, at)
        else announced(info.code, info.msg ?? '', text, at)
        return
      }
      // Of a client that logged in: not public, and no market data.
      case 'auth':
      case 'unauth':
      case 'pong':
        return
      default:
        unknownMessage(`the unknown event ${kind}`, text)
    }
  }

  function greeting(version: string, status: number | undefined, at: Micros | null): void {
    if (version !== '2') {
      streams.connection('refused', `the server speaks version ${version} of the protocol, not 2`, at)
      if (!init.adopt) sink.reconnect('the server speaks another protocol', { afterMs: 60_000 })
      return
    }
    if (status === 0) streams.connection('maintenance', 'the platform is in maintenance', at)
    mixed ||= greeted
    greeted = true
    if (init.adopt) return
    alarms.set('greeting', at, GREETING_MS, () => sink.reconnect('no answer to conf'))
    sink.send(JSON.stringify({ event: 'conf', flags: WANTED_FLAGS }))
  }

  function configured(answer: { status: string; flags?: number | undefined }, at: Micros | null): void {
    if (answer.status === 'OK') {
      flags = answer.flags ?? (init.adopt ? flags : WANTED_FLAGS)
    } else {
      flags = 0
      streams.connection('refused', `conf: ${answer.status}; frames are neither numbered nor signed`, at)
    }
    configuredInLog = true
    if (init.adopt) return
    alarms.clear('greeting')
    sink.ready()
  }

  function announced(code: number | undefined, message: string, text: string, at: Micros | null): void {
    switch (code) {
      case INFO.restarting:
        if (!init.adopt) sink.reconnect(`the server restarts: ${message}`, { planned: true })
        return
      case INFO.maintenanceBegins:
        streams.connection('maintenance', message, at)
        streams.gapAll('stale', 'maintenance: what comes is not reliable', at)
        return
      case INFO.maintenanceOver:
        streams.connection('ready', message, at)
        streams.gapAll('stale', 'maintenance is over: everything is asked for again', at)
        for (const stream of streams.values()) {
          if (stream.state === 'acked' || stream.state === 'live') streams.resubscribe(stream)
        }
        return
      default:
        unknownMessage(`info with the unknown code ${code}`, text)
    }
  }

  // ── Streams ───────────────────────────────────────────────────────────────────────────────────────────────────────

  function readerOf([stream]: readonly Stream[], depth: number, amid: boolean): ChannelReader {
    switch (stream?.kind) {
      case 'trade':
        return tradeReader(backfills, stream)
      case 'ticker':
        return tickerReader(streams, stream)
      case 'candle':
        return candleReader(streams, stream)
      case 'derivative':
        return derivativeReader(streams, stream)
      case 'book':
      case 'order': {
        const bulk = () => flags !== null && (flags & FLAGS.bulk) !== 0
        return bookReader({ streams, stream, depth, amid, bulk })
      }
      default:
        return liquidationReader(streams, (symbol, at) => find(symbol, 'liquidation', at) ?? null)
    }
  }

  function instrumentOf(symbol: string): Instrument | null {
    return init.instruments.get(symbol) ?? instrumentByRule(symbol)
  }
}
