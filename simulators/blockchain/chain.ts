import type { Micros } from '../../schemas/events.js'
import { SeededRandom } from '../../src/simulator/random.js'
import type { SimulatedPeer } from '../../src/simulator/venue-simulator.js'
import { Delivery } from '../kit/delivery.js'
import { hex } from '../kit/ids.js'
import type { PendingFaults } from '../kit/pending-faults.js'
import { readObject, stringOf } from '../kit/requests.js'
import { SimulatedClient } from '../kit/simulated-client.js'
import type { SimulatedExchange } from '../kit/simulated-exchange.js'
import type { ExchangeMarket } from './markets.js'

interface Block {
  readonly hash: string
  readonly height: number
  /** Seconds. */
  readonly time: number
}

const TRANSACTION_MICROS = 200_000
/** Far quicker than the chain's ten minutes: a simulator that is watched for a minute must show a block. */
const BLOCK_SECONDS = 15
/** When the first block was mined: whatever time a simulator is handed, there is a chain. */
const GENESIS_SECONDS = Date.UTC(2009, 0, 3) / 1000

/**
 * The chain. There is one: which block stands at which height depends on the time alone, so that a simulator that starts
 * again goes on where the last one stopped.
 */
export class SimulatedChain {
  readonly clients = new Set<ChainClient>()
  latestTransaction: string | null = null
  readonly #exchange: SimulatedExchange<ExchangeMarket>
  readonly #random: SeededRandom

  constructor(exchange: SimulatedExchange<ExchangeMarket>) {
    this.#exchange = exchange
    this.#random = exchange.random
  }

  begin(): void {
    this.#exchange.timers.every(TRANSACTION_MICROS, () => this.#transact())
    this.#awaitBlock()
  }

