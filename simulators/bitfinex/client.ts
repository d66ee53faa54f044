import { FLAGS } from '../../connectors/bitfinex/frames.js'
import type { Micros } from '../../schemas/events.js'
import type { SeededRandom } from '../../src/simulator/random.js'
import type { SimulatedPeer } from '../../src/simulator/venue-simulator.js'
import { Delivery } from '../kit/delivery.js'
import { uuid } from '../kit/ids.js'
import { SimulatedClient } from '../kit/simulated-client.js'
import type { ChannelSink, Nature } from './channel-sink.js'
import { type GrantedChannel, grant } from './channels.js'
import type { BitfinexInstrument } from './instrument.js'
import { type ClientRequest, readRequest } from './requests.js'
import type { BitfinexVenue } from './venue.js'

/** Channels that the venue granted a connection in September 2026. */
const CHANNELS = 36
const GREETING_MICROS = 1_000
const PULSE_MICROS = 15_000_000
/** A socket without channels whose client is silent is cut after this. */
const IDLE_MICROS = 60_000_000

/** The two that are known and whose effect nobody has verified (decimals and times as strings) are granted without one. */
const KNOWN_FLAGS = 8 + 32 + FLAGS.timestamp + FLAGS.sequence + FLAGS.checksum + FLAGS.bulk

interface OpenChannel {
  readonly chanId: number
  readonly granted: GrantedChannel
  /** Null before the ack, and for good where it is to bring nothing. */
  stop: (() => void) | null
  state: 'granted' | 'open' | 'mute' | 'left'
  /** By a fault its ack comes late or never, and no answer names its number before. */
  readonly unacked: boolean
}

/** One client of the simulated venue. */
export class BitfinexClient extends SimulatedClient<BitfinexInstrument> {
  readonly #venue: BitfinexVenue
  readonly #random: SeededRandom
  readonly #channels = new Map<number, OpenChannel>()
  readonly #frames: Delivery<string>
  #nextChannel: number
  #flags = 0
  #sequence = 0
  #receivedAt: Micros

