import type { Expected } from './rfc-cases.js'

/** Text as it is, bytes as hexadecimal behind `0x`. */
export function shown(data: string | Uint8Array): string {
  return typeof data === 'string' ? data : `0x${Buffer.from(data).toString('hex')}`
}

/** Reads the frames of a client, all of which are masked. */
function clientFrames(bytes: Buffer): { opcode: number; masked: boolean; payload: Buffer }[] {
  const frames: { opcode: number; masked: boolean; payload: Buffer }[] = []
  for (let at = 0; at + 2 <= bytes.length; ) {
    const short = bytes.readUInt8(at + 1) & 0x7f
    const long = short === 126 ? 2 : short === 127 ? 8 : 0
    const masked = (bytes.readUInt8(at + 1) & 0x80) !== 0
    const length =
      long === 0 ? short : long === 2 ? bytes.readUInt16BE(at + 2) : Number(bytes.readBigUInt64BE(at + 2))
    const begin = at + 2 + long + (masked ? 4 : 0)
    const mask = bytes.subarray(begin - 4, begin)
    const payload = Buffer.from(
      bytes.subarray(begin, begin + length).map((byte, n) => byte ^ (masked ? (mask[n % 4] ?? 0) : 0)),
    )
    frames.push({ opcode: bytes.readUInt8(at) & 0x0f, masked, payload })
    at = begin + length
  }
  return frames
}

/** Whether a client has sent a close frame. */
export function hasClosed(bytes: Buffer): boolean {
  return clientFrames(bytes).some(({ opcode }) => opcode === 8)
}

/** What a client that sent these bytes made of a case, but for the messages. All its frames must be masked. */
export function madeOf(bytes: Buffer): Pick<Expected, 'pongs' | 'close'> {
  const frames = clientFrames(bytes)
  if (!frames.every(({ masked }) => masked)) throw new Error('a client sent a frame without a mask')
  const end = frames.find(({ opcode }) => opcode === 8)
  return {
    pongs: frames.filter(({ opcode }) => opcode === 10).map(({ payload }) => shown(payload)),
    close: end === undefined ? 1006 : end.payload.length < 2 ? 1005 : end.payload.readUInt16BE(0),
  }
}
