import type { ErrorEvent, SubscribedEvent } from '../../schemas/bitfinex.js'
import type { Micros } from '../../schemas/events.js'
import type { SessionKit, Stream } from '../../src/session/index.js'
import { answers, type WireChannel, wireChannel, wireName } from './channels.js'
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

/**
 * `requested`: asked for. `open`: acked. `leaving`: given up, what still comes is dropped. `abandoned`: given up before the
 * ack, which is awaited to give it up properly.
 */
export type ChannelState = 'requested' | 'open' | 'leaving' | 'abandoned'

/** A channel of the venue on this connection. All liquidations share one; every other stream has its own. */
export interface VenueChannel {
  readonly wire: WireChannel
  readonly streams: Set<Stream>
  readonly reader: ChannelReader
  state: ChannelState
  chanId: number | null
  /** Subscribe again once it has been left. */
  again: boolean
}

export interface ChannelHooks {
  /** The reader of a channel with these streams; `depth` is the length of a book, `amid` that a log shows it by its frames alone. */
  readerOf(members: readonly Stream[], depth: number, amid?: boolean): ChannelReader
  /** A channel got its number: what came on it before is to be read now. */
  bound(channel: VenueChannel, chanId: number, at: Micros | null): void
  /** A log shows a channel that nobody asked for here. */
  adopt(ack: SubscribedEvent, text: string, at: Micros | null): VenueChannel
}

/**
 * The venue's channels of one connection: subscribes and unsubscribes, and the acks and errors that answer them, which come
 * late and out of order.
 */
export class VenueChannels {
  readonly #kit: SessionKit
  readonly #options: ResolvedOptions
  readonly #hooks: ChannelHooks
  readonly #byName = new Map<string, VenueChannel>()
  readonly #byChanId = new Map<number, VenueChannel>()
  readonly #bySubId = new Map<string, VenueChannel>()
  #subscribes = 0

  constructor(kit: SessionKit, options: ResolvedOptions, hooks: ChannelHooks) {
    this.#kit = kit
    this.#options = options
    this.#hooks = hooks
  }

  /** The channel of a number, once it is known. */
  get(chanId: number): VenueChannel | undefined {
    return this.#byChanId.get(chanId)
  }

  // ── Asking ────────────────────────────────────────────────────────────────────────────────────────────────────────

