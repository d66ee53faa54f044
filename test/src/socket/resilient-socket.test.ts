import * as fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { UsageError, VenueError } from '../../../src/errors.js'
import { DialBudget } from '../../../src/socket/dial-budget.js'
import {
  type Loss,
  ResilientSocket,
  type ResilientSocketOptions,
  type Wait,
} from '../../../src/socket/resilient-socket.js'
import { FakeNetwork, VirtualClock } from './virtual.js'

let clock: VirtualClock
let network: FakeNetwork
let told: string[]
let losses: Loss[]
let waits: Wait[]

beforeEach(() => {
  clock = new VirtualClock()
  network = new FakeNetwork(clock)
  told = []
  losses = []
  waits = []
})

function make(options: Partial<ResilientSocketOptions> = {}): ResilientSocket {
  return new ResilientSocket(
    {
      target: { url: 'wss://venue.test/ws?token=secret' },
      dial: network.dial,
      clock,
      strict: true,
      silentAfterMs: null,
      ...options,
    },
    {
      connecting: (attempt) => told.push(`connecting ${attempt}`),
      upgrade: (upgrade) => told.push(`upgrade ${upgrade.headers['server']}`),
      open: ({ attempt, url }) => told.push(`open ${attempt} ${url}`),
      message: (data) => told.push(`message ${data}`),
      control: (kind) => told.push(kind),
      error: (error) => told.push(`error ${error.message}`),
      close: (loss) => {
        told.push(`close ${loss.cause}`)
        losses.push(loss)
      },
      waiting: (wait) => {
        told.push(`waiting ${wait.for}`)
        waits.push(wait)
      },
      failed: (error) => told.push(`failed ${error.message}`),
    },
  )
}

async function opened(options: Partial<ResilientSocketOptions> = {}): Promise<ResilientSocket> {
  const socket = make(options)
  socket.start()
  await clock.advance(0)
  network.last.open()
  return socket
}

describe('the life of a connection', () => {
  it('is told from the attempt to the first frame, the upgrade before the opening, and without the query of the URL', async () => {
    const socket = make()
    expect(socket.state).toBe('idle')
    socket.start()
    await clock.advance(0)
    expect(socket.state).toBe('connecting')
    network.last.open()
    expect(socket.state).toBe('open')
    network.last.say('hello')
    expect(told).toEqual(['connecting 1', 'upgrade fake', 'open 1 wss://venue.test/ws', 'message hello'])
  })

  it('dials with the deadline, the frame limit, the headers and the subprotocols it was given', async () => {
    const target = { url: 'ws://venue.test/', headers: { 'x-key': 'k' }, protocols: ['v1'] }
    await opened({ target, connectTimeoutMs: 7_000, maxFrameBytes: 99 })
    expect(network.last.target).toEqual({ ...target, timeoutMs: 7_000, maxFrameBytes: 99 })
  })

  it('comes back after a loss, and says why and how long it waits', async () => {
    await opened()
    network.last.end({ code: 1012, reason: 'restart' })
    expect(told.slice(3)).toEqual(['close closed', 'waiting backoff'])
    expect(losses[0]).toMatchObject({
      code: 1012,
      reason: 'closed with 1012 restart',
      opened: true,
      planned: false,
    })
    expect(waits[0]).toMatchObject({ delayMs: 500, attempt: 2, reason: 'closed with 1012 restart' })
    await clock.advance(499)
    expect(network.sockets).toHaveLength(1)
    await clock.advance(1)
    expect(network.sockets).toHaveLength(2)
    expect(told.at(-1)).toBe('connecting 2')
  })

  it('starts only once, however often it is asked', async () => {
    const socket = make()
    socket.start()
    socket.start()
    await clock.advance(0)
    expect(network.sockets).toHaveLength(1)
  })

  it('goes on when a handler throws, which is reported as uncaught', async () => {
    const uncaught = vi.fn()
    const others = process.listeners('uncaughtException')
    process.removeAllListeners('uncaughtException')
    process.on('uncaughtException', uncaught)
    try {
      const frames: unknown[] = []
      const socket = new ResilientSocket(
        {
          target: { url: 'ws://venue.test/' },
          dial: network.dial,
          clock,
          strict: true,
          judge: () => {
            throw new Error('another')
          },
        },
        {
          open: () => {
            throw new Error('a defect of the user')
          },
          message: (data) => {
            frames.push(data)
            throw new Error('a third')
          },
        },
      )
      socket.start()
      await clock.advance(0)
      network.last.open()
      network.last.say('still here')
      network.last.end()
      await clock.advance(1_000)
      expect(frames).toEqual(['still here'])
      expect(network.sockets).toHaveLength(2)
      expect(uncaught.mock.calls.map(([error]) => error.message)).toEqual([
        'a defect of the user',
        'a third',
        'another',
      ])
    } finally {
      process.removeAllListeners('uncaughtException')
      for (const listener of others) process.on('uncaughtException', listener)
    }
  })
})

