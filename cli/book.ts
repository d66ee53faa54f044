import { Command } from 'commander'
import pc from 'picocolors'
import { type BookMoment, openTape, type Tape, type TapeBook } from '../recorder/index.js'
import type { Level, Micros } from '../schemas/events.js'
import { TapeError, UsageError } from '../src/errors.js'
import { parseTime } from './duration.js'
import { exitCode } from './exit.js'
import { flag, wholeNumber } from './flag.js'
import { helpEnd } from './help.js'
import { print, printJson, say } from './output.js'
import { type Column, table } from './table.js'
import { marketOnTape } from './tape-market.js'
import { endOfTape, holdings } from './tape-window.js'

interface Options {
  readonly at?: Micros
  readonly exchangeTime?: boolean
  readonly channel?: string
  readonly depth: number
  readonly json?: boolean
}

export function bookCommand(): Command {
  return new Command('book')
    .description('the order book of a tape as it stood at a moment, or at its end')
    .argument('<tape>', 'the file of a recording')
    .argument('<venue:symbol>', 'a market on the tape, such as bitfinex:BTC/USD')
    .addOption(flag('--at <time>', 'ISO time or microseconds (without it: the end of the tape)', parseTime))
    .option('--exchange-time', 'the moment is one of the venue’s clock, not the time of receipt')
    .option('--channel <name>', 'which book: book:P1, order (without it: book, else the deepest there is)')
    .addOption(flag('--depth <n>', 'levels a side', wholeNumber(1), { value: 10, shown: '10' }))
    .option('--json', 'for programs; exact decimals as text')
    .addHelpText(
      'after',
      helpEnd(`
Examples:
  tapewire book tape.db bitfinex:BTC/USD
  tapewire book tape.db bitfinex:BTC/USD --at 2024-05-01T12:00:00Z
  tapewire book tape.db bitfinex:btc-usd --at 1714564800000000 --depth 50 --json`),
    )
    .action((path: string, target: string, { at: asked, exchangeTime, channel, depth, json }: Options) => {
      if (asked === undefined && exchangeTime === true) {
        throw new UsageError('bad_option', '--exchange-time says by which clock --at is meant: add --at', {
          context: { field: '--exchange-time' },
        })
      }
      const tape = openTape(path)
      try {
        const { venue, symbol, instrument } = marketOnTape(tape, target)
        const request = { venue, symbol: instrument, ...(channel === undefined ? {} : { channel }) }
        const book = withAdvice(() => tape.bookAt(request, momentOf(tape, asked, exchangeTime === true)))
        const at = asked ?? endOfTape(tape)
        if (book === null) {
          say(`${venue} ${symbol} has no book${when(at)}: it had not begun on this tape; ${holdings(tape)}`)
          process.exitCode = exitCode.foundWanting
        } else if (json === true) printJson(plain(book, at, depth))
        else print(`${bookText(book, at, depth)}${asked === undefined ? '' : afterTheEnd(tape, asked)}`)
      } finally {
        tape.close()
      }
    })
}

/** Without a time the book after the last event of the tape, which needs no clock. */
function momentOf(tape: Tape, at: Micros | undefined, byExchange: boolean): BookMoment {
  if (at !== undefined) return byExchange ? { exchangeTime: at } : at
  const [row] = tape.query('SELECT coalesce(max(id), 0) AS last FROM events')
  return { event: Number(row?.['last']) }
}

/** Nothing where the tape has no times. */
function when(at: Micros | null): string {
  return at === null ? '' : ` at ${new Date(at / 1000).toISOString()}`
}

/** Said where the moment lies behind the last event of the tape, of which the book is then. */
function afterTheEnd(tape: Tape, at: Micros): string {
  const end = endOfTape(tape) ?? at
  return end >= at ? '' : `\n\nthe tape ends before that, at ${new Date(end / 1000).toISOString()}`
}

/** In the words of the command. */
function withAdvice<T>(run: () => T): T {
  try {
    return run()
  } catch (error) {
    if (!(error instanceof TapeError) || error.code !== 'no_clock') throw error
    throw new TapeError(
      'no_clock',
      'this tape has no times of receipt: add --exchange-time to ask by the venue’s clock',
      { cause: error },
    )
  }
}

function plain(
  { venue, symbol, instrument, channel, event, book }: TapeBook,
  at: Micros | null,
  depth: number,
) {
  return { venue, symbol, instrument, channel, at, event, state: book.state, ...book.top(depth) }
}

interface Row {
  readonly bid: Level | undefined
  readonly ask: Level | undefined
}

const columns: readonly Column<Row>[] = [
  { head: 'amount', cell: ({ bid }) => bid?.[1] ?? '', align: 'right' },
  { head: 'bid', cell: ({ bid }) => pc.green(bid?.[0] ?? ''), align: 'right' },
  { head: 'ask', cell: ({ ask }) => pc.red(ask?.[0] ?? ''), align: 'right' },
  { head: 'amount', cell: ({ ask }) => ask?.[1] ?? '', align: 'right' },
]

function bookText(
  { venue, symbol, channel, event, book }: TapeBook,
  at: Micros | null,
  depth: number,
): string {
  const { bids, asks } = book.top(depth)
  const rows = Array.from({ length: Math.max(bids.length, asks.length) }, (_, level) => ({
    bid: bids[level],
    ask: asks[level],
  }))
  const state = book.state === 'live' ? pc.green(book.state) : pc.yellow(book.state)
  const head = `${pc.bold(`${venue} ${symbol}`)} ${channel}${when(at)}, after event ${event}: ${state}`
  const doubt =
    book.state === 'live' ? '' : '\nthe tape says that something was missing then: the book may be wrong'
  return `${head}${doubt}\n\n${table(columns, rows)}`
}
