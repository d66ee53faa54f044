import * as z from 'zod'
import type { Family } from '../../connectors/huobi/symbols.js'
import { gzipStored } from '../../src/simulator/stored-compression.js'
import type { SimulatedPeer } from '../../src/simulator/venue-simulator.js'
import { readObject } from '../kit/requests.js'
import { SimulatedClient } from '../kit/simulated-client.js'
import { type HuobiExchange, type HuobiInstrument, ofFamily } from './instruments.js'
import { contractRow, fundingRow } from './rows.js'

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
export class NotificationSocket extends SimulatedClient<HuobiInstrument> {
  /** Null on `/center-notification`. */
  readonly #family: Family | null
  readonly #topics = new Set<string>()
  #unanswered: string[] = []

  constructor(exchange: HuobiExchange, peer: SimulatedPeer, family: Family | null) {
    super(exchange, peer)
    this.#family = family
    this.after(PING_MICROS, () => this.#ping())
    this.every(FUNDING_MICROS, () => {
      for (const instrument of this.#moving()) this.#funding(instrument)
    })
    this.every(CONTRACTS_MICROS, () =>
      this.#toAll('contract_info', (topic) => this.#contracts(topic, 'snapshot')),
    )
  }

  override commit(name: string): boolean | null {
    if (name === 'reconnect-notice') this.#hangUp()
    else if (name === 'message-unknown') this.#send(`{"op":"unheard","ts":${this.exchange.clock.ms()}}`)
    else return false
    return true
  }

  /** A position was closed by force; every client is sent the same. */
  liquidated(instrument: HuobiInstrument, row: string): void {
    if (instrument.facts.family !== this.#family) return
    const topic = this.#topicFor(instrument, 'liquidation_orders')
    if (topic !== null) this.#notify(topic, `"data":[${row}]`)
  }

  /** Maintenance began, and lasts so long: the families hang up, the centre stays and says so. */
  maintained(micros: number): void {
    if (this.#family !== null) return this.#hangUp()
    const state = () => this.#toAll('heartbeat', (topic) => this.#state(topic, 'update'))
    state()
    this.after(micros, state)
  }

  /** An instrument's status changed. */
  relisted(): void {
    this.#toAll('contract_info', (topic) => this.#contracts(topic, 'update'))
  }

  protected override request(text: string): void {
    const read = operation.safeParse(readObject(text))
    if (!read.success) return this.#send(`{"op":"error","ts":${this.exchange.clock.ms()}}`)
    const { op, cid, topic = '', ts } = read.data
    if (op === 'pong') this.#ponged(ts)
    else if (op === 'sub') this.#subscribe(topic, cid)
    else if (op === 'unsub') this.#answer('unsub', topic, cid, this.#topics.delete(topic) ? 0 : 2012)
    else this.#answer(op, topic, cid, 2030)
  }

  /** `ts` is text, unlike that of the acks, and only the same text answers it. */
  #ping(): void {
    const paused = this.faults.until('heartbeat-missing') - this.exchange.now
    if (paused > 0) {
      this.#unanswered = []
      return this.after(paused + PING_MICROS, () => this.#ping())
    }
    if (this.#unanswered.length >= MISSES) return this.#hangUp()
    const ts = String(this.exchange.clock.ms())
    this.#unanswered.push(ts)
    this.#send(`{"op":"ping","ts":"${ts}"}`)
    this.after(PING_MICROS, () => this.#ping())
  }

  #ponged(ts: unknown): void {
    if (typeof ts === 'string' && this.#unanswered.includes(ts)) this.#unanswered = []
  }

  #hangUp(): void {
    this.#send(`{"op":"close","ts":${this.exchange.clock.ms()}}`)
    this.close(1000, 'Bye')
  }

  #subscribe(topic: string, cid: string | undefined): void {
    const code = this.#refusal(topic)
    if (code !== 0) return this.#answer('sub', topic, cid, code)
    if (this.#covers(topic)) return this.#answer('sub', topic, cid, 2014)
    this.#topics.add(topic)
    this.#answer('sub', topic, cid, 0)
    if (topic.endsWith('.funding_rate')) this.#allFunding(topic)
    if (topic.endsWith('.contract_info')) this.#contracts(topic, 'init')
    if (topic.endsWith('.heartbeat')) this.#state(topic, 'init')
  }

  /** 1006 maintenance, 2010 no such topic, 2011 no such contract; 0 where it may be had. */
  #refusal(topic: string): number {
    const [prefix = '', about = '', what = '', ...more] = topic.split('.')
    if (prefix !== 'public' || more.length > 0) return 2010
    if (this.#family === null) return what === 'heartbeat' && about !== '' ? 0 : 2010
    if (this.#inMaintenance) return 1006
    if (!WHAT.has(what) || (what === 'funding_rate' && this.#family === 'futures')) return 2010
    return about === '*' || this.#about(about).length > 0 ? 0 : 2011
  }

  get #inMaintenance(): boolean {
    return this.exchange.faults.active('maintenance', this.exchange.now)
  }

  #covers(topic: string): boolean {
    return this.#topics.has(topic) || this.#topics.has(topic.replace(/^public\.[^.]+\./, 'public.*.'))
  }

  /** Coin-margined futures are named by their coin. */
  #about(about: string): HuobiInstrument[] {
    return ofFamily(this.exchange, this.#family).filter(({ facts }) => {
      const name = facts.family === 'futures' ? facts.base : facts.id
      return about === '*' || about.toUpperCase() === name
    })
  }

  #moving(): HuobiInstrument[] {
    return this.#about('*').filter((instrument) => this.exchange.moves(instrument))
  }

  #toAll(what: string, send: (topic: string) => void): void {
    for (const topic of this.#topics) if (topic.endsWith(`.${what}`)) send(topic)
  }

  /** The topic under which an instrument's rows go out; null where nobody subscribed them. */
  #topicFor({ facts }: HuobiInstrument, what: string): string | null {
    const topic = `public.${facts.family === 'futures' ? facts.base : facts.id}.${what}`
    return this.#covers(topic) ? topic : null
  }

  /** Under `*` first one frame with everything. */
  #allFunding(topic: string): void {
    const about = this.#about(topic.split('.')[1] ?? '').filter(isFunded)
    const rows = about.map((instrument) => fundingRow(instrument, this.exchange.clock.ms()))
    this.#notify(topic, `"data":[${rows.join()}]`)
  }

  #funding(instrument: HuobiInstrument): void {
    const topic = isFunded(instrument) ? this.#topicFor(instrument, 'funding_rate') : null
    if (topic === null) return
    this.#notify(topic, `"data":[${fundingRow(instrument, this.exchange.clock.ms())}]`)
  }

