import { Decimal } from 'decimal.js'
import pc from 'picocolors'
import type { Inspection, InstrumentSummary, RecordedStream } from '../recorder/index.js'
import type { Connector } from '../src/connector.js'
import { showDuration } from './duration.js'
import { type Column, table } from './table.js'

/** What `npm start` is about to record. */
export function planTable(connectors: readonly Connector[]): string {
  return table(plans, connectors, { dense: true })
}

const plans: readonly Column<Connector>[] = [
  { head: 'venue', cell: ({ title }) => title },
  {
    head: 'markets',
    cell: ({ symbols, guess }) => symbols.map((symbol) => guess(symbol)?.symbol ?? symbol).join('  '),
    wrap: 14,
  },
  { head: 'channels', cell: ({ requested }) => requested.join(' '), wrap: 12 },
]

/** What `npm start` recorded: a line for each market, and a line for the tape. */
export function overview({ tape, instruments, streams, malformed }: Inspection): string {
  const span =
    tape.from === null || tape.to === null ? '' : ` in ${showDuration((tape.to - tape.from) / 1000)}`
  const events = streams.reduce((sum, stream) => sum + stream.events, 0)
  const size = `${(tape.bytes / 1024 / 1024).toFixed(1)} MiB`
  const broken = malformed === 0 ? '' : `, ${pc.red(`${malformed} malformed frames`)}`
  return `${table(markets, instruments, { dense: true, elsewhere: 'widen the terminal' })}\n\n${events.toLocaleString('en')} events${span}, ${size}${broken}`
}

/** What was asked for and did not come in so short a run: a sentence to stand after the overview, or nothing. */
export function absent(streams: readonly RecordedStream[]): string {
  const channels = new Map<string, string[]>()
  for (const { venue, symbol, channel, events } of streams) {
    if (events > 0) continue
    const market = `${venue} ${symbol}`
    channels.set(market, [...(channels.get(market) ?? []), channel])
  }
  if (channels.size === 0) return ''
  const lines = [...channels].map(([market, missing]) => `  ${market}: ${missing.join(' ')}`)
  return `\n\n${pc.yellow('nothing came in that time of')}\n${lines.join('\n')}\na longer run has them: npm start -- 20s`
}

const markets: readonly Column<InstrumentSummary>[] = [
  { head: 'venue', cell: ({ venue }) => venue },
  { head: 'market', cell: ({ symbol }) => symbol, wrap: 8 },
  { head: 'trades', cell: ({ trades }) => trades.count.toLocaleString('en'), align: 'right' },
  {
    head: 'book',
    cell: ({ book }) => book.updates.toLocaleString('en'),
    align: 'right',
    legend: 'messages that changed it',
    drop: 3,
  },
  { head: 'best bid', cell: ({ book }) => book.bids[0]?.[0] ?? '', align: 'right' },
  { head: 'best ask', cell: ({ book }) => book.asks[0]?.[0] ?? '', align: 'right' },
  { head: 'spread', cell: ({ book }) => spread(book), align: 'right', drop: 1 },
  {
    head: 'proofs',
    cell: proofs,
    align: 'right',
    legend: 'checksums of the venue that the book matched',
    drop: 2,
  },
  { head: 'gaps', cell: ({ gaps }) => (gaps === 0 ? '0' : pc.yellow(String(gaps))), align: 'right' },
]

function spread({ bids, asks }: InstrumentSummary['book']): string {
  const [bid, ask] = [bids[0], asks[0]]
  return bid === undefined || ask === undefined ? '' : new Decimal(ask[0]).minus(bid[0]).toFixed()
}

function proofs({ checksumsVerified, checksumsFailed }: InstrumentSummary): string {
  if (checksumsFailed > 0) return pc.red(`${checksumsFailed} FAILED`)
  return checksumsVerified === 0 ? '' : String(checksumsVerified)
}
