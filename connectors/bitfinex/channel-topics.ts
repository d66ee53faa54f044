import type { ErrorEvent, SubscribedEvent } from '../../schemas/bitfinex.js'
import type { Micros } from '../../schemas/events.js'
import type { Channel, Instrument, Subscription } from '../../src/connector.js'
import type { SessionKit, Stream } from '../../src/session/index.js'
import { type Topic, Topics } from '../../src/venue/topics.js'
import { ackedStream, answers, LIQUIDATIONS, type WireChannel, wireChannel, wireName } from './channels.js'
import { type ChannelReader, unknownMessage } from './frames.js'
import type { ResolvedOptions } from './options.js'

/** `unsubscribed` is due within this, else the connection is replaced. */
const LEAVE_MS = 15_000
/** The venue says that a channel is subscribed already: the ack of that is due within this, else the connection is replaced. */
const LATE_ACK_MS = 15_000

/** Channels of one connection, however many the venue acks: it grants 36, and a recording may hold more. */
const MOST_CHANNELS = 1_000

/** Codes of `error` events that do not refuse a subscription. */
const ERROR = {
  duplicate: 10_301,
  channelLimit: 10_305,
  unsubscribeFailed: 10_400,
  notSubscribed: 10_401,
} as const

/** A channel of the venue on this connection. All liquidations share one; every other stream has its own. */
interface VenueChannel {
  readonly wire: WireChannel
  /** Of a recording: the number that it has there, as several may be of the same name. */
  readonly shownAs?: number
  /** A recording shows it by its frames alone. */
  readonly amid?: boolean
  /** Made anew with each subscribe. */
  reader: ChannelReader | null
  chanId: number | null
}

export type ChannelTopic = Topic<VenueChannel>

export interface ChannelHooks {
  /** The reader of a channel with these streams; `depth` is the length of a book, `amid` that a log shows it by its frames alone. */
  readerOf(members: readonly Stream[], depth: number, amid: boolean): ChannelReader
  /** A channel got its number: what came on it before is to be read now. */
  bound(topic: ChannelTopic, chanId: number): void
  instrumentOf(symbol: string): Instrument | null
  forget(stream: Stream): void
}

/**
 * The venue's channels of one connection. Acks and errors come late and out of order: they are paired by our `subId`, by the number of
 * the channel, or by what they name.
 */
export class ChannelTopics {
  readonly topics: Topics<VenueChannel>
  readonly #kit: SessionKit
  readonly #options: ResolvedOptions
  readonly #hooks: ChannelHooks
  readonly #byChanId = new Map<number, ChannelTopic>()
  readonly #bySubId = new Map<string, string>()
  #subscribes = 0

  constructor(kit: SessionKit, options: ResolvedOptions, hooks: ChannelHooks) {
    this.#kit = kit
    this.#options = options
    this.#hooks = hooks
    this.topics = new Topics<VenueChannel>(kit, {
      of: ({ instrument, channel }) => [JSON.stringify({ wire: wireChannel(instrument, channel, options) })],
      open: (name) => ({ ...JSON.parse(name), reader: null, chanId: null }),
      shown: (topic) => this.#shown(topic),
      send: (op, [topic], at) => topic !== undefined && this.#send(op, topic, at),
      inTurn: true,
      asked: ({ data }) => {
        data.reader = null
      },
      forget: (stream) => hooks.forget(stream),
    })
  }

  /** The channel of a number, once it is known. */
  get(chanId: number): ChannelTopic | undefined {
    return this.#byChanId.get(chanId)
  }

  reader({ data, streams }: ChannelTopic): ChannelReader {
    const { wire, shownAs, amid = false } = data
    const length = shownAs === undefined ? this.#options.bookLength : Number(wire.len ?? 25)
    data.reader ??= this.#hooks.readerOf([...streams], length, amid)
    return data.reader
  }

