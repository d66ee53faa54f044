import type { Micros } from '../../schemas/events.js'
import { UsageError } from '../errors.js'
import { RecordSource } from './record-source.js'
import type {
  SimulatedAnswer,
  SimulatedConnection,
  SimulatedPeer,
  SimulatedRequest,
  VenueSimulator,
} from './venue-simulator.js'
import { isCloseCode } from './web-socket-frame.js'

/** What is played of a frame log: the records that `src/framelog` reads fit as they are. */
export type PlayableRecord =
  | { readonly dir: 'open'; readonly t: Micros | null; readonly conn: number; readonly url: string }
  | {
      readonly dir: 'in'
      readonly t: Micros | null
      readonly conn: number
      readonly data: string | Uint8Array
    }
  | { readonly dir: 'out'; readonly t: Micros | null; readonly conn: number }
  | { readonly dir: 'close'; readonly t: Micros | null; readonly conn: number; readonly code?: number }
  | {
      readonly dir: 'rest'
      readonly url: string
      readonly body: string
      readonly status?: number
      readonly headers?: Readonly<Record<string, string>>
    }

type OnConnection = Exclude<PlayableRecord, { readonly dir: 'rest' }>

/** Options of `framePlayer`. */
export interface FramePlayerOptions {
  /** Gives the log's records from the first one on, anew with each call: one call for each client. */
  readonly records: () => Iterable<PlayableRecord> | AsyncIterable<PlayableRecord>
  /** Whose traffic it is. @default 'frames' */
  readonly venue?: string
  /** 1: at the pace of the recording. `max`, or a log without a clock: as fast as the client reads. @default 1 */
  readonly speed?: number | 'max'
  /**
   * Where the recorded client spoke, the player waits for its own client to have spoken, so long at most: an ack must not
   * come before its request. @default 2000
   */
  readonly waitForClientMs?: number
}

/** No more than this waits in front of one client. */
const HIGH_WATER_BYTES = 1024 * 1024
/** Frames for one client in one step, where the network cannot say how much waits. */
const FRAMES_A_STEP = 10_000
/** Records read for one client in one step: a log of many connections must not stop the world. */
const RECORDS_A_STEP = 50_000
/** A log whose REST answers are larger is not kept in memory. */
const MOST_REST_BYTES = 256 * 1024 * 1024

/**
 * Plays a frame log to whoever connects, in place of a venue's simulator.
 *
 * A client is given a connection of the log: the next one whose URL had the same path, in turn, or the next of all where no
 * path fits; after the last comes the first again. It gets the frames that came in on it; what it sends is not read. At the
 * recorded end of the connection it is closed; at the end of the log it stays open and silent. REST answers are given by
 * path and query, or else by path; several of one path in turn, the last for good.
 *
 * @throws {UsageError} code `bad_option`; and what reading the log throws.
 */
export async function framePlayer(options: FramePlayerOptions): Promise<VenueSimulator> {
  const { records, venue = 'frames', speed = 1, waitForClientMs = 2000 } = options
  if (speed !== 'max' && !(speed > 0)) {
    throw new UsageError('bad_option', `frame player: option speed must be above 0, or max (got ${speed})`, {
      context: { field: 'speed' },
    })
  }
  return new FramePlayer(records, venue, speed, waitForClientMs, await contents(records()))
}

/** What the log holds, besides frames. */
interface Contents {
  readonly connections: readonly { readonly conn: number; readonly path: string | null }[]
  /** By path and query, and by path alone. */
  readonly rest: ReadonlyMap<string, SimulatedAnswer[]>
}

async function contents(
  records: Iterable<PlayableRecord> | AsyncIterable<PlayableRecord>,
): Promise<Contents> {
  const connections = new Map<number, string | null>()
  const rest = new Map<string, SimulatedAnswer[]>()
  let bytes = 0
  for await (const record of records) {
    if (record.dir !== 'rest') {
      if (record.dir === 'open') connections.set(record.conn, pathOf(record.url))
      else if (!connections.has(record.conn)) connections.set(record.conn, null)
      continue
    }
    bytes += record.body.length
    if (bytes > MOST_REST_BYTES) {
      throw new UsageError(
        'bad_option',
        'frame player: the log holds more REST answers than can be kept in memory',
      )
    }
    const { status = 200, headers = {}, body } = record
    const answer = { status, headers: playable(headers), body }
    const path = pathOf(record.url)
    for (const key of new Set([path, withoutQuery(path)])) {
      const answers = rest.get(key)
      if (answers === undefined) rest.set(key, [answer])
      else answers.push(answer)
    }
  }
  return { connections: [...connections].map(([conn, path]) => ({ conn, path })), rest }
}

class FramePlayer implements VenueSimulator {
  readonly venue: string
  readonly markets: VenueSimulator['markets'] = new Map()
  readonly #records: FramePlayerOptions['records']
  readonly #speed: number | 'max'
  readonly #waitForClientMs: number
  readonly #contents: Contents
  readonly #playbacks = new Set<Playback>()
  /** How many clients each group of connections has had, by the first of the group. */
  readonly #turns = new Map<number, number>()
  readonly #answered = new Map<string, number>()

  constructor(
    records: FramePlayerOptions['records'],
    venue: string,
    speed: number | 'max',
    waitForClientMs: number,
    log: Contents,
  ) {
    this.#records = records
    this.venue = venue
    this.#speed = speed
    this.#waitForClientMs = waitForClientMs
    this.#contents = log
  }

