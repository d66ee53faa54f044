import type { Micros } from '../../schemas/events.js'
import type { Subscription } from '../connector.js'
import type { SessionKit } from '../session/session.js'
import { type Stream, streamName } from '../session/stream.js'
import { type TopicState, topicAfter } from './topic-steps.js'

/** Streams of one topic time out together: what was asked for within this is not asked for again. */
const ASKED_JUST_NOW_MS = 1000

/** Something that a venue lets a client subscribe to, on one connection, and the streams that it feeds. */
export interface Topic<Data> {
  /** As the venue's frames name it, or as its fields together do: `trades BTC-USD`. */
  readonly name: string
  readonly state: TopicState
  /** Those that need it now. */
  readonly streams: ReadonlySet<Stream>
  /** What the venue keeps of it. */
  readonly data: Data
}

/** How a venue's topics are named and asked for. */
export interface TopicRules<Data> {
  /** The topics that a stream needs, in the order in which they are asked for. */
  of(stream: Stream): readonly string[]
  /**
   * What is kept of a topic; called when it becomes known.
   *
   * @throws {DecodeError} where a recording names one that the venue cannot have.
   */
  open(name: string): Data
  /**
   * The streams that a recording shows under a topic, by its ack or its data.
   *
   * @param instrument the one that a datum is of, where the topic is of many
   */
  shown(topic: Topic<Data>, instrument?: string): readonly Subscription[]
  /** Sends the frames that ask for topics, or give them up. Not called in a recording. */
  send(op: 'subscribe' | 'unsubscribe', topics: readonly Topic<Data>[], at: Micros | null): void
  /** The most topics in one request; asked before each. @default 1 */
  readonly topicsARequest?: () => number
  /** Whether the venue confirms an unsubscribe: `ended` of {@link Topics} is called for it. @default true */
  readonly confirms?: boolean
  /**
   * One request of a topic at a time: an unsubscribe goes out when the subscribe before it has its answer, and the next subscribe when the
   * unsubscribe is confirmed. For a venue that names a topic by what it granted. @default false, at once
   */
  readonly inTurn?: boolean
  /** A topic that is granted is given up before it is asked for again; so is one without an answer yet. @default false */
  readonly leavesUnanswered?: boolean
  /** A topic goes out to be asked for: what was kept of it is of another time. */
  asked?(topic: Topic<Data>): void
  /** A stream has the last of its topics. @default `streams.ack` */
  granted?(stream: Stream, at: Micros | null): void
  /** A stream that was granted at once, because its topics are here already. */
  joined?(stream: Stream, topics: readonly Topic<Data>[], at: Micros | null): void
  /** A stream is given up, or begins anew. */
  forget?(stream: Stream): void
}

interface Held<Data> extends Topic<Data> {
  state: TopicState
  readonly streams: Set<Stream>
  askedAt: Micros | null
}

/**
 * The topics of one connection: asked for once however many streams need them, granted, refused, given up when no stream needs them. A
 * stream is granted with the last of its topics. `subscribe`, `unsubscribe` and `resubscribe` are those of a `Protocol`; the venue
 * says what its answers mean with `granted`, `refused`, `postpone` and `ended`, and finds the streams of its data with `find`.
 *
 * What is not answered is asked for again by the deadline of the stream (`StreamPolicy.ackTimeoutMs`). In a recording topics become known by
 * their acks and data, and nothing is sent.
 */
export class Topics<Data> {
  readonly #kit: SessionKit
  readonly #rules: TopicRules<Data>
  readonly #topics = new Map<string, Held<Data>>()

  constructor(kit: SessionKit, rules: TopicRules<Data>) {
    this.#kit = kit
    this.#rules = rules
  }

  /** A topic that is known already. */
  get(name: string): Topic<Data> | undefined {
    return this.#topics.get(name)
  }

  values(): IterableIterator<Topic<Data>> {
    return this.#topics.values()
  }

