import dns from 'node:dns'
import { connect, type Socket } from 'node:net'
import { Worker } from 'node:worker_threads'
import { vi } from 'vitest'

/**
 * A server that listens and accepts nobody until it is released, so that the kernel answers no further connect: a host that is far away,
 * without any means to slow a network down. What it accepts then it answers with status 418.
 */
const SERVER = `
const { createServer } = require('node:net')
const { parentPort, workerData } = require('node:worker_threads')
const server = createServer((socket) => {
  socket.on('error', () => {})
  socket.on('data', () => socket.end('HTTP/1.1 418 Slow\\r\\nContent-Length: 0\\r\\n\\r\\n'))
})
server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
  parentPort.postMessage(server.address().port)
  setImmediate(() => Atomics.wait(new Int32Array(workerData), 0, 0))
})
`

export interface SlowHost {
  readonly port: number
  /** Lets it answer: connects come about with the next SYN, a second after the first. */
  release(): void
  close(): Promise<void>
}

export async function slowHost(): Promise<SlowHost> {
  const gate = new SharedArrayBuffer(4)
  const worker = new Worker(SERVER, { eval: true, workerData: gate })
  const port = await new Promise<number>((resolve, reject) => {
    worker.once('message', resolve)
    worker.once('error', reject)
  })
  const release = () => {
    Atomics.store(new Int32Array(gate), 0, 1)
    Atomics.notify(new Int32Array(gate), 0)
  }
  // The queue of those who wait to be accepted is full with two; the others make sure.
  const fillers: Socket[] = []
  await new Promise<void>((resolve) => {
    let connected = 0
    for (let index = 0; index < 4; index++) {
      const socket = connect(port, '127.0.0.1', () => ++connected === 2 && resolve())
      socket.on('error', () => {})
      fillers.push(socket)
    }
  })
  return {
    port,
    release,
    async close() {
      release()
      for (const socket of fillers) socket.destroy()
      await worker.terminate()
    },
  }
}

/** Makes every name resolve to loopback and to an address that no route leads to. Node waits for the last without a limit. */
export function resolveToTwoAddresses(): void {
  const addresses = [
    { address: '127.0.0.1', family: 4 },
    { address: '2001:db8::1', family: 6 },
  ]
  vi.spyOn(dns, 'lookup').mockImplementation(((
    _name: string,
    options: { readonly all?: boolean },
    answer: (error: null, found: unknown, family?: number) => void,
  ) => {
    queueMicrotask(() => (options.all === true ? answer(null, addresses) : answer(null, '127.0.0.1', 4)))
  }) as never)
}
