import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import type { NewRow } from '../../recorder/tape-writer.js'
import { WaitingRows } from '../../recorder/waiting-rows.js'

function row(frame: number, bytes: number): NewRow {
  const stream = { id: 1, venue: 'toy', symbol: null, instrument: null, channel: null, key: '' }
  const times = { exchangeTime: null, receiveTime: null, n: null, offset: null, emitted: null }
  return { stream, type: 1, body: String(frame), bytes, datum: true, landmark: null, ...times }
}

it('batches of waiting events end between two frames, however they are taken and written', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 6 }),
      fc.array(fc.record({ rows: fc.integer({ min: 1, max: 5 }), writes: fc.integer({ min: 0, max: 3 }) })),
      (batchEvents, frames) => {
        const waiting = new WaitingRows()
        const written: string[][] = []
        const write = () => {
          const count = waiting.batch(waiting.beforeFrame)
          written.push(waiting.rows.slice(0, count).map(({ body }) => body))
          waiting.dropFirst(count)
        }
        for (const [frame, { rows, writes }] of frames.entries()) {
          waiting.beginFrame(batchEvents)
          for (let each = 0; each < rows; each++) waiting.add(row(frame, rows))
          for (let each = 0; each < writes; each++) write()
          expect(waiting.bytes).toBe(waiting.rows.reduce((sum, { bytes }) => sum + bytes, 0))
          expect(waiting.length).toBe(waiting.rows.length)
        }
        while (waiting.beforeFrame > 0) write()
        const seen = new Set<string>()
        for (const batch of written) {
          for (const frame of batch) expect(seen.has(frame), `frame ${frame} is in two batches`).toBe(false)
          for (const frame of batch) seen.add(frame)
          const [last] = batch.slice(-1)
          const before = batch.filter((frame) => frame !== last).length
          expect(before, 'events before the last frame of a batch').toBeLessThan(batchEvents)
        }
      },
    ),
  )
})

it('nothing is left of what was cleared', () => {
  const waiting = new WaitingRows()
  for (let frame = 0; frame < 5; frame++) {
    waiting.beginFrame(1)
    waiting.add(row(frame, 10))
  }
  waiting.clear()
  expect([waiting.length, waiting.bytes, waiting.beforeFrame, waiting.batch(7)]).toEqual([0, 0, 0, 7])
})
