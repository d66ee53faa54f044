import * as z from 'zod'
import type { Connector, Endpoint, Session } from './connector.js'
import { TapewireError, UsageError, VenueError } from './errors.js'
import { optionSentence } from './option-sentences.js'
import { shownValue } from './shown-value.js'

const fn = z.custom<(...given: never) => unknown>(
  (value) => typeof value === 'function',
  'must be a function',
)
const texts = z.array(z.string())
const count = z.number().positive()

/** The fields that the engine reads; others are the venue's own. */
const declaration = z.object({
  venue: z.string().min(1),
  aliases: texts,
  title: z.string(),
  status: z.object({ state: z.enum(['open', 'closed']) }),
  markets: texts,
  channels: z.array(
    z.object({
      kind: z.string().min(1),
      variants: texts,
      markets: texts,
      cadenceMs: count.nullable(),
      snapshot: z.boolean(),
    }),
  ),
  limits: z.object({
    subscriptionsPerConnection: count,
    subscribeBatch: count,
    subscribesPerMinute: count,
    connectsPerMinute: count,
    requestsPerMinute: count,
    maxFrameBytes: count,
    maxConnectionAgeMs: count.nullable(),
    plannedCodes: z.array(z.number()).optional(),
  }),
  liveness: z.object({
    silentAfterMs: count,
    ping: z.object({ everyMs: count, always: z.boolean(), frame: z.string().nullable() }).nullable(),
  }),
  endpoints: z.array(z.object({ name: z.string(), url: z.string(), rest: z.string().nullable() })),
  recognises: z.instanceof(RegExp, { error: 'must be a regular expression' }),
  catalogue: z.object({ requests: fn, read: fn }),
  symbols: texts,
  requested: texts,
  guess: fn,
  route: fn,
  session: fn,
  redact: fn.optional(),
})

/**
 * A connector whose declaration was checked, and whose functions throw nothing but errors of tapewire: what the venue's code throws
 * besides is `venue_defect`.
 *
 * @throws {UsageError} `bad_option`, naming the field of the declaration that is missing or wrong.
 */
export function checkedConnector(connector: Connector): Connector {
  assertDeclaration(connector)
  const { venue, catalogue } = connector
  const { redact } = connector
  const call = <T>(name: string, run: () => T): T => calling(venue, name, run)
  return {
    venue,
    aliases: connector.aliases,
    title: connector.title,
    status: connector.status,
    markets: connector.markets,
    channels: connector.channels,
    limits: connector.limits,
    liveness: connector.liveness,
    endpoints: connector.endpoints.map((endpoint) => checkedEndpoint(venue, endpoint)),
    recognises: connector.recognises,
    catalogue: {
      requests: (endpoints) =>
        call('catalogue.requests', () => aList(venue, 'catalogue.requests', catalogue.requests(endpoints))),
      read: (response) =>
        call('catalogue.read', () => {
          const listed = catalogue.read(response)
          return listed === null ? null : aList(venue, 'catalogue.read', listed)
        }),
    },
    symbols: connector.symbols,
    requested: connector.requested,
    guess: (symbol) => call('guess', () => connector.guess(symbol) ?? null),
    route: (subscription) =>
      call('route', () => {
        const endpoint: Endpoint | undefined = connector.route(subscription)
        if (typeof endpoint?.url !== 'string')
          throw wrongResult(venue, 'route', 'one of its endpoints', endpoint)
        return checkedEndpoint(venue, endpoint)
      }),
    session: (init, sink) =>
      call('session', () => {
        const session: Session | undefined = connector.session(init, sink)
        if (typeof session?.frame !== 'function')
          throw wrongResult(venue, 'session', 'what defineSession returns', session)
        return checkedSession(venue, session)
      }),
    ...(redact !== undefined && { redact: (frame) => call('redact', () => redact.call(connector, frame)) }),
  }
}

function assertDeclaration(connector: Connector): void {
  const result = declaration.safeParse(connector, { error: optionSentence })
  if (result.success) return
  const [issue] = result.error.issues
  const path = issue?.path ?? []
  const field = path.join('.')
  const venue =
    typeof connector.venue === 'string' && connector.venue !== '' ? connector.venue : 'a connector'
  let given: unknown = connector
  for (const key of path) given = (given as Record<PropertyKey, unknown> | null | undefined)?.[key]
  throw new UsageError(
    'bad_option',
    `${venue}: the field ${field} of the connector ${issue?.message} (got ${shownValue(given, path)}); docs/adding-a-venue.md lists the fields`,
    { context: { venue, field } },
  )
}

function checkedEndpoint(venue: string, endpoint: Endpoint): Endpoint {
  const { negotiate } = endpoint
  if (negotiate === undefined) return endpoint
  const target: typeof negotiate.target = (answer) =>
    calling(venue, 'negotiate.target', () => negotiate.target(answer))
  return { ...endpoint, negotiate: { request: negotiate.request, target } }
}

function checkedSession(venue: string, session: Session): Session {
  const call = (name: keyof Session, run: () => void) => calling(venue, `the session's ${name}`, run)
  return {
    opened: (info, at) => call('opened', () => session.opened(info, at)),
    subscribe: (streams, at) => call('subscribe', () => session.subscribe(streams, at)),
    unsubscribe: (streams, at) => call('unsubscribe', () => session.unsubscribe(streams, at)),
    resubscribe: (stream, at) => call('resubscribe', () => session.resubscribe(stream, at)),
    // Every frame comes here: no closure for each.
    frame(data, at) {
      try {
        session.frame(data, at)
      } catch (error) {
        throw defect(venue, "the session's frame", error)
      }
    },
    sent: (frame, at) => call('sent', () => session.sent(frame, at)),
    response: (response, at) => call('response', () => session.response(response, at)),
    tick: (at) => call('tick', () => session.tick(at)),
    closed: (info, at) => call('closed', () => session.closed(info, at)),
    silent: (detail, at) => call('silent', () => session.silent(detail, at)),
    finished: (at) => call('finished', () => session.finished(at)),
    overflowed: (stream, from, at, detail) =>
      call('overflowed', () => session.overflowed(stream, from, at, detail)),
  }
}

function calling<T>(venue: string, name: string, run: () => T): T {
  try {
    return run()
  } catch (error) {
    throw defect(venue, name, error)
  }
}

/** An error of tapewire says itself what it is. */
function defect(venue: string, name: string, error: unknown): TapewireError {
  if (error instanceof TapewireError) return error
  const said = error instanceof Error ? `${error.name}: ${error.message}` : shownValue(error)
  return new VenueError('venue_defect', `${venue}: the code of the venue threw in ${name} (${said})`, {
    cause: error,
    context: { venue, function: name },
  })
}

function aList<T>(venue: string, name: string, given: readonly T[]): readonly T[] {
  if (!Array.isArray(given)) throw wrongResult(venue, name, 'a list', given)
  return given
}

function wrongResult(venue: string, name: string, wanted: string, given: unknown): VenueError {
  return new VenueError(
    'venue_defect',
    `${venue}: ${name} must return ${wanted} (got ${shownValue(given)})`,
    {
      context: { venue, function: name },
    },
  )
}
