import { expect, it } from 'vitest'
import { hostFault } from '../../../src/simulator/fault-plan.js'
import { answer, describeFaults } from './fault-worlds.js'
import { Client } from './worlds.js'

describeFaults('of the host', hostFault, (world, network) => {
  it('unreachable refuses connects for its time and leaves open connections alone', async () => {
    const toy = await world({ fault: 'unreachable', atMs: 300, durationMs: 400 })
    const early = new Client(toy)
    await early.has('ack')
    await toy.until(() => toy.faulted.strikes.has('unreachable'))
    await toy.pass(30)
    const close = await new Client(toy).end()
    expect(close.error).toMatchObject({ code: 'connect_failed' })
    expect(close.error?.message).toContain('ECONNREFUSED')
    expect((await answer(toy, '/ticks')).status).toBe(0)
    await toy.pass(500)
    await new Client(toy).has('hello')
    expect(early.closed).toBeNull()
    expect(early.texts.length).toBeGreaterThan(4)
  })

  it('unreachable as a black hole swallows connects and requests', async () => {
    const toy = await world({ fault: 'unreachable', how: 'black-hole', atMs: 0, durationMs: 60_000 })
    await toy.pass(30)
    const close = await new Client(toy, { timeoutMs: 200 }).end()
    expect(close.error).toMatchObject({ code: 'connect_timeout' })
    expect((await answer(toy, '/ticks', 200)).status).toBe(0)
  })

  it('clock-step sets the clock of the client ahead, which is out of reach behind a real socket', async () => {
    const toy = await world({ fault: 'clock-step', byMs: 60_000, atMs: 100 })
    const steps = network === 'the virtual network'
    const { clock } = toy.platform
    const offset = () => clock.now() - clock.monotonic()
    const before = offset()
    await new Client(toy).has('tick 4')
    expect(Math.round((offset() - before) / 1_000_000)).toBe(steps ? 60 : 0)
    expect([...(steps ? toy.faulted.strikes : toy.faulted.misses)]).toEqual([['clock-step', 1]])
  })
})
