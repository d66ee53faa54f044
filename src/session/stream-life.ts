import type { Micros } from '../../schemas/events.js'
import { channelSpec } from '../channel-spec.js'
import type { Channel, ChannelSpec, Instrument, SessionInit, Sink, Subscription } from '../connector.js'
import { DecodeError, TapewireError } from '../errors.js'
import type { Alarms } from './alarms.js'
import type { StreamMemory } from './memory.js'
import {
  alarmOf,
  isLog,
  labelsOf,
  type Stream,
  type StreamPolicy,
  splitChannel,
  streamKey,
  streamName,
} from './stream.js'
import type { StreamEvents } from './stream-events.js'
import type { StreamGaps } from './stream-gaps.js'
import { streamAfter } from './stream-steps.js'

/** Resubscribes of one stream before the socket itself is held to be the fault. */
const TRIES_A_CONNECTION = 3
/** Streams that the frames of one recorded connection may show. */
const MOST_ADOPTED = 20_000

/**
 * The life of streams: asked for, granted, live, left; and what is overdue in it: an answer, the first datum, the next one.
 * What is overdue is asked for again, and after several tries in vain the socket is replaced.
 */
export class StreamLife {
  readonly #venue: string
  readonly #channels: readonly ChannelSpec[]
  readonly #policy: Required<StreamPolicy>
  readonly #init: SessionInit
  readonly #memory: StreamMemory
  readonly #sink: Sink
  readonly #alarms: Alarms
  readonly #gaps: StreamGaps
  readonly #events: StreamEvents
  readonly #streams = new Map<string, Stream>()
  /** Streams whose cadence alarm is set; asked with every frame, and cheaper than the alarm by its name. */
  readonly #timed = new Set<Stream>()

  constructor(
    venue: string,
    channels: readonly ChannelSpec[],
    policy: Required<StreamPolicy>,
    init: SessionInit,
    memory: StreamMemory,
    sink: Sink,
    alarms: Alarms,
    gaps: StreamGaps,
    events: StreamEvents,
  ) {
    this.#venue = venue
    this.#channels = channels
    this.#policy = policy
    this.#init = init
    this.#memory = memory
    this.#sink = sink
    this.#alarms = alarms
    this.#gaps = gaps
    this.#events = events
  }

