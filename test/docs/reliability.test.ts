import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { FAULT_NAMES, VENUE_FAULTS } from '../../src/simulator/index.js'
import { type ListedFault, playFault } from '../sim/one-fault.js'

const page = readFileSync(new URL('../../docs/reliability.md', import.meta.url), 'utf8')
const network: readonly ListedFault[] = FAULT_NAMES.filter((name) => name !== 'venue')
const ofVenues = Object.keys(VENUE_FAULTS).filter(
  (name): name is keyof typeof VENUE_FAULTS => name in VENUE_FAULTS,
)

/** The rows of the table beneath a heading: what is said, by the fault. */
function rows(heading: string): ReadonlyMap<string, string[]> {
  const [, after = ''] = page.split(`### ${heading}\n`)
  const [table = ''] = after.split(/\n#/)
  return new Map(
    [...table.matchAll(/^\| `([\w-]+)` \| (.*) \|$/gm)].map(([, name = '', said = '']) => [
      name,
      [...said.matchAll(/`([^`]+)`/g)].map(([, word = '']) => word),
    ]),
  )
}

describe.each([
  ['Faults of the network', network, false],
  ['Faults of a venue’s protocol', ofVenues, true],
] as const)('the table of docs/reliability.md: %s', (title, faults, ofVenue) => {
  const table = rows(title.replace('’', "'"))

  test('names every fault, and no other', () => {
    expect([...table.keys()]).toEqual(faults)
  })

  test.each(faults.map((name) => [name]))('%s is said as written', async (name) => {
    expect(await playFault(name, ofVenue)).toEqual(table.get(name))
  })
})
