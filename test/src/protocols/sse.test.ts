import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { SseServer } from '../../../simulators/protocols/sse.js'
import { type SseOptions, sse } from '../../../src/protocols/sse/index.js'
import { SeededRandom, serveSimulator, withFaults } from '../../../src/simulator/index.js'
import { LiveCodec } from './live-codec.js'
import { ScriptedCodec } from './scripted-codec.js'

const STREAM = { status: 200, headers: { 'content-type': 'text/event-stream;charset=utf-8' } }
const make = (options?: SseOptions) => new ScriptedCodec(sse(options)).connect('https://host/stream')
const bytes = (text: string) => new TextEncoder().encode(text)

test('the request says what is wanted, and where to go on', () => {
  const script = make().open(STREAM)
  expect(script.dialled).toMatchObject([
    {
      transport: 'http',
      method: 'GET',
      headers: { accept: 'text/event-stream', 'cache-control': 'no-cache' },
    },
  ])
  script.frame(bytes('retry: 500\nid: 7\ndata: a\n\nid: 8\ndata: unfinished\n'))
  expect(script.closed()).toEqual({ retry: 'backoff', afterMs: 500, planned: true })
  script.connect('https://host/stream')
  expect(script.dialled[1]).toMatchObject({ headers: { 'last-event-id': '7' } })
  expect(script.messages).toEqual([{ type: 'event', event: 'message', data: 'a', id: '7' }])
})

test('events mean the same however the stream is cut', () => {
  const text =
    '\ufeffid: 7\r\nevent: t\r\ndata: a😀\r\ndata: b\r\n\r\n: ping\n\nretry: 500\rdata\rid: x\0y\r\rdata:  c\nnonsense: 1\n\nevent: lost\n\n'
  const whole = bytes(text)
  const expected = [
    { type: 'event', event: 't', data: 'a😀\nb', id: '7' },
    { type: 'event', event: 'message', data: '', id: '7' },
    { type: 'event', event: 'message', data: ' c', id: '7' },
  ]
  const read = (ends: readonly number[]) => {
    const script = make().open(STREAM)
    let at = 0
    for (const end of [...ends, whole.length]) {
      script.frame(whole.subarray(at, end))
      at = end
    }
    expect(script.closed()).toMatchObject({ afterMs: 500 })
    return script.messages
  }
  for (let cut = 0; cut <= whole.length; cut++) expect(read([cut])).toEqual(expected)
  fc.assert(
    fc.property(fc.array(fc.nat(whole.length)), (cuts) => {
      expect(read(cuts.sort((a, b) => a - b))).toEqual(expected)
    }),
  )
})

describe('an answer that is no stream', () => {
  test.each([
    [204, {}, 'never'],
    [404, {}, 'never'],
    [200, { 'content-type': 'text/html' }, 'never'],
    [503, { 'retry-after': '7' }, 'backoff'],
    [301, {}, 'never'],
  ])('%i %o leads to %s', (status, headers, retry) => {
    const script = make().open({ status, headers })
    expect(script.closes).toMatchObject([{ retry }])
    if (status === 503) expect(script.closes).toMatchObject([{ afterMs: 7_000 }])
    expect(script.readyTimes).toBe(0)
  })

  test('but a redirect is followed, without secrets where it leads to others', () => {
    const script = new ScriptedCodec(sse())
    const target = { url: 'https://host/a', headers: { authorization: 'Bearer x', 'x-own': '1' } }
    script.codec.connect(target, 1)
    script.open({ status: 307, headers: { location: '/b' } }).closed()
    script.codec.connect(target, 2)
    script.open({ status: 302, headers: { location: 'https://other/c' } }).closed()
    script.codec.connect(target, 3)
    expect(script.dialled.map((each) => ('url' in each ? each.url : ''))).toEqual([
      'https://host/a',
      'https://host/b',
      'https://other/c',
    ])
    expect(script.dialled[1]).toMatchObject({ headers: { authorization: 'Bearer x' } })
    expect(script.dialled[2]).toMatchObject({ headers: { 'x-own': '1' } })
    expect(script.dialled[2]).not.toMatchObject({ headers: { authorization: 'Bearer x' } })
    for (let hop = 0; hop < 25; hop++) {
      script.open({ status: 302, headers: { location: '/again' } }).closed()
      script.codec.connect(target, 4)
    }
    expect(script.closes.at(-1)).toMatchObject({ retry: 'never' })
  })
})

