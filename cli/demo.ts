import { existsSync, renameSync } from 'node:fs'
import { venues } from '../connectors/index.js'
import { inspectTape, openTape, type RecordedStream, record } from '../recorder/index.js'
import { simulate } from '../simulators/index.js'
import type { Channel, Connector, Venue } from '../src/connector.js'
import { openFeed } from '../src/feed/feed.js'
import { type SimulatorServer, serveSimulator } from '../src/simulator/index.js'
import { systemClock } from '../src/socket/clock.js'
import { absent, overview, planTable } from './demo-overview.js'
import { parseDuration, showDuration } from './duration.js'
import { everyStep } from './every-step.js'
import { exitCode, interruption, report } from './exit.js'
import { print, say } from './output.js'
import { Progress } from './progress.js'
import { pause } from './timers.js'

/** What `npm start` does: every venue's simulator on loopback, all recorded over real WebSockets, and what came of it. */

const TAPE = 'tape.db'
const MARKETS_A_VENUE = 2
const CHANNELS: readonly Channel[] = ['trade', 'book', 'quote', 'ticker']
/** Channels that a venue does not stream: they are polled at a pace by which the first answer takes longer than a short run. */
const POLLED: Readonly<Record<string, readonly Channel[]>> = { cex: ['quote', 'ticker'] }

const nextSteps = `Next:
  npx tapewire verify ${TAPE}            is it all there?
  npx tapewire inspect ${TAPE}           what is on it
  npx tapewire replay ${TAPE} | head -3  the events

In one terminal, and in another:
  npx tapewire simulate cex --port 9001
  npx tapewire watch cex:BTC/USD --url ws://127.0.0.1:9001`

try {
  process.exitCode = await demo()
} catch (error) {
  process.exitCode = report(error)
}

async function demo(): Promise<number> {
  const durationMs = parseDuration(process.argv[2] ?? '10s')
  keepFormer()
  const { signal, interrupted, dispose } = interruption()
  const servers = await Promise.all(venues.map(serve))
  const connectors = venues.map((venue, at) => connectorTo(venue, servers[at]))
  process.stdout.write(
    `A simulator of each venue runs on loopback; over real\nWebSockets, ${TAPE} records:\n\n${planTable(connectors)}\n\n`,
  )
  say(`recording for ${showDuration(durationMs)}`)
  const progress = new Progress(durationMs)
  const recorder = openTape(TAPE, { mode: 'write', onTrouble: ({ message }) => progress.say(message) })
  const feed = openFeed(connectors, { signal })
  const timer = pause(systemClock(), durationMs, signal).then(() => feed.close())
  let streams: readonly RecordedStream[] = []
  await everyStep(
    async () => {
      const summary = await record(feed, recorder, { onEvent: (event) => progress.count(event) })
      streams = summary.streams
    },
    () => timer,
    () => progress.done(),
    ...servers.map((server) => () => server.close()),
    dispose,
  )
  const tape = openTape(TAPE)
  print(`\n${overview(inspectTape(tape))}${absent(streams)}\n\n${nextSteps}`)
  tape.close()
  return interrupted() ?? exitCode.done
}

/** A second run would begin its markets anew on the same tape: the former tape is kept under another name. */
function keepFormer(): void {
  if (!existsSync(TAPE)) return
  const kept = `tape-${new Date(systemClock().now() / 1000).toISOString().replaceAll(':', '-')}.db`
  for (const suffix of ['', '-wal', '-shm']) {
    if (existsSync(TAPE + suffix)) renameSync(TAPE + suffix, kept + suffix)
  }
  say(`the former ${TAPE} is kept as ${kept}`)
}

function serve(venue: Venue): Promise<SimulatorServer> {
  return serveSimulator((url) => simulate(venue.id, { seed: 1, url }), { clock: systemClock() })
}

function connectorTo(venue: Venue, server: SimulatorServer | undefined): Connector {
  const url = server?.url ?? ''
  const plain = venue.connector({ url })
  const markets = [...(server?.simulator.markets.keys() ?? [])]
  // A venue with two generations of its protocol has markets of both; the connector speaks one of them.
  const spoken = markets.filter((id) => plain.guess(id)?.instrument === id)
  const undated = spoken.filter((id) => plain.guess(id)?.market !== 'future')
  const symbols = undated.slice(0, MARKETS_A_VENUE)
  const offered = new Set(plain.channels.map(({ kind }) => kind))
  const channels = CHANNELS.filter(
    (channel) => offered.has(channel as never) && POLLED[venue.id]?.includes(channel) !== true,
  )
  return venue.connector({ url, symbols, channels })
}
