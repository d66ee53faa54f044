import { FLAGS } from '../../connectors/bitfinex/frames.js'
import type { Micros } from '../../schemas/events.js'
import type { SeededRandom } from '../../src/simulator/random.js'
import type { SimulatedConnection, SimulatedPeer } from '../../src/simulator/venue-simulator.js'
import type { ChannelLine, Nature } from './channel-line.js'
import { type GrantedChannel, grant } from './channels.js'
import type { SimulatedFloor } from './floor.js'
import { type ClientRequest, readRequest } from './requests.js'

/** Channels that the venue granted a connection in September 2026. */
const CHANNELS = 36
const GREETING_MICROS = 1_000
const PULSE_MICROS = 15_000_000
/** A socket without channels whose client is silent is cut after this. */
const IDLE_MICROS = 60_000_000
const MAINTENANCE_MICROS = 10_000_000
const LASTING_FAULT_MICROS = 60_000_000

/** The two that are known and whose effect nobody has verified (decimals and times as strings) are granted without one. */
const KNOWN_FLAGS = 8 + 32 + FLAGS.timestamp + FLAGS.sequence + FLAGS.checksum + FLAGS.bulk

/** Faults that wait for the message that they fit. */
const ARMED: ReadonlySet<string> = new Set([
  'ack-missing',
  'ack-late',
  'ack-after-retry',
  'ack-lost',
  'ack-then-silence',
  'ack-error',
  'limit-error',
  'update-before-snapshot',
  'sequence-skipped',
  'sequence-repeated',
  'sequence-backwards',
  'sequence-reset',
  'checksum-wrong',
  'update-lost',
  'trade-duplicate',
  'trade-order',
  'trade-lost',
  'id-long',
  'price-null',
  'price-nan',
  'price-exponent',
  'field-new',
  'field-missing',
  'status-short',
])

/** Faults of one connection. Those of this venue's own: `ack-after-retry`, `ack-lost`, `status-short`, `unknown-channel`. */
export const CONNECTION_FAULTS: readonly string[] = [
  ...ARMED,
  'maintenance',
  'reconnect-notice',
  'snapshot-twice',
  'level-unknown',
  'book-crossed',
  'message-unknown',
  'heartbeat-missing',
  'clock-off',
  'unknown-channel',
]

interface OpenChannel {
  readonly chanId: number
  readonly granted: GrantedChannel
  /** Null before the ack, and for good where it is to bring nothing. */
  stop: (() => void) | null
  state: 'granted' | 'open' | 'mute' | 'left'
}

/** One client of the simulated venue, as the venue's protocol has it. */
export class BitfinexConnection implements SimulatedConnection {
  readonly #floor: SimulatedFloor
  readonly #peer: SimulatedPeer
  readonly #random: SeededRandom
  readonly #channels = new Map<number, OpenChannel>()
  readonly #armed = new Set<string>()
  readonly #gone: (connection: BitfinexConnection) => void
  #nextChannel: number
  #flags = 0
  #sequence = 0
  #open = true
  #heard: Micros
  #maintenanceUntil: Micros
  #noPulseUntil = 0
  #clockOffUntil = 0
  /** A frame that waits for the next one to overtake it. */
  #overtaken: string | null = null

  constructor(
    floor: SimulatedFloor,
    peer: SimulatedPeer,
    options: { readonly maintenanceUntil: Micros; gone(connection: BitfinexConnection): void },
  ) {
    this.#floor = floor
    this.#peer = peer
    this.#random = floor.random.fork()
    this.#gone = options.gone
    this.#nextChannel = this.#random.integer(1_000, 400_000)
    this.#maintenanceUntil = options.maintenanceUntil
    this.#heard = floor.now
    this.#later(GREETING_MICROS, () => this.#greet())
    this.#later(this.#random.integer(1_000_000, PULSE_MICROS), () => this.#pulse())
    this.#later(IDLE_MICROS, () => this.#idle())
  }

  received(data: string | Uint8Array, at: Micros): void {
    this.#floor.advance(at)
    this.#heard = at
    const request = this.#open ? readRequest(data) : null
    if (request === null) return
    switch (request.event) {
      case 'conf':
        this.#conf(request.flags ?? 0)
        return
      case 'subscribe':
        this.#subscribe(request)
        return
      case 'unsubscribe':
        this.#unsubscribe(request)
        return
      case 'ping': {
        const cid = request.cid === undefined ? '' : `,"cid":${JSON.stringify(request.cid)}`
        this.#say(`{"event":"pong","ts":${this.#ms()}${cid}}`)
        return
      }
      default:
        this.#refuse(request, 10_000, `event: invalid (${request.event})`)
    }
  }

  closed(): void {
    this.#end()
  }

