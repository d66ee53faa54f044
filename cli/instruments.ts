import { Command } from 'commander'
import type { Instrument } from '../src/connector.js'
import { listInstruments } from '../src/feed/catalogue.js'
import { helpEnd } from './help.js'
import { print, printJson, say } from './output.js'
import { type Column, table } from './table.js'
import { venueNamed } from './targets.js'

interface Options {
  readonly json?: boolean
  readonly url?: string
  readonly search?: string
}

export function instrumentsCommand(): Command {
  return new Command('instruments')
    .description('what a venue trades: unified symbol, its own id, tick, lot and contract size')
    .argument('<venue>', 'such as bitfinex; tapewire venues lists them')
    .option('--search <text>', 'only symbols or ids that hold the text')
    .option('--url <url>', 'socket URL of a gateway or simulator in place of the venue')
    .option('--json', 'for programs')
    .addHelpText(
      'after',
      helpEnd(`
Examples:
  tapewire instruments bitfinex --search BTC
  tapewire instruments huobi --json`),
    )
    .action(async (name: string, options: Options) => {
      const venue = venueNamed(name)
      const connector = venue.connector(options.url === undefined ? {} : { url: options.url })
      const wanted = options.search?.toUpperCase() ?? ''
      const instruments = (await listInstruments(connector)).filter(
        ({ symbol, instrument }) =>
          symbol.toUpperCase().includes(wanted) || instrument.toUpperCase().includes(wanted),
      )
      if (options.json === true) printJson(instruments)
      else if (instruments.length > 0) print(table(columns, instruments))
      else say(nothingFound(connector.title, options.search))
    })
}

const columns: readonly Column<Instrument>[] = [
  { head: 'symbol', cell: ({ symbol }) => symbol },
  { head: 'instrument', cell: ({ instrument }) => instrument },
  { head: 'market', cell: ({ market }) => market, drop: 1 },
  { head: 'status', cell: ({ status }) => status ?? '?', drop: 2 },
  { head: 'tick', cell: ({ tickSize }) => tickSize ?? '?', align: 'right' },
  { head: 'lot', cell: ({ lotSize }) => lotSize ?? '?', align: 'right', drop: 3 },
  { head: 'amounts', cell: ({ amountUnit }) => amountUnit, drop: 5 },
  {
    head: 'contract',
    cell: ({ contractSize, contractUnit }) =>
      contractSize === null ? '' : `${contractSize} ${contractUnit ?? ''}`.trimEnd(),
    align: 'right',
    drop: 4,
  },
]

function nothingFound(title: string, search: string | undefined): string {
  return search === undefined
    ? `${title} lists no instruments`
    : `${title} lists no instrument whose symbol or id holds ${search}`
}
