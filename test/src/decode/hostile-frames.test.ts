import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { bitmex } from '../../../connectors/bitmex/index.js'
import { huobi } from '../../../connectors/huobi/index.js'
import { checker } from '../../../src/decode/index.js'
import { MAX_VALUES, readLossless } from '../../../src/decode/lossless.js'
import { DecodeError } from '../../../src/errors.js'
import { nodeTools } from '../../../src/socket/tools.js'
import { harness } from '../../support/harness.js'

/** Generous, for a slow machine: what is bounded takes a tenth of it, and what was not took minutes. */
const SOON_MS = 5_000

function thrown(run: () => unknown): unknown {
  try {
    run()
  } catch (error) {
    return error
  }
  return null
}

/** Time of the processor, which other processes do not lengthen. */
function processorMs(run: () => void): number {
  const from = process.cpuUsage()
  run()
  const { user, system } = process.cpuUsage(from)
  return (user + system) / 1000
}

describe('the reader of frames', () => {
  it('reads as many values as any venue sends, and refuses more before it has read them', () => {
    expect(readLossless(`[${'0,'.repeat(MAX_VALUES - 1)}0]`)).toHaveLength(MAX_VALUES)
    for (const text of [
      `[${'0,'.repeat(4_000_000)}0]`,
      `[${'{},'.repeat(2_600_000)}{}]`,
      `{${'"a":0,'.repeat(1_300_000)}"a":0}`,
    ]) {
      expect(
        processorMs(() => expect(thrown(() => readLossless(text))).toMatchObject({ code: 'oversize' })),
      ).toBeLessThan(SOON_MS)
    }
    expect(readLossless('[1]')).toEqual(['1'])
  })
})

describe('the check of frames', () => {
  it('stops at the first fault: sixty thousand wrong rows cost little more than as many right ones', () => {
    const rows = z.object({
      data: z.array(z.object({ price: z.string(), size: z.string(), side: z.literal('Buy') })),
    })
    const check = checker(rows)
    const right = { data: Array.from({ length: 60_000 }, () => ({ price: '1', size: '1', side: 'Buy' })) }
    const wrong = { data: Array.from({ length: 60_000 }, () => ({ price: 1, size: null, side: 'Sell' })) }
    const once = processorMs(() => check(right, ''))
    const error = thrown(() => check(wrong, ''))
    expect(error).toBeInstanceOf(DecodeError)
    expect(error).toMatchObject({ code: 'schema_mismatch', path: ['data', 0, 'price'] })
    const fastest = Math.min(
      ...Array.from({ length: 5 }, () => processorMs(() => thrown(() => check(wrong, '')))),
    )
    // All faults of them took 60 times as long as the rows that fit.
    expect(fastest).toBeLessThan(Math.max(once * 5, 50))
  })
})

describe('a session', () => {
  it.each([
    [
      'huobi',
      huobi({ symbols: ['btcusdt'] }),
      gzipSync(
        `{"ch":"market.btcusdt.trade.detail","ts":1,"tick":{"id":1,"ts":1,"data":[${'{},'.repeat(2_600_000)}{}]}}`,
      ),
    ],
    [
      'bitmex',
      bitmex({ symbols: ['XBTUSD'], url: 'ws://127.0.0.1:1/' }),
      JSON.stringify({
        table: 'instrument',
        action: 'update',
        data: Array.from({ length: 60_000 }, () => ({ symbol: 'XBTUSD', lastPrice: true })),
      }),
    ],
    [
      'bitmex',
      bitmex({ symbols: ['XBTUSD'], url: 'ws://127.0.0.1:1/' }),
      JSON.stringify({
        table: 'trade',
        action: 'insert',
        data: Array.from({ length: 60_000 }, () => ({ size: 'x' })),
      }),
    ],
  ])('of %s tells of a hostile frame, and soon', (_venue, connector, frame) => {
    const { session, of } = harness(connector)
    session.opened({ url: 'ws://127.0.0.1:1/', negotiated: null, attempt: 1 }, 1)
    expect(processorMs(() => session.frame(frame, 2))).toBeLessThan(SOON_MS)
    expect(of('malformed')).toHaveLength(1)
    expect(of('malformed')[0]?.head.length).toBeLessThanOrEqual(200)
  })
})

describe('unpacking', () => {
  it('stops at the bound of the venue, and never exceeds that of the platform', () => {
    const tools = nodeTools(1_000)
    const packed = gzipSync('x'.repeat(900))
    expect(tools.gunzip(packed)).toHaveLength(900)
    expect(thrown(() => tools.gunzip(packed, 500))).toMatchObject({ code: 'oversize' })
    expect(thrown(() => tools.gunzip(gzipSync('x'.repeat(1_001)), 5_000))).toMatchObject({ code: 'oversize' })
  })
})
