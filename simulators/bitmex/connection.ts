import type { Micros } from '../../schemas/events.js'
import { Agenda } from '../../src/simulator/agenda.js'
import type { SeededRandom } from '../../src/simulator/random.js'
import type { SimulatedConnection, SimulatedPeer } from '../../src/simulator/venue-simulator.js'
import { encode, type Wire, type WireRow } from '../kit/exact-json.js'
import { type Dialect, iso } from './dialect.js'
import { CONNECTION_FAULTS, type ConnectionFault, FrameFaults } from './frame-faults.js'
import { readOperation } from './operations.js'
import type { Publication } from './publication.js'
import type { VenueClock } from './venue-clock.js'

/** Topics in one request. */
const MAX_ARGS = 20

/** A partial came up to two seconds after its ack. */
const PARTIAL_WITHIN_MICROS = 2_000_000

const SECOND = 1_000_000

/** What a connection asks of the venue. */
export interface TableSource {
  /** Whether there is such a topic: a table, with or without a symbol. */
  has(table: string, symbol: string | null): boolean
  /** The rows of a partial; of all symbols where none is named. */
  image(table: string, symbol: string | null, dialect: Dialect, at: Micros): readonly WireRow[]
  remaining(at: Micros): number
}

/** `asked`: acked or to be, the partial is on its way. `live`: the partial was sent. `mute`: acked, and nothing more. */
interface Subscription {
  readonly table: string
  readonly symbol: string | null
  state: 'asked' | 'live' | 'mute'
}

/** One client of the simulated venue. */
export class BitmexClient implements SimulatedConnection {
  readonly dialect: Dialect
  readonly #peer: SimulatedPeer
  readonly #source: TableSource
  readonly #random: SeededRandom
  readonly #agenda = new Agenda()
  readonly #topics = new Map<string, Subscription>()
  readonly #faults = new FrameFaults()
  readonly #pending = new Set<ConnectionFault>()
  readonly #gone: () => void
  #silentUntil = Number.NEGATIVE_INFINITY
  readonly #clock: VenueClock

  /** @param gone called once, when the client has left */
  constructor(
    peer: SimulatedPeer,
    dialect: Dialect,
    source: TableSource,
    random: SeededRandom,
    at: Micros,
    clock: VenueClock,
    gone: () => void,
  ) {
    this.#peer = peer
    this.#clock = clock
    this.#gone = gone
    this.dialect = dialect
    this.#source = source
    this.#random = random
    this.#send(dialect.welcome(at, source.remaining(at)))
    const asked = new URL(peer.request.path, 'ws://bitmex').searchParams.get('subscribe')
    if (asked !== null) this.#operate({ op: 'subscribe', args: asked.split(',') }, at)
  }

  // ── The venue ───────────────────────────────────────────────────────────────────────────────────────────────────

  advance(at: Micros): void {
    this.#agenda.runUntil(at)
  }

  /** Sends what the venue tells, where this client asked for it. */
  publish(symbol: string, publication: Publication): void {
    const { table, action } = publication
    if (!this.follows(table, symbol)) return
    this.#sendTable({ table, action, data: publication.rows(this.dialect) })
  }

  close(code: number, reason: string): void {
    this.closed()
    this.#peer.close(code, reason)
  }

