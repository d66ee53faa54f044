import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type WebSocket, WebSocketServer } from 'ws'

/** Harbor's side of the wire, on a real socket. A market of one instrument that moves ten times a second. */
export interface Exchange {
  readonly url: string
  /** The true book: amounts by price. */
  readonly book: { readonly bids: ReadonlyMap<string, string>; readonly asks: ReadonlyMap<string, string> }
  /** Sends the next change to nobody, as a network does that loses a frame of it. */
  loseNext(): void
  /** The market rests from now on. */
  rest(): void
  close(): Promise<void>
}

const MARKET = 'BTC-USD'

export async function openExchange(): Promise<Exchange> {
  const sides = { bids: new Map<string, string>(), asks: new Map<string, string>() }
  const readers = { trade: new Set<WebSocket>(), book: new Set<WebSocket>() }
  let sequence = 100
  let trades = 0
  let lost = false

  for (let step = 1; step <= 10; step++) {
    sides.bids.set(price(30_000 - step), '1.5')
    sides.asks.set(price(30_000 + step), '1.5')
  }

  const http = createServer((request, response) => {
    const listed = request.url === '/markets'
    response.writeHead(listed ? 200 : 404, { 'content-type': 'application/json' })
    response.end(JSON.stringify(listed ? [{ id: MARKET, base: 'BTC', quote: 'USD', tick: '0.1' }] : {}))
  })
  const server = new WebSocketServer({ server: http })

  server.on('connection', (socket) => {
    socket.on('close', () => {
      for (const held of Object.values(readers)) held.delete(socket)
    })
    socket.on('message', (data) => {
      const { op, topic, market } = JSON.parse(String(data))
      if (op === 'pong') return
      if (market !== MARKET || !(topic === 'trade' || topic === 'book')) {
        socket.send(JSON.stringify({ op: 'error', topic, market, message: 'unknown market' }))
        return
      }
      const held = readers[topic as 'trade' | 'book']
      if (op === 'unsubscribe') {
        held.delete(socket)
        return
      }
      held.add(socket)
      socket.send(JSON.stringify({ op: 'subscribed', topic, market }))
      if (topic === 'book') socket.send(bookFrame('snapshot', [...sides.bids], [...sides.asks]))
    })
  })

  const moving = setInterval(() => {
    const side = Math.random() < 0.5 ? 'bids' : 'asks'
    const step = 1 + Math.floor(Math.random() * 10)
    const at = price(side === 'bids' ? 30_000 - step : 30_000 + step)
    const amount = Math.random() < 0.2 ? '0' : `${(1 + Math.random()).toFixed(4)}0`
    if (amount === '0' && !sides[side].has(at)) return
    if (amount === '0') sides[side].delete(at)
    else sides[side].set(at, String(Number(amount)))
    sequence++
    const rows: [string, string][] = [[at, amount]]
    if (!lost) send('book', bookFrame('change', side === 'bids' ? rows : [], side === 'asks' ? rows : []))
    lost = false
    trades += 3
    const facts = `"id":${trades},"price":${at},"amount":0.250,"taker":"${side === 'asks' ? 'buy' : 'sell'}"`
    send('trade', `{"topic":"trade","market":"${MARKET}",${facts},"time":${Date.now()}}`)
  }, 100)
  const pinging = setInterval(() => {
    for (const socket of server.clients) socket.send('{"op":"ping"}')
  }, 5_000)

  /** Numbers as Harbor spells them: without quotes. */
  function bookFrame(type: string, bids: [string, string][], asks: [string, string][]): string {
    const rows = (side: [string, string][]) => `[${side.map((row) => `[${row.join(',')}]`).join(',')}]`
    return `{"topic":"book","market":"${MARKET}","type":"${type}","seq":${sequence},"bids":${rows(bids)},"asks":${rows(asks)},"time":${Date.now()}}`
  }

  function send(topic: 'trade' | 'book', frame: string): void {
    for (const socket of readers[topic]) socket.send(frame)
  }

  await new Promise<void>((listening) => http.listen(0, '127.0.0.1', listening))
  return {
    url: `ws://127.0.0.1:${(http.address() as AddressInfo).port}`,
    book: sides,
    loseNext: () => {
      lost = true
    },
    rest: () => clearInterval(moving),
    close: async () => {
      clearInterval(moving)
      clearInterval(pinging)
      for (const socket of server.clients) socket.terminate()
      await new Promise((closed) => http.close(closed))
    },
  }
}

function price(tenths: number): string {
  return String(tenths / 10)
}
