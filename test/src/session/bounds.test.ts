import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { deflateRawSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { bitfinex } from '../../../connectors/bitfinex/index.js'
import { bitmex } from '../../../connectors/bitmex/index.js'
import { bittrex } from '../../../connectors/bittrex/index.js'
import { blockchain } from '../../../connectors/blockchain/index.js'
import { cex } from '../../../connectors/cex/index.js'
import { huobi } from '../../../connectors/huobi/index.js'
import type { Level } from '../../../schemas/events.js'
import type { Connector } from '../../../src/connector.js'
import { readLossless } from '../../../src/decode/lossless.js'
import { bookHolding, type Numbered, SnapshotJoin } from '../../../src/venue/snapshot-join.js'
import { T0, Talk } from '../../connectors/bitfinex/talk.js'
import { harness } from '../../support/harness.js'

/** What a venue says of one trade with an id of so many digits, to a recorded client. */
const trades: readonly (readonly [venue: string, connector: Connector, frames: (id: string) => string[]])[] =
  [
    [
      'bitfinex',
      bitfinex(),
      (id) => [
        '{"event":"subscribed","channel":"trades","chanId":1,"symbol":"tBTCUSD","pair":"BTCUSD"}',
        `[1,"te",[${id},1767225600000,1,10]]`,
      ],
    ],
    [
      'bitmex',
      bitmex({ url: 'ws://127.0.0.1:1' }),
      (id) => [
        '{"success":true,"subscribe":"trade:XBTUSD"}',
        `{"table":"trade","action":"insert","data":[{"timestamp":"2026-01-01T00:00:00.000Z","symbol":"XBTUSD","side":"Buy","size":1,"price":1,"trdMatchID":"${id}"}]}`,
      ],
    ],
    [
      'huobi',
      huobi(),
      (id) => [
        `{"ch":"market.btcusdt.trade.detail","ts":1,"tick":{"id":9,"ts":1,"data":[{"id":91,"ts":1,"tradeId":${id},"amount":0.5,"price":1,"direction":"sell"}]}}`,
      ],
    ],
    [
      'cex',
      cex(),
      (id) => [
        `{"e":"tradeUpdate","data":{"pair":"BTC-USD","dateISO":"2023-03-07T01:22:25.734Z","tradeId":"${id}-0","side":"BUY","price":"1","amount":"1"},"ok":"ok"}`,
      ],
    ],
    [
      'bittrex',
      bittrex({ url: 'ws://127.0.0.1:1' }),
      (id) => {
        const delta = {
          id,
          executedAt: '2021-06-13T22:38:11.08Z',
          quantity: '1',
          rate: '1',
          takerSide: 'BUY',
        }
        const body = JSON.stringify({ deltas: [delta], sequence: 1, marketSymbol: 'BTC-USD' })
        const packed = deflateRawSync(body).toString('base64')
        return [JSON.stringify({ C: 'd-1', M: [{ H: 'C3', M: 'trade', A: [packed] }] })]
      },
    ],
    [
      'blockchain',
      blockchain(),
      (id) => [
        `{"seqnum":0,"event":"updated","channel":"trades","symbol":"BTC-USD","timestamp":"2019-08-13T11:30:06.100140Z","side":"sell","qty":1,"price":1,"trade_id":"${id}"}`,
      ],
    ],
  ]

describe.each(trades)('an id of %s', (_venue, connector, frames) => {
  test.each([
    [21, ['trade'], []],
    [257, [], ['schema_mismatch']],
    [900_023, [], ['schema_mismatch']],
  ])('of %i characters', (length, types, malformed) => {
    const run = harness(connector, { adopt: true })
    run.session.opened({ url: '', negotiated: null, attempt: 1 }, T0)
    for (const frame of frames('9'.repeat(length))) run.session.frame(frame, T0)
    expect(run.events.map(({ type }) => type).filter((type) => type === 'trade')).toEqual(types)
    expect(run.of('malformed').map(({ reason }) => reason)).toEqual(malformed)
    for (const { head, path } of run.of('malformed')) expect(head.length + path.length).toBeLessThan(400)
  })
})

describe('a book beyond all bounds', () => {
  const rows = (count: number, digits = 1) =>
    Array.from({ length: count }, (_, at) => `[${1_000_000 + at},1,${'1'.repeat(digits)}]`).join(',')

  test.each([
    ['of levels', () => rows(100_001)],
    ['of characters', () => rows(40_000, 900)],
  ])('%s is a gap, said, and is asked for again after a while', (_what, sent) => {
    const talk = new Talk().greet().subscribe('tBTCUSD', 'book').ack(5).data(5, '[[10,1,1]]')
    talk.sent()
    talk.data(5, `[${sent()}]`)
    expect(talk.of('book_snapshot')).toHaveLength(1)
    expect(talk.of('gap')).toMatchObject([{ reason: 'overflow', state: 'open' }])
    expect(talk.of('connection')).toMatchObject([
      { state: 'refused', reason: expect.stringContaining('more than 100000 levels') },
    ])
    expect(talk.harness.memory.record('tBTCUSD', 'book').book.count('bids')).toBe(0)
    talk.wait(29_000)
    expect(talk.harness.resubscribes).toEqual([])
    talk.wait(2_000).resubscribe()
    expect(talk.sent()).toMatchObject([{ event: 'unsubscribe' }])
  })
})

test('acks of channels that nobody asked for are not remembered without end', () => {
  const talk = new Talk({}, { adopt: true })
  for (let chanId = 1; chanId <= 1_100; chanId++) {
    talk.say(`{"event":"subscribed","channel":"trades","chanId":${chanId},"symbol":"tX${chanId}:USD"}`)
  }
  expect(talk.of('malformed')).toHaveLength(100)
})

interface Change extends Numbered {
  readonly bids: Level[]
  readonly asks: Level[]
}

test('changes that wait for a snapshot are bounded in levels, and keep no frame', () => {
  setFlagsFromString('--expose-gc')
  const collect: () => void = runInNewContext('gc')
  const waiting = () =>
    new SnapshotJoin<Change>({ by: 'n', scope: 'stream', across: 'same', step: 'prev' }, bookHolding)
  const change = (at: number, bids: Level[]): Change => ({
    sequence: BigInt(at),
    previous: BigInt(at - 1),
    bids,
    asks: [],
  })
  const join = waiting()
  const level = ['12345678901234567.89', '0.1234567890123456'] as const
  const frame = (at: number) =>
    readLossless(
      Buffer.from(`{"l":["${level[0]}","${level[1]}"],"x":"${'x'.repeat(1_000_000)}","n":${at}}`).toString(
        'latin1',
      ),
    ) as { l: [string, string] }
  collect()
  const before = process.memoryUsage().heapUsed
  for (let at = 1; at <= 300; at++) {
    join.offer(change(at, [frame(at).l]))
  }
  collect()
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(30_000_000)
  const many = waiting()
  const bids = Array.from({ length: 1_000 }, (_, at): [string, string] => [`${at}`, '1'])
  for (let at = 1; at <= 500; at++) {
    many.offer(change(at, bids))
  }
  const kept = many.join(450n)
  expect(kept.kind === 'joined' ? kept.following.length : 0).toBe(50)
  const older = waiting()
  for (let at = 1; at <= 500; at++) {
    older.offer(change(at, bids))
  }
  expect(older.join(300n).kind).toBe('older')
})
