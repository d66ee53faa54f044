import type { ConnectionState, MarketEvent, Micros } from '../../schemas/events.js'
import { checkedConnector } from '../checked-connector.js'
import type { Connector, Endpoint, HttpResponse, Session } from '../connector.js'
import { DecodeError, UsageError } from '../errors.js'
import { Instruments } from '../session/instrument-table.js'
import { StreamMemory } from '../session/memory.js'
import { shown, shownHead, shownUrl } from '../shown.js'
import { nodeTools } from '../socket/tools.js'
import { Emissions } from '../stream/emissions.js'
import { EmittedStreams } from '../stream/emitted-streams.js'
import { EarlyAnswers } from './early-answers.js'
import type { InRecord, OpenRecord, OutRecord, RestRecord } from './frame-record.js'
import { LogSilence, silenceLimit } from './log-silence.js'
import { endpointFor, LogVenues, listed } from './log-venues.js'
import type { PlayedStream, PlayOptions, PlayStats } from './playing.js'
import type { RecordingRecord } from './recording-record.js'
import { UnusedFrames } from './unused-frames.js'

/** A recording whose venue is not known is given up after so many frames. */
const STRANGE_FRAMES = 10_000

/**
 * Plays a recording through the sessions of its venues, which adopt what the log did. Time is the log's own, so the same
 * frames give the same events, byte for byte. At the end nothing is closed: a recording that ends is no disconnect.
 *
 * @throws {UsageError} `unknown_venue`, where the venue of no connection is known; `bad_option` for a connector whose declaration is wrong.
 * @throws {VenueError} `venue_defect`, where the venue's own code throws.
 */
export async function playRecording(
  batches: AsyncIterable<readonly RecordingRecord[]> | Iterable<readonly RecordingRecord[]>,
  options: PlayOptions,
): Promise<PlayStats> {
  const player = new LogPlayer(options)
  for await (const batch of batches) {
    for (const record of batch) player.play(record)
    if (options.signal?.aborted) return player.stats(false)
  }
  player.finish()
  return player.stats(true)
}

/** What the connections of one venue share. */
interface Venue {
  readonly connector: Connector
  readonly instruments: Instruments
  readonly memory: StreamMemory
  readonly emitted: EmittedStreams
  readonly early: EarlyAnswers
  readonly connections: Set<RecordedConnection>
  /** How many connections each endpoint had, for their names. */
  readonly counts: Map<string, number>
}

/** One connection of the recording, through all its reconnects. */
interface RecordedConnection {
  readonly venue: Venue
  readonly endpoint: Endpoint
  readonly name: string
  /** Null while it is closed. */
  session: Session | null
  /** The deadline that the session named. */
  wake: Micros | null
  /** Null where the log cannot prove that the venue should have spoken. */
  silence: LogSilence | null
  /** Its file has ended; nothing more came of it so far. */
  lost: boolean
}

/** Feeds one record after the other; see {@link playRecording}. */
export class LogPlayer {
  readonly #venues: LogVenues
  readonly #unused = new UnusedFrames()
  readonly #onEvent: PlayOptions['onEvent']
  readonly #byConnector = new Map<Connector, Venue>()
  readonly #connections = new Map<number, RecordedConnection>()
  /** No session wants to be woken before this. */
  #due = Number.POSITIVE_INFINITY
  readonly #records = { open: 0, in: 0, out: 0, rest: 0, close: 0 }
  #played = 0
  readonly #emissions = new Emissions()
  #used = 0
  /** Whether the record that is played has given an event of the market. */
  #gave = false
  /** Connections whose venue is not known, and why. */
  readonly #strangers = new Map<number, UsageError>()
  #from: Micros | null = null
  #to: Micros | null = null

  constructor(options: PlayOptions) {
    this.#venues = new LogVenues(options.connectors.map(checkedConnector), options.venue)
    this.#onEvent = options.onEvent
  }