  /** Whether the client has had the partial of a table and is sent its changes. */
  follows(table: string, symbol: string): boolean {
    if (this.#topics.size === 0) return false
    const live = (topic: string) => this.#topics.get(topic)?.state === 'live'
    return live(`${table}:${symbol}`) || live(table)
  }

  // ── The client ──────────────────────────────────────────────────────────────────────────────────────────────────

  received(data: string | Uint8Array, at: Micros): void {
    const text = typeof data === 'string' ? data : new TextDecoder().decode(data)
    if (text === 'ping') {
      if (at >= this.#silentUntil) this.#peer.send('pong')
      return
    }
    if (text === 'help') {
      this.#help(at)
      return
    }
    const request = readOperation(text)
    if (request === null) this.#fail(400, 'Unrecognized request. Send "help" for help.', {}, null)
    else this.#operate(request, at)
  }

  closed(): void {
    this.#agenda.clear()
    this.#topics.clear()
    this.#gone()
  }

  #operate(request: WireRow, at: Micros): void {
    const args = typeof request['args'] === 'string' ? [request['args']] : request['args']
    const topics = Array.isArray(args) ? args.filter((arg) => typeof arg === 'string') : []
    switch (request['op']) {
      case 'subscribe':
        return this.#subscribe(topics, request, at)
      case 'unsubscribe':
        return this.#unsubscribe(topics, request)
      case 'help':
        return this.#help(at)
      case 'ping':
        if (at >= this.#silentUntil) this.#peer.send('pong')
        return
      case 'authKeyExpires':
      case 'authKey':
      case 'cancelAllAfter':
        return this.#fail(
          401,
          'This endpoint requires authentication, which a simulator has not.',
          {},
          request,
        )
      default:
        return this.#fail(400, `Unknown op: ${String(request['op'])}. Send "help" for help.`, {}, request)
    }
  }

  #subscribe(topics: readonly string[], request: WireRow, at: Micros): void {
    if (topics.length > MAX_ARGS) {
      this.#fail(400, `Too many args sent. Max length is ${MAX_ARGS}.`, {}, request)
      return
    }
    if (this.#take('ack-missing')) return
    if (this.#take('limit-error')) {
      this.#fail(429, 'Rate limit exceeded, retry in 1 seconds.', { retryAfter: 1 }, request)
      return
    }
    if (this.#take('ack-error')) {
      this.#fail(400, 'This topic cannot be served at the moment.', {}, request)
      return
    }
    const mute = this.#take('ack-then-silence')
    const late = this.#take('ack-late')
    const partialAt = at + Math.floor(this.#random.next() ** 2 * PARTIAL_WITHIN_MICROS)
    for (const topic of topics) this.#grant(topic, request, { mute, late, at, partialAt })
  }

  #grant(
    topic: string,
    request: WireRow,
    how: { readonly mute: boolean; readonly late: boolean; readonly at: Micros; readonly partialAt: Micros },
  ): void {
    if (this.#topics.has(topic)) {
      this.#fail(400, `You are already subscribed to this topic: ${topic}`, {}, request)
      return
    }
    const [table = '', symbol = null] = topic.split(/:(.*)/s)
    if (!this.#source.has(table, symbol)) {
      this.#fail(400, `Unknown or expired symbol, or unknown table: ${topic}`, {}, request)
      return
    }
    const subscription: Subscription = { table, symbol, state: how.mute ? 'mute' : 'asked' }
    this.#topics.set(topic, subscription)
    const ack = () => this.#send(this.dialect.ack('subscribe', topic, request))
    if (how.late) this.#agenda.add(how.at + 5 * SECOND, ack)
    else ack()
    if (how.mute) return
    this.#agenda.add(how.partialAt, (at) => {
      if (this.#topics.get(topic) === subscription) this.#partial(subscription, at)
    })
  }

  #unsubscribe(topics: readonly string[], request: WireRow): void {
    for (const topic of topics) {
      if (this.#topics.delete(topic)) this.#send(this.dialect.ack('unsubscribe', topic, request))
      else this.#fail(400, `You are not subscribed to this topic: ${topic}`, {}, request)
    }
  }

  #partial(subscription: Subscription, at: Micros): void {
    const { table, symbol } = subscription
    const rows = this.#source.image(table, symbol, this.dialect, at)
    const book = table.startsWith('orderBookL2')
    const [first] = rows
    if (book && first !== undefined && this.#take('update-before-snapshot')) {
      this.#send({ table, action: 'update', data: [{ ...first, size: 1 }] })
    }
    const data = this.#take('empty-partial') ? [] : rows
    const filter = symbol === null ? {} : { symbol }
    const partial = { table, action: 'partial', ...this.dialect.meta(table), filter, data }
    this.#send(partial)
    if (book && this.#take('snapshot-twice')) this.#send(partial)
    subscription.state = 'live'
  }

