import type { Micros } from '../../schemas/events.js'
import type { FrameRecord } from './frame-record.js'

/** `2019-05-01T00:00:00.0131050Z`: 100 ns. */
const TIME = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z /

/** Whether a file that begins with this line is one of Tardis' raw feeds. */
export function isTardisLine(line: string): boolean {
  return TIME.test(line)
}

/**
 * Reads the raw feeds of Tardis:
 *
 *     2019-05-01T00:00:00.0131050Z {"table":"trade","action":"insert","data":[...]}
 *
 * An empty line is a disconnect. There is no line for an opened socket, none for a frame sent, and no URL: the venue must be
 * named. Digits beyond the microsecond are cut.
 */
export function tardisReader(): (line: string) => FrameRecord[] {
  let connected = false
  let second = ''
  let secondMicros = 0
  let last: Micros | null = null

  return (line) => {
    if (line === '' || line === '\r') {
      if (!connected) return []
      connected = false
      return [{ dir: 'close', t: last, conn: 0, reason: 'the recorder was disconnected' }]
    }
    const match = TIME.exec(line)
    if (match === null)
      throw new Error('the line does not begin with a time such as 2019-05-01T00:00:00.0131050Z')
    const [head, upTo = '', fraction = ''] = match
    if (upTo !== second) {
      second = upTo
      secondMicros = Date.parse(`${upTo}Z`) * 1000
      if (Number.isNaN(secondMicros)) throw new Error(`${upTo}Z is no time`)
    }
    connected = true
    last = secondMicros + Number(fraction.slice(0, 6).padEnd(6, '0'))
    const end = line.endsWith('\r') ? line.length - 1 : line.length
    return [{ dir: 'in', t: last, conn: 0, data: line.slice(head.length, end) }]
  }
}
