import { expect, it } from 'vitest'
import { requestFault } from '../../../src/simulator/fault-plan.js'
import { answer, describeFaults } from './fault-worlds.js'

describeFaults('of a request over HTTP', requestFault, (world) => {
  it('http-status answers with its status and Retry-After', async () => {
    const toy = await world({ fault: 'http-status', status: 429, retryAfterSeconds: 3, body: 'slow down' })
    const response = await answer(toy, '/ticks')
    expect(response).toMatchObject({ status: 429, body: 'slow down' })
    expect(response.headers['retry-after']).toBe('3')
  })

  it('http-stall never answers', async () => {
    const toy = await world({ fault: 'http-stall', times: 1 })
    expect((await answer(toy, '/ticks', 200)).status).toBe(0)
    expect((await answer(toy, '/ticks')).status).toBe(200)
  })

  it('http-slow answers late', async () => {
    const toy = await world({ fault: 'http-slow', delayMs: 250 })
    const before = toy.platform.clock.now()
    expect((await answer(toy, '/ticks')).status).toBe(200)
    expect(toy.platform.clock.now() - before).toBeGreaterThanOrEqual(245_000)
  })

  it.each(['http-reset', 'http-half'] as const)('%s gives no answer that could be used', async (fault) => {
    const toy = await world({ fault })
    expect((await answer(toy, '/ticks')).status).toBe(0)
  })

  it('http-garbage answers with a page in place of data', async () => {
    const toy = await world({ fault: 'http-garbage' })
    expect(await answer(toy, '/ticks')).toMatchObject({ status: 200, body: '<html>Bad gateway</html>' })
  })
})
