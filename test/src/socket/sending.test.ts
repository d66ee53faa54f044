import { describe, expect, it } from 'vitest'
import type { WebSocket } from 'ws'
import { MqttServer } from '../../../simulators/protocols/index.js'
import {
  classicSignalR,
  jsonRpc,
  mqtt,
  pusher,
  signalR,
  socketIo,
  wamp,
} from '../../../src/protocols/index.js'
import { serveSimulator } from '../../../src/simulator/index.js'
import { openSocket } from '../../../src/socket/index.js'
import { closedPort, eventually, leavingNothingOpen, rawVenue, venue } from './servers.js'

leavingNothingOpen()

const quick = { baseMs: 10, capMs: 50 }

/** A server that answers `{"id":n}` with `{"re":n}`, in reverse order of two. */
function answeringServer(): Promise<number> {
  return venue((socket) => {
    const asked: string[] = []
    socket.on('message', (data) => {
      asked.push(`${data}`.replace('id', 're'))
      if (asked.length === 2) for (const answer of asked.splice(0).reverse()) socket.send(answer)
    })
  })
}

describe('a message that is sent while there is no connection', () => {
  it('is dropped by default, and `send` says so', async () => {
    const got: string[] = []
    const port = await venue((socket) => socket.on('message', (data) => got.push(`${data}`)))
    await using socket = openSocket(`ws://127.0.0.1:${port}/`)
    expect(socket.send('too early')).toBe(false)
    await socket.ready()
    expect(socket.send('in time')).toBe(true)
    await eventually(() => expect(got).toEqual(['in time']))
    expect(socket.stats).toMatchObject({ refusedSends: 1, held: 0 })
  })

  it('throws with `fail`, then and where the network takes no more', async () => {
    const port = await venue((socket) => socket.pause())
    await using socket = openSocket(`ws://127.0.0.1:${port}/`, {
      whileDisconnected: 'fail',
      maxBufferedBytes: 1_000_000,
    })
    expect(() => socket.send('x')).toThrow(expect.objectContaining({ code: 'not_connected' }))
    await socket.ready()
    const much = 'x'.repeat(500_000)
    const flood = () => {
      for (let sent = 0; sent < 200; sent++) socket.send(much)
    }
    expect(flood).toThrow(expect.objectContaining({ code: 'send_buffer_full' }))
    expect(socket.stats.bufferedBytes).toBeLessThanOrEqual(1_100_000)
  })

  it('is held with `hold`, and sent in order after what the program sends at the connect', async () => {
    const got: string[] = []
    const sockets: WebSocket[] = []
    const port = await venue((socket) => {
      sockets.push(socket)
      socket.on('message', (data) => got.push(`${data}`))
    })
    await using socket = openSocket(`ws://127.0.0.1:${port}/`, {
      whileDisconnected: { hold: true, maxMessages: 3 },
      reconnect: quick,
      on: { connect: () => socket.send('on connect') },
    })
    expect(['a', 'b', 'c'].map((text) => socket.send(text))).toEqual([true, true, true])
    expect(socket.stats.held).toBe(3)
    expect(socket.send('d')).toBe(false)
    await eventually(() => expect(got).toEqual(['on connect', 'a', 'b', 'c']))
    const cut = new Promise((resolve) => socket.on('disconnect', resolve))
    sockets[0]?.terminate()
    // The state lasts for milliseconds: what is sent is sent where the end is seen.
    await cut
    socket.send('after the cut')
    await eventually(() => expect(got.slice(4)).toEqual(['on connect', 'after the cut']))
  })

  it('expires: it is not sent later, and an error says how many', async () => {
    const port = await closedPort()
    const errors: string[] = []
    await using socket = openSocket(`ws://127.0.0.1:${port}/`, {
      whileDisconnected: { hold: true, expireMs: 60_000 },
      reconnect: { baseMs: 1_000_000, capMs: 1_000_000 },
      on: {
        error: (error) => 'code' in error && error.code === 'send_expired' && errors.push(error.message),
      },
    })
    socket.send('a', { expireMs: 20 })
    socket.send('b', { expireMs: 20 })
    socket.send('c')
    await eventually(() => expect(socket.stats).toMatchObject({ held: 1, expiredSends: 2 }))
    expect(errors.join()).toMatch(/messages? were not sent/)
  })

  it('is held within bytes', async () => {
    const port = await closedPort()
    await using socket = openSocket(`ws://127.0.0.1:${port}/`, {
      whileDisconnected: { hold: true, maxBytes: 10 },
    })
    expect([socket.send('123456'), socket.send(new Uint8Array(4)), socket.send('1')]).toEqual([
      true,
      true,
      false,
    ])
  })

  it('is held as well while the network takes no more, and then goes out whole', async () => {
    let received = 0
    let slow: WebSocket | null = null
    const port = await venue((socket) => {
      slow = socket
      socket.pause()
      socket.on('message', (data) => {
        received += `${data}`.length
      })
    })
    await using socket = openSocket(`ws://127.0.0.1:${port}/`, {
      maxBufferedBytes: 1_000_000,
      whileDisconnected: { hold: true, maxBytes: 100_000_000, maxMessages: 1_000 },
    })
    await socket.ready()
    const much = 'x'.repeat(400_000)
    for (let sent = 0; sent < 60; sent++) expect(socket.send(much)).toBe(true)
    expect(socket.stats.held).toBeGreaterThan(0)
    ;(slow as WebSocket | null)?.resume()
    await eventually(() => expect(received).toBe(60 * 400_000))
    expect(socket.stats.held).toBe(0)
  })
})

