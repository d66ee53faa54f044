import type { Micros } from '../../schemas/events.js'
import type { SimulatedPeer } from '../../src/simulator/venue-simulator.js'
import { Delivery } from '../kit/delivery.js'
import { protocolFaults, SUBSCRIBE_FAULTS } from '../kit/pending-faults.js'
import { readObject, stringOf } from '../kit/requests.js'
import { SimulatedClient } from '../kit/simulated-client.js'
import type { SimulatedExchange } from '../kit/simulated-exchange.js'
import { longId, spoiltPrice } from '../kit/spoilt-values.js'
import { Subscriptions } from '../kit/subscriptions.js'
import type { BitstampMarket } from './market.js'

const SECOND = 1_000_000
const PING_MICROS = 54 * SECOND
const LATE_ACK_MICROS = 5 * SECOND
const MOST_CHANNELS = 1_024
const LONGEST_FRAME = 512

const CHANNELS =
  /^(live_trades|order_book|detail_order_book|diff_order_book|live_orders|funding_rate)_([a-z0-9]+(?:-perp)?)$/

/** Channels by whose silence a client can tell that it is not served. */
const TOLD = /^(?:diff_order_book|order_book)_/

/**
 * Everything that the venue can do wrong, and of its own: the REST book keeps a level that is gone and crosses it (`image-phantom`), is
 * older than the subscription (`image-stale`); one event of `live_orders` is left out (`chain-broken`).
 */
export const FAULTS = protocolFaults(
  [
    'maintenance',
    'snapshot-twice',
    'update-before-snapshot',
    'sequence-skipped',
    'sequence-reset',
    'checksum-wrong',
  ],
  ['image-phantom', 'image-stale', 'chain-broken'],
)
export const IMMEDIATE_FAULTS = [
  'reconnect-notice',
  'level-unknown',
  'book-crossed',
  'message-unknown',
  'chain-broken',
]

/** What a frame brings, for the faults that fit it. */
export type Kind = 'trade' | 'book' | 'order' | 'other'

/** One client of the simulated venue. */
export class BitstampClient extends SimulatedClient<BitstampMarket> {
  /** By the channel: `diff_order_book_btcusd`. */
  readonly #channels = new Subscriptions()
  readonly #trades = Delivery.ofTrades<string>(this.faults)
  readonly #books = Delivery.ofNumbered<string>(this.faults)

  constructor(exchange: SimulatedExchange<BitstampMarket>, peer: SimulatedPeer, maxAgeMicros: Micros) {
    super(exchange, peer)
    this.every(PING_MICROS, () => peer.ping())
    this.after(maxAgeMicros, () => this.cut())
  }

  /** Whether what a channel brings is to be sent. */
  hears(channel: string): boolean {
    return this.#channels.live(channel)
  }

