import { constants, deflateRawSync, type ZlibOptions } from 'node:zlib'

/**
 * What RFC 6455 says of frames that a server sends, case by case, in the order of the groups of the Autobahn test suite (which needs Python
 * packages, and is not used here): the bytes, and what a client has to make of them.
 */
export interface RfcCase {
  readonly name: string
  /** What the server writes after the handshake, write by write. */
  readonly writes: readonly Buffer[]
  readonly expected: Expected
}

/** What a client makes of a case. */
export interface Expected {
  /** Text as it is, bytes as hexadecimal behind `0x`. */
  readonly messages: readonly string[]
  /** The payloads of the pongs that it sends, hexadecimal. */
  readonly pongs: readonly string[]
  /** The code of the close frame that it sends; 1005 for one without a code. */
  readonly close: number
}

interface FrameOptions {
  readonly fin?: boolean
  /** The three reserved bits as a number from 0 to 7. */
  readonly rsv?: number
  readonly masked?: boolean
  /** Writes the length in more bytes than it needs. */
  readonly length?: 7 | 16 | 64
}

const TEXT = 1
const BINARY = 2
const CONTINUATION = 0
const CLOSE = 8
const PING = 9
const PONG = 10

/** A frame, right or wrong. */
export function frame(opcode: number, payload: string | Uint8Array = '', options: FrameOptions = {}): Buffer {
  const { fin = true, rsv = 0, masked = false } = options
  const bytes = Buffer.from(payload as string)
  const form = options.length ?? (bytes.length < 126 ? 7 : bytes.length < 65_536 ? 16 : 64)
  const head = Buffer.alloc({ 7: 2, 16: 4, 64: 10 }[form])
  head[0] = (fin ? 0x80 : 0) | (rsv << 4) | opcode
  head[1] = (masked ? 0x80 : 0) | { 7: bytes.length, 16: 126, 64: 127 }[form]
  if (form === 16) head.writeUInt16BE(bytes.length, 2)
  if (form === 64) head.writeBigUInt64BE(BigInt(bytes.length), 2)
  // A mask of zeros leaves the payload as it is.
  return Buffer.concat(masked ? [head, Buffer.alloc(4), bytes] : [head, bytes])
}

function close(code?: number, reason: string | Uint8Array = ''): Buffer {
  if (code === undefined) return frame(CLOSE, reason)
  const head = Buffer.alloc(2)
  head.writeUInt16BE(code)
  return frame(CLOSE, Buffer.concat([head, Buffer.from(reason as string)]))
}

const cases: RfcCase[] = []

function add(name: string, writes: readonly Buffer[], expected: Partial<Expected> = {}): void {
  cases.push({ name, writes, expected: { messages: [], pongs: [], close: 1000, ...expected } })
}

/** The case is right: the server says goodbye after it. */
function right(name: string, writes: readonly Buffer[], expected: Partial<Expected> = {}): void {
  add(name, [...writes, close(1000)], expected)
}

/** The case is wrong: what was right before it is still delivered. */
function wrong(
  name: string,
  writes: readonly Buffer[],
  code: number,
  expected: Partial<Expected> = {},
): void {
  add(name, writes, { close: code, ...expected })
}

/** A byte a write. */
function octets(...frames: readonly Buffer[]): Buffer[] {
  return [...Buffer.concat(frames)].map((byte) => Buffer.of(byte))
}

function pieces(bytes: Buffer, size: number): Buffer[] {
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, n) =>
    bytes.subarray(n * size, (n + 1) * size),
  )
}

function hex(bytes: Uint8Array): string {
  return `0x${Buffer.from(bytes).toString('hex')}`
}

// 1. Framing: every form of the length, text and bytes.
for (const size of [0, 1, 125, 126, 127, 128, 65_535, 65_536]) {
  const text = '*'.repeat(size)
  const bytes = Buffer.alloc(size, 0xfe)
  right(`1.1 text of ${size}`, [frame(TEXT, text)], { messages: [text] })
  right(`1.2 bytes of ${size}`, [frame(BINARY, bytes)], { messages: [hex(bytes)] })
}
for (const size of [997, 1_300]) {
  const text = '*'.repeat(65_536)
  right(`1.1.8 text of 65536 in writes of ${size}`, pieces(frame(TEXT, text), size), { messages: [text] })
}
for (const length of [16, 64] as const) {
  right(`1.3 a length in ${length} bits that fits in 7`, [frame(TEXT, 'x', { length })], { messages: ['x'] })
}
wrong('1.4 a length of 2^63', [Buffer.from('827f8000000000000000', 'hex')], 1009)
wrong('1.4 a length beyond 2^53', [Buffer.from('827f0020000000000000', 'hex')], 1009)
wrong('1.5 a masked text of the server', [frame(TEXT, 'x', { masked: true })], 1002)
wrong('1.5 a masked ping of the server', [frame(PING, 'x', { masked: true })], 1002)

