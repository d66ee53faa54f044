import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { FAULT_NAMES } from '../../../src/simulator/fault-plan.js'
import { VENUE_FAULTS } from '../../../src/simulator/venue-faults.js'

const page = readFileSync(new URL('../../../docs/simulator.md', import.meta.url), 'utf8')
const rows = [...page.matchAll(/^\| `([a-z0-9-]+)` \|/gm)].map(([, name]) => name)

describe('docs/simulator.md', () => {
  it('has a row for every fault of a plan and of the venues’ vocabulary, and for nothing else', () => {
    const fields = ['chance', 'nth', 'times', 'connection', 'path', 'match', 'pick']
    expect(rows.filter((name) => !fields.includes(name ?? ''))).toEqual([
      ...FAULT_NAMES,
      ...Object.keys(VENUE_FAULTS),
    ])
  })
})