  /** Commits a fault of the protocol on this connection. */
  fault(name: string, at: Micros): boolean {
    if (!this.#open) return false
    if (ARMED.has(name)) {
      this.#armed.add(name)
      return true
    }
    switch (name) {
      case 'maintenance':
        this.#maintain()
        return true
      case 'reconnect-notice':
        this.#say('{"event":"info","code":20051,"msg":"Stopping. Please try to reconnect"}')
        this.#later(1_000_000, () => this.#close(1012, 'restarting'))
        return true
      case 'message-unknown':
        this.#say('{"event":"weather","sky":"clear"}')
        return true
      case 'unknown-channel':
        this.#frame(this.#nextChannel++, '"hb"')
        return true
      case 'heartbeat-missing':
        this.#noPulseUntil = at + LASTING_FAULT_MICROS
        return true
      case 'clock-off':
        this.#clockOffUntil = at + LASTING_FAULT_MICROS
        return true
      default:
        return this.#tellBook(name)
    }
  }

  // ── Requests ──────────────────────────────────────────────────────────────────────────────────────────────────────

  #conf(flags: number): void {
    const granted = Number.isInteger(flags) && flags >= 0 && (flags & ~KNOWN_FLAGS) === 0
    if (granted) this.#flags = flags
    this.#say(`{"event":"conf","status":"${granted ? 'OK' : 'FAILED'}","flags":${flags}}`)
  }

