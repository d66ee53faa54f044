import * as z from 'zod'
import { marketEvent } from '../schemas/event-schemas.js'
import type { MarketEventType, Micros } from '../schemas/events.js'
import { TapeError } from '../src/errors.js'
import { parseOptions } from '../src/options.js'
import type { EventReader, RowFilter } from './event-reader.js'
import type { TapeStream } from './stream-table.js'

/** Which events of a tape are wanted. What is not named is not asked: an empty query is the whole tape. */
export interface TapeQuery<T extends MarketEventType = MarketEventType> {
  /**
   * From this moment on, microseconds. The moment of an event is its receive time, or its exchange time where the tape had no
   * clock; an event that has neither is left out where moments are asked for.
   */
  readonly from?: Micros
  /** Before this moment, microseconds. */
  readonly to?: Micros
  /** From this event on. Events are numbered from 1 in recorded order. */
  readonly fromEvent?: number
  /** Before this event. */
  readonly toEvent?: number
  /** @default every type */
  readonly types?: readonly T[]
  /** @default every venue */
  readonly venues?: readonly string[]
  /** Unified symbols or the venues' own ids. */
  readonly symbols?: readonly string[]
  /** Channels in full (`book:P1`). */
  readonly channels?: readonly string[]
}

const typeNames = marketEvent.options.map((option) => option.shape.type.value)

const querySchema = z.strictObject({
  from: z.int().optional(),
  to: z.int().optional(),
  fromEvent: z.int().optional(),
  toEvent: z.int().optional(),
  types: z.array(z.enum(typeNames)).optional(),
  venues: z.array(z.string()).optional(),
  symbols: z.array(z.string()).optional(),
  channels: z.array(z.string()).optional(),
})

/**
 * What a query means on a tape as it is now; events recorded later are not part of it.
 *
 * @throws {UsageError} `bad_option`.
 * @throws {TapeError} `not_on_tape` where a venue, symbol or channel is named of which nothing was recorded.
 */
export function rowFilter(reader: EventReader, query: TapeQuery): RowFilter {
  const { from, to, fromEvent, toEvent, types, ...streams } = parseOptions('query', querySchema, query)
  const lastEvent = reader.lastEvent()
  return {
    fromEvent: fromEvent ?? 1,
    toEvent: toEvent === undefined ? lastEvent : Math.min(toEvent - 1, lastEvent),
    streams: wantedStreams([...reader.streams.values()], streams),
    types: types === undefined ? null : reader.typeIds(types),
    from: from ?? null,
    to: to ?? null,
  }
}

type StreamsQuery = Pick<z.output<typeof querySchema>, 'venues' | 'symbols' | 'channels'>

function wantedStreams(
  streams: readonly TapeStream[],
  { venues, symbols, channels }: StreamsQuery,
): Map<number, number> | null {
  if (venues === undefined && symbols === undefined && channels === undefined) return null
  for (const venue of venues ?? []) known(streams, venue, (stream) => [stream.venue])
  for (const symbol of symbols ?? []) known(streams, symbol, namesOf)
  for (const channel of channels ?? []) known(streams, channel, (stream) => [stream.channel])
  const wanted = streams.filter(
    (stream) =>
      (venues === undefined || venues.includes(stream.venue)) &&
      (symbols === undefined || namesOf(stream).some((name) => name !== null && symbols.includes(name))) &&
      (channels === undefined || (stream.channel !== null && channels.includes(stream.channel))),
  )
  return new Map(wanted.map(({ id }) => [id, 0]))
}

function known(
  streams: readonly TapeStream[],
  asked: string,
  names: (stream: TapeStream) => readonly (string | null)[],
): void {
  if (streams.some((stream) => names(stream).includes(asked))) return
  throw notOnTape(asked, new Set(streams.flatMap(names)))
}

/** Names what there is instead, as far as a sentence bears it. */
export function notOnTape(asked: string, held: Iterable<string | null>): TapeError {
  const names = [...held].filter((name) => name !== null).sort()
  const there = names.length === 0 ? 'nothing' : names.slice(0, 20).join(', ')
  return new TapeError(
    'not_on_tape',
    `nothing of ${asked} is on the tape; it holds ${there}${names.length > 20 ? ', …' : ''}`,
    { context: { asked } },
  )
}

function namesOf(stream: TapeStream): readonly (string | null)[] {
  return [stream.symbol, stream.instrument]
}
