import type { MarketEventType } from '../schemas/events.js'
import { type EventField, type EventShape, eventShapes } from './event-codec.js'

/** The view of each type of event. */
export const viewNames: Readonly<Record<MarketEventType, string>> = {
  trade: 'trades',
  book_snapshot: 'book_snapshots',
  book_update: 'book_updates',
  order_snapshot: 'order_snapshots',
  order_update: 'order_updates',
  quote: 'quotes',
  ticker: 'tickers',
  candle: 'candles',
  derivative: 'derivatives',
  liquidation: 'liquidations',
  instrument: 'instruments',
  transaction: 'transactions',
  block: 'blocks',
  gap: 'gaps',
  checksum: 'checksums',
  connection: 'connections',
  malformed: 'malformed_frames',
}

/**
 * The views for a person at the `sqlite3` shell: one for each type of event, with every field as a column, decimals as the
 * exact text, times as ISO 8601 with microseconds; and the books one row a level.
 *
 * They use nothing newer than SQLite 3.37, which long-term Linux releases have.
 */
export function viewsSql(): string {
  return [
    ...eventShapes.map(eventView),
    bookLevelsView('book_levels', ['book_snapshot', 'book_update'], ['price', 'amount']),
    bookLevelsView('book_orders', ['order_snapshot', 'order_update'], ['order_id', 'price', 'amount']),
    runsView(),
    subscriptionsView(),
  ].join('\n')
}

function eventView(shape: EventShape): string {
  const columns = ['e.id AS "event"', ...shape.head.flatMap(headColumn), ...shape.body.map(bodyColumn)]
  return `CREATE VIEW ${viewNames[shape.type]} AS SELECT ${columns.join(', ')}
    FROM events e JOIN streams s ON s.id = e.stream WHERE e.type = ${typeId(shape.type)};`
}

/** One row for each level (or order) that a snapshot or update named, in the order of the event. */
function bookLevelsView(
  name: string,
  types: readonly [MarketEventType, MarketEventType],
  columns: readonly string[],
): string {
  const [snapshot] = types
  const sides = (['bids', 'asks'] as const).map((side) => {
    const cells = columns.map((column, at) => `json_extract(l.value, '$[${at}]') AS ${column}`)
    return `SELECT e.id AS event, s.venue, s.symbol, s.instrument, s.channel,
      ${isoTime('e.exchange_time')} AS exchange_time, ${isoTime('e.receive_time')} AS receive_time,
      e.type = ${typeId(snapshot)} AS snapshot, '${side === 'bids' ? 'bid' : 'ask'}' AS side,
      l.key AS position, ${cells.join(', ')}
      FROM events e JOIN streams s ON s.id = e.stream
      JOIN json_each(e.body, '$[${fieldAt(snapshot, side)}]') l
      WHERE e.type IN (${types.map(typeId).join(', ')})`
  })
  return `CREATE VIEW ${name} AS ${sides.join(' UNION ALL ')};`
}

function runsView(): string {
  return `CREATE VIEW recordings AS SELECT id, first_event,
    coalesce(lead(first_event) OVER (ORDER BY id) - 1, (SELECT max(id) FROM events)) AS last_event,
    ${isoTime('opened')} AS opened, ${isoTime('closed')} AS closed, writer FROM runs;`
}

function subscriptionsView(): string {
  return `CREATE VIEW subscriptions AS SELECT run AS recording, venue, symbol, instrument, channel,
    ${isoTime('asked_at')} AS asked, ${isoTime('confirmed_at')} AS confirmed, refused,
    ${isoTime('ended_at')} AS ended FROM run_streams;`
}

function headColumn(field: string): string[] {
  switch (field) {
    case 'type':
      return []
    case 'exchangeTime':
      return [`${isoTime('e.exchange_time')} AS exchange_time`]
    case 'receiveTime':
      return [`${isoTime('e.receive_time')} AS receive_time`]
    case 'n':
      return ['e.n']
    default:
      return [`s.${field}`]
  }
}

function bodyColumn({ name, kind }: EventField, at: number): string {
  const value = `json_extract(e.body, '$[${at}]')`
  return `${kind === 'time' ? isoTime(value) : value} AS "${columnName(name, kind)}"`
}

/** `openInterest` is `open_interest`; `from` of a gap, a time, is `from_time`. */
function columnName(field: string, kind: EventField['kind']): string {
  const snake = field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
  return kind === 'time' && (snake === 'from' || snake === 'to') ? `${snake}_time` : snake
}

/** `2024-05-01T12:00:00.123456Z`, also before 1970. */
function isoTime(micros: string): string {
  const fraction = `((${micros} % 1000000 + 1000000) % 1000000)`
  return `strftime('%Y-%m-%dT%H:%M:%S', (${micros} - ${fraction}) / 1000000, 'unixepoch') || printf('.%06dZ', ${fraction})`
}

function typeId(type: MarketEventType): string {
  return `(SELECT id FROM event_types WHERE type = '${type}')`
}

function fieldAt(type: MarketEventType, name: string): number {
  const shape = eventShapes.find((candidate) => candidate.type === type)
  return shape?.body.findIndex((field) => field.name === name) ?? -1
}