  /** A fresh snapshot on the same connection. */
  resubscribe(stream: Stream, at: Micros | null): void {
    const topic = [...this.topics.values()].find(({ streams }) => streams.has(stream))
    if (topic === undefined || stream.state === 'leaving') return
    const { streams, alarms } = this.#kit
    if (topic.state === 'asked' && alarms.has(lateAck(topic))) {
      for (const member of topic.streams) streams.request(member, at)
    } else if (topic.state === 'asked' && stream.kind === 'derivative' && stream.tries > 1) {
      const reason = 'no answer, which is how the venue treats a contract that it does not know'
      this.#refused(topic, reason, at)
    } else this.topics.resubscribe(stream, at)
  }

  // ── Answers ───────────────────────────────────────────────────────────────────────────────────────────────────────

  subscribed(ack: SubscribedEvent, text: string, at: Micros | null): void {
    if (this.#byChanId.has(ack.chanId)) return
    if (this.#byChanId.size >= MOST_CHANNELS) {
      unknownMessage(`an ack beyond ${MOST_CHANNELS} channels on one connection`, text)
    }
    const waiting = this.#waiting(ack)
    if (waiting !== null) this.#bind(waiting, ack.chanId, at)
    else if (this.#kit.init.adopt) this.shown(ack, text, at)
    else this.#leaveUnasked(ack, at)
  }

  /** A recording shows a channel, by its ack or by frames that name it. A number that stood for another was of another connection. */
  shown(ack: SubscribedEvent, text: string, at: Micros | null, amid = false): ChannelTopic {
    const said = ackedStream(ack, this.#options)
    if (said === null) unknownMessage(`an ack of the unknown channel ${ack.channel}`, text)
    if (said.symbol !== null && this.#hooks.instrumentOf(said.symbol) === null) {
      unknownMessage(`an ack of the unknown symbol ${said.symbol}`, text)
    }
    const { channel, key, prec, freq, len, chanId } = ack
    const symbol = key === undefined ? said.symbol : ack.symbol
    const wire = said.symbol === null ? LIQUIDATIONS : { channel, symbol, key, prec, freq, len }
    const topic = this.topics.find(JSON.stringify({ wire, shownAs: chanId, amid }), at)
    if (topic === undefined) unknownMessage(`an ack of the unknown channel ${channel}`, text)
    this.#bind(topic, chanId, at)
    return topic
  }

  unsubscribed(chanId: number, at: Micros | null): void {
    const topic = this.#byChanId.get(chanId)
    if (topic === undefined) return
    this.#kit.alarms.clear(`leave ${chanId}`)
    this.#forget(topic)
    this.topics.ended(topic.name, at)
  }

  refused(error: ErrorEvent, at: Micros | null): void {
    const code = error.code ?? null
    const { chanId } = error
    if ((code === ERROR.unsubscribeFailed || code === ERROR.notSubscribed) && chanId !== undefined) {
      this.unsubscribed(chanId, at)
      return
    }
    if (code === ERROR.duplicate && this.#duplicate(error, at)) return
    const topic = this.#waiting(error)
    const reason = `${code ?? ''} ${error.msg ?? ''}`.trim()
    if (topic?.state === 'asked') {
      this.#refused(topic, reason, at, code === ERROR.channelLimit)
      return
    }
    const about = wireName({ ...error, channel: error.channel ?? '' }).trim()
    this.#kit.streams.connection('refused', about === '' ? reason : `${about}: ${reason}`, at)
  }

  // ── Inside ────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The streams of a channel of a recording. A client may hold one book at two lengths: the second is a stream of its own. */
  #shown({ data: { wire, amid } }: ChannelTopic): readonly Subscription[] {
    const { channel: name, prec, freq, len } = wire
    const said = ackedStream(wire, this.#options)
    const instrument = said?.symbol == null ? null : this.#hooks.instrumentOf(said.symbol)
    if (said === null || instrument === null) return []
    const taken =
      name === 'book' && !amid && this.#kit.streams.get(instrument.instrument, said.channel) !== undefined
    const apart: Channel = `${prec === 'R0' ? 'order' : 'book'}:${prec}:${freq}:${len}`
    return [{ instrument, channel: taken ? apart : said.channel }]
  }

  /**
   * An earlier subscribe has worked, whether or not its ack was seen. The venue does not say the channel's number (a gateway may),
   * so that its ack is awaited: it may be late, and it may be lost.
   *
   * @returns false where it speaks of a channel that nobody here asked for.
   */
  #duplicate(error: ErrorEvent, at: Micros | null): boolean {
    const { chanId } = error
    if (chanId !== undefined && this.#byChanId.has(chanId)) return true
    const topic = this.#waiting(error) ?? this.#named(error)
    if (topic === null) return false
    if (topic.state !== 'asked') return true
    if (chanId !== undefined) this.#bind(topic, chanId, at)
    else this.#awaitAck(topic, at)
    return true
  }

  #awaitAck(topic: ChannelTopic, at: Micros | null): void {
    const { init, alarms, sink } = this.#kit
    if (init.adopt || alarms.has(lateAck(topic))) return
    alarms.set(lateAck(topic), at, LATE_ACK_MS, () => {
      if (topic.state === 'asked' && topic.streams.size > 0) {
        sink.reconnect(
          `the ack of ${wireName(topic.data.wire)} is lost: the venue says that it is subscribed`,
        )
      }
    })
  }

  /** The channel that a reply speaks of: by the id that we gave it, else by what it names. */
  #waiting(reply: ErrorEvent | SubscribedEvent): ChannelTopic | null {
    const known = this.topics.get(this.#bySubId.get(reply.subId ?? '') ?? '')
    return known ?? this.#named(reply, 'asked')
  }

  /** The channel that a reply without a known id names. */
  #named(reply: ErrorEvent | SubscribedEvent, state?: ChannelTopic['state']): ChannelTopic | null {
    if (reply.channel === undefined) return null
    for (const topic of this.topics.values()) {
      if ((state === undefined || topic.state === state) && answers(reply, topic.data.wire)) return topic
    }
    return null
  }

  #bind(topic: ChannelTopic, chanId: number, at: Micros | null): void {
    this.#kit.alarms.clear(lateAck(topic))
    topic.data.chanId = chanId
    this.#byChanId.set(chanId, topic)
    this.topics.granted(topic.name, at)
    this.#hooks.bound(topic, chanId)
  }

  /** An ack of what nobody wants any more: the channel is given up at once, and what comes on it is dropped. */
  #leaveUnasked({ channel, chanId }: SubscribedEvent, at: Micros | null): void {
    const data = { wire: { channel }, reader: null, chanId }
    const topic: ChannelTopic = { name: '', state: 'leaving', streams: new Set(), data }
    this.#byChanId.set(chanId, topic)
    this.#send('unsubscribe', topic, at)
    this.#hooks.bound(topic, chanId)
  }

