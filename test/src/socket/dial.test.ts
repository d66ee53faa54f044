import * as http from 'node:http'
import type { Duplex } from 'node:stream'
import { inspect } from 'node:util'
import { deflateRawSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { type NodeDialOptions, nodeDial } from '../../../src/socket/dial.js'
import { certificateFor } from './certificate.js'
import {
  answering,
  closedPort,
  countingClock,
  Dialled,
  eventually,
  leavingNothingOpen,
  listen,
  rawVenue,
  tcp,
  venue,
} from './servers.js'

const clock = countingClock()
leavingNothingOpen(clock)

function dial(
  port: number,
  target: Partial<ConstructorParameters<typeof Dialled>[1]> = {},
  options: Partial<NodeDialOptions> = {},
): Dialled {
  return new Dialled(nodeDial({ clock, ...options }), {
    url: `ws://127.0.0.1:${port}/feed?token=hunter2`,
    ...target,
  })
}

describe('a connection', () => {
  it('opens, shows the answer of the handshake, and hands text as text and bytes as bytes, in order and in time', async () => {
    const port = await venue((socket) => {
      socket.send('grüezi')
      socket.send(Buffer.from([1, 2, 3]))
      socket.send('')
      socket.close(1001, 'done')
    })
    const from = clock.now()
    const dialled = dial(port)
    const upgrade = await dialled.opened
    expect(upgrade).toMatchObject({ status: 101, protocol: '', extensions: '' })
    expect(upgrade.headers['upgrade']).toBe('websocket')
    const close = await dialled.closed
    expect(close).toEqual({ code: 1001, reason: 'done', refused: null, error: null })
    expect(dialled.told).toEqual(['opened', 'message', 'message', 'message', 'closed'])
    expect(dialled.frames[0]).toBe('grüezi')
    expect(dialled.frames[1]).toBeInstanceOf(Uint8Array)
    expect([...Buffer.from(dialled.frames[1] ?? '')]).toEqual([1, 2, 3])
    expect(dialled.frames[2]).toBe('')
    expect(dialled.times.toSorted((a, b) => a - b)).toEqual(dialled.times)
    expect(dialled.times[0]).toBeGreaterThanOrEqual(from)
    expect(dialled.times.at(-1)).toBeLessThanOrEqual(clock.now())
  })

  it('sends text, and nothing before it is open or after it is closed', async () => {
    const received: string[] = []
    const port = await venue((socket) => {
      socket.on('message', (data, isBinary) => {
        received.push(`${isBinary} ${data}`)
        socket.close(1000)
      })
    })
    const dialled = dial(port)
    expect(dialled.socket.send('too early')).toBe(false)
    await dialled.opened
    expect(dialled.socket.send('{"event":"subscribe"}')).toBe(true)
    await dialled.closed
    expect(dialled.socket.send('too late')).toBe(false)
    expect(received).toEqual(['false {"event":"subscribe"}'])
    expect(dialled.socket.bufferedBytes).toBe(0)
  })

  it('carries the headers and subprotocols of the target, the credentials of its URL, and its path', async () => {
    const requests: http.IncomingMessage[] = []
    const port = await venue(
      (socket, request) => {
        requests.push(request)
        socket.close(1000)
      },
      { handleProtocols: (offered) => [...offered][1] ?? false },
    )
    const dialled = dial(port, {
      url: `ws://ann:secret@127.0.0.1:${port}/a/b?c=d`,
      headers: { 'X-Key': 'k', Cookie: 'sid=1' },
      protocols: ['v1', 'v2'],
    })
    expect((await dialled.opened).protocol).toBe('v2')
    await dialled.closed
    expect(requests[0]?.url).toBe('/a/b?c=d')
    expect(requests[0]?.headers).toMatchObject({
      'x-key': 'k',
      cookie: 'sid=1',
      authorization: `Basic ${Buffer.from('ann:secret').toString('base64')}`,
    })
  })

  it('compresses only where it was told to', async () => {
    const port = await venue((socket) => socket.send('x'.repeat(5_000)), {
      perMessageDeflate: { threshold: 1 },
    })
    const plain = dial(port)
    expect((await plain.opened).extensions).toBe('')
    const packed = dial(port, {}, { perMessageDeflate: true })
    expect((await packed.opened).extensions).toBe('permessage-deflate')
    await eventually(() => expect([...plain.frames, ...packed.frames]).toHaveLength(2))
    expect(packed.frames).toEqual(plain.frames)
    for (const { socket, closed } of [plain, packed]) {
      socket.close()
      await closed
    }
  })

  it('binds to a local address', async () => {
    const peers: unknown[] = []
    const port = await venue((socket, request) => {
      peers.push(request.socket.remoteAddress)
      socket.close(1000)
    })
    await dial(port, {}, { localAddress: '127.0.0.2' }).closed
    expect(peers).toEqual(['127.0.0.2'])
  })

  it('tells pings, which it answers, and pongs, which it asked for', async () => {
    const venueHeard: string[] = []
    const port = await venue((socket) => {
      socket.on('pong', () => venueHeard.push('pong'))
      socket.on('ping', () => venueHeard.push('ping'))
      socket.ping()
    })
    const dialled = dial(port)
    dialled.socket.ping()
    await dialled.opened
    dialled.socket.ping()
    await eventually(() => expect(dialled.told.toSorted()).toEqual(['opened', 'ping', 'pong']))
    expect(venueHeard.toSorted()).toEqual(['ping', 'pong'])
    dialled.socket.close()
    await dialled.closed
  })

  it('stops reading while paused, from before it is open on, and loses nothing', async () => {
    const big = 'x'.repeat(100_000)
    const port = await venue((socket) => {
      for (let frame = 0; frame < 100; frame++) socket.send(`${frame} ${big}`)
    })
    const dialled = dial(port)
    dialled.socket.pause()
    await dialled.opened
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(dialled.frames).toEqual([])
    dialled.socket.resume()
    await eventually(() => expect(dialled.frames).toHaveLength(100))
    expect(dialled.frames.map((frame) => Number.parseInt(String(frame).slice(0, 3), 10))).toEqual([
      ...Array(100).keys(),
    ])
    dialled.socket.close()
    await dialled.closed
  })
})

describe('a connect that fails', () => {
  it('is told as refused by the port', async () => {
    const close = await dial(await closedPort()).closed
    expect(close).toMatchObject({
      code: null,
      refused: null,
      error: { code: 'connect_failed', retryable: true },
    })
    expect(close.error?.message).toMatch(
      /^cannot connect to ws:\/\/127\.0\.0\.1:\d+\/feed: connect ECONNREFUSED/,
    )
    expect(inspect(close, { depth: 9, showHidden: true })).not.toContain('hunter2')
  })

  it('is told within the deadline where the host accepts and stays silent, and hangs up', async () => {
    let hungUp = false
    const port = await tcp((socket) => void socket.resume().on('close', () => (hungUp = true)))
    const from = performance.now()
    const close = await dial(port, { timeoutMs: 150 }).closed
    expect(performance.now() - from).toBeGreaterThanOrEqual(145)
    expect(close.error).toMatchObject({
      code: 'connect_timeout',
      message: expect.stringContaining('within 150 ms'),
    })
    await eventually(() => expect(hungUp).toBe(true))
  })

  it('is told within the deadline where the host drips its answer', async () => {
    const port = await tcp((socket) => {
      socket.resume()
      const drip = setInterval(() => socket.write('H'), 10)
      socket.on('close', () => clearInterval(drip))
      socket.write('HTTP/1.1 101 Switching Protocols\r\nX-Slow: ')
    })
    const close = await dial(port, { timeoutMs: 150 }).closed
    expect(close.error).toMatchObject({ code: 'connect_timeout' })
  })

  it('is told as a refused handshake, with status and Retry-After in seconds', async () => {
    for (const [status, headers, retryAfterMs] of [
      [403, {}, null],
      [429, { 'Retry-After': '17' }, 17_000],
      [503, { 'Retry-After': '2' }, 2_000],
      [301, { Location: 'wss://elsewhere.test/' }, null],
    ] as const) {
      const close = await dial(await answering(status, headers, 'because')).closed
      expect(close.refused).toEqual({ status, retryAfterMs })
      expect(close.error).toMatchObject({ code: 'handshake_refused', context: { status } })
    }
  })

  it('reads a Retry-After that is a date against the date of the answer', async () => {
    const port = await answering(503, {
      Date: 'Tue, 01 Sep 2026 12:00:00 GMT',
      'Retry-After': 'Tue, 01 Sep 2026 12:00:45 GMT',
    })
    expect((await dial(port).closed).refused).toEqual({ status: 503, retryAfterMs: 45_000 })
  })

  it.each([
    ['hung up', (socket: Duplex) => socket.destroy()],
    ['answered in no HTTP', (socket: Duplex) => socket.end('SSH-2.0-OpenSSH\r\n')],
    [
      'answered with the wrong key',
      (socket: Duplex) => socket.end(`${SWITCHING}Sec-WebSocket-Accept: nonsense\r\n\r\n`),
    ],
    ['answered without a key', (socket: Duplex) => socket.end(`${SWITCHING}\r\n`)],
  ])('is told where the host %s', async (_what, answer) => {
    const port = await tcp((socket) => void socket.once('data', () => answer(socket)))
    const close = await dial(port).closed
    expect(close).toMatchObject({ code: null, refused: null, error: { code: 'connect_failed' } })
  })

  it('is told where the venue chose a subprotocol that was not offered', async () => {
    const port = await rawVenue(() => {}, ['Sec-WebSocket-Protocol: other'])
    const close = await dial(port, { protocols: ['v1'] }).closed
    expect(close.error?.message).toContain('invalid subprotocol')
  })

  it.each([
    [{ url: 'http://127.0.0.1:1/' }, /no WebSocket URL/],
    [{ url: 'nonsense' }, /no WebSocket URL/],
    [{ url: 'ws://127.0.0.1:1/#fragment' }, /fragment/],
    [{ headers: { 'x-bad': 'a\r\nb: c' } }, /Invalid character in header content/],
    [{ protocols: ['not a token'] }, /subprotocol/],
  ])('is told, and not thrown, where the target is wrong: %j', async (target, message) => {
    const dialled = dial(1, target)
    const close = await dialled.closed
    expect(close.error).toMatchObject({ code: 'bad_target', retryable: false })
    expect(close.error?.message).toMatch(message)
    dialled.socket.close()
    dialled.socket.terminate()
    dialled.socket.pause()
    dialled.socket.resume()
    dialled.socket.ping()
    expect(dialled.socket.bufferedBytes).toBe(0)
    expect(dialled.told).toEqual(['closed'])
  })
})

describe('TLS', () => {
  const certificate = certificateFor(['venue.test'], ['127.0.0.1'])
  const greet = (socket: WebSocket) => socket.send('private')

  it('trusts an authority that it is given', async () => {
    const port = await venue(greet, { tls: certificate })
    const dialled = dial(port, { url: `wss://127.0.0.1:${port}/` }, { tls: { ca: certificate.cert } })
    await eventually(() => expect(dialled.frames).toEqual(['private']))
    dialled.socket.close()
    await dialled.closed
  })

  it('trusts no other, and says what to do', async () => {
    const port = await venue(greet, { tls: certificate })
    const close = await dial(port, { url: `wss://127.0.0.1:${port}/` }).closed
    expect(close.error).toMatchObject({ code: 'tls_failed', message: expect.stringContaining('tls.ca') })
  })

  it('checks the name, which may be given apart from the URL', async () => {
    const port = await venue(greet, { tls: certificate })
    const wrong = { ca: certificate.cert, servername: 'other.test' }
    const close = await dial(port, { url: `wss://127.0.0.1:${port}/` }, { tls: wrong }).closed
    expect(close.error).toMatchObject({ code: 'tls_failed' })
    const right = { ca: certificate.cert, servername: 'venue.test' }
    const dialled = dial(port, { url: `wss://127.0.0.1:${port}/` }, { tls: right })
    await dialled.opened
    dialled.socket.terminate()
    await dialled.closed
  })

  it('says of a server without TLS that it has none', async () => {
    const port = await venue(greet)
    const close = await dial(port, { url: `wss://127.0.0.1:${port}/` }).closed
    expect(close.error).toMatchObject({
      code: 'tls_failed',
      message: expect.stringMatching(/answered without TLS .* reached by ws:/),
    })
  })

  it('is given up within the deadline where the host never begins it', async () => {
    const port = await tcp((socket) => void socket.resume())
    const close = await dial(port, { url: `wss://127.0.0.1:${port}/`, timeoutMs: 100 }).closed
    expect(close.error).toMatchObject({ code: 'connect_timeout' })
  })
})

describe('a venue that breaks the protocol', () => {
  const text = (bytes: Buffer, first = 0x81) => Buffer.concat([Buffer.from([first, bytes.length]), bytes])

  it('with a frame larger than the limit ends with 1009, whole or in parts', async () => {
    for (const frames of [
      Buffer.concat([Buffer.from([0x81, 126, 0x04, 0x01]), Buffer.alloc(1_025, 'x')]),
      Buffer.concat(
        Array.from({ length: 20 }, (_, part) => text(Buffer.alloc(100, 'x'), part === 0 ? 0x01 : 0x00)),
      ),
    ]) {
      const port = await breaking(frames)
      const dialled = dial(port, { maxFrameBytes: 1_024 })
      const close = await dialled.closed
      expect(close).toMatchObject({ code: 1009, error: { code: 'frame_too_large' } })
      expect(close.error?.message).toContain('maxFrameBytes (1024)')
      expect(dialled.frames).toEqual([])
    }
  })

  it('with a small frame that unpacks to a large one ends with 1009', async () => {
    const port = await venue((socket) => socket.send('x'.repeat(100_000)), {
      perMessageDeflate: { threshold: 1 },
    })
    const close = await dial(port, { maxFrameBytes: 10_000 }, { perMessageDeflate: true }).closed
    expect(close).toMatchObject({ code: 1009, error: { code: 'frame_too_large' } })
  })

  it('with compression that is broken ends with 1007', async () => {
    const broken = deflateRawSync(Buffer.from('x'.repeat(100))).fill(0xff, 1)
    const port = await breaking(text(broken, 0xc1), ['Sec-WebSocket-Extensions: permessage-deflate'])
    const close = await dial(port, {}, { perMessageDeflate: true }).closed
    expect(close).toMatchObject({ code: 1007, error: { code: 'frame_invalid' } })
  })

  it.each([
    ['text that is no UTF-8', 1007, text(Buffer.from([0xc3, 0x28]))],
    ['a reserved opcode', 1002, text(Buffer.from('x'), 0x83)],
    ['a masked frame', 1002, Buffer.from([0x81, 0x81, 0, 0, 0, 0, 0x78])],
    ['a close code that there is not', 1002, Buffer.from([0x88, 2, 0x03, 0xec])],
    ['an end without a beginning', 1002, text(Buffer.from('x'), 0x80)],
    ['compression that was not agreed on', 1002, text(Buffer.from('x'), 0xc1)],
  ])('with %s ends with %i', async (_what, code, frame) => {
    const port = await breaking(frame)
    const dialled = dial(port)
    expect(await dialled.closed).toMatchObject({
      code,
      error: { code: 'frame_invalid', context: { closeCode: code } },
    })
    expect(dialled.told).toEqual(['opened', 'closed'])
  })

  it('with frames in a million parts does not get past the frame limit', async () => {
    const part = text(Buffer.alloc(0), 0x00)
    const port = await breaking(Buffer.concat([text(Buffer.from('x'), 0x01), ...Array(100_000).fill(part)]))
    expect(await dial(port).closed).toMatchObject({ code: 1008, error: { code: 'frame_invalid' } })
  })
})

describe('the end of a connection', () => {
  it.each([1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 4000, 4999])(
    'is told with the code of the venue: %i',
    async (code) => {
      const port = await venue((socket) => socket.close(code, 'why'))
      expect(await dial(port).closed).toMatchObject({ code, reason: 'why', error: null })
    },
  )

  it('is told with 1005 where the close frame had no code, and without one where the connection was cut', async () => {
    const silent = await venue((socket) => socket.close())
    expect(await dial(silent).closed).toMatchObject({ code: 1005, refused: null, error: null })
    const cut = await venue((socket) => socket.terminate())
    expect(await dial(cut).closed).toMatchObject({ code: null, refused: null, error: null })
  })

  it('comes within about a second where the venue says goodbye and never hangs up', async () => {
    const port = await rawVenue((socket) => void socket.write(Buffer.from([0x88, 2, 0x03, 0xe8])))
    const from = performance.now()
    expect(await dial(port).closed).toMatchObject({ code: 1000 })
    expect(performance.now() - from).toBeLessThan(10_000)
  })

  it('comes within about a second where the venue never answers a close, even while paused', async () => {
    for (const paused of [false, true]) {
      const port = await rawVenue(() => {})
      const dialled = dial(port)
      await dialled.opened
      if (paused) dialled.socket.pause()
      const from = performance.now()
      dialled.socket.close(1000, 'bye')
      expect(await dialled.closed).toEqual({ code: null, reason: '', refused: null, error: null })
      expect(performance.now() - from).toBeGreaterThan(900)
      expect(performance.now() - from).toBeLessThan(10_000)
    }
  })

  it('is polite where it can be, with the code and as much of the reason as fits', async () => {
    const heard: string[] = []
    const port = await venue((socket) =>
      socket.on('close', (code, reason) => heard.push(`${code} ${reason}`)),
    )
    const dialled = dial(port)
    await dialled.opened
    dialled.socket.close(4001, 'ü'.repeat(100))
    expect(await dialled.closed).toMatchObject({ code: 4001 })
    await eventually(() => expect(heard).toEqual([`4001 ${'ü'.repeat(61)}`]))
  })

  it('comes also where the code is one that nobody may send', async () => {
    const port = await venue(() => {})
    const dialled = dial(port)
    await dialled.opened
    dialled.socket.close(1006)
    expect(await dialled.closed).toMatchObject({ code: null })
  })

  it('comes soon after a cut, in whatever state, and nothing comes after it', async () => {
    const port = await venue((socket) => {
      const send = setInterval(() => socket.send('tick'), 1)
      socket.on('close', () => clearInterval(send))
    })
    const connecting = dial(port)
    connecting.socket.terminate()
    expect(await connecting.closed).toEqual({ code: null, reason: '', refused: null, error: null })
    expect(connecting.told).toEqual(['closed'])
    const closing = dial(port)
    closing.socket.close()
    await closing.closed
    expect(closing.told).toEqual(['closed'])
    const open = dial(port)
    await eventually(() => expect(open.frames.length).toBeGreaterThan(3))
    open.socket.pause()
    await new Promise((resolve) => setTimeout(resolve, 20))
    const frames = open.frames.length
    open.socket.terminate()
    await open.closed
    open.socket.terminate()
    open.socket.close()
    open.socket.ping()
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(open.frames).toHaveLength(frames)
    expect(open.told.at(-1)).toBe('closed')
  })

  it('comes once for each of fifty dials that end in every way, and leaves nothing behind', async () => {
    const good = await venue((socket) => socket.send('tick'))
    const bad = await answering(503)
    const silent = await tcp((socket) => void socket.resume())
    const all = Array.from({ length: 50 }, (_, number) =>
      dial([good, bad, silent, 1][number % 4] ?? 1, { timeoutMs: 100 }),
    )
    await Promise.race([all[0]?.opened, all[0]?.closed])
    for (const { socket } of all) socket.terminate()
    await Promise.all(all.map(({ closed }) => closed))
    expect(all.flatMap(({ told }) => told.filter((what) => what === 'closed'))).toHaveLength(50)
  })
})

describe('hooks', () => {
  it('takes the agent of the user, also by URL', async () => {
    const server = http.createServer()
    const urls: string[] = []
    const agent = new http.Agent()
    const port = await venue((socket) => socket.close(1000))
    for (const hook of [
      agent,
      (url: URL) => {
        urls.push(url.pathname)
        return agent
      },
    ]) {
      const seen: unknown[] = []
      const create = agent.createConnection.bind(agent)
      agent.createConnection = (options, callback) => {
        seen.push(options.port)
        return create(options, callback)
      }
      expect(await dial(port, {}, { agent: hook, proxy: 'http://127.0.0.1:1' }).closed).toMatchObject({
        code: 1000,
      })
      expect(seen).toHaveLength(1)
      agent.createConnection = create
    }
    expect(urls).toEqual(['/feed'])
    await listen(server)
  })

  it('takes another WebSocket, and outlives one that cannot be made', async () => {
    const port = await venue((socket) => socket.close(1000))
    class Other extends WebSocket {}
    const made: WebSocket[] = []
    const dialled = dial(
      port,
      {},
      {
        createWebSocket: (url, protocols, options) => {
          const socket = new Other(url, protocols, options)
          made.push(socket)
          return socket
        },
      },
    )
    expect(await dialled.closed).toMatchObject({ code: 1000 })
    expect(made[0]).toBeInstanceOf(Other)
    const deaf = await rawVenue(() => {})
    const patient = dial(
      deaf,
      {},
      {
        createWebSocket: (url, protocols, { closeTimeout: _ours, ...options }) =>
          new Other(url, protocols, options),
      },
    )
    await patient.opened
    patient.socket.close()
    await patient.closed
    const broken = dial(
      port,
      {},
      {
        createWebSocket: () => {
          throw new Error('not today')
        },
      },
    )
    expect((await broken.closed).error?.message).toContain('not today')
  })
})

/** Writes the bytes, and hangs up when the client has had its say. */
function breaking(bytes: Buffer, headers: readonly string[] = []): Promise<number> {
  return rawVenue((socket) => {
    socket.once('data', () => socket.end())
    socket.write(bytes)
  }, headers)
}

const SWITCHING = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n'
