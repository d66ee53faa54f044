import * as z from 'zod'
import type { Family } from '../../connectors/huobi/symbols.js'
import type { Micros } from '../../schemas/events.js'
import { gzipStored } from '../../src/simulator/stored-compression.js'
import type { SimulatedConnection, SimulatedPeer } from '../../src/simulator/venue-simulator.js'
import type { SimulatedInstrument } from './instruments.js'
import { contractRow, fundingRow } from './rows.js'
import type { Scene } from './scene.js'

const operation = z.looseObject({
  op: z.string(),
  cid: z.string().optional(),
  topic: z.string().optional(),
  ts: z.unknown().optional(),
})

const PING_MICROS = 5_300_000
/** Pings in a row without an answer, after which the venue says `close` and hangs up. */
const MISSES = 5
const FUNDING_MICROS = 5_000_000
const CONTRACTS_MICROS = 60_000_000

const WHAT = new Set(['funding_rate', 'liquidation_orders', 'contract_info', 'contract_elements'])

/** One client on a notification socket: `op`, `cid`, `topic`. */
export class NotificationSocket implements SimulatedConnection {
  readonly #peer: SimulatedPeer
  /** Null on `/center-notification`. */
  readonly #family: Family | null
  readonly #scene: Scene
  readonly #topics = new Set<string>()
  #unanswered: string[] = []
  #pingAt: Micros
  #fundingAt: Micros
  #contractsAt: Micros
  #maintenance = false

  constructor(peer: SimulatedPeer, family: Family | null, scene: Scene, at: Micros) {
    this.#peer = peer
    this.#family = family
    this.#scene = scene
    this.#pingAt = at + PING_MICROS
    this.#fundingAt = at + FUNDING_MICROS
    this.#contractsAt = at + CONTRACTS_MICROS
  }

  received(data: string | Uint8Array, at: Micros): void {
    const message = parse(typeof data === 'string' ? data : new TextDecoder().decode(data))
    if (message === null) this.#send(`{"op":"error","ts":${this.#scene.ms(at)}}`)
    else if (message.op === 'pong') this.#ponged(message.ts)
    else if (message.op === 'sub') this.#subscribe(message.topic ?? '', message.cid, at)
    else if (message.op === 'unsub') this.#unsubscribe(message.topic ?? '', message.cid, at)
    else this.#answer(message.op, message.topic ?? '', message.cid, 2030, at)
  }

  closed(): void {
    this.#topics.clear()
  }