// 2. Pings and pongs.
right('2.1 a ping without payload', [frame(PING)], { pongs: ['0x'] })
right('2.2 a ping with text', [frame(PING, 'Hello, world!')], { pongs: [hex(Buffer.from('Hello, world!'))] })
right('2.3 a ping with bytes', [frame(PING, Buffer.from('00fffefdfcfb00ff', 'hex'))], {
  pongs: ['0x00fffefdfcfb00ff'],
})
right('2.4 a ping of 125 bytes', [frame(PING, Buffer.alloc(125, 0xfe))], {
  pongs: [hex(Buffer.alloc(125, 0xfe))],
})
wrong('2.5 a ping of 126 bytes', [frame(PING, Buffer.alloc(126, 0xfe))], 1002)
right('2.6 a ping of 125 bytes, a byte a write', octets(frame(PING, Buffer.alloc(125, 0xfe))), {
  pongs: [hex(Buffer.alloc(125, 0xfe))],
})
right('2.7 a pong that nobody asked for', [frame(PONG)])
right('2.8 a pong with a payload that nobody asked for', [frame(PONG, 'unsolicited')])
right('2.9 such a pong, then a ping', [frame(PONG, 'unsolicited'), frame(PING, 'p')], { pongs: ['0x70'] })
const ten = Array.from({ length: 10 }, (_, n) => `payload-${n}`)
const tenPongs = ten.map((text) => hex(Buffer.from(text)))
right(
  '2.10 ten pings',
  ten.map((text) => frame(PING, text)),
  { pongs: tenPongs },
)
right('2.11 ten pings, a byte a write', octets(...ten.map((text) => frame(PING, text))), { pongs: tenPongs })
wrong('2.12 a pong of 126 bytes', [frame(PONG, Buffer.alloc(126))], 1002)

// 3. Reserved bits.
for (let rsv = 1; rsv < 8; rsv++) {
  wrong(`3.1 text with reserved bits ${rsv}`, [frame(TEXT, 'x', { rsv })], 1002)
  wrong(
    `3.2 text, then text with reserved bits ${rsv}, then a ping`,
    [frame(TEXT, 'a'), frame(TEXT, 'b', { rsv }), frame(PING)],
    1002,
    { messages: ['a'] },
  )
  wrong(`3.3 bytes with reserved bits ${rsv}, a byte a write`, octets(frame(BINARY, 'x', { rsv })), 1002)
  wrong(`3.4 a ping with reserved bits ${rsv}`, [frame(PING, '', { rsv })], 1002)
  wrong(`3.5 a close with reserved bits ${rsv}`, [frame(CLOSE, '', { rsv })], 1002)
}

// 4. Opcodes that nothing is defined for.
for (const opcode of [3, 4, 5, 6, 7, 11, 12, 13, 14, 15]) {
  wrong(`4.1 opcode ${opcode} without payload`, [frame(opcode)], 1002)
  wrong(`4.2 opcode ${opcode} with payload`, [frame(opcode, 'reserved')], 1002)
  wrong(
    `4.3 text, then opcode ${opcode}, then a ping`,
    [frame(TEXT, 'a'), frame(opcode), frame(PING)],
    1002,
    { messages: ['a'] },
  )
}

