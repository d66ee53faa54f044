import { type LosslessValue, readLossless } from '../../decode/lossless.js'
import { isRecord, misfit } from '../json-text.js'

/** A call of a hub's method, as a client sends it. */
export interface HubCall {
  readonly id: string
  /** In lower case: servers do not care. */
  readonly hub: string
  readonly method: string
  readonly args: readonly LosslessValue[]
}

/**
 * `{"H":"c3","M":"Subscribe","A":[["heartbeat","trade_BTC-USD"]],"I":1}`; the id is a number or text.
 *
 * @throws {DecodeError} `not_json` or `schema_mismatch`.
 */
export function readCall(text: string): HubCall {
  const value = readLossless(text)
  const { H: hub, M: method, A: args, I: id } = isRecord(value) ? value : {}
  if (typeof hub !== 'string') throw misfit('a call without a hub', text, ['H'])
  if (typeof method !== 'string') throw misfit('a call without a method', text, ['M'])
  if (!Array.isArray(args)) throw misfit('arguments that are no list', text, ['A'])
  if (typeof id !== 'string') throw misfit('a call without an id', text, ['I'])
  return { id, hub: hub.toLowerCase(), method: method.toLowerCase(), args }
}

/** Calls that were never answered are forgotten beyond this many, oldest first. */
const CALLS_KEPT = 10_000

/**
 * The calls of one connection that wait for their reply, each with its subject. Replies come in any order, and ids come
 * back as text. Clients that were recorded may have used an id several times: their replies are taken in order.
 */
export class OpenCalls<T> {
  readonly #open = new Map<string, T[]>()
  #size = 0
  #lastId = 0

  /** The text of a new call under an id of its own. */
  call(hub: string, method: string, args: readonly unknown[], subject: T): string {
    const id = ++this.#lastId
    this.add(String(id), subject)
    return JSON.stringify({ H: hub, M: method, A: args, I: id })
  }

  /** A call that was sent under an id of the sender's choice. */
  add(id: string, subject: T): void {
    const same = this.#open.get(id)
    if (same === undefined) this.#open.set(id, [subject])
    else same.push(subject)
    if (++this.#size > CALLS_KEPT) {
      for (const oldest of this.#open.keys()) {
        this.settle(oldest)
        break
      }
    }
  }

  /**
   * The subject of the oldest call under the id (that `fits`, where told), no longer waiting; undefined where there is none.
   */
  settle(id: string, fits: (subject: T) => boolean = () => true): T | undefined {
    const same = this.#open.get(id) ?? []
    const at = same.findIndex(fits)
    if (at === -1) return undefined
    const [subject] = same.splice(at, 1)
    if (same.length === 0) this.#open.delete(id)
    this.#size--
    return subject
  }

  /** Calls that wait. */
  get size(): number {
    return this.#size
  }
}
