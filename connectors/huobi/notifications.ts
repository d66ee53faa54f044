import type { Micros } from '../../schemas/events.js'
import {
  huobiContractInfo,
  huobiFunding,
  huobiHeartbeat,
  huobiLiquidations,
  huobiOperation,
} from '../../schemas/huobi.js'
import type { Instrument } from '../../src/connector.js'
import { checker, unsignedDecimal } from '../../src/decode/index.js'
import { DecodeError } from '../../src/errors.js'
import type { SessionKit } from '../../src/session/index.js'
import { listedContract } from './catalogue.js'
import { decimalAt, decimalOrNull } from './decimals.js'
import type { Derivatives } from './derivatives.js'
import type { RowStream } from './market-data.js'
import { readTopic } from './topics.js'
import { sideOf } from './trades.js'

const checkOperation = checker(huobiOperation)
const checkFunding = checker(huobiFunding)
const checkLiquidations = checker(huobiLiquidations)
const checkContractInfo = checker(huobiContractInfo)
const checkHeartbeat = checker(huobiHeartbeat)

/** `err-code` of an ack. */
const GRANTED = '0'
/** Subscribed already, also by a wider topic: harmless. */
const REPEATED = '2014'
const MAINTENANCE = '1006'
/** More sockets than the venue allows. */
const TOO_MANY_CONNECTIONS = '2030'

/** A maintenance lasts minutes; the venue names no time on the socket that refuses. */
const AFTER_MAINTENANCE_MS = 30_000

/** The venue says no time; its limits are of connections that are open, which only closing them makes room for. */
const AFTER_TOO_MANY_MS = 60_000

/** What the notification sockets tell their session. */
export interface NotificationHooks {
  granted(topic: string, id: string | null, at: Micros | null): void
  ended(topic: string, id: string | null, at: Micros | null): void
  refused(id: string | null, topic: string | null, reason: string, at: Micros | null): void
  readonly row: RowStream
}

/** The grammar of the notification sockets: `op`, `cid` and `topic` in place of `sub`, `id` and `ch`. */
export class Notifications {
  readonly #kit: SessionKit
  readonly #derivatives: Derivatives
  readonly #hooks: NotificationHooks
  /** What each contract's stream said last: the same rows come every minute. */
  readonly #told = new Map<string, string>()

  constructor(kit: SessionKit, derivatives: Derivatives, hooks: NotificationHooks) {
    this.#kit = kit
    this.#derivatives = derivatives
    this.#hooks = hooks
  }

  frame(value: unknown, text: string, at: Micros | null): void {
    const frame = checkOperation(value, text)
    const { op } = frame
    switch (op) {
      case 'notify':
        this.#notified(frame.topic ?? '', value, text, at)
        break
      case 'ping':
        this.#pong(text)
        break
      case 'sub':
      case 'unsub':
        this.#answer(frame, at)
        break
      case 'close':
        if (!this.#kit.init.adopt) this.#kit.sink.reconnect('the venue hangs up')
        break
      case 'error':
        this.#kit.streams.connection('refused', frame['err-msg'] ?? 'the venue reports an error', at)
        break
      case 'pong':
        break
      default:
        throw new DecodeError('unknown_message', `the operation ${op} is not known`, {
          path: ['op'],
          head: text,
        })
    }
  }

  /**
   * `ts` is text here and a number elsewhere, and goes back exactly as it stands: a client that read it as a number never
   * answered and was dropped every thirty seconds.
   */
  #pong(text: string): void {
    const raw = /"ts"\s*:\s*("[^"]*"|-?\d+)/.exec(text)?.[1]
    if (!this.#kit.init.adopt)
      this.#kit.sink.send(raw === undefined ? '{"op":"pong"}' : `{"op":"pong","ts":${raw}}`)
  }

  #answer(frame: ReturnType<typeof checkOperation>, at: Micros | null): void {
    const code = frame['err-code'] ?? GRANTED
    const id = frame.cid ?? null
    const topic = frame.topic ?? null
    if (code === GRANTED || code === REPEATED) {
      if (topic === null) return
      if (frame.op === 'sub') this.#hooks.granted(topic, id, at)
      else this.#hooks.ended(topic, id, at)
      return
    }
    const reason = `${frame['err-msg'] ?? 'refused'} (${code})`
    if (code === MAINTENANCE) {
      this.#kit.streams.connection('maintenance', reason, at)
      if (!this.#kit.init.adopt) {
        this.#kit.sink.reconnect('maintenance', { planned: true, afterMs: AFTER_MAINTENANCE_MS })
      }
      return
    }
    if (code === TOO_MANY_CONNECTIONS) {
      this.#kit.streams.connection('refused', reason, at)
      if (this.#kit.init.adopt) return
      this.#kit.sink.limited?.({ forMs: AFTER_TOO_MANY_MS })
      this.#kit.sink.reconnect(reason, { afterMs: AFTER_TOO_MANY_MS })
      return
    }
    this.#hooks.refused(id, topic, reason, at)
  }

  #notified(text: string, value: unknown, frame: string, at: Micros | null): void {
    switch (readTopic(text)?.form) {
      case 'funding':
        this.#funding(value, frame, at)
        break
      case 'liquidations':
        this.#liquidations(value, frame, at)
        break
      case 'contract-info':
        this.#contractInfo(value, frame, at)
        break
      case 'heartbeat':
        this.#heartbeat(value, frame, at)
        break
      case 'unused':
        break
      default:
        throw new DecodeError('unknown_message', `the topic ${text} is not known`, {
          path: ['topic'],
          head: frame,
        })
    }
  }

  #funding(value: unknown, text: string, at: Micros | null): void {
    const { data, ts } = checkFunding(value, text)
    for (const [index, row] of data.entries()) {
      const stream = this.#hooks.row(row.contract_code, 'derivative:funding', at)
      if (stream !== undefined) this.#derivatives.funding(stream, row, ts, index, at)
    }
  }

  /** `direction` is that of the order: `buy` closes a short. */
  #liquidations(value: unknown, text: string, at: Micros | null): void {
    const { data } = checkLiquidations(value, text)
    for (const [index, row] of data.entries()) {
      const stream = this.#hooks.row(row.contract_code, 'liquidation', at)
      if (stream === undefined) continue
      this.#kit.streams.liquidation(
        stream,
        stream.instrument,
        {
          id: null,
          exchangeTime: row.created_at * 1000,
          price: decimalOrNull(row.price, ['data', index, 'price']),
          amount: decimalAt(row.volume, ['data', index, 'volume'], unsignedDecimal),
          side: sideOf(row.direction),
        },
        at,
      )
    }
  }

  #contractInfo(value: unknown, text: string, at: Micros | null): void {
    const { data, ts } = checkContractInfo(value, text)
    for (const row of data) {
      const instrument = listedContract(row)
      if (instrument === null) continue
      const stream = this.#hooks.row(row.contract_code, 'instrument', at)
      if (stream === undefined || !this.#isNews(instrument)) continue
      this.#kit.streams.instrument(stream, instrument, { exchangeTime: ts * 1000, receiveTime: at })
    }
  }

  #isNews(instrument: Instrument): boolean {
    const said = JSON.stringify(instrument)
    if (this.#told.get(instrument.instrument) === said) return false
    this.#told.set(instrument.instrument, said)
    return true
  }

  #heartbeat(value: unknown, text: string, at: Micros | null): void {
    const { data, topic } = checkHeartbeat(value, text)
    if (data.heartbeat !== 0) return
    this.#kit.streams.connection('maintenance', topic, at)
  }
}