describe('backoff', () => {
  it('is anything between nothing and a bound that doubles up to the cap, whatever chance says', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          chances: fc.array(fc.double({ min: 0, max: 0.999999, noNaN: true }), {
            minLength: 1,
            maxLength: 12,
          }),
          baseMs: fc.integer({ min: 1, max: 5_000 }),
          capMs: fc.integer({ min: 1, max: 100_000 }),
          factor: fc.double({ min: 1, max: 4, noNaN: true }),
        }),
        async ({ chances, baseMs, capMs, factor }) => {
          clock = new VirtualClock()
          network = new FakeNetwork(clock)
          waits = []
          const socket = make({ backoff: { baseMs, capMs, factor } })
          socket.start()
          await clock.advance(0)
          for (const [failure, chance] of chances.entries()) {
            clock.chance = chance
            network.last.end()
            const bound = Math.min(capMs, baseMs * factor ** failure)
            expect(waits.at(-1)?.delayMs).toBeCloseTo(chance * bound, 6)
            const before = network.sockets.length
            await clock.advance(bound)
            expect(network.sockets).toHaveLength(before + 1)
          }
          await socket.close()
        },
      ),
      { numRuns: 50 },
    )
  })

  it('grows on over connections that open and fall at once', async () => {
    await opened()
    const delays: number[] = []
    for (let fall = 0; fall < 8; fall++) {
      network.last.end({ code: 1006 })
      delays.push(waits.at(-1)?.delayMs ?? -1)
      await clock.advance(60_000)
      network.last.open()
    }
    expect(delays).toEqual([500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000])
  })

  it('begins anew once a connection was stable for a minute, and not a moment sooner', async () => {
    await opened()
    network.last.end()
    await clock.advance(500)
    network.last.open()
    await clock.advance(59_999)
    network.last.end()
    expect(waits.at(-1)).toMatchObject({ delayMs: 1_000, attempt: 3 })
    await clock.advance(1_000)
    network.last.open()
    await clock.advance(60_000)
    network.last.end()
    expect(waits.at(-1)).toMatchObject({ delayMs: 500, attempt: 2 })
  })

  it('does not take a clock that is set for a stable hour', async () => {
    await opened()
    network.last.end()
    await clock.advance(500)
    network.last.open()
    clock.wallOffsetMs += 3_600_000
    network.last.end()
    expect(waits.at(-1)?.attempt).toBe(3)
  })

  it('gives up after maxAttempts in a row, says so once, and is closed for good', async () => {
    const socket = make({ maxAttempts: 3 })
    socket.start()
    for (let attempt = 0; attempt < 3; attempt++) {
      await clock.advance(60_000)
      network.last.end({ error: new Error('no route') })
    }
    expect(told.at(-1)).toBe('failed gave up after 3 attempts: no route')
    await socket.closed
    expect(socket.state).toBe('closed')
    await clock.advance(600_000)
    expect(network.sockets).toHaveLength(3)
    expect(clock.pending).toBe(0)
  })

  it('gives up where the user says that a loss is final', async () => {
    const socket = make({ judge: (loss) => (loss.status === 401 ? { retry: 'never' } : null) })
    socket.start()
    await clock.advance(0)
    network.last.refuse(503)
    await clock.advance(60_000)
    network.last.refuse(401)
    expect(told.at(-1)).toBe('failed gave up after 2 attempts: the handshake was refused with status 401')
    expect(socket.state).toBe('closed')
  })
})

