import { expect, test } from 'vitest'
import { playFault } from '../sim/one-fault.js'
import { mainProfiles } from '../sim/venues.js'
import { faultTable } from './fault-table.js'

const GENEROUS_MS = 300_000
/** Each with another market. */
const SEEDS = [1, 2, 3, 4, 5, 11]

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
  async ({ fault, profile, rows }) => {
    // Where one row holds for every frame, two seeds show as much as six.
    for (const seed of rows.length === 1 ? SEEDS.slice(0, 2) : SEEDS) {
      expect(rows, `seed ${seed}`).toContainEqual(await playFault(profile, fault, seed))
    }
  },
  GENEROUS_MS,
)
