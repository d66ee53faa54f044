import type { Stream } from '../../src/session/index.js'
import type { Topic } from './topics.js'

/** A topic that is subscribed, and the streams that live from it: mostly one, all of the index of a pair. */
export interface Subscribed {
  readonly topic: Topic
  readonly streams: Stream[]
  /** The venue said ok. */
  granted: boolean
}

/** The topics of one connection. */
export class TopicTable {
  readonly #topics = new Map<string, Subscribed>()

  get(text: string): Subscribed | undefined {
    return this.#topics.get(text)
  }

  /** @returns the topic, and whether it is new: then it is to be asked for. */
  join(topic: Topic, stream: Stream): { readonly subscribed: Subscribed; readonly isNew: boolean } {
    const held = this.#topics.get(topic.text)
    if (held !== undefined) {
      if (!held.streams.includes(stream)) held.streams.push(stream)
      return { subscribed: held, isNew: false }
    }
    const subscribed = { topic, streams: [stream], granted: false }
    this.#topics.set(topic.text, subscribed)
    return { subscribed, isNew: true }
  }

  /** A topic that a log shows; without streams where it names no instrument. */
  learn(topic: Topic, streams: Stream[]): Subscribed {
    const subscribed = { topic, streams, granted: true }
    this.#topics.set(topic.text, subscribed)
    return subscribed
  }

  /** @returns whether nobody is left: then it is to be given up. */
  leave(text: string, stream: Stream): boolean {
    const held = this.#topics.get(text)
    if (held === undefined) return false
    const index = held.streams.indexOf(stream)
    if (index !== -1) held.streams.splice(index, 1)
    if (held.streams.length > 0) return false
    this.#topics.delete(text)
    return true
  }

  delete(text: string): Subscribed | undefined {
    const held = this.#topics.get(text)
    this.#topics.delete(text)
    return held
  }
}
