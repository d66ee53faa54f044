import { createServer, type RequestListener } from 'node:http'
import { describe, expect, it } from 'vitest'
import { fetchDial } from '../../../src/socket/fetch-dial.js'
import { closedPort, countingClock, Dialled, eventually, leavingNothingOpen, listen } from './servers.js'

const clock = countingClock()
const dial = fetchDial(clock)
leavingNothingOpen(clock)

const serving = (answer: RequestListener) => listen(createServer(answer))
const dialled = (port: number, target: Partial<ConstructorParameters<typeof Dialled>[1]> = {}) =>
  new Dialled(dial, { url: `http://127.0.0.1:${port}/`, ...target })
const text = (frames: Dialled['frames']) => Buffer.concat(frames as Uint8Array[]).toString()

describe('a response of HTTP, read with fetch', () => {
  it('tells the answer, then the body as it comes, then the end', async () => {
    let more = () => {}
    const asked: string[] = []
    const port = await serving((request, response) => {
      asked.push(`${request.method} ${request.headers['x-asked']}`)
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write('first ')
      more = () => response.end('second')
    })
    const connection = dialled(port, { headers: { 'x-asked': 'yes' }, http: { method: 'POST', body: 'b' } })
    expect(await connection.opened).toMatchObject({
      status: 200,
      headers: { 'content-type': 'text/event-stream' },
    })
    await eventually(() => expect(text(connection.frames)).toBe('first '))
    expect(connection.socket.send('anything')).toBe(false)
    more()
    expect(await connection.closed).toEqual({ code: null, reason: '', refused: null, error: null })
    expect(text(connection.frames)).toBe('first second')
    expect(asked).toEqual(['POST yes'])
  })

  it('reads nothing while it is paused', async () => {
    const size = 64 * 1024 * 1024
    let taken = 0
    const port = await serving((_request, response) => {
      const piece = Buffer.alloc(64 * 1024)
      const send = () => {
        if (taken >= size || response.destroyed) return void response.end()
        response.write(piece, () => {
          taken += piece.length
          send()
        })
      }
      send()
    })
    const connection = dialled(port)
    connection.socket.pause()
    await connection.opened
    let before = -1
    await eventually(() => {
      const stands = taken > 0 && taken === before
      before = taken
      expect(stands).toBe(true)
    })
    expect(connection.frames).toEqual([])
    expect(taken).toBeLessThan(size)
    connection.socket.resume()
    await connection.closed
    expect(connection.frames.reduce((sum, frame) => sum + frame.length, 0)).toBe(size)
  })

  it('ends what cannot be reached, is late, is cut, or is no longer wanted', async () => {
    const lost = {
      code: 'connect_failed',
      message: expect.stringContaining('cannot be reached, or was lost'),
    }
    expect((await dialled(await closedPort()).closed).error).toMatchObject(lost)
    const silent = await serving(() => {})
    expect((await dialled(silent, { timeoutMs: 100 }).closed).error).toMatchObject({
      code: 'connect_timeout',
    })
    let cut = () => {}
    const port = await serving((_request, response) => {
      response.writeHead(200).write('half')
      cut = () => response.destroy()
    })
    const connection = dialled(port)
    await connection.opened
    cut()
    expect((await connection.closed).error).toMatchObject(lost)
    const unwanted = dialled(port)
    await unwanted.opened
    unwanted.socket.close()
    expect(await unwanted.closed).toMatchObject({ error: null })
    const atOnce = dialled(silent)
    atOnce.socket.terminate()
    expect(await atOnce.closed).toMatchObject({ error: null })
  })
})
