import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { openTape, verifyTape } from '../../recorder/index.js'
import type { Level, MarketEvent, Micros } from '../../schemas/events.js'
import type { Channel } from '../../src/connector.js'
import { openFeed } from '../../src/feed/feed.js'
import { systemClock } from '../../src/socket/clock.js'
import { watchLoop } from './loop-watch.js'
import { mainProfiles } from './venues.js'

/**
 * The feed and the recorder of the soak, in a process of their own: what grows here is theirs, and not the oracle's, which
 * must remember the truth. Told what to listen to by the first message; `finish` ends it.
 */

export interface SoakOrder {
  readonly venues: readonly {
    readonly id: string
    readonly url: string
    readonly symbols: readonly string[]
    readonly channels: readonly Channel[]
  }[]
}

export type SoakReport =
  | { readonly kind: 'events'; readonly events: readonly MarketEvent[] }
  | {
      readonly kind: 'names'
      readonly names: readonly { venue: string; symbol: string; instrument: string }[]
    }
  | {
      readonly kind: 'weight'
      /** The heap and what is kept outside of it, after a collection. */
      readonly bytes: number
      /** What has a bound, as it is now. */
      readonly held: Readonly<Record<Held, number>>
    }
  /** The process did not run for a while. */
  | { readonly kind: 'held'; readonly from: Micros; readonly lengthMs: number }
  | { readonly kind: 'stray'; readonly what: string }
  | {
      readonly kind: 'end'
      readonly books: readonly {
        venue: string
        instrument: string
        state: string
        bids: Level[]
        asks: Level[]
      }[]
      readonly recorded: number
      readonly errors: readonly string[]
      /** What still keeps the process alive: handles that the feed left behind. */
      readonly handles: readonly string[]
    }

/** What the process holds beside its heap. */
export type Held = 'sockets' | 'timers' | 'unread events' | 'unwritten events' | 'waiting dials'

const SEND_EVERY_MS = 20
const WEIGH_EVERY_MS = 1_000
/** Findings that the faults themselves bring about. */
const FAULTS_SHOW = new Set([
  'crossed_book',
  'gap_open',
  'gap_uncovered',
  'gap_unhealed',
  'malformed_frames',
  'no_data',
])

setFlagsFromString('--expose-gc')
const collect: () => void = runInNewContext('gc')

process.on('unhandledRejection', (error) =>
  tell({ kind: 'stray', what: `unhandled rejection: ${String(error)}` }),
)
process.on('uncaughtException', (error) =>
  tell({ kind: 'stray', what: `uncaught: ${error.stack ?? error.message}` }),
)
/** Without the simulators there is nothing to hear. */
const orphaned = () => process.exit(1)
process.once('disconnect', orphaned)
process.once('message', (order: SoakOrder) => void run(order))

async function run({ venues }: SoakOrder): Promise<void> {
  const feed = openFeed(
    venues.map(({ id, url, symbols, channels }) => {
      const profile = mainProfiles.find(({ venue }) => venue.id === id)
      if (profile === undefined) throw new Error(`no venue ${id}`)
      return profile.venue.connector({ url, symbols, channels })
    }),
    { backoffCapMs: 5_000 },
  )
  const directory = mkdtempSync(join(tmpdir(), 'tapewire-soak-'))
  const path = join(directory, 'tape.db')
  const tape = openTape(path, { mode: 'write' })
  let batch: MarketEvent[] = []
  const flush = () => {
    if (batch.length > 0) tell({ kind: 'events', events: batch })
    batch = []
  }
  const unwatch = watchLoop(systemClock().now, (from, lengthMs) => tell({ kind: 'held', from, lengthMs }))
  const sending = setInterval(flush, SEND_EVERY_MS)
  const weighing = setInterval(() => {
    flush()
    collect()
    const { heapUsed, external } = process.memoryUsage()
    const resources = process.getActiveResourcesInfo()
    const { queue, waitingDials } = feed.metrics()
    tell({
      kind: 'weight',
      bytes: heapUsed + external,
      held: {
        sockets: resources.filter((name) => /TCP|TLS/.test(name)).length,
        timers: resources.filter((name) => name === 'Timeout').length,
        'unread events': queue.depth,
        'unwritten events': tape.waiting,
        'waiting dials': waitingDials,
      },
    })
  }, WEIGH_EVERY_MS)
  const reading = (async () => {
    for await (const event of feed) {
      batch.push(event)
      tape.record(event)
    }
  })()
  await sleep(3_000)
  const wanted = venues.flatMap(({ id, symbols }) => symbols.map((symbol) => ({ venue: id, symbol })))
  tell({
    kind: 'names',
    names: wanted.map(({ venue, symbol }) => {
      const known = feed.instrument(venue, symbol)
      return { venue, symbol: known?.symbol ?? symbol, instrument: known?.instrument ?? symbol }
    }),
  })
  await new Promise((resolve) => process.once('message', resolve))
  const books = wanted.map(({ venue, symbol }) => {
    const book = feed.book(venue, symbol)
    const instrument = feed.instrument(venue, symbol)?.instrument ?? symbol
    return {
      venue,
      instrument,
      state: book?.state ?? 'none',
      ...(book?.top(100_000) ?? { bids: [], asks: [] }),
    }
  })
  await feed.close()
  await reading
  flush()
  clearInterval(sending)
  unwatch()
  clearInterval(weighing)
  const recorded = tape.written + tape.waiting
  await tape.close()
  const replay = openTape(path)
  const errors = verifyTape(replay)
    .findings.filter(({ severity, code }) => severity === 'error' && !FAULTS_SHOW.has(code))
    .map(({ code, what }) => `${code}: ${what}`)
  replay.close()
  rmSync(directory, { recursive: true })
  // A socket that was closed needs a turn or two to be gone.
  await sleep(500)
  const handles = process.getActiveResourcesInfo().filter((name) => /TCP|TLS|Timeout|GetAddrInfo/i.test(name))
  tell({ kind: 'end', books, recorded, errors, handles })
  process.off('disconnect', orphaned)
  process.disconnect()
}

function tell(report: SoakReport): void {
  process.send?.(report)
}
