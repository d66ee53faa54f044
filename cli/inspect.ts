import Table from 'cli-table3'
import { Command } from 'commander'
import { type Inspection, type InstrumentSummary, inspectTape, openTape } from '../recorder/index.js'
import { showDuration } from './duration.js'
import { printJson } from './output.js'

export function inspectCommand(): Command {
  return new Command('inspect')
    .description('what is on a tape: trades, books, gaps, proofs')
    .argument('<tape>')
    .option('--json', 'for programs')
    .addHelpText(
      'after',
      `
Examples:
  tapewire inspect tape.db
  tapewire inspect tape.db --json | jq .tape`,
    )
    .action((path: string, { json }: { json?: boolean }) => {
      const tape = openTape(path)
      try {
        const inspection = inspectTape(tape)
        if (json === true) printJson(inspection)
        else process.stdout.write(`${inspectionTable(inspection)}\n`)
      } finally {
        tape.close()
      }
    })
}

/** The table that a person reads. */
export function inspectionTable({ tape, instruments, malformed }: Inspection): string {
  const rows = new Table({
    head: [
      'market',
      'instrument',
      'trades',
      'amount',
      'book',
      'best bid',
      'best ask',
      'other',
      'gaps',
      'proved',
    ],
    style: { head: [], border: [] },
    chars: { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' },
    colAligns: ['left', 'left', 'right', 'right', 'right', 'right', 'right', 'left', 'right', 'right'],
  })
  for (const summary of instruments) rows.push(row(summary))
  const span =
    tape.from === null || tape.to === null ? '' : ` over ${showDuration((tape.to - tape.from) / 1000)}`
  const size = `${(tape.bytes / 1024 / 1024).toFixed(1)} MiB`
  return `${rows.toString()}\n${tape.events.toLocaleString('en')} events${span}, ${size}, ${malformed} malformed frames`
}

function row(summary: InstrumentSummary): string[] {
  const {
    venue,
    symbol,
    instrument,
    trades,
    historicalTrades,
    book,
    gaps,
    checksumsVerified,
    checksumsFailed,
  } = summary
  const history = historicalTrades.count > 0 ? ` +${historicalTrades.count}` : ''
  const proved =
    checksumsFailed > 0
      ? `${checksumsVerified}, ${checksumsFailed} FAILED`
      : checksumsVerified > 0
        ? String(checksumsVerified)
        : ''
  const other = [
    summary.quotes > 0 ? `${summary.quotes} quotes` : '',
    summary.tickers > 0 ? `${summary.tickers} tickers` : '',
    summary.candles > 0 ? `${summary.candles} candles` : '',
    summary.derivatives > 0 ? `${summary.derivatives} derivative` : '',
    summary.liquidations > 0 ? `${summary.liquidations} liquidations` : '',
  ]
  return [
    `${venue}:${symbol}`,
    instrument,
    `${trades.count}${history}`,
    trades.amount,
    `${book.snapshots} / ${book.updates}`,
    book.bids[0]?.join(' × ') ?? '',
    book.asks[0]?.join(' × ') ?? '',
    other.filter((text) => text !== '').join('\n'),
    gaps === 0 ? '' : String(gaps),
    proved,
  ]
}
