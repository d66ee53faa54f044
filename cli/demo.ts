import { existsSync, renameSync } from 'node:fs'
import pc from 'picocolors'
import { venues } from '../connectors/index.js'
import { inspectTape, openTape } from '../recorder/index.js'
import type { Channel, Connector, Venue } from '../src/connector.js'
import { openFeed } from '../src/feed/feed.js'
import { type SimulatorServer, serveSimulator } from '../src/simulator/index.js'
import { systemClock } from '../src/socket/clock.js'
import { exitCode, interruption, report } from './exit.js'
import { inspectionTable } from './inspect.js'
import { Progress } from './progress.js'
import { pause } from './timers.js'

/** What `npm start` does: every venue's simulator on loopback, all recorded over real WebSockets, and what came of it. */

const TAPE = 'tape.db'
const DURATION_MS = 10_000
const MARKETS_A_VENUE = 2
const CHANNELS: readonly Channel[] = ['trade', 'book', 'quote', 'ticker']

try {
  process.exitCode = await demo()
} catch (error) {
  process.exitCode = report(error)
}

async function demo(): Promise<number> {
  keepFormer()
  const { signal, interrupted, dispose } = interruption()
  const servers = await Promise.all(venues.map(simulate))
  process.stderr.write(`simulators of ${venues.map(({ id }) => id).join(', ')} are up on loopback\n`)
  process.stderr.write(`recording them into ${TAPE} for ${DURATION_MS / 1000} s\n`)
  const recorder = openTape(TAPE, { mode: 'write' })
  const progress = new Progress(DURATION_MS)
  const feed = openFeed(
    venues.map((venue, at) => connectorTo(venue, servers[at])),
    { signal },
  )
  const timer = pause(systemClock(), DURATION_MS, signal).then(() => feed.close())
  try {
    for await (const event of feed) {
      recorder.record(event)
      progress.count(event)
    }
  } finally {
    await feed.close()
    await timer
    await recorder.close()
    progress.done()
    await Promise.all(servers.map((server) => server.close()))
    dispose()
  }
  const tape = openTape(TAPE)
  process.stdout.write(`${inspectionTable(inspectTape(tape))}\n`)
  tape.close()
  process.stdout.write(
    pc.dim(
      `\nnext: node dist/cli/main.js verify ${TAPE}\n      node dist/cli/main.js replay ${TAPE} | head\n`,
    ),
  )
  return interrupted() ?? exitCode.done
}

/** A second run would begin its markets anew on the same tape: the former tape is kept under another name. */
function keepFormer(): void {
  if (!existsSync(TAPE)) return
  const kept = `tape-${new Date().toISOString().replaceAll(':', '-')}.db`
  for (const suffix of ['', '-wal', '-shm']) {
    if (existsSync(TAPE + suffix)) renameSync(TAPE + suffix, kept + suffix)
  }
  process.stderr.write(`the former ${TAPE} is kept as ${kept}\n`)
}

function simulate(venue: Venue): Promise<SimulatorServer> {
  return serveSimulator((url) => venue.simulator({ seed: 1, url }), { clock: systemClock() })
}

function connectorTo(venue: Venue, server: SimulatorServer | undefined): Connector {
  const url = server?.url ?? ''
  const plain = venue.connector({ url })
  const markets = [...(server?.simulator.markets.keys() ?? [])]
  // A venue with two generations of its protocol has markets of both; the connector speaks one of them.
  const symbols = markets.filter((id) => plain.guess(id)?.instrument === id).slice(0, MARKETS_A_VENUE)
  const offered = new Set(plain.channels.map(({ kind }) => kind))
  const channels = CHANNELS.filter((channel) => offered.has(channel as never))
  return venue.connector({ url, symbols, channels })
}
