import { writeFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { identifyLog, overlapOf } from '../../../src/framelog/index.js'
import { cleanUp, tempLog } from './temp-log.js'

cleanUp()

const line = (at: number, clock = true) =>
  JSON.stringify({ t: clock ? at : null, dir: 'in', conn: 0, data: clock ? `{"n":${at}}` : '{"hb":1}' })
const log = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, at) => line(from + at)).join('\n')

async function identity(text: string, pack = false) {
  const path = tempLog('')
  writeFileSync(path, pack ? gzipSync(text) : text)
  return identifyLog(path)
}

describe('the identity of a frame log', () => {
  test('is that of its text: packing, line ends and empty lines do not count', async () => {
    const plain = await identity(`${log(0, 50)}\n`)
    const packed = await identity(`${log(0, 50).replaceAll('\n', '\r\n\r\n')}`, true)
    expect(packed).toEqual(plain)
    expect(plain.lines).toBe(50)
    expect(overlapOf(plain, packed)).toBe('same')
  })

  test.each([
    ['a beginning', 0, 2_000],
    ['an end', 18_000, 20_000],
    ['a stretch that begins before it and ends in it', -10_000, 3_000],
  ])('shows that %s of a long log is a part of it', async (_, from, to) => {
    const whole = await identity(log(0, 20_000))
    expect(whole.marks).toHaveLength(512)
    const part = await identity(log(from, to))
    expect(overlapOf(part, whole)).toBe('part')
    expect(overlapOf(whole, part)).toBe('part')
  })

  test('shows that the next stretch of the same recording is another log', async () => {
    expect(overlapOf(await identity(log(0, 5_000)), await identity(log(5_000, 10_000)))).toBeNull()
  })

  test('is not misled by what logs have in common: openings, and frames without a time', async () => {
    const open = '{"t":1,"dir":"open","conn":0,"url":"wss://a.example"}'
    const beats = Array.from({ length: 40 }, () => line(0, false)).join('\n')
    const one = await identity(`${open}\n${beats}\n${log(0, 30)}`)
    const other = await identity(`${open}\n${beats}\n${log(100, 130)}`)
    expect(overlapOf(one, other)).toBeNull()
  })
})
