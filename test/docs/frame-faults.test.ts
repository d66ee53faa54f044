import { expect, test } from 'vitest'
import { playFault } from '../sim/one-fault.js'
import { mainProfiles } from '../sim/venues.js'
import { faultTable } from './fault-table.js'

const GENEROUS_MS = 300_000
/** Between them they bring every row about, each seed with another market. */
const SEEDS = [1, 2, 3, 4, 5, 11]
/** Outcomes that are rarer than that. */
const RARE: Readonly<Record<string, number>> = { 'reorder bitmex': 35 }

const network = faultTable('Faults of the network')
const protocol = faultTable("Faults of a venue's protocol")
const cases = [
  ...['drop', 'reorder', 'truncate'].map((name) => ({ name, ofVenue: false, table: network })),
  { name: 'update-lost', ofVenue: true, table: protocol },
].flatMap(({ table, ...fault }) =>
  mainProfiles.flatMap((profile) => {
    const rows = table.get(`${fault.name} ${profile.venue.id}`)
    return rows === undefined ? [] : [{ fault, profile, rows, name: `${fault.name} ${profile.venue.id}` }]
  }),
)

test.each(cases)(
  'whatever frame it strikes, $name is said as docs/reliability.md has it',
  async ({ fault, profile, rows, name }) => {
    const rare = RARE[name]
    // One row holds for every seed; two of them show as much as five.
    const seeds = rows.length === 1 ? SEEDS.slice(0, 2) : [...SEEDS, ...(rare === undefined ? [] : [rare])]
    const seen = new Set<string>()
    for (const seed of seeds)
      seen.add((await playFault(profile, fault, seed))?.join(', ') ?? 'nothing struck')
    expect([...seen].sort()).toEqual(rows.map((row) => row.join(', ')).sort())
  },
  GENEROUS_MS,
)
