import * as http from 'node:http'
import { createServer as tlsServer } from 'node:tls'
import { describe, expect, it } from 'vitest'
import { nodeNetwork } from '../../../src/socket/node-network.js'
import { certificateFor } from './certificate.js'
import {
  closedPort,
  connectProxy,
  countingClock,
  Dialled,
  eventually,
  type LocalProxy,
  leavingNothingOpen,
  listen,
  type ProxyOptions,
  socksProxy,
  tcp,
} from './servers.js'

const clock = countingClock()
const certificate = certificateFor(['venue.test'], ['127.0.0.1'])
const tls = { ca: certificate.cert }
const names = { 'venue.test': '127.0.0.1' }
leavingNothingOpen(clock)

type Options = Omit<Parameters<typeof nodeNetwork>[0], 'clock'>

function dial(url: string, options: Options = {}, more: object = {}): Dialled {
  return new Dialled(nodeNetwork({ clock, proxy: null, ...options }).dial, { url, ...more })
}

function text({ frames }: Dialled): string {
  return Buffer.concat(frames.map((frame) => Buffer.from(frame))).toString()
}

const echo = () => tcp((socket) => socket.on('data', (data) => socket.write(`re ${data}`)))

describe('a bare connection', () => {
  it('carries bytes both ways, and ends politely from either side', async () => {
    const port = await echo()
    const dialled = dial(`tcp://127.0.0.1:${port}`)
    expect(await dialled.opened).toEqual({ status: 0, headers: {}, protocol: '', extensions: '' })
    expect(dialled.socket.send(new Uint8Array([104, 105]))).toBe(true)
    await eventually(() => expect(text(dialled)).toBe('re hi'))
    dialled.socket.close()
    expect(await dialled.closed).toEqual({ code: null, reason: '', refused: null, error: null })
    const ending = await tcp((socket) => socket.end('bye'))
    const ended = dial(`tcp://127.0.0.1:${ending}`)
    expect(await ended.closed).toMatchObject({ error: null })
    expect(text(ended)).toBe('bye')
  })

  it('says why there is none, and within its deadline', async () => {
    const port = await closedPort()
    expect((await dial(`tcp://127.0.0.1:${port}`).closed).error).toMatchObject({ code: 'connect_failed' })
    const silent = await tcp(() => {})
    const late = dial(`tls://127.0.0.1:${silent}`, { tls }, { timeoutMs: 50 })
    expect((await late.closed).error).toMatchObject({ code: 'connect_timeout' })
  })

  it.each<[string, (options?: ProxyOptions) => Promise<LocalProxy>]>([
    ['http', connectProxy],
    ['socks5h', socksProxy],
  ])('goes through a proxy of kind %s, over TLS too, and says where that refuses', async (kind, start) => {
    const port = await listen(tlsServer(certificate, (socket) => socket.on('error', () => {}).pipe(socket)))
    const proxy = await start({ names, user: 'ann', password: 'hunter2' })
    const via = `${kind}://ann:hunter2@127.0.0.1:${proxy.port}`
    const dialled = dial(`tls://venue.test:${port}`, { proxy: via, tls })
    await dialled.opened
    dialled.socket.send('over TLS')
    await eventually(() => expect(text(dialled)).toBe('over TLS'))
    expect(proxy.asked).toEqual([`venue.test:${port}`])
    dialled.socket.terminate()
    await dialled.closed
    const refused = dial(`tcp://venue.test:${port}`, { proxy: via.replace('hunter2', 'wrong') })
    const { error } = await refused.closed
    expect(error).toMatchObject({ code: expect.stringMatching(/^proxy_(refused|failed)$/) })
    expect(`${error}`).not.toContain('wrong')
  })
})

describe('a response that is read as it comes', () => {
  it('brings its status, headers and chunks, sends method, headers and body, and is held back by a pause', async () => {
    const asked: unknown[] = []
    let say: (text: string) => void = () => {}
    const port = await listen(
      http.createServer((request, response) => {
        const { method, url, headers } = request
        request.on('data', (data) => asked.push(`${data}`))
        asked.push(`${method} ${url} ${headers['accept']} ${headers['accept-encoding']}`)
        response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders()
        say = (chunk) => response.write(chunk)
        request.on('end', () => say('data: 1\n\n'))
      }),
    )
    const dialled = dial(
      `http://127.0.0.1:${port}/events`,
      {},
      { headers: { accept: 'text/event-stream' }, http: { method: 'POST', body: 'query' } },
    )
    expect(await dialled.opened).toMatchObject({
      status: 200,
      headers: { 'content-type': 'text/event-stream' },
    })
    await eventually(() => expect(text(dialled)).toBe('data: 1\n\n'))
    expect(asked).toEqual(['POST /events text/event-stream identity', 'query'])
    expect(dialled.socket.send('x')).toBe(false)
    dialled.socket.pause()
    say('data: 2\n\n')
    dialled.socket.resume()
    await eventually(() => expect(text(dialled)).toBe('data: 1\n\ndata: 2\n\n'))
    dialled.socket.close()
    expect(await dialled.closed).toMatchObject({ error: null })
  })

  it('opens with whatever status the server answers, and ends when it is cut', async () => {
    const port = await listen(
      http.createServer((_request, response) => {
        response.writeHead(503).write('busy')
        setImmediate(() => response.destroy())
      }),
    )
    const dialled = dial(`http://127.0.0.1:${port}/`)
    expect(await dialled.opened).toMatchObject({ status: 503 })
    expect((await dialled.closed).error).toMatchObject({ code: 'connection_lost' })
  })
})
