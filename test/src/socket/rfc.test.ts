import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { openSocket } from '../../../src/socket/index.js'
import { hasClosed, madeOf, shown } from './client-frames.js'
import { deflateCases, type Expected, frame, rfcCases } from './rfc-cases.js'
import { closeServers, holdingNoMore, rawVenue } from './servers.js'

/** What a client may read of one case: nothing of what it takes may be lost, whatever its limits. */
type Client = (url: string, message: (text: string) => void) => Promise<void>

const withOpenSocket: Client = async (url, message) => {
  const socket = openSocket(url, {
    reconnect: false,
    heartbeat: null,
    compression: true,
    on: { message: ({ data }) => message(shown(data)) },
  })
  await socket.closed
}

const withWs: Client = (url, message) =>
  new Promise((resolve) => {
    const socket = new WebSocket(url, [], { perMessageDeflate: true })
    socket.on('message', (data, binary) => message(shown(binary ? (data as Buffer) : `${data}`)))
    socket.on('error', () => {})
    socket.on('close', () => resolve())
  })

/** What a server that serves one case after the other sees of its client. */
class Server {
  url = ''
  #writes: readonly Buffer[] = []
  #received = Buffer.alloc(0)
  #gone: Promise<void> = Promise.resolve()

  async listen(headers: readonly string[] = []): Promise<void> {
    const port = await rawVenue((socket) => void this.#serve(socket), headers)
    this.url = `ws://127.0.0.1:${port}/`
  }

  async observe(client: Client, writes: readonly Buffer[]): Promise<Expected> {
    this.#writes = writes
    this.#received = Buffer.alloc(0)
    const messages: string[] = []
    await client(this.url, (text) => messages.push(text))
    await this.#gone
    return { messages, ...madeOf(this.#received) }
  }

  async #serve(socket: Duplex): Promise<void> {
    ;(socket as Socket).setNoDelay(true)
    this.#gone = new Promise((resolve) => socket.on('close', () => resolve()))
    socket.on('data', (data: Buffer) => {
      this.#received = Buffer.concat([this.#received, data])
      if (hasClosed(this.#received)) socket.end()
    })
    for (const write of this.#writes) {
      if (socket.destroyed) return
      socket.write(write)
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
}

const server = new Server()
const deflating = new Server()
const nothingLeft = holdingNoMore()
beforeAll(async () => {
  await server.listen()
  await deflating.listen(['Sec-WebSocket-Extensions: permessage-deflate'])
})
afterAll(async () => {
  await closeServers()
  await nothingLeft()
})

describe.each([
  ['openSocket', withOpenSocket],
  ['ws by itself', withWs],
])('%s keeps RFC 6455', (_name, client) => {
  it.each(rfcCases.map((each) => [each.name, each] as const))('%s', async (_case, { writes, expected }) => {
    expect(await server.observe(client, writes)).toEqual(expected)
  })
})

describe.each([
  ['openSocket', withOpenSocket],
  ['ws by itself', withWs],
])('%s keeps RFC 7692', (_name, client) => {
  it.each(deflateCases.map((each) => [each.name, each] as const))(
    '%s',
    async (_case, { writes, expected }) => {
      expect(await deflating.observe(client, writes)).toEqual(expected)
    },
  )
})

describe('what openSocket does otherwise than ws, on purpose', () => {
  it('takes no message beyond maxFrameBytes, 16 MiB by default; ws takes 100 MiB', async () => {
    const text = '*'.repeat(17 * 1024 * 1024)
    const writes = [frame(1, text), frame(8, Buffer.of(0x03, 0xe8))]
    expect(await server.observe(withOpenSocket, writes)).toMatchObject({ messages: [], close: 1009 })
    const { messages, close } = await server.observe(withWs, writes)
    expect([messages.map(({ length }) => length), close]).toEqual([[text.length], 1000])
  })
})
