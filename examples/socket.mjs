// @ts-check
/**
 * The resilient client by itself: five messages of a server, a connection that is given up in the middle, and five more. The server is a
 * simulator that this program starts itself.
 *
 *   node examples/socket.mjs
 */
import { serveSimulator, simulate } from 'tapewire/simulators'
import { openSocket } from 'tapewire/socket'

const simulator = await serveSimulator((url) => simulate('bitfinex', { url }))

const socket = openSocket(simulator.url, {
  heartbeat: { send: '{"event":"ping"}', answer: (data) => String(data).includes('"pong"') },
  watchdog: { silentAfterMs: 30_000 },
  reconnect: { baseMs: 100 },
  on: {
    connect: ({ connection }) => {
      console.log(`connection ${connection}`)
      socket.send('{"event":"subscribe","channel":"ticker","symbol":"tBTCUSD"}')
    },
    disconnect: ({ reason }) => console.log(`lost: ${reason}`),
    error: (error) => console.error(error.message),
  },
})

let messages = 0
for await (const { data } of socket) {
  messages++
  console.log(`${messages}: ${String(data).slice(0, 60)}`)
  if (messages === 5) socket.reconnect('to show that it comes back')
  if (messages === 10) break
}
await socket.close()
await simulator.close()
