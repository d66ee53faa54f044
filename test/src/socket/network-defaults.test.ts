import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { nodeDial } from '../../../src/socket/dial.js'
import { nodeHttp } from '../../../src/socket/http.js'
import { NETWORK } from '../../../src/socket/network-defaults.js'
import {
  answering,
  closeServers,
  countingClock,
  Dialled,
  eventually,
  holdingNoMore,
  rawVenue,
  venue,
} from './servers.js'
import { resolveToTwoAddresses, type SlowHost, slowHost } from './slow-host.js'

const clock = countingClock()
let nothingLeft: () => Promise<void>

beforeEach(() => {
  nothingLeft = holdingNoMore()
})

afterEach(async () => {
  vi.restoreAllMocks()
  await closeServers()
  await nothingLeft()
  expect(clock.pending).toBe(0)
})

function dial(url: string, timeoutMs = 15_000): Dialled {
  return new Dialled(nodeDial({ clock }), { url, timeoutMs, maxFrameBytes: 16 * 1024 * 1024 })
}

const ping = Buffer.from([0x89, 0])

describe.runIf(process.platform === 'linux')('a host with two addresses, of which one has no route', () => {
  let host: SlowHost

  beforeEach(async () => {
    host = await slowHost()
    resolveToTwoAddresses()
  })

  afterEach(() => host.close())

  it('is reached by a socket though a connect takes longer than Node gives an address', async () => {
    const dialled = dial(`ws://venue.example:${host.port}/`)
    setTimeout(() => host.release(), 600)
    expect(await dialled.closed).toMatchObject({ refused: { status: 418 } })
  })

  it('is reached by REST', async () => {
    const request = { id: 'x', method: 'GET', url: `http://venue.example:${host.port}/` } as const
    const answer = nodeHttp({ clock })(request, { timeoutMs: 15_000, maxBytes: 1_000 })
    setTimeout(() => host.release(), 600)
    expect(await answer).toMatchObject({ status: 418 })
  })

  it('is reached through a proxy that is such a host', async () => {
    const proxied = new Dialled(nodeDial({ clock, proxy: `http://proxy.example:${host.port}` }), {
      url: 'ws://venue.example/',
      timeoutMs: 15_000,
    })
    setTimeout(() => host.release(), 600)
    expect((await proxied.closed).error).toMatchObject({ code: 'proxy_refused' })
  })
})

describe('pings', () => {
  it('that come a hundred at once are all heard, the connection lives, and the last is answered', async () => {
    const answered: number[] = []
    const port = await venue((socket) => {
      socket.on('pong', (payload) => answered.push(payload[0] ?? -1))
      for (let index = 0; index < 100; index++) socket.ping(Buffer.from([index]))
    })
    const dialled = dial(`ws://127.0.0.1:${port}/`)
    await eventually(() => expect(answered).toContain(99))
    expect(answered.slice(0, 60)).toEqual(Array.from({ length: 60 }, (_, index) => index))
    expect(dialled.told.filter((what) => what === 'ping')).toHaveLength(100)
    expect(dialled.told).not.toContain('closed')
    dialled.socket.close()
    expect(await dialled.closed).toMatchObject({ code: 1000 })
  })

  it('that never end cost a bounded number of answers, and are told each', async () => {
    let written = 0
    const port = await rawVenue((socket) => {
      // Nothing is read: the answers stay in the network.
      socket.pause()
      for (let round = 0; round < 10; round++) {
        written += 10_000
        socket.write(Buffer.concat(Array.from({ length: 10_000 }, () => ping)))
      }
    })
    const dialled = dial(`ws://127.0.0.1:${port}/`)
    await eventually(() => expect(dialled.told.filter((what) => what === 'ping')).toHaveLength(written))
    expect(dialled.socket.bufferedBytes).toBeLessThanOrEqual(NETWORK.maxPendingPongs * 200)
    dialled.socket.terminate()
    await dialled.closed
  })
})

describe('frames of one chunk', () => {
  const frames = (count: number) => Buffer.concat(Array.from({ length: count }, () => Buffer.from([0x81, 0])))

  it('are read over several turns of the event loop where they take long, in order and before the close', async () => {
    const port = await rawVenue(
      (socket) => void socket.end(Buffer.concat([frames(300), Buffer.from([0x88, 0])])),
    )
    const told: string[] = []
    let turns = 0
    const count = () => {
      turns++
      if (!told.includes('closed')) setImmediate(count)
    }
    await new Promise<void>((resolve) => {
      nodeDial({ clock })(
        { url: `ws://127.0.0.1:${port}/`, timeoutMs: 5_000, maxFrameBytes: 1_000 },
        {
          opened: () => count(),
          message: () => {
            told.push('message')
            const until = performance.now() + 1
            while (performance.now() < until);
          },
          control: () => {},
          closed: ({ code }) => {
            told.push('closed')
            expect(code).toBe(1005)
            resolve()
          },
        },
      )
    })
    expect(told).toEqual([...Array.from({ length: 300 }, () => 'message'), 'closed'])
    // 300 frames of a millisecond are 30 turns of ten.
    expect(turns).toBeGreaterThan(20)
  })

  it('wait while reading is paused, and are dropped when the connection is cut', async () => {
    const port = await rawVenue((socket) => void socket.write(frames(300)))
    const dialled = dial(`ws://127.0.0.1:${port}/`)
    let seen = 0
    const attempt = nodeDial({ clock })(
      { url: `ws://127.0.0.1:${port}/`, timeoutMs: 5_000, maxFrameBytes: 1_000 },
      {
        opened: () => {},
        message: () => {
          seen++
          const until = performance.now() + 3
          while (performance.now() < until);
          if (seen === 20) attempt.pause()
          if (seen === 40) attempt.terminate()
        },
        control: () => {},
        closed: () => {},
      },
    )
    await eventually(() => expect(seen).toBeGreaterThanOrEqual(20))
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
    expect(seen).toBe(20)
    attempt.resume()
    await eventually(() => expect(seen).toBe(40))
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
    expect(seen).toBe(40)
    dialled.socket.terminate()
    await dialled.closed
  })
})

describe('an answer that points elsewhere', () => {
  it.each([
    ['https://ann:hunter2@new.example/feed?token=hunter2', 'https://new.example/feed'],
    ['/v2', 'ws://127.0.0.1:PORT/v2'],
  ])('names where: %s', async (location, target) => {
    const port = await answering(301, { location })
    const { error, refused } = await dial(`ws://127.0.0.1:${port}/`).closed
    expect(refused?.status).toBe(301)
    expect(error?.message).toContain(`which points to ${target.replace('PORT', String(port))}`)
    expect(error?.message).not.toContain('hunter2')
  })
})