  #help(at: Micros): void {
    this.#send({
      info: 'See https://www.bitmex.com/app/wsAPI and https://www.bitmex.com/explorer for more documentation.',
      usage: 'To send a command, send a JSON object: {"op": "<op>", "args": ["arg1", "arg2"]}.',
      ops: ['subscribe', 'unsubscribe', 'ping', 'help'],
      timestamp: iso(at),
    })
  }

  #fail(status: number, error: string, meta: WireRow, request: Wire): void {
    this.#send({ status, error, meta, request })
  }

  // ── Faults ──────────────────────────────────────────────────────────────────────────────────────────────────────

  fault(name: string, at: Micros): boolean {
    const fault = CONNECTION_FAULTS.find((each) => each === name)
    if (fault === undefined) return false
    switch (fault) {
      case 'heartbeat-missing':
        this.#silentUntil = at + 60 * SECOND
        return true
      case 'message-unknown':
        this.#send({ table: 'orderBookL4', action: 'insert', data: [] })
        return true
      case 'level-unknown':
        return this.#stray('delete', at)
      case 'update-unknown':
        return this.#stray('update', at)
      case 'book-crossed':
        return this.#stray('insert', at)
      case 'snapshot-twice':
        return this.#again(at)
      default:
        if (this.#faults.arm(fault)) return true
        this.#pending.add(fault)
        return true
    }
  }

  /** A change of a book that this client holds, of a row that there is not. */
  #stray(action: 'insert' | 'update' | 'delete', at: Micros): boolean {
    const held = [...this.#topics.values()].find(
      ({ table, symbol, state }) => state === 'live' && table.startsWith('orderBookL2') && symbol !== null,
    )
    if (held === undefined) return false
    const rows = this.#source.image(held.table, held.symbol, this.dialect, at)
    const worstAsk = rows.find(({ side }) => side === 'Sell')
    if (worstAsk === undefined) return false
    const [row] = this.#rowsOf(action, worstAsk)
    this.#send({ table: held.table, action, data: [row] })
    return true
  }

  /** A bid at the price of the worst ask crosses; under an id that there is not, it is a change of nothing. */
  #rowsOf(action: 'insert' | 'update' | 'delete', ask: WireRow): [WireRow] {
    const stray: WireRow = { ...ask, id: 1, side: 'Buy', size: 7 }
    if (action === 'insert') return [stray]
    const { price: _price, size, ...key } = stray
    return [action === 'update' ? { ...key, size } : key]
  }

  #again(at: Micros): boolean {
    for (const subscription of this.#topics.values()) {
      if (subscription.state !== 'live' || !subscription.table.startsWith('orderBookL2')) continue
      this.#partial(subscription, at)
      return true
    }
    this.#pending.add('snapshot-twice')
    return true
  }

  #take(fault: ConnectionFault): boolean {
    return this.#pending.delete(fault)
  }

  // ── Frames ──────────────────────────────────────────────────────────────────────────────────────────────────────

  #sendTable(message: {
    readonly table: string
    readonly action: string
    readonly data: readonly WireRow[]
  }): void {
    for (const frame of this.#faults.pass(message)) this.#write(frame)
  }

  #send(message: WireRow): void {
    this.#write(encode(message))
  }

  #write(frame: string): void {
    const stamped = (_: string, key: string, time: string) =>
      `"${key}":"${iso(this.#clock.stamp(Date.parse(time) * 1000))}"`
    this.#peer.send(this.#clock.wasWrong ? frame.replace(TIMES, stamped) : frame)
  }
}

const TIMES = /"(timestamp|transactTime)":"(\d{4}-[^"]+)"/g
