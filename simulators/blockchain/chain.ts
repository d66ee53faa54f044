import type { Micros } from '../../schemas/events.js'
import { SeededRandom } from '../../src/simulator/random.js'
import type { SimulatedConnection, SimulatedPeer } from '../../src/simulator/venue-simulator.js'

/** Everything that one connection to the chain feed can do wrong; the numbered stream is that of blocks. @see VENUE_FAULTS */
export const CHAIN_FAULTS = [
  'sequence-skipped',
  'sequence-repeated',
  'sequence-backwards',
  'price-null',
  'price-nan',
  'message-unknown',
  'field-new',
  'field-missing',
  'heartbeat-missing',
  'clock-off',
] as const

type ChainFault = (typeof CHAIN_FAULTS)[number]

interface Client {
  readonly peer: SimulatedPeer
  /** Faults that wait for the message that they fit. */
  readonly faults: Set<ChainFault>
  /** A block that the next one overtakes. */
  heldBlock: Block | null
  noPongUntil: Micros
  clockOffUntil: Micros
  unconfirmed: boolean
  blocks: boolean
  mini: boolean
  readonly addresses: Set<string>
}

interface Block {
  readonly hash: string
  readonly height: number
  readonly time: number
}

const TRANSACTIONS_A_SECOND = 5
const LASTING_FAULT_MICROS = 60_000_000
const HOUR_SECONDS = 3_600
/** Far quicker than the chain's ten minutes: a simulator that is watched for a minute must show a block. */
const BLOCK_SECONDS = 15
/** The height at 6 June 2025, 00:00 UTC. */
const KNOWN_HEIGHT = 900_000
const KNOWN_SECONDS = Date.UTC(2025, 5, 6) / 1000

/**
 * The chain feed: no acks, no errors; what it does not know it ignores. There is one chain: which block stands at which
 * height depends on the time alone, so that a simulator that starts again goes on where the last one stopped.
 */
export class SimulatedChain {
  readonly #random: SeededRandom
  readonly #clients = new Set<Client>()
  #block: Block | null = null
  #transacted: Micros | null = null
  #latestTransaction = ''

  constructor(random: SeededRandom) {
    this.#random = random
  }

  connect(peer: SimulatedPeer): SimulatedConnection {
    const client: Client = {
      peer,
      faults: new Set(),
      heldBlock: null,
      noPongUntil: 0,
      clockOffUntil: 0,
      unconfirmed: false,
      blocks: false,
      mini: false,
      addresses: new Set(),
    }
    this.#clients.add(client)
    return {
      received: (data, at) => this.#received(client, data, at),
      closed: () => void this.#clients.delete(client),
      fault: (name, at) => commit(client, name, at),
    }
  }

  /** `GET /latestblock`. */
  latest(at: Micros): Record<string, unknown> {
    const { hash, height, time } = this.#block ?? this.#mine(at)
    return { hash, time, block_index: 0, height, txIndexes: [] }
  }

