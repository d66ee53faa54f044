import type { RawFrame } from './venue-simulator.js'

/** What the first four bits of a WebSocket frame mean (RFC 6455, 5.2). */
export const Opcode = {
  continuation: 0,
  text: 1,
  binary: 2,
  close: 8,
  ping: 9,
  pong: 10,
} as const

/** The bytes of a frame as a server writes it: never masked. */
export function encodeFrame(frame: RawFrame): Buffer {
  const length = frame.announcedBytes ?? frame.payload.length
  const header = length < 126 ? Buffer.alloc(2) : length < 0x1_0000 ? Buffer.alloc(4) : Buffer.alloc(10)
  header[0] = (frame.final === false ? 0 : 0x80) | (frame.compressed === true ? 0x40 : 0) | frame.opcode
  if (length < 126) header[1] = length
  else if (length < 0x1_0000) {
    header[1] = 126
    header.writeUInt16BE(length, 2)
  } else {
    header[1] = 127
    header.writeBigUInt64BE(BigInt(length), 2)
  }
  return Buffer.concat([header, frame.payload])
}

/** The payload of a close frame; empty where there is no code. */
export function closePayload(code: number | null, reason: string): Buffer {
  if (code === null) return Buffer.alloc(0)
  const payload = Buffer.alloc(2)
  payload.writeUInt16BE(code, 0)
  return Buffer.concat([payload, Buffer.from(reason).subarray(0, 123)])
}

/** Whether a close code may stand on the wire (RFC 6455, 7.4, and the registry that it opened). */
export function isCloseCode(code: number): boolean {
  return (
    (code >= 1000 && code <= 1014 && code !== 1004 && code !== 1005 && code !== 1006) ||
    (code >= 3000 && code <= 4999)
  )
}
