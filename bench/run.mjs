import { mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bitfinexVenue } from '../dist/connectors/bitfinex/index.js'
import { bitmexVenue } from '../dist/connectors/bitmex/index.js'
import { openTape } from '../dist/recorder/index.js'
import { framesOf, sessionOf } from './frames.mjs'
import { race } from './rounds.mjs'

/**
 * Side by side with peers, interleaved in one run. Only the ratios mean something: absolute rates are this machine's, now.
 *
 *   npm run bench
 */

const FRAMES = 200_000
const ROWS = 100_000

const together = { parse: 0, tapewire: 0 }
for (const [venue, capture] of [
  [bitfinexVenue, 'bitfinex/bitfinex-20181112.part1.jsonl.gz'],
  [bitmexVenue, 'bitmex/bitmex-20210405.part1.jsonl.gz'],
]) {
  const { source, frames } = await framesOf(venue, capture, FRAMES)
  // A short capture is played over and over to one session, as a connection that lives: each pass begins with its snapshots.
  const passes = Math.max(1, Math.round(FRAMES / 2 / frames.length))
  const play = (book) => () => {
    const session = sessionOf(venue.connector({}), { adopt: true, send: () => {}, emit: () => {}, book })
    session.opened({ url: 'wss://bench', negotiated: null, attempt: 1 }, 1)
    let at = 1
    for (let pass = 0; pass < passes; pass++) for (const frame of frames) session.frame(frame, at++)
  }
  const { seconds, ratio } = await race({
    'JSON.parse': () => {
      for (let pass = 0; pass < passes; pass++) for (const frame of frames) JSON.parse(frame)
    },
    tapewire: play(false),
    'with the book': play(true),
  })
  line(
    `decode + normalise, ${venue.id}`,
    frames.length * passes,
    seconds.tapewire,
    ratio.tapewire,
    0.6,
    'JSON.parse alone',
  )
  together.parse += seconds['JSON.parse'] / passes
  together.tapewire += seconds.tapewire / passes
  const proved = Math.round((frames.length * passes) / seconds['with the book']).toLocaleString('en')
  console.log(
    `    with the book kept and proved as well: ${ratio['with the book'].toFixed(2)}; ${proved}/s here`,
  )
  console.log(`    frames of ${source}`)
}

const both = together.parse / together.tapewire
console.log(
  `decode + normalise, the frames of both captures together: ${both.toFixed(2)} of JSON.parse alone (floor 0.6: ${both >= 0.6 ? 'met' : 'NOT MET'})`,
)

await record(await eventsOf(bitfinexVenue, 'bitfinex/bitfinex-20181112.part1.jsonl.gz'))

async function eventsOf(venue, capture) {
  const { frames } = await framesOf(venue, capture, ROWS)
  const events = []
  const session = sessionOf(venue.connector({}), {
    adopt: true,
    send: () => {},
    emit: (event) => events.push(event),
  })
  session.opened({ url: 'wss://bench', negotiated: null, attempt: 1 }, 1)
  let at = 1_700_000_000_000_000
  for (const frame of frames) {
    session.frame(frame, at)
    at += 50
  }
  return events
}

/** The bare loop writes rows that are ready made, in transactions of the same size. */
async function record(events) {
  const Database = createRequire(import.meta.url)('better-sqlite3')
  const folder = mkdtempSync(join(tmpdir(), 'bench-'))
  let file = 0
  const rows = events.map((event) => [
    1,
    1,
    event.exchangeTime ?? null,
    event.receiveTime,
    JSON.stringify(event),
  ])
  const { seconds, ratio } = await race(
    {
      'bare loop': () => {
        const db = new Database(join(folder, `bare-${file++}.db`))
        db.pragma('journal_mode = WAL')
        db.pragma('synchronous = NORMAL')
        db.exec(
          'CREATE TABLE events (id INTEGER PRIMARY KEY, stream INTEGER, type INTEGER, exchange_time INTEGER, receive_time INTEGER, body TEXT) STRICT',
        )
        const insert = db.prepare(
          'INSERT INTO events (stream, type, exchange_time, receive_time, body) VALUES (?, ?, ?, ?, ?)',
        )
        const batch = db.transaction((from) => {
          for (let at = from; at < Math.min(from + 1000, rows.length); at++) insert.run(...rows[at])
        })
        for (let from = 0; from < rows.length; from += 1000) batch(from)
        db.close()
      },
      tapewire: async () => {
        const recorder = openTape(join(folder, `tape-${file++}.db`), { mode: 'write' })
        for (const event of events) recorder.record(event)
        await recorder.close()
      },
    },
    5,
  )
  rmSync(folder, { recursive: true })
  line(
    'record events to a tape',
    events.length,
    seconds.tapewire,
    ratio.tapewire,
    0.5,
    'a bare better-sqlite3 loop of ready rows',
  )
}

function line(what, count, seconds, ratio, floor, peer) {
  const rate = Math.round(count / seconds).toLocaleString('en')
  const verdict = ratio >= floor ? 'met' : 'NOT MET'
  console.log(`${what}: ${ratio.toFixed(2)} of ${peer} (floor ${floor}: ${verdict}); ${rate}/s here`)
}