describe('what the venue asks for', () => {
  it('stays away at least as long as Retry-After says, plus the jittered backoff', async () => {
    const socket = make()
    socket.start()
    await clock.advance(0)
    network.last.refuse(429, 90_000)
    expect(losses[0]).toMatchObject({ cause: 'refused', status: 429, holdMs: 90_000, opened: false })
    expect(waits[0]?.delayMs).toBe(90_500)
    await clock.advance(90_499)
    expect(network.sockets).toHaveLength(1)
    await clock.advance(1)
    expect(network.sockets).toHaveLength(2)
  })

  it('believes no Retry-After beyond maxHoldMs', async () => {
    const socket = make({ maxHoldMs: 1_000 })
    socket.start()
    await clock.advance(0)
    network.last.refuse(503, 1e12)
    expect(waits[0]?.delayMs).toBe(1_500)
  })

  it('takes an announced reconnect for no failure', async () => {
    const socket = await opened()
    for (let restart = 0; restart < 5; restart++) {
      socket.reconnect('maintenance', { planned: true, afterMs: 10_000 })
      expect(waits.at(-1)).toMatchObject({ delayMs: 10_500, attempt: 1, reason: 'maintenance' })
      expect(losses.at(-1)).toMatchObject({ cause: 'asked', planned: true })
      await clock.advance(10_500)
      network.last.open()
    }
  })

  it('counts a reconnect that nobody announced as a failure, and closes the old socket politely', async () => {
    const socket = await opened()
    socket.reconnect('wrong sequence')
    expect(network.last.did).toEqual(['close 1000'])
    expect(waits.at(-1)).toMatchObject({ attempt: 2, delayMs: 500 })
    socket.reconnect('again, while one is on its way')
    expect(losses).toHaveLength(1)
  })

  it('hears nothing more of a socket that it left', async () => {
    const socket = await opened()
    const old = network.last
    old.answersClose = false
    socket.reconnect('stale')
    old.say('late')
    old.end({ code: 1000 })
    expect(told.filter((line) => line.startsWith('message'))).toEqual([])
    expect(losses).toHaveLength(1)
  })
})

describe('watchdog and heartbeat', () => {
  it.each([1_000, 5_000, 30_000, 45_001])(
    'replaces a connection whose venue is silent for %i ms, at most a tenth later',
    async (silentAfterMs) => {
      await opened({ silentAfterMs })
      for (let frame = 0; frame < 20; frame++) {
        await clock.advance(silentAfterMs * 0.37)
        network.last.say('tick')
      }
      const lastFrame = clock.elapsedMs
      await clock.advance(silentAfterMs - 1)
      expect(losses).toEqual([])
      while (losses.length === 0 && clock.elapsedMs < lastFrame + 2 * silentAfterMs) await clock.advance(1)
      expect(losses[0]).toMatchObject({
        cause: 'silent',
        reason: `the venue sent nothing for ${silentAfterMs} ms`,
      })
      expect(clock.elapsedMs - lastFrame).toBeGreaterThanOrEqual(silentAfterMs)
      expect(clock.elapsedMs - lastFrame).toBeLessThanOrEqual(silentAfterMs * 1.1)
      expect(network.sockets[0]?.did).toEqual(['terminate'])
    },
  )

  it('does not take pongs for life, as the front answers them after the venue died', async () => {
    await opened({ silentAfterMs: 10_000, ping: { everyMs: 1_000, frame: null } })
    const first = network.last
    for (let beat = 0; beat < 11; beat++) {
      await clock.advance(1_000)
      first.pong()
    }
    expect(first.pings).toBeGreaterThanOrEqual(9)
    expect(losses[0]?.cause).toBe('silent')
  })

  it('takes pongs for life where the venue has no other proof', async () => {
    await opened({ silentAfterMs: 10_000, life: 'any' })
    for (let beat = 0; beat < 30; beat++) {
      await clock.advance(1_000)
      network.last.pong()
    }
    expect(losses).toEqual([])
    expect(told).toContain('pong')
  })

  it('is not misled by a clock that is set in either direction', async () => {
    await opened({ silentAfterMs: 10_000 })
    clock.wallOffsetMs += 3_600_000
    await clock.advance(9_000)
    network.last.say('tick')
    clock.wallOffsetMs -= 7_200_000
    await clock.advance(9_000)
    expect(losses).toEqual([])
    await clock.advance(2_000)
    expect(losses[0]?.cause).toBe('silent')
  })

  it('sends its ping only into silence, and keeps on while it lasts', async () => {
    await opened({ ping: { everyMs: 10_000, frame: '{"event":"ping"}' } })
    for (let frame = 0; frame < 10; frame++) {
      await clock.advance(5_000)
      network.last.say('tick')
    }
    expect(network.last.sent).toEqual([])
    await clock.advance(35_000)
    expect(network.last.sent).toEqual(Array(3).fill('{"event":"ping"}'))
  })

  it('sends its ping at an even pace where the venue wants that, each frame made afresh', async () => {
    let number = 0
    await opened({ ping: { everyMs: 10_000, always: true, frame: () => `ping ${++number}` } })
    for (let frame = 0; frame < 30; frame++) {
      await clock.advance(1_000)
      network.last.say('tick')
    }
    expect(network.last.sent).toEqual(['ping 1', 'ping 2', 'ping 3'])
  })

  it('replaces a connection that answers no ping, where it was asked to judge by that', async () => {
    await opened({ ping: { everyMs: 10_000, always: true, frame: null, answerWithinMs: 3_000 } })
    await clock.advance(12_000)
    network.last.pong()
    await clock.advance(10_000)
    network.last.say('any frame is an answer')
    await clock.advance(10_999)
    expect(losses).toEqual([])
    await clock.advance(1)
    expect(losses[0]).toMatchObject({ cause: 'unanswered', reason: 'a ping was not answered within 3000 ms' })
    expect(clock.elapsedMs).toBe(33_000)
  })

  it('judges nothing by silence while reading is paused, and pauses the next connection too', async () => {
    const socket = await opened({
      silentAfterMs: 10_000,
      ping: { everyMs: 1_000, always: true, frame: null, answerWithinMs: 500 },
    })
    socket.pause()
    await clock.advance(60_000)
    expect(losses).toEqual([])
    expect(network.last.paused).toBe(true)
    network.last.end()
    await clock.advance(60_000)
    network.last.open()
    expect(network.last.paused).toBe(true)
    await clock.advance(60_000)
    expect(losses).toHaveLength(1)
    socket.resume()
    expect(network.last.paused).toBe(false)
    await clock.advance(11_000)
    expect(losses).toHaveLength(2)
  })
})