  /** Sends a message of a channel, unless a fault has it otherwise. @param rest what stands beside event, channel and data */
  publish(kind: Kind, channel: string, event: string, data: string, rest = ''): void {
    const { faults } = this
    if (kind === 'book' && channel.startsWith('diff') && faults.take('update-lost')) return
    if (kind === 'order' && faults.take('chain-broken')) return
    const frame = `{"data":${kind === 'other' ? data : this.#spoilt(kind, data)},"channel":"${channel}","event":"${event}"${rest}}`
    if (kind === 'trade') for (const sent of this.#trades.pass(channel, frame)) this.send(sent)
    else if (kind === 'book') for (const sent of this.#books.pass(channel, frame)) this.send(sent)
    else this.send(frame)
  }

  override commit(name: string): boolean | null {
    if (name === 'reconnect-notice') {
      this.send('{"event":"bts:request_reconnect","channel":"","data":""}')
      return true
    }
    if (name === 'message-unknown') {
      this.send('{"data":{"sky":"clear"},"channel":"","event":"weather"}')
      return true
    }
    if (name === 'chain-broken') {
      const heard = [...this.#channels].some(([channel]) => channel.startsWith('live_orders'))
      return heard && this.faults.add(name, this.exchange.now)
    }
    if (name !== 'level-unknown' && name !== 'book-crossed') return null
    const market = [...this.exchange.listed.values()].find(({ id }) => this.hears(`diff_order_book_${id}`))
    const inside = market?.market.book.top(20).asks.at(-1)
    if (market === undefined || inside === undefined) return false
    const row = name === 'book-crossed' ? `["${inside[0]}","1.00000000"]` : '["999999999999","0.00000000"]'
    const [bids, asks] = name === 'book-crossed' ? [row, ''] : ['', row]
    const data = `{${times(this.exchange.clock.read())},"bids":[${bids}],"asks":[${asks}]}`
    this.send(`{"data":${data},"channel":"diff_order_book_${market.id}","event":"data"}`)
    return true
  }

  // ── Requests ────────────────────────────────────────────────────────────────────────────────────────────────────

  protected override request(text: string): void {
    if (text.length >= LONGEST_FRAME) return this.close(1009, 'read limited at 513 bytes')
    const request = readObject(text)
    const event = stringOf(request?.['event'])
    if (request === null || event === undefined) return this.#error('Incorrect JSON format.')
    if (event === 'bts:heartbeat') return this.#beat()
    const { data } = request
    const channel = typeof data === 'object' && data !== null && 'channel' in data ? data.channel : undefined
    if (typeof channel !== 'string') return this.#error('Incorrect JSON format.')
    if (/[A-Z/]/.test(channel)) return this.#error('Invalid channel provided.')
    if (!CHANNELS.test(channel)) return this.#error('Bad subscription string.')
    if (event === 'bts:subscribe') this.#subscribe(channel)
    else if (event === 'bts:unsubscribe') {
      this.#channels.delete(channel)
      this.#say('unsubscription_succeeded', channel, '{}')
    } else this.#error('Incorrect JSON format.')
  }

  /** A market that does not exist is granted like any other. */
  #subscribe(channel: string): void {
    const fault = this.faults.takeFirst(
      SUBSCRIBE_FAULTS.filter((name) => name !== 'ack-then-silence' || TOLD.test(channel)),
    )
    if (fault === 'ack-missing') return
    if (fault === 'ack-error') return this.#error('Bad subscription string.')
    const full = this.#channels.size >= MOST_CHANNELS && !this.#channels.has(channel)
    if (fault === 'limit-error' || full) return this.cut()
    this.#channels.set(channel, fault === 'ack-then-silence' ? 'mute' : 'live')
    const ack = () => this.#say('subscription_succeeded', channel, '{}')
    if (fault !== 'ack-late') return ack()
    this.after(LATE_ACK_MICROS, () => {
      if (this.#channels.has(channel)) ack()
    })
  }

  #beat(): void {
    if (this.faults.active('heartbeat-missing', this.exchange.now)) return
    this.#say('heartbeat', '', '{"status":"success"}')
  }

  #error(message: string): void {
    this.#say('error', '', `{"code":null,"message":"${message}"}`)
  }

  #say(event: string, channel: string, data: string): void {
    this.send(`{"event":"bts:${event}","channel":"${channel}","data":${data}}`)
  }

  #spoilt(kind: Kind, data: string): string {
    const { faults } = this
    let sent = data.replace(/("price_str":|\[)"([\d.]+)"/, (whole, before: string, price: string) => {
      const spoilt = spoiltPrice(faults, price)
      if (spoilt === price) return whole
      return spoilt === 'null' ? `${before}null` : `${before}"${spoilt}"`
    })
    if (kind === 'trade' && faults.take('id-long')) {
      sent = sent.replace(/"id":(\d+)/, (_whole, id: string) => `"id":${longId(id)}`)
    }
    if (faults.take('field-missing')) sent = sent.replace(/"microtimestamp":"\d+",?/, '')
    if (faults.take('field-new')) sent = sent.replace('{', '{"novelty":{"nested":[1]},')
    return sent
  }
}

/** Both times of a message. */
export function times(at: Micros): string {
  return `"timestamp":"${Math.floor(at / SECOND)}","microtimestamp":"${at}"`
}
