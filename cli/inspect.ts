import { Command } from 'commander'
import { type Inspection, type InstrumentSummary, inspectTape, openTape } from '../recorder/index.js'
import { totalsTable } from './coverage-table.js'
import { showDuration } from './duration.js'
import { fitNumber } from './fit.js'
import { helpEnd } from './help.js'
import { print, printJson } from './output.js'
import { showBytes } from './size.js'
import { type Column, table } from './table.js'

export function inspectCommand(): Command {
  return new Command('inspect')
    .description('what is on a tape: trades, books, gaps, proofs, and what is covered of each stream')
    .argument('<tape>', 'the file of a recording')
    .option('--json', 'for programs')
    .addHelpText(
      'after',
      helpEnd(`
Examples:
  tapewire inspect tape.db
  tapewire inspect tape.db --json | jq .tape`),
    )
    .action((path: string, { json }: { json?: boolean }) => {
      const tape = openTape(path)
      try {
        const inspection = inspectTape(tape)
        if (json === true) printJson(inspection)
        else print(overview(inspection, tape.runs().length))
      } finally {
        tape.close()
      }
    })
}

/** What a person reads: the markets, what is covered of their streams, and a line for the tape. */
function overview({ tape, instruments, streams, malformed }: Inspection, runs: number): string {
  const span =
    tape.from === null || tape.to === null ? '' : ` over ${showDuration((tape.to - tape.from) / 1000)}`
  const events = streams.reduce((sum, stream) => sum + stream.events, 0)
  const size = `${events.toLocaleString('en')} events${span}, ${showBytes(tape.bytes)}, ${malformed} malformed frames`
  return [
    ...(instruments.length === 0 ? [] : [table(markets, instruments, { dense: true })]),
    ...(streams.length === 0 ? [] : [totalsTable(streams, runs)]),
    size,
  ].join('\n\n')
}

/** An exact sum may have more digits than a person reads. */
const AMOUNT_COLUMNS = 16

const markets: readonly Column<InstrumentSummary>[] = [
  { head: 'market', cell: ({ venue, symbol }) => `${venue} ${symbol}`, wrap: 12 },
  { head: 'instrument', cell: ({ instrument }) => instrument, drop: 6 },
  {
    head: 'trades',
    cell: ({ trades, historicalTrades: { count } }) =>
      `${trades.count.toLocaleString('en')}${count > 0 ? ` +${count.toLocaleString('en')}` : ''}`,
    align: 'right',
    legend: 'as they happened + as history',
  },
  {
    head: 'amount',
    cell: ({ trades }) => fitNumber(trades.amount, AMOUNT_COLUMNS).trim(),
    align: 'right',
    drop: 4,
    legend: 'of the trades as they happened, in the venue’s own unit',
  },
  {
    head: 'book',
    cell: ({ book }) => `${book.snapshots.toLocaleString('en')} / ${book.updates.toLocaleString('en')}`,
    align: 'right',
    legend: 'snapshots / changes',
  },
  { head: 'best bid', cell: ({ book }) => book.bids[0]?.[0] ?? '', align: 'right', drop: 2 },
  { head: 'best ask', cell: ({ book }) => book.asks[0]?.[0] ?? '', align: 'right', drop: 1 },
  { head: 'other', cell: others, wrap: 12, drop: 5 },
  { head: 'proved', cell: proofs, align: 'right', drop: 3, legend: 'checksums that matched' },
]

function others({ quotes, tickers, candles, derivatives, liquidations }: InstrumentSummary): string {
  const counts: readonly (readonly [number, string])[] = [
    [quotes, 'quotes'],
    [tickers, 'tickers'],
    [candles, 'candles'],
    [derivatives, 'derivative'],
    [liquidations, 'liquidations'],
  ]
  return counts
    .filter(([count]) => count > 0)
    .map(([count, name]) => `${count.toLocaleString('en')} ${name}`)
    .join('\n')
}

function proofs({ checksumsVerified, checksumsFailed }: InstrumentSummary): string {
  if (checksumsFailed > 0) return `${checksumsVerified}, ${checksumsFailed} FAILED`
  return checksumsVerified > 0 ? String(checksumsVerified) : ''
}
