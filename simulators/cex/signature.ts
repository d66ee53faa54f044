/**
 * HMAC-SHA-256 (RFC 2104 over FIPS 180-4), for the simulator alone: it has to judge a login, and unlike a session it is handed
 * no tools by the platform. The client's side signs with the platform's own.
 */
export function hmacSha256(secret: string, message: string): string {
  const encoder = new TextEncoder()
  const given = encoder.encode(secret)
  const key = new Uint8Array(64)
  key.set(given.length > 64 ? sha256(given) : given)
  const inner = sha256(joined(xored(key, 0x36), encoder.encode(message)))
  return hex(sha256(joined(xored(key, 0x5c), inner)))
}

/** The first 32 bits of the fractions of roots of the first primes: square roots to begin with, cube roots for the rounds. */
const PRIMES = firstPrimes(64)
const ROUNDS = PRIMES.map((prime) => fraction(Math.cbrt(prime)))
const BEGINNING = PRIMES.slice(0, 8).map((prime) => fraction(Math.sqrt(prime)))

function sha256(message: Uint8Array): Uint8Array {
  const blocks = Math.ceil((message.length + 9) / 64)
  const padded = new Uint8Array(blocks * 64)
  padded.set(message)
  padded[message.length] = 0x80
  const view = new DataView(padded.buffer)
  view.setUint32(padded.length - 4, message.length * 8)
  const state = new Uint32Array(BEGINNING)
  for (let block = 0; block < blocks; block++) compress(state, view, block * 64)
  const digest = new DataView(new ArrayBuffer(32))
  for (const [at, word] of state.entries()) digest.setUint32(at * 4, word)
  return new Uint8Array(digest.buffer)
}

function compress(state: Uint32Array, view: DataView, offset: number): void {
  const schedule = new Uint32Array(64)
  for (let at = 0; at < 16; at++) schedule[at] = view.getUint32(offset + at * 4)
  for (let at = 16; at < 64; at++) {
    const near = schedule[at - 2] ?? 0
    const far = schedule[at - 15] ?? 0
    const low = rotated(far, 7) ^ rotated(far, 18) ^ (far >>> 3)
    const high = rotated(near, 17) ^ rotated(near, 19) ^ (near >>> 10)
    schedule[at] = (schedule[at - 16] ?? 0) + low + (schedule[at - 7] ?? 0) + high
  }
  let [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = state
  for (const [at, word] of schedule.entries()) {
    const choice = (e & f) ^ (~e & g)
    const first = h + (rotated(e, 6) ^ rotated(e, 11) ^ rotated(e, 25)) + choice + (ROUNDS[at] ?? 0) + word
    const majority = (a & b) ^ (a & c) ^ (b & c)
    const second = (rotated(a, 2) ^ rotated(a, 13) ^ rotated(a, 22)) + majority
    h = g
    g = f
    f = e
    e = (d + first) >>> 0
    d = c
    c = b
    b = a
    a = (first + second) >>> 0
  }
  for (const [at, word] of [a, b, c, d, e, f, g, h].entries()) state[at] = (state[at] ?? 0) + word
}

function rotated(word: number, by: number): number {
  return (word >>> by) | (word << (32 - by))
}

function fraction(root: number): number {
  return Math.floor((root % 1) * 2 ** 32)
}

function firstPrimes(count: number): number[] {
  const primes: number[] = []
  for (let next = 2; primes.length < count; next++) {
    if (primes.every((prime) => next % prime !== 0)) primes.push(next)
  }
  return primes
}

function xored(key: Uint8Array, by: number): Uint8Array {
  return key.map((byte) => byte ^ by)
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const whole = new Uint8Array(a.length + b.length)
  whole.set(a)
  whole.set(b, a.length)
  return whole
}

function hex(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('')
}
