import Table from 'cli-table3'
import { Command } from 'commander'
import type { Instrument } from '../src/connector.js'
import { listInstruments } from '../src/feed/catalogue.js'
import { printJson } from './output.js'
import { venueNamed } from './targets.js'

interface Options {
  readonly json?: boolean
  readonly url?: string
  readonly search?: string
}

export function instrumentsCommand(): Command {
  return new Command('instruments')
    .description('what a venue trades: unified symbol, its own id, tick, lot and contract size')
    .argument('<venue>')
    .option('--search <text>', 'only symbols or ids that hold the text')
    .option('--url <url>', 'socket URL of a gateway or simulator in place of the venue')
    .option('--json', 'for programs')
    .action(async (name: string, options: Options) => {
      const venue = venueNamed(name)
      const connector = venue.connector(options.url === undefined ? {} : { url: options.url })
      const wanted = options.search?.toUpperCase() ?? ''
      const instruments = (await listInstruments(connector)).filter(
        ({ symbol, instrument }) =>
          symbol.toUpperCase().includes(wanted) || instrument.toUpperCase().includes(wanted),
      )
      if (options.json === true) printJson(instruments)
      else process.stdout.write(`${table(instruments)}\n`)
    })
}

function table(instruments: readonly Instrument[]): string {
  const rows = new Table({
    head: ['symbol', 'instrument', 'market', 'status', 'tick', 'lot', 'amounts', 'contract'],
    style: { head: [], border: [] },
    chars: { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' },
  })
  for (const {
    symbol,
    instrument,
    market,
    status,
    tickSize,
    lotSize,
    amountUnit,
    contractSize,
    contractUnit,
  } of instruments) {
    const contract = contractSize === null ? '' : `${contractSize} ${contractUnit ?? ''}`
    rows.push([
      symbol,
      instrument,
      market,
      status ?? '?',
      tickSize ?? '?',
      lotSize ?? '?',
      amountUnit,
      contract,
    ])
  }
  return rows.toString()
}