// 5. Fragments.
const open = { fin: false }
wrong('5.1 a ping in two fragments', [frame(PING, 'a', open), frame(CONTINUATION, 'b')], 1002)
wrong('5.2 a pong in two fragments', [frame(PONG, 'a', open), frame(CONTINUATION, 'b')], 1002)
wrong('5.2 a close that says there is more', [frame(CLOSE, '', open)], 1002)
const two = [frame(TEXT, 'fragment1', open), frame(CONTINUATION, 'fragment2')] as const
right('5.3 text in two fragments', two, { messages: ['fragment1fragment2'] })
right('5.4 text in two fragments, in one write', [Buffer.concat(two)], { messages: ['fragment1fragment2'] })
right('5.5 text in two fragments, a byte a write', octets(...two), { messages: ['fragment1fragment2'] })
right('5.6 a ping between two fragments', [two[0], frame(PING, 'p'), two[1]], {
  messages: ['fragment1fragment2'],
  pongs: ['0x70'],
})
right('5.7 the same in one write', [Buffer.concat([two[0], frame(PING, 'p'), two[1]])], {
  messages: ['fragment1fragment2'],
  pongs: ['0x70'],
})
right('5.8 the same, a byte a write', octets(two[0], frame(PING, 'p'), two[1]), {
  messages: ['fragment1fragment2'],
  pongs: ['0x70'],
})
for (const fin of [true, false]) {
  wrong(
    `5.9 a continuation of nothing, last ${fin}`,
    [frame(CONTINUATION, 'x', { fin }), frame(TEXT, 'y')],
    1002,
  )
  wrong(
    `5.12 text in two fragments, then a continuation of nothing, last ${fin}`,
    [...two, frame(CONTINUATION, 'x', { fin })],
    1002,
    {
      messages: ['fragment1fragment2'],
    },
  )
}
wrong(
  '5.15 text in two fragments, a continuation, text',
  [...two, frame(CONTINUATION, 'c', open), frame(TEXT, 'd')],
  1002,
  {
    messages: ['fragment1fragment2'],
  },
)
wrong('5.18 text begins within text', [frame(TEXT, 'a', open), frame(TEXT, 'b')], 1002)
wrong('5.18 bytes begin within text', [frame(TEXT, 'a', open), frame(BINARY, 'b')], 1002)
const five = [
  frame(TEXT, '1', open),
  frame(CONTINUATION, '2', open),
  frame(PING, 'p1'),
  frame(CONTINUATION, '3', open),
  frame(CONTINUATION, '4', open),
  frame(PING, 'p2'),
  frame(CONTINUATION, '5'),
]
right('5.19 text in five fragments, two pings between', five, {
  messages: ['12345'],
  pongs: ['0x7031', '0x7032'],
})
right('5.20 the same, a byte a write', octets(...five), { messages: ['12345'], pongs: ['0x7031', '0x7032'] })
right(
  '5.21 fragments without payload',
  [frame(TEXT, '', open), frame(CONTINUATION, '', open), frame(CONTINUATION, '')],
  { messages: [''] },
)
right('5.22 bytes in fragments', [frame(BINARY, 'a', open), frame(CONTINUATION, 'b')], {
  messages: ['0x6162'],
})
right(
  '5.23 a thousand fragments',
  [
    frame(TEXT, '', open),
    ...Array.from({ length: 998 }, () => frame(CONTINUATION, 'x', open)),
    frame(CONTINUATION, 'x'),
  ],
  {
    messages: ['x'.repeat(999)],
  },
)
add('5.24 a close within a fragmented message', [frame(TEXT, 'a', open), close(1000)])

