import type { Level } from '../../schemas/events.js'
import type { LevelMove } from '../../src/simulator/market.js'
import type { SimulatedPeer } from '../../src/simulator/venue-simulator.js'
import { Delivery } from '../kit/delivery.js'
import { protocolFaults, SUBSCRIBE_FAULTS } from '../kit/pending-faults.js'
import { SimulatedClient } from '../kit/simulated-client.js'
import type { SimulatedExchange } from '../kit/simulated-exchange.js'
import { longId, spoiltPrice } from '../kit/spoilt-values.js'
import { Subscriptions } from '../kit/subscriptions.js'
import { board, type Execution, executionRow, type Product, time } from './product.js'

const LATE_ACK_MICROS = 5_000_000
const CHANNEL = /^lightning_(board_snapshot|board|executions|ticker)_(\w+)$/

/** Its boards are not numbered, its protocol has no heartbeat, and it names no limit. */
export const FAULTS = protocolFaults([
  'limit-error',
  'reconnect-notice',
  'sequence-skipped',
  'sequence-repeated',
  'sequence-backwards',
  'sequence-reset',
  'checksum-wrong',
  'heartbeat-missing',
])
export const IMMEDIATE_FAULTS = ['snapshot-twice', 'level-unknown', 'book-crossed', 'message-unknown']

type Answer =
  | { readonly result: true }
  | { readonly error: { readonly code: number; readonly message: string } }

/** One client of the simulated venue. */
export class LightningClient extends SimulatedClient<Product> {
  /** By the name of the channel. */
  readonly #channels = new Subscriptions()
  readonly #trades: Delivery<string>

  constructor(exchange: SimulatedExchange<Product>, peer: SimulatedPeer) {
    super(exchange, peer)
    this.#trades = Delivery.ofTrades(this.faults)
  }

  // ── Requests ────────────────────────────────────────────────────────────────────────────────────────────────────

  protected override request(text: string): void {
    let value: unknown
    try {
      value = JSON.parse(text)
    } catch {
      // Not JSON: said as JSON-RPC says it.
      this.send('{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"Parse error"}}')
      return
    }
    // A batch is taken in the order of its requests.
    for (const one of Array.isArray(value) ? value : [value]) this.#call(one)
  }

  #call(value: unknown): void {
    const { id, method, params } = Object(value) as Record<string, unknown>
    const channel: unknown = Object(params)['channel']
    const fault = method === 'subscribe' ? this.#subscribeFault(channel) : null
    if (fault === 'ack-missing') return
    const answer = fault === 'ack-error' ? refusal(-32603, 'Internal error') : this.#answer(method, channel)
    if ('result' in answer && method === 'subscribe') {
      this.#channels.set(String(channel), fault === 'ack-then-silence' ? 'mute' : 'live')
    }
    // Who sends no id gets no answer.
    if (id === undefined) return
    const reply = () => this.send(JSON.stringify({ jsonrpc: '2.0', id, ...answer }))
    if (fault === 'ack-late') this.after(LATE_ACK_MICROS, reply)
    else reply()
  }

  #answer(method: unknown, channel: unknown): Answer {
    if (method !== 'subscribe' && method !== 'unsubscribe') return refusal(-32601, 'Method not found')
    const [, , product] = CHANNEL.exec(String(channel)) ?? []
    if (!this.exchange.instruments.has(product ?? '')) return refusal(-32602, 'Invalid params')
    if (method === 'unsubscribe') this.#channels.delete(String(channel))
    return { result: true }
  }

  /** Silence is distinguished from a quiet market where a channel speaks by itself. */
  #subscribeFault(channel: unknown) {
    const speaks = String(channel).includes('_board_')
    return this.faults.takeFirst(
      SUBSCRIBE_FAULTS.filter((name) => name !== 'limit-error' && (name !== 'ack-then-silence' || speaks)),
    )
  }

  // ── Messages ────────────────────────────────────────────────────────────────────────────────────────────────────

  moved(product: Product, moves: readonly LevelMove[]): void {
    if (moves.length === 0 || this.faults.take('update-lost')) return
    const rows = (side: LevelMove['side']) =>
      moves.filter((move) => move.side === side).map(({ price, amount }): Level => [price, amount ?? '0'])
    this.#say('board', product, board(rows('bids'), rows('asks')))
  }

  executed(product: Product, executions: readonly Execution[]): void {
    const { clock } = this.exchange
    const rows = executions.map((execution) => executionRow(execution, time(clock.read(execution.time))))
    if (!this.#channels.live(`lightning_executions_${product.id}`)) return
    for (const message of this.#trades.pass(product.id, `[${rows.join()}]`)) {
      this.#say('executions', product, message)
    }
  }

  image(product: Product): void {
    const channel = `lightning_board_${product.id}`
    const [bid] = product.market.book.top(1).bids
    const first = this.#channels.live(channel) && bid !== undefined
    if (first && this.faults.take('update-before-snapshot')) this.#say('board', product, board([bid], []))
    this.#say('board_snapshot', product, product.image())
  }

  ticker(product: Product, message: string): void {
    this.#say('ticker', product, message)
  }

  override commit(name: string): boolean | null {
    if (!IMMEDIATE_FAULTS.includes(name)) return null
    if (name === 'message-unknown') {
      this.send('{"jsonrpc":"2.0","method":"weather","params":{"sky":"clear"}}')
      return true
    }
    const product = this.exchange.listed.find(({ id }) => this.#channels.live(`lightning_board_${id}`))
    const inside = product?.market.book.top(20).asks.at(-1)
    if (product === undefined || inside === undefined) return false
    if (name === 'snapshot-twice') this.image(product)
    else if (name === 'level-unknown') this.#say('board', product, board([], [['999999999999', '0']]))
    else this.#say('board', product, board([[inside[0], '1']], []))
    return true
  }

  #say(topic: string, { id }: Product, message: string): void {
    const channel = `lightning_${topic}_${id}`
    if (!this.#channels.live(channel)) return
    const spoilt = topic === 'ticker' || topic === 'board_snapshot' ? message : this.#spoilt(message)
    this.send(
      `{"jsonrpc":"2.0","method":"channelMessage","params":{"channel":"${channel}","message":${spoilt}}}`,
    )
  }

  #spoilt(message: string): string {
    const { faults } = this
    let sent = message.replace(
      /"price":([^,}]+)/,
      (_all, price: string) => `"price":${spoiltPrice(faults, price)}`,
    )
    if (sent.includes('"id"') && faults.take('id-long')) {
      sent = sent.replace(/"id":(\d+)/, (_all, id: string) => `"id":${longId(id)}`)
    }
    if (sent.includes('"size"') && faults.take('field-missing')) sent = sent.replace(/,"size":[^,}]+/, '')
    return faults.take('field-new') ? sent.replace('{', '{"novelty":{"nested":[1]},') : sent
  }
}

function refusal(code: number, message: string): Answer {
  return { error: { code, message } }
}
