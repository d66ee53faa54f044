import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { findVenue, venues } from '../../connectors/index.js'
import { type Inspection, inspectTape, openTape } from '../../recorder/index.js'
import { openRecording, playRecording } from '../../src/framelog/index.js'
import { type Capture, capturesIn, handWritten, recorded, type TradesTruth } from './truth-file.js'

const folder = mkdtempSync(join(tmpdir(), 'tapewire-truth-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** What `tapewire ingest` and `tapewire inspect` do, without the command. */
async function inspected({ truth, files }: Capture): Promise<Inspection> {
  const path = join(folder, `${truth.capture}.db`)
  const connectors = venues.map((venue) => venue.connector({}))
  const recorder = openTape(path, { mode: 'write' })
  const recording = await openRecording(files)
  await playRecording(recording.records(), { connectors, onEvent: (event) => recorder.record(event) })
  await recorder.close()
  const tape = openTape(path)
  const inspection = inspectTape(tape)
  tape.close()
  return inspection
}

function trade({ id, price, amount, side, ts_us }: TradesTruth['first']): unknown {
  return { id, price, amount, side, exchangeTime: ts_us }
}

function trades(truth: TradesTruth | undefined): unknown {
  if (truth === undefined) return { count: 0, amount: '0', buys: 0, sells: 0, first: null, last: null }
  const { count, amount_sum, buys, sells, first, last } = truth
  return { count, amount: amount_sum, buys, sells, first: trade(first), last: trade(last) }
}

describe('the overview of a tape of ingested captures says what the truth says', () => {
  const known = [...capturesIn(handWritten).captures, ...capturesIn(recorded).captures]
  test.each(known.map((capture) => [capture.truth.capture, capture] as const))('%s', async (_, capture) => {
    const { instruments, malformed } = await inspected(capture)
    const { symbols, checksums, totals } = capture.truth
    expect(malformed).toBe(0)
    expect(instruments.map(({ instrument }) => instrument)).toEqual(
      expect.arrayContaining(Object.keys(symbols)),
    )
    expect(instruments.reduce((sum, { tickers, quotes }) => sum + (tickers || quotes), 0)).toBe(
      totals.tickers,
    )
    for (const found of instruments) {
      const truth = symbols[found.instrument]
      expect(found).toMatchObject({
        venue: findVenue(capture.truth.venue)?.id,
        trades: trades(truth?.trades),
        historicalTrades: trades(truth?.trades_snapshot),
        book: {
          snapshots: truth?.book?.snapshots ?? 0,
          updates: truth?.book?.updates ?? 0,
          bids: truth?.book?.bids ?? [],
          asks: truth?.book?.asks ?? [],
        },
      })
      if (truth !== undefined) expect(found.tickers || found.quotes).toBe(truth.tickers ?? 0)
    }
    const sum = (count: 'checksumsVerified' | 'checksumsFailed') =>
      instruments.reduce((total, found) => total + found[count], 0)
    expect(sum('checksumsVerified')).toBe(checksums.verified)
    expect(sum('checksumsFailed')).toBe(checksums.frames - checksums.verified)
  })
})
