import type { InstrumentRow } from '../../schemas/bitmex.js'
import type { Micros } from '../../schemas/events.js'
import { TapewireError } from '../../src/errors.js'
import type { RestBackfills } from '../../src/session/rest-backfill.js'
import type { SessionKit } from '../../src/session/session.js'
import { type Topic, Topics } from '../../src/venue/topics.js'
import { guess, undescribed } from './guess.js'
import { emitInstrument } from './instrument-rows.js'
import { LevelTable } from './level-table.js'
import { channels, channelsOf, splitTopic, TABLE_NAMES, type TableName, tableOf } from './topics.js'

/** One table of one symbol, as it stands here. */
export interface Table {
  readonly table: TableName
  readonly symbol: string
  /** Whether the partial has come since the last subscribe: changes before it are of another time. */
  imaged: boolean
  /** When it came: the last moment at which a book without numbers is known to have been whole. */
  imagedAt: Micros | null
  /** The rows of an L2 table. */
  readonly levels: LevelTable
  /** The merged row of the instrument table. */
  instrument: InstrumentRow | null
}

export type TableTopic = Topic<Table>

const TABLES: ReadonlyMap<string, TableName> = new Map(TABLE_NAMES.map((table) => [table, table]))

/** The table of a name; undefined where it is none that is read. */
export function tableNamed(name: string): TableName | undefined {
  return TABLES.get(name)
}

/** @param topicsARequest the most that the venue takes in one request now */
export function tableTopics(
  { init, sink, streams, ...kit }: SessionKit,
  backfills: RestBackfills,
  topicsARequest: () => number,
): Topics<Table> {
  return new Topics<Table>(
    { init, sink, streams, ...kit },
    {
      of({ channel, instrument: { instrument } }) {
        const table = tableOf(channel)
        if (table === undefined) throw new TapewireError('internal', `BitMEX has no table for ${channel}`)
        return [`${table}:${instrument}`]
      },
      open(name) {
        const { table: named, symbol } = splitTopic(name)
        const table = tableNamed(named)
        if (table === undefined || symbol === null) {
          throw new TapewireError('internal', `BitMEX has no table for ${name}`)
        }
        return { table, symbol, imaged: false, imagedAt: null, levels: new LevelTable(), instrument: null }
      },
      shown({ data: { table, symbol } }) {
        const instrument = init.instruments.get(symbol) ?? guess(symbol) ?? undescribed(symbol)
        return channelsOf(table).flatMap((channel) => {
          const spec = channels.find(({ kind }) => channel === kind || channel.startsWith(`${kind}:`))
          return spec?.markets.includes(instrument.market) ? [{ instrument, channel }] : []
        })
      },
      send: (op, topics) => sink.send(JSON.stringify({ op, args: topics.map(({ name }) => name) })),
      topicsARequest,
      asked({ data }) {
        data.imaged = false
      },
      /** A further channel of a table that is here already (derivative beside ticker) begins with what is held. */
      joined(stream, [topic], at) {
        const { instrument = null, imaged = false } = topic?.data ?? {}
        if (instrument !== null && imaged) emitInstrument(streams, [stream], instrument, null, at)
      },
      forget: (stream) => backfills.forget(stream),
    },
  )
}

/** The topics that a topic of the wire names: one, or a whole table. */
export function topicsNamed(topics: Topics<Table>, table: string, symbol: string | null): TableTopic[] {
  if (symbol === null) return [...topics.values()].filter(({ data }) => data.table === table)
  const topic = topics.get(`${table}:${symbol}`)
  return topic === undefined ? [] : [topic]
}
