import { splitTopic } from '../../connectors/bitmex/topics.js'
import type { SeededRandom } from '../../src/simulator/random.js'
import type { SimulatedPeer } from '../../src/simulator/venue-simulator.js'
import { encode, type Wire, type WireRow } from '../kit/exact-json.js'
import { SUBSCRIBE_FAULTS } from '../kit/pending-faults.js'
import { queryOf, readObject } from '../kit/requests.js'
import { SimulatedClient } from '../kit/simulated-client.js'
import type { SimulatedExchange } from '../kit/simulated-exchange.js'
import { Subscriptions } from '../kit/subscriptions.js'
import { type Dialect, iso } from './dialect.js'
import type { BitmexInstrument } from './instrument.js'
import type { Publication } from './publication.js'
import { TableDelivery, type TableMessage } from './table-delivery.js'

/** Topics in one request. */
const MAX_ARGS = 20

const SECOND = 1_000_000

/** A partial came up to two seconds after its ack. */
const PARTIAL_WITHIN_MICROS = 2 * SECOND
const LATE_ACK_MICROS = 5 * SECOND

const DOCUMENTATION = 'Please see the documentation at https://www.bitmex.com/app/wsAPI.'

/** Tables that belong to an account. */
const PRIVATE_TABLES: ReadonlySet<string> = new Set([
  'account',
  'affiliate',
  'execution',
  'margin',
  'order',
  'position',
  'privateNotifications',
  'transact',
  'wallet',
])

/** Faults of a book that happen at once. */
const BOOK_FAULTS: Readonly<Record<string, 'insert' | 'update' | 'delete'>> = {
  'level-unknown': 'delete',
  'update-unknown': 'update',
  'book-crossed': 'insert',
}
export const IMMEDIATE_FAULTS = [...Object.keys(BOOK_FAULTS), 'message-unknown']

/** What a connection asks of the venue. */
export interface TableSource {
  readonly tables: ReadonlySet<string>
  /** The rows of a partial; of all symbols where none is named. */
  image(table: string, symbol: string | null, dialect: Dialect): readonly WireRow[]
  /** Connects that are left of the burst. */
  remaining(): number
}

/** One client of the simulated venue. */
export class BitmexClient extends SimulatedClient<BitmexInstrument> {
  readonly dialect: Dialect
  readonly #source: TableSource
  readonly #random: SeededRandom
  readonly #topics = new Subscriptions()
  readonly #delivery: TableDelivery

  constructor(
    exchange: SimulatedExchange<BitmexInstrument>,
    peer: SimulatedPeer,
    dialect: Dialect,
    source: TableSource,
  ) {
    super(exchange, peer)
    this.dialect = dialect
    this.#source = source
    this.#random = exchange.random.fork()
    this.#delivery = new TableDelivery(this.faults)
    this.#send(dialect.welcome(exchange.now, source.remaining()))
    const asked = queryOf(peer.request.path).get('subscribe')
    if (asked !== null) this.#operate({ op: 'subscribe', args: asked.split(',') })
  }

  /** Sends what the venue publishes, where this client asked for it. */
  publish(symbol: string, { table, action, rows }: Publication): void {
    if (!this.follows(table, symbol)) return
    const message = { table, action, data: rows(this.dialect) }
    for (const sent of this.#delivery.pass(message)) this.#send(sent)
  }

  /** Whether the client has had the partial of a table and is sent its changes. */
  follows(table: string, symbol: string): boolean {
    return this.#topics.size > 0 && (this.#topics.live(`${table}:${symbol}`) || this.#topics.live(table))
  }

  override commit(name: string): boolean | null {
    const action = BOOK_FAULTS[name]
    if (action !== undefined) return this.#stray(action)
    if (name === 'snapshot-twice') return this.#again()
    if (name !== 'message-unknown') return null
    this.#send({ table: 'orderBookL4', action: 'insert', data: [] })
    return true
  }

  // ── Requests ────────────────────────────────────────────────────────────────────────────────────────────────────

  protected override request(text: string): void {
    if (text === 'ping') return this.#pong()
    if (text === 'help') return this.#help()
    const request = readObject(text)
    if (request === null) this.#fail(400, 'Unrecognized request. Send "help" for help.', null)
    // What a client sent is JSON, and goes back as it came.
    else this.#operate(request as WireRow)
  }

  protected override ended(): void {
    this.#topics.clear()
  }

  #operate(request: WireRow): void {
    const args = typeof request['args'] === 'string' ? [request['args']] : request['args']
    const topics = Array.isArray(args) ? args.filter((arg) => typeof arg === 'string') : []
    switch (request['op']) {
      case 'subscribe':
        return this.#subscribe(topics, request)
      case 'unsubscribe':
        return this.#unsubscribe(topics, request)
      case 'help':
        return this.#help()
      case 'ping':
        return this.#pong()
      case 'authKeyExpires':
      case 'authKey':
      case 'cancelAllAfter':
        return this.#fail(401, 'This endpoint requires authentication, which a simulator has not.', request)
      default:
        return this.#fail(400, `Unknown op: ${String(request['op'])}. Send "help" for help.`, request)
    }
  }

