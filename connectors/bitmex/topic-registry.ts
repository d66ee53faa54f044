import type { InstrumentRow } from '../../schemas/bitmex.js'
import type { Micros } from '../../schemas/events.js'
import type { Stream } from '../../src/session/stream.js'
import { LevelTable } from './level-table.js'
import type { TableName } from './topics.js'

/**
 * `unasked`: known, nothing sent. `asked`: a subscribe was sent. `granted`: the venue acked it. `leaving`: an unsubscribe was
 * sent; what still comes is passed over.
 */
export type TopicState = 'unasked' | 'asked' | 'granted' | 'leaving'

/** One table of one symbol on this connection: what the venue is asked for, and the streams that it feeds. */
export interface Topic {
  /** As on the wire: `orderBookL2:XBTUSD`. */
  readonly name: string
  readonly table: TableName
  readonly symbol: string
  state: TopicState
  /** When the last subscribe was sent. */
  askedAt: Micros | null
  streams: readonly Stream[]
  /** Whether the partial has come since the last subscribe: changes before it are of another time. */
  imaged: boolean
  /** When it came: the last moment at which a book without numbers is known to have been whole. */
  imagedAt: Micros | null
  /** The rows of an L2 table. */
  readonly levels: LevelTable
  /** The merged row of the instrument table. */
  instrument: InstrumentRow | null
}

/** The topics of one connection, by table and symbol. */
export class TopicRegistry {
  readonly #tables = new Map<TableName, Map<string, Topic>>()

  find(table: TableName, symbol: string): Topic | undefined {
    return this.#tables.get(table)?.get(symbol)
  }

  /** The topic of a table and symbol, made on first use. */
  open(table: TableName, symbol: string): Topic {
    let topics = this.#tables.get(table)
    if (topics === undefined) {
      topics = new Map()
      this.#tables.set(table, topics)
    }
    let topic = topics.get(symbol)
    if (topic === undefined) {
      topic = {
        name: `${table}:${symbol}`,
        table,
        symbol,
        state: 'unasked',
        askedAt: null,
        streams: [],
        imaged: false,
        imagedAt: null,
        levels: new LevelTable(),
        instrument: null,
      }
      topics.set(symbol, topic)
    }
    return topic
  }

  delete(topic: Topic): void {
    this.#tables.get(topic.table)?.delete(topic.symbol)
  }

  /** The topics of a table: all, or that of one symbol. */
  of(table: TableName, symbol: string | null): Topic[] {
    if (symbol === null) return [...(this.#tables.get(table)?.values() ?? [])]
    const topic = this.find(table, symbol)
    return topic === undefined ? [] : [topic]
  }
}