  connect(peer: SimulatedPeer, at: Micros): SimulatedConnection {
    const conn = this.#choose(peer.request.path)
    const source = new RecordSource(this.#records())
    const playback = new Playback(peer, source, conn, this.#speed, at, this.#waitForClientMs)
    this.#playbacks.add(playback)
    return {
      received: () => playback.clientSpoke(),
      closed: () => {
        this.#playbacks.delete(playback)
        source.close()
      },
    }
  }

  http(request: SimulatedRequest): SimulatedAnswer {
    const { rest } = this.#contents
    const key = rest.has(request.path) ? request.path : withoutQuery(request.path)
    const answers = rest.get(key)
    const turn = this.#answered.get(key) ?? 0
    const answer = answers?.[Math.min(turn, answers.length - 1)]
    if (answer === undefined) return { status: 404, body: '{"error":"the frame log has no such answer"}' }
    this.#answered.set(key, turn + 1)
    return answer
  }

  advance(at: Micros): void {
    for (const playback of this.#playbacks) {
      try {
        if (playback.play(at) === 'over') this.#playbacks.delete(playback)
      } catch (error) {
        this.#playbacks.delete(playback)
        playback.breakOff()
        throw error
      }
    }
  }

  /** The connection of the log that the next client of a path is given; null where the log has none. */
  #choose(path: string): number | null {
    const { connections } = this.#contents
    const exact = connections.filter((connection) => connection.path === path)
    const alike = connections.filter(
      (connection) => connection.path !== null && withoutQuery(connection.path) === withoutQuery(path),
    )
    const group = exact.length > 0 ? exact : alike.length > 0 ? alike : connections
    const [first] = group
    if (first === undefined) return null
    const key = group === connections ? -1 : first.conn
    const turn = this.#turns.get(key) ?? 0
    this.#turns.set(key, (turn + 1) % group.length)
    return group[turn]?.conn ?? null
  }
}

/** One connection of the log on its way to one client. */
class Playback {
  readonly #peer: SimulatedPeer
  readonly #source: RecordSource<PlayableRecord>
  readonly #conn: number | null
  readonly #speed: number | 'max'
  readonly #waitForClientMs: number
  #head: OnConnection | null = null
  /** This moment of the log is that moment of the world. */
  #logTime: Micros | null = null
  #worldTime: Micros
  #clientSpoke = false
  /** Since when it waits for the client to speak. */
  #waitingSince: Micros | null = null
  #pastFirstOut = false

  constructor(
    peer: SimulatedPeer,
    source: RecordSource<PlayableRecord>,
    conn: number | null,
    speed: number | 'max',
    at: Micros,
    waitForClientMs: number,
  ) {
    this.#peer = peer
    this.#source = source
    this.#conn = conn
    this.#speed = speed
    this.#worldTime = at
    this.#waitForClientMs = waitForClientMs
  }

  clientSpoke(): void {
    this.#clientSpoke = true
  }

  /** The log cannot be read any further. */
  breakOff(): void {
    this.#source.close()
    this.#peer.close(1011, 'the frame log cannot be read')
  }

  /**
   * Sends what is due.
   *
   * @throws what reading the log throws.
   */
  play(at: Micros): 'playing' | 'over' {
    for (let frames = 0; frames < FRAMES_A_STEP; ) {
      if ((this.#peer.bufferedBytes ?? 0) > HIGH_WATER_BYTES) return 'playing'
      const record = this.#head ?? this.#next()
      if (record === 'over') return 'over'
      if (record === 'later') return 'playing'
      this.#head = record
      if (!this.#due(record, at)) return 'playing'
      this.#head = null
      if (record.dir === 'close') {
        this.#source.close()
        this.#peer.close(record.code !== undefined && isCloseCode(record.code) ? record.code : 1000, '')
        return 'over'
      }
      if (record.dir !== 'in') continue
      this.#peer.send(record.data)
      frames++
    }
    return 'playing'
  }

  #next(): OnConnection | 'later' | 'over' {
    for (let read = 0; read < RECORDS_A_STEP; read++) {
      const item = this.#source.next()
      if (item === null) return 'later'
      if (item.done) return 'over'
      const record = item.value
      if (record !== null && record.dir !== 'rest' && record.conn === this.#conn) return record
    }
    return 'later'
  }

  #due(record: OnConnection, at: Micros): boolean {
    if (this.#waitingSince === null && !this.#timely(record, at)) return false
    if (record.dir !== 'out' || this.#pastFirstOut) return true
    this.#waitingSince ??= at
    if (!this.#clientSpoke && at - this.#waitingSince < this.#waitForClientMs * 1000) return false
    this.#pastFirstOut = true
    this.#waitingSince = null
    // The recording goes on from here, not from where it would be had nobody waited.
    this.#logTime = record.t
    this.#worldTime = at
    return true
  }

  #timely(record: OnConnection, at: Micros): boolean {
    if (this.#speed === 'max' || record.t === null) return true
    this.#logTime ??= record.t
    return (record.t - this.#logTime) / this.#speed <= at - this.#worldTime
  }
}

function pathOf(url: string): string {
  if (!URL.canParse(url)) return url
  const { pathname, search } = new URL(url)
  return `${pathname}${search}`
}

function withoutQuery(path: string): string {
  return path.split('?', 1)[0] ?? path
}

/** The recorded headers that still hold: the body is decoded, and the new server frames it itself. */
function playable(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !FRAMING.test(name)))
}

const FRAMING =
  /^(content-(encoding|length)|transfer-encoding|connection|keep-alive|date|set-cookie|alt-svc)$/i