  constructor(venue: BitfinexVenue, peer: SimulatedPeer) {
    super(venue.exchange, peer)
    this.#venue = venue
    this.#random = venue.exchange.random.fork()
    this.#frames = Delivery.ofNumbered(this.faults)
    this.#nextChannel = this.#random.integer(1_000, 400_000)
    this.#receivedAt = venue.exchange.now
    this.after(GREETING_MICROS, () => this.#greet())
    this.after(this.#random.integer(1_000_000, PULSE_MICROS), () => this.#pulse())
    this.after(IDLE_MICROS, () => this.#idle())
  }

  override commit(name: string): boolean | null {
    switch (name) {
      case 'reconnect-notice':
        this.send('{"event":"info","code":20051,"msg":"Stopping. Please try to reconnect"}')
        this.after(1_000_000, () => this.close(1012, 'restarting'))
        return true
      case 'message-unknown':
        this.send('{"event":"weather","sky":"clear"}')
        return true
      case 'unknown-channel':
        this.#frame(this.#nextChannel++, '"hb"')
        return true
      case 'snapshot-twice':
      case 'level-unknown':
      case 'book-crossed':
        return this.#spoilBook(name)
      default:
        return null
    }
  }

  /** Maintenance began, and lasts so long. */
  maintained(micros: number): void {
    this.send('{"event":"info","code":20060,"msg":"Entering in Maintenance mode. Please pause any activity"}')
    this.after(micros, () => {
      this.send('{"event":"info","code":20061,"msg":"Maintenance ended. You can resume normal activity"}')
    })
  }

  // ── Requests ──────────────────────────────────────────────────────────────────────────────────────────────────────

  protected override request(text: string): void {
    this.#receivedAt = this.exchange.now
    const request = readRequest(text)
    if (request === null) return
    switch (request.event) {
      case 'conf':
        return this.#conf(request.flags ?? 0)
      case 'subscribe':
        return this.#subscribe(request)
      case 'unsubscribe':
        return this.#unsubscribe(request)
      case 'ping': {
        const cid = request.cid === undefined ? '' : `,"cid":${JSON.stringify(request.cid)}`
        return this.send(`{"event":"pong","ts":${this.exchange.clock.ms()}${cid}}`)
      }
      default:
        this.#refuse(request, 10_000, `event: invalid (${request.event})`)
    }
  }

  #conf(flags: number): void {
    const granted = Number.isInteger(flags) && flags >= 0 && (flags & ~KNOWN_FLAGS) === 0
    if (granted) this.#flags = flags
    this.send(`{"event":"conf","status":"${granted ? 'OK' : 'FAILED'}","flags":${flags}}`)
  }

  #subscribe(request: ClientRequest): void {
    const { faults } = this
    if (faults.take('ack-missing')) return
    if (faults.take('ack-error')) return this.#refuse(request, 10_300, 'subscribe: failed')
    if (faults.take('limit-error') || this.#channels.size >= CHANNELS) {
      return this.#refuse(request, 10_305, 'subscribe: limit')
    }
    const answer = grant(this.#venue, request)
    if ('refused' in answer) {
      if (answer.refused !== null) this.#refuse(request, answer.refused.code, answer.refused.msg)
      return
    }
    const { granted } = answer
    for (const held of this.#channels.values()) {
      if (held.granted.name !== granted.name) continue
      return this.#refuse(request, 10_301, 'subscribe: dup', held.unacked ? undefined : held.chanId)
    }
    const chanId = this.#nextChannel
    this.#nextChannel += this.#random.integer(1, 9)
    const subId = request.subId === undefined ? '' : `"subId":${JSON.stringify(request.subId)},`
    const ack = `{"event":"subscribed","channel":"${request.channel}","chanId":${chanId},${subId}${granted.ack}}`
    this.#acknowledge(chanId, granted, ack)
  }

  /** Acks of books take longer, which is how acks come out of order. The snapshot follows at once. */
  #acknowledge(chanId: number, granted: GrantedChannel, ack: string): void {
    const delay = this.#random.integer(0, granted.book ? 30_000 : 4_000)
    const late = this.#lateness()
    const channel: OpenChannel = { chanId, granted, stop: null, state: 'granted', unacked: late !== null }
    this.#channels.set(chanId, channel)
    if (late !== null) {
      this.after(delay, () => this.#begin(channel))
      if (Number.isFinite(late)) this.after(late, () => this.send(ack))
      return
    }
    const mute = this.faults.take('ack-then-silence')
    this.after(delay, () => {
      if (channel.state === 'left') return
      this.send(ack)
      if (mute) channel.state = 'mute'
      else this.#begin(channel)
    })
  }

  /** By how much a fault delays an ack of a channel that is served already: for good, or past a client's patience. */
  #lateness(): number | null {
    if (this.faults.take('ack-late')) return 5_000_000
    if (this.faults.take('ack-after-retry')) return 35_000_000
    return this.faults.take('ack-lost') ? Number.POSITIVE_INFINITY : null
  }

  #begin(channel: OpenChannel): void {
    if (channel.state !== 'granted') return
    channel.state = 'open'
    channel.stop = channel.granted.begin(this.#sink(channel))
  }

  #unsubscribe(request: ClientRequest): void {
    const channel = this.#channels.get(request.chanId ?? -1)
    if (channel === undefined) {
      return this.#refuse(request, 10_400, 'unsubscribe: invalid', request.chanId)
    }
    // What is on its way still comes before the answer.
    this.after(this.#random.integer(0, 5_000), () => {
      this.#leave(channel)
      this.send(`{"event":"unsubscribed","status":"OK","chanId":${channel.chanId}}`)
    })
  }

  #refuse(request: ClientRequest, code: number, msg: string, chanId?: number): void {
    const { channel, symbol, prec, freq, len, key, subId } = request
    const pair = symbol === undefined ? undefined : symbol.replace(/^t/, '')
    const about = { channel, chanId, symbol, prec, freq, len, key, pair, subId }
    this.send(JSON.stringify({ event: 'error', msg, code, ...about }))
  }

  // ── Frames ────────────────────────────────────────────────────────────────────────────────────────────────────────

  #sink(channel: OpenChannel): ChannelSink {
    const client = this
    return {
      faults: this.faults,
      get flags() {
        return client.#flags
      },
      get suspended() {
        return client.#venue.inMaintenance
      },
      push: (payload, nature, tag) => this.#push(channel, payload, nature, tag),
      later: (delayMs, run) =>
        this.after(delayMs * 1000, () => {
          if (channel.state === 'open') run()
        }),
      random: (low, high) => this.#random.integer(low, high),
    }
  }

  #push({ chanId, state }: OpenChannel, payload: string, nature: Nature, tag: string | undefined): void {
    if (state !== 'open' || this.#venue.inMaintenance) return
    const novel = nature === 'update' && this.faults.take('field-new')
    const row = novel ? payload.replace(/\]$/, ',"new"]') : payload
    this.#frame(chanId, tag === undefined ? row : `"${tag}",${row}`)
  }

  #frame(chanId: number, payload: string): void {
    if (this.faults.take('sequence-reset')) this.#sequence = 0
    this.#sequence++
    const sequence = (this.#flags & FLAGS.sequence) === 0 ? '' : `,${this.#sequence}`
    const time = (this.#flags & FLAGS.timestamp) === 0 ? '' : `,${this.exchange.clock.ms()}`
    for (const frame of this.#frames.pass('', `[${chanId},${payload}${sequence}${time}]`)) this.send(frame)
  }

  /** A timer of the connection, not of the channel: every channel has its pulse at one moment, acked or not. */
  #pulse(): void {
    this.after(PULSE_MICROS, () => this.#pulse())
    if (this.faults.active('heartbeat-missing', this.exchange.now)) return
    for (const { chanId, state } of [...this.#channels.values()].sort((a, b) => a.chanId - b.chanId)) {
      if (state !== 'mute') this.#frame(chanId, '"hb"')
    }
  }

  /** Commits a fault on the first book that is open. */
  #spoilBook(fault: 'snapshot-twice' | 'level-unknown' | 'book-crossed'): boolean {
    for (const { chanId, state, granted } of this.#channels.values()) {
      const { window } = granted
      if (state !== 'open' || window === undefined) continue
      if (fault === 'snapshot-twice') this.#frame(chanId, window.snapshot())
      else this.#frame(chanId, fault === 'level-unknown' ? window.absent() : window.crossing())
      return true
    }
    return false
  }

  // ── Connection ────────────────────────────────────────────────────────────────────────────────────────────────────

  #greet(): void {
    const status = this.#venue.inMaintenance ? 0 : 1
    this.send(
      `{"event":"info","version":2,"serverId":"${uuid(this.#random)}","platform":{"status":${status}}}`,
    )
  }

  #idle(): void {
    const silent = this.exchange.now - this.#receivedAt >= IDLE_MICROS
    if (this.#channels.size === 0 && silent) this.cut()
    else this.after(IDLE_MICROS, () => this.#idle())
  }

  protected override ended(): void {
    for (const channel of this.#channels.values()) this.#leave(channel)
  }

  #leave(channel: OpenChannel): void {
    channel.state = 'left'
    channel.stop?.()
    this.#channels.delete(channel.chanId)
  }
}
