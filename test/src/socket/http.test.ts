import * as http from 'node:http'
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import type { HttpRequest } from '../../../src/connector.js'
import { nodeHttp } from '../../../src/socket/http.js'
import {
  answering,
  closedPort,
  countingClock,
  eventually,
  leavingNothingOpen,
  listen,
  tcp,
} from './servers.js'

const clock = countingClock()
const send = nodeHttp({ clock })
leavingNothingOpen(clock)

function get(port: number, options: { timeoutMs?: number; maxBytes?: number; signal?: AbortSignal } = {}) {
  const request: HttpRequest = { id: 'list', method: 'GET', url: `http://127.0.0.1:${port}/x?key=hunter2` }
  return send(request, { timeoutMs: 5_000, maxBytes: 100_000, ...options })
}

describe('an HTTP exchange', () => {
  it('carries method, path, headers and body, and says who asks', async () => {
    let seen: http.IncomingMessage | null = null
    let body = ''
    const port = await listen(
      http.createServer(async (request, response) => {
        seen = request
        for await (const chunk of request) body += chunk
        response.writeHead(201, { 'X-Answer': 'yes', 'Set-Cookie': ['a=1', 'b=2'] }).end('grüezi')
      }),
    )
    const answer = await send(
      {
        id: 'order',
        method: 'POST',
        url: `http://127.0.0.1:${port}/a?b=c`,
        headers: { 'X-Key': 'k' },
        body: '{"ü":1}',
      },
      { timeoutMs: 5_000, maxBytes: 1_000 },
    )
    expect(answer).toMatchObject({
      id: 'order',
      url: `http://127.0.0.1:${port}/a?b=c`,
      status: 201,
      body: 'grüezi',
    })
    expect(answer.headers).toMatchObject({ 'x-answer': 'yes', 'set-cookie': 'a=1, b=2' })
    expect(seen).toMatchObject({
      method: 'POST',
      url: '/a?b=c',
      headers: { 'x-key': 'k', 'user-agent': 'tapewire', 'content-length': '8' },
    })
    expect(body).toBe('{"ü":1}')
  })

  it.each([
    ['gzip', gzipSync],
    ['br', brotliCompressSync],
    ['deflate', deflateSync],
    ['deflate', deflateRawSync],
    ['GZIP', gzipSync],
  ])('undoes %s', async (encoding, pack) => {
    const text = 'market '.repeat(1_000)
    const port = await listen(
      http.createServer((request, response) => {
        expect(request.headers['accept-encoding']).toContain('gzip')
        response.writeHead(200, { 'Content-Encoding': encoding }).end(pack(Buffer.from(text)))
      }),
    )
    expect(await get(port)).toMatchObject({ status: 200, body: text })
  })

  it('hands every status as the answer that it is, redirects too', async () => {
    for (const [status, headers] of [
      [429, { 'Retry-After': '3' }],
      [500, {}],
      [302, { Location: 'http://elsewhere.test/' }],
      [204, {}],
    ] as const) {
      expect(await get(await answering(status, headers, ''))).toMatchObject({ status, body: '' })
    }
  })

  it('drops a byte order mark, which no JSON reader wants', async () => {
    expect((await get(await answering(200, {}, '\uFEFF{}'))).body).toBe('{}')
  })
})

describe('an exchange that fails is an answer with status 0 that says why, without the query', () => {
  it('where nothing listens', async () => {
    const answer = await get(await closedPort())
    expect(answer).toMatchObject({ id: 'list', status: 0, headers: {} })
    expect(answer.body).toMatch(/^cannot connect to http:\/\/127\.0\.0\.1:\d+\/x: connect ECONNREFUSED/)
    expect(answer.body).not.toContain('hunter2')
  })

  it.each([
    ['never answers', () => {}],
    ['stops in the middle', (response: http.ServerResponse) => void response.writeHead(200).write('half')],
  ])('where the venue %s', async (_what, answer) => {
    let hungUp = false
    const port = await listen(
      http.createServer((request, response) => {
        request.socket.on('close', () => {
          hungUp = true
        })
        answer(response)
      }),
    )
    const failed = await get(port, { timeoutMs: 100 })
    expect(failed).toMatchObject({ status: 0, body: expect.stringContaining('did not answer within 100 ms') })
    await eventually(() => expect(hungUp).toBe(true))
  })

  it('where the line is cut, before or within the answer', async () => {
    const before = await tcp((socket) => void socket.once('data', () => socket.destroy()))
    expect(await get(before)).toMatchObject({ status: 0, body: expect.stringContaining('socket hang up') })
    const within = await tcp((socket) => {
      socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf'))
    })
    expect(await get(within)).toMatchObject({ status: 0, body: expect.stringContaining('was cut off') })
  })

  it('where it is larger than the limit, packed or unpacked', async () => {
    const large = Buffer.alloc(200_000, 'x')
    expect((await get(await answering(200, {}, large.toString()))).body).toContain('larger than 100000 bytes')
    for (const [encoding, packed] of [
      ['gzip', gzipSync(large)],
      ['br', brotliCompressSync(large)],
      ['deflate', deflateRawSync(large)],
    ] as const) {
      const port = await listen(
        http.createServer((_request, response) => {
          response.writeHead(200, { 'Content-Encoding': encoding }).end(packed)
        }),
      )
      expect(await get(port)).toMatchObject({
        status: 0,
        body: expect.stringContaining('larger than 100000 bytes'),
      })
    }
  })

  it('where it cannot be unpacked', async () => {
    const broken = await get(await answering(200, { 'Content-Encoding': 'gzip' }, 'no gzip'))
    expect(broken).toMatchObject({ status: 0, body: expect.stringContaining('cannot be unpacked') })
    const unknown = await get(await answering(200, { 'Content-Encoding': 'zstd' }, 'x'))
    expect(unknown).toMatchObject({
      status: 0,
      body: expect.stringContaining('zstd, which was not asked for'),
    })
  })

  it('where it was cancelled, before or while it ran', async () => {
    expect(await get(1, { signal: AbortSignal.abort() })).toMatchObject({
      status: 0,
      body: expect.stringContaining('was cancelled'),
    })
    const controller = new AbortController()
    const port = await listen(http.createServer(() => controller.abort()))
    expect(await get(port, { signal: controller.signal })).toMatchObject({
      status: 0,
      body: expect.stringContaining('was cancelled'),
    })
  })

  it.each(['ftp://127.0.0.1/', 'nonsense'])('where the URL is none: %s', async (url) => {
    const answer = await send({ id: '1', method: 'GET', url }, { timeoutMs: 1_000, maxBytes: 10 })
    expect(answer).toMatchObject({ status: 0, body: expect.stringContaining('is no HTTP URL') })
  })

  it('where a header cannot be sent', async () => {
    const answer = await send(
      { id: '1', method: 'GET', url: 'http://127.0.0.1:1/', headers: { 'x-bad': 'a\r\nb' } },
      { timeoutMs: 1_000, maxBytes: 10 },
    )
    expect(answer).toMatchObject({ status: 0, body: expect.stringContaining('Invalid character') })
  })
})
