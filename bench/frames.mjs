import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { simulate } from '../dist/simulators/index.js'
import { openRecording } from '../dist/src/framelog/index.js'
import { Instruments, StreamMemory } from '../dist/src/session/index.js'
import { nodeTools } from '../dist/src/socket/tools.js'

const captures = fileURLToPath(new URL('../../shared/captures/', import.meta.url))

/**
 * The text frames of a venue: of a real capture where one is at hand, else of the venue's simulator, which speaks the same
 * protocol.
 */
export async function framesOf(venue, capture, limit) {
  const path = `${captures}${capture}`
  if (existsSync(path)) return { source: capture, frames: await recorded(path, limit) }
  return { source: `the ${venue.id} simulator`, frames: simulated(venue, limit) }
}

async function recorded(path, limit) {
  const frames = []
  for await (const batch of (await openRecording([path])).records()) {
    for (const record of batch) {
      if (record.dir !== 'in') continue
      frames.push(record.data)
      if (frames.length === limit) return frames
    }
  }
  return frames
}

function simulated(venue, limit) {
  const frames = []
  const simulator = simulate(venue.id, { seed: 1, stepsPerSecond: 200 })
  const symbols = [...simulator.markets.keys()].slice(0, 2)
  let at = Date.UTC(2026, 0, 1) * 1000
  const peer = {
    request: { method: 'GET', path: '/', headers: {}, body: '' },
    send: (data) => frames.push(data),
    ping: () => {},
    close: () => {},
  }
  const client = simulator.connect(peer, at)
  const session = sessionOf(venue.connector({ url: 'ws://127.0.0.1:1', symbols }), {
    adopt: false,
    send: (frame) => client.received(frame, at),
    emit: () => {},
  })
  session.opened({ url: 'ws://127.0.0.1:1', negotiated: null, attempt: 1 }, at)
  const connector = venue.connector({ url: 'ws://127.0.0.1:1', symbols })
  for (const symbol of symbols) {
    const instrument = connector.guess(symbol)
    session.subscribe(
      connector.requested.map((channel) => ({ instrument, channel })),
      at,
    )
  }
  while (frames.length < Math.min(limit, 50_000)) {
    at += 5_000
    simulator.advance(at)
  }
  return frames
}

/** Takes everything and keeps nothing: what decoding and normalising cost without the book. */
const noBook = {
  state: 'live',
  lastUpdate: null,
  crossed: false,
  snapshot: () => {},
  update: () => 0,
  set: () => 'changed',
  top: () => ({ bids: [], asks: [] }),
  best: () => ({ bid: null, ask: null }),
  amountAt: () => null,
  count: () => 0,
}

class BooklessMemory extends StreamMemory {
  record(instrument, channel) {
    const record = super.record(instrument, channel)
    if (record.book !== noBook) Object.defineProperty(record, 'book', { value: noBook })
    return record
  }
}

/** A session with nothing behind it. */
export function sessionOf(connector, { adopt, send, emit, book = true, memory }) {
  return connector.session(
    {
      endpoint: connector.endpoints[0] ?? { name: 'public', url: 'ws://127.0.0.1:1', rest: null },
      connection: 'public#0',
      adopt,
      instruments: new Instruments(),
      memory: memory ?? (book ? new StreamMemory() : new BooklessMemory()),
      tools: nodeTools(connector.limits.maxFrameBytes),
      random: () => 0.5,
    },
    {
      emit,
      send,
      request: () => {},
      wake: () => {},
      ready: () => {},
      reconnect: () => {},
      resubscribe: () => {},
    },
  )
}
