import type { FrameFault } from './fault-plan.js'
import type { RawFrame } from './venue-simulator.js'
import { Opcode } from './web-socket-frame.js'

/** The faults of a frame that no WebSocket library would send: they need the line itself. */
export type BrokenFrameFault = Extract<
  FrameFault,
  {
    fault:
      | 'bad-utf8'
      | 'broken-compression'
      | 'oversize'
      | 'reserved-opcode'
      | 'slice'
      | 'fragment'
      | 'fragment-bomb'
      | 'cut-mid-frame'
  }
>

/** So much of an oversize frame is really sent: enough that no reader takes it for a short frame. */
const OVERSIZE_SENT = 0x1_0000

/** The frames that go on the line in place of one that a fault struck. */
export function brokenFrames(fault: BrokenFrameFault, data: string | Uint8Array): RawFrame[] {
  const opcode = typeof data === 'string' ? Opcode.text : Opcode.binary
  const payload = typeof data === 'string' ? Buffer.from(data) : data
  switch (fault.fault) {
    case 'bad-utf8':
      return [{ opcode: Opcode.text, payload: withBytes(payload, Buffer.of(0xc3, 0x28)) }]
    case 'broken-compression':
      return typeof data === 'string'
        ? [{ opcode, compressed: true, payload: Buffer.alloc(32, 0xff) }]
        : [{ opcode, payload: scrambled(data) }]
    case 'oversize':
      return [
        {
          opcode: Opcode.text,
          payload: Buffer.alloc(Math.min(fault.bytes, OVERSIZE_SENT), ' '),
          announcedBytes: fault.bytes,
        },
      ]
    case 'reserved-opcode':
      return [{ opcode: 3, payload }]
    case 'slice':
      return [{ opcode, payload, sliceBytes: fault.bytes }]
    case 'fragment':
      return fragments(opcode, payload, fault.pieces)
    case 'fragment-bomb': {
      const crumb = Buffer.from('.')
      return Array.from({ length: fault.fragments }, (_, index) => ({
        opcode: index === 0 ? Opcode.text : Opcode.continuation,
        final: false,
        payload: crumb,
      }))
    }
    case 'cut-mid-frame':
      return [{ opcode, payload, cutAfterBytes: Math.max(1, (payload.length + 2) >> 1) }]
  }
}

/** The message in so many fragments, as the protocol allows. */
function fragments(opcode: number, payload: Uint8Array, pieces: number): RawFrame[] {
  const size = Math.ceil(payload.length / pieces)
  return Array.from({ length: pieces }, (_, index) => ({
    opcode: index === 0 ? opcode : Opcode.continuation,
    final: index === pieces - 1,
    payload: payload.subarray(index * size, (index + 1) * size),
  }))
}

function withBytes(payload: Uint8Array, bytes: Uint8Array): Uint8Array {
  const middle = payload.length >> 1
  return Buffer.concat([payload.subarray(0, middle), bytes, payload.subarray(middle)])
}

/** Every byte after the first quarter turned over: a gzip keeps its magic number and is broken all the same. */
function scrambled(payload: Uint8Array): Uint8Array {
  return payload.map((byte, index) => (index < payload.length / 4 ? byte : byte ^ 0xff))
}
