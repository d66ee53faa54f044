import * as http from 'node:http'
import { describe, expect, it } from 'vitest'
import type { WebSocket } from 'ws'
import { WebSocketServer } from 'ws'
import { nodePlatform, openSocket } from '../../../src/socket/index.js'
import { answering, closedPort, eventually, leavingNothingOpen, listen, rawVenue, venue } from './servers.js'

leavingNothingOpen()

const quick = { baseMs: 10, capMs: 50 }

describe('openSocket', () => {
  it('connects, talks, and comes back by itself after the server restarts', async () => {
    const sockets: WebSocket[] = []
    const port = await venue((socket) => {
      sockets.push(socket)
      socket.on('message', (data) => socket.send(`echo ${data}`))
    })
    const told: string[] = []
    const socket = openSocket(`ws://127.0.0.1:${port}/`, {
      reconnect: quick,
      on: {
        handshake: ({ connection, status, url }) => told.push(`handshake ${connection} ${status} ${url}`),
        connect: ({ connection, attempt }) => {
          told.push(`connect ${connection} ${attempt}`)
          socket.send('hello')
        },
        message: ({ data, connection }) => told.push(`${data} ${connection}`),
        disconnect: ({ cause, code, planned, connection }) =>
          told.push(`${cause} ${code} ${planned} ${connection}`),
      },
    })
    const url = `ws://127.0.0.1:${port}/`
    const first = [`handshake 1 101 ${url}`, 'connect 1 1', 'echo hello 1']
    await eventually(() => expect(told).toEqual(first))
    sockets[0]?.close(1012)
    await eventually(() =>
      expect(told).toEqual([
        ...first,
        'closed 1012 true 1',
        `handshake 2 101 ${url}`,
        'connect 2 1',
        'echo hello 2',
      ]),
    )
    await socket.close()
    expect(socket.stats).toMatchObject({ state: 'closed', attempts: 2, connects: 2, messages: 2 })
  })

  it('carries text and bytes both ways, each as what it was', async () => {
    const port = await venue((socket) => {
      socket.on('message', (data, binary) => socket.send(data, { binary }))
    })
    await using socket = openSocket(`ws://127.0.0.1:${port}/`)
    await socket.ready()
    expect(socket.send('text')).toBe(true)
    expect(socket.send(new Uint8Array([0, 255, 7]))).toBe(true)
    const got: unknown[] = []
    for await (const { data } of socket) if (got.push(data) === 2) break
    expect(got).toEqual(['text', new Uint8Array([0, 255, 7])])
  })

  it('replaces a connection that is half open: no frame, no error, nothing', async () => {
    let connections = 0
    const port = await rawVenue((socket) => {
      connections++
      socket.resume()
    })
    const causes: string[] = []
    const socket = openSocket(`ws://127.0.0.1:${port}/`, {
      heartbeat: { everyMs: 60, answerWithinMs: 60 },
      reconnect: quick,
      on: { disconnect: ({ cause }) => causes.push(cause) },
    })
    await eventually(() => expect(connections).toBeGreaterThanOrEqual(3))
    expect(new Set(causes)).toEqual(new Set(['unanswered']))
    await socket.close()
  })

  it('keeps trying while the server is down, says why, and is there when it is up', async () => {
    const port = await closedPort()
    const errors: unknown[] = []
    const waits: string[] = []
    const socket = openSocket(`ws://127.0.0.1:${port}/`, {
      reconnect: { baseMs: 20, factor: 1 },
      on: {
        error: (error) => errors.push('code' in error ? error.code : error),
        waiting: ({ for: why, reason }) => waits.push(`${why} ${reason}`),
        disconnect: () => errors.push('a disconnect without a connect'),
      },
    })
    await eventually(() => expect(errors.length).toBeGreaterThanOrEqual(3))
    expect(socket.state).toMatch(/waiting|connecting/)
    const server = http.createServer()
    new WebSocketServer({ server })
    server.listen(port, '127.0.0.1')
    await socket.ready()
    expect(socket.state).toBe('open')
    expect(new Set(errors)).toEqual(new Set(['connect_failed']))
    expect(waits[0]).toMatch(/^backoff cannot connect to ws:/)
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

  it('asks `prepare` before each attempt for URL, headers and subprotocols', async () => {
    const seen: string[] = []
    const port = await venue(
      (socket, { url, headers }) => {
        seen.push(`${url} ${headers['x-fixed']} ${headers['x-token']} ${socket.protocol}`)
        socket.close(1012)
      },
      { handleProtocols: (offered) => [...offered][0] ?? false },
    )
    let asked = 0
    const socket = openSocket(`ws://127.0.0.1:${port}/`, {
      headers: { 'x-fixed': 'a', 'x-token': 'none' },
      reconnect: quick,
      prepare: async () => {
        asked++
        return {
          url: `ws://127.0.0.1:${port}/?n=${asked}`,
          headers: { 'x-token': `t${asked}` },
          subprotocols: [`v${asked}`],
        }
      },
    })
    await eventually(() => expect(seen.slice(0, 2)).toEqual(['/?n=1 a t1 v1', '/?n=2 a t2 v2']))
    await socket.close()
  })

  it('fails the attempt where `prepare` throws, and asks again', async () => {
    const port = await venue(() => {})
    let asked = 0
    const errors: string[] = []
    const socket = openSocket(`ws://127.0.0.1:${port}/`, {
      reconnect: quick,
      prepare: () => {
        asked++
        if (asked < 3) throw new Error(`no token ${asked}`)
        return {}
      },
      on: { error: ({ message }) => errors.push(message) },
    })
    await socket.ready()
    expect(errors).toEqual(['no token 1', 'no token 2'])
    await socket.close()
  })

  it('gives up after maxAttempts: the last error, an iteration that throws, a `ready` that rejects', async () => {
    const port = await closedPort()
    const codes: unknown[] = []
    const socket = openSocket(`ws://127.0.0.1:${port}/`, {
      reconnect: { ...quick, maxAttempts: 2 },
      on: { error: (error) => codes.push('code' in error ? error.code : error) },
    })
    const ready = expect(socket.ready()).rejects.toMatchObject({ code: 'gave_up' })
    await expect(
      (async () => {
        for await (const _ of socket);
      })(),
    ).rejects.toMatchObject({ code: 'gave_up' })
    await ready
    await socket.closed
    expect(codes).toEqual(['connect_failed', 'connect_failed', 'gave_up'])
    expect(socket.state).toBe('closed')
    await expect(socket.ready()).rejects.toMatchObject({ code: 'gave_up' })
  })

  it('with reconnect: false ends where the server closes, and throws where the connection breaks', async () => {
    const port = await venue((socket) => {
      socket.send('last')
      socket.close(1000)
    })
    const got: unknown[] = []
    for await (const { data } of openSocket(`ws://127.0.0.1:${port}/`, { reconnect: false })) got.push(data)
    expect(got).toEqual(['last'])
    const breaking = await venue((socket) => socket.terminate())
    const broken = async () => {
      for await (const _ of openSocket(`ws://127.0.0.1:${breaking}/`, { reconnect: false }));
    }
    await expect(broken()).rejects.toMatchObject({ code: 'gave_up' })
  })

  it('ends with its signal, with `await using`, and once only', async () => {
    const port = await venue(() => {})
    const ending = new AbortController()
    const aborted = openSocket(`ws://127.0.0.1:${port}/`, { signal: ending.signal })
    const read = (async () => {
      for await (const _ of aborted);
      return 'ended'
    })()
    await aborted.ready()
    ending.abort()
    expect(await read).toBe('ended')
    await aborted.closed
    expect(aborted.state).toBe('closed')
    expect(openSocket(`ws://127.0.0.1:${port}/`, { signal: AbortSignal.abort() }).state).toBe('closing')
    let left: ReturnType<typeof openSocket>
    {
      await using socket = openSocket(`ws://127.0.0.1:${port}/`)
      await socket.ready()
      left = socket
    }
    expect(left.state).toBe('closed')
    await left.close()
  })

  it('emits nothing after close, and a listener that throws stops nothing', async () => {
    const port = await venue((socket) => socket.on('message', (data) => socket.send(`${data}`)))
    const uncaught: unknown[] = []
    const others = process.listeners('uncaughtException')
    process.removeAllListeners('uncaughtException')
    process.on('uncaughtException', (error) => uncaught.push(error.message))
    try {
      const told: string[] = []
      const socket = openSocket(`ws://127.0.0.1:${port}/`)
      socket.on('message', () => {
        throw new Error('a defect of the program')
      })
      const remove = socket.on('message', () => told.push('removed'))
      remove()
      socket.on('message', ({ data }) => told.push(`${data}`))
      socket.on('disconnect', () => told.push('disconnect'))
      await socket.ready()
      socket.send('one')
      await eventually(() => expect(told).toEqual(['one']))
      await eventually(() => expect(uncaught).toEqual(['a defect of the program']))
      await socket.close()
      expect(told).toEqual(['one'])
      expect(socket.send('late')).toBe(false)
    } finally {
      process.removeAllListeners('uncaughtException')
      for (const listener of others) process.on('uncaughtException', listener)
    }
  })

  it.each<[object, RegExp]>([
    [{ heartbeet: {} }, /openSocket: there is no option heartbeet; did you mean heartbeat\?/],
    [{ heartbeat: { every: 5 } }, /there is no option heartbeat\.every; did you mean everyMs\?/],
    [{ watchdog: { silentAfterMs: -1 } }, /option watchdog\.silentAfterMs must be above 0 \(got -1\)/],
    [{ reconnect: { baseMs: 'soon' } }, /option reconnect .*baseMs/],
    [{ whileDisconnected: 'keep' }, /option whileDisconnected must be 'drop' or 'fail'/],
    [{ queue: { policy: 'pauze' } }, /option queue\.policy must be .*did you mean 'pause'\?/],
    [{ on: { mesage() {} } }, /there is no option on\.mesage; did you mean message\?/],
    [{ proxy: 'gopher://ann:hunter2@x' }, /^proxy has the unknown scheme gopher:/],
    [{ localAddress: 'eth0' }, /localAddress must be an IP address/],
    [{ tls: 5 }, /option tls must be an object/],
    [{ rotate: {} }, /option rotate\.maxAgeMs must be a number/],
  ])('refuses wrong options at the door: %o', (options, message) => {
    expect(() => openSocket('ws://127.0.0.1:1/', options)).toThrow(message)
    expect(() => openSocket('ws://127.0.0.1:1/', options)).not.toThrow(/hunter2/)
  })

  it('refuses a URL that is none of a WebSocket, and an event that there is none of', async () => {
    expect(() => openSocket('http://ann:hunter2@venue.test/')).toThrow(
      /the url must begin with ws:\/\/ or wss:\/\/ for frames/,
    )
    expect(() => openSocket('venue')).toThrow(/option url must be a URL/)
    const socket = openSocket('ws://127.0.0.1:1/')
    expect(() => socket.on('mesage' as 'message', () => {})).toThrow(/no event mesage; did you mean message/)
    expect(() => nodePlatform({ localAddress: 'eth0' })).toThrow(/localAddress must be an IP address/)
    expect(() => nodePlatform({ maxFrameBytes: 0 })).toThrow(/maxFrameBytes/)
    await socket.close()
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
