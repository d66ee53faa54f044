import { DecodeError } from '../../errors.js'

/** An event of the stream. */
export interface SseEvent {
  /** `message` where the server names none. */
  readonly event: string
  readonly data: string
  /** The last id that the server has told. */
  readonly id: string
}

const BYTE_ORDER_MARK = 0xfeff
const CR = 13
const LF = 10

/** Reads an event stream, in chunks of any size, as the HTML standard says. */
export class EventParser {
  readonly #mostCharacters: number
  #decoder = new TextDecoder('utf-8', { ignoreBOM: true })
  #isFirst = true
  /** The last chunk ended in CR: a LF that begins the next one belongs to it. */
  #afterCr = false
  #line = ''
  #data: string[] = []
  #size = 0
  #event = ''
  #id: string
  #lastId: string
  /** What the server said of the wait before the next connection. Milliseconds. */
  retryMs: number | null = null

  /** @param lastId of an earlier connection. */
  constructor(mostCharacters: number, lastId = '') {
    this.#mostCharacters = mostCharacters
    this.#id = lastId
    this.#lastId = lastId
  }

  /** The id of the last event, for the next connection. */
  get lastId(): string {
    return this.#lastId
  }

  /** A connection begins: what an earlier one left unfinished is dropped. */
  restart(): void {
    this.#decoder = new TextDecoder('utf-8', { ignoreBOM: true })
    this.#isFirst = true
    this.#afterCr = false
    this.#line = ''
    this.#id = this.#lastId
    this.#reset()
  }

  /**
   * The events that a chunk completes, and whether it brought anything at all.
   *
   * @throws {DecodeError} `oversize`, after which the parser must be restarted.
   */
  *push(chunk: Uint8Array): Generator<SseEvent> {
    let text = this.#decoder.decode(chunk, { stream: true })
    if (text === '') return
    if (this.#isFirst && text.charCodeAt(0) === BYTE_ORDER_MARK) text = text.slice(1)
    this.#isFirst = false
    let from = 0
    if (this.#afterCr && text.charCodeAt(0) === LF) from = 1
    if (text !== '') this.#afterCr = false
    for (let at = from; at < text.length; at++) {
      const code = text.charCodeAt(at)
      if (code !== CR && code !== LF) continue
      const event = this.#end(this.#line + text.slice(from, at))
      this.#line = ''
      if (code === CR) {
        if (at + 1 === text.length) this.#afterCr = true
        else if (text.charCodeAt(at + 1) === LF) at++
      }
      from = at + 1
      if (event !== null) yield event
    }
    this.#line += text.slice(from)
    this.#check(this.#line.length)
  }

  #end(line: string): SseEvent | null {
    if (line === '') return this.#dispatch()
    if (line.startsWith(':')) return null
    const colon = line.indexOf(':')
    const field = colon === -1 ? line : line.slice(0, colon)
    let value = colon === -1 ? '' : line.slice(colon + 1)
    if (value.startsWith(' ')) value = value.slice(1)
    if (field === 'data') {
      this.#data.push(value)
      this.#size += value.length + 1
      this.#check(0)
    } else if (field === 'event') this.#event = value
    else if (field === 'id' && !value.includes('\0')) this.#id = value
    else if (field === 'retry' && /^\d{1,9}$/.test(value)) this.retryMs = Number(value)
    return null
  }

  #dispatch(): SseEvent | null {
    this.#lastId = this.#id
    const { length } = this.#data
    const event = { event: this.#event || 'message', data: this.#data.join('\n'), id: this.#lastId }
    this.#reset()
    return length === 0 ? null : event
  }

  #reset(): void {
    this.#data = []
    this.#size = 0
    this.#event = ''
  }

  #check(more: number): void {
    if (this.#size + more <= this.#mostCharacters) return
    throw new DecodeError('oversize', `an event of more than ${this.#mostCharacters} characters`, {
      path: [],
      head: '',
    })
  }
}