  advance(at: Micros): void {
    this.#transacted ??= at
    const every = 1_000_000 / TRANSACTIONS_A_SECOND
    while (this.#transacted + every <= at) {
      this.#transacted += every
      this.#transact(Math.round(this.#transacted))
    }
    if (this.#block === null || this.#block.height < heightAt(at)) this.#mine(at)
  }

  #received(client: Client, data: string | Uint8Array, at: Micros): void {
    const { op, addr } = parse(data)
    switch (op) {
      case 'unconfirmed_sub':
      case 'unconfirmed_unsub':
        client.unconfirmed = op === 'unconfirmed_sub'
        break
      case 'blocks_sub':
      case 'blocks_unsub':
        client.blocks = op === 'blocks_sub'
        break
      case 'addr_sub':
        if (typeof addr === 'string') client.addresses.add(addr)
        break
      case 'addr_unsub':
        if (typeof addr === 'string') client.addresses.delete(addr)
        break
      case 'set_tx_mini':
        client.mini = true
        break
      case 'ping':
        if (at >= client.noPongUntil) client.peer.send('{"op":"pong"}')
        break
      case 'ping_block':
        if (this.#block !== null) client.peer.send(blockFrame(this.#block))
        break
      case 'ping_tx':
        if (this.#latestTransaction !== '') client.peer.send(this.#latestTransaction)
    }
  }

  #mine(at: Micros): Block {
    const height = this.#block === null ? heightAt(at) : this.#block.height + 1
    const block = {
      hash: `00000000${hex(new SeededRandom(height), 56)}`,
      height,
      time: KNOWN_SECONDS + (height - KNOWN_HEIGHT) * BLOCK_SECONDS,
    }
    // What stands when the simulator starts was sent before.
    const first = this.#block === null
    this.#block = block
    if (first) return block
    for (const client of this.#clients) if (client.blocks) tellBlock(client, block, at)
    return block
  }

  #transact(at: Micros): void {
    const watched = [...this.#clients].flatMap(({ addresses }) => [...addresses])
    const to = watched.length > 0 && this.#random.chance(0.3) ? this.#random.pick(watched) : this.#address()
    const paid = this.#random.integer(1000, 2_000_000_000)
    const change = this.#random.integer(0, 500_000)
    const fee = this.#random.integer(150, 20_000)
    // The time keeps the hash of one start from those of another.
    const hash = `${hex(this.#random, 48)}${at.toString(16).padStart(16, '0')}`
    const time = Math.floor(at / 1_000_000)
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
      size: this.#random.integer(190, 900),
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
    this.#latestTransaction = JSON.stringify({ op: 'utx', x: transaction })
    const mini = JSON.stringify({ op: 'minitx', x: { time, value: paid + change, txIndex: 0, hash } })
    for (const client of this.#clients) {
      if (!client.unconfirmed && !client.addresses.has(to)) continue
      tell(client, client.mini ? mini : this.#latestTransaction, at)
    }
  }

  #address(): string {
    return `bc1q${hex(this.#random, 38)}`
  }
}

function heightAt(at: Micros): number {
  return KNOWN_HEIGHT + Math.floor((at / 1_000_000 - KNOWN_SECONDS) / BLOCK_SECONDS)
}

function hex(random: SeededRandom, length: number): string {
  return Array.from({ length }, () => random.integer(0, 15).toString(16)).join('')
}

function commit(client: Client, name: string, at: Micros): boolean {
  const fault = CHAIN_FAULTS.find((each) => each === name)
  if (fault === undefined) return false
  if (fault === 'message-unknown') client.peer.send('{"op":"weather","x":{"sky":"clear"}}')
  else if (fault === 'heartbeat-missing') client.noPongUntil = at + LASTING_FAULT_MICROS
  else if (fault === 'clock-off') client.clockOffUntil = at + LASTING_FAULT_MICROS
  else client.faults.add(fault)
  return true
}

function tellBlock(client: Client, block: Block, at: Micros): void {
  const { faults, heldBlock } = client
  if (faults.delete('sequence-skipped')) return
  if (heldBlock === null && faults.delete('sequence-backwards')) {
    client.heldBlock = block
    return
  }
  client.heldBlock = null
  for (const told of [block, ...(heldBlock === null ? [] : [heldBlock])]) tell(client, blockFrame(told), at)
  if (faults.delete('sequence-repeated')) tell(client, blockFrame(block), at)
}

/** Sends a transaction or a block, spoilt by the faults that wait for one. */
function tell({ peer, faults, clockOffUntil }: Client, frame: string, at: Micros): void {
  let told = frame
  if (at < clockOffUntil) {
    told = told.replace(/"time":(\d+)/g, (_, time: string) => `"time":${Number(time) + HOUR_SECONDS}`)
  }
  if (faults.delete('price-null')) told = told.replace(VALUE, '"$1":null')
  else if (faults.delete('price-nan')) told = told.replace(VALUE, '"$1":NaN')
  if (faults.delete('field-new')) told = told.replace('"x":{', '"x":{"novelty":{"nested":[1]},')
  if (faults.delete('field-missing')) told = told.replace(/"hash":"\w+",?/, '')
  peer.send(told)
}

const VALUE = /"(value|totalBTCSent)":\d+/

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

function parse(data: string | Uint8Array): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(typeof data === 'string' ? data : new TextDecoder().decode(data))
    return typeof value === 'object' && value !== null ? { ...value } : {}
  } catch {
    return {}
  }
}
