import { expect, it } from 'vitest'
import { handshakeFault } from '../../../src/simulator/fault-plan.js'
import { describeFaults } from './fault-worlds.js'
import { Client } from './worlds.js'

describeFaults('of a handshake', handshakeFault, (world) => {
  it('refuse-handshake answers with its status and Retry-After', async () => {
    const toy = await world({ fault: 'refuse-handshake', status: 429, retryAfterSeconds: 7, nth: 2 })
    await new Client(toy).has('hello')
    const refused = await new Client(toy).end()
    expect(refused.refused).toEqual({ status: 429, retryAfterMs: 7000 })
    expect(refused.error).toMatchObject({ code: 'handshake_refused' })
    await new Client(toy).has('hello')
    expect([...toy.faulted.strikes]).toEqual([['refuse-handshake', 1]])
  })

  it('stall-handshake leaves the client to its own deadline', async () => {
    const toy = await world({ fault: 'stall-handshake' })
    const close = await new Client(toy, { timeoutMs: 200 }).end()
    expect(close.error).toMatchObject({ code: 'connect_timeout' })
    expect(toy.venue.connections.size).toBe(0)
  })

  it('slow-handshake answers late', async () => {
    const toy = await world({ fault: 'slow-handshake', delayMs: 250 })
    const client = new Client(toy)
    await client.has('hello')
    expect(client.openedAfterMs).toBeGreaterThanOrEqual(245)
  })

  it('reset-handshake cuts in place of an answer', async () => {
    const toy = await world({ fault: 'reset-handshake' })
    const close = await new Client(toy).end()
    expect(close.error).toMatchObject({ code: 'connect_failed' })
    expect(close.refused).toBeNull()
  })

  it('strikes only the path that the plan names', async () => {
    const toy = await world({ fault: 'refuse-handshake', path: '^/closed' })
    expect((await new Client(toy, { path: '/closed/x' }).end()).refused?.status).toBe(503)
    await new Client(toy, { path: '/open' }).has('hello')
  })
})