describe('a command of a protocol', () => {
  it('counts the bytes that it carries as they are, a Buffer too', async () => {
    await using server = await serveSimulator(new MqttServer(), { maxReceivedBytes: 8 * 1024 * 1024 })
    await using socket = openSocket(server.url, { protocol: mqtt() })
    await socket.ready()
    const bytes = new Uint8Array(900_000).fill(7)
    for (const payload of [bytes, Buffer.from(bytes)]) {
      expect(await socket.request({ type: 'publish', topic: 'a', payload, qos: 1 })).toBeTypeOf('number')
    }
    const held = openSocket('ws://127.0.0.1:1/', { protocol: mqtt(), whileDisconnected: { hold: true } })
    expect(held.send({ type: 'publish', topic: 'a', payload: bytes })).toBe(true)
    expect(held.send({ type: 'publish', topic: 'a', payload: bytes })).toBe(false)
    await held.close()
  })

  it('that has no JSON is refused by the protocol, with a sentence', async () => {
    const port = await venue(() => {})
    await using socket = openSocket(`ws://127.0.0.1:${port}/`, { protocol: jsonRpc() })
    await socket.ready()
    const loop: unknown[] = []
    loop.push(loop)
    for (const params of [[1n], loop]) {
      expect(() => socket.send({ type: 'notify', method: 'm', params })).toThrow(
        expect.objectContaining({ code: 'bad_command', message: expect.stringContaining('as JSON') }),
      )
    }
  })
})

describe('null', () => {
  it('is no command of any protocol, no frame and no options', async () => {
    const protocols: readonly unknown[] = [
      classicSignalR({ hubs: ['h'] }),
      jsonRpc(),
      mqtt(),
      pusher(),
      signalR(),
      socketIo(),
      wamp({ realm: 'r' }),
    ]
    for (const whileDisconnected of ['drop', { hold: true }] as const) {
      for (const protocol of [undefined, ...protocols]) {
        const options = { whileDisconnected, ...(protocol !== undefined && { protocol }) }
        await using socket = openSocket<never, unknown, unknown>('ws://127.0.0.1:1/', options as never)
        for (const nothing of [null, undefined] as never[]) {
          expect(() => socket.send(nothing)).toThrow(expect.objectContaining({ code: 'bad_command' }))
          await expect(socket.request(nothing)).rejects.toMatchObject({ code: 'bad_command' })
        }
        expect(socket.stats).toMatchObject({ held: 0, requests: 0 })
      }
    }
    for (const wrong of [null, 5, 'x'] as never[]) {
      expect(() => openSocket('ws://127.0.0.1:1/', wrong)).toThrow(
        expect.objectContaining({
          code: 'bad_option',
          message: 'openSocket: the options must be an object',
        }),
      )
    }
  })
})

