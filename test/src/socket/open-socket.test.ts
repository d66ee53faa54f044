import * as http from 'node:http'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { WebSocket } from 'ws'
import { WebSocketServer } from 'ws'
import { nodePlatform, openSocket } from '../../../src/socket/index.js'
import {
  answering,
  closedPort,
  closeServers,
  eventually,
  holdingNoMore,
  listen,
  rawVenue,
  venue,
} from './servers.js'

let nothingLeft: () => Promise<void>

beforeEach(() => {
  nothingLeft = holdingNoMore()
})

afterEach(async () => {
  await closeServers()
  await nothingLeft()
})

describe('openSocket', () => {
  it('connects, talks, and comes back by itself after the venue restarts', async () => {
    const sockets: WebSocket[] = []
    const port = await venue((socket) => {
      sockets.push(socket)
      socket.on('message', (data) => socket.send(`echo ${data}`))
    })
    const told: string[] = []
    const socket = openSocket(`ws://127.0.0.1:${port}/`, {
      backoff: { baseMs: 10 },
      on: {
        open: ({ attempt }) => {
          told.push(`open ${attempt}`)
          socket.send('hello')
        },
        message: (data) => told.push(`${data}`),
        close: ({ cause, code }) => told.push(`${cause} ${code}`),
      },
    })
    await eventually(() => expect(told).toEqual(['open 1', 'echo hello']))
    sockets[0]?.close(1012)
    await eventually(() =>
      expect(told).toEqual(['open 1', 'echo hello', 'closed 1012', 'open 2', 'echo hello']),
    )
    await socket.close()
    expect(socket.stats).toMatchObject({ state: 'closed', attempts: 2, opened: 2, frames: 2 })
  })

  it('replaces a connection that is half open: no frame, no error, nothing', async () => {
    let connections = 0
    const port = await rawVenue((socket) => {
      connections++
      socket.resume()
    })
    const causes: string[] = []
    const socket = openSocket(`ws://127.0.0.1:${port}/`, {
      silentAfterMs: 100,
      backoff: { baseMs: 10 },
      on: { close: ({ cause }) => causes.push(cause) },
    })
    await eventually(() => expect(connections).toBeGreaterThanOrEqual(3))
    expect(new Set(causes)).toEqual(new Set(['silent']))
    await socket.close()
  })

  it('keeps trying while the venue is down, and is there when it is up', async () => {
    const port = await closedPort()
    const causes: string[] = []
    const socket = openSocket(`ws://127.0.0.1:${port}/`, {
      backoff: { baseMs: 20, factor: 1 },
      on: { close: ({ cause }) => causes.push(cause) },
    })
    await eventually(() => expect(causes.length).toBeGreaterThanOrEqual(3))
    const server = http.createServer()
    new WebSocketServer({ server })
    server.listen(port, '127.0.0.1')
    await eventually(() => expect(socket.state).toBe('open'))
    expect(new Set(causes)).toEqual(new Set(['failed']))
    await socket.close()
    await new Promise<void>((resolve) => void server.close(() => resolve()))
  })

  it('stays away for as long as a refused handshake asks', async () => {
    const port = await answering(429, { 'Retry-After': '3600' })
    const waits: number[] = []
    const socket = openSocket(`ws://127.0.0.1:${port}/`, {
      on: { waiting: ({ delayMs }) => waits.push(delayMs) },
    })
    await eventually(() => expect(waits).toHaveLength(1))
    expect(waits[0]).toBeGreaterThanOrEqual(3_600_000)
    await socket.close()
  })

  it('refuses wrong options at the door and shows no proxy password', async () => {
    expect(() => openSocket('http://venue.test/')).toThrow(/target/)
    expect(() => openSocket('ws://venue.test/', { network: { proxy: 'gopher://ann:hunter2@x' } })).toThrow(
      /^proxy has the unknown scheme gopher:/,
    )
    expect(() => nodePlatform({ localAddress: 'eth0' })).toThrow(/localAddress must be an IP address/)
    expect(() => nodePlatform({ maxFrameBytes: 0 })).toThrow(/maxFrameBytes/)
  })
})

describe('the platform of Node', () => {
  it('has time, sockets, HTTP and tools that serve one another', async () => {
    const platform = nodePlatform()
    const port = await listen(http.createServer((_request, response) => void response.end('fine')))
    const answer = await platform.http(
      { id: 'x', method: 'GET', url: `http://127.0.0.1:${port}/` },
      { timeoutMs: 5_000, maxBytes: 100 },
    )
    expect(answer.body).toBe('fine')
    expect(Math.abs(platform.clock.now() / 1000 - Date.now())).toBeLessThan(5_000)
    expect(platform.tools.hmacSha256('key', 'text')).toHaveLength(64)
    expect(nodePlatform({ clock: platform.clock, proxy: null }).clock).toBe(platform.clock)
  })
})
