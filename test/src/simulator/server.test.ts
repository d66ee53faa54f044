import { once } from 'node:events'
import { createServer, type Server as NetServer } from 'node:net'
import { networkInterfaces } from 'node:os'
import { afterEach, describe, expect, it } from 'vitest'
import { UsageError } from '../../../src/errors.js'
import { type ServeOptions, type SimulatorServer, serveSimulator } from '../../../src/simulator/server.js'
import { systemClock } from '../../../src/socket/clock.js'
import { RealClient, rawClient } from './real-client.js'
import { ToyVenue } from './toy-venue.js'

/** An address of this machine that is not loopback; a machine without a network has none. */
const address = Object.values(networkInterfaces())
  .flatMap((entries) => entries ?? [])
  .find((entry) => !entry.internal && entry.family === 'IPv4')?.address
if (address === undefined) console.warn('no network interface but loopback: one test is skipped')

const open: (SimulatorServer | NetServer)[] = []

async function serve(
  options: Partial<ServeOptions> = {},
): Promise<{ server: SimulatorServer; venue: ToyVenue }> {
  const venue = new ToyVenue()
  const server = await serveSimulator(venue, { clock: systemClock(), ...options })
  open.push(server)
  return { server, venue }
}

afterEach(async () => {
  for (const server of open.splice(0)) await server.close()
})

