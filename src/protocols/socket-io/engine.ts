import type { Micros } from '../../../schemas/events.js'
import { DecodeError, NetworkError } from '../../errors.js'
import type { CodecSink } from '../codec.js'
import type { Deadlines } from '../deadlines.js'
import { isRecord, type JsonReader, misfit, readJson, wholeNumber } from '../json-text.js'
import { Silence } from '../silence.js'

/** What an engine tells the protocol above it. */
interface Upper {
  opened(): void
  /** A message; bytes are borrowed. */
  message(data: string | Uint8Array): void
}

/** The byte before each binary message of engine 3. */
const MESSAGE_BYTE = 4

/** Engine.IO over a WebSocket: the opening, pings and messages. */
export class Engine {
  readonly #version: 3 | 4
  readonly #read: JsonReader
  readonly #sink: Pick<CodecSink<never>, 'send' | 'close'>
  readonly #deadlines: Deadlines
  readonly #silence: Silence
  readonly #upper: Upper
  #isOpen = false

  constructor(
    version: 3 | 4,
    read: JsonReader,
    sink: Pick<CodecSink<never>, 'send' | 'close'>,
    deadlines: Deadlines,
    upper: Upper,
  ) {
    this.#version = version
    this.#read = read
    this.#sink = sink
    this.#deadlines = deadlines
    this.#silence = new Silence(deadlines, 'engine silence')
    this.#upper = upper
  }

  send(message: string): void {
    this.#sink.send(`4${message}`)
  }

  sendBytes(bytes: Uint8Array): void {
    if (this.#version === 4) {
      this.#sink.send(bytes)
      return
    }
    const framed = new Uint8Array(bytes.length + 1)
    framed[0] = MESSAGE_BYTE
    framed.set(bytes, 1)
    this.#sink.send(framed)
  }

  closed(): void {
    this.#isOpen = false
    this.#silence.stop()
    this.#deadlines.clear('engine ping')
  }

  /** @throws {DecodeError}. */
  frame(data: string | Uint8Array, at: Micros): void {
    this.#silence.heard(at)
    if (typeof data !== 'string') {
      if (!this.#isOpen) throw misfit('bytes before the engine is open', '')
      if (this.#version === 3 && data[0] !== MESSAGE_BYTE)
        throw misfit('bytes that are no message of the engine', '')
      this.#upper.message(this.#version === 3 ? data.subarray(1) : data)
      return
    }
    const body = data.slice(1)
    switch (data[0]) {
      case '0':
        this.#open(body, at)
        break
      case '1':
        this.#sink.close({ code: 1000, reason: '', retry: 'backoff', planned: true })
        break
      case '2':
        this.#sink.send(`3${body}`)
        break
      case '4':
        if (!this.#isOpen) throw misfit('a message before the engine is open', data)
        this.#upper.message(body)
        break
      case '3':
      case '5':
      case '6':
        break
      default:
        throw new DecodeError('unknown_message', 'not a packet of Engine.IO', { path: [], head: data })
    }
  }

  #open(body: string, at: Micros): void {
    const value = readJson(this.#read, body)
    const sid: unknown = isRecord(value) ? value['sid'] : null
    if (!isRecord(value) || typeof sid !== 'string') throw misfit('an opening without a sid', body, ['sid'])
    if (this.#isOpen) return
    this.#isOpen = true
    const intervalMs = atLeast(1, wholeNumber(value['pingInterval']) ?? 25_000)
    const timeoutMs = atLeast(1, wholeNumber(value['pingTimeout']) ?? 20_000)
    this.#silence.start(at, intervalMs + timeoutMs, () => {
      const error = new NetworkError(
        'connection_silent',
        `the server sent nothing for ${intervalMs + timeoutMs} ms`,
      )
      this.#sink.close({ code: 1000, reason: 'ping timeout', retry: 'backoff', error })
    })
    if (this.#version === 3) this.#ping(at, intervalMs)
    this.#upper.opened()
  }

  /** Of engine 3, where the client pings. */
  #ping(at: Micros, intervalMs: number): void {
    this.#deadlines.set('engine ping', at, intervalMs, (now) => {
      this.#sink.send('2')
      this.#ping(now, intervalMs)
    })
  }
}

function atLeast(least: number, value: number): number {
  return Math.max(least, value)
}