  #contracts(topic: string, event: 'init' | 'update' | 'snapshot'): void {
    const rows = this.#about(topic.split('.')[1] ?? '').map(contractRow)
    this.#notify(topic, `"event":"${event}","data":[${rows.join()}]`)
  }

  #state(topic: string, event: 'init' | 'update'): void {
    const heartbeat = this.#inMaintenance ? 0 : 1
    const until = Math.floor(this.exchange.faults.until('maintenance') / 1000)
    const recovery = this.#inMaintenance ? `,"estimated_recovery_time":${until}` : ''
    this.#notify(topic, `"event":"${event}","data":{"heartbeat":${heartbeat}${recovery}}`)
  }

  #notify(topic: string, said: string): void {
    this.#send(`{"op":"notify","topic":"${topic}","ts":${this.exchange.clock.ms()},${said}}`)
  }

  #answer(op: string, topic: string, cid: string | undefined, code: number): void {
    const message = code === 0 ? {} : { 'err-msg': MESSAGES[code] ?? 'refused' }
    const ts = this.exchange.clock.ms()
    this.#send(JSON.stringify({ op, cid, topic, ts, 'err-code': code, ...message }))
  }

  #send(text: string): void {
    this.send(gzipStored(text))
  }
}

/** What is delivered has no funding. */
function isFunded({ facts, status }: HuobiInstrument): boolean {
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
