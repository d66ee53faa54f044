import { createHash, X509Certificate } from 'node:crypto'
import { deflateRawSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { openSocket } from '../../../src/socket/index.js'
import { certificateFor } from './certificate.js'
import { eventually, leavingNothingOpen, rawVenue, venue } from './servers.js'

leavingNothingOpen()

const EXTENSION = 'Sec-WebSocket-Extensions: permessage-deflate'

/** One frame of a server. RSV1 says that it is compressed. */
function frame(payload: Uint8Array, { opcode = 1, fin = true, rsv1 = false } = {}): Buffer {
  const head = Buffer.alloc(payload.length < 126 ? 2 : payload.length < 65_536 ? 4 : 10)
  head[0] = (fin ? 0x80 : 0) | (rsv1 ? 0x40 : 0) | opcode
  if (payload.length < 126) head[1] = payload.length
  else if (payload.length < 65_536) {
    head[1] = 126
    head.writeUInt16BE(payload.length, 2)
  } else {
    head[1] = 127
    head.writeBigUInt64BE(BigInt(payload.length), 2)
  }
  return Buffer.concat([head, payload])
}

/** RFC 7692 §7.2.1: raw deflate without the last four bytes of a sync flush. */
function compressed(text: string | Buffer): Buffer {
  const bytes = deflateRawSync(text, { finishFlush: 2 })
  return bytes.subarray(0, bytes.length - 4)
}

/** What a socket with these options gets of a server that writes these bytes after the handshake. */
async function outcome(bytes: Buffer, options: object = {}, extension = EXTENSION) {
  const port = await rawVenue((socket) => void socket.write(bytes), extension === '' ? [] : [extension])
  const messages: unknown[] = []
  const ended = new Promise<{ code: unknown; cause: unknown }>((resolve) => {
    const socket = openSocket(`ws://127.0.0.1:${port}/`, {
      compression: true,
      reconnect: false,
      ...options,
      on: {
        message: ({ data }) => {
          messages.push(data)
          void socket.close().then(() => resolve({ code: null, cause: 'read' }))
        },
        disconnect: ({ code, cause }) => resolve({ code, cause }),
        error: (error) =>
          'code' in error && error.code === 'handshake_refused' && resolve({ code: null, cause: error.code }),
      },
    })
    void socket.closed.then(() => resolve({ code: null, cause: 'closed' }))
  })
  return { ...(await ended), messages }
}

describe('permessage-deflate', () => {
  it('is not offered by default, and offered with `compression: true`', async () => {
    const offered: unknown[] = []
    const port = await venue((_socket, { headers }) => void offered.push(headers['sec-websocket-extensions']))
    for (const compression of [false, true]) {
      const socket = openSocket(`ws://127.0.0.1:${port}/`, { compression })
      await socket.ready()
      await socket.close()
    }
    expect(offered).toEqual([undefined, 'permessage-deflate; client_max_window_bits'])
  })

  it.each([
    ['both sides keep their windows', true, {}],
    ['neither keeps its window', { serverNoContextTakeover: true, clientNoContextTakeover: true }, {}],
    ['small windows', { serverMaxWindowBits: 9, clientMaxWindowBits: 9 }, {}],
    ['the server insists on no window of its own', true, { serverNoContextTakeover: true }],
    ['the server insists on no window of the client', true, { clientNoContextTakeover: true }],
  ])('carries text and bytes both ways: %s', async (_what, compression, server) => {
    const port = await venue(
      (socket) => socket.on('message', (data, binary) => socket.send(data, { binary })),
      {
        perMessageDeflate: { threshold: 0, ...server },
      },
    )
    const extensions: string[] = []
    await using socket = openSocket(`ws://127.0.0.1:${port}/`, {
      compression: typeof compression === 'object' ? { threshold: 0, ...compression } : { threshold: 0 },
      on: { handshake: (event) => extensions.push(event.extensions) },
    })
    await socket.ready()
    expect(extensions[0]).toMatch(/^permessage-deflate/)
    const reader = socket[Symbol.asyncIterator]()
    const sent = ['', 'a', 'ä€😀'.repeat(1_000), '{"x":1}'.repeat(20_000), new Uint8Array(70_000).fill(7)]
    for (const data of sent) socket.send(data)
    for (const data of sent) expect((await reader.next()).value?.data).toEqual(data)
  })

  it('stops a bomb at maxFrameBytes, wherever in the message it goes off', async () => {
    const bomb = compressed(Buffer.alloc(64_000_000))
    expect(bomb.length).toBeLessThan(70_000)
    const before = process.memoryUsage().rss
    expect(await outcome(frame(bomb, { rsv1: true }), { maxFrameBytes: 1_000_000 })).toMatchObject({
      code: 1009,
      cause: 'invalid',
      messages: [],
    })
    const halves = [
      frame(bomb.subarray(0, 100), { rsv1: true, fin: false, opcode: 2 }),
      frame(bomb.subarray(100), { opcode: 0 }),
    ]
    expect(await outcome(Buffer.concat(halves), { maxFrameBytes: 1_000_000 })).toMatchObject({ code: 1009 })
    expect(process.memoryUsage().rss - before).toBeLessThan(60_000_000)
    expect(
      (await outcome(frame(compressed('x'.repeat(1_000)), { rsv1: true }), { maxFrameBytes: 1_000 }))
        .messages,
    ).toEqual(['x'.repeat(1_000)])
  })

  it.each<[string, Buffer, number, string?]>([
    ['a compressed frame that was not agreed on', frame(compressed('x'), { rsv1: true }), 1002, ''],
    ['bytes that are no deflate', frame(Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff]), { rsv1: true }), 1007],
    ['compressed text that is no UTF-8', frame(compressed(Buffer.from([0xc3, 0x28])), { rsv1: true }), 1007],
    ['a compressed control frame', frame(compressed('x'), { rsv1: true, opcode: 9 }), 1002],
    [
      'RSV1 on a continuation',
      Buffer.concat([
        frame(compressed('x'), { rsv1: true, fin: false }),
        frame(Buffer.of(0), { opcode: 0, rsv1: true }),
      ]),
      1002,
    ],
  ])('ends the connection for %s', async (_what, bytes, code, extension) => {
    expect(await outcome(bytes, {}, extension)).toMatchObject({ code, cause: 'invalid', messages: [] })
  })

  it.each([
    'permessage-deflate; server_max_window_bits=7',
    'permessage-deflate; unknown',
    'x-webkit-deflate-frame',
  ])('does not open on an answer that was not offered: %s', async (extension) => {
    const { cause, messages } = await outcome(
      frame(Buffer.from('x')),
      {},
      `Sec-WebSocket-Extensions: ${extension}`,
    )
    expect(['closed', 'handshake_refused']).toContain(cause)
    expect(messages).toEqual([])
  })

  it('reads an empty compressed message, and one that is not compressed among those that are', async () => {
    expect((await outcome(frame(Buffer.of(0), { rsv1: true }))).messages).toEqual([''])
    expect((await outcome(frame(Buffer.from('plain')))).messages).toEqual(['plain'])
  })
})

