import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Decimal } from 'decimal.js'
import * as z from 'zod'
import { findVenue } from '../../connectors/index.js'

/** The truth's decimals, in the form in which ours are written. */
const decimal = z.string().transform((text) => new Decimal(text).toFixed())

const trade = z.object({
  id: z.string(),
  price: decimal,
  amount: decimal,
  side: z.enum(['buy', 'sell']).nullable(),
  ts_us: z.int().nullable(),
})

const trades = z.object({
  count: z.int(),
  amount_sum: decimal,
  buys: z.int(),
  sells: z.int(),
  first: trade,
  last: trade,
})

const level = z.tuple([decimal, decimal])

const symbol = z.object({
  trades: trades.optional(),
  trades_snapshot: trades.optional(),
  book: z
    .object({
      snapshots: z.int(),
      updates: z.int(),
      update_rows: z.int(),
      bid_levels: z.int(),
      ask_levels: z.int(),
      bids: z.array(level),
      asks: z.array(level),
      /** Bitfinex: the checksum of the final book by the venue's rule. */
      crc32_top25: z.int().optional(),
    })
    .optional(),
  tickers: z.int().optional(),
})

/** What was computed of a capture independently; `../shared/captures/README.md`, "Truth". */
export const truthFile = z.object({
  capture: z.string(),
  venue: z.string(),
  frames_in: z.int(),
  frames_out: z.int(),
  symbols: z.record(z.string(), symbol),
  /** Ticker rows of all symbols, also of those that the venue sent unasked and that `symbols` leaves out. */
  totals: z.object({ tickers: z.int() }),
  checksums: z.object({ frames: z.int(), verified: z.int() }),
})

const ofWhat = truthFile.pick({ venue: true }).loose()

export type Truth = z.infer<typeof truthFile>
export type SymbolTruth = z.infer<typeof symbol>
export type TradesTruth = z.infer<typeof trades>

/** A capture, the REST answers that were recorded beside it, and the truth of both. */
export interface Capture {
  readonly truth: Truth
  readonly files: readonly string[]
}

/** The captures written by hand, which are always here. */
export const handWritten = fileURLToPath(new URL('../fixtures/captures/', import.meta.url))
/** The recorded ones, which are not part of the package. */
export const recorded = fileURLToPath(new URL('../../../shared/captures/', import.meta.url))

/** What a folder holds: a further capture needs no line here, nor one of a venue that has no connector yet. */
export interface Captures {
  readonly captures: readonly Capture[]
  /** The venue of each capture whose venue has no connector yet; their truth is not read. */
  readonly left: readonly string[]
}

/** Every capture in a folder that has a truth. A folder that is absent holds none. */
export function capturesIn(folder: string): Captures {
  const captures: Capture[] = []
  const left: string[] = []
  const truths = join(folder, 'truth')
  const names = existsSync(truths) ? readdirSync(truths).filter((name) => name.endsWith('.json')) : []
  for (const name of names.sort()) {
    const content: unknown = JSON.parse(readFileSync(join(truths, name), 'utf8'))
    const { venue } = ofWhat.parse(content)
    if (findVenue(venue) === undefined) {
      left.push(venue)
      continue
    }
    const truth = truthFile.parse(content)
    captures.push({ truth, files: filesOf(folder, truth.capture) })
  }
  return { captures, left }
}

/** Every file of REST answers in a folder. */
export function restFilesIn(folder: string): string[] {
  return filesIn(folder).filter((path) => basename(path).includes('-rest'))
}

/** `bittrex-v3-20210614.part1` goes with `bittrex-v3-20210614-rest.part1`. */
function filesOf(folder: string, capture: string): string[] {
  const [base = capture] = capture.split('.')
  const files = filesIn(folder)
  const own = files.filter((path) => new RegExp(`^${capture}\\.jsonl(\\.gz)?$`).test(basename(path)))
  if (own.length !== 1)
    throw new Error(`there is a truth of ${capture} in ${folder}, and ${own.length} captures of that name`)
  return [...files.filter((path) => basename(path).startsWith(`${base}-rest`)), ...own]
}

function filesIn(folder: string): string[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.jsonl(\.gz)?$/.test(name))
    .map((name) => join(folder, name))
    .sort()
}
