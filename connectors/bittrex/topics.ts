import type { Stream } from '../../src/session/index.js'
import { topicOf } from './channels.js'

/** `asked`: a Subscribe is under way. `leaving`: an Unsubscribe is; a new Subscribe waits for its reply, since the hub may work on both at once. */
type TopicState = 'asked' | 'granted' | 'leaving'

interface Topic {
  state: TopicState
  /** The streams that want it. */
  readonly streams: Set<Stream>
  /** The streams that gave it up and wait for the reply. */
  readonly left: Set<Stream>
}

/** The topics of one connection and the streams that each carries: streams of all markets share one, and so do the two views of a ticker. */
export class Topics {
  readonly #topics = new Map<string, Topic>()

  /** A stream wants its topic. @returns whether the hub sends it already. */
  join(stream: Stream): boolean {
    const topic = this.#topics.get(topicOf(stream))
    topic?.left.delete(stream)
    topic?.streams.add(stream)
    return topic?.state === 'granted'
  }

  /** The topics of these streams that nobody asked for yet; asked from here on. */
  toAsk(streams: readonly Stream[]): string[] {
    const names = new Set<string>()
    for (const stream of streams) {
      const name = topicOf(stream)
      if (this.#topics.has(name)) continue
      this.#topics.set(name, { state: 'asked', streams: new Set(), left: new Set() })
      names.add(name)
    }
    for (const stream of streams) this.#topics.get(topicOf(stream))?.streams.add(stream)
    return [...names]
  }

  /** The topic of a stream, to be asked for whatever its state. */
  again(stream: Stream): string[] {
    const name = topicOf(stream)
    const topic = this.#topics.get(name)
    if (topic === undefined) return this.toAsk([stream])
    topic.state = 'asked'
    topic.left.delete(stream)
    topic.streams.add(stream)
    return [name]
  }

  granted(stream: Stream): boolean {
    return this.#topics.get(topicOf(stream))?.state === 'granted'
  }

  /** The hub granted it. @returns who wanted it. */
  grant(name: string): readonly Stream[] {
    const topic = this.#topics.get(name)
    if (topic?.state !== 'asked') return []
    topic.state = 'granted'
    return [...topic.streams]
  }

  /** The hub refused it. @returns who wanted it. */
  refuse(name: string): readonly Stream[] {
    const streams = [...(this.#topics.get(name)?.streams ?? [])]
    this.#topics.delete(name)
    return streams
  }

  /** A stream gives its topic up. @returns the topic where it was the last to want it, else null. */
  leave(stream: Stream): string | null {
    const name = topicOf(stream)
    const topic = this.#topics.get(name)
    if (topic === undefined) return null
    topic.streams.delete(stream)
    if (topic.streams.size > 0) return null
    topic.left.add(stream)
    if (topic.state === 'leaving') return null
    topic.state = 'leaving'
    return name
  }

  /** The reply to an Unsubscribe came. @returns who had left, and the topic where somebody wants it again. */
  gone(name: string): { readonly left: readonly Stream[]; readonly again: readonly string[] } {
    const topic = this.#topics.get(name)
    if (topic?.state !== 'leaving') return { left: [], again: [] }
    const left = [...topic.left]
    topic.left.clear()
    if (topic.streams.size === 0) {
      this.#topics.delete(name)
      return { left, again: [] }
    }
    topic.state = 'asked'
    return { left, again: [name] }
  }
}