describe('a pinned key', () => {
  const certificate = certificateFor(['venue.test'], ['127.0.0.1'])
  const key = new X509Certificate(certificate.cert).publicKey.export({ type: 'spki', format: 'der' })
  const pin = `sha256/${createHash('sha256').update(key).digest('base64')}`
  const other = `sha256/${createHash('sha256').update('another').digest('base64')}`

  it('is trusted, another is not, however valid its certificate', async () => {
    const port = await venue(() => {}, { tls: certificate })
    const url = `wss://127.0.0.1:${port}/`
    await using pinned = openSocket(url, { tls: { ca: certificate.cert, pins: [other, pin] } })
    await pinned.ready()
    const errors: string[] = []
    await using wrong = openSocket(url, {
      tls: { ca: certificate.cert, pins: [other] },
      on: { error: ({ message }) => errors.push(message) },
    })
    await eventually(() => expect(errors[0]).toContain(`its public key is ${pin}, which is not pinned`))
    expect(wrong.state).not.toBe('open')
    await using unknown = openSocket(url, {
      tls: { pins: [pin] },
      on: { error: ({ message }) => errors.push(message) },
    })
    await eventually(() => expect(errors.join()).toMatch(/SELF_SIGNED/))
    expect(unknown.state).not.toBe('open')
  })

  it('is refused at the door where it is none, or where nothing is checked', () => {
    expect(() => openSocket('wss://venue.test/', { tls: { pins: ['abc'] } })).toThrow(
      /tls\.pins must be a list/,
    )
    expect(() =>
      openSocket('wss://venue.test/', { tls: { pins: [pin], rejectUnauthorized: false } }),
    ).toThrow(/tls\.pins checks nothing/)
  })
})
