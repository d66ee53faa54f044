import { describe, expect, it } from 'vitest'
import type { WebSocket } from 'ws'
import { openSocket } from '../../../src/socket/index.js'
import { eventually, leavingNothingOpen, venue } from './servers.js'

leavingNothingOpen()

/** A server that sends the numbers from 0, each as a frame, when it is told how many. */
function counting(size = 0): Promise<number> {
  return venue((socket) => {
    socket.on('message', (data) => {
      for (let n = 0; n < Number(`${data}`); n++) socket.send(`${n}`.padEnd(size, ' '))
    })
  })
}

describe('the iteration of a socket', () => {
  it('gives the first reader what came before it, and every reader everything from then on', async () => {
    const port = await counting()
    await using socket = openSocket(`ws://127.0.0.1:${port}/`)
    await socket.ready()
    socket.send('3')
    await eventually(() => expect(socket.stats.messages).toBe(3))
    const first: unknown[] = []
    for await (const { data } of socket) if (first.push(data) === 3) break
    expect(first).toEqual(['0', '1', '2'])
    const [a, b] = [socket[Symbol.asyncIterator](), socket[Symbol.asyncIterator]()]
    socket.send('1')
    expect((await Promise.all([a.next(), b.next()])).map(({ value }) => value?.data)).toEqual(['0', '0'])
  })

  it('drops the oldest of what nobody reads, and goes on noticing the end of a connection', async () => {
    const sockets: WebSocket[] = []
    const port = await venue((socket) => {
      sockets.push(socket)
      for (let n = 0; n < 100; n++) socket.send(`${n}`)
    })
    await using socket = openSocket(`ws://127.0.0.1:${port}/`, {
      queue: { limit: 10 },
      reconnect: { baseMs: 10 },
    })
    await eventually(() => expect(socket.stats.droppedMessages).toBe(90))
    sockets[0]?.terminate()
    await eventually(() => expect(socket.stats.connects).toBe(2))
    await eventually(() => expect(socket.stats.droppedMessages).toBe(190))
    for await (const { data, connection } of socket) {
      expect([data, connection]).toEqual(['90', 2])
      break
    }
  })

  it('holds the sender back while its reader is behind, and loses nothing', async () => {
    const port = await counting(1_000)
    await using socket = openSocket(`ws://127.0.0.1:${port}/`, { queue: { limit: 100 } })
    const reader = socket[Symbol.asyncIterator]()
    await socket.ready()
    socket.send('20000')
    await eventually(() => expect(socket.stats.messages).toBeGreaterThan(100))
    const seen = socket.stats.messages
    await new Promise((resolve) => setImmediate(resolve))
    expect(seen).toBeLessThan(20_000)
    for (let n = 0; n < 20_000; n++) expect(Number((await reader.next()).value?.data)).toBe(n)
    expect(socket.stats.droppedMessages).toBe(0)
  })

  it.each([
    ['items', { limit: 50 }, 0],
    ['bytes', { maxBytes: 50_000 }, 1_000],
  ])(
    'is bounded in %s: `drop-oldest` counts, `error` fails that iteration alone',
    async (_what, bounds, size) => {
      const port = await counting(size)
      await using dropping = openSocket(`ws://127.0.0.1:${port}/`, {
        queue: { ...bounds, policy: 'drop-oldest' },
      })
      const reader = dropping[Symbol.asyncIterator]()
      await dropping.ready()
      dropping.send('200')
      await eventually(() => expect(dropping.stats.messages).toBe(200))
      expect(dropping.stats.droppedMessages).toBe(150)
      expect(Number((await reader.next()).value?.data)).toBe(150)
      await using failing = openSocket(`ws://127.0.0.1:${port}/`, { queue: { ...bounds, policy: 'error' } })
      const slow = failing[Symbol.asyncIterator]()
      await failing.ready()
      failing.send('200')
      await eventually(() => expect(failing.stats.messages).toBe(200))
      await expect(slow.next()).rejects.toMatchObject({ code: 'queue_overflow' })
      expect(await slow.next()).toEqual({ value: undefined, done: true })
      expect(failing.state).toBe('open')
    },
  )

  it('keeps copies of bytes: what is kept pins no chunk of the network', async () => {
    const port = await venue((socket) => {
      for (let n = 0; n < 10; n++) socket.send(new Uint8Array([n]))
    })
    await using socket = openSocket(`ws://127.0.0.1:${port}/`)
    let n = 0
    for await (const { data } of socket) {
      if (typeof data === 'string') throw new Error('text')
      expect([...data]).toEqual([n])
      expect(data.buffer.byteLength).toBe(1)
      if (++n === 10) break
    }
  })

  it('pauses and resumes as the program wants', async () => {
    const port = await counting()
    const got: string[] = []
    await using socket = openSocket(`ws://127.0.0.1:${port}/`, {
      on: { message: ({ data }) => got.push(`${data}`) },
    })
    await socket.ready()
    socket.pause()
    socket.send('5')
    socket.resume()
    await eventually(() => expect(got).toHaveLength(5))
  })
})