  #send(op: 'subscribe' | 'unsubscribe', topic: ChannelTopic, at: Micros | null): void {
    const { sink, alarms } = this.#kit
    const { wire, chanId } = topic.data
    if (op === 'subscribe') {
      const subId = `tw${++this.#subscribes}`
      this.#bySubId.set(subId, topic.name)
      sink.send(JSON.stringify({ event: op, ...wire, subId }))
      return
    }
    alarms.set(`leave ${chanId}`, at, LEAVE_MS, () => sink.reconnect('no answer to an unsubscribe'))
    sink.send(JSON.stringify({ event: op, chanId }))
  }

  /** @param full the connection has as many channels as the venue grants: the stream may go to another */
  #refused(topic: ChannelTopic, reason: string, at: Micros | null, full = false): void {
    this.#forget(topic)
    this.topics.refused(topic.name, reason, at, full)
  }

  /** What was known of it under its number and our ids. */
  #forget(topic: ChannelTopic): void {
    this.#kit.alarms.clear(lateAck(topic))
    if (topic.data.chanId !== null) this.#byChanId.delete(topic.data.chanId)
    topic.data.chanId = null
    for (const [subId, name] of this.#bySubId) if (name === topic.name) this.#bySubId.delete(subId)
  }
}

function lateAck({ data }: ChannelTopic): string {
  return `late ack ${wireName(data.wire)}`
}