  play(record: RecordingRecord): void {
    if (record.dir === 'preview') {
      this.#preview(record)
      return
    }
    if (record.dir === 'lost') {
      const connection = this.#connections.get(record.conn)
      if (connection !== undefined) connection.lost = true
      return
    }
    const { t } = record
    this.#played++
    this.#records[record.dir]++
    this.#gave = false
    if (t !== null) {
      this.#from ??= t
      this.#to = t
      if (t >= this.#due) this.#tick(t)
      this.#emissions.reach(t)
    }
    switch (record.dir) {
      case 'in':
        this.#gave = false
        this.#received(record)
        if (this.#gave) this.#used++
        return
      case 'out':
        this.#session(record)?.sent(record.data, t)
        return
      case 'open':
        this.#open(record)
        return
      case 'close': {
        const connection = this.#connections.get(record.conn)
        if (connection !== undefined) this.#close(connection, record.code ?? null, record.reason ?? '', t)
        return
      }
      case 'rest':
        this.#answer(record)
    }
  }

  /**
   * The recording is over: what still waits for something to come is counted as unused.
   *
   * @throws {UsageError} `unknown_venue`, where the venue of no connection is known.
   */
  finish(): void {
    for (const { session } of this.#connections.values()) session?.finished(this.#to)
    const [stranger] = this.#strangers.values()
    if (stranger !== undefined && this.#byConnector.size === 0) throw stranger
  }

  stats(finished: boolean): PlayStats {
    return {
      records: { ...this.#records },
      events: this.#emissions.offset,
      used: this.#used,
      unused: this.#unused.list(),
      unclaimed: this.#unused.count('unclaimed_answer'),
      venues: [...this.#byConnector.keys()].map(({ venue }) => venue),
      streams: [...this.#byConnector.values()].flatMap(streamsOf),
      from: this.#from,
      to: this.#to,
      finished,
    }
  }

  #emit(event: MarketEvent): void {
    this.#emissions.count(event.receiveTime)
    if (isData(event)) this.#gave = true
    this.#onEvent(event, this.#played, this.#emissions)
  }

  // ── Connections ─────────────────────────────────────────────────────────────────────────────────────────────────

  #open(record: OpenRecord): void {
    const { conn, t, url } = record
    const connector = this.#known(conn, () => this.#venues.ofSocket(record))
    if (connector === null) return
    const venue = this.#venue(connector)
    const former = this.#connections.get(conn)
    if (former !== undefined) this.#close(former, null, 'opened again', t)
    const endpoint = endpointFor(connector, url)
    const same = former?.venue === venue && former.endpoint.name === endpoint.name
    const connection = this.#connection(conn, venue, endpoint, same ? former.name : null)
    this.#begin(connection, url, t, true, record.continues !== undefined)
    const limit = silenceLimit(connector, record)
    connection.silence = limit === null || t === null ? null : new LogSilence(limit, t)
    this.#dueAt(connection.silence?.due ?? null)
  }

  #dueAt(at: Micros | null): void {
    if (at !== null && at < this.#due) this.#due = at
  }

  /** Runs a search for the venue of a connection. Where it is not known, the others of the recording are played all the same. */
  #known(conn: number, search: () => Connector): Connector | null {
    try {
      const connector = search()
      this.#strangers.delete(conn)
      return connector
    } catch (error) {
      if (!(error instanceof UsageError)) throw error
      this.#strangers.set(conn, error)
      return null
    }
  }

  /** A frame of a connection whose venue is not known. */
  #strange(reason: UsageError, { dir }: InRecord | OutRecord): null {
    if (dir !== 'in') return null
    this.#unused.add(null, { cause: 'unknown_venue', frames: 1 })
    if (this.#byConnector.size === 0 && this.#unused.count('unknown_venue') > STRANGE_FRAMES) throw reason
    return null
  }

  #received(record: InRecord): void {
    const { conn, data, t } = record
    this.#session(record)?.frame(data, t)
    const silence = this.#connections.get(conn)?.silence ?? null
    if (t === null || silence === null) return
    silence.received(t)
    this.#dueAt(silence.due)
  }

  /** The session of a connection; a frame of one that was never opened opens it. */
  #session(record: InRecord | OutRecord): Session | null {
    const { conn, t } = record
    const connection = this.#connections.get(conn)
    if (connection?.session != null) {
      connection.lost = false
      return connection.session
    }
    if (connection !== undefined) return this.#begin(connection, connection.endpoint.url, t)
    const stranger = this.#strangers.get(conn)
    if (stranger !== undefined) return this.#strange(stranger, record)
    const connector = this.#known(conn, () => this.#venues.ofUnopened())
    if (connector === null) return this.#session(record)
    const endpoint = connector.endpoints[0] ?? { name: 'public', url: '', rest: null }
    return this.#begin(
      this.#connection(conn, this.#venue(connector), endpoint, null),
      endpoint.url,
      t,
      false,
      true,
    )
  }

  #connection(conn: number, venue: Venue, endpoint: Endpoint, name: string | null): RecordedConnection {
    const count = venue.counts.get(endpoint.name) ?? 0
    if (name === null) venue.counts.set(endpoint.name, count + 1)
    const connection: RecordedConnection = {
      venue,
      endpoint,
      name: name ?? `${endpoint.name}#${count}`,
      session: null,
      wake: null,
      silence: null,
      lost: false,
    }
    this.#connections.set(conn, connection)
    return connection
  }

