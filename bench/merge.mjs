import { bitfinexVenue } from '../dist/connectors/bitfinex/index.js'
import { bitmexVenue } from '../dist/connectors/bitmex/index.js'
import { Instruments, StreamMemory } from '../dist/src/session/index.js'
import { EmittedStreams } from '../dist/src/stream/emitted-streams.js'
import { Merge } from '../dist/src/stream/merge.js'
import { framesOf, sessionOf } from './frames.mjs'

/**
 * What two connections that are merged cost beside one, per frame that each gets: decoding and books twice, and the merge. In time of the
 * processor, without sockets; only the ratio means something.
 *
 *   node bench/merge.mjs
 */

const FRAMES = 50_000
const ROUNDS = 9

for (const [venue, capture] of [
  [bitfinexVenue, 'bitfinex/bitfinex-20181112.part1.jsonl.gz'],
  [bitmexVenue, 'bitmex/bitmex-20210405.part1.jsonl.gz'],
]) {
  const { source, frames } = await framesOf(venue, capture, FRAMES)
  const connector = venue.connector({})
  const open = (emit, memory) => {
    const session = sessionOf(connector, { adopt: true, send: () => {}, emit, memory })
    session.opened({ url: 'wss://bench', negotiated: null, attempt: 1 }, 1)
    return session
  }
  const streams = new Map()
  const first = open((event) => {
    if (event.channel) streams.set(`${event.channel} ${event.instrument}`, event)
  })
  frames.forEach((frame, at) => void first.frame(frame, at + 1))
  const subscriptions = [...streams.values()].map(({ channel, instrument }) => ({
    channel,
    instrument: { ...connector.guess(instrument), instrument },
  }))
  const emitted = { one: 0, two: 0 }
  const alone = () => {
    const out = new EmittedStreams(connector.channels, new Instruments())
    emitted.one = 0
    const session = open((event) => {
      emitted.one++
      out.emit(event)
    })
    frames.forEach((frame, at) => void session.frame(frame, at + 1))
  }
  const merged = () => {
    const out = new EmittedStreams(connector.channels, new Instruments())
    emitted.two = 0
    const merge = new Merge(connector.channels, subscriptions, {
      emit: (event) => {
        emitted.two++
        out.emit(event)
      },
      swallowed: () => {},
      steady: (at) => at,
      wake: () => {},
      led: () => {},
    })
    const shared = new StreamMemory()
    const sessions = ['a', 'b'].map((name) => {
      const connection = { name, memory: shared.sibling(true) }
      merge.join(connection)
      return open((event) => merge.take(connection, event), connection.memory)
    })
    frames.forEach((frame, at) => {
      for (const session of sessions) session.frame(frame, at + 1)
    })
  }
  const times = { one: [], two: [] }
  for (let round = 0; round < ROUNDS; round++) {
    times.one.push(processorMs(alone))
    times.two.push(processorMs(merged))
  }
  if (emitted.one !== emitted.two)
    throw new Error(`${emitted.one} events of one, ${emitted.two} of two connections`)
  const ratio = median(times.two) / median(times.one)
  console.log(
    `${venue.id}, ${source}: two connections cost ${ratio.toFixed(2)} times one, ${emitted.one} events`,
  )
}

function processorMs(run) {
  const before = process.cpuUsage()
  run()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000
}

function median(values) {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]
}
