import { Command } from 'commander'
import pc from 'picocolors'
import { venues } from '../connectors/index.js'
import type { MarketType } from '../schemas/events.js'
import type { ChannelSpec, Connector } from '../src/connector.js'
import { proofText } from '../src/venue/integrity.js'
import { helpEnd } from './help.js'
import { printJson } from './output.js'
import { type Column, table } from './table.js'
import { venueNamed } from './targets.js'

export function venuesCommand(): Command {
  return new Command('venues')
    .description('every venue: status, markets, channels, what proves its book; of one venue everything')
    .argument('[venue]', 'only this venue, with the variants of its channels and its limits')
    .option('--json', 'for programs')
    .addHelpText(
      'after',
      helpEnd(`
Examples:
  tapewire venues
  tapewire venues bitfinex`),
    )
    .action((name: string | undefined, { json }: { json?: boolean }) => {
      const asked = name === undefined ? venues : [venueNamed(name)]
      const connectors = asked.map((venue) => venue.connector({}))
      if (json === true) printJson(connectors.map(describe))
      else
        process.stdout.write(
          `${name === undefined ? overview(connectors) : connectors.map(details).join('\n')}\n`,
        )
    })
}

function describe(connector: Connector) {
  const { venue, aliases, title, status, markets, limits } = connector
  const channels = connector.channels.map((spec) => ({ ...spec, proof: proofText(spec) }))
  return { venue, aliases, title, status, markets, channels, limits }
}

const columns: readonly Column<Connector>[] = [
  { head: 'venue', cell: ({ venue }) => venue },
  {
    head: 'status',
    cell: ({ status }) => (status.state === 'open' ? 'open' : `closed ${status.since}`),
    wrap: 10,
  },
  { head: 'markets', cell: ({ markets }) => markets.join(' '), wrap: 9, drop: 1 },
  { head: 'channels', cell: ({ channels }) => channelNames(channels).join(' '), wrap: 16 },
  { head: 'proof of the book', cell: bookProof, wrap: 15 },
]

function overview(connectors: readonly Connector[]): string {
  const notes = connectors.flatMap(({ title, status: { note } }) =>
    note === undefined ? [] : [`${title}: ${note}`],
  )
  return table(columns, connectors, {
    elsewhere: 'widen the terminal, or: tapewire venues VENUE',
    legend: [
      '*: in several variants, such as candle:1m',
      ...(connectors.some(({ channels }) => channels.some(({ credentials }) => credentials === true))
        ? ['(key): needs an API key']
        : []),
      ...notes,
      'Variants and limits of one venue: tapewire venues VENUE',
    ],
  })
}

/** What proves the books that the bare kinds mean, in each kind of market that has its own. */
function bookProof({ channels }: Connector): string {
  const books = channels.filter(({ kind }) => kind === 'book')
  const first = (market: MarketType) => books.find(({ markets }) => markets.includes(market))
  const rows = new Set(books.flatMap(({ markets }) => markets.map(first)))
  return [...new Set([...rows].map((spec) => (spec === undefined ? '' : proofText(spec))))].join('; ')
}

function channelNames(channels: readonly ChannelSpec[]): string[] {
  const names = new Map<string, string>()
  for (const { kind, variants, credentials } of channels) {
    names.set(
      kind,
      `${kind}${variants.length > 1 || names.has(kind) ? '*' : ''}${credentials === true ? ' (key)' : ''}`,
    )
  }
  return [...names.values()]
}

/** One venue with all its variants and limits. */
function details(connector: Connector): string {
  const { venue, aliases, title, status, markets, channels, limits } = connector
  const note = status.note === undefined ? '' : `, ${status.note}`
  const facts: readonly (readonly [string, string])[] = [
    ['venue', [venue, ...aliases].join(', ')],
    ['status', `${status.state === 'open' ? 'open' : `closed since ${status.since}`}${note}`],
    ['markets', markets.join(', ')],
    ...channels.map((spec): [string, string] => [spec.kind, channelText(spec)]),
    ['limits', limitText(limits)],
  ]
  const rows: readonly Column<readonly [string, string]>[] = [
    { head: title, cell: ([name]) => pc.dim(name) },
    { head: '', cell: ([, text]) => text, wrap: 30 },
  ]
  return table(rows, facts, { dense: true })
}

function channelText(spec: ChannelSpec): string {
  const { kind, variants, markets, credentials } = spec
  return [
    variants.length === 0 ? kind : variants.map((variant) => `${kind}:${variant}`).join(' '),
    markets.join(', '),
    ...(credentials === true ? ['needs an API key'] : []),
    `proof: ${proofText(spec)}`,
  ].join('; ')
}

function limitText({
  subscriptionsPerConnection,
  connectsPerMinute,
  maxConnectionAgeMs,
}: Connector['limits']): string {
  return [
    `${subscriptionsPerConnection} streams a connection`,
    `${connectsPerMinute} connects a minute`,
    ...(maxConnectionAgeMs === null ? [] : [`a connection ends after ${maxConnectionAgeMs / 3_600_000} h`]),
  ].join(', ')
}
