import Table from 'cli-table3'
import { Command } from 'commander'
import { venues } from '../connectors/index.js'
import type { ChannelSpec, Connector } from '../src/connector.js'
import { printJson } from './output.js'

export function venuesCommand(): Command {
  return new Command('venues')
    .description('every venue: status, markets, channels, what proves its book, limits')
    .option('--json', 'for programs')
    .action(({ json }: { json?: boolean }) => {
      const connectors = venues.map((venue) => venue.connector({}))
      if (json === true) printJson(connectors.map(describe))
      else process.stdout.write(`${table(connectors)}\n`)
    })
}

function describe(connector: Connector) {
  const { venue, aliases, title, status, markets, channels, proof, limits } = connector
  return { venue, aliases, title, status, markets, channels, proof, limits }
}

function table(connectors: readonly Connector[]): string {
  const rows = new Table({
    head: ['venue', 'status', 'markets', 'channels', 'proof of the book', 'limits'],
    style: { head: [], border: [] },
    wordWrap: true,
    colWidths: [14, 20, 14, 36, 26, 26],
  })
  for (const connector of connectors) {
    const { venue, aliases, status, markets, channels, proof, limits } = connector
    rows.push([
      [venue, ...aliases.map((alias) => `(${alias})`)].join('\n'),
      status.state === 'open'
        ? `open${status.note === undefined ? '' : `\n${status.note}`}`
        : `closed ${status.since}\n${status.note}`,
      markets.join('\n'),
      channels.map(channelText).join('\n'),
      proof,
      [
        `${limits.subscriptionsPerConnection} streams a connection`,
        `${limits.connectsPerMinute} connects a minute`,
        limits.maxConnectionAgeMs === null ? '' : `cut after ${limits.maxConnectionAgeMs / 3_600_000} h`,
      ]
        .filter((line) => line !== '')
        .join('\n'),
    ])
  }
  return rows.toString()
}

function channelText({ kind, variants, credentials }: ChannelSpec): string {
  const [first, ...others] = variants
  const names = first === undefined ? kind : others.length === 0 ? kind : `${kind} (${variants.join(' ')})`
  return credentials === true ? `${names} [key]` : names
}