  request({ instrument, channel }: Subscription, at: Micros | null): Stream {
    const stream = this.#open(instrument, channel)
    this.#alarms.set(alarmOf('ack', stream), at, this.#policy.ackTimeoutMs, () => {
      this.#again(stream, `no answer to the subscribe of ${streamName(stream)}`)
    })
    return stream
  }

  ack(stream: Stream, at: Micros | null, backfilled: boolean): void {
    if (stream.state !== 'requested') return
    stream.state = streamAfter(stream.state, 'granted')
    stream.record.acked = at
    this.#memory.granted(stream.instrument, stream.channel, at)
    this.#alarms.clear(alarmOf('ack', stream))
    this.#announce(stream, at)
    if (!stream.spec.snapshot) {
      if (isLog(stream.kind) && !backfilled) this.#gaps.close(stream, false, at)
      return
    }
    this.#alarms.set(alarmOf('first', stream), at, this.#policy.firstDatumMs, (now) => {
      const reason = `${streamName(stream)} was granted and stays silent`
      if (this.#policy.silentGrant === 'say' && stream.tries + 1 >= TRIES_A_CONNECTION) {
        this.#events.connection('refused', reason, now)
      } else this.#again(stream, reason)
    })
  }

  postpone(stream: Stream, waitMs: number, at: Micros | null): void {
    this.#silence(stream)
    if (!this.#init.adopt) {
      this.#alarms.set(alarmOf('ack', stream), at, waitMs, () => this.#gaps.resubscribe(stream))
    }
  }

  excuse(stream: Stream): void {
    for (const watched of ['ack', 'first'] as const) this.#alarms.clear(alarmOf(watched, stream))
  }

  adopt(instrument: Instrument, channel: Channel, at: Micros | null): Stream {
    const held = this.get(instrument.instrument, channel)
    if (held !== undefined && held.state !== 'leaving') return held
    if (held === undefined && this.#streams.size >= MOST_ADOPTED) {
      throw new DecodeError('unknown_message', `more than ${MOST_ADOPTED} streams on one connection`, {
        path: [],
        head: streamKey(instrument.instrument, channel),
      })
    }
    const stream = this.#open(instrument, channel)
    this.ack(stream, at, false)
    return stream
  }

  leave(stream: Stream): void {
    stream.state = streamAfter(stream.state, 'given up')
    this.#silence(stream)
  }

  remove(stream: Stream): void {
    this.#silence(stream)
    const key = streamKey(stream.instrument.instrument, stream.channel)
    if (this.#streams.get(key) === stream) this.#streams.delete(key)
  }

  removeAll(): void {
    this.#streams.clear()
  }

  get(instrument: string, channel: Channel): Stream | undefined {
    return this.#streams.get(streamKey(instrument, channel))
  }

  values(): IterableIterator<Stream> {
    return this.#streams.values()
  }

  /** The socket is held to be the fault. Never in a log. */
  reconnect(reason: string): void {
    if (!this.#init.adopt) this.#sink.reconnect(reason)
  }

  /** A datum came. */
  alive(stream: Stream, at: Micros | null): void {
    const { record } = stream
    record.lastData = at
    record.seen = true
    if (stream.state === 'live') return
    if (stream.state === 'requested') this.ack(stream, at, false)
    stream.state = streamAfter(stream.state, 'datum')
    if (stream.state !== 'live') return
    stream.tries = 0
    this.#alarms.clear(alarmOf('first', stream))
    this.touch(stream, at)
  }

  /** One alarm a stream, moved only when it goes off: re-arming it with every frame would cost more than the frame. */
  touch(stream: Stream, at: Micros | null): void {
    const { cadenceMs } = stream.spec
    if (cadenceMs === null || this.#init.adopt || at === null) return
    stream.record.lastData = at
    if (!this.#timed.has(stream)) this.#armCadence(stream, cadenceMs, at, cadenceMs)
  }

  #armCadence(stream: Stream, cadenceMs: number, from: Micros, delayMs: number): void {
    this.#timed.add(stream)
    this.#alarms.set(alarmOf('cadence', stream), from, delayMs, (now) => {
      this.#timed.delete(stream)
      if (stream.state !== 'live') return
      const idleMs = this.#alarms.elapsedMs(stream.record.lastData ?? now, now)
      if (idleMs < cadenceMs) {
        this.#armCadence(stream, cadenceMs, now, cadenceMs - idleMs)
        return
      }
      this.#gaps.open(stream, 'stale', `nothing for ${Math.round(idleMs)} ms`, now)
      this.#again(stream, `${streamName(stream)} went stale`)
    })
  }

  #open(instrument: Instrument, channel: Channel): Stream {
    const { kind, variant } = splitChannel(channel)
    const key = streamKey(instrument.instrument, channel)
    const held = this.#streams.get(key)
    if (held !== undefined) {
      held.state = streamAfter(held.state, 'asked')
      return held
    }
    // A log may know so little of an instrument that its market is a guess.
    const spec =
      channelSpec(this.#channels, channel, instrument.market) ??
      this.#channels.find((candidate) => candidate.kind === kind)
    if (spec === undefined) {
      throw new TapewireError('internal', `the venue ${this.#venue} declares no channel ${kind}`)
    }
    const stream: Stream = {
      instrument,
      channel,
      kind,
      variant,
      labels: labelsOf(this.#venue, instrument, channel),
      spec,
      record: this.#memory.record(instrument.instrument, channel),
      state: 'requested',
      tries: 0,
      audited: false,
      mismatches: 0,
    }
    this.#streams.set(key, stream)
    return stream
  }

  #again(stream: Stream, reason: string): void {
    if (this.#init.adopt) return
    stream.tries++
    if (stream.tries < TRIES_A_CONNECTION) this.#gaps.resubscribe(stream)
    else this.reconnect(reason)
  }

  #silence(stream: Stream): void {
    this.#timed.delete(stream)
    for (const watched of ['ack', 'first', 'cadence'] as const) this.#alarms.clear(alarmOf(watched, stream))
  }

  #announce(stream: Stream, at: Micros | null): void {
    const instrument = this.#init.instruments.get(stream.instrument.instrument)
    if (instrument === undefined || stream.kind === 'instrument') return
    if (this.#memory.announce(instrument.instrument)) {
      this.#events.instrument(instrument, 'instrument', { exchangeTime: null, receiveTime: at })
    }
  }
}
