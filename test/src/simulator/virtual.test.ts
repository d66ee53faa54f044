import { describe, expect, it } from 'vitest'
import type { DialClose, DialedSocket } from '../../../src/platform.js'
import { withFaults } from '../../../src/simulator/faults.js'
import { type VirtualPlatform, virtualPlatform } from '../../../src/simulator/virtual.js'
import type { VirtualHost, VirtualHostOptions } from '../../../src/simulator/virtual-host.js'
import { ToyVenue } from './toy-venue.js'

const MINUTE = 60_000

function toyWorld(options: Partial<VirtualHostOptions> & { seed?: number } = {}): {
  platform: VirtualPlatform
  venue: ToyVenue
  host: VirtualHost
} {
  const { seed = 1, ...rest } = options
  const platform = virtualPlatform({ seed })
  const venue = new ToyVenue({ seed })
  const host = platform.serve(venue, { hosts: ['toy.test'], ...rest })
  return { platform, venue, host }
}

interface Dialed {
  readonly socket: DialedSocket
  readonly lines: string[]
  closed: DialClose | null
}

/** Dials and writes down all that happens, with the client's time. */
function dial(
  platform: VirtualPlatform,
  options: { url?: string; timeoutMs?: number; max?: number } = {},
): Dialed {
  const { url = 'ws://toy.test/', timeoutMs = 5000, max = 1024 * 1024 } = options
  const lines: string[] = []
  const socket = platform.dial(
    { url, timeoutMs, maxFrameBytes: max },
    {
      opened: ({ status }, at) => {
        lines.push(`${at} opened ${status}`)
        socket.send('sub')
      },
      message: (data, at) => lines.push(`${at} ${typeof data === 'string' ? data : `bytes ${data.length}`}`),
      control: (kind, at) => lines.push(`${at} ${kind}`),
      closed: (close, at) => {
        lines.push(`${at} closed ${close.code}`)
        dialed.closed = close
      },
    },
  )
  const dialed: Dialed = { socket, lines, closed: null }
  return dialed
}

const texts = (dialed: Dialed) => dialed.lines.map((line) => line.slice(line.indexOf(' ') + 1))

