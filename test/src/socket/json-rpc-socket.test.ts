import { expect, it } from 'vitest'
import { JsonRpcServer } from '../../../simulators/protocols/index.js'
import { jsonRpc } from '../../../src/protocols/index.js'
import { withFaults } from '../../../src/simulator/faults.js'
import { serveSimulator } from '../../../src/simulator/index.js'
import { SeededRandom } from '../../../src/simulator/random.js'
import { openSocket } from '../../../src/socket/index.js'
import { eventually, leavingNothingOpen } from './servers.js'

leavingNothingOpen()

it('keeps a subscription of JSON-RPC through cuts, silence and lost frames, and settles every call', async () => {
  const rpc = new JsonRpcServer({
    methods: { echo: (params) => params, subscribe: () => 'ok' },
  })
  const faults = [
    { fault: 'drop', chance: 0.02 },
    { fault: 'reset', everyMs: 400, times: 100 },
    { fault: 'truncate', chance: 0.01 },
  ] as const
  const server = await serveSimulator(withFaults(rpc, { seed: 7, faults: [...faults] }, new SeededRandom(7)))
  const told: string[] = []
  const socket = openSocket(server.url, {
    protocol: jsonRpc({ timeoutMs: 500 }),
    reconnect: { baseMs: 20, capMs: 50 },
    whileDisconnected: { hold: true },
    on: {
      connect: () => void told.push('connect'),
      disconnect: ({ cause }) => void told.push(cause),
      message: ({ data }) => data.type === 'notification' && told.push(data.method),
    },
  })
  const ticking = setInterval(() => rpc.notify('tick', [1]), 20)
  socket.send({ type: 'subscribe', key: 's', method: 'subscribe', params: ['a'] })
  const outcomes = { answered: 0, failed: 0 }
  const ticks = () => told.filter((what) => what === 'tick').length
  // How much a connection carries before it is cut depends on the machine: it goes on until there was enough of each.
  for (let n = 0; socket.stats.connects < 5 || outcomes.answered <= 20 || ticks() <= 20; n++) {
    await socket.request({ type: 'call', method: 'echo', params: [n] }).then(
      (answer) => {
        expect(answer).toEqual([n])
        outcomes.answered++
      },
      (error: unknown) => {
        expect(error).toMatchObject({
          code: expect.stringMatching(/^request_|not_connected|connection_lost/),
        })
        outcomes.failed++
      },
    )
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  clearInterval(ticking)
  await eventually(() => {
    const subscribed = rpc.received.filter(({ method }) => method === 'subscribe')
    expect(subscribed.length).toBeGreaterThanOrEqual(socket.stats.connects)
  })
  await socket.close()
  expect(socket.stats.requests).toBe(0)
  await server.close()
})