describe('sending', () => {
  it('refuses a frame while there is no open connection, and keeps none for later', async () => {
    const socket = make()
    expect(socket.send('early')).toBe(false)
    socket.start()
    await clock.advance(0)
    expect(socket.send('still early')).toBe(false)
    network.last.open()
    expect(socket.send('now')).toBe(true)
    expect(network.last.sent).toEqual(['now'])
    expect(socket.stats.refusedSends).toBe(2)
  })

  it('refuses a frame that would let the buffer grow beyond its bound', async () => {
    const socket = await opened({ maxBufferedBytes: 100 })
    network.last.bufferedBytes = 95
    expect(socket.send('12345')).toBe(true)
    expect(socket.send('123456')).toBe(false)
    expect(socket.bufferedBytes).toBe(95)
  })
})

describe('a target that has to be asked for', () => {
  it('is asked before every attempt', async () => {
    let number = 0
    await opened({ host: 'venue.test', target: async () => ({ url: `ws://venue.test/${++number}` }) })
    network.last.end()
    await clock.advance(1_000)
    expect(network.sockets.map(({ target }) => target.url)).toEqual([
      'ws://venue.test/1',
      'ws://venue.test/2',
    ])
  })

  it('counts as a failed attempt where it is refused, and honours the wait that the refusal names', async () => {
    const refusal = new VenueError('negotiate_refused', 'come back later', {
      context: { retryAfterMs: 20_000 },
    })
    const socket = make({
      host: 'venue.test',
      target: () => {
        throw refusal
      },
    })
    socket.start()
    await clock.advance(0)
    expect(told).toEqual(['connecting 1', 'error come back later', 'close failed', 'waiting backoff'])
    expect(waits[0]?.delayMs).toBe(20_500)
  })

  it('counts as a failed attempt where no answer comes in time', async () => {
    let signal: AbortSignal | null = null
    const socket = make({
      host: 'venue.test',
      connectTimeoutMs: 5_000,
      target: (over) => {
        signal = over
        return new Promise(() => {})
      },
    })
    socket.start()
    await clock.advance(5_000)
    expect(losses[0]).toMatchObject({
      cause: 'failed',
      reason: 'there was no target to connect to within 5000 ms',
    })
    expect(signal).toMatchObject({ aborted: true })
  })

  it('gives up at once where the target can never be dialled', async () => {
    const socket = make({
      host: 'venue.test',
      target: () => ({ url: 'ws://venue.test/' }),
      dial: refusingDial,
    })
    socket.start()
    await clock.advance(0)
    expect(told.at(-1)).toBe('failed gave up after the first attempt: no such protocol')
  })
})

