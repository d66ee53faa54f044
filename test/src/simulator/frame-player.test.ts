import { afterEach, describe, expect, it } from 'vitest'
import { readRecord } from '../../../src/framelog/frame-record.js'
import {
  type FramePlayerOptions,
  framePlayer,
  type PlayableRecord,
} from '../../../src/simulator/frame-player.js'
import { type SimulatorServer, serveSimulator } from '../../../src/simulator/server.js'
import { type VirtualPlatform, virtualPlatform } from '../../../src/simulator/virtual.js'
import { systemClock } from '../../../src/socket/clock.js'
import { RealClient } from './real-client.js'

const T = 1_600_000_000_000_000

/** Two connections of one venue, interleaved, and what it answered over HTTP. */
const log: PlayableRecord[] = [
  {
    dir: 'rest',
    url: 'https://venue.test/list?kind=spot',
    body: '["first"]',
    headers: { 'content-encoding': 'gzip', 'x-sequence': '7' },
  },
  { dir: 'rest', url: 'https://venue.test/list?kind=spot', body: '["second"]' },
  { dir: 'rest', url: 'https://venue.test/list?kind=swap', body: 'busy', status: 429 },
  { dir: 'open', t: T, conn: 0, url: 'wss://venue.test/ws/2' },
  { dir: 'in', t: T + 1_000, conn: 0, data: 'info' },
  { dir: 'open', t: T + 1_500, conn: 1, url: 'wss://venue.test/ws/2' },
  { dir: 'out', t: T + 2_000, conn: 0 },
  { dir: 'in', t: T + 102_000, conn: 0, data: 'ack' },
  { dir: 'in', t: T + 150_000, conn: 1, data: new Uint8Array([1, 2, 3]) },
  { dir: 'in', t: T + 1_102_000, conn: 0, data: 'late' },
  { dir: 'close', t: T + 1_202_000, conn: 0, code: 1012 },
]

interface Played {
  /** What came, with the milliseconds since the dial. */
  readonly lines: string[]
  send(frame: string): void
}

async function play(options: Partial<FramePlayerOptions> = {}) {
  const platform = virtualPlatform()
  const player = await framePlayer({ records: () => log, ...options })
  platform.serve(player, { hosts: ['venue.test'], latencyMs: [0, 0], stepMs: 1 })
  return { platform, dial: (path = '/ws/2') => dial(platform, path) }
}

function dial(platform: VirtualPlatform, path: string): Played {
  const lines: string[] = []
  const began = platform.now
  const since = () => Math.round((platform.now - began) / 1000)
  const socket = platform.dial(
    { url: `wss://venue.test${path}`, timeoutMs: 1000, maxFrameBytes: 1000 },
    {
      opened: () => {},
      message: (data) =>
        lines.push(`${since()} ${typeof data === 'string' ? data : Buffer.from(data).toString('hex')}`),
      control: () => {},
      closed: ({ code }) => lines.push(`${since()} closed ${code}`),
    },
  )
  return { lines, send: (frame) => void socket.send(frame) }
}

const servers: SimulatorServer[] = []
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close()
})