describe('request', () => {
  it('gives each request the answer that its function takes, in whatever order they come', async () => {
    const port = await answeringServer()
    await using socket = openSocket(`ws://127.0.0.1:${port}/`)
    await socket.ready()
    const [one, two] = await Promise.all(
      [1, 2].map((id) => socket.request(`{"id":${id}}`, { answer: (data) => data === `{"re":${id}}` })),
    )
    expect([one, two]).toEqual(['{"re":1}', '{"re":2}'])
    expect(socket.stats.requests).toBe(0)
  })

  it('rejects when no answer comes in time, when its signal aborts, and when the connection ends', async () => {
    const sockets: WebSocket[] = []
    const port = await venue((socket) => void sockets.push(socket))
    await using socket = openSocket(`ws://127.0.0.1:${port}/`, { reconnect: quick })
    await socket.ready()
    const answer = () => false
    await expect(socket.request('a', { answer, timeoutMs: 20 })).rejects.toMatchObject({
      code: 'request_timeout',
    })
    const giving = new AbortController()
    const given = expect(socket.request('b', { answer, signal: giving.signal })).rejects.toBe('enough')
    giving.abort('enough')
    await given
    await expect(socket.request('c', { answer, signal: AbortSignal.abort('before') })).rejects.toBe('before')
    const lost = expect(socket.request('d', { answer })).rejects.toMatchObject({ code: 'connection_lost' })
    await eventually(() => expect(sockets).toHaveLength(1))
    sockets[0]?.terminate()
    await lost
    expect(socket.stats.requests).toBe(0)
  })

  it('follows the policy while there is no connection, and is bounded', async () => {
    const answer = () => true
    const down = await closedPort()
    await using dropping = openSocket(`ws://127.0.0.1:${down}/`)
    await expect(dropping.request('x', { answer })).rejects.toMatchObject({ code: 'not_connected' })
    await using holding = openSocket(`ws://127.0.0.1:${down}/`, {
      whileDisconnected: { hold: true },
      maxRequests: 1,
    })
    const held = expect(holding.request('x', { answer, timeoutMs: 100 })).rejects.toMatchObject({
      code: expect.stringMatching(/request_timeout|not_connected/),
    })
    await expect(holding.request('y', { answer })).rejects.toMatchObject({ code: 'too_many_requests' })
    await held
    expect(holding.stats).toMatchObject({ held: 0, requests: 0 })
    const port = await venue((socket) => socket.on('message', (data) => socket.send(`re ${data}`)))
    await using late = openSocket(`ws://127.0.0.1:${port}/`, { whileDisconnected: { hold: true } })
    expect(await late.request('x', { answer })).toBe('re x')
  })

  it('is refused where nothing can answer it, and rejected by `close`', async () => {
    const port = await venue(() => {})
    const socket = openSocket(`ws://127.0.0.1:${port}/`)
    await socket.ready()
    await expect(socket.request('x')).rejects.toMatchObject({ code: 'no_answer' })
    const pending = expect(socket.request('x', { answer: () => false })).rejects.toMatchObject({
      code: 'socket_closed',
    })
    await socket.close()
    await pending
    await expect(socket.request('x', { answer: () => true })).rejects.toMatchObject({ code: 'socket_closed' })
  })
})

it('close ends a connection whose server answers nothing within two seconds', async () => {
  const port = await rawVenue((socket) => void socket.resume())
  const socket = openSocket(`ws://127.0.0.1:${port}/`)
  await socket.ready()
  const began = performance.now()
  await socket.close()
  expect(performance.now() - began).toBeLessThan(10_000)
  expect(socket.state).toBe('closed')
})
