import { expect, test } from 'vitest'
import { FAULT_NAMES } from '../../src/simulator/index.js'
import { playFault } from '../sim/one-fault.js'
import { mainProfiles } from '../sim/venues.js'
import { faultTable } from './fault-table.js'

const table = faultTable('Faults of the network')
const faults = FAULT_NAMES.filter((name) => name !== 'venue')
const cases = faults.flatMap((name) =>
  mainProfiles.map((profile) => ({ name, venue: profile.venue.id, profile })),
)

test('docs/reliability.md names no fault of the network that does not exist', () => {
  const known = new Set(cases.map(({ name, venue }) => `${name} ${venue}`))
  expect([...table.keys()].filter((key) => !known.has(key))).toEqual([])
})

test.each(cases)(
  '$name at $venue is said as docs/reliability.md has it',
  async ({ name, venue, profile }) => {
    const said = await playFault(profile, { name, ofVenue: false })
    expect(table.get(`${name} ${venue}`) ?? [null]).toContainEqual(said)
  },
)
