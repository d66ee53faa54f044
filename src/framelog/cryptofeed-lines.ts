import type { Micros } from '../../schemas/events.js'
import { type FrameRecord, readHeaders } from './frame-record.js'
import { readPythonBytes } from './python-bytes.js'

/** `1617643607.334008`: seconds since the epoch as Python prints a float. */
const TIME = String.raw`\d{9,10}(?:\.\d+)?`

const RECEIVED = new RegExp(`^(${TIME}): (.*)$`, 's')
/** `wss://... <- 1617643607.334008: {...}`, and the same with the time first. */
const MARKED = new RegExp(
  String.raw`^(?:(\S+) (<->|<-|->) (${TIME})|(${TIME}) (<->|<-|->) (\S+?))(?:: (.*))?$`,
  's',
)
const HEADER_MARK = ' header: '

/** Whether a file that begins with this line is a raw capture of cryptofeed. */
export function isCryptofeedLine(line: string): boolean {
  return RECEIVED.test(line) || MARKED.test(line) || line.startsWith('configuration: ')
}

/**
 * Reads the raw captures of cryptofeed, one file a connection:
 *
 *     wss://api.bitfinex.com/ws/2 <-> 1617643606.805714                   the socket was opened
 *     wss://api.bitfinex.com/ws/2 <- 1617643607.334008: {"event":"conf"}  a frame sent
 *     1617643607.512345: {"event":"info","version":2}                     a frame received; bytes as b'\x1f...'
 *     https://api.x.com/v1/symbols -> 1617643606.1: [...] header: {...}   an answer over HTTP
 *
 * A line with `<-` and an http URL (a POST) and a `configuration:` line say nothing of the market and are passed over. A
 * socket that is opened a second time in one file was lost before: a `close` record is put in, since cryptofeed writes none.
 */
export function cryptofeedReader(): (line: string) => FrameRecord[] {
  let open = false
  return (line) => {
    const text = line.endsWith('\r') ? line.slice(0, -1) : line
    const received = RECEIVED.exec(text)
    if (received !== null) {
      return [{ dir: 'in', t: micros(received[1]), conn: 0, data: frame(received[2] ?? '') }]
    }
    if (text === '' || text.startsWith('configuration: ')) return []
    const marked = MARKED.exec(text)
    if (marked === null) throw new Error('the line is none that cryptofeed writes')
    const url = marked[1] ?? marked[6] ?? ''
    const mark = marked[2] ?? marked[5]
    const t = micros(marked[3] ?? marked[4])
    const data = marked[7] ?? ''
    const http = /^https?:/.test(url)
    if (mark === '->') return [{ dir: 'rest', t, url, status: 200, ...answer(data) }]
    if (http) return []
    if (mark === '<-') return [{ dir: 'out', t, conn: 0, data: asText(data) }]
    const opened: FrameRecord[] = [{ dir: 'open', t, conn: 0, url }]
    if (open) opened.unshift({ dir: 'close', t, conn: 0, reason: 'the recorder opened the socket again' })
    open = true
    return opened
  }
}

/** Exact to the microsecond: a float of this size has seven digits after the point, so the text is rounded, not the number. */
function micros(seconds = ''): Micros {
  const [whole = '', fraction = ''] = seconds.split('.')
  const digits = fraction.padEnd(7, '0')
  return Number(whole) * 1_000_000 + Number(digits.slice(0, 6)) + (digits.charCodeAt(6) >= 53 ? 1 : 0)
}

function frame(data: string): string | Uint8Array {
  return readPythonBytes(data) ?? data
}

function asText(data: string): string {
  const bytes = readPythonBytes(data)
  return bytes === null ? data : new TextDecoder().decode(bytes)
}

function answer(data: string): { readonly body: string; readonly headers: Record<string, string> } {
  const mark = data.lastIndexOf(HEADER_MARK)
  const headers = data.slice(mark + HEADER_MARK.length)
  if (mark === -1 || !headers.startsWith('{')) return { body: asText(data), headers: {} }
  return { body: asText(data.slice(0, mark)), headers: readHeaders(headers) }
}