describe('a frame log that is played', () => {
  it('keeps the pace of the recording, and does not answer before it is asked', async () => {
    const { platform, dial } = await play()
    const client = dial()
    await platform.advance(500)
    expect(client.lines).toEqual(['1 info'])
    client.send('subscribe')
    await platform.advance(2000)
    expect(client.lines).toEqual(['1 info', '601 ack', '1601 late', '1701 closed 1012'])
  })

  it('waits for a client that says nothing only so long', async () => {
    const { platform, dial } = await play({ waitForClientMs: 300 })
    const client = dial()
    await platform.advance(3000)
    expect(client.lines).toEqual(['1 info', '402 ack', '1402 late', '1502 closed 1012'])
  })

  it('goes faster, or as fast as the client reads', async () => {
    const ten = await play({ speed: 10 })
    const client = ten.dial()
    client.send('too early')
    await ten.platform.advance(2)
    client.send('subscribe')
    await ten.platform.advance(3000)
    expect(client.lines).toEqual(['1 info', '13 ack', '113 late', '123 closed 1012'])

    const max = await play({ speed: 'max', waitForClientMs: 0 })
    const quick = max.dial()
    await max.platform.advance(5)
    expect(quick.lines.map((line) => line.split(' ').slice(1).join(' '))).toEqual([
      'info',
      'ack',
      'late',
      'closed 1012',
    ])
  })

  it('gives each client the next connection of its path, and begins again after the last', async () => {
    const { platform, dial } = await play({ speed: 'max', waitForClientMs: 0 })
    const clients = [dial(), dial('/ws/2?x=1'), dial('/'), dial('/')]
    const third = dial()
    await platform.advance(10)
    const firsts = [...clients, third].map(({ lines }) => lines[0]?.split(' ')[1])
    expect(firsts).toEqual(['info', '010203', 'info', '010203', 'info'])
    expect(clients[1]?.lines).toHaveLength(1)
  })

  it('answers over HTTP by path and query, in turn, without headers that no longer hold', async () => {
    const { platform } = await play()
    const get = async (path: string) => {
      const limits = { timeoutMs: 1000, maxBytes: 1000 }
      const response = platform.http({ id: '', method: 'GET', url: `https://venue.test${path}` }, limits)
      await platform.advance(100)
      return response
    }
    const first = await get('/list?kind=spot')
    expect(first).toMatchObject({ status: 200, body: '["first"]' })
    expect(first.headers).toMatchObject({ 'x-sequence': '7' })
    expect(first.headers).not.toHaveProperty('content-encoding')
    expect((await get('/list?kind=spot')).body).toBe('["second"]')
    expect((await get('/list?kind=spot')).body).toBe('["second"]')
    expect(await get('/list?kind=swap')).toMatchObject({ status: 429, body: 'busy' })
    expect((await get('/list?kind=other')).body).toBe('["first"]')
    expect((await get('/nothing')).status).toBe(404)
  })

  it('plays a log without a clock, read asynchronously, over a real socket, no faster than it is read', async () => {
    const frames = 30_000
    let read = 0
    let closed = 0
    async function* records(): AsyncGenerator<PlayableRecord> {
      try {
        yield readRecord('{"t":null,"dir":"open","conn":0,"url":"wss://venue.test/"}')
        for (let frame = 0; frame < frames; frame++) {
          read++
          yield readRecord(
            JSON.stringify({ t: null, dir: 'in', conn: 0, data: `${frame} ${'x'.repeat(500)}` }),
          )
        }
      } finally {
        closed++
      }
    }
    const player = await framePlayer({ records })
    expect([read, closed]).toEqual([frames, 1])
    const server = await serveSimulator(player, { clock: systemClock(), stepMs: 2 })
    servers.push(server)
    const client = new RealClient(server.url)
    await client.opened()
    client.socket.pause()
    await new Promise((resolve) => setTimeout(resolve, 200))
    expect(read - frames).toBeLessThan(frames)
    client.socket.resume()
    await client.until(() => client.texts.length === frames)
    expect(client.texts.every((text, index) => text.startsWith(`${index} `))).toBe(true)
    expect(client.ended).toBeNull()

    const leaver = new RealClient(server.url)
    await leaver.until(() => leaver.arrivals.length > 0)
    leaver.socket.terminate()
    await client.until(() => closed === 3)
  })

  it('tells of a log that breaks off in the middle', async () => {
    let pass = 0
    async function* records(): AsyncGenerator<PlayableRecord> {
      yield { dir: 'open', t: T, conn: 0, url: 'wss://venue.test/' }
      yield { dir: 'in', t: T, conn: 0, data: 'one' }
      if (++pass > 1) throw new Error('the file is cut off')
    }
    const errors: unknown[] = []
    const player = await framePlayer({ records })
    const server = await serveSimulator(player, {
      clock: systemClock(),
      onError: (error) => errors.push(error),
    })
    servers.push(server)
    const client = new RealClient(server.url)
    expect((await client.closed()).code).toBe(1011)
    expect(client.texts).toEqual(['one'])
    expect(errors.map(String)).toEqual(['Error: the file is cut off'])
  })

  it('refuses a speed that is none', async () => {
    await expect(framePlayer({ records: () => log, speed: 0 })).rejects.toThrow(
      'option speed must be above 0, or max (got 0)',
    )
  })
})