  /**
   * @param seen whether the log has the opening
   * @param amid whether the log begins inside the connection
   */
  #begin(connection: RecordedConnection, url: string, t: Micros | null, seen = false, amid = false): Session {
    const { venue } = connection
    // What a file left open and nothing continued is over once the venue's data goes on elsewhere: there is a hole.
    for (const other of venue.connections)
      if (other.lost) this.#close(other, null, 'the recording of it ended', t)
    if (seen) this.#note(connection, 'open', t)
    const { connector, instruments, memory } = venue
    const session = connector.session(
      {
        endpoint: { ...connection.endpoint, url: shownUrl(connection.endpoint.url) },
        connection: connection.name,
        adopt: true,
        amid,
        instruments,
        memory,
        tools: nodeTools(connector.limits.maxFrameBytes),
        // Only what is sent needs chance, and nothing is.
        random: () => 0.5,
      },
      {
        emit: (event) => {
          venue.emitted.emit(event)
          this.#emit(event)
        },
        send: ignore,
        request: ignore,
        wake: (at) => {
          connection.wake = at
          this.#dueAt(at)
        },
        ready: ignore,
        reconnect: ignore,
        resubscribe: ignore,
        unused: (report) => this.#unused.add(connector.venue, report),
      },
    )
    connection.session = session
    connection.lost = false
    venue.connections.add(connection)
    session.opened({ url, negotiated: null, attempt: 1 }, t)
    for (const response of venue.early.recent(t)) session.response(response, t)
    return session
  }

  #close(connection: RecordedConnection, code: number | null, reason: string, t: Micros | null): void {
    const { session } = connection
    if (session === null) return
    session.finished(t)
    session.closed({ code, reason }, t)
    connection.session = null
    connection.wake = null
    connection.silence = null
    connection.lost = false
    connection.venue.connections.delete(connection)
    this.#note(connection, 'closed', t, reason === '' ? null : reason)
  }

  #note(
    connection: RecordedConnection,
    state: ConnectionState,
    t: Micros | null,
    reason: string | null = null,
  ): void {
    this.#emit({
      type: 'connection',
      venue: connection.venue.connector.venue,
      receiveTime: t,
      connection: connection.name,
      state,
      attempt: 1,
      endpoint: shownUrl(connection.endpoint.url),
      reason: reason === null ? null : shown(reason),
    })
  }

  /** Wakes every session whose deadline has come, in order of the deadlines. */
  #tick(now: Micros): void {
    for (;;) {
      let next: RecordedConnection | null = null
      let at = Number.POSITIVE_INFINITY
      for (const connection of this.#connections.values()) {
        const due = earliest(connection.wake, connection.lost ? null : (connection.silence?.due ?? null))
        if (due >= at) continue
        next = connection
        at = due
      }
      this.#due = at
      if (next === null || at > now) return
      this.#emissions.reach(at)
      if (next.wake === at) {
        next.wake = null
        next.session?.tick(at)
      } else if (next.silence !== null) next.session?.silent(next.silence.notice(), at)
    }
  }

  // ── REST ────────────────────────────────────────────────────────────────────────────────────────────────────────

  #venue(connector: Connector): Venue {
    let venue = this.#byConnector.get(connector)
    if (venue === undefined) {
      const instruments = new Instruments()
      venue = {
        connector,
        instruments,
        memory: new StreamMemory(),
        emitted: new EmittedStreams(connector.channels, instruments),
        early: new EarlyAnswers(),
        connections: new Set(),
        counts: new Map(),
      }
      this.#byConnector.set(connector, venue)
    }
    return venue
  }

  /** Only lists are of use ahead of time. One that does not fit is said to be malformed when its turn comes. */
  #preview(record: Omit<RestRecord, 'dir'>): void {
    const response = asResponse(record)
    const connector = this.#venues.ofAnswer(response)
    if (connector !== undefined) this.#list(connector, response)
  }

  /** Every session of the venue is offered it, as if it had asked; a list of instruments holds for all of them at once. */
  #answer(record: RestRecord): void {
    const response = asResponse(record)
    const connector = this.#venues.ofAnswer(response)
    if (connector === undefined) {
      this.#unused.add(null, { cause: 'unclaimed_answer', frames: 1 })
      return
    }
    const venue = this.#venue(connector)
    const fault = this.#list(connector, response)
    if (fault === 'no list') {
      venue.early.keep(response, record.t)
      for (const connection of venue.connections) connection.session?.response(response, record.t)
    } else if (fault !== null) {
      this.#emit({
        type: 'malformed',
        venue: connector.venue,
        receiveTime: record.t,
        connection: 'rest',
        reason: fault.code,
        path: shown(fault.path.join('.')),
        head: shownHead(response.body),
      })
      this.#unused.add(connector.venue, { cause: 'malformed', frames: 1 })
    }
  }

  /** @returns null where the answer is a list and was taken, or why not. */
  #list(connector: Connector, response: HttpResponse): null | 'no list' | DecodeError {
    try {
      const instruments = listed(connector, response)
      if (instruments === null) return 'no list'
      const table = this.#venue(connector).instruments
      for (const instrument of instruments) table.add(instrument)
      return null
    } catch (error) {
      if (error instanceof DecodeError) return error
      throw error
    }
  }
}

function streamsOf({ connector: { venue }, memory }: Venue): PlayedStream[] {
  return [...memory.answers()].map((answer) => ({ venue, ...answer }))
}

function asResponse({ url, status, headers, body }: Omit<RestRecord, 'dir'>): HttpResponse {
  return { id: '', url, status, headers, body }
}

/** Whether an event is of the market: what the venue or the recorder says of itself, and a contract's data, are not. */
function isData({ type }: MarketEvent): boolean {
  return type !== 'connection' && type !== 'malformed' && type !== 'gap' && type !== 'instrument'
}

function earliest(a: Micros | null, b: Micros | null): Micros {
  return Math.min(a ?? Number.POSITIVE_INFINITY, b ?? Number.POSITIVE_INFINITY)
}

function ignore(): void {}