describe('the virtual network', () => {
  /** A run with chance in everything: latency, faults, timers, promises, two clients and HTTP. */
  async function transcript(seed: number): Promise<string[]> {
    const platform = virtualPlatform({ seed })
    const venue = new ToyVenue({ seed })
    const faults = [
      { fault: 'drop', chance: 0.05 },
      { fault: 'duplicate', chance: 0.05 },
      { fault: 'delay', chance: 0.02, delayMs: 400 },
      { fault: 'reset', chance: 0.02 },
      { fault: 'stall', chance: 0.01, durationMs: 700 },
      { fault: 'refuse-handshake', chance: 0.2 },
      { fault: 'http-reset', chance: 0.2 },
    ] as const
    platform.serve(
      withFaults(venue, { faults: [...faults] }, platform.random, ({ at, fault, connection }) =>
        lines.push(`${at} struck ${fault.fault} ${connection}`),
      ),
      { hosts: ['toy.test'] },
    )
    const lines: string[] = []
    const keepDialing = (name: string) => {
      const socket = platform.dial(
        { url: 'ws://toy.test/', timeoutMs: 1000, maxFrameBytes: 1024 },
        {
          opened: () => socket.send('sub'),
          message: async (data, at) => {
            await Promise.resolve()
            await new Promise<void>((resolve) => void Promise.resolve().then(() => resolve()))
            lines.push(`${at} ${name} ${data}`)
          },
          control: () => {},
          closed: ({ code, refused }, at) => {
            lines.push(`${at} ${name} closed ${code} ${refused?.status}`)
            platform.clock.after(100 + platform.clock.random() * 500, () => keepDialing(name))
          },
        },
      )
    }
    const keepAsking = async () => {
      for (;;) {
        const { status, body } = await platform.http(
          { id: 'x', method: 'GET', url: 'http://toy.test/ticks' },
          { timeoutMs: 500, maxBytes: 1000 },
        )
        lines.push(`${platform.clock.now()} http ${status} ${body}`)
        await new Promise<void>((resolve) => platform.clock.after(777, resolve))
      }
    }
    keepDialing('a')
    keepDialing('b')
    void keepAsking()
    await platform.advance(MINUTE)
    return lines
  }

  it('gives the same run for the same seed, to the microsecond, and another for another', async () => {
    const first = await transcript(7)
    expect(first.length).toBeGreaterThan(1000)
    for (const what of [
      'struck drop',
      'struck reset',
      'struck stall',
      'http 200',
      'http 0',
      'closed null 503',
    ]) {
      expect(first.some((line) => line.includes(what))).toBe(true)
    }
    expect(await transcript(7)).toEqual(first)
    expect(await transcript(8)).not.toEqual(first)
  })

  it('brings frames in order, after the latency of the network, and nothing before time passes', async () => {
    const { platform } = toyWorld({ latencyMs: [50, 150] })
    const client = dial(platform)
    await platform.settle()
    expect(client.lines).toEqual([])
    await platform.advance(150)
    expect(client.lines).toEqual([])
    await platform.advance(5000)
    const [opened, hello, ack, ...ticks] = texts(client)
    expect([opened, hello, ack]).toEqual(['opened 101', 'hello', 'ack'])
    expect(ticks.length).toBeGreaterThan(40)
    expect(ticks).toEqual(ticks.map((_, index) => `tick ${index + 1}`))
    const first = Number(client.lines[0]?.split(' ')[0])
    expect(first - 1_704_067_200_000_000).toBeGreaterThanOrEqual(4 * 50_000)
    expect(first - 1_704_067_200_000_000).toBeLessThanOrEqual(4 * 150_000)
  })

  it('settles every promise between two events', async () => {
    const platform = virtualPlatform()
    const order: string[] = []
    platform.clock.after(10, async () => {
      for (let hop = 0; hop < 50; hop++) await Promise.resolve()
      order.push('first')
      platform.clock.after(0, () => order.push('at once'))
    })
    platform.clock.after(10, () => order.push('second'))
    await platform.advance(10)
    expect(order).toEqual(['first', 'second', 'at once'])
  })

  it('tells a client that nobody is there', async () => {
    const { platform } = toyWorld()
    const client = dial(platform, { url: 'wss://elsewhere.test/ws' })
    const bad = dial(platform, { url: 'http://toy.test' })
    expect(client.closed).toBeNull()
    await platform.advance(1)
    expect(client.closed?.error).toMatchObject({ code: 'connect_failed' })
    expect(bad.closed?.error).toMatchObject({ code: 'bad_target' })
    const limits = { timeoutMs: 100, maxBytes: 100 }
    const response = await platform.http({ id: 'q', method: 'GET', url: 'https://elsewhere.test/' }, limits)
    expect(response).toMatchObject({ id: 'q', status: 0 })
    expect(response.body).toContain('ENOTFOUND')
  })

  it('holds everything while it is parted, loses nothing, and lets it through when it heals', async () => {
    const { platform, host } = toyWorld()
    const client = dial(platform)
    await platform.advance(1000)
    host.part()
    await platform.advance(100)
    const before = client.lines.length
    client.socket.send('echo through')
    const late = dial(platform, { timeoutMs: 2000 })
    const given: number[] = []
    void platform
      .http({ id: 'x', method: 'GET', url: 'http://toy.test/ticks' }, { timeoutMs: 9000, maxBytes: 1000 })
      .then(({ status }) => given.push(status))
    await platform.advance(3000)
    expect(client.lines.length).toBe(before)
    expect(late.closed?.error).toMatchObject({ code: 'connect_timeout' })
    expect(given).toEqual([])
    host.heal()
    await platform.advance(200)
    expect(given).toEqual([200])
    expect(texts(client)).toContain('through')
    const ticks = texts(client).filter((text) => text.startsWith('tick'))
    expect(ticks.length).toBeGreaterThan(38)
    expect(ticks).toEqual(ticks.map((_, index) => `tick ${index + 1}`))
    expect(host.connections).toBe(1)
  })

  it('resets every connection when the host crashes, and takes new ones', async () => {
    const { platform, host, venue } = toyWorld()
    const clients = [dial(platform), dial(platform)]
    await platform.advance(500)
    expect(venue.connections.size).toBe(2)
    host.crash()
    expect(venue.connections.size).toBe(0)
    await platform.advance(100)
    for (const client of clients) expect(client.closed).toMatchObject({ code: null, error: null })
    const next = dial(platform)
    await platform.advance(500)
    expect(texts(next)).toContain('ack')
  })

  it('holds the sender back when the client pauses, and cuts it when too much waits', async () => {
    const { platform, venue } = toyWorld({ maxBufferedBytes: 100_000 })
    const client = dial(platform)
    await platform.advance(500)
    client.socket.pause()
    client.socket.send('echo later')
    await platform.advance(1000)
    const before = client.lines.length
    expect([...venue.connections][0]?.peer.bufferedBytes).toBeGreaterThan(0)
    client.socket.resume()
    await platform.advance(100)
    expect(client.lines.length).toBeGreaterThan(before + 8)
    expect(texts(client)).toContain('later')

    client.socket.pause()
    client.socket.send('flood 200')
    await platform.advance(3000)
    expect(venue.connections.size).toBe(0)
    expect(client.closed).toBeNull()
    client.socket.resume()
    await platform.advance(100)
    expect(client.closed?.code).toBeNull()
  })

  it('answers a close, pings and frames too large as a real socket does', async () => {
    const { platform, venue } = toyWorld()
    const polite = dial(platform)
    const large = dial(platform, { max: 5000 })
    const sudden = dial(platform)
    const early = dial(platform)
    early.socket.close()
    await platform.advance(500)
    expect(early.closed).toMatchObject({ code: null })
    expect(texts(early)).toEqual(['closed null'])
    polite.socket.ping()
    polite.socket.send('ping')
    large.socket.send(`echo ${'x'.repeat(5001)}`)
    await platform.advance(100)
    expect(texts(polite)).toEqual(expect.arrayContaining(['ping', 'pong']))
    expect(large.closed).toMatchObject({ code: 1009, error: { code: 'frame_too_large' } })
    polite.socket.close(1000, 'done')
    sudden.socket.terminate()
    const seen = sudden.lines.length
    await platform.advance(100)
    expect(polite.closed).toMatchObject({ code: 1000, reason: 'done', error: null })
    expect(sudden.closed).toMatchObject({ code: null, error: null })
    expect(sudden.lines.length).toBe(seen + 1)
    expect(polite.socket.send('too late')).toBe(false)
    expect(venue.connections.size).toBe(0)
  })

  it('counts what is open, and comes back to nothing', async () => {
    const { platform, host, venue } = toyWorld()
    expect(platform.open).toEqual({ timers: 0, sockets: 0, requests: 0 })
    const kept = dial(platform)
    const refused = dial(platform, { url: 'ws://toy.test/forbidden' })
    const timer = platform.clock.after(60_000, () => {})
    const limits = { timeoutMs: 1000, maxBytes: 1000 }
    const request = platform.http({ id: 'x', method: 'GET', url: 'http://toy.test/ticks' }, limits)
    expect(platform.open).toEqual({ timers: 1, sockets: 2, requests: 1 })
    await platform.advance(500)
    expect((await request).status).toBe(200)
    expect(refused.closed?.refused).toEqual({ status: 403, retryAfterMs: null })
    expect(platform.open).toEqual({ timers: 1, sockets: 1, requests: 0 })
    timer.cancel()
    timer.cancel()
    host.part()
    kept.socket.terminate()
    await platform.advance(100)
    expect(platform.open).toEqual({ timers: 0, sockets: 0, requests: 0 })
    expect(host.connections).toBe(1)
    host.heal()
    await platform.advance(100)
    expect(host.connections).toBe(0)
    expect(venue.connections.size).toBe(0)
  })

  it('gives up a request at its deadline, when it is aborted, and when it is too large', async () => {
    const { platform } = toyWorld({ latencyMs: [100, 100] })
    const ask = (limits: { timeoutMs: number; maxBytes: number; signal?: AbortSignal }) => {
      const bodies: string[] = []
      void platform
        .http({ id: 'x', method: 'GET', url: 'http://toy.test/ticks' }, limits)
        .then(({ status, body }) => bodies.push(`${status} ${body}`))
      return bodies
    }
    const abort = new AbortController()
    const late = ask({ timeoutMs: 200, maxBytes: 1000 })
    const aborted = ask({ timeoutMs: 9000, maxBytes: 1000, signal: abort.signal })
    const large = ask({ timeoutMs: 9000, maxBytes: 3 })
    abort.abort()
    await platform.advance(1000)
    expect(late).toEqual(['0 no answer within 200 ms'])
    expect(aborted).toEqual(['0 the request was cancelled'])
    expect(large).toEqual(['0 the answer is larger than 3 bytes'])
    expect(platform.open.requests).toBe(0)
  })

  it('steps the client’s clock without moving its timers or the true time', async () => {
    const platform = virtualPlatform({ startAt: 5_000_000 })
    const fired: number[] = []
    platform.clock.after(1000, () => fired.push(platform.clock.now()))
    await platform.advance(500)
    platform.stepClock(3_600_000)
    expect(platform.clock.now()).toBe(5_000_000 + 500_000 + 3_600_000_000)
    expect(platform.clock.monotonic()).toBe(500_000)
    await platform.advance(500)
    expect(fired).toEqual([5_000_000 + 1_000_000 + 3_600_000_000])
    expect(platform.now).toBe(6_000_000)
  })

  it('lets a clock that was set back go slower until it is right, and knows how much time passed', async () => {
    const platform = virtualPlatform({ startAt: 5_000_000 })
    const { clock } = platform
    const told = [clock.now()]
    platform.stepClock(-1_000)
    expect(clock.now()).toBe(5_000_000)
    for (let second = 1; second <= 12; second++) {
      await platform.advance(1_000)
      told.push(clock.now())
      if (second === 3) platform.stepClock(-200)
    }
    expect(told).toEqual([
      ...[5.0, 5.9, 6.8, 7.7, 8.6, 9.5, 10.4, 11.3, 12.2, 13.1, 14.0, 14.9, 15.8].map((s) => s * 1_000_000),
    ])
    expect(told.map((at) => clock.steady(at))).toEqual(told.map((_, second) => (5 + second) * 1_000_000))
  })

  it('hands on what the client’s code throws, and can go on after it', async () => {
    const platform = virtualPlatform()
    platform.clock.after(1, () => {
      throw new Error('a defect of the client')
    })
    const order: string[] = []
    platform.clock.after(2, () => order.push('next'))
    await expect(platform.advance(10)).rejects.toThrow('a defect of the client')
    await platform.advance(10)
    expect(order).toEqual(['next'])
  })

  it('refuses two who let time pass at once, a loop that never ends, and a host name that is taken', async () => {
    const { platform, host } = toyWorld()
    const passing = platform.advance(10)
    await expect(platform.advance(10)).rejects.toThrow('already passing')
    await passing
    expect(() => platform.serve(new ToyVenue(), { hosts: ['toy.test'] })).toThrow(
      'there is a host toy.test already',
    )
    host.remove()
    platform.serve(new ToyVenue(), { hosts: ['toy.test'] })
    expect(() => platform.serve(new ToyVenue(), { hosts: ['x'], latencyMs: [5, 1] })).toThrow('latencyMs')
    const again = () => void platform.clock.after(0, again)
    again()
    await expect(platform.advance(1)).rejects.toThrow('time stands still')
  })
})
