import * as z from 'zod'
import { marketEvent, micros } from '../schemas/event-schemas.js'
import type { MarketEvent, MarketEventType } from '../schemas/events.js'

/**
 * How an event becomes a row and a row the very same event again.
 *
 * What nearly every query asks for has a column: the stream (venue, symbol, instrument, channel), the type, the number within the stream, the two times.
 * The rest of the event is the row's `body`: a JSON array of the remaining fields in the order of the event's schema. The
 * lists of fields are read off the schemas, so a field that is added there is on the tape without a line here.
 */

/** Fields that the tape keeps in columns and in its table of streams. */
const columnFields: ReadonlySet<string> = new Set([
  'type',
  'venue',
  'symbol',
  'instrument',
  'channel',
  'n',
  'exchangeTime',
  'receiveTime',
])

/** One type of event, as its schema describes it. */
export interface EventShape {
  readonly type: MarketEventType
  /** Fields kept in columns, in the order of the schema. */
  readonly head: readonly string[]
  /** Fields of the body, in the order of the schema. */
  readonly body: readonly EventField[]
}

export interface EventField {
  readonly name: string
  /** `time`: microseconds since the epoch. `list`: levels, orders, inputs, outputs. `record`: a position. */
  readonly kind: 'text' | 'number' | 'boolean' | 'time' | 'list' | 'record'
}

/** Every type of event, in the order of the union. */
export const eventShapes: readonly EventShape[] = marketEvent.options.map((option) => {
  const fields = Object.entries<z.core.$ZodType>(option.shape)
  return {
    type: option.shape.type.value,
    head: fields.map(([name]) => name).filter((name) => columnFields.has(name)),
    body: fields
      .filter(([name]) => !columnFields.has(name))
      .map(([name, schema]) => ({ name, kind: fieldKind(schema) })),
  }
})

function fieldKind(schema: z.core.$ZodType): EventField['kind'] {
  if (schema === micros) return 'time'
  if (schema instanceof z.ZodNullable) return fieldKind(schema.unwrap())
  if (schema instanceof z.ZodArray) return 'list'
  if (schema instanceof z.ZodObject) return 'record'
  if (schema instanceof z.ZodBoolean) return 'boolean'
  if (schema instanceof z.ZodNumber) return 'number'
  if (schema instanceof z.ZodUnion && schema.options.every((option) => fieldKind(option) === 'number')) {
    return 'number'
  }
  if (schema instanceof z.ZodLiteral && [...schema.values].every((value) => typeof value === 'number')) {
    return 'number'
  }
  return 'text'
}

const bodyFields: ReadonlyMap<string, readonly string[]> = new Map(
  eventShapes.map(({ type, body }) => [type, body.map(({ name }) => name)]),
)

/** The body of an event: its fields without a column, as a JSON array. */
export function encodeBody(event: MarketEvent): string {
  const fields = bodyFields.get(event.type) ?? []
  const values: unknown[] = []
  for (let at = 0; at < fields.length; at++) values.push(Reflect.get(event, fields[at] ?? ''))
  return JSON.stringify(values)
}

/** The identity that all events of a stream share; nulls where the events are of the connection, not of a stream. */
export type StreamIdentity = {
  readonly venue: string
  readonly symbol: string | null
  readonly instrument: string | null
  readonly channel: string | null
}

/** What the columns of a row say. */
export type RowHead = StreamIdentity & {
  readonly type: string
  readonly n: number | null
  readonly exchangeTime: number | null
  readonly receiveTime: number | null
}

const shapeByType: ReadonlyMap<string, EventShape> = new Map(eventShapes.map((shape) => [shape.type, shape]))

const checkEvent = z.compile(marketEvent)

/** The event, or a sentence that says what is wrong with the row. */
export type DecodedRow =
  | { readonly event: MarketEvent; readonly fault: null }
  | { readonly event: null; readonly fault: string }

/**
 * Reads a row back. The tape is a file that anyone may have written to, so the event goes through the same schema as when
 * it was made; compiled, the check costs a tenth of reading the row.
 */
export function decodeRow(head: RowHead, body: string): DecodedRow {
  const shape = shapeByType.get(head.type)
  if (shape === undefined) return { event: null, fault: `there is no event of type ${head.type}` }
  const values = readArray(body)
  if (values === null) return { event: null, fault: 'the body is no JSON array' }
  if (values.length !== shape.body.length) {
    return { event: null, fault: `the body has ${values.length} fields instead of ${shape.body.length}` }
  }
  const record: Record<string, unknown> = {}
  const columns: Readonly<Record<string, unknown>> = head
  for (const name of shape.head) record[name] = columns[name]
  for (let at = 0; at < values.length; at++) record[shape.body[at]?.name ?? ''] = values[at]
  const result = checkEvent.safeParse(record)
  if (result.success) return { event: result.data, fault: null }
  const issue = result.error.issues[0]
  return { event: null, fault: `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'does not fit'}` }
}

function readArray(body: string): unknown[] | null {
  try {
    const value: unknown = JSON.parse(body)
    return Array.isArray(value) ? value : null
  } catch {
    return null
  }
}
