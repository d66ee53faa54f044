import { beforeEach, describe, expect, it } from 'vitest'
import {
  type Loss,
  ResilientSocket,
  type ResilientSocketOptions,
} from '../../../src/socket/resilient-socket.js'
import { FakeNetwork, type FakeSocket, VirtualClock } from './virtual.js'

/**
 * What watches over a connection must do so again after every pause, and on every connection: a watchdog or a heartbeat that
 * works once passes every test of a first connection.
 */

let clock: VirtualClock
let network: FakeNetwork
let losses: Loss[]

beforeEach(() => {
  clock = new VirtualClock()
  network = new FakeNetwork(clock)
  losses = []
})

function started(options: Partial<ResilientSocketOptions>): ResilientSocket {
  const socket = new ResilientSocket(
    { target: { url: 'wss://venue.test/' }, dial: network.dial, clock, strict: true, ...options },
    { close: (loss) => losses.push(loss) },
  )
  socket.start()
  return socket
}

/** Waits for the next dial and accepts it. */
async function accepted(dials: number): Promise<FakeSocket> {
  for (let step = 0; step < 700 && network.sockets.length < dials; step++)
    await clock.advance(step === 0 ? 0 : 100)
  expect(network.sockets).toHaveLength(dials)
  network.last.open()
  return network.last
}

const causes = () => losses.map(({ cause }) => cause)

describe('after a pause', () => {
  it('the watchdog counts again, each time from the moment of the resumption', async () => {
    const socket = started({ silentAfterMs: 10_000 })
    await accepted(1)
    for (let round = 0; round < 3; round++) {
      await clock.advance(9_000)
      socket.pause()
      await clock.advance(60_000)
      socket.resume()
      await clock.advance(9_000)
      expect(causes()).toEqual([])
      network.last.say('tick')
    }
    socket.pause()
    socket.resume()
    await clock.advance(9_999)
    expect(causes()).toEqual([])
    await clock.advance(1_001)
    expect(causes()).toEqual(['silent'])
  })

  it('a frame that came before it is no sign of life after it', async () => {
    const socket = started({ silentAfterMs: 10_000 })
    await accepted(1)
    network.last.say('tick')
    socket.pause()
    socket.resume()
    await clock.advance(10_000)
    expect(causes()).toEqual(['silent'])
  })

  it('answers to pings are waited for again, and to none that was sent before it', async () => {
    const socket = started({
      silentAfterMs: null,
      ping: { everyMs: 10_000, always: true, frame: null, answerWithinMs: 3_000 },
    })
    await accepted(1)
    await clock.advance(11_000)
    socket.pause()
    await clock.advance(30_000)
    socket.resume()
    await clock.advance(8_999)
    expect([network.last.pings, causes()]).toEqual([4, []])
    await clock.advance(3_001 + 1_000)
    expect(causes()).toEqual(['unanswered'])
  })

  it('that lasted from one connection into the next, the next is watched too', async () => {
    const socket = started({ silentAfterMs: 10_000 })
    await accepted(1)
    socket.pause()
    network.last.end()
    await accepted(2)
    await clock.advance(60_000)
    expect(causes()).toEqual(['cut'])
    socket.resume()
    expect(network.last.paused).toBe(false)
    await clock.advance(11_000)
    expect(causes()).toEqual(['cut', 'silent'])
  })

  it('the next connection is read', async () => {
    const socket = started({ silentAfterMs: 10_000 })
    await accepted(1)
    socket.pause()
    socket.resume()
    network.last.end()
    await accepted(2)
    expect(network.last.paused).toBe(false)
    await clock.advance(11_000)
    expect(causes()).toEqual(['cut', 'silent'])
  })
})

describe('every connection, not only the first,', () => {
  it('is given up when it is silent', async () => {
    started({ silentAfterMs: 10_000 })
    for (let attempt = 1; attempt <= 4; attempt++) {
      await accepted(attempt)
      network.last.say('tick')
      await clock.advance(11_000)
      expect(causes()).toEqual(Array(attempt).fill('silent'))
    }
  })

  it.each([
    ['into silence', false],
    ['at an even pace', true],
  ])('is sent its pings %s, and none after its end', async (_how, always) => {
    started({ silentAfterMs: null, ping: { everyMs: 10_000, always, frame: 'ping' } })
    for (let attempt = 1; attempt <= 4; attempt++) {
      await accepted(attempt)
      const opened = clock.elapsedMs
      await clock.advance(35_000)
      expect(network.last.sent, `attempt ${attempt}`).toEqual(['ping', 'ping', 'ping'])
      expect(clock.elapsedMs - opened).toBe(35_000)
      network.last.end()
    }
    await accepted(5)
    await clock.advance(35_000)
    expect(network.sockets.map(({ sent }) => sent.length)).toEqual([3, 3, 3, 3, 3])
  })

  it('is given up when it does not answer a ping, though the one before answered', async () => {
    started({ silentAfterMs: null, ping: { everyMs: 10_000, frame: null, answerWithinMs: 3_000 } })
    for (let attempt = 1; attempt <= 4; attempt++) {
      const socket = await accepted(attempt)
      while (socket.pings === 0 && losses.length < attempt) await clock.advance(500)
      socket.pong()
      await clock.advance(9_000)
      expect(losses).toHaveLength(attempt - 1)
      await clock.advance(6_000)
      expect(causes()).toEqual(Array(attempt).fill('unanswered'))
    }
  })

  it('that was stable takes the wait back to its beginning', async () => {
    started({
      silentAfterMs: null,
      stableAfterMs: 20_000,
      backoff: { baseMs: 1_000, capMs: 60_000, factor: 2 },
    })
    clock.chance = 0.999_999
    const waited: number[] = []
    for (let attempt = 1; attempt <= 8; attempt++) {
      await accepted(attempt)
      const long = attempt % 4 === 0
      await clock.advance(long ? 20_000 : 19_999)
      network.last.end()
      const ended = clock.elapsedMs
      while (network.sockets.length === attempt && clock.elapsedMs < ended + 60_000) await clock.advance(50)
      waited.push(Math.round((clock.elapsedMs - ended) / 1_000))
    }
    expect(waited).toEqual([1, 2, 4, 1, 2, 4, 8, 1])
  })

  it('leaves no timer behind', async () => {
    const socket = started({
      silentAfterMs: 30_000,
      ping: { everyMs: 1_000, frame: null, answerWithinMs: 5_000 },
    })
    for (let attempt = 1; attempt <= 4; attempt++) {
      await accepted(attempt)
      await clock.advance(1_500)
      const open = clock.pending
      network.last.end()
      expect(clock.pending, `after attempt ${attempt}, of ${open}`).toBe(1)
    }
    await socket.close()
    expect(clock.pending).toBe(0)
  })
})