describe('a simulator behind a real server', () => {
  it('speaks to any WebSocket client on any path, text as text and bytes as bytes', async () => {
    const { server, venue } = await serve()
    expect(server.url).toBe(`ws://127.0.0.1:${server.port}`)
    const client = new RealClient(`${server.url}/any/path?and=query`)
    await client.opened()
    client.send('sub')
    client.send('echo back')
    client.send('binary \u00e9')
    client.send(Buffer.from([1, 2, 255]))
    await client.until(() => client.texts.includes('tick 2') && client.texts.includes('got 0102ff'))
    expect(client.texts.slice(0, 3)).toEqual(['hello', 'ack', 'back'])
    expect(client.arrivals).toContainEqual({ kind: 'binary', data: Buffer.from('\u00e9') })
    expect(venue.log[0]).toBe('admit /any/path?and=query')
    expect(server.clients).toBe(1)
    client.socket.close(1000)
    expect(await client.closed()).toEqual({ code: 1000, reason: '' })
    await client.until(() => venue.connections.size === 0)
  })

  it.skipIf(address === undefined)('listens on loopback alone, unless it is told otherwise', async () => {
    const { server } = await serve()
    const { server: wide } = await serve({ host: '0.0.0.0' })
    await expect(fetch(`http://${address}:${wide.port}/ticks`)).resolves.toBeDefined()
    await expect(fetch(`http://${address}:${server.port}/ticks`)).rejects.toThrow()
  })

  it.each([
    [{ port: 99_999 }, /option port must be a whole number from 0 to 65535 \(got 99999\)/],
    [{ port: -1 }, /option port/],
    [{ host: '' }, /option host must be an address/],
    [{ stepMs: 0 }, /option stepMs must be a whole number from 1/],
    [{ maxClient: 1 }, /no option maxClient/],
  ])('refuses options that cannot be: %j', async (options: object, sentence) => {
    const error = await serve(options).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(UsageError)
    expect(error).toMatchObject({ code: 'bad_option', message: expect.stringMatching(sentence) })
  })

  it('leaves the port free where the simulator cannot be made', async () => {
    let url = ''
    const failing = serveSimulator((own) => {
      url = own
      throw new UsageError('bad_option', 'no such market')
    })
    await expect(failing).rejects.toThrow('no such market')
    await expect(serve({ port: Number(new URL(url).port) })).resolves.toBeDefined()
  })

  it('answers plain HTTP requests with what the venue answers', async () => {
    const { server } = await serve()
    const base = server.url.replace('ws:', 'http:')
    const response = await fetch(`${base}/echo?x=1`, {
      method: 'POST',
      body: 'caf\u00e9',
      headers: { 'X-A': 'b' },
    })
    expect(response.headers.get('content-type')).toBe('application/json')
    expect(await response.json()).toMatchObject({
      method: 'POST',
      path: '/echo?x=1',
      headers: { 'x-a': 'b' },
      body: 'caf\u00e9',
    })
    const missing = await fetch(`${base}/nothing`)
    expect([missing.status, missing.headers.get('x-why')]).toEqual([404, 'toy'])
    const large = await fetch(`${base}/echo`, { method: 'POST', body: 'x'.repeat(2 * 1024 * 1024) })
    expect(large.status).toBe(413)
  })

  it('refuses a handshake as the venue does', async () => {
    const { server } = await serve()
    const client = new RealClient(`${server.url}/forbidden`)
    await client.until(() => client.refused !== null)
    expect(client.refused).toMatchObject({ status: 403, headers: { 'x-why': 'toy' }, body: 'no entry' })
  })

  it('takes no more clients than it may', async () => {
    const { server } = await serve({ maxClients: 1 })
    const first = new RealClient(server.url)
    await first.opened()
    const second = new RealClient(server.url)
    await second.until(() => second.refused !== null)
    expect(second.refused?.status).toBe(503)
  })

  it('closes with the code and the reason of the venue, pings and answers pings', async () => {
    const { server } = await serve()
    const client = new RealClient(server.url)
    await client.opened()
    client.send('ping')
    client.socket.ping()
    await client.until(() => client.count('ping') === 1 && client.count('pong') === 1)
    client.send('close 1012')
    expect(await client.closed()).toEqual({ code: 1012, reason: 'as you wish' })
  })

  it('keeps the subprotocol and compresses where both sides want it', async () => {
    const { server } = await serve({ perMessageDeflate: true })
    const client = new RealClient(server.url, { perMessageDeflate: true })
    await client.opened()
    expect(client.socket.extensions).toContain('permessage-deflate')
    client.send(`echo ${'long '.repeat(2000)}`)
    await client.until(() => client.texts.length === 2)
    expect(client.texts[1]).toBe('long '.repeat(2000))
    const { server: plain } = await serve()
    const refusedExtension = new RealClient(plain.url, { perMessageDeflate: true })
    await refusedExtension.opened()
    expect(refusedExtension.socket.extensions).toBe('')
  })

  it('lets pages of any origin read its answers where it is told to, and asks nothing of the simulator for that', async () => {
    const { server } = await serve({ cors: true })
    const url = server.url.replace('ws', 'http')
    const preflight = await fetch(`${url}/anything`, {
      method: 'OPTIONS',
      headers: { 'access-control-request-headers': 'last-event-id' },
    })
    expect(preflight.status).toBe(204)
    expect(preflight.headers.get('access-control-allow-headers')).toBe('last-event-id')
    expect((await fetch(`${url}/anything`)).headers.get('access-control-allow-origin')).toBe('*')
    const { server: plain } = await serve()
    const answer = await fetch(plain.url.replace('ws', 'http'))
    expect(answer.headers.has('access-control-allow-origin')).toBe(false)
  })

  it('cuts a client that does not read, so that its memory stays bounded', async () => {
    const { server, venue } = await serve({ maxBufferedBytes: 256 * 1024 })
    const slow = new RealClient(server.url)
    await slow.opened()
    const [connection] = venue.connections
    slow.socket.pause()
    let most = 0
    while (venue.connections.size > 0) {
      for (let sent = 0; sent < 64; sent++) connection?.peer.send('x'.repeat(16 * 1024))
      most = Math.max(most, connection?.peer.bufferedBytes ?? 0)
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(most).toBeLessThan(512 * 1024)
    const other = new RealClient(server.url)
    await other.until(() => other.texts.includes('hello'))
    slow.socket.resume()
    expect([1006, 1013]).toContain((await slow.closed()).code)
  })

  it('ends the connection of a client that sends too much', async () => {
    const { server } = await serve({ maxReceivedBytes: 1000 })
    const client = new RealClient(server.url)
    await client.opened()
    client.send('x'.repeat(1001))
    expect((await client.closed()).code).toBe(1009)
  })

  it('tells of what the simulator itself throws, and goes on', async () => {
    const errors: unknown[] = []
    const { server } = await serve({ onError: (error) => errors.push(error) })
    const client = new RealClient(server.url)
    await client.opened()
    client.send('fail')
    expect((await client.closed()).code).toBe(1011)
    await expect(fetch(`${server.url.replace('ws:', 'http:')}/throw`)).rejects.toThrow()
    expect(errors.map(String)).toEqual(['Error: toy failure', 'Error: toy failure over http'])
    const next = new RealClient(server.url)
    await next.until(() => next.texts.includes('hello'))
  })

  it('makes the simulator with its own URL', async () => {
    const urls: string[] = []
    const server = await serveSimulator(
      (url) => {
        urls.push(url)
        return new ToyVenue({ url })
      },
      { clock: systemClock() },
    )
    open.push(server)
    expect(urls).toEqual([server.url])
    expect(server.simulator.venue).toBe('toy')
  })

  it('says in one sentence that its port is in use', async () => {
    const taken = createServer()
    taken.listen(0, '127.0.0.1')
    await once(taken, 'listening')
    open.push(taken)
    const bound = taken.address()
    const port = typeof bound === 'object' ? (bound?.port ?? 0) : 0
    await expect(serve({ port })).rejects.toSatisfy(
      (error) =>
        error instanceof UsageError &&
        error.code === 'port_in_use' &&
        error.message === `port ${port} on 127.0.0.1 is in use: choose another, or 0 for any free one`,
    )
    await expect(serve({ host: '192.0.2.1' })).rejects.toMatchObject({ code: 'cannot_listen' })
  })

  it('leaves no connection, no timer and no port behind when it is closed', async () => {
    const open = () =>
      process.getActiveResourcesInfo().filter((name) => /TCP|Timeout|Server/.test(name)).length
    const before = open()
    const { server, venue } = await serve()
    const polite = new RealClient(server.url)
    const deaf = await rawClient(server.port)
    await polite.opened()
    await polite.until(() => venue.connections.size === 2)
    await fetch(`${server.url.replace('ws:', 'http:')}/ticks`)
    const first = server.close()
    expect(server.close()).toBe(first)
    await first
    expect((await polite.closed()).code).toBe(1001)
    if (!deaf.socket.destroyed) await once(deaf.socket, 'close')
    expect(venue.connections.size).toBe(0)
    const late = new RealClient(server.url)
    await late.until(() => late.error !== null)
    const ticks = venue.ticks
    await new Promise((resolve) => setTimeout(resolve, 250))
    expect(venue.ticks).toBe(ticks)
    // The client's own end of a connection takes a turn of the loop more.
    await late.until(() => open() <= before)
  })
})