describe('the budget of the host', () => {
  afterEach(() => vi.restoreAllMocks())

  it('lets a hundred sockets that fall together come back no faster than it allows', async () => {
    const budget = new DialBudget(clock)
    network.answer = (socket) => socket.open()
    const sockets = Array.from({ length: 100 }, () => make({ budget, connectsPerMinute: 20 }))
    for (const socket of sockets) socket.start()
    await clock.advance(10 * 60_000)
    expect(network.sockets).toHaveLength(100)
    for (const socket of network.sockets.slice()) socket.end({ code: 1012 })
    await clock.advance(10 * 60_000)
    expect(network.sockets).toHaveLength(200)
    expect(busiestMinute(network.dialledAtMs)).toBeLessThanOrEqual(20)
    expect(waits.some((wait) => wait.for === 'budget')).toBe(true)
    await Promise.all(sockets.map((socket) => socket.close()))
    expect(clock.pending).toBe(0)
  })

  it('holds every socket of the host when one is told to stay away', async () => {
    const budget = new DialBudget(clock)
    const [first, second] = [make({ budget }), make({ budget })]
    first.start()
    await clock.advance(0)
    network.last.refuse(429, 30_000)
    second.start()
    await clock.advance(29_999)
    expect(network.sockets).toHaveLength(1)
    await clock.advance(2)
    expect(network.sockets).toHaveLength(2)
    await Promise.all([first.close(), second.close()])
  })

  it('holds a socket as well that was granted its dial and is still asking where to', async () => {
    const budget = new DialBudget(clock)
    let answer = (_target: { url: string }) => {}
    const target = () => new Promise<{ url: string }>((resolve) => (answer = resolve))
    const second = make({ budget, host: 'venue.test', target })
    second.start()
    const first = make({ budget })
    first.start()
    await clock.advance(0)
    network.last.refuse(429, 30_000)
    answer({ url: 'ws://venue.test/' })
    await clock.advance(29_999)
    expect(network.sockets).toHaveLength(1)
    expect(losses[1]).toMatchObject({ cause: 'asked', planned: true })
    await clock.advance(2)
    answer({ url: 'ws://venue.test/again' })
    await clock.advance(0)
    expect(network.last.target.url).toBe('ws://venue.test/again')
    await Promise.all([first.close(), second.close()])
  })

  it('gives its place up when the socket is closed in the queue', async () => {
    const budget = new DialBudget(clock)
    const sockets = [1, 2, 3].map(() => make({ budget, connectsPerMinute: 1 }))
    for (const socket of sockets) socket.start()
    await clock.advance(0)
    expect(sockets.map((socket) => socket.state)).toEqual(['connecting', 'waiting', 'waiting'])
    await sockets[1]?.close()
    expect(budget.waiting).toBe(1)
    await clock.advance(60_000)
    expect(sockets[2]?.state).toBe('connecting')
  })
})

