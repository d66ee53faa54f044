import { Command, Option } from 'commander'
import { candlesOf, openTape, type TapeCandle } from '../recorder/index.js'
import type { Micros } from '../schemas/events.js'
import { parseTime } from './duration.js'
import { exitCode, interruption } from './exit.js'
import { flag } from './flag.js'
import { helpEnd } from './help.js'
import { LineWriter, say } from './output.js'
import { type Column, table } from './table.js'
import { marketOnTape } from './tape-market.js'
import { checkWindow, holdings } from './tape-window.js'

interface Options {
  readonly from?: Micros
  readonly to?: Micros
  readonly csv?: boolean
  readonly json?: boolean
  readonly all?: boolean
}

export function candlesCommand(): Command {
  return new Command('candles')
    .description('candles made exactly from the trades of a tape; where trades may be missing they say so')
    .argument('<tape>', 'the file of a recording')
    .argument('<venue:symbol>', 'a market on the tape, such as bitfinex:BTC/USD')
    .argument('<interval>', '1s, 1m, 4h, 1d, 1w (from Monday); UTC')
    .addOption(flag('--from <time>', 'ISO time or microseconds: from here on', parseTime))
    .addOption(flag('--to <time>', 'ISO time or microseconds: before this', parseTime))
    .addOption(
      new Option(
        '--all',
        'intervals before and after the recording as well, of which trades of the past are on the tape',
      ),
    )
    .addOption(new Option('--json', 'NDJSON, a candle a line').conflicts('csv'))
    .addOption(new Option('--csv', 'comma-separated values, with a head'))
    .addHelpText(
      'after',
      helpEnd(`
Where "missing" names a reason, trades of the interval may be missing: the recording began or ended within it, or has a
gap there that nothing filled. Without --from and --to, intervals that lie entirely before or after the recording are left out
(a venue sends trades of the past on subscribing), and a sentence says how many; --all prints them. Where the tape has no trade of that time, a sentence says what it holds, and the exit code is 1.

Examples:
  tapewire candles tape.db bitfinex:BTC/USD 1m
  tapewire candles tape.db bitfinex:btc-usd 1h --from 2024-05-01 --to 2024-06-01 --csv > may.csv`),
    )
    .action(async (path: string, target: string, interval: string, { from, to, csv, json, all }: Options) => {
      checkWindow({ from, to })
      const { signal, interrupted, dispose } = interruption()
      const out = new LineWriter(process.stdout, signal)
      const tape = openTape(path)
      try {
        const { venue, instrument } = marketOnTape(tape, target)
        const made = candlesOf(tape, {
          venue,
          symbol: instrument,
          interval,
          ...(from === undefined ? {} : { from }),
          ...(to === undefined ? {} : { to }),
        })
        if (made.length === 0) {
          say(`no trade of ${target} that was asked for is on ${path}: ${holdings(tape)}`)
          process.exitCode = exitCode.foundWanting
          return
        }
        const isCut = all !== true && from === undefined && to === undefined
        const candles = isCut ? coveredOf(made) : made
        if (json === true) for (const candle of candles) await out.write(JSON.stringify(candle))
        else if (csv === true) for (const line of csvLines(candles)) await out.write(line)
        else await out.write(table(columns, candles))
        await out.flush()
        if (candles.length < made.length) say(cutText(made, candles))
      } finally {
        tape.close()
        dispose()
      }
      process.exitCode = interrupted() ?? process.exitCode
    })
}

/** Without the intervals at both ends of which the recording covers nothing; all of them where it covers none. */
function coveredOf(candles: readonly TapeCandle[]): readonly TapeCandle[] {
  const first = candles.findIndex(({ covered }) => covered)
  const last = candles.findLastIndex(({ covered }) => covered)
  return first === -1 ? candles : candles.slice(first, last + 1)
}

function cutText(made: readonly TapeCandle[], { length }: readonly TapeCandle[]): string {
  const count = made.length - length
  const intervals = count === 1 ? '1 interval was' : `${count.toLocaleString('en')} intervals were`
  return `${intervals} left out, which the recording does not cover; --all prints them`
}

const columns: readonly Column<TapeCandle>[] = [
  { head: 'from (UTC)', cell: ({ openTime }) => timeText(openTime) },
  { head: 'open', cell: ({ open }) => open ?? '', align: 'right' },
  { head: 'high', cell: ({ high }) => high ?? '', align: 'right' },
  { head: 'low', cell: ({ low }) => low ?? '', align: 'right' },
  { head: 'close', cell: ({ close }) => close ?? '', align: 'right' },
  { head: 'volume', cell: ({ volume }) => volume, align: 'right', drop: 1 },
  { head: 'trades', cell: ({ trades }) => String(trades), align: 'right', drop: 2 },
  {
    head: 'missing',
    cell: ({ missing }) => missing.join(' '),
    wrap: 12,
    legend: 'why trades of the interval may be missing; where it is empty, none are',
  },
]

function timeText(time: Micros): string {
  const iso = new Date(time / 1000).toISOString()
  return iso.endsWith(':00.000Z') ? iso.slice(0, 16).replace('T', ' ') : iso.slice(0, 19).replace('T', ' ')
}

function* csvLines(candles: readonly TapeCandle[]): Generator<string> {
  yield 'open_time,open,high,low,close,volume,volume_unit,trades,missing'
  for (const { openTime, open, high, low, close, volume, volumeUnit, trades, missing } of candles) {
    const time = new Date(openTime / 1000).toISOString()
    yield [time, open, high, low, close, volume, volumeUnit, trades, missing.join(' ')]
      .map((cell) => cell ?? '')
      .join(',')
  }
}