  #pong(): void {
    if (!this.faults.active('heartbeat-missing', this.exchange.now)) this.send('pong')
  }

  #subscribe(topics: readonly string[], request: WireRow): void {
    if (topics.length > MAX_ARGS) {
      return this.#fail(400, `Too many args sent. Max length is ${MAX_ARGS}.`, request)
    }
    const fault = this.faults.takeFirst(SUBSCRIBE_FAULTS)
    if (fault === 'ack-missing') return
    if (fault === 'limit-error') {
      return this.#fail(429, 'Rate limit exceeded, retry in 1 seconds.', request, { retryAfter: 1 })
    }
    if (fault === 'ack-error') {
      return this.#fail(400, 'This topic cannot be served at the moment.', request)
    }
    const partialAfter = Math.floor(this.#random.next() ** 2 * PARTIAL_WITHIN_MICROS)
    for (const topic of topics) {
      const refusal = this.#refusal(topic)
      if (refusal !== null) {
        this.#fail(refusal.status, refusal.error, request)
        continue
      }
      const mute = fault === 'ack-then-silence'
      this.#topics.set(topic, mute ? 'mute' : 'asked')
      const ack = () => this.#send(this.dialect.ack('subscribe', topic, request))
      if (fault === 'ack-late') this.after(LATE_ACK_MICROS, ack)
      else ack()
      if (!mute) this.after(partialAfter, () => this.#begin(topic))
    }
  }

  /** What the venue has against a topic; null where it grants it. */
  #refusal(topic: string): { readonly status: number; readonly error: string } | null {
    if (this.#topics.has(topic)) {
      return { status: 400, error: `You are already subscribed to this topic: ${topic}` }
    }
    const { table, symbol } = splitTopic(topic)
    if (PRIVATE_TABLES.has(table)) {
      const error = 'User requested an account-locked subscription but no authorization was provided.'
      return { status: 401, error }
    }
    if (!this.#source.tables.has(table)) return { status: 400, error: `Unknown table: ${table}` }
    if (symbol === null || this.exchange.instruments.has(symbol)) return null
    return { status: 400, error: this.dialect.unknownSymbol(symbol, DOCUMENTATION) }
  }

  #unsubscribe(topics: readonly string[], request: WireRow): void {
    for (const topic of topics) {
      if (this.#topics.delete(topic)) this.#send(this.dialect.ack('unsubscribe', topic, request))
      else this.#fail(400, `You are not subscribed to this topic: ${topic}`, request)
    }
  }

  /** The partial, where the topic still waits for it. */
  #begin(topic: string): void {
    const waits = [...this.#topics].some(([asked, state]) => asked === topic && state === 'asked')
    if (!waits) return
    this.#partial(topic)
    this.#topics.set(topic, 'live')
  }

  #partial(topic: string): void {
    const { table, symbol } = splitTopic(topic)
    const rows = this.#source.image(table, symbol, this.dialect)
    const book = table.startsWith('orderBookL2')
    const [first] = rows
    if (book && first !== undefined && this.faults.take('update-before-snapshot')) {
      this.#send({ table, action: 'update', data: [{ ...first, size: 1 }] })
    }
    const data = this.faults.take('empty-partial') ? [] : rows
    const filter = symbol === null ? {} : { symbol }
    const partial = { table, action: 'partial', ...this.dialect.meta(table), filter, data }
    this.#send(partial)
    if (book && this.faults.take('snapshot-twice')) this.#send(partial)
  }

  #help(): void {
    this.#send({
      info: 'See https://www.bitmex.com/app/wsAPI and https://www.bitmex.com/explorer for more documentation.',
      usage: 'To send a command, send a JSON object: {"op": "<op>", "args": ["arg1", "arg2"]}.',
      ops: ['subscribe', 'unsubscribe', 'ping', 'help'],
      timestamp: iso(this.exchange.now),
    })
  }

  #fail(status: number, error: string, request: Wire, meta: WireRow = {}): void {
    this.#send({ status, error, meta, request })
  }

  // ── Faults ──────────────────────────────────────────────────────────────────────────────────────────────────────

  /** A change of a book that this client holds, of a row that there is not. */
  #stray(action: 'insert' | 'update' | 'delete'): boolean {
    const topic = this.#liveBook((symbol) => symbol !== null)
    if (topic === undefined) return false
    const { table, symbol } = splitTopic(topic)
    const worstAsk = this.#source.image(table, symbol, this.dialect).find(({ side }) => side === 'Sell')
    if (worstAsk === undefined) return false
    this.#send({ table, action, data: [strayRow(action, worstAsk)] })
    return true
  }

  /** The partial of a book once more; null where there is none yet, and the next is sent twice. */
  #again(): boolean | null {
    const topic = this.#liveBook(() => true)
    if (topic === undefined) return null
    this.#partial(topic)
    return true
  }

  #liveBook(fits: (symbol: string | null) => boolean): string | undefined {
    for (const [topic, state] of this.#topics) {
      const { table, symbol } = splitTopic(topic)
      if (state === 'live' && table.startsWith('orderBookL2') && fits(symbol)) return topic
    }
    return undefined
  }

  #send(message: WireRow | TableMessage): void {
    const { clock } = this.exchange
    const frame = encode({ ...message })
    const stamped = (_: string, key: string, time: string) =>
      `"${key}":"${iso(clock.read(Date.parse(time) * 1000))}"`
    this.send(clock.wasWrong ? frame.replace(TIMES, stamped) : frame)
  }
}

/** A bid at the price of the worst ask crosses; under an id that there is not, it is a change of nothing. */
function strayRow(action: 'insert' | 'update' | 'delete', ask: WireRow): WireRow {
  const stray: WireRow = { ...ask, id: 1, side: 'Buy', size: 7 }
  if (action === 'insert') return stray
  const { price: _price, size, ...key } = stray
  return action === 'update' ? { ...key, size } : key
}

const TIMES = /"(timestamp|transactTime)":"(\d{4}-[^"]+)"/g
