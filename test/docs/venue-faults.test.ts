import { expect, test } from 'vitest'
import { simulate } from '../../simulators/index.js'
import { playFault } from '../sim/one-fault.js'
import { mainProfiles } from '../sim/venues.js'
import { faultTable } from './fault-table.js'

const table = faultTable("Faults of a venue's protocol")
const cases = mainProfiles.flatMap((profile) =>
  (simulate(profile.venue.id, {}).faults ?? []).map((name) => ({ name, venue: profile.venue.id, profile })),
)

test('docs/reliability.md names no fault of a protocol that does not exist', () => {
  const known = new Set(cases.map(({ name, venue }) => `${name} ${venue}`))
  expect([...table.keys()].filter((key) => !known.has(key))).toEqual([])
})

test.each(cases)(
  '$name at $venue is said as docs/reliability.md has it',
  async ({ name, venue, profile }) => {
    const said = await playFault(profile, { name, ofVenue: true })
    expect(table.get(`${name} ${venue}`) ?? [null]).toContainEqual(said)
  },
)