  #subscribe(request: ClientRequest): void {
    if (this.takes('ack-missing')) return
    if (this.takes('ack-error')) {
      this.#refuse(request, 10_300, 'subscribe: failed')
      return
    }
    if (this.takes('limit-error') || this.#channels.size >= CHANNELS) {
      this.#refuse(request, 10_305, 'subscribe: limit')
      return
    }
    const answer = grant(this.#floor, request)
    if ('refused' in answer) {
      if (answer.refused !== null) this.#refuse(request, answer.refused.code, answer.refused.msg)
      return
    }
    const { granted } = answer
    for (const held of this.#channels.values()) {
      if (held.granted.name !== granted.name) continue
      this.#refuse(request, 10_301, 'subscribe: dup')
      return
    }
    const channel: OpenChannel = { chanId: this.#nextChannel, granted, stop: null, state: 'granted' }
    this.#nextChannel += this.#random.integer(1, 9)
    this.#channels.set(channel.chanId, channel)
    const subId = request.subId === undefined ? '' : `"subId":${JSON.stringify(request.subId)},`
    const ack = `{"event":"subscribed","channel":"${request.channel}","chanId":${channel.chanId},${subId}${granted.ack}}`
    this.#acknowledge(channel, ack)
  }

  /** Acks of books take longer, which is how acks come out of order. The snapshot follows at once. */
  #acknowledge(channel: OpenChannel, ack: string): void {
    const delay = this.#random.integer(0, channel.granted.book ? 30_000 : 4_000)
    const late = this.#lateness()
    if (late !== null) {
      this.#later(delay, () => this.#begin(channel))
      if (Number.isFinite(late)) this.#later(late, () => this.#say(ack))
      return
    }
    const mute = this.takes('ack-then-silence')
    this.#later(delay, () => {
      if (channel.state === 'left') return
      this.#say(ack)
      if (mute) channel.state = 'mute'
      else this.#begin(channel)
    })
  }

  /** By how much a fault delays an ack, while the channel speaks already: for good, or past the time at which a client asks again. */
  #lateness(): number | null {
    if (this.takes('ack-late')) return 5_000_000
    if (this.takes('ack-after-retry')) return 35_000_000
    return this.takes('ack-lost') ? Number.POSITIVE_INFINITY : null
  }

  #begin(channel: OpenChannel): void {
    if (channel.state !== 'granted') return
    channel.state = 'open'
    channel.stop = channel.granted.begin(this.#line(channel))
  }

  #unsubscribe(request: ClientRequest): void {
    const channel = this.#channels.get(request.chanId ?? -1)
    if (channel === undefined) {
      this.#refuse(request, 10_400, 'unsubscribe: invalid', request.chanId)
      return
    }
    // What is on its way still comes before the answer.
    this.#later(this.#random.integer(0, 5_000), () => {
      this.#leave(channel)
      this.#say(`{"event":"unsubscribed","status":"OK","chanId":${channel.chanId}}`)
    })
  }

  #refuse(request: ClientRequest, code: number, msg: string, chanId?: number): void {
    const { channel, symbol, prec, freq, len, key, subId } = request
    const pair = symbol === undefined ? undefined : symbol.replace(/^t/, '')
    const about = { channel, chanId, symbol, prec, freq, len, key, pair, subId }
    this.#say(JSON.stringify({ event: 'error', msg, code, ...about }))
  }

  // ── Frames ────────────────────────────────────────────────────────────────────────────────────────────────────────

  takes(fault: string): boolean {
    return this.#armed.delete(fault)
  }

  #line(channel: OpenChannel): ChannelLine {
    const connection = this
    return {
      get flags() {
        return connection.#flags
      },
      get clockOffsetMs() {
        return connection.#clockOffset()
      },
      push: (payload, nature, tag) => connection.#push(channel, payload, nature, tag),
      get suspended() {
        return connection.#suspended
      },
      later(delayMs, run) {
        connection.#later(delayMs * 1000, () => {
          if (channel.state === 'open') run()
        })
      },
      takes: (fault) => connection.takes(fault),
      random: (low, high) => connection.#random.integer(low, high),
    }
  }

  #push({ chanId, state }: OpenChannel, payload: string, nature: Nature, tag: string | undefined): void {
    if (state !== 'open' || this.#suspended) return
    if (this.takes('sequence-skipped')) {
      this.#sequence++
      return
    }
    const told = nature === 'update' && this.takes('field-new') ? payload.replace(/\]$/, ',"new"]') : payload
    this.#frame(chanId, tag === undefined ? told : `"${tag}",${told}`)
  }

  #frame(chanId: number, payload: string): void {
    if (this.takes('sequence-reset')) this.#sequence = 0
    this.#sequence++
    const sequence = (this.#flags & FLAGS.sequence) === 0 ? '' : `,${this.#sequence}`
    const time = (this.#flags & FLAGS.timestamp) === 0 ? '' : `,${this.#ms()}`
    const frame = `[${chanId},${payload}${sequence}${time}]`
    const overtaken = this.#overtaken
    if (overtaken === null && this.takes('sequence-backwards')) {
      this.#overtaken = frame
      return
    }
    this.#overtaken = null
    this.#say(frame)
    if (overtaken !== null) this.#say(overtaken)
    if (this.takes('sequence-repeated')) this.#say(frame)
  }

  /** A timer of the connection, not of the channel: every channel has its pulse at one moment, acked or not. */
  #pulse(): void {
    this.#later(PULSE_MICROS, () => this.#pulse())
    if (this.#floor.now < this.#noPulseUntil) return
    for (const { chanId, state } of [...this.#channels.values()].sort((a, b) => a.chanId - b.chanId)) {
      if (state !== 'mute') this.#frame(chanId, '"hb"')
    }
  }

  #tellBook(fault: string): boolean {
    for (const { chanId, state, granted } of this.#channels.values()) {
      const { window } = granted
      if (state !== 'open' || window === undefined) continue
      if (fault === 'snapshot-twice') this.#frame(chanId, window.snapshot())
      else if (fault === 'level-unknown') this.#frame(chanId, window.absent())
      else if (fault === 'book-crossed') this.#frame(chanId, window.crossing())
      else return false
      return true
    }
    return false
  }

  // ── Connection ────────────────────────────────────────────────────────────────────────────────────────────────────

  #greet(): void {
    const platform = this.#suspended ? 0 : 1
    this.#say(
      `{"event":"info","version":2,"serverId":"${this.#serverId()}","platform":{"status":${platform}}}`,
    )
  }

  get #suspended(): boolean {
    return this.#floor.now < this.#maintenanceUntil
  }

  #maintain(): void {
    this.#maintenanceUntil = this.#floor.now + MAINTENANCE_MICROS
    this.#say('{"event":"info","code":20060,"msg":"Entering in Maintenance mode. Please pause any activity"}')
    this.#later(MAINTENANCE_MICROS, () => {
      this.#say('{"event":"info","code":20061,"msg":"Maintenance ended. You can resume normal activity"}')
    })
  }

  #idle(): void {
    if (this.#channels.size === 0 && this.#floor.now - this.#heard >= IDLE_MICROS) this.#close(1006, '')
    else this.#later(IDLE_MICROS, () => this.#idle())
  }

  /** 1006 stands for a socket that is cut without a word. */
  #close(code: number, reason: string): void {
    if (code === 1006 && this.#peer.link !== undefined) this.#peer.link.cut('end')
    else this.#peer.close(code === 1006 ? 1001 : code, reason)
    this.#end()
  }

  #end(): void {
    if (!this.#open) return
    this.#open = false
    for (const channel of this.#channels.values()) this.#leave(channel)
    this.#gone(this)
  }

  #leave(channel: OpenChannel): void {
    channel.state = 'left'
    channel.stop?.()
    this.#channels.delete(channel.chanId)
  }

  #later(delayMicros: number, run: () => void): void {
    this.#floor.later(delayMicros, () => {
      if (this.#open) run()
    })
  }

  #say(text: string): void {
    if (this.#open) this.#peer.send(text)
  }

  #clockOffset(): number {
    return this.#floor.now < this.#clockOffUntil ? 3_600_000 : 0
  }

  #ms(): number {
    return Math.floor(this.#floor.now / 1000) + this.#clockOffset()
  }

  #serverId(): string {
    const hex = (digits: number) =>
      Array.from({ length: digits }, () => this.#random.integer(0, 15).toString(16)).join('')
    return [hex(8), hex(4), `4${hex(3)}`, `a${hex(3)}`, hex(12)].join('-')
  }
}