  /** The last block. */
  get block(): Block {
    return blockAt(heightAt(this.#exchange.now))
  }

  /** `GET /latestblock`. */
  latest(): Record<string, unknown> {
    const { hash, height, time } = this.block
    return { hash, time, block_index: 0, height, txIndexes: [] }
  }

  #awaitBlock(): void {
    const { timers } = this.#exchange
    const next = blockAt(heightAt(timers.now) + 1)
    timers.after(next.time * 1_000_000 - timers.now, () => {
      for (const client of this.clients) client.mined(next)
      this.#awaitBlock()
    })
  }

  #transact(): void {
    const random = this.#random
    const watched = [...this.clients].flatMap(({ addresses }) => [...addresses])
    const to = watched.length > 0 && random.chance(0.3) ? random.pick(watched) : this.#address()
    const paid = random.integer(1000, 2_000_000_000)
    const change = random.integer(0, 500_000)
    const fee = random.integer(150, 20_000)
    // The time keeps the hash of one start from those of another.
    const hash = `${hex(random, 48)}${this.#exchange.now.toString(16).padStart(16, '0')}`
    const time = Math.floor(this.#exchange.now / 1_000_000)
    const output = (addr: string, value: number, n: number) => ({
      spent: false,
      tx_index: 0,
      type: 0,
      addr,
      value,
      n,
      script: '76a9',
    })
    const transaction = {
      lock_time: 0,
      ver: 2,
      size: random.integer(190, 900),
      inputs: [
        {
          sequence: 4_294_967_293,
          prev_out: { ...output(this.#address(), paid + change + fee, 0), spent: true },
          script: '',
        },
      ],
      time,
      tx_index: 0,
      vin_sz: 1,
      hash,
      vout_sz: 2,
      relayed_by: '0.0.0.0',
      // Data carriers pay to no address.
      out: [output(to, paid, 0), { spent: false, tx_index: 0, type: 0, value: change, n: 1, script: '6a' }],
    }
    this.latestTransaction = JSON.stringify({ op: 'utx', x: transaction })
    const mini = JSON.stringify({ op: 'minitx', x: { time, value: paid + change, txIndex: 0, hash } })
    for (const client of this.clients) client.transacted(to, this.latestTransaction, mini)
  }

  #address(): string {
    return `bc1q${hex(this.#random, 38)}`
  }
}

function heightAt(at: Micros): number {
  return Math.floor((at / 1_000_000 - GENESIS_SECONDS) / BLOCK_SECONDS)
}

function blockAt(height: number): Block {
  const hash = `00000000${hex(new SeededRandom(height), 56)}`
  return { hash, height, time: GENESIS_SECONDS + height * BLOCK_SECONDS }
}

/** One client of the chain feed: no acks, no errors; what it does not know it ignores. */
export class ChainClient extends SimulatedClient<ExchangeMarket> {
  readonly addresses = new Set<string>()
  readonly #chain: SimulatedChain
  readonly #subscribed = new Set<string>()
  /** The numbered stream is that of blocks. */
  readonly #blocks: Delivery<string>

  constructor(chain: SimulatedChain, exchange: SimulatedExchange<ExchangeMarket>, peer: SimulatedPeer) {
    super(exchange, peer)
    this.#chain = chain
    this.#blocks = Delivery.ofNumbered(this.faults)
    chain.clients.add(this)
  }

  mined(block: Block): void {
    if (!this.#subscribed.has('blocks')) return
    for (const frame of this.#blocks.pass('', blockFrame(block))) this.#message(frame)
  }

  transacted(to: string, whole: string, mini: string): void {
    if (!this.#subscribed.has('unconfirmed') && !this.addresses.has(to)) return
    this.#message(this.#subscribed.has('mini') ? mini : whole)
  }

  override commit(name: string): boolean | null {
    if (name === 'message-unknown') {
      this.send('{"op":"weather","x":{"sky":"clear"}}')
      return true
    }
    return CHAIN_FAULTS.has(name) ? null : false
  }

  protected override ended(): void {
    this.#chain.clients.delete(this)
  }

  protected override request(text: string): void {
    const { op, addr } = readObject(text) ?? {}
    const address = stringOf(addr)
    switch (op) {
      case 'unconfirmed_sub':
      case 'blocks_sub':
        this.#subscribed.add(op.replace('_sub', ''))
        break
      case 'unconfirmed_unsub':
      case 'blocks_unsub':
        this.#subscribed.delete(op.replace('_unsub', ''))
        break
      case 'addr_sub':
        if (address !== undefined) this.addresses.add(address)
        break
      case 'addr_unsub':
        if (address !== undefined) this.addresses.delete(address)
        break
      case 'set_tx_mini':
        this.#subscribed.add('mini')
        break
      case 'ping':
        if (!this.faults.active('heartbeat-missing', this.exchange.now)) this.send('{"op":"pong"}')
        break
      case 'ping_block':
        this.send(blockFrame(this.#chain.block))
        break
      case 'ping_tx':
        if (this.#chain.latestTransaction !== null) this.send(this.#chain.latestTransaction)
    }
  }

  #message(frame: string): void {
    const { clock } = this.exchange
    const ahead = clock.seconds() - Math.floor(this.exchange.now / 1_000_000)
    this.send(spoilt(frame, ahead, this.faults))
  }
}

/** What of the common vocabulary a connection to the chain can do wrong by itself. */
const CHAIN_FAULTS: ReadonlySet<string> = new Set([
  'sequence-skipped',
  'sequence-repeated',
  'sequence-backwards',
  'price-null',
  'price-nan',
  'field-new',
  'field-missing',
  'heartbeat-missing',
])

const VALUE = /"(value|totalBTCSent)":\d+/

function spoilt(frame: string, ahead: number, faults: PendingFaults): string {
  let sent = frame
  if (ahead !== 0) {
    sent = sent.replace(/"time":(\d+)/g, (_, time: string) => `"time":${Number(time) + ahead}`)
  }
  if (faults.take('price-null')) sent = sent.replace(VALUE, '"$1":null')
  else if (faults.take('price-nan')) sent = sent.replace(VALUE, '"$1":NaN')
  if (faults.take('field-new')) sent = sent.replace('"x":{', '"x":{"novelty":{"nested":[1]},')
  return faults.take('field-missing') ? sent.replace(/"hash":"\w+",?/, '') : sent
}

function blockFrame({ hash, height, time }: Block): string {
  const transactions = 3
  return JSON.stringify({
    op: 'block',
    x: {
      txIndexes: Array.from({ length: transactions }, () => 0),
      nTx: transactions,
      totalBTCSent: 752_148_218_475,
      estimatedBTCSent: 41_512_345_678,
      reward: 0,
      size: 1_284_093,
      weight: 3_993_251,
      blockIndex: 0,
      prevBlockIndex: 0,
      height,
      hash,
      mrklRoot: '0'.repeat(64),
      version: 545_259_520,
      time,
      bits: 387_124_344,
      nonce: 1,
      foundBy: { description: 'Unknown', ip: '0.0.0.0', link: '', time },
    },
  })
}