  subscribe(asked: readonly Stream[], at: Micros | null): void {
    for (const stream of asked) {
      const wire = wireChannel(stream.instrument, stream.channel, this.#options)
      const held = this.#byName.get(wireName(wire))
      if (held === undefined) {
        this.#request(this.open(wire, [stream], this.#options.bookLength))
        continue
      }
      held.streams.add(stream)
      if (held.state === 'open') this.#kit.streams.ack(stream, at)
      else if (held.state === 'leaving') held.again = true
      else held.state = 'requested'
    }
  }

  unsubscribe(leaving: readonly Stream[], at: Micros | null): void {
    for (const stream of leaving) {
      const channel = this.#channelOf(stream)
      if (channel !== undefined && channel.streams.size === 1) {
        channel.again = false
        this.#leave(channel, at)
        continue
      }
      channel?.streams.delete(stream)
      this.#kit.streams.remove(stream)
    }
  }

  /** A fresh snapshot on the same connection: unsubscribe, wait until that is confirmed, subscribe. */
  resubscribe(stream: Stream, at: Micros | null): void {
    const channel = this.#channelOf(stream)
    if (channel === undefined || stream.state === 'leaving') return
    const { streams } = this.#kit
    if (channel.state === 'requested') {
      if (this.#kit.alarms.has(lateAck(channel))) {
        for (const member of channel.streams) streams.request(member, at)
        return
      }
      if (stream.kind === 'derivative' && stream.tries > 1) {
        this.#refuse(channel, 'no answer, which is how the venue treats a contract that it does not know', at)
        return
      }
      for (const member of channel.streams) streams.request(member, at)
      this.#request(channel)
      return
    }
    channel.again = true
    for (const member of channel.streams) streams.leave(member)
    this.#leave(channel, at)
  }

  /** A channel that is asked for, or that a log shows; `amid` where its frames alone show it. */
  open(wire: WireChannel, members: readonly Stream[], depth: number, amid = false): VenueChannel {
    const channel: VenueChannel = {
      wire,
      streams: new Set(members),
      reader: this.#hooks.readerOf(members, depth, amid),
      state: 'requested',
      chanId: null,
      again: false,
    }
    this.#byName.set(wireName(wire), channel)
    return channel
  }

  // ── Answers ───────────────────────────────────────────────────────────────────────────────────────────────────────

  subscribed(ack: SubscribedEvent, text: string, at: Micros | null): void {
    if (this.#byChanId.has(ack.chanId)) return
    if (this.#byChanId.size >= MOST_CHANNELS) {
      unknownMessage(`an ack beyond ${MOST_CHANNELS} channels on one connection`, text)
    }
    const { adopt } = this.#kit.init
    const waiting = this.#waiting(ack)
    if (waiting !== null) this.#bind(waiting, ack.chanId, at)
    else if (adopt) this.#bind(this.#hooks.adopt(ack, text, at), ack.chanId, at)
    else this.#leaveUnasked(ack, at)
  }

  /** A log shows a channel by a frame that names it. A number that stood for another channel was of another connection. */
  shown(channel: VenueChannel, chanId: number, at: Micros | null): void {
    this.#bind(channel, chanId, at)
  }

  unsubscribed(chanId: number, at: Micros | null): void {
    const channel = this.#byChanId.get(chanId)
    if (channel === undefined) return
    const { streams, init, alarms } = this.#kit
    alarms.clear(`leave ${chanId}`)
    this.#forget(channel)
    if (!channel.again || init.adopt) {
      for (const stream of channel.streams) streams.remove(stream)
      return
    }
    const members = [...channel.streams].map((stream) => streams.request(stream, at))
    this.#request(this.open(channel.wire, members, this.#options.bookLength))
  }

  refused(error: ErrorEvent, at: Micros | null): void {
    const code = error.code ?? null
    const { chanId } = error
    if ((code === ERROR.unsubscribeFailed || code === ERROR.notSubscribed) && chanId !== undefined) {
      this.unsubscribed(chanId, at)
      return
    }
    if (code === ERROR.duplicate && this.#duplicate(error, at)) return
    const channel = this.#waiting(error)
    const settled = channel === null || channel.state === 'open' || channel.state === 'leaving'
    const reason = `${code ?? ''} ${error.msg ?? ''}`.trim()
    if (channel !== null && !settled) {
      this.#refuse(channel, reason, at, code === ERROR.channelLimit)
      return
    }
    const about = wireName({ ...error, channel: error.channel ?? '' }).trim()
    this.#kit.streams.connection('refused', about === '' ? reason : `${about}: ${reason}`, at)
  }

  // ── Inside ────────────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * An earlier subscribe has worked, whether or not its ack was seen. The venue does not say the channel's number (a gateway may),
   * so that its ack is awaited: it may be late, and it may be lost.
   *
   * @returns false where it speaks of a channel that nobody here asked for.
   */
  #duplicate(error: ErrorEvent, at: Micros | null): boolean {
    const { chanId } = error
    if (chanId !== undefined && this.#byChanId.has(chanId)) return true
    const channel = this.#waiting(error) ?? this.#named(error)
    if (channel === null) return false
    if (channel.state === 'open' || channel.state === 'leaving') return true
    if (chanId !== undefined) this.#bind(channel, chanId, at)
    else this.#awaitAck(channel, at)
    return true
  }

  #awaitAck(channel: VenueChannel, at: Micros | null): void {
    const { init, alarms, sink } = this.#kit
    if (init.adopt || alarms.has(lateAck(channel))) return
    alarms.set(lateAck(channel), at, LATE_ACK_MS, () => {
      if (channel.state === 'requested') {
        sink.reconnect(`the ack of ${wireName(channel.wire)} is lost: the venue says that it is subscribed`)
      }
    })
  }

  #channelOf(stream: Stream): VenueChannel | undefined {
    for (const channel of this.#byName.values()) if (channel.streams.has(stream)) return channel
    return undefined
  }

  /** The channel that a reply speaks of: by the id that we gave it, else by what it names. */
  #waiting(reply: ErrorEvent | SubscribedEvent): VenueChannel | null {
    const known = reply.subId === undefined ? undefined : this.#bySubId.get(reply.subId)
    if (known !== undefined) return known
    if (reply.channel === undefined) return null
    for (const channel of this.#byName.values()) {
      const pending = channel.state === 'requested' || channel.state === 'abandoned'
      if (pending && answers(reply, channel.wire)) return channel
    }
    return null
  }

  /** The channel that a reply without a known id names, whatever its state. */
  #named(reply: ErrorEvent): VenueChannel | null {
    if (reply.channel === undefined) return null
    for (const channel of this.#byName.values()) if (answers(reply, channel.wire)) return channel
    return null
  }

  #request(channel: VenueChannel): void {
    const subId = `tw${++this.#subscribes}`
    this.#bySubId.set(subId, channel)
    this.#send({ event: 'subscribe', ...channel.wire, subId })
  }

