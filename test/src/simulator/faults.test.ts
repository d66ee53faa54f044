import { afterEach, describe, expect, it } from 'vitest'
import type { HttpResponse } from '../../../src/connector.js'
import { FAULT_NAMES, type FaultPlan } from '../../../src/simulator/fault-plan.js'
import { Client, get, type MakeWorld, realWorld, virtualWorld, type World } from './worlds.js'

/** Faults that some test of this file made strike, on either network. */
const covered = new Set<string>()

describe.each<[string, MakeWorld]>([
  ['real sockets', realWorld],
  ['the virtual network', virtualWorld],
])('faults on %s', (_name, make) => {
  const worlds: World[] = []

  async function world(...faults: FaultPlan['faults']): Promise<World> {
    const made = await make(faults)
    worlds.push(made)
    return made
  }

  afterEach(async () => {
    for (const made of worlds.splice(0)) {
      for (const name of made.faulted.strikes.keys()) covered.add(name.split(' ')[0] ?? name)
      await made.close()
    }
  })

  /** Waits for an HTTP answer while time passes. */
  async function answer(of: World, path: string, timeoutMs?: number): Promise<HttpResponse> {
    const responses: HttpResponse[] = []
    void get(of, path, timeoutMs).then((response) => responses.push(response))
    await of.until(() => responses.length > 0)
    return responses[0] ?? expect.unreachable()
  }

  describe('in the handshake', () => {
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

    it('strikes only the path that the plan names', async () => {
      const toy = await world({ fault: 'refuse-handshake', path: '^/closed' })
      expect((await new Client(toy, { path: '/closed/x' }).end()).refused?.status).toBe(503)
      await new Client(toy, { path: '/open' }).has('hello')
    })
  })

  describe('over HTTP', () => {
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

  describe('on a frame', () => {
    const match = '^tick 2$'

    async function ticks(until: number, ...faults: FaultPlan['faults']): Promise<string> {
      const client = new Client(await world(...faults))
      await client.has(`tick ${until}`)
      return client.ticks
    }

    it('drop loses it', async () => {
      expect(await ticks(4, { fault: 'drop', match })).toBe('1 3 4')
    })

    it('duplicate repeats it', async () => {
      expect(await ticks(3, { fault: 'duplicate', match, copies: 2 })).toBe('1 2 2 2 3')
    })

    it('reorder lets others overtake it', async () => {
      expect(await ticks(5, { fault: 'reorder', match, by: 2 })).toBe('1 3 4 2 5')
    })

    it('delay keeps the line back, in order', async () => {
      const client = new Client(await world({ fault: 'delay', match, delayMs: 350 }))
      await client.has('tick 6')
      expect(client.ticks).toMatch(/^1 2 3 4 5 6\b/)
      const at = (text: string) => client.times[client.texts.indexOf(text)] ?? Number.NaN
      expect(at('tick 2') - at('tick 1')).toBeGreaterThan(350)
      expect(at('tick 4') - at('tick 2')).toBeLessThan(at('tick 2') - at('tick 1'))
    })

    it('truncate cuts bytes, too', async () => {
      const toy = await world({ fault: 'truncate', nth: 2, keep: 0.25 })
      const client = new Client(toy, { greet: ['binary twelve bytes'] })
      await toy.until(() => client.bytes.length > 0)
      expect(client.bytes[0]?.toString()).toBe('twe')
    })

    it('truncate cuts the text', async () => {
      expect(await ticks(3, { fault: 'truncate', match: '^tick 2', keep: 0.9 })).toBe('1  3')
    })

    it('edit changes the text', async () => {
      expect(await ticks(3, { fault: 'edit', match, find: '\\d', replace: 'NaN' })).toBe('1 NaN 3')
    })

    it.each([
      ['bad-utf8', 1007, 'frame_invalid'],
      ['broken-compression', 1002, 'frame_invalid'],
      ['reserved-opcode', 1002, 'frame_invalid'],
      ['fragment-bomb', 1008, 'frame_invalid'],
      ['oversize', 1009, 'frame_too_large'],
    ] as const)('%s ends the connection with %i', async (fault, code, error) => {
      const client = new Client(await world({ fault, match }))
      const close = await client.end()
      expect(close.code).toBe(code)
      expect(close.error).toMatchObject({ code: error })
      expect(client.ticks).toBe('1')
    })

    it('broken-compression spoils the bytes of a binary frame', async () => {
      const toy = await world({ fault: 'broken-compression', nth: 2 })
      const client = new Client(toy, { greet: ['binary a gzip, say'] })
      await toy.until(() => client.bytes.length === 1)
      const [spoiled = Buffer.alloc(0)] = client.bytes
      expect(spoiled.subarray(0, 3).toString()).toBe('a g')
      expect(spoiled.toString()).not.toBe('a gzip, say')
      expect(spoiled).toHaveLength(11)
    })

    it('an oversize frame that the client would take is never finished', async () => {
      const client = new Client(await world({ fault: 'oversize', match, bytes: 1_000_000 }))
      await client.has('tick 1')
      const before = client.texts.length
      await worlds[0]?.pass(400)
      expect(client.texts.length).toBe(before)
      expect(client.closed).toBeNull()
    })

    it.each(['slice', 'fragment'] as const)('%s leaves the message whole', async (fault) => {
      expect(await ticks(4, { fault })).toBe('1 2 3 4')
    })

    it('cut-mid-frame resets the connection within the frame', async () => {
      const client = new Client(await world({ fault: 'cut-mid-frame', match }))
      expect((await client.end()).code).toBeNull()
      expect(client.ticks).toBe('1')
    })

    it('strikes only the connections that the plan names', async () => {
      const toy = await world({ fault: 'drop', connection: [1], match: 'tick' })
      const zero = new Client(toy)
      await zero.has('tick 1')
      const one = new Client(toy)
      await one.has('ack')
      await zero.has('tick 4')
      expect(one.ticks).toBe('')
    })
  })

  describe('on a request of the client', () => {
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

  describe('at a moment', () => {
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

    it.each([
      [{ fault: 'close', code: null, afterMs: 20 }],
      [{ fault: 'hang-up', afterMs: 20 }],
      [{ fault: 'reset', afterMs: 20 }],
    ] as const)('%o ends without a code', async (fault) => {
      const toy = await world(fault)
      expect(await new Client(toy).end()).toMatchObject({ code: null, reason: '', refused: null })
      await toy.until(() => toy.venue.connections.size === 0)
    })

    it('half-open says nothing more, hears nothing more, and is reset at last', async () => {
      const toy = await world({ fault: 'half-open', afterMs: 250, durationMs: 1000, connection: 0 })
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
      expect(client.closedAfterMs).toBeGreaterThan(1200)
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
      expect(Math.max(...waits)).toBeGreaterThan(400)
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
      expect(tookMs).toBeLessThan(3000)
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
        expect(client.closedAfterMs).toBeLessThan(1000)
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
})

describe('the tests above', () => {
  it('clock-step sets the client’s clock ahead in memory, and is missed on a real socket', async () => {
    const plan: FaultPlan['faults'] = [{ fault: 'clock-step', byMs: 60_000, atMs: 100 }]
    for (const [make, steps] of [
      [virtualWorld, true],
      [realWorld, false],
    ] as const) {
      const toy = await make(plan)
      const { clock } = toy.platform
      const offset = () => clock.now() - clock.monotonic()
      const before = offset()
      await new Client(toy).has('tick 4')
      expect(Math.round((offset() - before) / 1_000_000)).toBe(steps ? 60 : 0)
      expect([...(steps ? toy.faulted.strikes : toy.faulted.misses)]).toEqual([['clock-step', 1]])
      for (const name of toy.faulted.strikes.keys()) covered.add(name)
      await toy.close()
    }
  })

  it('made every fault of the plan strike', () => {
    expect([...FAULT_NAMES].filter((name) => !covered.has(name))).toEqual([])
  })
})