test('an event beyond its bound ends the connection, in one line or many', () => {
  for (const piece of ['x'.repeat(60), 'data: xxxxxxxxxx\n']) {
    const script = make({ maxEventCharacters: 100 }).open(STREAM)
    for (let count = 0; count < 20; count++) script.frame(bytes(piece))
    expect(script.closes).toMatchObject([{ retry: 'backoff', error: { code: 'oversize' } }])
  }
})

test('a silent stream is given up; comments are life', () => {
  const script = make({ silentAfterMs: 10_000 }).open(STREAM)
  script.pass(9_000).frame(bytes(':\n\n')).pass(9_999)
  expect(script.closes).toEqual([])
  script.pass(1)
  expect(script.closes).toMatchObject([{ error: { code: 'connection_silent' } }])
})

test('whatever comes, nothing is thrown', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.oneof(fc.uint8Array(), fc.string(), fc.constantFrom('data:', '\r', '\n', ':', 'id', 'retry:9')),
      ),
      (frames) => {
        const script = make({ maxEventCharacters: 200 }).open(STREAM)
        for (const frame of frames) script.frame(frame)
        script.closed()
      },
    ),
    { numRuns: 500 },
  )
})

test('a live stream goes on by the last id where its server ends it or is cut', async () => {
  const responses: ServerResponse[] = []
  const asked: (string | undefined)[] = []
  const http = createServer((request, response) => {
    asked.push(request.headers['last-event-id'] as string | undefined)
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.flushHeaders()
    responses.push(response)
  }).listen(0, '127.0.0.1')
  await once(http, 'listening')
  await using live = new LiveCodec(sse(), `http://127.0.0.1:${(http.address() as AddressInfo).port}/`)
  for (let n = 1; n <= 4; n++) {
    await live.until(() => live.readyTimes === n)
    const response = responses.at(-1)
    response?.write(`id: ${n}\nda`)
    response?.write(`ta: ${n}\n\nid: lost\ndata: half`)
    await live.until(() => live.messages.length === n)
    if (n % 2 === 0) response?.end()
    else response?.destroy()
    await live.until(() => !live.ready)
  }
  await live.until(() => live.readyTimes === 5)
  expect(asked).toEqual([undefined, '1', '2', '3', '4'])
  expect(live.messages.map(({ data }) => data)).toEqual(['1', '2', '3', '4'])
  await live.close()
  http.closeAllConnections()
  http.close()
})

test('through a plan of faults every event comes once and in order', async () => {
  const stream = new SseServer({ retryMs: 5 })
  const faults = [
    { fault: 'http-half', chance: 0.3, untilMs: 1_000 },
    { fault: 'http-reset', chance: 0.2, untilMs: 1_000 },
    { fault: 'http-status', chance: 0.1, status: 503, untilMs: 1_000 },
    { fault: 'venue', name: 'refused', everyMs: 100, times: 5 },
  ] as const
  await using server = await serveSimulator(
    withFaults(stream, { seed: 2, faults: [...faults] }, new SeededRandom(2)),
  )
  await using live = new LiveCodec(sse(), server.url.replace('ws', 'http'))
  for (let n = 0; n < 100; n++) {
    stream.publish(`${n}\nline`)
    if (n % 10 === 9) await live.until(() => live.messages.length === n + 1)
  }
  expect(live.messages.map(({ data }) => data)).toEqual(Array.from({ length: 100 }, (_, n) => `${n}\nline`))
})
