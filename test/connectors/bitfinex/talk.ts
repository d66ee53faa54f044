import { type BitfinexOptions, bitfinex } from '../../../connectors/bitfinex/index.js'
import type { Channel, Connector, Instrument, Subscription } from '../../../src/connector.js'
import type { StreamMemory } from '../../../src/session/index.js'
import { type Harness, harness } from '../../support/harness.js'

/** 2026-01-01, microseconds. */
export const T0 = Date.UTC(2026, 0, 1) * 1000
export const SECOND = 1_000_000

export const INFO = '{"event":"info","version":2,"serverId":"08c3ea49","platform":{"status":1}}'
export const CONF = '{"event":"conf","status":"OK","flags":229376}'

interface Sent {
  readonly event: string
  readonly channel?: string
  readonly symbol?: string
  readonly key?: string
  readonly prec?: string
  readonly len?: string
  readonly subId?: string
  readonly chanId?: number
  readonly flags?: number
}

/** The test as the venue: it speaks to one session, numbers its frames, and reads what the session sent. */
export class Talk {
  readonly connector: Connector
  readonly harness: Harness
  now = T0
  #sequence = 0

  constructor(options: BitfinexOptions = {}, kept: { memory?: StreamMemory; adopt?: boolean } = {}) {
    this.connector = bitfinex(options)
    this.harness = harness(this.connector, kept)
    this.harness.session.opened({ url: 'wss://venue', negotiated: null, attempt: 1 }, this.now)
  }

  /** Past the greeting, with numbers, times and checksums on. */
  greet(): this {
    return this.say(INFO).say(CONF)
  }

  /** One frame, as it is. */
  say(text: string): this {
    this.harness.session.frame(text, this.now)
    return this
  }

  /** One frame on a channel, with its number and time. */
  data(chanId: number, payload: string, time = this.now / 1000): this {
    return this.say(`[${chanId},${payload},${++this.#sequence},${time}]`)
  }

  /** A number is lost on the way. */
  lose(): this {
    this.#sequence++
    return this
  }

  wait(ms: number): this {
    this.now += ms * 1000
    this.harness.until(this.now)
    return this
  }

  instrument(symbol: string): Instrument {
    const instrument = this.connector.guess(symbol)
    if (instrument === null) throw new Error(`no rule gives ${symbol}`)
    return instrument
  }

  subscription(symbol: string, channel: Channel): Subscription {
    return { instrument: this.instrument(symbol), channel }
  }

  subscribe(symbol: string, ...channels: Channel[]): this {
    const wanted = channels.map((channel) => this.subscription(symbol, channel))
    this.harness.session.subscribe(wanted, this.now)
    return this
  }

  unsubscribe(symbol: string, channel: Channel): this {
    this.harness.session.unsubscribe([this.subscription(symbol, channel)], this.now)
    return this
  }

  /** What the engine does with the resubscribes that the session asked for. */
  resubscribe(): this {
    for (const subscription of this.harness.resubscribes.splice(0)) {
      this.harness.session.resubscribe(subscription, this.now)
    }
    return this
  }

  /** Everything sent since the last call. */
  sent(): Sent[] {
    return this.harness.sent.splice(0).map((frame) => JSON.parse(frame) as Sent)
  }

  /** Grants the oldest subscribe that was sent, in the venue's words. */
  ack(chanId: number): this {
    const sent = this.sent().filter(({ event }) => event === 'subscribe')
    const [first, ...others] = sent
    if (first === undefined) throw new Error('nothing was subscribed')
    this.harness.sent.push(...others.map((frame) => JSON.stringify(frame)))
    return this.say(JSON.stringify({ ...first, event: 'subscribed', chanId }))
  }

  /** Subscribes and grants. */
  open(symbol: string, channel: Channel, chanId: number): this {
    return this.subscribe(symbol, channel).ack(chanId)
  }

  of<T extends Parameters<Harness['of']>[0]>(type: T) {
    return this.harness.of(type)
  }

  book(symbol: string, channel: Channel = 'book') {
    return this.harness.memory.record(this.instrument(symbol).instrument, channel).book
  }
}
