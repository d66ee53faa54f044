import { afterEach, describe, expect, it } from 'vitest'
import type { FaultPlan } from '../../../src/simulator/fault-plan.js'
import { withFaults } from '../../../src/simulator/faults.js'
import { SeededRandom } from '../../../src/simulator/random.js'
import { type SimulatorServer, serveSimulator } from '../../../src/simulator/server.js'
import { systemClock } from '../../../src/socket/clock.js'
import { RealClient, rawClient } from './real-client.js'
import { ToyVenue } from './toy-venue.js'

const servers: SimulatorServer[] = []

async function serve(...faults: FaultPlan['faults']) {
  const venue = new ToyVenue()
  /** When each fault struck first. */
  const strikes = new Map<string, number>()
  const simulator = withFaults(venue, { faults }, new SeededRandom(1), ({ fault }) => {
    if (!strikes.has(fault.fault)) strikes.set(fault.fault, Date.now())
  })
  const server = await serveSimulator(simulator, { clock: systemClock(), stepMs: 5 })
  servers.push(server)
  return { server, venue, strikes }
}

afterEach(async () => {
  for (const server of servers.splice(0)) await server.close()
})

/** A text frame of the toy, as it stands on the line. */
const onTheLine = (text: string) => Buffer.concat([Buffer.of(0x81, text.length), Buffer.from(text)])

async function until(so: () => boolean): Promise<void> {
  while (!so()) await new Promise((resolve) => setTimeout(resolve, 2))
}

/** The chunks after the head of the handshake's answer. */
function afterHead(chunks: readonly Buffer[]): Buffer[] {
  let head = ''
  const rest: Buffer[] = []
  for (const chunk of chunks) {
    const end = head.endsWith('\r\n\r\n')
    if (end) rest.push(chunk)
    else {
      const text = head + chunk.toString('latin1')
      const at = text.indexOf('\r\n\r\n')
      if (at === -1) head = text
      else {
        head = '\r\n\r\n'
        const left = chunk.subarray(chunk.length - (text.length - at - 4))
        if (left.length > 0) rest.push(left)
      }
    }
  }
  return rest
}

describe('faults among the bytes of a real socket', () => {
  it('slice cuts a frame at every byte, header included, and the bytes are the same', async () => {
    const { server } = await serve({ fault: 'slice' })
    const { socket, chunks } = await rawClient(server.port)
    await until(() => Buffer.concat(afterHead(chunks)).length === 7)
    expect(Buffer.concat(afterHead(chunks))).toEqual(onTheLine('hello'))
    expect(afterHead(chunks).length).toBeGreaterThanOrEqual(4)
    socket.destroy()
  })

  it.each([2, 3, 5])('slice cuts a frame at every %i bytes', async (bytes) => {
    const { server } = await serve({ fault: 'slice', bytes })
    const { socket, chunks } = await rawClient(server.port)
    await until(() => Buffer.concat(afterHead(chunks)).length === 7)
    expect(Buffer.concat(afterHead(chunks))).toEqual(onTheLine('hello'))
    expect(afterHead(chunks).length).toBeGreaterThan(1)
    socket.destroy()
  })

  it('an untouched frame leaves in one piece', async () => {
    const { server } = await serve()
    const { socket, chunks } = await rawClient(server.port)
    await until(() => Buffer.concat(afterHead(chunks)).length === 7)
    expect(afterHead(chunks)).toEqual([onTheLine('hello')])
    socket.destroy()
  })

  it('cut-mid-frame sends the first half and resets', async () => {
    const { server, venue } = await serve({ fault: 'cut-mid-frame' })
    const { socket, chunks } = await rawClient(server.port)
    const errors: string[] = []
    socket.on('error', (error) => errors.push(String(error)))
    await until(() => socket.closed)
    expect(Buffer.concat(afterHead(chunks))).toEqual(onTheLine('hello').subarray(0, 3))
    expect(errors.join()).toContain('ECONNRESET')
    await until(() => venue.connections.size === 0)
  })

  it('fragment sends a message in the fragments of the protocol', async () => {
    const { server } = await serve({ fault: 'fragment', pieces: 3 })
    const { socket, chunks } = await rawClient(server.port)
    await until(() => Buffer.concat(afterHead(chunks)).length === 11)
    expect(Buffer.concat(afterHead(chunks))).toEqual(
      Buffer.from([0x01, 2, 104, 101, 0x00, 2, 108, 108, 0x80, 1, 111]),
    )
    socket.destroy()
  })

  it('broken-compression spoils a compressed connection, too', async () => {
    const venue = new ToyVenue()
    const faulted = withFaults(
      venue,
      { faults: [{ fault: 'broken-compression', nth: 2 }] },
      new SeededRandom(1),
    )
    const server = await serveSimulator(faulted, { clock: systemClock(), perMessageDeflate: true })
    servers.push(server)
    const client = new RealClient(server.url, { perMessageDeflate: true })
    await client.until(() => client.texts.includes('hello'))
    client.send('sub')
    await client.closed()
    expect(client.error).toMatchObject({ code: 'Z_DATA_ERROR' })
    expect(client.texts).toEqual(['hello'])
  })

  it('slow-drip lets single bytes through, and a client that cannot wait for them is let go', async () => {
    const { server, venue, strikes } = await serve({ fault: 'slow-drip', afterMs: 0, bytesPerSecond: 100 })
    const { socket, chunks } = await rawClient(server.port)
    await until(() => strikes.has('slow-drip'))
    const [connection] = venue.connections
    await until(() => Buffer.concat(afterHead(chunks)).length === 7)
    const began = Date.now()
    connection?.peer.send('x'.repeat(48))
    await until(() => Buffer.concat(afterHead(chunks)).length === 7 + 50)
    expect(Date.now() - began).toBeGreaterThan(300)
    // A busy machine brings several drips in one chunk.
    expect(afterHead(chunks).length).toBeGreaterThan(2)
    socket.destroy()
    await until(() => venue.connections.size === 0)
  })

  it('a line that is cut with twenty thousand frames still to be written is cut', async () => {
    const { server, venue, strikes } = await serve(
      { fault: 'stall', afterMs: 0, durationMs: 60_000 },
      { fault: 'hang-up', afterMs: 200 },
    )
    const { socket } = await rawClient(server.port)
    await until(() => strikes.has('stall'))
    const [connection] = venue.connections
    for (let count = 0; count < 20_000; count++) connection?.peer.send('tick')
    await until(() => venue.connections.size === 0)
    expect([...strikes.keys()]).toContain('hang-up')
    socket.destroy()
  })

  it('hang-up and reset in one moment leave nothing behind: the server closes', async () => {
    const { server, venue, strikes } = await serve(
      { fault: 'hang-up', afterMs: 100 },
      { fault: 'reset', afterMs: 100 },
    )
    const { socket } = await rawClient(server.port)
    socket.on('error', () => {})
    await until(() => strikes.has('hang-up') && venue.connections.size === 0)
    await server.close()
    expect(server.clients).toBe(0)
  })

  it('stall holds what the client sends as well', async () => {
    const { server, strikes } = await serve({ fault: 'stall', afterMs: 0, durationMs: 300 })
    const client = new RealClient(server.url)
    await client.until(() => strikes.has('stall') && client.socket.readyState === 1)
    client.send('echo held')
    await client.until(() => client.texts.includes('held'))
    expect(Date.now() - (strikes.get('stall') ?? Number.NaN)).toBeGreaterThan(280)
  })
})
