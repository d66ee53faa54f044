import { basename } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { findVenue, venues } from '../../connectors/index.js'
import type { TradeEvent } from '../../schemas/events.js'
import { openRecording, type PlayStats, playRecording } from '../../src/framelog/index.js'
import { CaptureTally, type Tally } from './tally.js'
import {
  type Capture,
  capturesIn,
  handWritten,
  recorded,
  restFilesIn,
  type SymbolTruth,
} from './truth-file.js'

const connectors = venues.map((venue) => venue.connector({}))

interface Played {
  readonly tally: CaptureTally
  readonly stats: PlayStats
}

async function play(files: readonly string[]): Promise<Played> {
  const tally = new CaptureTally()
  const recording = await openRecording(files, {
    onWarning: ({ message }) => {
      throw new Error(message)
    },
  })
  const stats = await playRecording(recording.records(), { connectors, onEvent: (event) => tally.add(event) })
  return { tally, stats }
}

function trade(found: TradeEvent | null): unknown {
  if (found === null) return null
  const { id, price, amount, side, exchangeTime } = found
  return { id, price, amount, side, ts_us: exchangeTime }
}

function trades(found: Tally['live']): unknown {
  const { count, sum, buys, sells, first, last } = found
  return count === 0 ? null : { count, amount_sum: sum, buys, sells, first: trade(first), last: trade(last) }
}

/** The truth counts the rows of the venue's ticker channel; where a venue calls a quote its ticker, those of quotes. */
function tickerRows({ tickers, quotes }: Tally): number {
  return tickers || quotes
}

function book(found: Tally | undefined): unknown {
  const held = found?.book
  if (held === undefined) return null
  return {
    snapshots: held.snapshots,
    updates: held.updates,
    update_rows: held.rows,
    bid_levels: held.bids.size,
    ask_levels: held.asks.size,
    bids: held.best('bids', 5),
    asks: held.best('asks', 5),
  }
}

function bookTruth({ book: truth }: SymbolTruth): unknown {
  if (truth === undefined) return null
  const { crc32_top25: _, ...counted } = truth
  return counted
}

function suite(folder: string, title: string): void {
  const { captures, left } = capturesIn(folder)
  if (captures.length === 0)
    console.warn(`truth: ${title} are not here (${folder}); nothing is compared with them`)
  if (left.length > 0) {
    const of = [...new Set(left)].join(', ')
    console.warn(`truth: ${left.length} captures are left out; there is no connector yet for ${of}`)
  }

  describe.skipIf(captures.length === 0)(title, () => {
    for (const capture of captures) describe(capture.truth.capture, () => compare(capture))
  })
}

function compare({ truth, files }: Capture): void {
  let tally: CaptureTally
  let stats: PlayStats

  beforeAll(async () => {
    ;({ tally, stats } = await play(files))
  })

  test('every frame was read, none is malformed, every checksum holds', () => {
    expect(tally.malformed).toEqual([])
    expect(stats.records).toMatchObject({ in: truth.frames_in, out: truth.frames_out })
    expect(stats).toMatchObject({ unclaimed: 0, finished: true })
    expect(tally.checksums).toEqual({
      verified: truth.checksums.verified,
      failed: truth.checksums.frames - truth.checksums.verified,
    })
  })

  test('there are trades and books of exactly the instruments that the truth names, and all ticker rows', () => {
    const told = Object.entries(truth.symbols).filter(
      ([, { trades: live, trades_snapshot, book: kept }]) => live ?? trades_snapshot ?? kept,
    )
    const found = [...tally.instruments].filter(
      ([, { live, historical, books }]) => live.count + historical.count + books.size > 0,
    )
    expect(found.map(([id]) => id).sort()).toEqual(told.map(([id]) => id).sort())
    expect([...tally.instruments.values()].reduce((sum, one) => sum + tickerRows(one), 0)).toBe(
      truth.totals.tickers,
    )
  })

  for (const [symbol, expected] of Object.entries(truth.symbols)) {
    describe(symbol, () => {
      test('trades', () => {
        const found = tally.instruments.get(symbol)
        expect(found && trades(found.live)).toEqual(expected.trades ?? null)
        expect(found && trades(found.historical)).toEqual(expected.trades_snapshot ?? null)
      })

      test('book', () => {
        const found = tally.instruments.get(symbol)
        expect(book(found)).toEqual(bookTruth(expected))
        const checksum = expected.book?.crc32_top25
        if (checksum !== undefined) expect(found?.book?.checksum()).toBe(checksum)
      })

      test('tickers', () => {
        const found = tally.instruments.get(symbol)
        expect(found === undefined ? 0 : tickerRows(found)).toBe(expected.tickers ?? 0)
      })
    })
  }
}

suite(handWritten, 'captures written by hand')
suite(recorded, 'recorded captures')

const restFiles = restFilesIn(recorded)
const venueOf = (path: string) => findVenue(basename(path).split('-')[0] ?? '')

describe.skipIf(restFiles.length === 0)('recorded REST answers', () => {
  for (const path of restFiles) {
    test.skipIf(venueOf(path) === undefined)(
      `${basename(path)} is understood, and its venue recognised`,
      async () => {
        const { tally, stats } = await play([path])
        expect(tally.malformed).toEqual([])
        expect(stats).toMatchObject({ unclaimed: 0, venues: [venueOf(path)?.id] })
      },
    )
  }
})