  advance(at: Micros): void {
    this.#heartbeat(at)
    if (this.#maintenance !== at < this.#scene.maintenanceUntil) {
      this.#maintenance = !this.#maintenance
      for (const topic of this.#topics) if (topic.endsWith('.heartbeat')) this.#state(topic, 'update', at)
    }
    if (at >= this.#fundingAt) {
      this.#fundingAt += FUNDING_MICROS
      for (const instrument of this.#alive(at)) this.#funding(instrument, at)
    }
    if (at >= this.#contractsAt) {
      this.#contractsAt += CONTRACTS_MICROS
      for (const topic of this.#topics)
        if (topic.endsWith('.contract_info')) this.#contracts(topic, 'snapshot', at)
    }
  }

  fault(name: string, at: Micros): boolean {
    if (name === 'reconnect-notice') {
      this.#hangUp(at)
      return true
    }
    if (name === 'message-unknown') {
      this.#send(`{"op":"unheard","ts":${this.#scene.ms(at)}}`)
      return true
    }
    return false
  }

  /** A position was closed by force; every client is told the same. */
  liquidated(instrument: SimulatedInstrument, row: string, at: Micros): void {
    if (instrument.facts.family !== this.#family) return
    const topic = this.#topicFor(instrument, 'liquidation_orders')
    if (topic !== null) this.#notify(topic, `"data":[${row}]`, at)
  }

  /** Maintenance began: the families hang up, the centre stays and tells it. */
  maintained(at: Micros): void {
    if (this.#family !== null) this.#hangUp(at)
  }

  /** An instrument's status changed. */
  changed(at: Micros): void {
    for (const topic of this.#topics)
      if (topic.endsWith('.contract_info')) this.#contracts(topic, 'update', at)
  }

  /** `ts` is text, unlike that of the acks, and only the same text answers it. */
  #heartbeat(at: Micros): void {
    if (at < this.#scene.noHeartbeatUntil) {
      this.#pingAt = this.#scene.noHeartbeatUntil + PING_MICROS
      this.#unanswered = []
      return
    }
    if (at < this.#pingAt) return
    this.#pingAt += PING_MICROS
    if (this.#unanswered.length >= MISSES) {
      this.#hangUp(at)
      return
    }
    const ts = String(this.#scene.ms(at))
    this.#unanswered.push(ts)
    this.#send(`{"op":"ping","ts":"${ts}"}`)
  }

  #ponged(ts: unknown): void {
    if (typeof ts === 'string' && this.#unanswered.includes(ts)) this.#unanswered = []
  }

  #hangUp(at: Micros): void {
    this.#send(`{"op":"close","ts":${this.#scene.ms(at)}}`)
    this.#peer.close(1000, 'Bye')
  }

  #subscribe(topic: string, cid: string | undefined, at: Micros): void {
    const code = this.#refusal(topic, at)
    if (code !== 0) return this.#answer('sub', topic, cid, code, at)
    if (this.#covers(topic)) return this.#answer('sub', topic, cid, 2014, at)
    this.#topics.add(topic)
    this.#answer('sub', topic, cid, 0, at)
    if (topic.endsWith('.funding_rate')) this.#allFunding(topic, at)
    if (topic.endsWith('.contract_info')) this.#contracts(topic, 'init', at)
    if (topic.endsWith('.heartbeat')) this.#state(topic, 'init', at)
  }

  #unsubscribe(topic: string, cid: string | undefined, at: Micros): void {
    this.#answer('unsub', topic, cid, this.#topics.delete(topic) ? 0 : 2012, at)
  }

  /** 1006 maintenance, 2010 no such topic, 2011 no such contract; 0 where it may be had. */
  #refusal(topic: string, at: Micros): number {
    const [prefix = '', about = '', what = '', ...more] = topic.split('.')
    if (prefix !== 'public' || more.length > 0) return 2010
    if (this.#family === null) return what === 'heartbeat' && about !== '' ? 0 : 2010
    if (at < this.#scene.maintenanceUntil) return 1006
    if (!WHAT.has(what) || (what === 'funding_rate' && this.#family === 'futures')) return 2010
    return about === '*' || this.#about(about).length > 0 ? 0 : 2011
  }

  #covers(topic: string): boolean {
    return this.#topics.has(topic) || this.#topics.has(topic.replace(/^public\.[^.]+\./, 'public.*.'))
  }

  /** Coin-margined futures are named by their coin. */
  #about(about: string): SimulatedInstrument[] {
    return this.#scene.instruments.filter(({ facts }) => {
      if (facts.family !== this.#family) return false
      const name = facts.family === 'futures' ? facts.base : facts.id
      return about === '*' || about.toUpperCase() === name
    })
  }

  #alive(at: Micros): SimulatedInstrument[] {
    return this.#about('*').filter(({ status, mutedUntil }) => status === 'open' && at >= mutedUntil)
  }

  /** The topic under which an instrument's rows go out; null where nobody subscribed them. */
  #topicFor({ facts }: SimulatedInstrument, what: string): string | null {
    const topic = `public.${facts.family === 'futures' ? facts.base : facts.id}.${what}`
    return this.#covers(topic) ? topic : null
  }

  /** Under `*` first one frame with everything. */
  #allFunding(topic: string, at: Micros): void {
    const about = this.#about(topic.split('.')[1] ?? '').filter(isFunded)
    const rows = about.map((instrument) => fundingRow(instrument, this.#scene.ms(at)))
    this.#notify(topic, `"data":[${rows.join()}]`, at)
  }

  #funding(instrument: SimulatedInstrument, at: Micros): void {
    const topic = isFunded(instrument) ? this.#topicFor(instrument, 'funding_rate') : null
    if (topic !== null) this.#notify(topic, `"data":[${fundingRow(instrument, this.#scene.ms(at))}]`, at)
  }

  #contracts(topic: string, event: 'init' | 'update' | 'snapshot', at: Micros): void {
    const rows = this.#about(topic.split('.')[1] ?? '').map(contractRow)
    this.#notify(topic, `"event":"${event}","data":[${rows.join()}]`, at)
  }

  #state(topic: string, event: 'init' | 'update', at: Micros): void {
    const heartbeat = this.#maintenance ? 0 : 1
    const until = Math.floor(this.#scene.maintenanceUntil / 1000)
    const recovery = this.#maintenance ? `,"estimated_recovery_time":${until}` : ''
    this.#notify(topic, `"event":"${event}","data":{"heartbeat":${heartbeat}${recovery}}`, at)
  }

  #notify(topic: string, said: string, at: Micros): void {
    this.#send(`{"op":"notify","topic":"${topic}","ts":${this.#scene.ms(at)},${said}}`)
  }

  #answer(op: string, topic: string, cid: string | undefined, code: number, at: Micros): void {
    const message = code === 0 ? {} : { 'err-msg': MESSAGES[code] ?? 'refused' }
    this.#send(JSON.stringify({ op, cid, topic, ts: this.#scene.ms(at), 'err-code': code, ...message }))
  }

  #send(text: string): void {
    this.#peer.send(gzipStored(text))
  }
}

/** What is delivered has no funding. */
function isFunded({ facts, status }: SimulatedInstrument): boolean {
  return status === 'open' && facts.delivery === null
}

const MESSAGES: Readonly<Record<number, string>> = {
  1006: 'The system is being maintained.',
  2010: 'Topic error.',
  2011: 'Contract does not exist.',
  2012: 'Topic not subscribed.',
  2014: 'Repeated subscription.',
  2030: 'Illegal operation.',
}

function parse(text: string): z.output<typeof operation> | null {
  try {
    const read = operation.safeParse(JSON.parse(text))
    return read.success ? read.data : null
  } catch {
    return null
  }
}