// 6. UTF-8.
const valid = [
  ['6.1 nothing', ''],
  ['6.2 Greek', 'κόσμε'],
  ['6.2 every width', 'Hello-µ@ßöäüàá-UTF-8!! 日本 😀'],
  ['6.5 the first of each width', '\u0000 \u0080 \u0800 \u{10000}'],
  ['6.7 the last of each width', '\u007f \u07ff \uffff \u{10ffff}'],
  ['6.11 around the surrogates', '\ud7ff \ue000 \ufffd'],
  ['6.22 what is no character', '\ufffe \uffff \u{1fffe} \u{1ffff} \u{10fffe}'],
  ['6.23 a mark of the order of bytes', '\ufeffx'],
] as const
for (const [name, text] of valid) {
  const bytes = Buffer.from(text)
  right(`${name}, whole`, [frame(TEXT, text)], { messages: [text] })
  right(`${name}, a byte a write`, octets(frame(TEXT, text)), { messages: [text] })
  const parts = [...bytes].map((byte, n) => frame(n === 0 ? TEXT : CONTINUATION, Buffer.of(byte), open))
  const fragments = parts.length === 0 ? [frame(TEXT, '', open)] : parts
  right(`${name}, a byte a fragment`, [...fragments, frame(CONTINUATION)], { messages: [text] })
}
const invalid = [
  ['6.3 a surrogate', 'cebae1bdb9cf83cebcceb5eda080656469746564'],
  ['6.6 the beginning of three bytes', 'cebae1'],
  ['6.6 the beginning of four bytes', 'f09f98'],
  ['6.10 beyond U+10FFFF', 'f4908080'],
  ['6.10 five bytes', 'f888808080'],
  ['6.10 six bytes', 'fc8480808080'],
  ['6.12 a continuation alone', '80'],
  ['6.12 another', 'bf'],
  ['6.13 all continuations', Array.from({ length: 64 }, (_, n) => (0x80 + n).toString(16)).join('')],
  ['6.14 a beginning of two, and a space', 'c020c120'],
  ['6.14 a beginning of three, and a space', 'e020'],
  ['6.14 a beginning of four, and a space', 'f020'],
  ['6.15 a last byte missing of two', 'c3'],
  ['6.17 bytes that never occur: fe', 'fe'],
  ['6.17 bytes that never occur: ff', 'ff'],
  ['6.18 an overlong slash of two bytes', 'c0af'],
  ['6.18 an overlong slash of three', 'e080af'],
  ['6.18 an overlong slash of four', 'f08080af'],
  ['6.19 the longest overlong of two', 'c1bf'],
  ['6.19 the longest overlong of three', 'e09fbf'],
  ['6.19 the longest overlong of four', 'f08fbfbf'],
  ['6.20 an overlong null', 'c080'],
  ['6.21 the first surrogate', 'eda080'],
  ['6.21 the last surrogate', 'edbfbf'],
  ['6.21 a pair of surrogates', 'eda080edb080'],
] as const
for (const [name, bytes] of invalid) {
  const payload = Buffer.from(bytes, 'hex')
  wrong(`${name}, whole`, [frame(TEXT, payload)], 1007)
  wrong(
    `${name}, in two fragments`,
    [frame(TEXT, payload.subarray(0, 1), open), frame(CONTINUATION, payload.subarray(1))],
    1007,
  )
  right(`${name}, as bytes`, [frame(BINARY, payload)], { messages: [hex(payload)] })
}

// 7. The end.
add('7.1 a close without a code', [close()], { close: 1005 })
add('7.1 text after a close', [frame(TEXT, 'a'), close(1000), frame(TEXT, 'late')], { messages: ['a'] })
add('7.1 a ping after a close', [close(1000), frame(PING, 'late')])
add('7.1 two closes', [close(1000), close(1001)])
wrong('7.3 a close of one byte', [frame(CLOSE, 'x')], 1002)
add('7.3 a close with a reason', [close(1000, 'Hello World!')])
add('7.3 a close with the longest reason', [close(1000, '*'.repeat(123))])
wrong('7.3 a close with a reason that is too long', [close(1000, '*'.repeat(124))], 1002)
wrong('7.5 a close whose reason is no UTF-8', [close(1000, Buffer.from('cebaeda080', 'hex'))], 1007)
for (const code of [
  1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999,
]) {
  add(`7.7 a close with ${code}`, [close(code)], { close: code })
}
for (const code of [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535]) {
  wrong(`7.9 a close with ${code}`, [close(code)], 1002)
}

// 9. Size.
for (const size of [65_536, 262_144, 1_048_576, 4_194_304]) {
  const text = '*'.repeat(size)
  right(`9.1 text of ${size}`, [frame(TEXT, text)], { messages: [text] })
  right(
    `9.3 text of ${size} in fragments of 4096`,
    [
      ...pieces(Buffer.from(text), 4_096).map((part, n) => frame(n === 0 ? TEXT : CONTINUATION, part, open)),
      frame(CONTINUATION),
    ],
    { messages: [text] },
  )
  right(`9.5 text of ${size} in writes of 16384`, pieces(frame(TEXT, text), 16_384), { messages: [text] })
}

/** All of RFC 6455. */
export const rfcCases: readonly RfcCase[] = cases.splice(0)

// 12 and 13. permessage-deflate (RFC 7692), agreed on without parameters.

