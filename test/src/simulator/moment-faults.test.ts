import { expect, it } from 'vitest'
import { momentFault } from '../../../src/simulator/fault-plan.js'
import { describeFaults } from './fault-worlds.js'
import { Client } from './worlds.js'

describeFaults('of a moment', momentFault, (world) => {
  it.each([1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013])(
    'close with %i',
    async (code) => {
      const toy = await world({ fault: 'close', code, reason: 'so it goes', afterMs: 20 })
      expect(await new Client(toy).end()).toMatchObject({ code, reason: 'so it goes', error: null })
      await toy.until(() => toy.venue.connections.size === 0)
    },
  )

  it.each([1004, 1005, 1006])('close with %i breaks the protocol', async (code) => {
    const close = await new Client(await world({ fault: 'close', code, afterMs: 20 })).end()
    expect(close.code).toBe(1002)
    expect(close.error).toMatchObject({ code: 'frame_invalid' })
  })

  it('close without a code is told as a close frame without one', async () => {
    const toy = await world({ fault: 'close', code: null, afterMs: 20 })
    expect(await new Client(toy).end()).toMatchObject({ code: 1005, reason: '', refused: null, error: null })
    await toy.until(() => toy.venue.connections.size === 0)
  })

  it.each([[{ fault: 'hang-up', afterMs: 20 }], [{ fault: 'reset', afterMs: 20 }]] as const)(
    '%o ends without a code',
    async (fault) => {
      const toy = await world(fault)
      expect(await new Client(toy).end()).toMatchObject({ code: null, reason: '', refused: null })
      await toy.until(() => toy.venue.connections.size === 0)
    },
  )

  it('half-open says nothing more, hears nothing more, and is reset at last', async () => {
    const toy = await world({ fault: 'half-open', afterMs: 250, durationMs: 5000, connection: 0 })
    const client = new Client(toy)
    await toy.until(() => toy.faulted.strikes.has('half-open'))
    await toy.pass(50)
    const before = client.texts.length
    client.socket.send('echo lost')
    await toy.pass(200)
    expect(client.texts.length).toBe(before)
    expect(client.closed).toBeNull()
    expect(toy.venue.log.some((line) => line.includes('lost'))).toBe(false)
    expect((await client.end()).code).toBeNull()
    expect(client.closedAfterMs).toBeGreaterThan(5200)
  })

  it('half-open keeps the venue’s own goodbye from the client', async () => {
    const toy = await world({ fault: 'half-open', afterMs: 20 })
    const client = new Client(toy)
    await toy.until(() => toy.faulted.strikes.has('half-open'))
    for (const { peer } of toy.venue.connections) peer.close(1012, 'restarting')
    await toy.pass(1300)
    expect(client.closed).toBeNull()
    client.socket.terminate()
    await toy.until(() => toy.venue.connections.size === 0)
  })

  it('half-open lets a client that gives up go', async () => {
    const toy = await world({ fault: 'half-open', afterMs: 20 })
    const client = new Client(toy)
    await toy.until(() => toy.faulted.strikes.has('half-open'))
    client.socket.close(1000, 'enough')
    expect((await client.end()).code).toBeNull()
    await toy.until(() => toy.venue.connections.size === 0)
  })

  it('stall keeps everything and then brings it at once', async () => {
    const toy = await world({ fault: 'stall', afterMs: 150, durationMs: 500, times: 1 })
    const client = new Client(toy)
    await client.has('tick 8')
    expect(client.ticks).toMatch(/^1 2 3 4 5 6 7 8\b/)
    const waits = client.times.map((time, index) => time - (client.times[index - 1] ?? 0))
    expect(client.times.at(-1)).toBeGreaterThan(640)
    if (toy.exact) expect(Math.max(...waits)).toBeGreaterThan(400)
  })

  it('silence loses what the venue says, and lets it speak again', async () => {
    const toy = await world({ fault: 'silence', afterMs: 150, durationMs: 450 })
    const client = new Client(toy)
    await toy.until(() => client.ticks.split(' ').length >= 4)
    const seen = client.ticks.split(' ').map(Number)
    const jumps = seen.map((tick, index) => tick - (seen[index - 1] ?? tick - 1))
    expect(Math.max(...jumps)).toBeGreaterThanOrEqual(4)
  })

  it('silence loses a goodbye, too', async () => {
    const toy = await world({ fault: 'silence', afterMs: 20, durationMs: 400 })
    const client = new Client(toy)
    await toy.until(() => toy.faulted.strikes.has('silence'))
    client.socket.send('close 1012')
    await toy.until(() => toy.venue.log.some((line) => line.startsWith('received close')))
    await toy.pass(100)
    expect(client.closed).toBeNull()
  })

  it('no-pong leaves pings unanswered for its time', async () => {
    const toy = await world({ fault: 'no-pong', afterMs: 20, durationMs: 300, connection: 0 })
    const client = new Client(toy)
    await toy.until(() => toy.faulted.strikes.has('no-pong'))
    client.socket.ping()
    await toy.pass(150)
    expect(client.controls).toEqual([])
    await toy.pass(250)
    client.socket.ping()
    await toy.until(() => client.controls.length > 0)
    expect(client.controls).toEqual(['pong'])
  })

  it('ping-flood floods', async () => {
    const toy = await world({ fault: 'ping-flood', afterMs: 20, pings: 500 })
    const client = new Client(toy)
    await toy.until(() => client.controls.length === 500)
    expect(new Set(client.controls)).toEqual(new Set(['ping']))
  })

  it('slow-drip lets bytes through at its rate', async () => {
    const toy = await world({ fault: 'slow-drip', afterMs: 20, bytesPerSecond: 2000, durationMs: 60_000 })
    const client = new Client(toy, { greet: [] })
    await toy.until(() => toy.faulted.strikes.has('slow-drip'))
    const began = toy.platform.clock.now()
    client.socket.send(`echo ${'x'.repeat(1000)}`)
    await client.has('x'.repeat(1000))
    const tookMs = (toy.platform.clock.now() - began) / 1000
    expect(tookMs).toBeGreaterThan(400)
    if (toy.exact) expect(tookMs).toBeLessThan(3000)
  })

  it('slow-drip ends, and what waited comes at once', async () => {
    const toy = await world({ fault: 'slow-drip', afterMs: 20, bytesPerSecond: 1, durationMs: 300 })
    const client = new Client(toy, { greet: [] })
    await toy.until(() => toy.faulted.strikes.has('slow-drip'))
    client.socket.send('echo this would take a minute and a half at a byte a second')
    await client.has('this would take a minute and a half at a byte a second')
  })

  it.each([
    ['slow-drip', { fault: 'slow-drip', afterMs: 20, bytesPerSecond: 1 }],
    ['stall', { fault: 'stall', afterMs: 20, durationMs: 60_000 }],
  ] as const)('%s does not outlive its connection: a cut is heard at once', async (name, fault) => {
    for (const end of ['reset', 'hang-up'] as const) {
      const toy = await world(fault, { fault: end, afterMs: 300 })
      const client = new Client(toy)
      await toy.until(() => toy.faulted.strikes.has(name))
      client.socket.send(`echo ${'x'.repeat(1000)}`)
      await client.end()
      // Far less than the stall, or than the bytes would take.
      expect(client.closedAfterMs).toBeLessThan(toy.exact ? 1000 : 45_000)
      await toy.until(() => toy.venue.connections.size === 0)
    }
  })

  it('slow-drip makes a slow consumer, which the venue cuts', async () => {
    const toy = await world({ fault: 'slow-drip', afterMs: 20, bytesPerSecond: 1 })
    const client = new Client(toy, { greet: [] })
    await toy.until(() => toy.faulted.strikes.has('slow-drip'))
    client.socket.send('flood 9000')
    await client.end()
    expect(client.texts.filter((text) => text.startsWith('x'))).toEqual([])
    await toy.until(() => toy.venue.connections.size === 0)
  })

  it('inject and unknown-message bring messages from nowhere', async () => {
    const toy = await world(
      { fault: 'inject', text: '{"from":"nowhere"}', afterMs: 20 },
      { fault: 'unknown-message', afterMs: 30 },
    )
    const client = new Client(toy)
    await client.has('{"from":"nowhere"}')
    await client.has('{"type":"never-heard-of","payload":[1,2,3]}')
    expect(toy.venue.log).toContain('fault message-unknown')
  })

  it('venue asks the connection, then the venue, and counts what neither knows', async () => {
    const toy = await world(
      { fault: 'venue', name: 'sequence-skipped', afterMs: 80 },
      { fault: 'venue', name: 'book-crossed', afterMs: 80 },
      { fault: 'venue', name: 'never-heard-of', afterMs: 80 },
    )
    const client = new Client(toy)
    await client.has('tick 4')
    expect(client.ticks.split(' ')).toHaveLength(3)
    await toy.until(() => toy.faulted.misses.size > 0)
    expect([...toy.faulted.strikes.keys()]).toEqual(['venue sequence-skipped', 'venue book-crossed'])
    expect([...toy.faulted.misses]).toEqual([['venue never-heard-of', 1]])
  })
})
