import { expect, it } from 'vitest'
import { receivedFault } from '../../../src/simulator/fault-plan.js'
import { describeFaults } from './fault-worlds.js'
import { Client } from './worlds.js'

describeFaults('of what the client says', receivedFault, (world) => {
  it('ignore-request leaves it unanswered', async () => {
    const toy = await world({ fault: 'ignore-request', match: '^sub' })
    const client = new Client(toy, { greet: ['sub', 'echo there'] })
    await client.has('there')
    await toy.pass(250)
    expect(client.texts).toEqual(['hello', 'there'])
  })

  it('late-request answers it late', async () => {
    const toy = await world({ fault: 'late-request', match: '^sub', delayMs: 250 })
    const client = new Client(toy, { greet: ['sub', 'echo there'] })
    await client.has('tick 1')
    expect(client.texts.slice(0, 3)).toEqual(['hello', 'there', 'ack'])
    expect(client.times[2]).toBeGreaterThanOrEqual(245)
  })
})
