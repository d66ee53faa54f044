import { createHash } from 'node:crypto'
import { createServer, type Socket } from 'node:net'
import { listen } from '../src/socket/servers.js'

/** What a terminal would obey: colours, a title, a cleared screen; C1 and the controls of writing direction. */
export const ESCAPES = '\u001b[31m\u001b]0;owned\u0007\u001b[2J\u009b31m\u202eevil\u2066'

/** What comes of a client: the head of its handshake or request, and every frame that it sends. */
type Echo = () => string

function frame(opcode: number, payload: Buffer): Buffer {
  const { length } = payload
  const head =
    length < 126
      ? Buffer.from([0x80 | opcode, length])
      : Buffer.from([0x80 | opcode, 126, length >> 8, length & 255])
  return Buffer.concat([head, payload])
}

/** The texts of the masked frames of a chunk that holds whole ones. */
function texts(chunk: Buffer): string[] {
  const found: string[] = []
  for (let at = 0; at + 6 <= chunk.length; ) {
    let length = (chunk[at + 1] ?? 0) & 127
    let mask = at + 2
    if (length === 126) {
      length = chunk.readUInt16BE(at + 2)
      mask = at + 4
    }
    const payload = chunk.subarray(mask + 4, mask + 4 + length)
    found.push(
      Buffer.from(payload.map((byte, index) => byte ^ (chunk[mask + (index % 4)] ?? 0))).toString('utf8'),
    )
    at = mask + 4 + length
  }
  return found
}

/**
 * A server that answers everything with all that the client ever told it, its secrets among them, between escape sequences: in the status
 * line, in headers, in the body, in frames that are no JSON, in the error texts of frames that are, in the reason of its close frame.
 *
 * @param secrets further ones that it happens to know, such as those that a client only signs with.
 * @returns its port.
 */
export function hostileVenue(secrets: readonly string[]): Promise<number> {
  let heard = ''
  let connections = 0
  const echo: Echo = () =>
    `${ESCAPES} ${secrets.join(' ')} ${heard}`.replaceAll(/[\r\n]/g, ' ').slice(0, 60_000)
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.once('data', (head) => {
      heard = `${heard} ${head.toString('latin1')}`.slice(-8_000)
      if (/^upgrade:/im.test(head.toString('latin1')))
        upgrade(socket, head.toString('latin1'), connections++, echo, hear)
      else answer(socket, head.toString('latin1'), echo)
    })
  })
  const hear = (text: string) => {
    heard = `${heard} ${text}`.slice(-8_000)
  }
  return listen(server)
}

/** The answer to a request over HTTP, or to a CONNECT: a refusal that repeats everything, where HTTP bears it. */
function answer(socket: Socket, head: string, echo: Echo): void {
  const line = echo()
    .replaceAll(/[^\u0020-\u007e]/g, '?')
    .slice(0, 4_000)
  const body = echo()
  const status = head.startsWith('CONNECT') ? 407 : 403
  socket.end(
    `HTTP/1.1 ${status} ${line}\r\nX-Echo: ${line}\r\nSet-Cookie: sid=${line.slice(0, 900)}\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  )
}

function upgrade(
  socket: Socket,
  head: string,
  connection: number,
  echo: Echo,
  hear: (text: string) => void,
): void {
  // In turns: a refusal, one that is no HTTP, a redirect, and a connection.
  const turn = connection % 4
  const line = echo()
    .replaceAll(/[^\u0020-\u007e]/g, '?')
    .slice(0, 4_000)
  if (turn === 0) return answer(socket, head, echo)
  if (turn === 1) return void socket.end(`HTTP/1.1 200 ${echo()}\r\n${echo()}\r\n\r\n`)
  if (turn === 2) {
    const location = `https://ann:${encodeURIComponent(line.slice(0, 500))}@other.example/?token=x`
    return void socket.end(`HTTP/1.1 302 ${line}\r\nLocation: ${location}\r\nContent-Length: 0\r\n\r\n`)
  }
  const key = /^sec-websocket-key: (.*)$/im.exec(head)?.[1]?.trim() ?? ''
  const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')
  socket.write(
    `HTTP/1.1 101 ${line}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\nX-Echo: ${line}\r\n\r\n`,
  )
  const text = (content: string) => socket.write(frame(1, Buffer.from(content)))
  text('{"e":"connected"}')
  let ended = false
  socket.on('data', (chunk) => {
    for (const told of texts(chunk)) hear(told)
    const say = echo().slice(0, 20_000)
    text(say)
    text(JSON.stringify({ e: say.slice(0, 500), data: { error: say } }))
    text(JSON.stringify({ e: 'auth', data: { error: say }, ok: 'error', oid: 'auth' }))
    text(JSON.stringify({ e: 'disconnecting', reason: say, time: 1 }))
    if (ended) return
    ended = true
    setTimeout(() => {
      const reason = Buffer.concat([Buffer.from([0x0f, 0xa0]), Buffer.from(echo()).subarray(0, 100)])
      // Not through a character: the reason is UTF-8.
      socket.write(
        frame(
          8,
          Buffer.concat([
            reason.subarray(0, 2),
            Buffer.from(reason.subarray(2).toString('utf8').replaceAll('\ufffd', '')).subarray(0, 110),
          ]),
        ),
      )
      socket.end()
    }, 200)
  })
}