  #bind(channel: VenueChannel, chanId: number, at: Micros | null): void {
    const { state } = channel
    this.#kit.alarms.clear(lateAck(channel))
    channel.chanId = chanId
    channel.state = 'open'
    this.#byChanId.set(chanId, channel)
    if (state === 'abandoned') this.#leave(channel, at)
    else for (const stream of channel.streams) this.#kit.streams.ack(stream, at)
    this.#hooks.bound(channel, chanId, at)
  }

  #leave(channel: VenueChannel, at: Micros | null): void {
    if (channel.state === 'requested') channel.state = 'abandoned'
    if (channel.state !== 'open') return
    channel.state = 'leaving'
    this.#kit.alarms.set(`leave ${channel.chanId}`, at, LEAVE_MS, () => {
      this.#kit.sink.reconnect('no answer to an unsubscribe')
    })
    this.#send({ event: 'unsubscribe', chanId: channel.chanId })
  }

  /** An ack that comes after the wish has gone: the channel is left at once. */
  #leaveUnasked(ack: SubscribedEvent, at: Micros | null): void {
    const { channel: name, symbol, key, prec, freq, len } = ack
    const channel: VenueChannel = {
      wire: { channel: name, symbol, key, prec, freq, len },
      streams: new Set(),
      reader: this.#hooks.readerOf([], 0),
      state: 'abandoned',
      chanId: null,
      again: false,
    }
    this.#bind(channel, ack.chanId, at)
  }

  /** @param full the connection has as many channels as the venue grants: the stream may go to another */
  #refuse(channel: VenueChannel, reason: string, at: Micros | null, full = false): void {
    this.#forget(channel)
    for (const stream of channel.streams) {
      if (channel.state === 'abandoned') this.#kit.streams.remove(stream)
      else this.#kit.streams.refuse(stream, reason, at, full)
    }
  }

  #forget(channel: VenueChannel): void {
    this.#kit.alarms.clear(lateAck(channel))
    const name = wireName(channel.wire)
    if (this.#byName.get(name) === channel) this.#byName.delete(name)
    if (channel.chanId !== null) this.#byChanId.delete(channel.chanId)
    for (const [subId, held] of this.#bySubId) if (held === channel) this.#bySubId.delete(subId)
  }

  #send(message: object): void {
    if (!this.#kit.init.adopt) this.#kit.sink.send(JSON.stringify(message))
  }
}

function lateAck({ wire }: VenueChannel): string {
  return `late ack ${wireName(wire)}`
}