/** What one side compresses, message after message, in one window. */
function compressor(options: ZlibOptions = {}): (text: string | Uint8Array) => Buffer {
  const window: Buffer[] = []
  return (text) => {
    // Deflating all there was before gives the same bytes, and the window with them.
    const before = deflated(window, options)
    window.push(Buffer.from(text as string))
    return deflated(window, options).subarray(before.length, -4)
  }
}

function deflated(parts: readonly Buffer[], options: ZlibOptions): Buffer {
  if (parts.length === 0) return Buffer.alloc(0)
  const out: Buffer[] = []
  // A dictionary stands for the window: what was sent is not sent again.
  for (const [n, part] of parts.entries()) {
    const dictionary = Buffer.concat(parts.slice(0, n)).subarray(-32_768)
    const own = dictionary.length === 0 ? options : { ...options, dictionary }
    out.push(deflateRawSync(part, { ...own, finishFlush: constants.Z_SYNC_FLUSH }))
  }
  return Buffer.concat(out)
}

const once = (text: string | Uint8Array, options: ZlibOptions = {}) => compressor(options)(text)
const packed = { rsv: 4 }

for (const size of [0, 1, 16, 125, 126, 1_024, 65_536, 131_072]) {
  const text = '{"price":"1.5"}'.repeat(Math.ceil(size / 15)).slice(0, size)
  right(`12.1 compressed text of ${size}`, [frame(TEXT, once(text), packed)], { messages: [text] })
  right(`12.2 compressed bytes of ${size}`, [frame(BINARY, once(text), packed)], {
    messages: [hex(Buffer.from(text))],
  })
}
for (const level of [0, 1, 9]) {
  right(`12.3 level ${level}`, [frame(TEXT, once('abcabcabc', { level }), packed)], {
    messages: ['abcabcabc'],
  })
}
for (const strategy of [constants.Z_FIXED, constants.Z_HUFFMAN_ONLY, constants.Z_RLE]) {
  right(`12.4 strategy ${strategy}`, [frame(TEXT, once('abcabcabc', { strategy }), packed)], {
    messages: ['abcabcabc'],
  })
}
{
  const compress = compressor()
  const texts = ['the same words', 'the same words', 'the same words again']
  right(
    '13.1 a window that is kept from message to message',
    texts.map((text) => frame(TEXT, compress(text), packed)),
    { messages: texts },
  )
  right(
    '13.2 messages that need no window',
    texts.map((text) => frame(TEXT, once(text), packed)),
    { messages: texts },
  )
  const [first = Buffer.alloc(0), second = Buffer.alloc(0)] = texts.map(compressor())
  right(
    '13.3 one that is not compressed between two that are',
    [frame(TEXT, first, packed), frame(TEXT, 'plain'), frame(TEXT, second, packed)],
    {
      messages: ['the same words', 'plain', 'the same words'],
    },
  )
}
{
  const bytes = once('compressed in fragments')
  const fragments = [...bytes].map((byte, n) =>
    frame(n === 0 ? TEXT : CONTINUATION, Buffer.of(byte), { fin: false, rsv: n === 0 ? 4 : 0 }),
  )
  right(
    '13.4 a byte a fragment, a ping between',
    [...fragments.slice(0, 3), frame(PING, 'p'), ...fragments.slice(3), frame(CONTINUATION)],
    {
      messages: ['compressed in fragments'],
      pongs: ['0x70'],
    },
  )
  right('13.5 a byte a write', octets(frame(TEXT, bytes, packed)), { messages: ['compressed in fragments'] })
  wrong(
    '13.6 the mark on a continuation',
    [frame(TEXT, bytes, { fin: false, rsv: 4 }), frame(CONTINUATION, '', { rsv: 4 })],
    1002,
  )
  wrong('13.6 the mark on a ping', [frame(PING, 'x', packed)], 1002)
  wrong('13.6 another bit beside the mark', [frame(TEXT, bytes, { rsv: 6 })], 1002)
  wrong('13.7 bytes that are no deflate', [frame(TEXT, 'ffffffff', packed)], 1007)
  wrong(
    '13.8 text that is no UTF-8 when it is unpacked',
    [frame(TEXT, once(Buffer.from('eda080', 'hex')), packed)],
    1007,
  )
  right('13.9 the empty message of one byte', [frame(TEXT, Buffer.of(0), packed)], { messages: [''] })
}

/** All of RFC 7692. */
export const deflateCases: readonly RfcCase[] = cases.splice(0)