  /** The topic of an ack or a datum: undefined where nobody asked for it. A recording makes it known. */
  find(name: string, at: Micros | null): Topic<Data> | undefined {
    const held = this.#topics.get(name)
    if (!this.#kit.init.adopt || (held !== undefined && held.streams.size > 0)) return held
    const topic = held ?? this.#opened(name, 'granted')
    for (const { instrument, channel } of this.#rules.shown(topic)) {
      topic.streams.add(this.#kit.streams.adopt(instrument, channel, at))
    }
    topic.state = 'granted'
    // A name behind which nothing stands is not kept: a recording may hold any number of them.
    if (topic.streams.size > 0) this.#topics.set(name, topic)
    return topic
  }

  /** The streams of one instrument behind a topic that is of many. */
  streamsOf(name: string, instrument: string, at: Micros | null): Stream[] {
    const { init, streams } = this.#kit
    if (!init.adopt) {
      const held = [...(this.#topics.get(name)?.streams ?? [])]
      return held.filter((stream) => stream.instrument.instrument === instrument)
    }
    const topic = this.#topics.get(name) ?? this.#open(name, 'granted')
    const shown = this.#rules.shown(topic, instrument)
    const adopted = shown.map((each) => streams.adopt(each.instrument, each.channel, at))
    for (const stream of adopted) topic.streams.add(stream)
    return adopted
  }

  // ── What the engine asks for ────────────────────────────────────────────────────────────────────────────────────

  subscribe(streams: readonly Stream[], at: Micros | null): void {
    const unasked = new Set<Held<Data>>()
    for (const stream of streams) {
      for (const name of this.#rules.of(stream)) {
        const known = this.#topics.get(name)
        const topic = known ?? this.#open(name, 'waiting')
        topic.streams.add(stream)
        const free = topic.state === 'leaving' && this.#rules.inTurn !== true
        if (topic.state === 'waiting' || free) unasked.add(topic)
      }
    }
    this.#ask([...unasked], at)
    for (const stream of streams) {
      if (!this.#grant(stream, at)) continue
      const topics = this.#rules.of(stream).flatMap((name) => this.#topics.get(name) ?? [])
      this.#rules.joined?.(stream, topics, at)
    }
  }

  unsubscribe(streams: readonly Stream[], at: Micros | null): void {
    const left: Held<Data>[] = []
    for (const stream of streams) {
      this.#rules.forget?.(stream)
      this.#kit.streams.remove(stream)
      left.push(...this.#release(stream))
    }
    this.#send('unsubscribe', left, at)
  }

  /** All streams of the topics begin anew with them. */
  resubscribe(stream: Stream, at: Micros | null): void {
    const topics = this.#rules.of(stream).map((name) => this.#topics.get(name) ?? this.#open(name, 'waiting'))
    for (const topic of topics) topic.streams.add(stream)
    if (stream.state === 'requested' && topics.every((topic) => this.#askedJustNow(topic, at))) return
    for (const each of new Set(topics.flatMap((topic) => [...topic.streams]))) this.#request(each, at)
    for (const topic of topics) {
      if (this.#rules.inTurn === true && topic.state !== 'waiting' && topic.state !== 'asked') {
        if (topic.state === 'granted') this.#giveUp(topic, at)
        continue
      }
      const unanswered = topic.state === 'asked' && this.#rules.leavesUnanswered === true
      if (topic.state === 'granted' || unanswered) this.#send('unsubscribe', [topic], at)
      this.#ask([topic], at)
    }
  }

  // ── What the venue answers ──────────────────────────────────────────────────────────────────────────────────────

  /** The venue granted a topic, or sends data where that is as good as an ack. */
  granted(name: string, at: Micros | null): Topic<Data> | undefined {
    const topic = this.find(name, at)
    if (topic === undefined) return undefined
    const held = topic as Held<Data>
    held.state = topicAfter(held.state, 'granted')
    const unwanted = this.#rules.inTurn === true && !this.#kit.init.adopt && held.streams.size === 0
    if (unwanted && held.state === 'granted') this.#giveUp(held, at)
    for (const stream of held.streams) this.#grant(stream, at)
    return topic
  }

  /**
   * The venue refused a topic, or takes back what it granted: its streams are given up, and with them the other topics that only they needed.
   *
   * @param full the connection has as many topics as the venue allows: another one is asked. @default false
   * @returns false where no topic of the name is asked for or granted.
   */
  refused(name: string, reason: string, at: Micros | null, full = false): boolean {
    const topic = this.#topics.get(name)
    if (topic === undefined || topic.state === 'leaving') return false
    this.#topics.delete(name)
    const left: Held<Data>[] = []
    for (const stream of topic.streams) {
      this.#rules.forget?.(stream)
      this.#kit.streams.refuse(stream, reason, at, full)
      left.push(...this.#release(stream))
    }
    this.#send('unsubscribe', left, at)
    return true
  }

  /**
   * The venue refuses a topic for now: the reason is emitted once, and its streams ask again, ever later.
   *
   * @returns false where no answer to the topic was due.
   */
  postpone(name: string, reason: string, at: Micros | null): boolean {
    const topic = this.#topics.get(name)
    if (topic?.state !== 'asked') return false
    topic.state = topicAfter(topic.state, 'put off')
    const { streams } = this.#kit
    for (const stream of topic.streams) {
      streams.postpone(stream, streams.refusals.refused(streamName(stream), reason, at), at)
    }
    return true
  }

  /** Asks again, after a wait, for those of these topics that have no answer by then; until then none is overdue. */
  askLater(topics: readonly Topic<Data>[], waitMs: number, at: Micros | null): void {
    if (at === null) return
    for (const { streams } of topics) for (const stream of streams) this.#request(stream, at + waitMs * 1000)
    const names = topics.map(({ name }) => name)
    this.#kit.alarms.set(`ask ${names.join(' ')}`, at, waitMs, (now) => this.askAgain(names, now))
  }

  /** Asks again for those of these topics that have no answer yet. */
  askAgain(names: readonly string[], at: Micros | null): void {
    const held = names.flatMap((name) => this.#topics.get(name) ?? [])
    this.#ask(
      held.filter(({ state }) => state === 'asked'),
      at,
    )
  }

  /**
   * An unsubscribe was confirmed. Of a topic that stands, two requests overtook each other, or the venue ended it: it is asked for again.
   * In a recording its streams are over.
   */
  ended(name: string, at: Micros | null): void {
    const { init, streams } = this.#kit
    const topic = this.#topics.get(name)
    if (topic === undefined) return
    if (topic.state === 'leaving' && topic.streams.size > 0) {
      for (const stream of topic.streams) this.#request(stream, at)
      this.#ask([topic], at)
      return
    }
    if (topic.state === 'leaving' || init.adopt) this.#topics.delete(name)
    for (const stream of topic.streams) {
      if (init.adopt) {
        this.#rules.forget?.(stream)
        streams.remove(stream)
        this.#release(stream)
      } else if (topic.state === 'granted') {
        streams.resync(stream, 'stale', 'the venue ended the subscription', at)
      }
    }
  }

  // ── Inside ──────────────────────────────────────────────────────────────────────────────────────────────────────

  #open(name: string, state: TopicState): Held<Data> {
    const topic = this.#opened(name, state)
    this.#topics.set(name, topic)
    return topic
  }

  #opened(name: string, state: TopicState): Held<Data> {
    return { name, state, streams: new Set(), askedAt: null, data: this.#rules.open(name) }
  }

  #giveUp(topic: Held<Data>, at: Micros | null): void {
    topic.state = topicAfter(topic.state, 'given up')
    this.#send('unsubscribe', [topic], at)
  }

  /** By the deadline of another of its streams. */
  #askedJustNow({ state, streams, askedAt }: Held<Data>, at: Micros | null): boolean {
    if (state !== 'asked' || streams.size < 2 || askedAt === null || at === null) return false
    return this.#kit.alarms.elapsedMs(askedAt, at) < ASKED_JUST_NOW_MS
  }

  #ask(topics: readonly Held<Data>[], at: Micros | null): void {
    for (const topic of topics) {
      topic.state = topicAfter(topic.state, 'asked')
      topic.askedAt = at
      this.#rules.asked?.(topic)
    }
    this.#send('subscribe', topics, at)
  }

  #send(op: 'subscribe' | 'unsubscribe', topics: readonly Held<Data>[], at: Micros | null): void {
    if (this.#kit.init.adopt) return
    const size = this.#rules.topicsARequest?.() ?? 1
    for (let start = 0; start < topics.length; start += size) {
      this.#rules.send(op, topics.slice(start, start + size), at)
    }
  }

  /** A stream begins anew. */
  #request(stream: Stream, at: Micros | null): void {
    const { streams } = this.#kit
    this.#rules.forget?.(stream)
    streams.leave(stream)
    streams.request({ instrument: stream.instrument, channel: stream.channel }, at)
  }

  /** @returns whether the stream was granted now. */
  #grant(stream: Stream, at: Micros | null): boolean {
    if (stream.state !== 'requested') return false
    if (this.#rules.of(stream).some((name) => this.#topics.get(name)?.state !== 'granted')) return false
    this.#kit.streams.refusals.forget(streamName(stream))
    if (this.#rules.granted === undefined) this.#kit.streams.ack(stream, at)
    else this.#rules.granted(stream, at)
    return true
  }

  /** @returns the topics of a stream that no stream needs any more: to be given up at the venue. */
  #release(stream: Stream): Held<Data>[] {
    const left: Held<Data>[] = []
    for (const name of this.#rules.of(stream)) {
      const topic = this.#topics.get(name)
      if (topic === undefined || !topic.streams.delete(stream) || topic.streams.size > 0) continue
      // Its answer is awaited, to give it up then.
      if (topic.state === 'asked' && this.#rules.inTurn === true) continue
      if (topic.state !== 'waiting') left.push(topic)
      topic.state = topicAfter(topic.state, 'given up')
      if (topic.state !== 'leaving' || this.#rules.confirms === false) this.#topics.delete(name)
    }
    return left
  }
}