describe('close', () => {
  it.each(['idle', 'connecting', 'open', 'waiting'] as const)(
    'is final from %s: nothing is told, nothing is dialled, no timer is left',
    async (state) => {
      const socket = make({ silentAfterMs: 10_000, ping: { everyMs: 1_000, frame: null } })
      if (state !== 'idle') socket.start()
      await clock.advance(0)
      if (state === 'open' || state === 'waiting') network.last.open()
      if (state === 'waiting') network.last.end()
      expect(socket.state).toBe(state)
      const before = [...told]
      const dialled = network.sockets.length
      await socket.close()
      expect(socket.state).toBe('closed')
      expect(clock.pending).toBe(0)
      socket.start()
      socket.reconnect('too late')
      await clock.advance(600_000)
      expect(told).toEqual(before)
      expect(network.sockets).toHaveLength(dialled)
      expect(socket.send('too late')).toBe(false)
      expect(socket.stats.illegalTransitions).toBe(0)
    },
  )

  it('waits for the venue to answer, and tells nothing of what still comes', async () => {
    const socket = await opened()
    network.last.answersClose = false
    const before = [...told]
    const done = vi.fn()
    void socket.close(1001, 'going away').then(done)
    expect(socket.state).toBe('closing')
    expect(network.last.did).toEqual(['close 1001 going away'])
    network.last.say('late')
    await clock.advance(500)
    expect(done).not.toHaveBeenCalled()
    network.last.end({ code: 1001 })
    await clock.advance(0)
    expect(done).toHaveBeenCalled()
    expect(told).toEqual(before)
    expect(clock.pending).toBe(0)
  })

  it('does not wait for ever for a socket that never says that it is gone', async () => {
    const socket = await opened()
    network.last.answersClose = false
    const done = vi.fn()
    void socket.close().then(done)
    await clock.advance(2_000)
    expect(done).toHaveBeenCalled()
    expect(clock.pending).toBe(0)
  })

  it('leaves no timer of the next attempt behind while it waits for such a socket', async () => {
    const socket = await opened()
    network.last.answersClose = false
    network.last.answersTerminate = false
    socket.reconnect('stale', { afterMs: 3_600_000 })
    void socket.close()
    await clock.advance(2_000)
    expect(socket.state).toBe('closed')
    expect(clock.pending).toBe(0)
  })

  it('takes along a socket that was left and is not gone yet', async () => {
    const socket = await opened()
    const old = network.last
    old.answersClose = false
    socket.reconnect('stale')
    await socket.close()
    expect(old.did).toEqual(['close 1000', 'terminate'])
    expect(clock.pending).toBe(0)
  })

  it('may be called from any handler', async () => {
    for (const moment of ['connecting', 'upgrade', 'open', 'message', 'error', 'close', 'waiting'] as const) {
      const after: string[] = []
      let over = false
      const tell = (what: string) => () => {
        if (over) after.push(what)
        if (what !== moment) return
        over = true
        void socket.close()
      }
      const socket: ResilientSocket = new ResilientSocket(
        { target: { url: 'ws://venue.test/' }, dial: network.dial, clock, strict: true },
        {
          connecting: tell('connecting'),
          upgrade: tell('upgrade'),
          open: tell('open'),
          message: tell('message'),
          error: tell('error'),
          close: tell('close'),
          waiting: tell('waiting'),
        },
      )
      socket.start()
      await clock.advance(0)
      if (moment !== 'connecting') {
        network.last.open()
        network.last.say('tick')
        network.last.end({ error: new Error('broken') })
      }
      await socket.closed
      expect([moment, after]).toEqual([moment, []])
      expect([moment, clock.pending]).toEqual([moment, 0])
    }
  })

  it('is what an aborted signal does, before or after the start', async () => {
    const controller = new AbortController()
    const socket = await opened({ signal: controller.signal })
    controller.abort()
    await socket.closed
    expect(socket.state).toBe('closed')
    const late = make({ signal: controller.signal })
    late.start()
    await late.closed
    expect(network.sockets).toHaveLength(1)
  })

  it('is what `await using` does at the end of a block', async () => {
    const socket = await opened()
    await socket[Symbol.asyncDispose]()
    expect(socket.state).toBe('closed')
  })
})

describe('options', () => {
  it.each([
    [{ silentAfterMs: -1 }, /silentAfterMs/],
    [{ backoff: { baseMs: -1 } }, /backoff\.baseMs/],
    [{ target: { url: 'http://venue.test/' } }, /target/],
    [{ maxAttempts: 0 }, /maxAttempts must be at least 1/],
    [{ ping: { everyMs: 0, frame: null } }, /ping/],
    [{ target: () => ({ url: 'ws://venue.test' }) }, /host must be given/],
    [{ nonsense: 1 }, /no option nonsense/],
  ])('refuses %j at the door', (options, message) => {
    const given: object = options
    expect(() => make({ ...given })).toThrow(message)
  })

  it('counts what happened', async () => {
    const socket = await opened()
    network.last.say('tick')
    network.last.end()
    await clock.advance(1_000)
    network.last.refuse(503)
    expect(socket.stats).toEqual({
      state: 'waiting',
      attempts: 2,
      opened: 1,
      frames: 1,
      refusedSends: 0,
      lost: { cut: 1, refused: 1 },
      illegalTransitions: 0,
    })
  })
})

const refusingDial: ResilientSocketOptions['dial'] = () => {
  throw new UsageError('bad_target', 'no such protocol')
}

function busiestMinute(timesMs: readonly number[]): number {
  return Math.max(
    ...timesMs.map((from) => timesMs.filter((time) => time >= from && time < from + 60_000).length),
  )
}
