import * as z from 'zod'

/** Of each type of event in a log, the fields whose values name it: in SQL what `logEventId` is of an event. */
const idFields: Readonly<Record<string, readonly string[]>> = {
  trade: ['id'],
  liquidation: ['id'],
  block: ['hash'],
  transaction: ['hash', 'height'],
}

/** How the rows of a tape name the events of logs. */
export interface LogIds {
  /** The types of these events, as a list in SQL. */
  readonly types: string
  /** The name of the event in a row of `events`, in SQL; NULL where it has none. */
  readonly sql: string
}

const placeSchema = z.object({ type: z.string(), id: z.int(), field: z.string(), place: z.int() })

/**
 * @param query runs a statement on the tape
 * @throws what SQLite throws where the table of types is damaged.
 */
export function logIdsOf(query: (sql: string) => readonly unknown[]): LogIds {
  const places = query(
    `SELECT t.type, t.id, f.value AS field, f.key AS place FROM event_types t JOIN json_each(t.fields) f
     WHERE t.type IN ('${Object.keys(idFields).join("', '")}')`,
  ).map((row) => placeSchema.parse(row))
  const types: number[] = []
  const cases: string[] = []
  for (const [type, fields] of Object.entries(idFields)) {
    const found = fields.flatMap((name) => places.filter((one) => one.type === type && one.field === name))
    const [first, ...others] = found
    if (first === undefined || found.length < fields.length) continue
    const name = others.reduce(
      (sql, one) => `${sql} || ' ' || coalesce(${valueAt(one)}, 'null')`,
      valueAt(first),
    )
    types.push(first.id)
    cases.push(`WHEN ${first.id} THEN ${name}`)
  }
  const sql = cases.length === 0 ? 'NULL' : `iif(json_valid(body), CASE type ${cases.join(' ')} END, NULL)`
  return { types: types.join(', '), sql }
}

function valueAt({ place }: z.output<typeof placeSchema>): string {
  return `json_extract(body, '$[${place}]')`
}
