import { afterEach, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { dialWith } from '../../../src/socket/whatwg.js'
import {
  answering,
  closeServers,
  countingClock,
  Dialled,
  eventually,
  rawVenue,
  tcp,
  venue,
} from './servers.js'

const clock = countingClock()
const dial = dialWith(WebSocket, clock)

afterEach(async () => {
  await closeServers()
  expect(clock.pending).toBe(0)
})

function dialled(port: number, target: Partial<ConstructorParameters<typeof Dialled>[1]> = {}): Dialled {
  return new Dialled(dial, { url: `ws://127.0.0.1:${port}/`, ...target })
}

describe('a standard WebSocket in place of ws', () => {
  it('opens, sends, receives text and bytes, and closes with code and reason', async () => {
    const received: string[] = []
    const port = await venue((socket) => {
      socket.send('text')
      socket.send(Buffer.from([1, 2]))
      socket.on('message', (data) => {
        received.push(String(data))
        socket.close(1012, 'restart')
      })
    })
    const connection = dialled(port)
    expect(connection.socket.send('too early')).toBe(false)
    await connection.opened
    await eventually(() => expect(connection.frames).toEqual(['text', new Uint8Array([1, 2])]))
    expect(connection.socket.send('hello')).toBe(true)
    expect(await connection.closed).toEqual({ code: 1012, reason: 'restart', refused: null, error: null })
    expect(received).toEqual(['hello'])
    expect(connection.socket.send('too late')).toBe(false)
  })

  it('tells a connect that fails or takes too long', async () => {
    expect((await dialled(await answering(403)).closed).error).toMatchObject({ code: 'connect_failed' })
    const silent = await tcp((socket) => void socket.resume())
    expect((await dialled(silent, { timeoutMs: 100 }).closed).error).toMatchObject({
      code: 'connect_timeout',
    })
  })

  it('refuses headers, which the standard cannot send, rather than leave them out', async () => {
    const close = await dialled(1, { headers: { 'x-key': 'k' } }).closed
    expect(close.error).toMatchObject({
      code: 'bad_target',
      message: expect.stringContaining('cannot send headers'),
    })
    expect((await dialled(1, { url: 'nonsense' }).closed).error).toMatchObject({ code: 'bad_target' })
  })

  it('holds frames while paused, up to a bound', async () => {
    const port = await venue((socket) => {
      for (let frame = 0; frame < 5; frame++) socket.send(`${frame}`)
    })
    const connection = dialled(port)
    connection.socket.pause()
    await connection.opened
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(connection.frames).toEqual([])
    connection.socket.resume()
    await eventually(() => expect(connection.frames).toEqual(['0', '1', '2', '3', '4']))
    connection.socket.close()
    await connection.closed
    const bounded = dialled(port, { maxFrameBytes: 4 })
    bounded.socket.pause()
    expect((await bounded.closed).error).toMatchObject({ code: 'paused_too_long' })
  })

  it('counts the bound anew with each pause', async () => {
    const port = await venue((socket) => socket.on('message', (data) => socket.send(String(data))))
    const connection = dialled(port, { maxFrameBytes: 10 })
    await connection.opened
    const frames: string[] = []
    for (let round = 0; round < 4; round++) {
      connection.socket.pause()
      const frame = `frame ${round}`
      connection.socket.send(frame)
      await new Promise((resolve) => setTimeout(resolve, 50))
      expect(connection.frames).toEqual(frames)
      connection.socket.resume()
      frames.push(frame)
      await eventually(() => expect(connection.frames).toEqual(frames))
    }
    connection.socket.close()
    expect(await connection.closed).toMatchObject({ code: 1000, error: null })
  })

  it('tells the venue the code and the reason of its close, and leaves it no open socket when it is cut', async () => {
    const ends: [number, string][] = []
    const port = await venue((socket) =>
      socket.on('close', (code, reason) => ends.push([code, String(reason)])),
    )
    const polite = dialled(port)
    await polite.opened
    polite.socket.close(4000, 'enough')
    expect(await polite.closed).toMatchObject({ code: 4000, reason: 'enough' })
    await eventually(() => expect(ends).toEqual([[4000, 'enough']]))
    const cut = dialled(port)
    await cut.opened
    cut.socket.terminate()
    await cut.closed
    await eventually(() => expect(ends).toHaveLength(2))
  })

  it('ends with 1009 at a frame larger than the limit', async () => {
    const port = await venue((socket) => socket.send('x'.repeat(100)))
    const close = await dialled(port, { maxFrameBytes: 99 }).closed
    expect(close).toMatchObject({ code: 1009, error: { code: 'frame_too_large' } })
  })

  it('is over within about a second though the venue never answers a close, and at once when cut', async () => {
    const port = await rawVenue((socket) => void socket.resume())
    const connection = dialled(port)
    await connection.opened
    const from = performance.now()
    connection.socket.close()
    await connection.closed
    expect(performance.now() - from).toBeLessThan(10_000)
    const cut = dialled(port)
    await cut.opened
    cut.socket.terminate()
    expect(await cut.closed).toEqual({ code: null, reason: '', refused: null, error: null })
    expect(cut.told).toEqual(['opened', 'closed'])
  })
})
